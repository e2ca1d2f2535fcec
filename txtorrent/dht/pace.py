"""How often we ask one address: less often than any node's limit, ours included (`gate`).

In a network of a few nodes, announces of many torrents would have them all shut us out.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from txtorrent.dht.gate import source_of

INTERVAL: Final = 0.25
"""Seconds between queries to one address."""
AT_ONCE: Final = 3
"""Queries to one address that need not wait."""
MOST_ADDRESSES: Final = 4096
"""Addresses remembered: those asked in the last minute or two at the usual rate."""


class Pace:
    """Gives each query the time at which it may be sent."""

    def __init__(self) -> None:
        self._next: OrderedDict[str, float] = OrderedDict()

    def turn(self, host: str, now: float) -> float:
        """When the next query to this IP address may be sent; whoever asks takes this turn."""
        key = source_of(host)
        after = max(self._next.pop(key, now), now)
        self._next[key] = after + INTERVAL
        if len(self._next) > MOST_ADDRESSES:
            self._next.popitem(last=False)
        return max(now, after - (AT_ONCE - 1) * INTERVAL)
