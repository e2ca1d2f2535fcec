"""One timer for all: who is called when, and what is left behind."""

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.clock import HeapClock
from txtorrent.tracker import calendar
from txtorrent.tracker.calendar import MOST_AT_ONCE, Calendar


class Caller:
    """Notes when it is called."""

    def __init__(self, case, then=None) -> None:
        self.case = case
        self.booking = None
        self.calls = []
        self.then = then

    def due(self) -> None:
        self.calls.append(self.case.clock.seconds())
        if self.then is not None:
            self.then()


class CalendarTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = HeapClock()
        self.calendar = Calendar(self.clock)

    def tearDown(self) -> None:
        self.assertEqual((len(self.calendar), self.clock.getDelayedCalls()), (0, []))

    def book(self, *times):
        callers = [Caller(self) for _ in times]
        for caller, at in zip(callers, times, strict=True):
            self.calendar.book(caller, at)
        return callers

    def test_each_at_its_time(self) -> None:
        callers = self.book(30, 10, 20, 10)
        self.assertEqual((len(self.calendar), len(self.clock.getDelayedCalls())), (4, 1))
        self.clock.advance(100)
        self.assertEqual([each.calls for each in callers], [[30], [10], [20], [10]])

    def test_another_time_instead(self) -> None:
        early, late = self.book(50, 50)
        self.calendar.book(early, 20)
        self.calendar.book(late, 80)
        self.calendar.book(late, 80)
        self.assertEqual(len(self.calendar), 2)
        self.clock.advance(100)
        self.assertEqual((early.calls, late.calls), ([20], [80]))

    def test_cancelled(self) -> None:
        first, second = self.book(10, 20)
        self.calendar.cancel(first)
        self.calendar.cancel(first)
        self.clock.advance(100)
        self.assertEqual((first.calls, second.calls), ([], [20]))
        self.assertIsNone(second.booking)

    def test_the_last_one_takes_the_timer_along(self) -> None:
        (caller,) = self.book(10)
        self.calendar.cancel(caller)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_again_and_again(self) -> None:
        caller = Caller(self, lambda: self.clock.seconds() < 30 and self.calendar.book(
            caller, self.clock.seconds() + 10
        ))  # fmt: skip
        self.calendar.book(caller, 10)
        self.clock.advance(100)
        self.assertEqual(caller.calls, [10, 20, 30])

    def test_one_cancels_another_that_is_due(self) -> None:
        first, second = self.book(10, 10)
        first.then = lambda: self.calendar.cancel(second)
        self.clock.advance(10)
        self.assertEqual((first.calls, second.calls), ([10], []))

    def test_a_fault_is_nobody_elses(self) -> None:
        first, second = self.book(10, 10)
        first.then = lambda: 1 / 0
        self.clock.advance(10)
        self.assertEqual(second.calls, [10])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_the_reactor_has_its_turn_in_between(self) -> None:
        """Thousands whose time has come, after a stall say, are no stall of their own."""
        called = []
        callers = self.book(*[10] * 100)
        for caller in callers:
            caller.then = lambda: called.append(turns[0])
        turns = [0]

        def turn() -> None:
            turns[0] += 1
            if turns[0] < 20:
                self.clock.callLater(0, turn)

        self.clock.callLater(10, turn)
        self.clock.advance(20)
        most = max(called.count(turn) for turn in range(20))
        self.assertEqual((len(called), most), (100, MOST_AT_ONCE))

    def test_dead_entries_do_not_pile_up(self) -> None:
        self.patch(calendar, "FEW_DEAD", 10)
        callers = self.book(*[1000] * 5)
        for at in range(1001, 2000):
            for caller in callers:
                self.calendar.book(caller, at)
        self.assertLess(len(self.calendar._heap), 20)
        for caller in callers:
            self.calendar.cancel(caller)
        self.assertEqual(self.calendar._heap, [])

    def test_starts_are_spread(self) -> None:
        self.clock.advance(5)
        starts = [self.calendar.next_start() for _ in range(81)]
        self.assertEqual((starts[0], round(starts[80], 6)), (5.0, 7.0))
        self.assertEqual(len(set(starts)), 81)
        self.clock.advance(100)
        self.assertEqual(self.calendar.next_start(), 105.0)
