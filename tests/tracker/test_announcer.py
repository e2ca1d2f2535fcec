"""One torrent's announces: order of trackers and events, when, and what is told to whom."""

import math
from itertools import pairwise
from random import Random

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.tracker.announcercase import (
    COMPLETED,
    EPOCH,
    NONE,
    PEER,
    STARTED,
    STOPPED,
    AnnouncerCase,
)
from tests.tracker.owner import Owner
from tests.tracker.trackers import INFO_HASH, PEER_ID, World
from txtorrent.swarm.peerbook import Source
from txtorrent.tracker.announcer import REPAIR_PAUSE, SCATTER, Announcer
from txtorrent.tracker.announcing import Announcing
from txtorrent.tracker.clients import Trackers
from txtorrent.tracker.errors import RestingError, UnreachableError
from txtorrent.tracker.interfaces import Totals
from txtorrent.tracker.parting import STOP_LIMIT
from txtorrent.tracker.tiers import MAX_TRACKERS, Tiers
from txtorrent.tracker.tracker import TrackerState
from txtorrent.tracker.turns import Rank
from txtorrent.wire.announce import AnnounceResponse, ScrapeResult, TrackerError


class EventTests(AnnouncerCase):
    def test_started_then_nothing(self) -> None:
        self.interval("a", 900)
        self.begin("a")
        self.clock.advance(1801)
        self.assertEqual(self.asked.log, [(0, "a", STARTED), (900, "a", NONE), (1800, "a", NONE)])

    def test_what_is_told(self) -> None:
        self.begin("a")
        told = self.asked.requests[0]
        self.assertEqual((told.info_hash, told.peer_id, told.port), (INFO_HASH, PEER_ID, 6881))
        self.assertEqual((told.key, told.numwant), (Random(5).getrandbits(32), 200))
        self.assertFalse(self.asked.trusted)
        self.assertEqual((told.uploaded, told.downloaded, told.left, told.corrupt), (0, 0, 3, 4))

    def test_what_was_moved_since_the_start(self) -> None:
        self.interval("a", 900)
        self.begin("a")
        self.owner.now = Totals(uploaded=101, downloaded=52, left=3, corrupt=4)
        self.clock.advance(1000)
        told = self.asked.requests[1]
        self.assertEqual((told.uploaded, told.downloaded), (100, 50))

    def test_started_until_it_is_accepted(self) -> None:
        self.break_down("a")
        self.begin("a")
        self.clock.advance(16)
        self.asked.answers.clear()
        self.clock.advance(2000)
        events = [event for _, event in self.told()]
        self.assertEqual(events[:4], [STARTED, STARTED, STARTED, NONE])

    def test_completed_once(self) -> None:
        self.begin("a")
        self.clock.advance(10)
        self.announcer.completed()
        self.announcer.completed()
        self.clock.advance(4000)
        self.assertEqual(self.told(), [("a", STARTED), ("a", COMPLETED), ("a", NONE), ("a", NONE)])

    def test_completed_until_it_is_accepted(self) -> None:
        self.begin("a")
        self.break_down("a")
        self.announcer.completed()
        self.clock.advance(16)
        self.asked.answers.clear()
        self.clock.advance(60)
        self.assertEqual(
            self.told(), [("a", STARTED), ("a", COMPLETED), ("a", COMPLETED), ("a", COMPLETED)]
        )

    def test_complete_at_start(self) -> None:
        self.owner.now = Totals(0, 0, 0, 0)
        self.begin("a")
        self.announcer.completed()
        self.clock.advance(2000)
        self.assertEqual(self.told(), [("a", STARTED), ("a", NONE)])

    def test_completed_while_started_is_under_way(self) -> None:
        self.asked.answers["a"] = None
        pending = []
        real = self.asked.announce
        self.asked.announce = lambda *a, **k: pending.append(real(*a, **k)) or pending[-1]
        self.begin("a")
        self.announcer.completed()
        self.assertEqual(self.told(), [("a", STARTED)])
        self.asked.answers.clear()
        pending[0].callback(AnnounceResponse())
        self.clock.advance(5)
        self.assertEqual(self.told(), [("a", COMPLETED)])

    def test_stopped(self) -> None:
        self.begin("a")
        self.successResultOf(self.announcer.stop())
        self.assertEqual(self.told(), [("a", STARTED), ("a", STOPPED)])
        self.assertEqual(self.asked.requests[-1].numwant, 0)
        self.successResultOf(self.announcer.stop())
        self.assertEqual(self.told(), [])

    def test_stopped_only_to_those_who_accepted_started(self) -> None:
        self.break_down("a")
        self.begin("ab", "c")
        self.clock.advance(10)
        self.announcer.stop()
        self.assertEqual(self.told(), [("a", STARTED), ("b", STARTED), ("b", STOPPED)])

    def test_stopped_to_all_of_them(self) -> None:
        self.begin("a", "b")
        self.break_down("a")
        self.clock.advance(1801)
        self.announcer.stop()
        self.assertEqual(self.told()[-2:], [("a", STOPPED), ("b", STOPPED)])

    def test_stop_never_takes_longer_than_five_seconds(self) -> None:
        self.begin("a")
        self.asked.answers["a"] = None
        stopped = self.announcer.stop()
        self.clock.advance(4.9)
        self.assertNoResult(stopped)
        self.clock.advance(0.2)
        self.successResultOf(stopped)

    def test_stop_of_a_tracker_that_fails(self) -> None:
        self.begin("a")
        self.break_down("a", ValueError("a bug"))
        self.successResultOf(self.announcer.stop())

    def test_stop_while_asking(self) -> None:
        self.asked.answers["a"] = None
        self.begin("a")
        self.successResultOf(self.announcer.stop())
        self.assertEqual(self.told(), [("a", STARTED)])
        self.assertEqual(self.shown()[0].state, TrackerState.IDLE)

    def test_start_again(self) -> None:
        self.begin("a")
        self.announcer.completed()
        self.announcer.stop()
        self.told()
        self.owner.now = Totals(0, 0, 0, 0)
        self.announcer.start()
        self.announcer.start()
        self.announcer.completed()
        self.clock.advance(10)
        self.assertEqual(self.told(), [("a", STARTED)])

    def test_numwant_of_a_seed(self) -> None:
        self.begin("a")
        self.owner.now = Totals(0, 0, 0, 0)
        self.announcer.completed()
        self.assertEqual([each.numwant for each in self.asked.requests], [200, 30])

    def test_tracker_id_is_sent_back(self) -> None:
        self.interval("a", 60, tracker_id=b"id")
        self.begin("a")
        self.interval("a", 60)
        self.clock.advance(121)
        ids = [each.tracker_id for each in self.asked.requests]
        self.assertEqual(ids, [None, b"id", b"id"])


