"""A virtual clock: time that jumps from one event to the next, in an order that never varies.

`HeapClock` is an `IReactorTime` whose calls wait in a heap, so that a swarm with thousands of
timers costs no more than one with ten. It reads no real time and sleeps never.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from heapq import heapify, heappop, heappush
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

T = TypeVar("T")

# Events at a single instant before the clock says that time no longer moves: far more than any
# swarm needs, few enough to be reached in seconds of real time.
STANDSTILL = 2_000_000
# Entries left dead in the heap, by a cancel or a reset, that are worth a clean-up.
DEAD_ENTRIES = 1000

_log = Logger()


class NeverHappenedError(AssertionError):
    """What a test waited for did not happen in the virtual time it allowed."""


@implementer(IDelayedCall)
class Timer:
    """One call to come, as `HeapClock.callLater` returns it; `owner` names who asked for it."""

    __slots__ = ("_args", "_call", "_clock", "_kwargs", "_state", "due", "order", "owner")

    def __init__(
        self,
        clock: HeapClock,
        due: float,
        call: Callable[..., object],
        args: tuple[object, ...],
        kwargs: dict[str, object],
        owner: str,
    ) -> None:
        self._clock = clock
        self._call: Callable[..., object] | None = call
        self._args = args
        self._kwargs = kwargs
        self._state: type[Exception] | None = None
        self.due = due
        self.order = 0
        self.owner = owner

    def getTime(self) -> float:
        return self.due

    def active(self) -> bool:
        return self._state is None

    def cancel(self) -> None:
        self._require_active()
        self._state = AlreadyCancelled
        self._forget()
        self._clock._cancelled(self)

    def reset(self, secondsFromNow: float) -> None:
        self._require_active()
        self._clock._reschedule(self, self._clock.seconds() + secondsFromNow)

    def delay(self, secondsLater: float) -> None:
        self._require_active()
        self._clock._reschedule(self, self.due + secondsLater)

    def run(self) -> None:
        """Make the call. What it raises is logged, as a reactor does, and fails the test."""
        call, args, kwargs = self._call, self._args, self._kwargs
        assert call is not None
        self._state = AlreadyCalled
        self._forget()
        try:
            call(*args, **kwargs)
        except Exception:
            _log.failure("Unexpected error in a timer of {owner}", owner=self.owner)

    def _require_active(self) -> None:
        if self._state is not None:
            raise self._state

    def _forget(self) -> None:
        self._call, self._args, self._kwargs = None, (), {}

    def __repr__(self) -> str:
        name = getattr(self._call, "__qualname__", None) or repr(self._call)
        return f"<Timer of {self.owner}: {name} at {self.due:.6f}>"


# When it is due, its place among those due at once, the timer (None for a bare call).
_Entry = tuple[float, int, Timer | None, Callable[..., object], tuple[Any, ...]]


def _nothing() -> None:
    """What the entry of a timer carries in place of a bare call."""


@implementer(IReactorTime)
class HeapClock:
    """Virtual time in seconds, from 0. Calls due at the same instant run in the order they were
    asked for; a call that was postponed counts as asked for when it was postponed."""

    def __init__(self) -> None:
        self._now = 0.0
        self._order = 0
        self._heap: list[_Entry] = []
        # What is due at this very instant: always later in order than the heap's share of it.
        self._soon: deque[_Entry] = deque()
        self._timers: dict[int, Timer] = {}
        self._at_once = 0
        self._dead = 0

    # -- IReactorTime

    def seconds(self) -> float:
        return self._now

    def callLater(
        self,
        delay: float,
        callable: Callable[..., Any],  # noqa: A002
        *args: object,
        **kwargs: object,
    ) -> IDelayedCall:
        return self.timer("the clock", delay, callable, args, kwargs)

    def getDelayedCalls(self) -> list[IDelayedCall]:
        return list(self.timers())

    # -- for the network

    def timer(
        self,
        owner: str,
        delay: float,
        call: Callable[..., object],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> Timer:
        """A call in `delay` seconds on behalf of `owner`."""
        assert delay >= 0, f"a call {delay} seconds from now, which is in the past"
        timer = Timer(self, self._now + delay, call, args, kwargs or {}, owner)
        self._push_timer(timer)
        return timer

    def post(self, due: float, call: Callable[..., object], *args: Any) -> None:
        """Make a call at `due` that cannot be cancelled and is no timer of anybody's: a packet."""
        self._order += 1
        self._push((due, self._order, None, call, args))

    def timers(self) -> list[Timer]:
        """Those still to come, the next first."""
        return sorted(self._timers.values(), key=lambda timer: (timer.due, timer.order))

    # -- for tests

    def advance(self, seconds: float) -> None:
        """Let this much time pass, with everything due in it."""
        end = self._now + seconds
        while self._step(end):
            pass
        self._now = max(self._now, end)

    def pump(self, timings: list[float]) -> None:
        """Advance by each of these in turn."""
        for seconds in timings:
            self.advance(seconds)

    def run_until(self, happened: Callable[[], object], limit: float = 60.0) -> float:
        """Run event by event until `happened()` is true; the seconds it took.

        NeverHappenedError when it is not after `limit` seconds, or nothing is left to happen."""
        start = self._now
        end = start + limit
        while not happened():
            if not self._step(end):
                self._now = max(self._now, end)
                raise NeverHappenedError(
                    f"not after {limit:g} s of virtual time; waiting: {self.timers()[:20]}"
                )
        return self._now - start

    def result_of(self, work: Deferred[T] | Coroutine[Any, Any, T], limit: float = 60.0) -> T:
        """Run until `work` is done; its result, or its exception raised."""
        results: list[T] = []
        failures: list[Failure] = []
        deferred = work if isinstance(work, Deferred) else Deferred.fromCoroutine(work)
        deferred.addCallbacks(results.append, failures.append)
        self.run_until(lambda: results or failures, limit)
        if failures:
            failures[0].raiseException()
        return results[0]

    # -- the heap

    def _push(self, entry: _Entry) -> None:
        if entry[0] <= self._now:
            self._soon.append(entry)
        else:
            heappush(self._heap, entry)

    def _push_timer(self, timer: Timer) -> None:
        self._order += 1
        timer.order = self._order
        self._timers[timer.order] = timer
        self._push((timer.due, timer.order, timer, _nothing, ()))

    def _reschedule(self, timer: Timer, due: float) -> None:
        del self._timers[timer.order]
        timer.due = due
        self._push_timer(timer)
        self._left_behind()

    def _cancelled(self, timer: Timer) -> None:
        del self._timers[timer.order]
        self._left_behind()

    def _left_behind(self) -> None:
        """An entry just died where it lies; clean up when most of the heap is dead."""
        self._dead += 1
        if self._dead > max(DEAD_ENTRIES, len(self._heap) // 2):
            self._heap = [entry for entry in self._heap if self._is_live(entry)]
            heapify(self._heap)
            self._dead = 0

    @staticmethod
    def _is_live(entry: _Entry) -> bool:
        timer = entry[2]
        return timer is None or (timer.order == entry[1] and timer.active())

    def _next(self, end: float) -> _Entry | None:
        """The next event up to `end`, with the clock set to it."""
        heap = self._heap
        if heap and heap[0][0] <= self._now:
            return heappop(heap)
        if self._soon:
            return self._soon.popleft()
        if not heap or heap[0][0] > end:
            return None
        entry = heappop(heap)
        self._now = entry[0]
        self._at_once = 0
        return entry

    def _step(self, end: float) -> bool:
        entry = self._next(end)
        if entry is None:
            return False
        self._at_once += 1
        if self._at_once > STANDSTILL:
            raise RuntimeError(f"time stands still at {self._now}: {entry[2] or entry[3]}")
        timer = entry[2]
        if timer is None:
            entry[3](*entry[4])
        elif timer.order == entry[1] and timer.active():
            del self._timers[timer.order]
            timer.run()
        else:
            self._dead -= 1
        return True
