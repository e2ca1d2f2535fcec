"""Periodic work that outlives its own faults: Twisted's LoopingCall stops for ever after one."""

from collections.abc import Callable
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

_log = Logger()


class Supervised:
    """A periodic call that an exception does not end: it is logged, and the next one comes."""

    def __init__(self, clock: Any, interval: float, call: Callable[[], None]) -> None:
        self._call = call
        self._interval = interval
        self._loop = LoopingCall(self._safely)
        self._loop.clock = clock

    def start(self) -> None:
        """Call every `interval` seconds from now on."""
        self._loop.start(self._interval, now=False)

    def stop(self) -> None:
        """Call no more."""
        if self._loop.running:
            self._loop.stop()

    def _safely(self) -> None:
        try:
            self._call()
        except Exception:
            _log.failure("an error of ours in periodic work; it goes on")
