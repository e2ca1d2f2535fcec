"""Candidates: addresses that might be peers, and when each may be tried.

Bounded: a tracker, or anything else that hands out addresses, can fill the book but not
the memory. A candidate that was connected once is tried again soon and for ever; one that
never answered is tried a few times at growing distances, then forgotten.
"""

from collections.abc import Collection, Iterable
from enum import Enum
from heapq import nlargest, nsmallest
from random import Random
from typing import Final

from attrs import define

from txtorrent.address import Address, is_dialable
from txtorrent.swarm.banlist import BanList
from txtorrent.swarm.priority import peer_priority

MOST_CANDIDATES: Final = 3000
"""Enough for any swarm that one torrent can use; about 200 bytes each."""
FIRST_RETRY: Final = 15.0
"""Seconds before a failed candidate is tried again; doubled with each failure."""
SLOWEST_RETRY_KNOWN: Final = 60.0
"""Seconds: a peer that worked once is looked for at least this often."""
SLOWEST_RETRY: Final = 3600.0
MOST_FAILURES: Final = 8
"""In a row, before a candidate that never answered is forgotten."""


class Source(Enum):
    """Where a candidate came from. What the user named is tried first."""

    USER = 0
    TRACKER = 1
    DHT = 2
    LOCAL = 3
    PEX = 4
    INCOMING = 5
    """It connected to us and told its port."""


@define(eq=False)
class Candidate:
    """One address and what came of dialling it."""

    address: Address
    source: Source
    order: float
    failures: int = 0
    retry_at: float = 0.0
    was_connected: bool = False
    busy: bool = False
    """Being dialled, or connected."""


