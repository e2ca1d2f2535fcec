"""Trackers that come and go while announces go on, and users who cannot wait."""

import math

from twisted.internet.defer import CancelledError, Deferred

from tests.tracker.announcercase import COMPLETED, NONE, STARTED, STOPPED, AnnouncerCase
from tests.tracker.trackers import INFO_HASH
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.errors import RestingError
from txtorrent.tracker.interfaces import Totals
from txtorrent.tracker.tracker import TrackerState
from txtorrent.wire.announce import TrackerError


def urls(*tiers: str):
    """Trackers of one letter each, a tier a string."""
    return [[f"http://tracker.example/passkey0123/{letter}" for letter in tier] for tier in tiers]


class ReplaceTests(AnnouncerCase):
    def setUp(self) -> None:
        super().setUp()
        for letter in "abcdef":
            self.interval(letter, 900)

    def edit(self, *tiers: str) -> None:
        self.announcer.replace(urls(*tiers))

    def ids(self):
        return {each.announce[-1]: each.id for each in self.shown()}

    def test_removed_ones_are_told(self) -> None:
        self.begin("a")
        self.told()
        self.edit("b")
        self.assertEqual(self.told(), [("a", STOPPED), ("b", STARTED)])
        self.clock.advance(901)
        self.assertEqual(self.told(), [("b", NONE)])
        self.announcer.stop()
        self.assertEqual(self.told(), [("b", STOPPED)])

    def test_those_that_never_heard_of_us_are_not(self) -> None:
        self.begin("a", "b")
        self.told()
        self.edit("a")
        self.assertEqual(self.told(), [])

    def test_those_that_stay_keep_their_state(self) -> None:
        self.begin("a")
        self.clock.advance(100)
        self.told()
        self.edit("a", "b")
        self.assertEqual([each.tier for each in self.shown()], [0, 1])
        self.assertEqual(self.shown()[0].last_announce_peer_count, 0)
        self.assertIs(self.shown()[0].state, TrackerState.WORKING)
        self.clock.advance(801)
        self.assertEqual(self.told(), [("a", NONE)])

    def test_a_new_one_in_front_is_asked_at_once(self) -> None:
        self.begin("a")
        self.told()
        self.edit("b", "a")
        self.assertEqual(self.told(), [("b", STARTED)])
        self.assertEqual([each.tier for each in self.shown()], [0, 1])
        self.announcer.stop()
        self.assertEqual(self.told(), [("b", STOPPED), ("a", STOPPED)])

    def test_one_behind_waits_until_it_is_needed(self) -> None:
        self.begin("a")
        self.edit("a", "b")
        self.break_down("a")
        self.told()
        self.clock.advance(901)
        self.assertEqual(self.told(), [("a", NONE), ("b", STARTED)])

    def test_the_only_one_is_gone(self) -> None:
        self.begin("a")
        self.told()
        self.edit()
        self.clock.advance(5000)
        self.assertEqual(self.told(), [("a", STOPPED)])
        self.assertEqual((self.shown(), self.clock.getDelayedCalls()), ([], []))
        self.edit("b")
        self.assertEqual(self.told(), [("b", STARTED)])

    def test_while_it_is_asked(self) -> None:
        """A tracker that is gone is not waited for."""
        self.asked.answers["a"] = None
        self.begin("a", "b")
        self.edit("b")
        self.assertEqual(self.told(), [("a", STARTED), ("b", STARTED)])
        self.assertEqual(self.asked.applicants, {})

    def test_the_one_in_use_stays_while_another_is_asked(self) -> None:
        self.break_down("a")
        self.begin("a", "b")
        self.asked.answers["a"] = None
        self.clock.advance(905)
        self.assertIs(self.shown()[0].state, TrackerState.ANNOUNCING)
        self.told()
        self.edit("b")
        self.clock.advance(901)
        self.assertEqual(self.told()[0], ("b", NONE))

    def test_while_another_one_is_asked(self) -> None:
        answer = self.asked.answers["a"] = None
        self.begin("a", "b")
        self.edit("a", "c")
        self.assertIsNone(answer)
        self.assertEqual(self.told(), [("a", STARTED)])
        self.announcer.failed(TrackerError("no"))
        self.assertEqual(self.told(), [("c", STARTED)])

    def test_while_it_waits_for_its_turn(self) -> None:
        self.asked.busy = True
        self.begin("a")
        self.edit("b")
        self.assertEqual([each.url[-1] for each in self.asked.waiting], ["b"])

    def test_while_all_fail(self) -> None:
        self.break_down("a")
        self.begin("a")
        self.edit("a", "b")
        self.assertEqual(self.told(), [("a", STARTED), ("b", STARTED)])
        self.edit("a")
        self.assertEqual(self.told(), [("b", STOPPED)])
        self.clock.advance(16)
        self.assertEqual(self.told(), [("a", STARTED)])

    def test_while_stopped(self) -> None:
        self.begin("a")
        self.announcer.stop()
        self.told()
        self.edit("b")
        self.clock.advance(1000)
        self.assertEqual(self.told(), [])
        self.announcer.start()
        self.assertEqual(self.told(), [("b", STARTED)])

    def test_a_start_that_waits_goes_on_waiting(self) -> None:
        self.owner.now = Totals(0, 0, 0, 0)
        shared = self.announcing()
        first, second = (Announcer(shared, INFO_HASH, urls("a"), self.owner) for _ in range(2))
        first.start()
        second.start()
        self.told()
        second.replace(urls("b"))
        self.assertEqual(self.told(), [])
        self.clock.advance(1)
        self.assertEqual(self.told(), [("b", STARTED)])
        first.stop()
        second.stop()

    def test_completed_that_is_owed_to_one_that_goes(self) -> None:
        self.begin("a", "b")
        self.break_down("a")
        self.announcer.completed()
        self.interval("a", 900)
        self.told()
        self.edit("b")
        self.assertEqual(self.told()[:2], [("a", COMPLETED), ("a", STOPPED)])

    def test_ids(self) -> None:
        self.begin("ab", "c")
        self.assertEqual(self.ids(), {"a": 0, "b": 1, "c": 2})
        self.edit("c", "da")
        self.assertEqual(self.ids(), {"c": 2, "d": 3, "a": 0})
        self.edit("b", "c")
        self.assertEqual(self.ids(), {"b": 4, "c": 2})

    def test_the_same_again(self) -> None:
        self.begin("ab", "c")
        self.told()
        self.edit("ab", "c")
        self.assertEqual(self.told(), [])

    def test_a_farewell_that_is_called_off(self) -> None:
        self.begin("a")
        self.asked.answers["a"] = CancelledError()
        self.edit("b")
        self.asked.answers["b"] = ZeroDivisionError()
        self.edit("c")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_owner_is_told(self) -> None:
        self.begin("a")
        before = self.owner.changes
        self.edit("a", "b")
        self.assertGreater(self.owner.changes, before)


