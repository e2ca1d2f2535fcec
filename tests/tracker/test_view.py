"""Trackers as users see them, and what they are told of trouble."""

import math

from twisted.internet.defer import Deferred

from tests.tracker.announcercase import EPOCH, PEER, AnnouncerCase
from tests.tracker.trackers import INFO_HASH
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.errors import TimedOutError
from txtorrent.tracker.interfaces import Totals
from txtorrent.tracker.view import Trouble, scrape_url
from txtorrent.wire.announce import AnnounceResponse, ScrapeResult, TrackerError

NEVER = {
    "download_count": -1,
    "downloader_count": -1,
    "seeder_count": -1,
    "leecher_count": -1,
    "has_announced": False,
    "last_announce_time": 0,
    "last_announce_start_time": 0,
    "last_announce_succeeded": False,
    "last_announce_timed_out": False,
    "last_announce_result": "",
    "last_announce_peer_count": 0,
    "scrape_state": 0,
    "has_scraped": False,
    "last_scrape_time": 0,
    "last_scrape_start_time": 0,
    "last_scrape_succeeded": False,
    "last_scrape_timed_out": False,
    "last_scrape_result": "",
    "next_scrape_time": 0,
}


class ViewTests(AnnouncerCase):
    def setUp(self) -> None:
        super().setUp()
        self.clock.advance(1000)

    def look(self, place: int = 0, **expected) -> None:
        """The tracker at this place of the list looks like that."""
        shown = self.shown()[place]
        self.assertEqual({name: getattr(shown, name) for name in expected}, expected)

    def at(self, seconds: float) -> float:
        return EPOCH + 1000 + seconds

    def test_before_the_start(self) -> None:
        self.begin("a")
        other = Announcer(self.announcing(), INFO_HASH, [["http://t/announce"]], self.owner)
        (shown,) = other.trackers(EPOCH)
        expected = NEVER | {"announce_state": 0, "next_announce_time": 0, "is_backup": False}
        self.assertEqual({name: getattr(shown, name) for name in expected}, expected)
        self.assertEqual((shown.id, shown.tier), (0, 0))
        self.assertEqual((shown.announce, shown.scrape), ("http://t/announce", "http://t/scrape"))

    def test_an_answer(self) -> None:
        self.asked.busy = True
        self.begin("a")
        self.clock.advance(5)
        self.look(**NEVER, announce_state=2)
        self.asked.answers["a"] = None
        self.asked.turn(self.announcer)
        self.look(announce_state=3, last_announce_start_time=self.at(5), has_announced=False)
        self.clock.advance(2)
        self.asked.applicants[self.announcer].callback(
            AnnounceResponse(interval=900, peers=(PEER,), seeders=5, leechers=6)
        )
        self.look(
            announce_state=1,
            has_announced=True,
            last_announce_start_time=self.at(5),
            last_announce_time=self.at(7),
            last_announce_succeeded=True,
            last_announce_result="Success",
            last_announce_peer_count=1,
            seeder_count=5,
            leecher_count=6,
            next_announce_time=self.at(907),
        )

    def test_a_failure(self) -> None:
        self.break_down("a")
        self.begin("a")
        self.look(
            announce_state=1,
            has_announced=True,
            last_announce_time=self.at(0),
            last_announce_succeeded=False,
            last_announce_timed_out=False,
            last_announce_result="no",
            next_announce_time=self.at(15),
        )

    def test_out_of_time(self) -> None:
        self.break_down("a", TimedOutError("too late"))
        self.begin("a")
        self.look(last_announce_timed_out=True, last_announce_result="too late")

    def test_backups(self) -> None:
        self.break_down("a")
        self.begin("ab", "c")
        self.assertEqual([each.is_backup for each in self.shown()], [True, False, False])
        self.assertEqual([each.announce[-1] for each in self.shown()], ["a", "b", "c"])
        self.look(2, **NEVER, announce_state=0, next_announce_time=0)
        self.look(0, next_announce_time=self.at(1800))

    def test_the_one_in_use_fails(self) -> None:
        self.interval("a", 100)
        self.begin("a")
        self.break_down("a")
        self.clock.advance(101)
        self.look(announce_state=1, next_announce_time=self.at(115))
        self.break_down("a", TrackerError("not a tracker", math.inf))
        self.clock.advance(50)
        self.look(announce_state=0, next_announce_time=0)

    def test_a_start_that_waits(self) -> None:
        self.owner.now = Totals(0, 0, 0, 0)
        shared = self.announcing()
        for _ in range(41):
            shared.calendar.next_start()
        self.announcer = Announcer(shared, INFO_HASH, [["http://t/a"], ["http://t/b"]], self.owner)
        self.announcer.start()
        first, second = self.shown()
        self.assertAlmostEqual(first.next_announce_time, self.at(1.025), places=4)
        self.assertEqual((first.announce_state, second.announce_state), (1, 0))

    def test_stopped(self) -> None:
        self.begin("a")
        self.announcer.stop()
        self.look(announce_state=0, next_announce_time=0, has_announced=True)

    def test_scrape(self) -> None:
        answer = Deferred()
        self.asked.scrape = lambda *_, **__: answer
        self.begin("a")
        self.look(scrape_state=3, has_scraped=False, last_scrape_start_time=self.at(0))
        self.clock.advance(3)
        answer.callback({INFO_HASH: ScrapeResult(seeders=7, leechers=3, completed=9)})
        self.look(
            scrape_state=0,
            has_scraped=True,
            last_scrape_start_time=self.at(0),
            last_scrape_time=self.at(3),
            last_scrape_succeeded=True,
            last_scrape_result="Success",
            seeder_count=7,
            leecher_count=3,
            download_count=9,
        )

    def test_scrape_of_a_torrent_that_is_not_known(self) -> None:
        self.asked.scrapes["a"] = {}
        self.begin("a")
        self.look(has_scraped=True, last_scrape_succeeded=False, seeder_count=-1)
        self.assertIn("does not know", self.shown()[0].last_scrape_result)

    def test_scrape_that_fails(self) -> None:
        self.asked.scrapes["a"] = TimedOutError("too late")
        self.begin("a")
        self.look(
            has_scraped=True,
            last_scrape_succeeded=False,
            last_scrape_timed_out=True,
            last_scrape_result="too late",
        )

    def test_owner_is_told_of_each_change(self) -> None:
        self.interval("a", 900, seeders=1, leechers=1)
        self.asked.busy = True
        self.begin("a")
        changes = [self.owner.changes]
        self.asked.turn(self.announcer)
        changes.append(self.owner.changes)
        self.assertEqual(changes, [1, 3])

    def test_a_fault_in_whoever_is_told(self) -> None:
        self.owner.changes = None
        self.begin("a")
        self.assertGreater(len(self.flushLoggedErrors(TypeError)), 0)
        self.look(last_announce_succeeded=True)
        self.assertEqual(len(self.owner.peers), 1)
        self.owner.changes = 0


