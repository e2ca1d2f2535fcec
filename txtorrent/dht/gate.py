"""How often one address may ask us (THREATS C1): five messages a second. What is more is not heard,
and whoever goes on like that is not heard for five minutes. An IPv6 network of /64 counts as one
address.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from txtorrent.address import network

PER_SECOND: Final = 5.0
"""Messages that an address may send on average: a lookup asks each node twice."""
BURST: Final = 5.0
"""Messages at once."""
TOO_MANY: Final = 25.0
"""Messages more than that, of five seconds at the rate, after which it is no accident."""
BLOCKED: Final = 300.0
"""Seconds of silence for whoever sends more; what it sends meanwhile does not make it longer."""
MOST_ADDRESSES: Final = 8192
"""Addresses remembered of each kind, the latest: 2 MB. Whoever forges more of them is limited by
the budget of replies."""


def source_of(host: str) -> str:
    """The key of limits per address."""
    return network(host) if ":" in host else host


class Gate:
    """A bucket of messages for each address, and a list of those that are not heard."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._blocked: OrderedDict[str, float] = OrderedDict()

    def admits(self, host: str, now: float) -> bool:
        """Whether a message that just came from this IP address may be looked at; it counts."""
        key = source_of(host)
        if self._is_blocked(key, now):
            return False
        tokens, then = self._buckets.pop(key, (BURST, now))
        tokens = min(BURST, tokens + (now - then) * PER_SECOND) - 1
        if tokens < -TOO_MANY:
            self._block(key, now)
            return False
        self._buckets[key] = tokens, now
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return tokens >= 0

    def blocked(self, now: float) -> int:
        """How many addresses are not heard at this time."""
        while self._blocked and next(iter(self._blocked.values())) <= now:
            self._blocked.popitem(last=False)
        return len(self._blocked)

    def _is_blocked(self, key: str, now: float) -> bool:
        until = self._blocked.get(key)
        if until is None:
            return False
        if until > now:
            return True
        del self._blocked[key]
        return False

    def _block(self, key: str, now: float) -> None:
        self._blocked[key] = now + BLOCKED
        if len(self._blocked) > MOST_ADDRESSES:
            self._blocked.popitem(last=False)