class DefaultTests(AnnouncerCase):
    """Trackers that all torrents have, if they are not private."""

    def setUp(self) -> None:
        super().setUp()
        self.shared = self.announcing()
        self.shared.defaults = tuple(map(tuple, urls("x", "y")))

    def begin_with(self, *tiers: str, private: bool = False) -> None:
        self.announcer = Announcer(
            self.shared, INFO_HASH, urls(*tiers), self.owner, private=private
        )
        self.announcer.start()

    def listed(self) -> str:
        return " ".join(f"{each.announce[-1]}{each.tier}" for each in self.shown())

    def own(self) -> str:
        return " ".join("".join(url[-1] for url in tier) for tier in self.announcer.tiers)

    def test_behind_its_own(self) -> None:
        self.break_down("a")
        self.begin_with("a")
        self.assertEqual((self.listed(), self.own()), ("a0 x1 y2", "a"))
        self.assertEqual(self.told(), [("a", STARTED), ("x", STARTED)])

    def test_none_of_its_own(self) -> None:
        self.begin_with()
        self.assertEqual(self.told(), [("x", STARTED)])

    def test_private(self) -> None:
        self.break_down("a")
        self.begin_with("a", private=True)
        self.clock.advance(1000)
        self.assertEqual((self.listed(), set(self.order())), ("a0", {"a"}))

    def test_other_ones(self) -> None:
        self.break_down("a")
        self.begin_with("a")
        self.told()
        self.shared.defaults = tuple(map(tuple, urls("y", "z")))
        self.announcer.defaults_changed()
        self.assertEqual((self.listed(), self.own()), ("a0 y1 z2", "a"))
        self.assertEqual(self.told(), [("x", STOPPED), ("y", STARTED)])

    def test_an_edit_of_what_is_shown_does_not_make_them_its_own(self) -> None:
        self.begin_with("a")
        self.announcer.replace(urls("a", "b", "x", "y"))
        self.assertEqual((self.listed(), self.own()), ("a0 b1 x2 y3", "a b"))

    def test_one_that_was_its_own_before(self) -> None:
        self.begin_with("x")
        self.announcer.replace(urls("a", "x"))
        self.assertEqual((self.listed(), self.own()), ("a0 x1 y2", "a x"))


