"""One swarm in memory: seeds and leechers, of both address families, each peer counted once."""

from __future__ import annotations

from collections.abc import Iterator

from txtorrent.trackerserver.crowd import Below, Crowd
from txtorrent.wire.received import ReceivedAnnounce, Selection

WIDTHS = (6, 18)
"""Bytes of a compact address (BEP 23, BEP 7), by family: 0 is IPv4, 1 is IPv6."""
PORT_SIZE = 2
"""Bytes of it that are the port."""
NOBODY = (b"", b"")
"""No addresses, no ids."""


class Party:
    """The seeds of a swarm, or its leechers: a crowd for each family that is not empty. `count` is
    how many they are; who is in both crowds counts once."""

    __slots__ = ("count", "crowds")

    def __init__(self) -> None:
        self.crowds: list[Crowd | None] = [None, None]
        self.count = 0

    def find(self, tail: bytes, family: int) -> int:
        """The position of a peer in a family's crowd; -1 when it is not there."""
        crowd = self.crowds[family]
        return -1 if crowd is None else crowd.find(tail)

    def has(self, tail: bytes) -> bool:
        """Whether a peer is in the crowd of either family."""
        return self.find(tail, 0) >= 0 or self.find(tail, 1) >= 0

    def add(self, tail: bytes, address: bytes, expires: int, below: Below) -> int:
        """Take in a peer that is not in the crowd of its address's family; gives its position."""
        family = WIDTHS.index(len(address))
        crowd = self.crowds[family]
        if crowd is None:
            crowd = self.crowds[family] = Crowd(len(address))
        self.count += self.find(tail, 1 - family) < 0
        return crowd.add(tail, address, expires, below)

    def remove(self, tail: bytes, family: int) -> tuple[bytes, int] | None:
        """Forget a peer of one family; gives its address and when it would have been forgotten."""
        crowd = self.crowds[family]
        position = -1 if crowd is None else crowd.find(tail)
        if crowd is None or position < 0:
            return None
        row = crowd.address(position), crowd.expiries[position]
        self.count -= self.find(tail, 1 - family) < 0
        crowd.remove(position)
        if not len(crowd):
            self.crowds[family] = None
        return row


class Swarm:
    """Who is in a swarm. `touched` is when the last peer came or went."""

    __slots__ = ("completed", "leechers", "seeders", "touched")

    def __init__(self, now: int) -> None:
        self.seeders = Party()
        self.leechers = Party()
        self.completed = 0
        self.touched = now

    @property
    def parties(self) -> tuple[Party, Party]:
        """Seeds and leechers."""
        return self.seeders, self.leechers

    @property
    def rows(self) -> int:
        """How many addresses are kept."""
        return sum(len(crowd) for crowd in self.crowds())

    def crowds(self) -> Iterator[Crowd]:
        """Those that are not empty."""
        for party in self.parties:
            yield from (crowd for crowd in party.crowds if crowd is not None)

    def take(self, party: Party, tail: bytes, address: bytes, expires: int, below: Below) -> int:
        """A peer is in this party from now on, with all its addresses, and in no other; gives its
        position in the crowd of this one."""
        other = self.leechers if party is self.seeders else self.seeders
        for family in (0, 1):
            row = other.remove(tail, family)
            if row is not None and len(row[0]) != len(address):
                party.add(tail, row[0], row[1], below)
        self._replace(address)
        return party.add(tail, address, expires, below)

    def knows(self, tail: bytes) -> bool:
        """Whether a peer is here, in either party and family."""
        return any(party.has(tail) for party in self.parties)

    def forget(self, tail: bytes) -> None:
        """A peer is gone, wherever it was."""
        for party in self.parties:
            for family in (0, 1):
                party.remove(tail, family)

    def absorb(self, older: Swarm, below: Below) -> None:
        """Take over all of a swarm as it was before; where they differ, what is here counts."""
        for party, before in zip(self.parties, older.parties, strict=True):
            for crowd in filter(None, party.crowds):
                family = WIDTHS.index(crowd.width)
                for row in range(len(crowd)):
                    tail = crowd.tail(row)
                    before.remove(tail, family)
                    older.take(before, tail, crowd.address(row), crowd.expiries[row], below)
        self.seeders, self.leechers = older.parties
        self.completed += older.completed

    def selection(
        self,
        announce: ReceivedAnnounce,
        tail: bytes,
        position: int,
        with_ids: bool,
        below: Below,
    ) -> Selection:
        """What a peer is told: of its own family first, in which it has this position, the rest of
        the other one."""
        own = len(announce.host) != WIDTHS[0] - PORT_SIZE
        left, wanted = announce.left, announce.numwant or 0
        here = there = NOBODY
        if wanted:
            here = self._others(own, left, position, wanted, with_ids, below)
            wanted -= len(here[0]) // WIDTHS[own]
        if wanted > 0:
            position = (self.leechers if left else self.seeders).find(tail, not own)
            there = self._others(not own, left, position, wanted, with_ids, below)
        (peers4, ids4), (peers6, ids6) = (there, here) if own else (here, there)
        return Selection(
            self.seeders.count, self.leechers.count, self.completed, peers4, peers6, ids4, ids6
        )

    def _others(
        self,
        family: int,
        left: int,
        position: int,
        wanted: int,
        with_ids: bool,
        below: Below,
    ) -> tuple[bytes, bytes]:
        """Up to `wanted` peers of a family, each as likely as another, for one that has so much
        left, and this position if it is of that family, too: compact addresses and ids. Seeds have
        no use for seeds."""
        leechers, seeders = self.leechers.crowds[family], self.seeders.crowds[family]
        if not left:
            return NOBODY if leechers is None else leechers.some(wanted, -1, with_ids, below)
        if leechers is None:
            return NOBODY if seeders is None else seeders.some(wanted, -1, with_ids, below)
        if seeders is None:
            return leechers.some(wanted, position, with_ids, below)
        count = len(seeders.expiries)
        total = count + len(leechers.expiries) - (position >= 0)
        # As many of each as there are, by chance.
        share = count if total <= wanted else (wanted * count + below(total)) // total
        seeds, seed_ids = seeders.some(share, -1, with_ids, below)
        others, ids = leechers.some(wanted - share, position, with_ids, below)
        return seeds + others, seed_ids + ids

    def _replace(self, address: bytes) -> None:
        """Forget who was at an address that is somebody else's now: a client that was started
        again without having said that it stops."""
        family = WIDTHS.index(len(address))
        for party in self.parties:
            crowd = party.crowds[family]
            stranger = crowd.stranger_at(address) if crowd is not None else None
            if stranger is not None:
                party.remove(stranger, family)
