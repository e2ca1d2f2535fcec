"""The virtual clock: order, reset and cancel, waiting, and what its timers may do."""

# mypy: ignore-errors
# trial's assertions have no types, so a test among the checked doubles cannot be strict.

from twisted.internet.defer import Deferred
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import Clock, LoopingCall
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.testing import clock as clock_module
from tests.testing.clock import HeapClock, NeverHappenedError


class Order(SynchronousTestCase):
    def setUp(self):
        self.clock = HeapClock()
        self.log = []

    def note(self, what):
        self.log.append((self.clock.seconds(), what))

    def test_interfaces(self):
        verifyObject(IReactorTime, self.clock)
        verifyObject(IDelayedCall, self.clock.callLater(1, self.note, "a"))

    def test_by_time_then_by_asking(self):
        for delay, what in [(2, "c"), (1, "a"), (2, "d"), (1, "b"), (0, "now")]:
            self.clock.callLater(delay, self.note, what)
        self.clock.advance(2)
        self.assertEqual(self.log, [(0, "now"), (1, "a"), (1, "b"), (2, "c"), (2, "d")])

    def test_nothing_runs_by_itself(self):
        self.clock.callLater(0, self.note, "a")
        self.assertEqual(self.log, [])

    def test_packets_and_timers_share_one_order(self):
        self.clock.callLater(1, self.note, "a")
        self.clock.post(1.0, self.note, "b")
        self.clock.callLater(1, self.note, "c")
        self.clock.advance(1)
        self.assertEqual([what for _, what in self.log], ["a", "b", "c"])

    def test_asked_at_the_same_instant_comes_last(self):
        def first():
            self.note("a")
            self.clock.callLater(0, self.note, "c")

        self.clock.callLater(1, first)
        self.clock.callLater(1, self.note, "b")
        self.clock.advance(1)
        self.assertEqual([what for _, what in self.log], ["a", "b", "c"])

    def test_not_before_its_time(self):
        self.clock.callLater(1, self.note, "a")
        self.clock.advance(0.999)
        self.assertEqual((self.log, self.clock.seconds()), ([], 0.999))

    def test_chain_within_one_advance(self):
        def again(left):
            self.note(left)
            if left:
                self.clock.callLater(1, again, left - 1)

        again(3)
        self.clock.advance(10)
        self.assertEqual(self.log, [(0, 3), (1, 2), (2, 1), (3, 0)])
        self.assertEqual(self.clock.seconds(), 10)

    def test_looping_call(self):
        loop = LoopingCall(lambda: self.note("x"))
        loop.clock = self.clock
        loop.start(5)
        self.clock.advance(11)
        loop.stop()
        self.assertEqual(self.log, [(0, "x"), (5, "x"), (10, "x")])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_standing_still(self):
        self.patch(clock_module, "STANDSTILL", 100)

        def again():
            self.clock.callLater(0, again)

        again()
        self.assertRaises(RuntimeError, self.clock.advance, 1)

    def test_many_events_are_no_standstill(self):
        self.patch(clock_module, "STANDSTILL", 100)
        for moment in range(300):
            self.clock.callLater(moment / 100, self.note, moment)
        self.clock.advance(3)
        self.assertEqual(len(self.log), 300)


class Timers(SynchronousTestCase):
    def setUp(self):
        self.clock = HeapClock()
        self.log = []
        self.timer = self.clock.callLater(5, self.log.append, "x")

    def test_cancel(self):
        self.timer.cancel()
        self.clock.advance(10)
        self.assertEqual(self.log, [])
        self.assertFalse(self.timer.active())
        for act in (self.timer.cancel, lambda: self.timer.reset(1), lambda: self.timer.delay(1)):
            self.assertRaises(AlreadyCancelled, act)

    def test_called(self):
        self.clock.advance(5)
        self.assertFalse(self.timer.active())
        for act in (self.timer.cancel, lambda: self.timer.reset(1), lambda: self.timer.delay(1)):
            self.assertRaises(AlreadyCalled, act)

    def test_moves(self):
        for move, due in [
            (lambda timer: timer.reset(1), 3),
            (lambda timer: timer.reset(30), 32),
            (lambda timer: timer.delay(3), 8),
            (lambda timer: timer.delay(-2), 3),
            (lambda timer: timer.reset(0), 2),
        ]:
            clock = HeapClock()
            log = []
            timer = clock.callLater(5, lambda clock=clock, log=log: log.append(clock.seconds()))
            clock.advance(2)
            move(timer)
            self.assertEqual(timer.getTime(), due)
            clock.advance(40)
            self.assertEqual(log, [due])

    def test_same_as_twisted(self):
        def story(clock):
            log = []
            timers = [
                clock.callLater(delay, lambda i=i: log.append((i, clock.seconds())))
                for i, delay in enumerate([3, 1, 2, 8, 5])
            ]
            clock.advance(1)
            timers[0].reset(6)
            timers[2].delay(1)
            timers[3].cancel()
            clock.pump([1] * 20)
            return log

        self.assertEqual(story(HeapClock()), story(Clock()))

    def test_listed_in_order(self):
        later = self.clock.callLater(9, self.log.append, "y")
        sooner = self.clock.callLater(1, self.log.append, "z")
        self.assertEqual(self.clock.getDelayedCalls(), [sooner, self.timer, later])

    def test_an_error_is_logged_and_time_goes_on(self):
        self.clock.callLater(1, lambda: 1 // 0)
        self.clock.advance(10)
        self.assertEqual(self.log, ["x"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_postponed_often_costs_no_memory(self):
        for _ in range(10 * clock_module.DEAD_ENTRIES):
            self.timer.reset(50)
        self.assertLess(len(self.clock._heap), 2 * clock_module.DEAD_ENTRIES)
        self.clock.advance(50)
        self.assertEqual(self.log, ["x"])


class Waiting(SynchronousTestCase):
    def setUp(self):
        self.clock = HeapClock()

    def test_run_until(self):
        log = []
        for delay in (1, 2, 3):
            self.clock.callLater(delay, log.append, delay)
        self.assertEqual(self.clock.run_until(lambda: len(log) == 2), 2)
        self.assertEqual((log, self.clock.seconds()), ([1, 2], 2))

    def test_not_in_time(self):
        self.clock.callLater(61, lambda: None)
        self.assertRaises(NeverHappenedError, self.clock.run_until, lambda: False)
        self.assertEqual(self.clock.seconds(), 60)

    def test_nothing_left_to_happen(self):
        self.assertRaises(NeverHappenedError, self.clock.run_until, lambda: False)

    def test_result_of(self):
        async def work():
            done = Deferred()
            self.clock.callLater(3, done.callback, "x")
            return await done

        self.assertEqual(self.clock.result_of(work()), "x")
        failing = Deferred()
        self.clock.callLater(1, failing.errback, ValueError("no"))
        self.assertRaises(ValueError, self.clock.result_of, failing)
        self.assertRaises(NeverHappenedError, self.clock.result_of, Deferred(), 1)