class SoonTests(AnnouncerCase):
    """The user wants an answer, and trackers want to be left alone."""

    def test_after_the_minimum_interval(self) -> None:
        self.interval("a", 1800, min_interval=120)
        self.begin("a")
        self.clock.advance(50)
        self.announcer.soon()
        self.clock.advance(200)
        self.announcer.soon()
        self.assertEqual(self.times(), [0, 120, 250])

    def test_failures_count_no_longer(self) -> None:
        self.break_down("a")
        self.begin("a")
        self.clock.advance(1000)
        tried = self.times()[-1]
        self.asked.log.clear()
        self.clock.advance(tried + 20 - 1000 if tried + 20 > 1000 else 0)
        self.announcer.soon()
        self.assertEqual(len(self.times()), 1)
        self.announcer.soon()
        self.announcer.soon()
        self.clock.advance(14)
        self.assertEqual(len(self.times()), 1)
        self.clock.advance(2)
        self.assertEqual(len(self.times()), 2)

    def test_a_refusal_counts(self) -> None:
        """BEP 31."""
        self.break_down("a", TrackerError("busy", 600.0))
        self.begin("a")
        self.clock.advance(100)
        self.announcer.soon()
        self.clock.advance(600)
        self.assertEqual(self.times(), [0, 600])

    def test_never_is_never(self) -> None:
        self.break_down("a", TrackerError("not a tracker", math.inf))
        self.begin("a")
        self.announcer.soon()
        self.clock.advance(10**5)
        self.assertEqual(self.times(), [0])

    def test_a_resting_host(self) -> None:
        self.break_down("a", RestingError("silent", 100.0))
        self.begin("a")
        self.clock.advance(50)
        self.announcer.soon()
        self.clock.advance(51)
        self.assertEqual(self.times(), [0, 100])

    def test_a_seed_whose_turn_has_not_come(self) -> None:
        self.owner.now = Totals(0, 0, 0, 0)
        shared = self.announcing()
        for _ in range(100):
            shared.calendar.next_start()
        self.announcer = Announcer(shared, INFO_HASH, urls("a"), self.owner)
        self.announcer.start()
        self.assertEqual(self.told(), [])
        self.announcer.soon()
        self.assertEqual(self.told(), [("a", STARTED)])

    def test_when_there_is_nothing_to_hurry(self) -> None:
        self.asked.answers["a"] = None
        self.begin("a")
        self.announcer.soon()
        self.announcer.stop()
        self.announcer.soon()
        self.assertEqual(self.told(), [("a", STARTED)])
        self.begin()
        self.announcer.soon()
        self.assertEqual(self.told(), [])


class RashOwnerTests(AnnouncerCase):
    """Stops it at whatever it is told."""

    def changed(self, change: int) -> None:
        self.owner.changes += 1
        if self.owner.changes == change and self.announcer is not None:
            self.announcer.stop()

    def test_while_trackers_answer(self) -> None:
        for change in range(1, 8):
            with self.subTest(change=change):
                self.owner.changes = 0
                self.announcer = None
                self.begin_quietly("a")
                self.stop_later(change)

    def test_while_trackers_fail(self) -> None:
        self.break_down("ab")
        for change in range(1, 10):
            with self.subTest(change=change):
                self.owner.changes = 0
                self.announcer = None
                self.begin_quietly("a", "b")
                self.stop_later(change)

    def begin_quietly(self, *tiers: str) -> None:
        self.owner.trackers_changed = lambda: None
        self.begin(*tiers)

    def stop_later(self, change: int) -> None:
        self.owner.trackers_changed = lambda: self.changed(change)
        self.clock.advance(10_000)
        self.announcer.stop()
        self.clock.advance(6)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual((self.asked.waiting, self.asked.applicants), ({}, {}))


class QuitTests(AnnouncerCase):
    def test_without_a_word(self) -> None:
        self.begin("a")
        self.told()
        self.announcer.quit()
        self.successResultOf(self.announcer.stop())
        self.clock.advance(5000)
        self.assertEqual(self.told(), [])

    def test_while_it_is_asked(self) -> None:
        self.asked.answers["a"] = None
        self.begin("a")
        self.announcer.quit()
        self.assertEqual(self.asked.applicants, {})

    def test_while_it_is_scraped(self) -> None:
        self.asked.scrape = lambda *_, **__: Deferred()
        self.begin("a")
        self.announcer.quit()
        self.assertEqual(self.shown()[0].scrape_state, 0)
