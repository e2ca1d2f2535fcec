"""The trackers of one torrent, in their tiers, in the order they are asked in (BEP 12).

What a tracker has said takes memory only once it was asked: of most torrents that is one tracker,
however many are listed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain, count, islice, pairwise
from random import Random
from sys import intern
from typing import NamedTuple

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


class Row(NamedTuple):
    """A tracker as it stands among the others; `tracker` is None if it was never asked.

    `is_front`: it is asked before the others of its tier; `is_first`: before all others.
    """

    id: int
    url: str
    tier: int
    tracker: Tracker | None
    is_front: bool
    is_first: bool


def _url(entry: Tracker | str) -> str:
    return entry if isinstance(entry, str) else entry.url


class Tiers:
    """Trackers in the order they are asked in: shuffled once, then those that answer come first.

    `own` are the torrent's, `listing` those and the session's. `_order` has the trackers of all
    tiers, one tier behind the other: of those that were never asked just the URL. `_ids` are those
    of `listing`, end to end; None while they are 0, 1, 2...
    """

    __slots__ = ("_ids", "_next_id", "_order", "listing", "own")

    def __init__(
        self, own: Sequence[Sequence[str]], defaults: Sequence[Sequence[str]], random: Random
    ) -> None:
        self.own: Listing = listed(own)
        self.listing: Listing = ()
        self._order: list[Tracker | str] = []
        self._ids: tuple[int, ...] | None = None
        self._next_id = 0
        self.replace(self.own, defaults, random)

    def replace(
        self, own: Sequence[Sequence[str]], defaults: Sequence[Sequence[str]], random: Random
    ) -> list[Tracker]:
        """Take these from now on; those that stay keep what they said, and their ids.

        Gives those that were asked and do not stay. Of a tier those that stay come first. The
        defaults come last, and those that are listed in `own` as well are none of its own, unless
        they were before.
        """
        before_own = set(chain.from_iterable(self.own))
        foreign = set(chain.from_iterable(defaults)) - before_own
        self.own = listed([[url for url in tier if url not in foreign] for tier in own])
        listing = listed((*self.own, *defaults)) if defaults else self.own
        if listing == self.listing:
            return []
        self._identify(listing)
        before = {_url(entry): entry for entry in self._order}
        self.listing, self._order = listing, []
        for number, urls in enumerate(listing):
            stay = [before.pop(url) for url in [*before] if url in urls]
            new = [url for url in urls if url not in map(_url, stay)]
            if len(new) > 1:
                random.shuffle(new)
            for tracker in stay:
                if isinstance(tracker, Tracker):
                    tracker.tier = number
            self._order += [*stay, *new]
        return [entry for entry in before.values() if isinstance(entry, Tracker)]

    def _identify(self, listing: Listing) -> None:
        """Number those that are new; a number is never given to another URL."""
        if not self._next_id:
            self._next_id = sum(map(len, listing))
            return
        ids = dict(self._numbered())
        for url in chain.from_iterable(listing):
            if url not in ids:
                ids[url] = self._next_id
                self._next_id += 1
        self._ids = tuple(ids[url] for url in chain.from_iterable(listing))

    def _numbered(self) -> Iterator[tuple[str, int]]:
        """Give the URLs in the order of the list, with their ids."""
        urls = chain.from_iterable(self.listing)
        return zip(urls, count() if self._ids is None else self._ids, strict=False)

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Tracker]:
        """Give the trackers in order; a promotion meanwhile changes the next iteration only."""
        for entry in tuple(self._order):
            yield self._tracker(entry) if isinstance(entry, str) else entry

    def known(self) -> Iterator[Tracker]:
        """Give those that were asked, in order."""
        return iter([entry for entry in self._order if not isinstance(entry, str)])

    def rows(self) -> Iterator[Row]:
        """Give what there is to see of each, in the order of the list."""
        known = {entry.url: entry for entry in self.known()}
        fronts = {_url(self._order[first]) for first, _ in self._bounds()}
        first = _url(self._order[0]) if self._order else ""
        ids = self._numbered()
        for tier, urls in enumerate(self.listing):
            for url, number in islice(ids, len(urls)):
                yield Row(number, url, tier, known.get(url), url in fronts, url == first)

    def comes_before(self, tracker: Tracker) -> bool:
        """Whether one that was never asked is to be asked before this one."""
        for entry in self._order:
            if entry is tracker:
                return False
            if isinstance(entry, str):
                return True
        return True

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