class TierTests(AnnouncerCase):
    """BEP 12."""

    def test_first_that_answers(self) -> None:
        self.break_down("ab")
        self.begin("abc", "d")
        self.assertEqual(self.order(), "abc")
        self.clock.advance(1801)
        self.assertEqual(self.order(), "c")

    def test_promotion(self) -> None:
        """The example: only tracker3 of 1, 2, 3 answers, and 2 had answered before."""
        self.break_down("1")
        self.begin("123")
        self.break_down("12")
        self.asked.answers.pop("3", None)
        self.clock.advance(1800)
        self.assertEqual(self.order(), "12213")
        self.assertEqual([each.url[-1] for each in self.announcer._tiers], ["3", "2", "1"])

    def test_next_tier_only_when_the_whole_tier_failed(self) -> None:
        self.break_down("ab")
        self.begin("ab", "cd")
        self.assertEqual(self.order(), "abc")
        self.asked.answers.clear()
        self.clock.advance(1800)
        self.assertEqual(self.order(), "a")

    def test_shuffled_within_the_tier(self) -> None:
        orders = set()
        for seed in range(40):
            urls = [each.url for each in Tiers([["a", "b", "c"], ["d"]], (), Random(seed))]
            self.assertEqual(urls[3], "d")
            orders.add(tuple(urls))
        self.assertEqual(len(orders), 6)

    def test_each_once_and_not_too_many(self) -> None:
        tiers = [["a", "b", "a"], ["b"], [], ["c"], [str(number) for number in range(500)]]
        found = list(Tiers(tiers, (), Random(1)))
        self.assertEqual(len(found), MAX_TRACKERS)
        self.assertEqual([(each.url, each.tier) for each in found[:3]][2], ("c", 1))

    def test_no_tracker_at_all(self) -> None:
        self.begin()
        self.announcer.completed()
        self.announcer.want_peers()
        self.assertEqual(self.shown(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_peers_are_handed_over(self) -> None:
        self.break_down("a")
        self.begin("ab")
        self.assertEqual(self.owner.peers, [(Source.TRACKER, (PEER,))])


class BackOffTests(AnnouncerCase):
    def test_doubles_up_to_an_hour(self) -> None:
        self.break_down("a")
        self.begin("a")
        self.clock.advance(20_000)
        times = self.times()
        pauses = [b - a for a, b in pairwise(times)]
        self.assertEqual(pauses[:8], [15, 30, 60, 120, 240, 480, 960, 1920])
        self.assertEqual(pauses[8:], [2880] * len(pauses[8:]))

    def test_jitter(self) -> None:
        self.break_down("a")
        firsts = set()
        for seed in range(20):
            self.begin("a", random=Random(seed))
            self.clock.advance(2)
            timer = self.clock.getDelayedCalls()[0].getTime() - self.clock.seconds() + 2
            self.assertTrue(15 <= timer <= 18.75, timer)
            firsts.add(round(timer, 3))
            self.announcer.stop()
        self.assertGreater(len(firsts), 15)

    def test_jitter_of_intervals(self) -> None:
        """D7: torrents that began together do not stay together."""
        due = set()
        for seed in range(20):
            (tracker,) = Tiers([["a"]], (), random := Random(seed))
            tracker.answered(AnnounceResponse(interval=1000), STARTED, 0.0, random)
            self.assertTrue(1000 <= tracker.due_at <= 1050)
            due.add(round(tracker.due_at))
        self.assertGreater(len(due), 10)

    def test_longest_pause(self) -> None:
        for seed in range(20):
            (tracker,) = Tiers([["a"]], (), random := Random(seed))
            for _ in range(2000):
                tracker.failed(UnreachableError("no"), 0.0, random)
            self.assertTrue(2880 <= tracker.not_before <= 3600)

    def test_success_ends_it(self) -> None:
        self.break_down("a")
        self.begin("a")
        self.clock.advance(100)
        self.asked.answers.clear()
        self.clock.advance(60)
        self.break_down("a")
        self.asked.log.clear()
        self.clock.advance(1800)
        times = self.times()
        self.assertEqual([b - a for a, b in pairwise(times)][:2], [15, 30])

    def test_failed_tracker_is_passed_over(self) -> None:
        self.interval("b", 60)
        self.break_down("a")
        self.begin("ab")
        self.clock.advance(301)
        self.assertEqual(self.order()[:4], "abbb")

    def test_retry_in(self) -> None:
        """BEP 31."""
        self.break_down("a", TrackerError("busy", 600.0))
        self.begin("a")
        self.clock.advance(1300)
        self.assertEqual(self.times(), [0, 600, 1200])

    def test_never(self) -> None:
        self.break_down("a", TrackerError("not a tracker", math.inf))
        self.begin("a")
        self.announcer.want_peers()
        self.announcer.completed()
        self.clock.advance(10**6)
        self.assertEqual(self.order(), "a")
        (status,) = self.shown()
        self.assertEqual((status.state, status.next_announce_time), (TrackerState.DISMISSED, 0))

    def test_resting_host_is_no_failure(self) -> None:
        self.break_down("a", RestingError("silent", 100.0))
        self.begin("a")
        self.clock.advance(950)
        self.assertEqual(self.times(), list(range(0, 950, 100)))
        self.break_down("a")
        self.asked.log.clear()
        self.clock.advance(70)
        self.assertEqual(self.times(), [1000, 1015])

    def test_fault_of_our_own(self) -> None:
        """E13: it is logged, and the next tracker is asked."""
        self.break_down("a", ZeroDivisionError("a bug"))
        self.begin("ab")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.order(), "ab")
        self.assertIn("txtorrent itself", self.shown()[0].last_error)

    def test_fault_in_whoever_describes_the_torrent(self) -> None:
        self.interval("a", 60)
        self.begin("a")
        totals, self.owner.now = self.owner.now, None
        self.clock.advance(61)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.owner.now = totals
        self.clock.advance(301)
        self.assertEqual(self.order()[:2], "aa")

    def test_fault_in_whoever_takes_the_peers(self) -> None:
        self.interval("a", 60)
        self.owner.peers = None
        self.begin("a")
        self.clock.advance(61)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 2)


