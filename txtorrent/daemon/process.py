"""What a process needs once, before the first torrent: clock, descriptors, memory."""

import atexit
import ctypes
import gc
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from twisted.internet.error import ReactorNotRunning

RESERVED: Final = 64
"""Descriptors for the reactor, logs, the state database and trackers."""
MMAP_THRESHOLD: Final = 32 * 1024 * 1024
"""Bytes. Below its default of 128 KiB upwards glibc maps and unmaps memory for each large
read and write, with a page fault for every 4 KiB: up to three times the cost of a block."""
TRIM_THRESHOLD: Final = 256 * 1024 * 1024
COLLECT_AFTER: Final = 10_000
"""New objects, at most a few MB, after which the collector searches them for cycles."""
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)


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


def collect_seldom() -> None:
    """Have the collector search less often than for each 700 objects more."""
    gc.set_threshold(COLLECT_AFTER)


def freeze_what_is_loaded() -> None:
    """Spare the collector what lives as long as the process: a full collection then is short."""
    gc.collect()
    gc.freeze()


def end_at_signals(reactor: Any) -> None:
    """Have SIGINT and SIGTERM end the process in good order and with status 0.

    Twisted's own way ends with the signal itself. One more signal ends the process at once. To
    be called when the reactor runs; a signal that whoever started us has ignored stays so.
    """

    def stop() -> None:
        with suppress(ReactorNotRunning):  # it is ending already
            reactor.stop()

    def on_signal(number: int, frame: Any) -> None:
        for each in _ENDING:
            signal.signal(each, _leave)
        reactor.callFromThread(stop)

    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, on_signal)


def call_at_hangup(reactor: Any, call: Callable[[], object]) -> None:
    """Have SIGHUP call something, in the reactor's thread, instead of ending the process. To be
    called when the reactor runs."""
    signal.signal(signal.SIGHUP, lambda number, frame: reactor.callFromThread(call))


def end(reactor: Any, status: int) -> None:
    """Stop the reactor, and have the process end with this status: twistd's is always 0."""
    if status:
        atexit.register(_exit, status)
    reactor.callWhenRunning(reactor.stop)


def _exit(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _leave(number: int, frame: Any) -> None:
    os._exit(128 + number)
