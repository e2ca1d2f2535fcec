"""What processes use, from /proc: CPU of a tree, of one thread, of all others; memory.

Linux only. CPU seconds are user and system time together.
"""

import os
import threading
import time
from typing import Final

TICK: Final = os.sysconf("SC_CLK_TCK")
LOOK_EVERY: Final = 0.05
"""Seconds between looks at memory: a peak shorter than this may be missed."""


def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        try:
            for task in os.listdir(f"/proc/{found[-1]}/task"):
                todo += map(int, _text(f"/proc/{found[-1]}/task/{task}/children").split())
        except OSError:
            continue
    return found


def cpu_of_tree(pid: int) -> float:
    """CPU seconds of the processes of a tree that are still there.

    Read from each process's CPU clock: the sum of utime and stime in /proc/PID/stat, which is
    rounded to 10 ms there and exact here.
    """
    total = 0.0
    for each in tree(pid):
        try:
            total += time.clock_gettime((~each << 3) | 2)  # what clock_getcpuclockid(3) makes
        except OSError:
            continue
    return total


def cpu_of_main_thread(pid: int) -> float:
    """CPU seconds of a process's first thread: in txtorrent that is the reactor."""
    return int(_text(f"/proc/{pid}/task/{pid}/schedstat").split()[0]) / 1e9


def bytes_read_from_disk(pid: int) -> int:
    """What a process has had fetched from storage: reads from the page cache do not count."""
    fields = dict(line.split(": ") for line in _text(f"/proc/{pid}/io").splitlines())
    return int(fields["read_bytes"])


def cpu_of_machine() -> float:
    """CPU seconds of everything on this machine, idling left out; stolen time counts."""
    fields = [int(field) for field in _text("/proc/stat").split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK


def cpu_of_others() -> float:
    """CPU seconds of whoever is not of this benchmark: no descendant of this process."""
    return cpu_of_machine() - cpu_of_tree(os.getpid())


def anonymous_memory(pid: int) -> int:
    """Bytes of heap and stacks of a tree: not mapped files, which are the page cache's."""
    total = 0
    for each in tree(pid):
        try:
            status = _text(f"/proc/{each}/status")
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1]) * 1024
    return total


class MemoryWatch(threading.Thread):
    """Looks at a tree's anonymous memory until `stop`, which returns the peak in bytes."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._peak = 0
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            self._peak = max(self._peak, anonymous_memory(self._pid))

    def stop(self) -> int:
        """The peak; a last look is part of it."""
        self._over.set()
        self.join()
        return max(self._peak, anonymous_memory(self._pid))


def _text(path: str) -> str:
    with open(path) as stream:
        return stream.read()