class WantPeersTests(AnnouncerCase):
    def test_after_the_minimum_interval(self) -> None:
        self.interval("a", 1800, min_interval=120)
        self.begin("a")
        self.clock.advance(50)
        self.announcer.want_peers()
        self.announcer.want_peers()
        self.clock.advance(69)
        self.assertEqual(self.times(), [0])
        self.clock.advance(2)
        self.assertEqual(self.times(), [0, 120])
        self.clock.advance(1801)
        self.assertEqual(self.times(), [0, 120, 1920])

    def test_others_are_not_asked_instead(self) -> None:
        self.interval("a", 1800, min_interval=120)
        self.begin("a", "b")
        self.clock.advance(50)
        self.announcer.want_peers()
        self.clock.advance(100)
        self.assertEqual(self.order(), "aa")

    def test_at_once(self) -> None:
        self.interval("a", 1800, min_interval=120)
        self.begin("a")
        self.clock.advance(200)
        self.announcer.want_peers()
        self.assertEqual(self.times(), [0, 200])

    def test_minimum_when_none_is_named(self) -> None:
        for interval, least in ((1800, 300), (100, 100)):
            self.asked.log.clear()
            self.interval("a", interval)
            start = round(self.clock.seconds())
            self.begin("a")
            self.clock.advance(1)
            self.announcer.want_peers()
            self.clock.advance(least)
            self.assertEqual(self.times(), [start, start + least])
            self.announcer.stop()

    def test_events_do_not_wait_for_it(self) -> None:
        self.interval("a", 1800, min_interval=1800)
        self.begin("a")
        self.clock.advance(10)
        self.announcer.completed()
        self.assertEqual(self.times(), [0, 10])

    def test_other_trackers_have_theirs(self) -> None:
        """A tracker that was asked lately is not asked again because another one failed."""
        self.break_down("a")
        self.interval("b", 1800, min_interval=1000)
        self.begin("a", "b")
        self.interval("a", 1800, min_interval=60)
        self.clock.advance(20)
        self.announcer._current = None
        self.announcer._begin_round()
        self.break_down("a")
        self.clock.advance(61)
        self.announcer.want_peers()
        self.clock.advance(850)
        self.assertEqual([letter for _, letter, _ in self.asked.log].count("b"), 1)
        self.clock.advance(400)
        self.assertEqual([letter for _, letter, _ in self.asked.log].count("b"), 2)

    def test_before_start_and_after_stop(self) -> None:
        self.begin("a")
        self.announcer.stop()
        self.told()
        self.announcer.want_peers()
        self.announcer.completed()
        self.clock.advance(5000)
        self.assertEqual(self.told(), [])


