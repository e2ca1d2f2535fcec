"""Two of our trackers with one Redis: what one is told the other knows, whoever fails."""

from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults

from tests.interop import samples
from tests.interop.case import InteropCase
from tests.interop.clients import Libtorrent, Txtorrent
from tests.interop.test_tracker import until_same
from tests.interop.tracker import Tracker
from tests.interop.trackerclient import Visitor
from tests.trackerserver.redisserver import RedisServer
from txtorrent.wire.announce import Event, ScrapeResult, TrackerError

WAYS: Final = ("http", "udp")
LOAD: Final = 8
"""Peers that announce all the time, each when its last announce was answered."""
CANNOT: Final = "the tracker cannot reach its store"


class Load:
    """Peers that announce one torrent at one tracker, over and over; who is refused goes on."""

    def __init__(self, case: InteropCase, tracker: Tracker, info_hash: bytes) -> None:
        self._tracker = tracker
        self._info_hash = info_hash
        self._visitors = [Visitor.of(case) for _ in range(LOAD)]
        self._is_over = False
        self.answered = 0
        self.failed = 0

    def begin(self) -> None:
        """Go on until `end`."""
        running = [Deferred.fromCoroutine(self._announce(each)) for each in self._visitors]
        self._running = gatherResults(running, consumeErrors=True)

    async def end(self) -> None:
        """Wait for what is under way."""
        self._is_over = True
        await self._running

    async def _announce(self, visitor: Visitor) -> None:
        while not self._is_over:
            try:
                await visitor.announce(self._tracker.http, self._info_hash, event=Event.NONE)
            except Exception:  # whatever a connection can end with
                self.failed += 1
                return
            self.answered += 1


class TwoTrackersTests(InteropCase):
    """Swarms are those of the Redis, not of a tracker."""

    async def begin(self) -> None:
        """Have two trackers and their Redis."""
        self.need(RedisServer)
        self.redis = RedisServer(self)
        await self.redis.start()
        store = f"redis://{self.redis.host}:{self.redis.port}/0"
        self.one, self.other = (Tracker(self, "", "--store", store) for _ in range(2))
        await gatherResults(
            [Deferred.fromCoroutine(each.start()) for each in (self.one, self.other)]
        )

    async def answer(self, tracker: Tracker, visitor: Visitor) -> dict[bytes, Any]:
        """What a tracker says to an announce over HTTP."""
        return await visitor.announced(tracker.http, b"1" * 20)

    async def test_transfer(self) -> None:
        self.need(Libtorrent)
        await self.begin()
        for way, leech in (("http", Txtorrent), ("udp", Libtorrent)):
            ours, theirs = (
                samples.small(self.folder("torrent"), way, tracker.url(way))
                for tracker in (self.one, self.other)
            )
            seed, client, target = Libtorrent(self), leech(self), self.folder("target")
            await seed.seed(ours, ours.write(self.folder("source")))
            await seed.until_said("tracker_reply_alert")
            await client.leech(theirs, target)
            await self.until(f"{client.name} has all", client.is_complete)
            await until_same(self, theirs, target)
            info_hash = ours.metainfo.info_hash
            await self.until_scraped(self.one, info_hash, ScrapeResult(2, 0, 1))
            await client.leave()
            await self.until_scraped(self.one, info_hash, ScrapeResult(1, 0, 1))
        await self.one.stop()
        await self.other.stop()

    async def until_scraped(
        self, tracker: Tracker, info_hash: bytes, expected: ScrapeResult
    ) -> None:
        """Wait until a tracker says so, over UDP and over HTTP."""
        visitor = Visitor.of(self)

        async def says() -> bool:
            found = [await visitor.scrape(tracker.url(way), info_hash) for way in WAYS]
            return found == [expected, expected]

        await self.until(f"a scrape says {expected}", says)

    async def test_one_tracker_is_killed(self) -> None:
        """In the middle of announces; the other one answers on, and knows whom it was told of."""
        await self.begin()
        info_hash = b"1" * 20
        loads = [Load(self, each, info_hash) for each in (self.one, self.other)]
        for load in loads:
            load.begin()
        await self.until("both have much to do", lambda: all(x.answered > 50 for x in loads))
        await self.one.kill()
        before = loads[1].answered
        await self.until("the other goes on", lambda: loads[1].answered > before + 50)
        for load in loads:
            await load.end()
        self.assertEqual((LOAD, 0), (loads[0].failed, loads[1].failed))
        visitor = Visitor.of(self)
        expected = ScrapeResult(0, 2 * LOAD, 0)
        for way in WAYS:
            self.assertEqual(expected, await visitor.scrape(self.other.url(way), info_hash))
        await self.one.start()
        self.assertEqual(expected, await visitor.scrape(self.one.http, info_hash))
        await self.one.stop()
        await self.other.stop()

    async def test_redis_is_away(self) -> None:
        """Clients are told when to come again; both trackers go on by themselves when it is back,
        and know nobody that is not there."""
        await self.begin()
        trackers, visitor, gone = (self.one, self.other), Visitor.of(self), Visitor.of(self)
        await self.answer(self.one, gone)
        await self.redis.stop("KILL")
        for tracker in trackers:
            answer = await self.answer(tracker, visitor)
            self.assertEqual({b"failure reason", b"retry in"}, set(answer))
            self.assertIn(CANNOT, answer[b"failure reason"].decode())
            self.assertEqual(1, answer[b"retry in"])
            self.assertIn(CANNOT, await visitor.refusal(tracker.udp, b"1" * 20))
            with self.assertRaises(TrackerError):
                await visitor.scrape(tracker.http, b"1" * 20)
        await self.redis.start()
        for tracker in trackers:
            await self.until("it is reached again", lambda t=tracker: self.is_served(t, visitor))
        for tracker in trackers:
            for way in WAYS:
                scraped = await visitor.scrape(tracker.url(way), b"1" * 20)
                self.assertEqual(ScrapeResult(0, 1, 0), scraped)
        for tracker in trackers:
            self.assertIn("cannot be used, announces are refused", tracker.program.output)
            await tracker.stop()

    async def is_served(self, tracker: Tracker, visitor: Visitor) -> bool:
        """Whether an announce is answered, not refused."""
        return b"failure reason" not in await self.answer(tracker, visitor)
