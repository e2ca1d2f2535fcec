"""Tests of waiting: woken, out of time, cancelled, and nothing left on the clock."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.waiting import Wakeup


class WakeupTests(SynchronousTestCase):
    """One waits for another."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wakeup = Wakeup()

    def wait(self, seconds: float | None = 5.0) -> Deferred[None]:
        return Deferred.fromCoroutine(self.wakeup.wait(self.clock, seconds))

    def test_woken(self) -> None:
        waiting = self.wait()
        self.assertNoResult(waiting)
        self.wakeup.wake()
        self.successResultOf(waiting)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_out_of_time(self) -> None:
        waiting = self.wait()
        self.clock.advance(4.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.successResultOf(waiting)

    def test_as_long_as_it_takes(self) -> None:
        waiting = self.wait(None)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertNoResult(waiting)
        self.wakeup.wake()
        self.successResultOf(waiting)

    def test_woken_early_counts_for_nothing(self) -> None:
        self.wakeup.wake()
        self.assertNoResult(waiting := self.wait())
        self.wakeup.wake()
        self.wakeup.wake()
        self.successResultOf(waiting)

    def test_cancelled(self) -> None:
        waiting = self.wait()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.wakeup.wake()

    def test_again(self) -> None:
        self.wait()
        self.clock.advance(5)
        self.assertNoResult(waiting := self.wait())
        self.wakeup.wake()
        self.successResultOf(waiting)