class StatusTests(AnnouncerCase):
    def test_states(self) -> None:
        self.break_down("a")
        self.interval("b", 900, seeders=5, leechers=6, peers=(PEER,))
        self.begin("a", "bc")
        self.clock.advance(5)
        a, b, c = self.shown()
        self.assertEqual((a.state, a.tier, a.last_error), (TrackerState.FAILING, 0, "no"))
        self.assertEqual(a.next_announce_time, EPOCH + 900)
        self.assertEqual((b.state, b.tier, b.last_error), (TrackerState.WORKING, 1, None))
        self.assertEqual((b.seeder_count, b.leecher_count), (5, 6))
        self.assertEqual((c.state, c.next_announce_time), (TrackerState.IDLE, 0))

    def test_announcing(self) -> None:
        self.asked.answers["a"] = None
        self.begin("a")
        self.assertEqual(self.shown()[0].state, TrackerState.ANNOUNCING)


class LogTests(AnnouncerCase):
    """E14: one line an answer, one a new complaint, and no secret in any."""

    def lines(self, level):
        return [event for event in self.logged if event.get("log_level") is level]

    def test_answers(self) -> None:
        self.interval("a", 900, seeders=5, leechers=6, peers=(PEER,))
        self.begin("a")
        (event,) = self.lines(LogLevel.info)
        self.assertEqual(event["tracker"], "http://tracker.example")
        self.assertEqual((event["peers"], event["seeders"], event["leechers"]), (1, 5, 6))

    def test_complaints_once_until_they_change(self) -> None:
        self.break_down("a")
        self.begin("a")
        self.clock.advance(10_000)
        self.assertEqual(len(self.lines(LogLevel.warn)), 1)
        self.break_down("a", TrackerError("something else"))
        self.clock.advance(10_000)
        self.assertEqual(len(self.lines(LogLevel.warn)), 2)
        self.asked.answers.clear()
        self.clock.advance(4000)
        self.break_down("a")
        self.clock.advance(4000)
        self.assertEqual(len(self.lines(LogLevel.warn)), 3)

    def test_warnings_of_trackers(self) -> None:
        self.interval("a", 60, warning="slow down")
        self.begin("a")
        self.clock.advance(600)
        (event,) = self.lines(LogLevel.warn)
        self.assertEqual(event["complaint"], "slow down")

    def test_resting_hosts_are_not_worth_a_line_a_torrent(self) -> None:
        self.break_down("a", RestingError("silent", 100.0))
        self.begin("a")
        self.clock.advance(1000)
        self.assertEqual(self.lines(LogLevel.warn), [])

    def test_no_secrets(self) -> None:
        self.break_down("a")
        self.begin("ab")
        self.announcer.stop()
        self.assertTrue(self.logged)
        for event in self.logged:
            shown = {key: value for key, value in event.items() if key != "log_source"}
            self.assertNotIn("passkey0123", repr(shown))


