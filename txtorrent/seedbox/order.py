"""The order of the queue over all torrents, and what is written of it.

A torrent's position is counted, from 0 without gaps; what is kept over restarts is its rank, any
number that is larger than that of the one before. So when torrents are moved or go, only those
that were moved have to be written.
"""

from bisect import insort
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from txtorrent.seedbox.entry import Entry
from txtorrent.swarm.queue import Move, moved, placed


class Order:
    """All entries in their order, their `queue_position` up to date."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._given = 0.0

    def next_rank(self) -> float:
        """For one that is to be the last; never given twice."""
        last = self._entries[-1].record.queue_rank if self._entries else 0.0
        self._given = max(self._given, last) + 1
        return self._given

    def restore(self, entries: Iterable[Entry]) -> None:
        """Take the order from what was kept; of equals the one that was added first leads."""
        self._entries = sorted(entries, key=lambda entry: (entry.record.queue_rank, entry.id))
        self._number()

    def add(self, entry: Entry) -> None:
        """A torrent comes, to where its rank says: that is the end, or nearly."""
        insort(self._entries, entry, key=lambda each: each.record.queue_rank)
        entry.queue_position = len(self._entries) - 1
        if self._entries[-1] is not entry:
            self._number()

    def remove(self, gone: Collection[Entry]) -> None:
        """Torrents go."""
        leaving = frozenset(gone)
        self._entries = [entry for entry in self._entries if entry not in leaving]
        self._number()

    def move(self, chosen: Collection[Entry], move: Move) -> "Moved":
        """Move torrents, which keep their order among themselves."""
        return self._become(moved(self._entries, frozenset(chosen), move), frozenset(chosen))

    def place(self, entry: Entry, position: int) -> "Moved":
        """Move one to a position; beyond the end is the end."""
        return self._become(placed(self._entries, entry, position), frozenset((entry,)))

    def _become(self, order: list[Entry], chosen: frozenset[Entry]) -> "Moved":
        self._entries = order
        ranks = _ranks(order, chosen)
        for entry, rank in ranks.items():
            entry.record.queue_rank = rank
        return list(ranks), self._number()

    def _number(self) -> list[Entry]:
        """Who has another position than before."""
        touched = []
        for position, entry in enumerate(self._entries):
            if entry.queue_position != position:
                entry.queue_position = position
                touched.append(entry)
        return touched


Moved = tuple[list[Entry], list[Entry]]
"""Those whose rank has changed, to be written, and those whose position has, to be told."""


def _ranks(order: Sequence[Entry], chosen: Collection[Entry]) -> dict[Entry, float]:
    """New ranks with which all ascend: of the chosen ones, or of all if there is no room."""
    found: dict[Entry, float] = {}
    run: list[Entry] = []
    before: float | None = None
    for entry in order:
        if entry in chosen:
            run.append(entry)
            continue
        after = entry.record.queue_rank
        if run:
            found |= zip(run, _between(before, after, len(run)), strict=True)
            run = []
        before = after
    found |= zip(run, _between(before, None, len(run)), strict=True)
    ranks = [found.get(entry, entry.record.queue_rank) for entry in order]
    if all(one < other for one, other in pairwise(ranks)):
        return found
    return {entry: float(position) for position, entry in enumerate(order)}


def _between(before: float | None, after: float | None, count: int) -> list[float]:
    """So many ranks that ascend between two, None at an end."""
    if after is None:
        begin = 0.0 if before is None else before + 1
        return [begin + i for i in range(count)]
    if before is None:
        return [after - count + i for i in range(count)]
    return [before + (after - before) * (i + 1) / (count + 1) for i in range(count)]
