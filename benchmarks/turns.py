"""twistd with every turn of its reactor measured: python turns.py FILE TWISTD-ARGUMENT ...

A turn is what lies between two waits for events: while it lasts nothing else is served. At
its end the process writes the turns to FILE. Measuring costs about 2 us a turn, so that
runs whose speed is of interest are made without it.
"""

import os
import sys
import time
from array import array
from collections.abc import Iterator
from typing import Any

from attrs import frozen


@frozen
class Turn:
    """When it ended (monotonic clock), how long it took, and how much CPU it used; seconds.

    The difference is waiting: for the interpreter's lock, or for a busy machine.
    """

    ended_at: float
    took: float
    cpu: float


def read_turns(path: str, begin: float, end: float) -> list[Turn]:
    """The turns of a file that ended between two moments."""
    numbers = array("d")
    with open(path, "rb") as stream:
        numbers.frombytes(stream.read())
    return [turn for turn in _turns(numbers) if begin <= turn.ended_at <= end]


def _turns(numbers: "array[float]") -> Iterator[Turn]:
    triples = iter(numbers)
    for ended_at, took, cpu in zip(triples, triples, triples, strict=True):
        yield Turn(ended_at, took, cpu)


class TimedPoller:
    """Stands before the reactor's epoll object and notes the time between two polls."""

    def __init__(self, poller: Any) -> None:
        self.turns = array("d")
        self._poller = poller
        self._woke_at = time.monotonic()
        self._cpu_at = time.thread_time()

    def poll(self, timeout: float = -1, most: int = -1) -> list[tuple[int, int]]:
        """End a turn, wait, and begin the next."""
        now = time.monotonic()
        self.turns.extend((now, now - self._woke_at, time.thread_time() - self._cpu_at))
        try:
            events: list[tuple[int, int]] = self._poller.poll(timeout, most)
            return events
        finally:
            self._woke_at, self._cpu_at = time.monotonic(), time.thread_time()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poller, name)

    def write(self, path: str) -> None:
        """Write all turns, at once and whole."""
        with open(path + ".new", "wb") as out:
            self.turns.tofile(out)
        os.rename(path + ".new", path)


def main() -> None:
    from twisted.internet import epollreactor

    epollreactor.install()
    from twisted.internet import reactor
    from twisted.scripts.twistd import run

    path = sys.argv.pop(1)
    poller = reactor._poller = TimedPoller(reactor._poller)  # type: ignore[attr-defined]
    reactor.addSystemEventTrigger("after", "shutdown", poller.write, path)  # type: ignore[attr-defined]
    run()


if __name__ == "__main__":
    main()
