"""Lanes: the threads on which everything that may block on a disk runs.

Each kind of work has a lane of its own, so that a stuck fsync delays no upload and nothing here
ever waits behind a name look-up in the reactor's own pool.  What a job does is not known here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread, current_thread
from typing import Any, ParamSpec, Protocol, Self, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.internet.interfaces import IReactorFromThreads

P = ParamSpec("P")
T = TypeVar("T")

# Reads of cold data wait for the device, not for a core: a few more in flight let it reorder
# them (a spinning disk) or serve them side by side (flash).
READ_THREADS = 4


class LaneStopped(RuntimeError):
    """A job was given to a lane that is not running.  It was not run."""


class Lane(Protocol):
    """Threads that take jobs in order of arrival.  With one thread, jobs also end in that order.

    A lane does not bound its queue: whoever gives it jobs bounds those under way.
    """

    @property
    def threads(self) -> int:
        """How many jobs can be under way side by side."""

    def run(self, f: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Run `f` on one of the threads; the result or failure comes on the reactor's thread.

        Cancelling the Deferred keeps a job that waits from being run at all; one that has
        begun goes on to its end and its result is dropped.  `LaneStopped` when not running.
        """

    def start(self) -> None:
        """Start the threads."""

    def stop(self) -> Deferred[None]:
        """Take no more jobs; fires when those given before have ended and the threads are gone."""


@define(eq=False)
class _Job:
    f: Callable[[], Any]
    deferred: Deferred[Any]
    cancelled: bool = False

    def cancel(self, _: Deferred[Any]) -> None:
        self.cancelled = True

    def run(self) -> Callable[[], None]:
        """On a thread of the lane: do the work.  Gives what remains for the reactor's thread."""
        try:
            result = self.f()
        except BaseException as error:
            return partial(self._deliver, self.deferred.errback, error)
        return partial(self._deliver, self.deferred.callback, result)

    def _deliver(self, end: Callable[[Any], None], result: Any) -> None:
        # Cancelling may have happened while the result was on its way.
        if not self.cancelled:
            end(result)


@define(eq=False)
class ThreadLane:
    """A `Lane` of real threads.

    `reactor` brings results back (its `callFromThread`).  The threads are daemons: a process
    that ends without `stop` ends anyway, and what that interrupts is no worse than a kill.
    """

    _reactor: IReactorFromThreads
    threads: int
    name: str
    _jobs: SimpleQueue[_Job | None] = field(init=False, factory=SimpleQueue)
    _running: list[Thread] = field(init=False, factory=list)
    _accepting: bool = field(init=False, default=False)
    _waiting: list[Deferred[None]] = field(init=False, factory=list)

    def start(self) -> None:
        if self._running:
            raise RuntimeError(f"lane {self.name} is already running")
        self._accepting = True
        for number in range(self.threads):
            thread = Thread(target=self._work, name=f"{self.name}-{number}", daemon=True)
            self._running.append(thread)
            thread.start()

    def run(self, f: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        if not self._accepting:
            return fail(LaneStopped(f"lane {self.name} is not running"))
        job: _Job
        deferred: Deferred[T] = Deferred(lambda d: job.cancel(d))
        job = _Job(lambda: f(*args, **kwargs), deferred)
        self._jobs.put(job)
        return deferred

    def stop(self) -> Deferred[None]:
        if self._accepting:
            self._accepting = False
            for _ in self._running:
                self._jobs.put(None)
        stopped: Deferred[None] = Deferred()
        self._waiting.append(stopped)
        self._tell_stopped()
        return stopped

    def _work(self) -> None:
        """The life of one thread."""
        while (job := self._jobs.get()) is not None:
            if not job.cancelled:
                self._reactor.callFromThread(job.run())
            del job  # or an idle thread would keep the last job's buffers alive
        self._reactor.callFromThread(self._ended, current_thread())

    def _ended(self, thread: Thread) -> None:
        thread.join()  # it has nothing left to do: no wait
        self._running.remove(thread)
        self._tell_stopped()

    def _tell_stopped(self) -> None:
        if not self._running:
            waiting, self._waiting = self._waiting, []
            for stopped in waiting:
                stopped.callback(None)


@define(eq=False)
class Disk:
    """The lanes of one session."""

    write: Lane  # hashes and writes pieces, checks files: as many threads as cores
    read: Lane  # reads for uploads what is not in the page cache
    state: Lane  # one thread: the state database

    @classmethod
    def threaded(cls, reactor: IReactorFromThreads, cores: int) -> Self:
        """Real threads; `start` them before use.  `cores` is the number of processors."""
        return cls(
            ThreadLane(reactor, max(1, cores), "write"),
            ThreadLane(reactor, max(READ_THREADS, cores), "read"),
            ThreadLane(reactor, 1, "state"),
        )

    def start(self) -> None:
        for lane in self._lanes():
            lane.start()

    def stop(self) -> Deferred[None]:
        """Fires when every job given has ended and no thread is left."""
        return gatherResults([lane.stop() for lane in self._lanes()]).addCallback(lambda _: None)

    def _lanes(self) -> tuple[Lane, ...]:
        return self.write, self.read, self.state
