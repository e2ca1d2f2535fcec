"""Our own client of trackers with our own tracker: what the one says the other does."""

from random import Random, SystemRandom
from typing import Final

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers

from tests.interop.case import InteropCase
from tests.interop.tracker import Tracker
from tests.interop.trackerclient import Visitor
from tests.tracker.owner import Owner
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.announcing import Announcing
from txtorrent.tracker.clients import Trackers
from txtorrent.tracker.http import HttpTrackers
from txtorrent.tracker.interfaces import Totals
from txtorrent.wire.announce import Event, ScrapeResult, TrackerUrl
from txtorrent.wire.httptracker import scrape_target

INTERVAL: Final = 300
MIN_INTERVAL: Final = 120
PACE: Final = f"interval = {INTERVAL}\nmin_interval = {MIN_INTERVAL}\n"
HASH: Final = b"1" * 20


class ClientTests(InteropCase):
    """One tracker, and ourselves."""

    async def begin(self, settings: str = "") -> Tracker:
        """Have the tracker."""
        tracker = Tracker(self, settings)
        await tracker.start()
        return tracker

    async def test_min_interval(self) -> None:
        """A user who wants peers now has to wait for it, and for no longer."""
        tracker = await self.begin(PACE)
        trackers, clock = Trackers(reactor, SystemRandom(), self.next_address()), Clock()
        owner = Owner(Totals(uploaded=0, downloaded=0, left=1, corrupt=0))
        shared = Announcing(trackers, clock, Random(1), b"-TX0000-abcdefghijkl", 6881)
        announcer = Announcer(shared, HASH, [[tracker.http]], owner, trusted=True)
        visitor = Visitor.of(self)

        async def announces() -> int:
            page = (await visitor.get(tracker.http.replace("/announce", "/metrics"))).decode()
            rows = [row for row in page.splitlines() if "_announces_total{" in row]
            return sum(int(float(row.split()[-1])) for row in rows)

        async def until_announced(count: int) -> None:
            await self.until(f"{count} answers came", lambda: len(owner.numbers) == count)
            self.assertEqual(count, await announces())

        announcer.start()
        clock.advance(0)
        await until_announced(1)
        announcer.soon()
        clock.advance(MIN_INTERVAL - 1)
        self.assertEqual(1, await announces())
        clock.advance(1)
        await until_announced(2)
        clock.advance(INTERVAL - 1)
        self.assertEqual(2, await announces())
        clock.pump([1.0] * (INTERVAL // 4))  # both draw what comes on top, 15 % together
        await until_announced(3)
        stopped = announcer.stop()
        await self.until("it said that it stops", lambda: bool(stopped.called))
        self.assertEqual(ScrapeResult(0, 0, 0), await visitor.scrape(tracker.udp, HASH))
        await trackers.stop()
        await tracker.stop()

    async def test_trackerid(self) -> None:
        """A client without a key is known again by it, at whatever address it is."""
        tracker = await self.begin()
        visitors = [Visitor.of(self) for _ in range(3)]
        keyless = evolve(visitors[0].request(HASH, left=0), key=0)
        here, there, third = (HttpTrackers(reactor, visitor.host) for visitor in visitors)
        first = await here.announce(tracker.http, keyless, trusted=True)
        self.assertIsNotNone(first.tracker_id)
        known = evolve(keyless, event=Event.NONE, tracker_id=first.tracker_id)
        self.assertIsNone((await there.announce(tracker.http, known, trusted=True)).tracker_id)
        self.assertEqual(ScrapeResult(1, 0, 0), await visitors[0].scrape(tracker.http, HASH))
        stranger = evolve(keyless, event=Event.STOPPED)
        await third.announce(tracker.http, stranger, trusted=True)
        self.assertEqual(ScrapeResult(1, 0, 0), await visitors[0].scrape(tracker.http, HASH))
        await third.announce(tracker.http, evolve(known, event=Event.STOPPED), trusted=True)
        self.assertEqual(ScrapeResult(0, 0, 0), await visitors[0].scrape(tracker.http, HASH))
        for each in (here, there, third):
            await each.stop()
        await tracker.stop()

    async def test_scrape_of_many_is_compressed(self) -> None:
        tracker, visitor = await self.begin(), Visitor.of(self)
        hashes = [bytes((number,)) * 20 for number in range(64)]
        for number, info_hash in enumerate(hashes):
            await visitor.announce(tracker.udp, info_hash, left=number % 2)
        client = HttpTrackers(reactor, visitor.host)
        found = await client.scrape(tracker.http, hashes, trusted=True)
        expected = (ScrapeResult(1, 0, 0), ScrapeResult(0, 1, 0))
        self.assertEqual({each: expected[n % 2] for n, each in enumerate(hashes)}, found)
        parts = TrackerUrl.parse(tracker.http)
        agent = Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False))
        response = await agent.request(
            b"GET",
            (parts.origin + scrape_target(parts, hashes)).encode(),
            Headers({"Accept-Encoding": ["gzip"]}),
        )
        self.assertEqual(["gzip"], response.headers.getRawHeaders("content-encoding"))
        self.assertLess(response.length, len(await visitor.get(_scrape(tracker, hashes))))
        await client.stop()
        await tracker.stop()


def _scrape(tracker: Tracker, hashes: list[bytes]) -> str:
    parts = TrackerUrl.parse(tracker.http)
    return parts.origin + scrape_target(parts, hashes)
