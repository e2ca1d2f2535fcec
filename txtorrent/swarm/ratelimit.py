"""Rate limits as a token bucket: a token is a byte, and the bucket may go into debt.

Debt lets a whole block pass as soon as one token is there, so a limit below one block a
second still works, and the mean rate is exact.
"""

from typing import Final

BURST: Final = 0.1
"""Seconds of the rate that may be saved up while nobody takes."""


class TokenBucket:
    """`rate` in bytes/s; 0 is no limit."""

    __slots__ = ("_rate", "_tokens", "_updated_at")

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._tokens = 0.0
        self._updated_at = now

    @property
    def rate(self) -> int:
        """Bytes/s; 0 is no limit."""
        return self._rate

    def set_rate(self, rate: int, now: float) -> None:
        """Change the limit from now on; what was saved or owed stays."""
        self._refill(now)
        self._rate = rate

    def take(self, size: int, now: float) -> bool:
        """Whether `size` bytes may pass now."""
        if not self._rate:
            return True
        self._refill(now)
        if self._tokens <= 0:
            return False
        self._tokens -= size
        return True

    def spend(self, size: int) -> None:
        """Let `size` bytes pass whatever is there: the debt is paid off later."""
        if self._rate:
            self._tokens -= size

    def give_back(self, size: int) -> None:
        """Bytes that were taken and did not pass after all."""
        if self._rate:
            self._tokens += size

    def ready_in(self, now: float) -> float:
        """Seconds until something may pass."""
        if not self._rate:
            return 0.0
        self._refill(now)
        return max(0.0, (1 - self._tokens) / self._rate)

    def _refill(self, now: float) -> None:
        if self._rate:
            saved = self._tokens + (now - self._updated_at) * self._rate
            self._tokens = min(saved, max(1.0, self._rate * BURST))
        self._updated_at = now
