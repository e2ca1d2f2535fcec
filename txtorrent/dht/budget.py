"""How much the DHT may send: a rate for all, half of it kept for replies, half for queries.

What one half does not need goes to the other. Thousands of announces do not keep us from
answering, and whoever floods us with questions does not keep us from asking.
"""

from __future__ import annotations

from typing import Final

BURST: Final = 4.0
"""Seconds of the rate that may be saved up: a lookup asks some fifty nodes within seconds."""


class Budget:
    """`rate` in bytes/s. Each half may go into debt by one datagram."""

    __slots__ = ("_queries", "_replies", "_updated_at", "rate")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._queries = self._replies = rate * BURST / 2
        self._updated_at = now

    def pay_for_query(self, size: int, now: float) -> bool:
        """Whether a query of so many bytes may be sent now; if so, it is paid."""
        self._refill(now)
        if self._queries <= 0:
            return False
        self._queries -= size
        return True

    def may_reply(self, now: float) -> bool:
        """Whether a reply may be sent now: asked before one is made."""
        self._refill(now)
        return self._replies > 0

    def pay_for_reply(self, size: int) -> None:
        """A reply of so many bytes is sent."""
        self._replies -= size

    def query_in(self, now: float) -> float:
        """Seconds until a query may be sent."""
        self._refill(now)
        return max(0.0, (1 - self._queries) / (self.rate / 2))

    def _refill(self, now: float) -> None:
        gained, most = (now - self._updated_at) * self.rate / 2, self.rate * BURST / 2
        self._updated_at = now
        queries, replies = self._queries + gained, self._replies + gained
        spare_queries, spare_replies = max(0.0, queries - most), max(0.0, replies - most)
        self._queries = min(most, queries + spare_replies)
        self._replies = min(most, replies + spare_queries)
