"""Rate limits as a token bucket: a token is a byte, and the bucket may go into debt.

Debt lets a whole block pass as soon as one token is there, so a limit below one block a
second still works, and the mean rate is exact.
"""

from typing import Final

BURST: Final = 0.1
"""Seconds of the rate that may be saved up while nobody takes."""
NOTHING: Final = 1e-9
"""Bytes/s, for a limit that lets nothing pass, as 0 is none: a byte is gathered in 30 years."""


class TokenBucket:
    """`rate` in bytes/s; 0 is no limit."""

    __slots__ = ("_rate", "_tokens", "_updated_at")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._tokens = 0.0
        self._updated_at = now

    @property
    def rate(self) -> float:
        """Bytes/s; 0 is no limit."""
        return self._rate

    def set_rate(self, rate: float, now: float) -> None:
        """Change the limit from now on. What is owed stays owed, unless there is no limit now;
        what was saved is lost: a limit that was lowered counts at once."""
        self._refill(now)
        self._tokens = min(self._tokens, 0.0) if rate else 0.0
        self._rate = rate

    def spend(self, size: int) -> None:
        """Let `size` bytes pass, whatever is there: the debt is paid off later."""
        if self._rate:
            self._tokens -= size

    def give_back(self, size: int) -> None:
        """Bytes that were spent and did not pass after all."""
        if self._rate:
            self._tokens += size

    @property
    def is_open(self) -> bool:
        """Whether something may pass of what was there when its time was last asked for."""
        return not self._rate or self._tokens >= 1

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
