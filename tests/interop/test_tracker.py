"""Our own tracker with real clients, who have nothing else to find each other by."""

from collections.abc import Sequence
from typing import Final

from twisted.internet.defer import Deferred, gatherResults

from tests.interop import samples
from tests.interop.case import InteropCase
from tests.interop.clients import Aria2, Client, Libtorrent, Transmission, Txtorrent
from tests.interop.samples import Sample
from tests.interop.tracker import PlainTracker, Tracker
from tests.interop.trackerclient import Visitor
from txtorrent.wire.announce import ScrapeResult

CLIENTS: Final = (Transmission, Libtorrent, Aria2, Txtorrent)
"""In the order in which they begin: who comes later is told of who is there, and dials them.
transmission never dials 127.0.0.0/8, so it is there first."""
OF_UDP6: Final = (Libtorrent, Txtorrent)
"""Those that ask UDP trackers over IPv6."""


class Swarm:
    """One torrent that one client seeds and all others download, tracked over `way`."""

    def __init__(
        self,
        case: InteropCase,
        tracker: Tracker,
        way: str,
        seed: type[Client],
        all_of_them: Sequence[type[Client]],
    ) -> None:
        self._case = case
        self._tracker = tracker
        self._name = f"{seed.name} by {way}"
        self._seed = seed
        self._kinds = all_of_them
        self._sample = samples.small(case.work, self._name, tracker.url(way))
        self._visitor = Visitor.of(case)

    async def run(self) -> None:
        """From the first announce to the last."""
        targets = await self._begin()
        for client, target in targets.items():
            await self._case.until(f"{self._name}: {client.name} has all", client.is_complete)
            await until_same(self._case, self._sample, target)
        completed = len(targets)
        await self._until(len(self._kinds), 0, completed)
        for left, client in reversed(list(enumerate(self._clients))):
            await client.leave()
            await self._until(left, 0, completed)

    async def _begin(self) -> dict[Client, str]:
        """All clients, and where those put it that download."""
        self._clients: list[Client] = []
        targets: dict[Client, str] = {}
        has_seed = 0
        for kind in self._kinds:
            client = kind(self._case)
            self._clients.append(client)
            if kind is self._seed:
                has_seed = 1
                await client.seed(self._sample, self._sample.write(self._case.folder("source")))
            else:
                targets[client] = self._case.folder("target")
                await client.leech(self._sample, targets[client])
            await self._until_known(len(self._clients), has_seed)
        return targets

    async def _until_known(self, peers: int, seeds: int) -> None:
        async def is_known() -> bool:
            found = await self._scrape("http")
            return found.seeders + found.leechers == peers and found.seeders >= seeds

        await self._case.until(f"{self._name}: the tracker knows {peers}", is_known)

    async def _until(self, *counts: int) -> None:
        """Wait until a scrape says so, both ways."""

        async def says() -> bool:
            return all(
                [await self._scrape(way) == ScrapeResult(*counts) for way in ("http", "udp")]
            )

        await self._case.until(f"{self._name}: a scrape says {counts}", says)

    async def _scrape(self, way: str) -> ScrapeResult:
        return await self._visitor.scrape(self._tracker.url(way), self._sample.metainfo.info_hash)


async def until_same(case: InteropCase, sample: Sample, target: str) -> None:
    """Wait while a client writes what it cached, then compare."""
    try:
        await case.until("content", lambda: not sample.differences(target), limit=10)
    finally:
        case.assertEqual([], sample.differences(target))


class SwarmTests(InteropCase):
    """Swarms, all at once, in each of which another client seeds and all others download; and at
    every moment a scrape says how many there are."""

    async def share(self, kinds: dict[str, Sequence[type[Client]]]) -> None:
        """Have them all, over `http` and `udp`."""
        tracker = Tracker(self)
        await tracker.start()
        swarms = [
            Swarm(self, tracker, way, seed, clients)
            for way, clients in kinds.items()
            for seed in clients
        ]
        await gatherResults([Deferred.fromCoroutine(swarm.run()) for swarm in swarms])
        await tracker.stop()

    async def test_ipv4(self) -> None:
        self.need(*CLIENTS)
        await self.share({"http": CLIENTS, "udp": CLIENTS})

    async def test_ipv6(self) -> None:
        self.need(*CLIENTS)
        self.enter_network(ipv6=True)
        await self.share({"http": CLIENTS, "udp": OF_UDP6})


class ScrapeTests(InteropCase):
    """What clients are told of a swarm."""

    async def test_libtorrent_scrapes(self) -> None:
        self.need(Libtorrent)
        tracker = Tracker(self)
        await tracker.start()
        for way in ("http", "udp"):
            sample = samples.small(self.work, way, tracker.url(way))
            await Visitor.of(self).announce(tracker.url(way), sample.metainfo.info_hash)
            # It asks a tracker at 127.0.0.0/8 for nothing but /announce, unless it is told to.
            client = Libtorrent(self, ssrf_mitigation=False)
            await client.seed(sample, sample.write(self.folder("source")))
            await client.until_said("tracker_reply_alert")
            client.scrape()
            await client.until_said(r"scrape_reply_alert .*scrape reply: 1 1\n")
        await tracker.stop()

    async def test_counted_once_over_both_families(self) -> None:
        """A client that announces at 127.0.0.1 and at ::1 is one, and is given to both families."""
        self.need(Libtorrent)
        tracker = PlainTracker(self, "tracker.toml", "port = {port}\n")
        await tracker.start()
        for way in ("http", "udp"):
            urls = tracker.url(way), tracker.url(way).replace("127.0.0.1", "[::1]")
            sample = samples.small(self.work, way, [[url] for url in urls])
            info_hash = sample.metainfo.info_hash
            client = Libtorrent(self, announce_to_all_tiers=True, announce_to_all_trackers=True)
            client.also_at("::1")
            await client.seed(sample, sample.write(self.folder("source")))
            await client.until_said(r"(?s)tracker_reply_alert.*tracker_reply_alert")
            visitors = Visitor.of(self), Visitor("::1", b"-TX0000-abcdefghijkl")
            for visitor, url in zip(visitors, urls, strict=True):
                self.assertEqual(ScrapeResult(1, 0, 0), await visitor.scrape(url, info_hash))
            for visitor, url, host in zip(visitors, urls, (client.host, "::1"), strict=True):
                told = await visitor.announce(url, info_hash)
                self.assertIn((host, client.port), told.peers)
            await client.leave()
            for visitor, url in zip(visitors, urls, strict=True):
                await self._until_seedless(visitor, url, info_hash)
        await tracker.stop()

    async def _until_seedless(self, visitor: Visitor, url: str, info_hash: bytes) -> None:
        async def is_gone() -> bool:
            return (await visitor.scrape(url, info_hash)).seeders == 0

        await self.until("it is gone", is_gone)