class NetworkTests(SynchronousTestCase):
    """With real clients, on the simulated network."""

    def test_life(self) -> None:
        world = World()
        page = world.web("203.0.113.1", "web.example")
        udp = world.udp("203.0.113.2", "udp.example")
        trackers = Trackers(world.client, Random(1))
        owner = Owner(Totals(0, 0, 1, 0))
        announcer = Announcer(
            Announcing(trackers, world.clock, Random(2), PEER_ID, 6881),
            INFO_HASH,
            [["http://web.example/announce?passkey=0123456789"], ["udp://udp.example:6969"]],
            owner,
        )
        announcer.start()
        world.clock.advance(1)
        world.hosts["203.0.113.1"].refuse = True
        announcer.completed()
        world.clock.advance(1)
        self.assertEqual([len(found) for _, found in owner.peers], [2, 2])
        world.hosts["203.0.113.1"].refuse = False
        world.run(announcer.stop())
        world.run(trackers.stop())
        events = [uri.rpartition("&")[2] for uri in page.uris]
        self.assertEqual(events, ["event=started", "event=completed", "event=stopped"])
        self.assertEqual([datagram[83] for datagram in udp.seen[1:]], [2, 1, 3])
        self.assertEqual(world.leftovers(), [])

    def test_stop_with_dead_trackers(self) -> None:
        """E12."""
        world = World()
        names = [f"t{number}.example" for number in range(10)]
        for number, name in enumerate(names):
            world.udp(f"203.0.113.{number}", name)
        trackers = Trackers(world.client, Random(1))
        announcing = Announcing(trackers, world.clock, Random(2), PEER_ID, 6881)
        announcers = [
            Announcer(announcing, INFO_HASH, [[f"udp://{name}:6969"]], Owner(Totals(0, 0, 1, 0)))
            for name in names * 20
        ]
        for announcer in announcers:
            announcer.start()
        world.clock.advance(10)
        for host in world.hosts.values():
            host.vanish()
        before = world.clock.seconds()
        for stopped in [announcer.stop() for announcer in announcers]:
            world.run(stopped, 10)
        self.assertLess(world.clock.seconds() - before, 5.1)
        world.run(trackers.stop())
        self.assertEqual(world.leftovers(), [])


class NameTests(AnnouncerCase):
    """What users read of it."""

    def begin_named(self, name: str) -> list[str]:
        """The log lines of a torrent whose tracker answers and does not count."""
        with capturedLogs() as events:
            self.announcer = Announcer(
                self.announcing(),
                INFO_HASH,
                [["http://tracker.example/passkey0123/a"]],
                self.owner,
                name,
            )
            self.announcer.start()
            self.clock.advance(1)
        return [formatEvent(event) for event in events if "tracker" in event]

    def test_by_the_name_of_the_torrent(self) -> None:
        [line] = self.begin_named("debian.iso")
        self.assertTrue(line.startswith("debian.iso: http://tracker.example answered: "), line)
        self.assertNotIn("None", line)

    def test_without_a_name(self) -> None:
        [line] = self.begin_named("")
        self.assertTrue(line.startswith(f"{INFO_HASH.hex()[:8]}: "), line)


