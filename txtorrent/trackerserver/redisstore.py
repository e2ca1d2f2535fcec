"""Swarms kept in a Redis, which several trackers can share.

Each announce is one script that Redis runs as one step (`redisscripts`), over one of few
connections (`redislink`). While Redis is lost, is full, or does not answer, requests end with
`Refused`.

Redis 6.2 or later, or Valkey. It should keep `maxmemory-policy noeviction`: one that evicts tears
swarms apart. It need not write anything to disk, since all peers announce again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txtorrent.trackerserver.interfaces import Reason, Refused, Totals
from txtorrent.trackerserver.redisaddress import RedisAddress
from txtorrent.trackerserver.rediscensus import Census
from txtorrent.trackerserver.redishealth import RedisHealth
from txtorrent.trackerserver.redisreplies import ErrorReply, Lost
from txtorrent.trackerserver.redisscripts import (
    announce_command,
    count_command,
    read_counts,
    read_selection,
    swarm_key,
)
from txtorrent.wire.announce import ScrapeResult
from txtorrent.wire.received import ReceivedAnnounce, Selection

if TYPE_CHECKING:
    from txtorrent.trackerserver.redisprotocol import RedisConnection

RETRY_IN: Final = 60.0
"""Seconds after which a client may ask again: a restart is over by then."""
_CANNOT: Final = "the tracker cannot reach its store at the moment"
_WILL_NOT: Final = "the tracker's store takes no announces at the moment"
_BUSY: Final = "the tracker has too much to do at the moment"

_T = TypeVar("_T")


class RedisStore:
    """A `Store` in the database of a Redis that others may share.

    `reactor` provides IReactorTCP, IReactorTime and names; `random` need not be unguessable.
    """

    def __init__(self, reactor: Any, address: RedisAddress, random: Random) -> None:
        # Not at the top: the library that it imports installs a reactor if there is none yet.
        from txtorrent.trackerserver.redislink import RedisLinks

        self._random = random
        self._stopping = False
        self._health = RedisHealth(reactor, address)
        self._links = RedisLinks(reactor, address, random, self._health)
        self._census = Census(reactor, partial(self._links.pick, 0))

    async def start(self) -> None:
        """Connect. Done after the first try, which takes a few seconds at the most; if it fails
        there will be others."""
        await self._links.start()
        if not self._stopping:
            self._census.start()

    async def stop(self) -> None:
        """Give what is under way the few seconds that it may take, and close everything."""
        self._stopping = True
        await self._census.stop()
        await self._links.stop()
        self._health.stop()

    def announce(
        self, announce: ReceivedAnnounce, lifetime: int, with_ids: bool
    ) -> Deferred[Selection]:
        """As `Store` says; all but what waits for Redis is refused at once.

        At most `redisscripts.MOST_WANTED` peers are given, kept for `MAX_LIFETIME` at the most. An
        announce that is refused because no reply came may have been taken note of.
        """
        connection = self._connection(announce.info_hash[0])
        chance = self._random.getrandbits(32)
        command = announce_command(announce, lifetime, with_ids, chance)
        return self._ask(connection, command, read_selection)

    def scrape(self, info_hashes: Sequence[bytes]) -> Deferred[dict[bytes, ScrapeResult]]:
        """As `Store` says; known is what has peers, or had one that completed it."""
        connection = self._connection(0)
        command = count_command([swarm_key(each) for each in info_hashes])

        def named(reply: bytes) -> dict[bytes, ScrapeResult]:
            found = zip(info_hashes, read_counts(reply), strict=True)
            return {info_hash: each for info_hash, each in found if each != _UNKNOWN}

        return self._ask(connection, command, named)

    @property
    def is_up(self) -> bool:
        """Whether there is a connection."""
        return self._links.pick(0) is not None

    def totals(self) -> Totals:
        """What was there when it was last counted, also while Redis is lost.

        Each store counts the whole Redis in small steps, which take a quarter of an hour for a
        million swarms, and begins again 30 seconds later: the numbers are as old as that. Until the
        first count is through they are what was counted so far. A swarm that comes or goes
        meanwhile may be in them or not, and some count twice while Redis rebuilds its table of
        keys.
        """
        return self._census.totals

    def _connection(self, number: int) -> RedisConnection:
        connection = self._links.pick(number)
        if connection is None:
            raise Refused(Reason.STORE, _CANNOT, RETRY_IN)
        if connection.is_full:
            raise Refused(Reason.STORE, _BUSY, RETRY_IN)
        return connection

    def _ask(
        self, connection: RedisConnection, command: bytes, read: Callable[[Any], _T]
    ) -> Deferred[_T]:
        failed = partial(self._failed, connection, command, read)
        return connection.ask(command).addCallback(read).addErrback(failed)

    def _failed(
        self,
        connection: RedisConnection,
        command: bytes,
        read: Callable[[Any], Any] | None,
        failure: Failure,
    ) -> Any:
        """Ask once more for what only lacked its script, or refuse. `read` is None at the end."""
        error = failure.value
        if isinstance(error, Lost):
            raise Refused(Reason.STORE, _CANNOT, RETRY_IN)
        if isinstance(error, ValueError):
            connection.end(f"what speaks there is not Redis: {error}")
            raise Refused(Reason.STORE, _CANNOT, RETRY_IN)
        if not isinstance(error, ErrorReply):
            return failure
        if error.code == "NOSCRIPT" and read is not None:
            connection.reload()
            last = partial(self._failed, connection, command, None)
            return connection.ask(command).addCallback(read).addErrback(last)
        self._health.refused(error.code, str(error))
        raise Refused(Reason.STORE, _WILL_NOT, RETRY_IN)


_UNKNOWN: Final = ScrapeResult(0, 0, 0)
