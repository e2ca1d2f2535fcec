"""Real clients seed to us, and we to them: every kind of torrent, every way to find a peer."""

from collections.abc import Awaitable, Callable
from typing import Final

from tests.interop import samples
from tests.interop.case import InteropCase
from tests.interop.clients import Aria2, Client, Libtorrent, Transmission, Txtorrent
from tests.interop.opentracker import Opentracker
from tests.interop.samples import Sample

CLIENTS: Final = (Libtorrent, Aria2, Transmission)
WAYS: Final = ("peer", "http", "udp")
"""By `--peer`, and through opentracker. Over UDP it is they who dial, if they ever do."""


class TransferTests(InteropCase):
    """One torrent, one direction, one way of finding each other; content is compared by hash."""

    async def transfer(self, client: type[Client], kind: str, way: str, ours: bool) -> None:
        """Move one torrent; `ours` tells that we are the seed."""
        self.need(client, *([] if way == "peer" else [Opentracker]))
        await self._prepare(kind, way)
        us, them = Txtorrent(self), client(self)
        seed, leech = (us, them) if ours else (them, us)
        source = self.sample.write(self.folder("source"))
        target = self.folder("target")

        async def begin(each: Client, peers: tuple[str, ...] = ()) -> None:
            if each is seed:
                await seed.seed(self.sample, source, peers)
            else:
                await leech.leech(self.sample, target, peers)

        if way == "udp" and them.dials_loopback:
            await begin(us)
            await self._tracker_knows(1)
            await begin(them)
        else:
            await begin(them)
            await self._tracker_knows(1)
            await begin(us, (them.address,) if way == "peer" else ())
        await self.until(f"{leech.name} has all", leech.is_complete)
        await self.until_same(self.sample, leech, target)
        await us.stop()
        await them.stop()

    async def until_same(self, sample: Sample, leech: Client, target: str) -> None:
        """Wait while a client writes what it cached, then compare."""
        empty = leech.makes_empty_files
        try:
            await self.until("content", lambda: not sample.differences(target, empty), limit=10)
        finally:
            self.assertEqual([], sample.differences(target, empty))

    async def _prepare(self, kind: str, way: str) -> None:
        self.tracker = None if way == "peer" else Opentracker(self)
        url = getattr(self.tracker, way, "")
        self.sample = samples.make(self.work, kind, url)
        if self.tracker is not None:
            await self.tracker.start([self.sample.metainfo.info_hash])

    async def _tracker_knows(self, count: int) -> None:
        tracker, info_hash = self.tracker, self.sample.metainfo.info_hash
        if tracker is not None:

            async def knows() -> bool:
                return await tracker.peers_of(info_hash) >= count

            await self.until(f"the tracker knows {count} peers", knows)


def _test(
    client: type[Client], kind: str, way: str, ours: bool
) -> Callable[[TransferTests], Awaitable[None]]:
    async def test(self: TransferTests) -> None:
        await self.transfer(client, kind, way, ours)

    return test


for _row, _client in enumerate(CLIENTS):
    for _column, _kind in enumerate(samples.KINDS):
        _way = WAYS[(_row + _column) % len(WAYS)]
        for _ours in (False, True):
            _direction = "to" if _ours else "from"
            _name = f"test_{_kind}_{_direction}_{_client.name}_by_{_way}"
            setattr(TransferTests, _name, _test(_client, _kind, _way, _ours))