class CountedTests(AnnouncerCase):
    """Whether there is somebody to wake up for."""

    def test_from_the_answer(self) -> None:
        self.interval("a", 900, seeders=5, leechers=6)
        self.begin("a")
        self.assertEqual(self.owner.numbers, [(5, 6)])

    def test_a_part_from_the_answer_and_the_rest_from_a_scrape(self) -> None:
        self.interval("a", 900, leechers=6)
        self.asked.scrapes["a"] = {INFO_HASH: ScrapeResult(seeders=7, leechers=3, completed=9)}
        self.begin("a")
        self.assertEqual(self.owner.numbers, [(7, 3), (None, 6)])

    def test_nothing_is_known(self) -> None:
        self.begin("a")
        self.assertEqual((self.owner.numbers, len(self.owner.peers)), ([], 1))

    def test_before_the_peers(self) -> None:
        self.interval("a", 900, seeders=5, leechers=6)
        self.owner.found_peers = lambda url, peers: self.assertEqual(self.owner.numbers, [(5, 6)])
        self.begin("a")
        self.assertEqual(self.owner.numbers, [(5, 6)])

    def test_a_fault_in_whoever_is_told_of_a_scrape(self) -> None:
        self.asked.scrapes["a"] = {INFO_HASH: ScrapeResult(seeders=7, leechers=3, completed=9)}
        self.owner.numbers = None
        self.begin("a")
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.assertIsNone(self.announcer._scraping)


class ScrapeTests(AnnouncerCase):
    """Numbers that an announce does not tell are scraped for (BEP 48)."""

    def test_a_silent_announce_is_followed_by_a_scrape(self) -> None:
        self.asked.scrapes["a"] = {INFO_HASH: ScrapeResult(seeders=7, leechers=3, completed=9)}
        (status,) = self.begin("a").trackers(EPOCH)
        self.assertEqual(self.asked.scraped, [("a", [INFO_HASH])])
        self.assertEqual((status.seeder_count, status.leecher_count), (7, 3))

    def test_a_telling_announce_is_not(self) -> None:
        self.interval("a", 900, seeders=1, leechers=0)
        (status,) = self.begin("a").trackers(EPOCH)
        self.assertEqual((self.asked.scraped, status.seeder_count), ([], 1))

    def test_a_tracker_that_cannot_be_scraped_does_no_harm(self) -> None:
        (status,) = self.begin("a").trackers(EPOCH)
        self.assertEqual((status.state, status.seeder_count), (TrackerState.WORKING, -1))


class OwnerTests(AnnouncerCase):
    """The announcer outlives those whom it announces for."""

    def test_another_one_takes_over(self) -> None:
        self.interval("a", 900)
        self.begin("a")
        other = self.announcer.owner = Owner(Totals(uploaded=11, downloaded=2, left=0, corrupt=0))
        self.clock.advance(1000)
        self.assertEqual(self.told(), [("a", STARTED), ("a", NONE)])
        self.assertEqual(self.asked.requests[1].uploaded, 10)
        self.assertEqual((len(self.owner.peers), len(other.peers)), (1, 1))