class TroubleTests(AnnouncerCase):
    def test_none(self) -> None:
        self.begin("a")
        self.assertIsNone(self.announcer.trouble())

    def test_before_the_first_answer(self) -> None:
        self.asked.answers["a"] = None
        self.begin("a")
        self.assertIsNone(self.announcer.trouble())

    def test_a_warning(self) -> None:
        self.interval("a", 900, warning="slow down")
        self.begin("a")
        self.assertEqual(self.announcer.trouble(), Trouble("slow down", is_error=False))
        self.interval("a", 900)
        self.clock.advance(901)
        self.assertIsNone(self.announcer.trouble())

    def test_no_tracker_works(self) -> None:
        self.break_down("a")
        self.break_down("b", TrackerError("unregistered"))
        self.begin("ab")
        self.assertEqual(self.announcer.trouble(), Trouble("no", is_error=True))

    def test_another_one_works(self) -> None:
        self.break_down("a")
        self.begin("ab")
        self.assertIsNone(self.announcer.trouble())
        self.break_down("b")
        self.clock.advance(1801)
        self.assertEqual(self.announcer.trouble(), Trouble("no", is_error=True))


class ScrapeUrlTests(AnnouncerCase):
    def test_by_convention(self) -> None:
        for url, scrape in [
            ("http://t/announce", "http://t/scrape"),
            ("http://t/x/announce", "http://t/x/scrape"),
            ("http://t/announce.php?key=1/2", "http://t/scrape.php?key=1/2"),
            ("http://t/announce?x=announce", "http://t/scrape?x=announce"),
            ("http://t/a", ""),
            ("http://t/announcement/x", ""),
            ("udp://t:1/announce", "udp://t:1/announce"),
            ("udp://t:1", "udp://t:1"),
        ]:
            self.assertEqual(scrape_url(url), scrape)
