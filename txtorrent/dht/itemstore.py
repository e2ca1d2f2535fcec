"""Items that others have put with us, until two hours after they did (BEP 44).

The governing rule (THREATS C2): one address has a share and no more, and what has the least to do
here goes first: when there are too many bytes, the item farthest from our own id has to go, and a
new one that is farther still is not taken.
"""

from __future__ import annotations

from typing import Final

from attrs import define

from txtorrent.dht.gate import source_of
from txtorrent.dht.nodeid import number
from txtorrent.swarm.tally import Tally
from txtorrent.wire.dhtitem import Item

ITEM_LIFE: Final = 7200.0
"""Seconds: whoever wants an item to stay puts it again every hour (BEP 44)."""
MOST_BYTES: Final = 2_000_000
"""Of all items, with what keeping one takes: some 1,500 of the largest."""
MOST_OF_SOURCE: Final = 200
"""Items that one address has put last."""
OVERHEAD: Final = 400
"""Bytes that keeping an item takes besides its value."""


@define(eq=False)
class _Kept:
    item: Item
    source: str
    at: float

    @property
    def size(self) -> int:
        return len(self.item.value) + OVERHEAD


class ItemStore:
    """What one node keeps of others' items. `now` is the reactor's time in seconds."""

    def __init__(self) -> None:
        self._kept: dict[bytes, _Kept] = {}
        self._sources: Tally[str] = Tally()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, target: bytes, now: float) -> Item | None:
        """The item there, if there is one."""
        self.expire(now)
        kept = self._kept.get(target)
        return kept.item if kept is not None else None

    def put(self, item: Item, host: str, own_id: bytes, now: float) -> bool:
        """Keep an item that has been checked, in place of any there; whether there was room.

        `host` is the IP address that it came from."""
        self.expire(now)
        target, source = item.target, source_of(host)
        known = self._kept.get(target)
        if known is None and self._sources[source] >= MOST_OF_SOURCE:
            return False
        self._remove(target)
        kept = _Kept(item, source, now)
        self._kept[target] = kept
        self._bytes += kept.size
        self._sources.add(source)
        while self._bytes > MOST_BYTES:
            own = number(own_id)
            self._remove(max(self._kept, key=lambda each: number(each) ^ own))
        return target in self._kept

    def expire(self, now: float) -> None:
        """Forget those that have not been put for too long: they lie in the order of that."""
        while self._kept:
            target, kept = next(iter(self._kept.items()))
            if now - kept.at < ITEM_LIFE:
                return
            self._remove(target)

    def _remove(self, target: bytes) -> None:
        kept = self._kept.pop(target, None)
        if kept is not None:
            self._bytes -= kept.size
            self._sources.remove(kept.source)
