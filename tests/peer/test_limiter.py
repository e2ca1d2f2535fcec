"""A limit is kept exactly, shared fairly, and changed at once."""

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.clock import HeapClock
from txtorrent.peer.limit import Limit
from txtorrent.peer.limiter import Limiter

BLOCK = 16 * 1024
KIB, MIB = 1024, 1024 * 1024
SECONDS = 10


class Taker:
    """Moves blocks as an upload does: at once while that goes, else in turns.

    `size` is what it moves at a time, `most` how many before it must wait for the network."""

    def __init__(self, clock, limiter, size=BLOCK, most=1_000_000, pause=0.01):
        self.clock, self.limiter, self.size, self.most, self.pause = (
            clock, limiter, size, most, pause
        )  # fmt: skip
        self.moved = self.burst = 0
        self.wants = True

    def start(self):
        while self.wants and self.burst < self.most:
            if not self.limiter.take(self.size):
                self.limiter.wait(self.turn)
                return
            self.move()
        self.rest()

    def turn(self):
        if self.wants and self.burst < self.most:
            self.limiter.spend(self.size)
            self.move()
            if self.burst < self.most:
                self.limiter.wait(self.turn)
            else:
                self.rest()

    def move(self):
        self.moved += self.size
        self.burst += 1

    def rest(self):
        """The transport is full: it takes more a little later."""
        self.burst = 0
        if self.wants:
            self.clock.callLater(self.pause, self.start)


class LimiterCase(SynchronousTestCase):
    def setUp(self):
        self.clock = HeapClock()
        self.takers = []

    def tearDown(self):
        for taker in self.takers:
            taker.wants = False
            self.limiter.leave(taker.turn)
        self.clock.advance(1)
        self.assertEqual(self.clock.timers(), [])

    def limit(self, rate):
        self.own = Limit(rate, self.clock)
        self.limiter = Limiter(self.own)

    def taker(self, **options):
        taker = Taker(self.clock, self.limiter, **options)
        self.takers.append(taker)
        taker.start()
        return taker

    def assertMoved(self, expected, share=0.03):
        moved = sum(taker.moved for taker in self.takers)
        self.assertLess(abs(moved - expected) / expected, share, moved)


class Exact(LimiterCase):
    def test_rates(self):
        """3 % over ten seconds, or three at a high rate, however many share it."""
        for rate, seconds in ((100 * KIB, 10), (10 * MIB, 10), (200 * MIB, 3)):
            for takers in (1, 4, 30):
                with self.subTest(rate=rate, takers=takers):
                    self.tearDown()
                    self.setUp()
                    self.limit(rate)
                    for _ in range(takers):
                        self.taker()
                    self.clock.advance(seconds)
                    self.assertMoved(rate * seconds)
                    moved = [taker.moved for taker in self.takers]
                    self.assertLessEqual(max(moved) - min(moved), 2 * BLOCK)

    def test_with_transports_that_fill(self):
        """Each takes four blocks and then nothing for a hundredth of a second."""
        self.limit(5 * MIB)
        for _ in range(4):
            self.taker(most=4)
        self.clock.advance(SECONDS)
        self.assertMoved(5 * MIB * SECONDS)

    def test_less_than_a_block_a_second(self):
        self.limit(4 * KIB)
        self.taker(), self.taker()
        self.clock.advance(100)
        self.assertMoved(4 * KIB * 100, 0.05)

    def test_nothing_is_saved_up(self):
        """Behind an idle minute comes a tenth of a second's worth, not a minute's."""
        self.limit(1 * MIB)
        self.clock.advance(60)
        self.taker()
        self.assertLessEqual(self.takers[0].moved, MIB * 0.1 + BLOCK)

    def test_who_comes_late_is_not_behind_for_ever(self):
        self.limit(1 * MIB)
        first = self.taker()
        self.clock.advance(SECONDS)
        before, late = first.moved, self.taker()
        self.clock.advance(SECONDS)
        self.assertLessEqual(abs(first.moved - before - late.moved), 2 * BLOCK)

    def test_nobody_passes_the_line(self):
        self.limit(100 * KIB)
        self.clock.advance(1)
        waiter = [].clear
        self.limiter.wait(waiter)
        self.assertFalse(self.limiter.take(1))
        self.limiter.leave(waiter)
        self.assertTrue(self.limiter.take(1))


class Changed(LimiterCase):
    def test_unlimited(self):
        self.limit(0)
        for _ in range(1000):
            self.assertTrue(self.limiter.take(BLOCK))

    def test_raised_while_somebody_waits(self):
        """At 1 KiB/s a block is a debt of 16 s; nobody waits for that under a new limit."""
        for rate in (0, 100 * MIB):
            self.limit(1 * KIB)
            taker = self.taker(most=10)
            self.clock.advance(1)
            self.own.rate = rate
            self.clock.advance(0.1)
            self.assertGreater(taker.moved, 5 * BLOCK, rate)
            taker.wants = False
            self.limiter.leave(taker.turn)

    def test_lowered(self):
        self.limit(100 * MIB)
        taker = self.taker()
        self.clock.advance(1)
        before, self.own.rate = taker.moved, 100 * KIB
        self.clock.advance(SECONDS)
        self.assertLess(taker.moved - before, 100 * KIB * SECONDS * 1.03)

    def test_given_back(self):
        self.limit(BLOCK)
        self.clock.advance(1)
        self.assertTrue(self.limiter.take(BLOCK))
        self.assertFalse(self.limiter.take(BLOCK))
        self.limiter.give_back(BLOCK)
        self.assertTrue(self.limiter.take(BLOCK))


class InLine(LimiterCase):
    def test_left(self):
        self.limit(BLOCK)
        calls = []
        self.limiter.spend(BLOCK)
        self.limiter.wait(calls.append)
        self.limiter.leave(calls.append)
        self.clock.advance(10)
        self.assertEqual((calls, self.clock.timers()), ([], []))

    def test_each_stands_once(self):
        self.limit(BLOCK)
        calls = []

        def turn():
            calls.append(self.clock.seconds())

        self.limiter.wait(turn)
        self.limiter.wait(turn)
        self.clock.advance(10)
        self.assertEqual(len(calls), 1)

    def test_an_error_does_not_stop_the_line(self):
        """THREATS E13: it is logged, and the others have their turns."""
        self.limit(BLOCK)

        def broken():
            raise RuntimeError("a bug of ours")

        self.limiter.wait(broken)
        self.taker()
        self.clock.advance(SECONDS)
        self.assertGreater(self.takers[0].moved, 8 * BLOCK)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
