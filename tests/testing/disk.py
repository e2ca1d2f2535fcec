"""A disk without threads: jobs run at once, their results come when the clock says so.

Give `inline_disk(clock)` where a `storage.disk.Disk` is wanted.  The files themselves are real.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, execute, fail, succeed
from twisted.internet.interfaces import IReactorTime

from txtorrent.storage.disk import Disk

P = ParamSpec("P")
T = TypeVar("T")


@define(eq=False)
class InlineLane:
    """A `Lane` that runs a job when it is given and brings its result `delay` seconds later.

    A result never comes within the call that gave the job, as with threads.
    """

    clock: IReactorTime
    delay: float = 0.0
    threads: int = 1
    jobs: int = field(init=False, default=0)  # given so far
    _failures: list[BaseException] = field(init=False, factory=list)
    _stalled: list[Callable[[], None]] | None = field(init=False, default=None)

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> Deferred[None]:
        """Nothing to wait for."""
        return succeed(None)

    def run(self, f: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        self.jobs += 1
        cancelled: list[Deferred[T]] = []
        deferred: Deferred[T] = Deferred(cancelled.append)

        def work() -> None:
            if not cancelled:
                result = self._result(f, *args, **kwargs)
                self.clock.callLater(self.delay, deliver, result)

        def deliver(result: Deferred[T]) -> None:
            if cancelled:
                result.addErrback(lambda _: None)
            else:
                result.chainDeferred(deferred)

        if self._stalled is None:
            work()
        else:
            self._stalled.append(work)
        return deferred

    def fail_next(self, *errors: BaseException) -> None:
        """The next jobs are not run but fail with these errors, one each."""
        self._failures.extend(errors)

    def stall(self) -> None:
        """From now on, jobs hang: nothing of them is done until `release`."""
        if self._stalled is None:
            self._stalled = []

    def release(self) -> None:
        """Do what hung, in order, and go on as usual."""
        stalled, self._stalled = self._stalled or [], None
        for work in stalled:
            work()

    def _result(self, f: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        if self._failures:
            return fail(self._failures.pop(0))
        return execute(f, *args, **kwargs)


def inline_disk(clock: IReactorTime, delay: float = 0.0, cores: int = 2) -> Disk:
    """A `Disk` on the test's clock; its lanes are `InlineLane`s, to be stalled or failed."""
    return Disk(
        InlineLane(clock, delay, cores),
        InlineLane(clock, delay, cores),
        InlineLane(clock, delay),
    )
