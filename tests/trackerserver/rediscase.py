"""What the tests of the Redis store have in common: servers, stores, announces, the log."""

from collections.abc import Awaitable
from random import Random
from typing import Any

from twisted.internet import reactor
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from tests.interop.case import InteropCase
from tests.trackerserver.redisserver import RedisServer
from txtorrent.trackerserver.interfaces import Reason, Refused
from txtorrent.trackerserver.redisaddress import RedisAddress
from txtorrent.trackerserver.redisstore import RedisStore
from txtorrent.wire.announce import Event
from txtorrent.wire.received import ReceivedAnnounce, Selection

HASH = bytes(range(20))
LIFETIME = 1000
"""Seconds: longer than any test."""


def host4(number: int) -> bytes:
    return b"\x0a\x00" + number.to_bytes(2, "big")


def host6(number: int) -> bytes:
    return b"\x20\x01" + bytes(12) + number.to_bytes(2, "big")


def announce(
    number: int,
    *,
    host: bytes | None = None,
    left: int = 1,
    event: Event = Event.NONE,
    numwant: int = 50,
    info_hash: bytes = HASH,
    key: bytes = b"keys",
    port: int = 6881,
) -> ReceivedAnnounce:
    """One of peer `number`, a leecher at an IPv4 address unless it is said otherwise."""
    return ReceivedAnnounce(
        info_hash=info_hash, peer_id=peer_id(number), host=host or host4(number), port=port,
        uploaded=0, downloaded=0, left=left, event=event, key=key, numwant=numwant,
    )  # fmt: skip


def peer_id(number: int) -> bytes:
    return b"-TT0000-%012d" % number


def numbers(selection: Selection) -> set[int]:
    """The peers given, by the last bytes of their addresses; none is given twice."""
    found = [
        int.from_bytes(peers[at - 4 : at - 2], "big")
        for peers, size in ((selection.peers4, 6), (selection.peers6, 18))
        for at in range(size, len(peers) + 1, size)
    ]
    assert len(found) == len(set(found)), found
    return set(found)


class RedisCase(InteropCase):
    """A test with servers and stores, which end with it."""

    def setUp(self) -> None:
        super().setUp()
        self.need(RedisServer)
        self.log: list[tuple[str, str]] = []
        globalLogPublisher.addObserver(self._observe)
        self.addCleanup(globalLogPublisher.removeObserver, self._observe)

    async def server(self, *options: str) -> RedisServer:
        """A server that listens."""
        server = RedisServer(self, *options)
        await server.start()
        return server

    async def store(self, address: RedisAddress) -> RedisStore:
        """A store that has tried to connect."""
        store = self.unstarted(address)
        await store.start()
        return store

    def unstarted(self, address: RedisAddress) -> RedisStore:
        store = RedisStore(reactor, address, Random(1))
        self.addCleanup(store.stop)
        return store

    async def announced(self, store: RedisStore, *announces: ReceivedAnnounce) -> Selection:
        """Announce all, one after the other; what the last was told."""
        for each in announces:
            told = await store.announce(each, LIFETIME, False)
        return told

    async def refused(self, call: Any, *args: Any) -> Refused:
        """Call for something that is refused, at once or later."""
        try:
            result = call(*args)
            if isinstance(result, Awaitable):
                result = await result
        except Refused as error:
            self.assertIs(error.reason, Reason.STORE)
            self.assertGreater(error.retry_in, 0)
            return error
        raise AssertionError(f"not refused: {result!r}")

    async def until_announced(self, store: RedisStore, each: ReceivedAnnounce) -> Selection:
        """Announce until it is not refused any more."""
        told: list[Selection] = []

        async def works() -> bool:
            try:
                told.append(await store.announce(each, LIFETIME, False))
            except Refused:
                return False
            return True

        await self.until("announces work", works)
        return told[0]

    def _observe(self, event: dict[str, Any]) -> None:
        if event.get("log_namespace", "").startswith("txtorrent.trackerserver.redis"):
            level = event["log_level"]
            self.log.append(("warn" if level > LogLevel.info else "info", formatEvent(event)))