class TurnTests(AnnouncerCase):
    """Whose turn it is, is decided elsewhere; until then there is nothing but a place in a line."""

    def test_queued(self) -> None:
        self.asked.busy = True
        self.begin("a")
        self.owner.now = Totals(uploaded=21, downloaded=2, left=3, corrupt=4)
        self.assertIs(self.shown()[0].state, TrackerState.QUEUED)
        self.assertEqual(self.told(), [])
        self.asked.turn(self.announcer)
        self.assertEqual(self.asked.requests[0].uploaded, 20)

    def test_rank(self) -> None:
        self.begin("a")
        self.owner.now = Totals(0, 0, 0, 0)
        self.announcer.completed()
        self.clock.advance(2000)
        self.assertEqual(self.asked.ranks, [Rank.DOWNLOADS, Rank.ENDING, Rank.OTHERS])

    def test_stop_while_queued(self) -> None:
        self.asked.busy = True
        self.begin("a")
        self.successResultOf(self.announcer.stop())
        self.assertEqual((self.asked.waiting, self.told()), ({}, []))

    def test_completed_while_queued(self) -> None:
        self.begin("a")
        self.asked.busy = True
        self.announcer.want_peers()
        self.clock.advance(400)
        self.announcer.completed()
        self.asked.turn(self.announcer)
        self.assertEqual(self.told(), [("a", STARTED), ("a", COMPLETED)])

    def test_turned_away(self) -> None:
        self.asked.busy = True
        self.begin("a")
        self.asked.waiting.clear()
        self.asked.busy = False
        self.announcer.turned_away()
        self.assertEqual(self.told(), [])
        self.clock.advance(SCATTER)
        self.assertEqual(self.told(), [("a", STARTED)])

    def test_all_announces_given_up(self) -> None:
        self.asked.answers["a"] = CancelledError()
        self.begin("a")
        self.asked.answers.clear()
        self.clock.advance(REPAIR_PAUSE + 1)
        self.assertEqual(self.told(), [("a", STARTED)] * 2)

    def test_seeds_start_one_after_the_other(self) -> None:
        self.owner.now = Totals(0, 0, 0, 0)
        begun = []
        shared = self.announcing()
        for number in range(40):
            announcer = Announcer(
                shared, INFO_HASH, [[f"http://tracker.example/{number % 10}"]], self.owner
            )
            announcer.start()
            begun.append(announcer)
        self.assertEqual(len(self.asked.log), 1)
        self.clock.advance(1)
        self.assertEqual(len(self.asked.log), 40)
        for announcer in begun:
            announcer.stop()


class AgainTests(AnnouncerCase):
    """Stopped and started in quick succession."""

    def setUp(self) -> None:
        super().setUp()
        self.begin("a")
        self.told()
        self.asked.answers["a"] = None
        self.stopped = self.announcer.stop()

    def test_begins_when_the_end_was_told(self) -> None:
        self.announcer.start()
        self.announcer.completed()
        self.announcer.want_peers()
        self.assertEqual(self.told(), [("a", STOPPED)])
        self.asked.answers.clear()
        self.clock.advance(STOP_LIMIT + 1)
        self.successResultOf(self.stopped)
        self.assertEqual(self.told(), [("a", STARTED)])

    def test_and_stopped_again(self) -> None:
        self.announcer.start()
        again = self.announcer.stop()
        self.assertNoResult(again)
        self.clock.advance(STOP_LIMIT + 1)
        self.successResultOf(again)
        self.assertEqual(self.told(), [("a", STOPPED)])


class ExternalIpTests(AnnouncerCase):
    def test_our_address_as_the_tracker_saw_it(self) -> None:
        self.interval("a", 900, external_ip="9.8.7.6")
        self.begin("a")
        self.assertEqual(self.seen_as, [("9.8.7.6", "tracker.example")])


class PartingTests(AnnouncerCase):
    """A program that ends with its download: the tracker counts it as complete all the same."""

    def begin_downloading(self):
        self.interval("a", 900)
        announcer = self.begin("a")
        self.told()
        return announcer

    def test_completed_that_is_owed_comes_first(self) -> None:
        announcer = self.begin_downloading()
        self.break_down("a")
        announcer.completed()
        self.interval("a", 900)
        announcer.stop()
        self.assertEqual(self.told(), [("a", COMPLETED), ("a", COMPLETED), ("a", STOPPED)])

    def test_completed_under_way_is_waited_for(self) -> None:
        announcer = self.begin_downloading()
        answer = Deferred()
        self.patch(self.asked, "announce", self.slow(answer))
        announcer.completed()
        stopped = announcer.stop()
        self.assertNoResult(stopped)
        self.assertEqual(self.told(), [("a", COMPLETED)])
        answer.callback(AnnounceResponse())
        self.assertEqual(self.told(), [("a", STOPPED)])
        self.successResultOf(stopped)

    def test_but_not_for_ever(self) -> None:
        announcer = self.begin_downloading()
        self.patch(self.asked, "announce", self.slow(Deferred()))
        announcer.completed()
        stopped = announcer.stop()
        self.clock.advance(STOP_LIMIT + 1)
        self.successResultOf(stopped)

    def slow(self, answer):
        """The first announce hangs until `answer` does."""
        announce, waiting = self.asked.announce, [answer]

        def announced(url, request, *, trusted=False):
            result = announce(url, request, trusted=trusted)
            return waiting.pop() if waiting else result

        return announced
