"""What a process needs once, before the first torrent: clock, descriptors, memory."""

import ctypes
import gc
import os
import resource
import signal
import time
from contextlib import suppress
from typing import Any, Final

RESERVED: Final = 64
"""Descriptors for the reactor, logs, the state database and trackers."""
MMAP_THRESHOLD: Final = 32 * 1024 * 1024
"""Bytes. Below its default of 128 KiB upwards glibc maps and unmaps memory for each large
read and write, with a page fault for every 4 KiB: up to three times the cost of a block."""
TRIM_THRESHOLD: Final = 256 * 1024 * 1024
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


def make_clock_monotonic(reactor: Any) -> None:
    """Have timers follow the monotonic clock: with the wall clock a step of it stops them."""
    reactor.seconds = time.monotonic


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft


def connections_within(descriptors: int, files: int, wanted: int) -> int:
    """How many connections leave room for `files` open files and what else is needed."""
    return max(8, min(wanted, descriptors - files - RESERVED))


def keep_freed_memory() -> None:
    """Raise glibc's thresholds; elsewhere this does nothing, and costs nothing."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD)
        libc.mallopt(_M_TRIM_THRESHOLD, TRIM_THRESHOLD)


def freeze_what_is_loaded() -> None:
    """Spare the collector what lives as long as the process: a full collection then is short."""
    gc.collect()
    gc.freeze()


def leave_at_next_signal() -> None:
    """While everything ends in good order, one more SIGINT or SIGTERM ends the process at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError):  # not in the main thread: then nobody sends us signals
            signal.signal(number, lambda number, frame: os._exit(128 + number))
