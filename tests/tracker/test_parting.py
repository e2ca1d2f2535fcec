"""Thousands of announcers end at once."""

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.clock import HeapClock
from txtorrent.tracker.parting import AT_ONCE, STOP_LIMIT, stop_all


class Ending:
    """An announcer that takes its time to end."""

    def __init__(self, clock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds
        self.end = ""

    def stop(self):
        self.end = "stopping"
        if not self.seconds:
            return self.stopped(succeed(None))
        stopped = Deferred()
        self.clock.callLater(self.seconds, stopped.callback, None)
        return self.stopped(stopped)

    def stopped(self, deferred):
        return deferred.addCallback(lambda _: setattr(self, "end", "stopped"))

    def quit(self) -> None:
        self.end = "quit"


class StopAll(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = HeapClock()

    def ends(self, seconds: float, count: int):
        announcers = [Ending(self.clock, seconds) for _ in range(count)]
        return announcers, stop_all(announcers, self.clock)

    def test_all_at_once(self) -> None:
        announcers, stopped = self.ends(0, 5000)
        self.successResultOf(stopped)
        self.assertEqual({each.end for each in announcers}, {"stopped"})

    def test_some_at_a_time(self) -> None:
        announcers, stopped = self.ends(1.0, 2 * AT_ONCE)
        self.assertEqual([each.end for each in announcers].count("stopping"), AT_ONCE)
        self.clock.advance(1.5)
        self.assertNoResult(stopped)
        self.clock.advance(1)
        self.successResultOf(stopped)

    def test_as_many_as_there_is_time_for(self) -> None:
        announcers, stopped = self.ends(2.0, 1000)
        self.clock.advance(STOP_LIMIT)
        self.successResultOf(stopped)
        ends = [each.end for each in announcers]
        self.assertEqual(ends.count("stopped"), 2 * AT_ONCE)
        self.assertEqual(ends.count("quit"), 1000 - 3 * AT_ONCE)
        self.clock.advance(5)

    def test_none(self) -> None:
        self.successResultOf(stop_all([], self.clock))
        self.assertEqual(self.clock.getDelayedCalls(), [])
