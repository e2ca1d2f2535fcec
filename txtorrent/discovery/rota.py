"""Whose turn it is to be announced to the local network, and when the next datagram may go out.

BEP 14: each torrent every five minutes, and no more than one announce a minute. A datagram a
minute has room for 120 torrents in five; with more of them datagrams are closer together, but never
closer than a second. 7,200 torrents are announced in five minutes then, and more take longer.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import Final

from txtorrent.wire.lsd import MOST_TORRENTS

EVERY: Final = 300.0
"""Seconds between two announces of a torrent (BEP 14)."""
LONGEST_GAP: Final = 60.0
"""Seconds between two datagrams while few torrents are announced (BEP 14); also between two
announces of a torrent that left and came back."""
SHORTEST_GAP: Final = 1.0
"""Seconds between two datagrams, however many torrents there are: 1.4 KB/s."""


class Rota:
    """The torrents that are announced: new ones first, then those that have waited longest."""

    def __init__(self) -> None:
        self._new: dict[bytes, None] = {}
        self._due: OrderedDict[bytes, float] = OrderedDict()
        self._left: OrderedDict[bytes, float] = OrderedDict()
        self._not_before = 0.0

    def __len__(self) -> int:
        return len(self._new) + len(self._due)

    def __contains__(self, info_hash: bytes) -> bool:
        return info_hash in self._new or info_hash in self._due

    def join(self, info_hash: bytes, now: float, gather: float) -> None:
        """Announce this one from now on. When a datagram might go out at once it waits for
        `gather` seconds, so that those that join together are announced together."""
        if info_hash in self:
            return
        self._forget_left(now)
        announced = self._left.pop(info_hash, None)
        if announced is not None:
            self._due[info_hash] = announced + EVERY
            return
        if not self._new:
            self._not_before = max(self._not_before, now + gather)
        self._new[info_hash] = None

    def leave(self, info_hash: bytes, now: float) -> None:
        """Do not announce this one again."""
        self._new.pop(info_hash, None)
        due = self._due.pop(info_hash, None)
        if due is not None and due - EVERY > now - LONGEST_GAP:
            self._left[info_hash] = due - EVERY
        self._forget_left(now)

    def next_at(self) -> float | None:
        """When the next datagram may go out; None when there is nothing to announce."""
        if self._new:
            return self._not_before
        if self._due:
            return max(next(iter(self._due.values())), self._not_before)
        return None

    def take(self, now: float) -> tuple[bytes, ...]:
        """Those that one datagram announces now; empty when it is not time."""
        at = self.next_at()
        if at is None or at > now:
            return ()
        taken = list(islice(self._new, MOST_TORRENTS))
        for info_hash in taken:
            del self._new[info_hash]
        for info_hash, due in islice(self._due.items(), MOST_TORRENTS - len(taken)):
            if due <= now:
                taken.append(info_hash)
        for info_hash in taken:
            self._due[info_hash] = now + EVERY
            self._due.move_to_end(info_hash)
        self._not_before = now + self._gap()
        return tuple(taken)

    def _gap(self) -> float:
        datagrams = -(-len(self) // MOST_TORRENTS)
        return min(max(EVERY / datagrams, SHORTEST_GAP), LONGEST_GAP)

    def _forget_left(self, now: float) -> None:
        while self._left and next(iter(self._left.values())) <= now - LONGEST_GAP:
            self._left.popitem(last=False)
