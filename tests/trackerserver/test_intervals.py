"""How long peers wait: as long as they are asked to, and the tracker has no more than it can do."""

from heapq import heapify, heapreplace
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.trackerserver.intervals import LATE, MEASURED, SPREAD, Intervals, Pace

HOUR = 3600


class IntervalTests(SynchronousTestCase):
    def test_without_load(self) -> None:
        for drawn, seconds in ((0.0, 1000), (0.5, 1050), (0.9999, 1099)):
            intervals = Intervals(Pace(interval=1000), lambda drawn=drawn: drawn)
            for _ in range(100):
                self.assertEqual(intervals.next(), seconds)
                intervals.measure()
            self.assertEqual(intervals.current, 1000)

    def test_one_announce_may_be_missed(self) -> None:
        """However long a peer was asked to wait."""
        for load in (0, 500, 5000):
            intervals = Intervals(Pace(announces_per_second=10), Random(1).random)
            for _ in range(100):
                intervals._counted = load
                intervals.measure()
            longest = max(intervals.next() for _ in range(2000))
            self.assertGreaterEqual(intervals.lifetime, 2 * longest + LATE)
            self.assertLess(intervals.lifetime, 2.1 * longest + LATE)

    def test_rate(self) -> None:
        intervals = Intervals(Pace(), Random(1).random)
        for _ in range(60):
            for _ in range(70):
                intervals.next()
            intervals.measure()
        self.assertAlmostEqual(intervals.rate, 70 / MEASURED, places=3)

    def test_never_beyond_what_is_allowed(self) -> None:
        """Not even with the same number for both, nor with less for the longest than is usual."""
        for longest, most in ((4000, 4000), (1000, 1000), (10, 1000)):
            pace = Pace(interval=1000, longest=longest, announces_per_second=0.001)
            intervals = Intervals(pace, Random(1).random)
            asked = []
            for _ in range(500):
                asked += [intervals.next() for _ in range(100)]
                intervals.measure()
            self.assertGreaterEqual(min(asked), 1000)
            self.assertLessEqual(max(asked), most * (1 + SPREAD))
            self.assertEqual(intervals.current, most)

    def test_back_to_what_is_usual(self) -> None:
        intervals = Intervals(Pace(announces_per_second=1), Random(1).random)
        for load in (100, 0):
            for _ in range(2000):
                intervals._counted = load
                intervals.measure()
        self.assertEqual(intervals.current, 1800)
        self.assertLessEqual(intervals.next(), 1800 * (1 + SPREAD))

    def test_another_pace(self) -> None:
        intervals = Intervals(Pace(), Random(1).random)
        intervals.pace = Pace(interval=60)
        intervals.measure()
        self.assertEqual(intervals.current, 60)
        self.assertLessEqual(intervals.next(), 66)


class LoadTests(SynchronousTestCase):
    """Crowds of peers that do as they are asked."""

    def loads(self, peers: int, pace: Pace, hours: int) -> list[float]:
        """Announces a second in each half hour, of peers that all began within the first one."""
        random = Random(4)
        intervals = Intervals(pace, random.random)
        due = [random.random() * HOUR / 2 for _ in range(peers)]
        heapify(due)
        counts, measured = [0] * (2 * hours), 0.0
        while (now := due[0]) < hours * HOUR:
            while now - measured >= MEASURED:
                intervals.measure()
                measured += MEASURED
            counts[int(now * 2 / HOUR)] += 1
            heapreplace(due, now + intervals.next())
        return [count * 2 / HOUR for count in counts]

    def test_twice_as_many(self) -> None:
        """After two hours it is what the tracker is meant for, and remains so."""
        loads = self.loads(3600, Pace(announces_per_second=1.0), 12)
        self.assertGreater(loads[0], 1.9)
        for load in loads[4:]:
            self.assertLess(abs(load - 1.0), 0.15)

    def test_no_more_than_it_can_do(self) -> None:
        loads = self.loads(1700, Pace(announces_per_second=1.0), 6)
        for load in loads:
            self.assertLess(abs(load - 0.9), 0.1)

    def test_far_too_many(self) -> None:
        """Where even the longest interval does not do, it is asked of all."""
        loads = self.loads(7200, Pace(announces_per_second=0.1), 12)
        self.assertLess(max(loads[12:]), 1.4)
