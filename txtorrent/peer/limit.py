"""One rate limit: of a torrent, of a group of torrents, or of all. Who finds it used up waits.

Connections do not ask it but their torrent's `Limiter`, which knows all limits that apply.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txtorrent.swarm.ratelimit import TokenBucket
from txtorrent.swarm.waitingline import Priority, WaitingLine

SHORTEST_WAIT: Final = 0.01
"""Seconds. Waking more often than this moves single blocks and costs more than it smooths."""

Waiter = Callable[[], None]


class Limited(Protocol):
    """A torrent that keeps the limit."""

    def turn(self, waiter: Waiter) -> None:
        """One block of that waiter, which stood in line, may pass this limit."""

    def pause(self) -> Sequence[Waiter]:
        """The rate is about to change: have nobody wait, and nothing paid that has not passed;
        who waited."""

    def go_on(self, waiting: Sequence[Waiter]) -> None:
        """The rate has changed: have these wait again, where they have to."""


class Limit:
    """`rate` bytes/s for all who keep it; 0 is no limit, `ratelimit.NOTHING` lets nothing pass."""

    __slots__ = ("_bucket", "_clock", "_kept_by", "_line", "_serving", "_wakeup")

    def __init__(self, rate: float, clock: IReactorTime) -> None:
        self._clock = clock
        self._bucket = TokenBucket(rate, clock.seconds())
        self._line: WaitingLine[tuple[Limited, Waiter]] = WaitingLine()
        self._kept_by: dict[Limited, None] = {}
        self._wakeup: IDelayedCall | None = None
        self._serving = False

    @property
    def rate(self) -> float:
        """Bytes/s; 0 is no limit. A change counts at once, for those in line too."""
        return self._bucket.rate

    @rate.setter
    def rate(self, rate: float) -> None:
        if rate == self._bucket.rate:
            return
        paused = [(limited, limited.pause()) for limited in self._kept_by]
        self._bucket.set_rate(rate, self._clock.seconds())
        for limited, waiting in paused:
            limited.go_on(waiting)

    def keep(self, limited: Limited) -> None:
        """Tell it when the rate changes, from now on."""
        self._kept_by[limited] = None

    def forget(self, limited: Limited) -> None:
        """It does not keep this limit any more, and none of its waiters stands here."""
        self._kept_by.pop(limited, None)

    # -- what passes -------------------------------------------------------------------------

    @property
    def has_room(self) -> bool:
        """Whether something may pass now, and nobody was there before."""
        return not (self._serving or self._line or self._bucket.ready_in(self._clock.seconds()))

    def spend(self, size: int) -> None:
        """Let `size` bytes pass."""
        self._bucket.spend(size)

    def give_back(self, size: int) -> None:
        """Bytes that were spent and did not pass after all."""
        self._bucket.give_back(size)

    # -- the line ----------------------------------------------------------------------------

    def wait(self, limited: Limited, waiter: Waiter, priority: Priority) -> None:
        """Call `limited.turn(waiter)` when its turn has come and something may pass."""
        self._line.join((limited, waiter), priority)
        if self._wakeup is None and not self._serving:
            self._rearm()

    def leave(self, limited: Limited, waiter: Waiter) -> None:
        """Wait no longer."""
        self._line.leave((limited, waiter))
        if self._wakeup is not None and not self._line:
            self._wakeup.cancel()
            self._wakeup = None

    def _rearm(self) -> None:
        wait = max(SHORTEST_WAIT, self._bucket.ready_in(self._clock.seconds()))
        self._wakeup = self._clock.callLater(wait, self._serve)

    def _serve(self) -> None:
        """Let those in line pass, one block each in turn, while there is something to share.

        Who waits again goes to the end of the line, but is not made to wait for the clock: else
        one connection alone would never get more than a block every `SHORTEST_WAIT`. What the
        limit gathers while that is done is for the next time: nobody keeps the reactor for ever.
        """
        line, bucket, self._wakeup, self._serving = self._line, self._bucket, None, True
        bucket.ready_in(self._clock.seconds())
        try:
            while bucket.is_open and line:
                limited, waiter = line.next()
                limited.turn(waiter)
        finally:
            self._serving = False
            if line:
                self._rearm()
