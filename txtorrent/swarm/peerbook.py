"""Candidates: addresses that might be peers, and when each may be tried.

Bounded: a tracker, or anything else that hands out addresses, can fill the book but not
the memory. A candidate that was connected once is tried again soon and for ever; one that
never answered is tried a few times at growing distances, then forgotten.

What peers say of others (BEP 11) is trusted least: it is tried last, makes room first, and no peer
may fill more than a share of the book with it, nor have us dial one host again and again.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from enum import Enum
from heapq import nlargest, nsmallest
from random import Random
from typing import Final

from attrs import define

from txtorrent.address import Address, Reach, is_dialable, reach
from txtorrent.swarm.banlist import BanList, party
from txtorrent.swarm.crowding import MOST_PER_HOST
from txtorrent.swarm.priority import peer_priority
from txtorrent.swarm.tally import Tally

MOST_CANDIDATES: Final = 3000
"""Enough for any swarm that one torrent can use; about 200 bytes each."""
MOST_OF_SOURCE: Final = MOST_CANDIDATES // 10
"""That one peer may have named: who wants to lead us astray needs many (THREATS B11)."""
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
    INCOMING = 4
    """It connected to us and told its port."""
    PEX = 5


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
    via: str | None = None
    """Who named it, if it counts towards what that one may name."""


def _turn(candidate: Candidate) -> tuple[bool, int, int, float]:
    """Who is dialled first: who was named by a peer comes after all that others know of."""
    source = candidate.source
    return source is Source.PEX, candidate.failures, source.value, candidate.order


def _burden(candidate: Candidate) -> tuple[bool, int, float]:
    """Who is missed least comes last."""
    return candidate.source is Source.PEX, candidate.failures, candidate.order


class PeerBook:
    """The candidates of one torrent. Times are seconds of one monotonic clock.

    `ourselves` is our own address as others see it, once it is known: it ranks the
    candidates (BEP 40).
    """

    def __init__(self, random: Random, bans: BanList) -> None:
        self._random = random
        self._bans = bans
        self._candidates: dict[Address, Candidate] = {}
        self._named: Tally[str] = Tally()
        """How many candidates are there by whom."""
        self._own: set[Address] = set()
        self._ourselves: Address | None = None
        self._waiting: int | None = None
        self._none_before = float("-inf")

    def __len__(self) -> int:
        return len(self._candidates)

    def add(self, addresses: Iterable[Address], source: Source, via: str | None = None) -> int:
        """Note addresses; returns how many were new. Unusable ones and our own are dropped.

        `via` is the host of the peer that named them, if one did.
        """
        fresh = dict.fromkeys(address for address in addresses if self._is_new(address, source))
        if source is Source.PEX:
            fresh = dict.fromkeys(self._uncrowded(fresh))
        by = None if via is None else party(via)
        fitting = self._fitting(tuple(fresh), source, by)
        for address in fitting:
            self._candidates[address] = Candidate(address, source, self._rank(address), via=by)
            if by is not None:
                self._named.add(by)
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
        chosen = nsmallest(count, ready, key=_turn)
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
            self._drop(candidate)
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
        if candidate := self._candidates.get(address):
            self._drop(candidate)
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
        return sorted(known, key=_turn)

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
            self._disown(known)
        return (
            known is None
            and address != self._ourselves
            and address not in self._own
            and is_dialable(address)
            and not self._bans.blocklist.blocks(address.host)
        )

    def _uncrowded(self, addresses: Iterable[Address]) -> Iterator[Address]:
        """Those that do not have us knock at many ports of somebody's host (BEP 11). In our own
        network peers may well share one."""
        known = (c for c in self._candidates.values() if c.source is Source.PEX)
        of_host = Counter(party(candidate.address.host) for candidate in known)
        for address in addresses:
            host = party(address.host)
            of_host[host] += 1
            if of_host[host] <= MOST_PER_HOST or reach(address.host) is not Reach.GLOBAL:
                yield address

    def _fitting(
        self, fresh: tuple[Address, ...], source: Source, by: str | None
    ) -> tuple[Address, ...]:
        """Those for which there is room, in the book and in the share of who named them."""
        if by is not None:
            self._make_room(self._named[by] + len(fresh) - MOST_OF_SOURCE, self._worn_out(by))
            fresh = fresh[: max(0, MOST_OF_SOURCE - self._named[by])]
        excess = len(self._candidates) + len(fresh) - MOST_CANDIDATES
        self._make_room(excess, self._worn_out() if source is Source.PEX else self._idle())
        return fresh[: max(0, MOST_CANDIDATES - len(self._candidates))]

    def _make_room(self, excess: int, among: Iterator[Candidate]) -> None:
        """Drop so many of these, what peers named first, then who failed most."""
        if excess > 0:
            for worst in nlargest(excess, among, key=_burden):
                self._drop(worst)

    def _idle(self) -> Iterator[Candidate]:
        """Those of no use yet."""
        return (c for c in self._candidates.values() if not c.busy and not self._is_kept(c))

    def _worn_out(self, by: str | None = None) -> Iterator[Candidate]:
        """Those that peers named, or one of them did, and that did not answer. One that is
        untried is as good as the next, which must not push it out."""
        named = (c for c in self._idle() if c.source is Source.PEX and c.failures)
        return named if by is None else (c for c in named if c.via == by)

    def _drop(self, candidate: Candidate) -> None:
        del self._candidates[candidate.address]
        self._disown(candidate)

    def _disown(self, candidate: Candidate) -> None:
        """It counts no longer towards what anybody may name."""
        if candidate.via is not None:
            self._named.remove(candidate.via)
            candidate.via = None

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
