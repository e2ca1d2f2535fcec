"""The trackers of one torrent, in their tiers, in the order they are asked in (BEP 12).

What a tracker has said takes memory only once it was asked: of most torrents that is one tracker,
however many are listed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from random import Random
from sys import intern

from txtorrent.tracker.tracker import Tracker

MAX_TRACKERS = 500
"""Trackers of one torrent: people paste in lists of public ones, of up to some hundred."""

Listing = tuple[tuple[str, ...], ...]
"""URLs in their tiers."""


def listed(tiers: Sequence[Sequence[str]]) -> Listing:
    """Give each URL once, at most `MAX_TRACKERS`, without empty tiers; equal lists are one."""
    return _shared(tuple(_cleaned(tiers)))


@lru_cache(maxsize=1024)
def _shared(listing: Listing) -> Listing:
    """Give the one that all torrents with these trackers have."""
    return tuple(tuple(intern(url) for url in tier) for tier in listing)


def _cleaned(tiers: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    seen: set[str] = set()
    for urls in tiers:
        fresh = [str(url) for url in dict.fromkeys(urls) if url not in seen]
        fresh = fresh[: MAX_TRACKERS - len(seen)]
        seen.update(fresh)
        if fresh:
            yield tuple(fresh)


class Tiers:
    """Trackers in the order they are asked in: shuffled once, then those that answer come first.

    `_order` has the trackers of all tiers, one tier behind the other: of those that were never
    asked just the URL.
    """

    __slots__ = ("_order", "listing")

    def __init__(self, tiers: Sequence[Sequence[str]], random: Random) -> None:
        self.listing = listed(tiers)
        self._order: list[Tracker | str] = []
        for urls in self.listing:
            tier = list(urls)
            if len(tier) > 1:
                random.shuffle(tier)
            self._order += tier

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Tracker]:
        """Give the trackers in order; a promotion meanwhile changes the next iteration only."""
        for entry in tuple(self._order):
            yield self._tracker(entry) if isinstance(entry, str) else entry

    def known(self) -> Iterator[Tracker]:
        """Give those that were asked, in order."""
        return iter([entry for entry in self._order if not isinstance(entry, str)])

    def next_chance(self, completed: bool) -> float:
        """Give the time from which one of them may be asked; infinity: never."""
        chances = (
            0.0 if isinstance(entry, str) else entry.next_chance(completed) for entry in self._order
        )
        return min(chances, default=math.inf)

    def promote(self, tracker: Tracker) -> None:
        """Put a tracker that answered at the front of its tier."""
        first, _ = self._bounds()[tracker.tier]
        if self._order[first] is not tracker:
            self._order.remove(tracker)
            self._order.insert(first, tracker)

    def _tracker(self, url: str) -> Tracker:
        """Give the tracker of a URL, from now on with what it says."""
        place = self._order.index(url)
        tier = next(n for n, (_, end) in enumerate(self._bounds()) if place < end)
        tracker = self._order[place] = Tracker(url, tier)
        return tracker

    def _bounds(self) -> list[tuple[int, int]]:
        """Give for each tier where it begins and ends in `_order`."""
        return list(pairwise(accumulate(map(len, self.listing), initial=0)))
