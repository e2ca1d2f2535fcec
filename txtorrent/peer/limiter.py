"""A rate limit that many connections share fairly: who finds it used up waits in line."""

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txtorrent.swarm.ratelimit import TokenBucket

SHORTEST_WAIT = 0.01
"""Seconds. Waking more often than this moves single blocks and costs more than it smooths."""


class Limiter:
    """`rate` bytes/s for everyone who asks; 0 is no limit.

    A waiter is called once, when its turn has come: it spends what one block needs and
    waits again if it has more. The line holds each waiter once.
    """

    def __init__(self, rate: int, clock: IReactorTime) -> None:
        self._clock = clock
        self._bucket = TokenBucket(rate, clock.seconds())
        self._line: dict[Callable[[], None], None] = {}
        self._wakeup: IDelayedCall | None = None

    @property
    def rate(self) -> int:
        """Bytes/s; 0 is no limit."""
        return self._bucket.rate

    @rate.setter
    def rate(self, rate: int) -> None:
        self._bucket.set_rate(rate, self._clock.seconds())
        if self._wakeup is not None and self._wakeup.active():
            self._wakeup.cancel()
        self._rearm()

    def take(self, size: int) -> bool:
        """Whether `size` bytes may pass now; never before those who wait in line."""
        bucket = self._bucket
        if not bucket.rate:
            return True
        return not self._line and bucket.take(size, self._clock.seconds())

    def spend(self, size: int) -> None:
        """Let `size` bytes pass, in a waiter's turn."""
        self._bucket.spend(size)

    def give_back(self, size: int) -> None:
        """Bytes that were taken and did not pass after all."""
        self._bucket.give_back(size)

    def wait(self, waiter: Callable[[], None]) -> None:
        """Call `waiter` in its turn, when something may pass."""
        self._line.setdefault(waiter)
        self._rearm()

    def leave(self, waiter: Callable[[], None]) -> None:
        """Do not call `waiter` any more."""
        self._line.pop(waiter, None)
        self._rearm()

    def _rearm(self) -> None:
        if self._wakeup is not None and self._wakeup.active() and not self._line:
            self._wakeup.cancel()
        if self._line and (self._wakeup is None or not self._wakeup.active()):
            wait = max(SHORTEST_WAIT, self._bucket.ready_in(self._clock.seconds()))
            self._wakeup = self._clock.callLater(wait, self._serve)

    def _serve(self) -> None:
        """Let those in line pass, one block each in turn, while there is something to share.

        Who waits again goes to the end of the line, but is not made to wait for the clock: else
        one connection alone would never get more than a block every `SHORTEST_WAIT`.
        """
        line = self._line
        try:
            while line and not self._bucket.ready_in(self._clock.seconds()):
                waiter = next(iter(line))
                del line[waiter]
                waiter()
        finally:
            self._rearm()
