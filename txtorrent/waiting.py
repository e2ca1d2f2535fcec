"""Waiting for something that may happen, but no longer than that."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred


class Wakeup:
    """One coroutine waits, whatever happens wakes it, or its time is up. A call of `wake` while
    nobody waits is not remembered: look whether there is reason to wait before you do."""

    def __init__(self) -> None:
        self._waiting: Deferred[None] | None = None

    async def wait(self, clock: Any, seconds: float | None = None) -> None:
        """Wait until `wake` is called, for `seconds` at the most by `clock` (IReactorTime); None:
        for as long as it takes."""
        timer = None if seconds is None else clock.callLater(seconds, self.wake)
        self._waiting = Deferred()
        try:
            await self._waiting
        finally:
            self._waiting = None
            if timer is not None and timer.active():
                timer.cancel()

    def wake(self) -> None:
        """Let the one that waits go on."""
        if self._waiting is not None:
            self._waiting.callback(None)