class PeerBook:
    """The candidates of one torrent. Times are seconds of one monotonic clock.

    `ourselves` is our own address as others see it, once it is known: it ranks the
    candidates (BEP 40).
    """

    def __init__(self, random: Random, bans: BanList) -> None:
        self._random = random
        self._bans = bans
        self._candidates: dict[Address, Candidate] = {}
        self._own: set[Address] = set()
        self._ourselves: Address | None = None
        self._waiting: int | None = None
        self._none_before = float("-inf")

    def __len__(self) -> int:
        return len(self._candidates)

    def add(self, addresses: Iterable[Address], source: Source) -> int:
        """Note addresses; returns how many were new. Unusable ones and our own are dropped."""
        fresh = dict.fromkeys(address for address in addresses if self._is_new(address, source))
        self._make_room(len(fresh))
        fitting = tuple(fresh)[: max(0, MOST_CANDIDATES - len(self._candidates))]
        for address in fitting:
            self._candidates[address] = Candidate(address, source, self._rank(address))
        if fitting:
            self._changed()
        return len(fitting)

    def next_to_dial(self, count: int, now: float) -> list[Address]:
        """Up to `count` addresses to dial now, the best first; each is then busy."""
        if now < self._none_before:
            return []
        ready = (
            candidate
            for candidate in self._candidates.values()
            if not candidate.busy
            and candidate.retry_at <= now
            and not self._bans.is_banned(candidate.address.host, now)
        )
        chosen = nsmallest(count, ready, key=lambda c: (c.failures, c.source.value, c.order))
        for candidate in chosen:
            candidate.busy = True
        self._changed()
        if len(chosen) < count:
            idle = (each.retry_at for each in self._candidates.values() if not each.busy)
            self._none_before = min(idle, default=float("inf"))
        return [candidate.address for candidate in chosen]

    def waiting(self) -> int:
        """Candidates that are neither dialled nor connected, and did not fail when last tried."""
        if self._waiting is None:
            self._waiting = sum(not (c.busy or c.failures) for c in self._candidates.values())
        return self._waiting

    def connected(self, address: Address) -> None:
        """There is a connection to this address."""
        if candidate := self._candidates.get(address):
            candidate.busy = True
            self._changed()

    def failed(self, address: Address, now: float) -> None:
        """Dialling failed, or the connection ended before it was of use."""
        candidate = self._candidates.get(address)
        if candidate is None:
            return
        candidate.busy = False
        candidate.failures += 1
        if candidate.failures >= MOST_FAILURES and not self._is_kept(candidate):
            del self._candidates[address]
        else:
            candidate.retry_at = now + self._back_off(candidate)
        self._changed()

    def disconnected(self, address: Address, now: float) -> None:
        """A connection that was of use has ended."""
        if candidate := self._candidates.get(address):
            candidate.busy, candidate.was_connected, candidate.failures = False, True, 0
            candidate.retry_at = now + self._jittered(FIRST_RETRY)
            self._changed()

    def forget(self, address: Address) -> None:
        """Never dial this address again unless somebody names it anew."""
        if self._candidates.pop(address, None) is not None:
            self._changed()

    def forget_blocked(self) -> None:
        """There is another blocklist: never dial those on it."""
        for address in tuple(self._candidates):
            if self._bans.blocklist.blocks(address.host):
                self.forget(address)

    def is_ourselves(self, address: Address) -> None:
        """Dialling this address reached ourselves: it is never a candidate again."""
        self._own.add(address)
        self.forget(address)

    def know_ourselves(self, address: Address) -> None:
        """Our own address as others see it: candidates are ranked by it from now on."""
        if address == self._ourselves:
            return
        self._ourselves = address
        for candidate in self._candidates.values():
            candidate.order = self._rank(candidate.address)

    def keep_only(self, sources: Collection[Source]) -> None:
        """Never dial those that came from elsewhere."""
        for address, candidate in tuple(self._candidates.items()):
            if candidate.source not in sources:
                self.forget(address)

    def source(self, address: Address) -> Source | None:
        """Where an address came from, if it is known."""
        candidate = self._candidates.get(address)
        return candidate.source if candidate is not None else None

    def ranked(self, now: float) -> list[Candidate]:
        """The candidates that are not banned, those that would be dialled first first."""
        known = [
            each
            for each in self._candidates.values()
            if not self._bans.is_banned(each.address.host, now)
        ]
        return sorted(known, key=lambda c: (c.failures, c.source.value, c.order))

    def rank(self, address: Address) -> float:
        """Place of an address in the canonical order; a lower number is preferred."""
        return self._rank(address)

    # -- inside ----------------------------------------------------------------------------

    def _changed(self) -> None:
        """What was found out by looking at all candidates is to be found out anew."""
        self._waiting = None
        self._none_before = float("-inf")

    def _is_new(self, address: Address, source: Source) -> bool:
        """Whether it is to be added; one that is known already may gain in rank."""
        known = self._candidates.get(address)
        if known is not None and source.value < known.source.value:
            known.source = source
        return (
            known is None
            and address not in self._own
            and is_dialable(address)
            and not self._bans.blocklist.blocks(address.host)
        )

    def _make_room(self, count: int) -> None:
        """Drop idle candidates, who failed most first, until `count` more fit or all are of use."""
        excess = len(self._candidates) + count - MOST_CANDIDATES
        if excess > 0:
            idle = (c for c in self._candidates.values() if not c.busy and not self._is_kept(c))
            for worst in nlargest(excess, idle, key=lambda c: (c.failures, c.order)):
                del self._candidates[worst.address]

    def _is_kept(self, candidate: Candidate) -> bool:
        return candidate.was_connected or candidate.source is Source.USER

    def _rank(self, address: Address) -> float:
        if self._ourselves is None:
            return self._random.random()
        return -peer_priority(self._ourselves, address)

    def _back_off(self, candidate: Candidate) -> float:
        slowest = SLOWEST_RETRY_KNOWN if self._is_kept(candidate) else SLOWEST_RETRY
        doublings = min(candidate.failures - 1, MOST_FAILURES)
        return self._jittered(min(slowest, FIRST_RETRY * 2.0**doublings))

    def _jittered(self, seconds: float) -> float:
        return seconds * self._random.uniform(0.8, 1.0)
