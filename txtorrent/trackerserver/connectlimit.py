"""How often one address is given a connection id: who sends packets in a victim's name (THREATS C1)
can have us send it no more than this."""

from __future__ import annotations

from typing import Final

from txtorrent.address import Reach, reach, text_of

WINDOW: Final = 10
"""Seconds for which requests are counted."""
PER_WINDOW: Final = 1000
"""Requests of one address: thousands of clients behind one router start over minutes."""
MOST_ADDRESSES: Final = 200_000
"""Addresses counted in a window; the others are not limited: there are too many for any of them
to be harmed."""


class ConnectLimit:
    """Counts in windows of time. Times are whole seconds of one clock."""

    def __init__(self) -> None:
        self._window = 0
        self._seen: dict[bytes, int] = {}

    def allows(self, host: bytes, now: int) -> bool:
        """Whether this one is to be answered. No stranger's packets come from loopback."""
        if now - self._window >= WINDOW:
            self._window, self._seen = now, {}
        seen = self._seen.get(host, 0)
        if seen or len(self._seen) < MOST_ADDRESSES:
            self._seen[host] = seen + 1
        return seen < PER_WINDOW or reach(text_of(host)) is Reach.LOOPBACK
