"""Rarest first: how many peers have each piece, and the pieces still to be begun.

What must stay true: availability and what may be begun are exact at every moment; the order
of rarity is as of the last sort. A `have` is then one addition, however many pieces there are.
A sort goes on by a slice at a time while blocks are picked, so that no call is long, and the
next begins so late that all take 1 % of the time. Between two sorts each peer walks along the
order from where it stopped. Memory: 12 bytes a piece, and 5 KB a peer at most.

Pieces of higher priority come before all others: there is an order for each level of priority, and
a peer walks along one after the other.
"""

import re
import sys
from array import array
from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from itertools import chain, islice
from random import Random
from typing import Final

from txtorrent.bitfield import Bitfield
from txtorrent.swarm.peer import Peer
from txtorrent.swarm.selection import first_from

SLICE: Final = 4096
"""Pieces sorted by one call: 0.4 ms."""
SORT_EVERY: Final = 15e-6
"""Seconds a piece between sorts, which take 0.1 us a piece: 1 s for 65,536 pieces."""
SORT_LEAST: Final = 0.1
"""Seconds between sorts of a small torrent: peers begin their walks anew after each."""
CLASSES: Final = 1024
"""Equally rare pieces stand in random order of their numbers modulo this: as good as a shuffle
of them all, in a tenth of the time."""
ROW: Final = 64
"""Pieces of a row of the order: a begun piece is cut out of its row, so that it should be short."""
FEW: Final = 128
"""Bytes of a bitfield whose pieces are sorted for one peer alone, in 0.1 to 0.4 ms."""
PATIENCE: Final = 1024
"""Pieces that a peer lacks and passes along the order, in 0.04 ms, before some of its own are
sorted for it. Each that it has makes up for a ROW of others."""
MOST_NEWS: Final = 256
"""Pieces remembered for a peer that had none to begin; with more its walk begins anew."""
MOST_RETURNED: Final = 64
"""Pieces given back that every peer looks at; with more all walks begin anew."""
TRIES: Final = 16
"""Draws of any piece before a search: a peer with half of them fails once in 65,536 times."""
COUNTED: Final = 2048
"""Bytes of a bitfield counted by one addition: numbers of 32 KiB stay in the core's cache."""

MASK: Final = bytes(0x80 >> (index & 7) for index in range(256))
_PLACES: Final = [[place for place in range(8) if byte & MASK[place]] for byte in range(256)]
_NOT_ZERO: Final = re.compile(rb"[^\0]")

# Availabilities are lanes of 16 bits in one large number, and the bits of a bitfield are spread
# to such lanes, each place of a byte for all bytes at once: 65,536 pieces are counted by four
# additions, in 0.4 ms instead of 10 ms. No lane overflows into the next, as there are fewer
# connections than 65,536.
_AT_PLACE: Final = [
    bytes(1 if byte & MASK[place] else 0 for byte in range(256)) for place in range(8)
]
_LOW: Final = 0 if sys.byteorder == "little" else 1


def _lanes(bits: bytearray) -> bytearray:
    """16 bits for each bit: 1 or 0."""
    lanes = bytearray(16 * len(bits))
    for place, table in enumerate(_AT_PLACE):
        lanes[2 * place + _LOW :: 16] = bits.translate(table)
    return lanes


class Walk:
    """How far a peer is along the order. `news` are pieces that turned up after its end."""

    __slots__ = ("ahead", "news")

    def __init__(self, ahead: Iterator[int]) -> None:
        self.ahead = ahead
        self.news: list[int] | None = None


class Rarity:
    """The pieces that may be begun, `offered` at first, by availability, ties at random."""

    __slots__ = (
        "_availability", "_due", "_layered", "_levels", "_offered", "_orders", "_random",
        "_returned", "_seeds", "_sort", "_stale", "_walks",
    )  # fmt: skip

    def __init__(self, offered: Bitfield, random: Random) -> None:
        # Whole bytes of pieces, as bitfields have them.
        self._availability = array("H", bytes(16 * len(offered.bits)))
        self._random = random
        self._seeds = 0
        self._walks: dict[Peer, Walk] = {}
        self._returned: dict[int, None] = {}
        self.arrange(offered, None)

    def arrange(self, offered: Bitfield, levels: Sequence[bytes] | None) -> None:
        """These pieces may be begun from now on. `levels`: the bits of the pieces of each priority,
        the most urgent first; None: all have the same."""
        self._offered = offered
        self._levels: Sequence[bytes | None] = levels or (None,)
        self._layered = len(self._levels) > 1
        self._orders: list[list[array[int]]] = [[] for _ in self._levels]
        self._sort: Iterator[None] | None = None
        self._stale = True
        self._due = 0.0
        self._walks.clear()
        self._returned.clear()

    @property
    def remaining(self) -> int:
        """Pieces that may be begun."""
        return self._offered.count

    def availability(self, piece: int) -> int:
        """Connected peers that have the piece."""
        return self._availability[piece] + self._seeds

    def counts(self) -> list[int]:
        """For each piece the connected peers that have it."""
        seeds = self._seeds
        return [count + seeds for count in self._availability[: self._offered.size]]

    # -- what may be begun -----------------------------------------------------------------

    def offer(self, piece: int) -> None:
        """The piece may be begun (wanted, not had, not under way)."""
        if self._offered.add(piece):
            self._stale = True
            if len(self._returned) < MOST_RETURNED:
                self._returned[piece] = None
            else:
                self._walks.clear()

    def withdraw(self, piece: int) -> None:
        """The piece must not be begun (had, or under way)."""
        self._offered.discard(piece)
        self._returned.pop(piece, None)

    def offered(self, piece: int) -> bool:
        """Whether the piece may be begun."""
        return piece in self._offered

    def level(self, piece: int) -> int:
        """How many levels of more urgent pieces there are than that of this piece, which may be
        begun."""
        at, mask = piece >> 3, MASK[piece & 7]
        levels = enumerate(self._levels)
        return next(number for number, bits in levels if bits is None or bits[at] & mask)

    # -- who has what ----------------------------------------------------------------------

    def add_pieces(self, peer: Peer, pieces: Bitfield) -> None:
        """The peer has these as well, none of which was counted before.

        All at once are those of a seed, and cost nothing: they change no order.
        """
        self._walks.pop(peer, None)
        if pieces.is_full:
            self._seeds += 1
        elif pieces:
            self._count(pieces, 1)

    def add_have(self, peer: Peer, piece: int) -> None:
        """The peer has one piece more."""
        self._availability[piece] += 1
        self._stale = True
        walk = self._walks.get(peer)
        if walk is None or (walk.news is None and not self._layered):
            return
        if walk.news is not None and len(walk.news) < MOST_NEWS and not self._layered:
            walk.news.append(piece)
        else:
            del self._walks[peer]

    def spread(self, peer: Peer) -> None:
        """The peer, which has all, was counted as a seed; from now on its pieces are."""
        self._walks.pop(peer, None)
        self._seeds -= 1
        self._count(peer.have, 1)

    def remove_have(self, piece: int) -> None:
        """A peer, which is no seed, has one piece less: its walk passes it by."""
        self._availability[piece] -= 1
        self._stale = True

    def remove_peer(self, peer: Peer) -> None:
        """The peer left."""
        self._walks.pop(peer, None)
        if peer.joined_as_seed:
            self._seeds -= 1
        elif peer.have:
            self._count(peer.have, -1)

    def _count(self, pieces: Bitfield, by: int) -> None:
        order, counts = sys.byteorder, memoryview(self._availability).cast("B")
        for at in range(0, len(pieces.bits), COUNTED):
            lanes = _lanes(pieces.bits[at : at + COUNTED])
            some = counts[16 * at : 16 * at + len(lanes)]
            total = int.from_bytes(some, order) + by * int.from_bytes(lanes, order)
            some[:] = total.to_bytes(len(lanes), order)
        self._stale = True

    def forget(self, peer: Peer) -> None:
        """The peer left when nothing is to be begun ever again, so that no count matters; or its
        pieces are in another bitfield from now on."""
        self._walks.pop(peer, None)

    # -- which is next ---------------------------------------------------------------------

    def choose(self, peer: Peer) -> int | None:
        """The rarest piece that the peer has and that may be begun; it is to be withdrawn.

        Those that were given back come before all others: they were the rarest already.
        """
        for piece in self._returned:
            if piece in peer.have:
                return piece
        walk = self._walks.get(peer)
        if walk is None:
            walk = self._walks[peer] = Walk(self._ahead(peer.have.bits))
        if walk.news is None:
            rarest = next(walk.ahead, None)
            if rarest is not None:
                return rarest
            walk.news = []
        while walk.news:
            piece = walk.news.pop()
            if piece in self._offered and piece in peer.have:
                return piece
        return None

    def choose_any(self, peer: Peer) -> int | None:
        """Any such piece of the highest priority: for the first ones, when something to trade
        matters more."""
        for _ in range(0 if self._layered else TRIES):
            piece = int(self._random.random() * self._offered.size)
            if piece in peer.have and piece in self._offered:
                return piece
        some = (self._few(peer.have.bits, level) for level in self._levels)
        few = next(filter(None, some), None)
        return self._random.choice(few) if few else None

    def choose_from(self, start: int, peer: Peer) -> int | None:
        """The first such piece of the highest priority, from `start` on, or else from 0 on."""
        both = peer.have.bits, self._offered.bits
        for level in self._levels:
            piece = first_from(start, both if level is None else (*both, level))
            if piece is not None:
                return piece
        return None

    def _ahead(self, bits: bytearray) -> Iterator[int]:
        """One level after the other. There may be a walk for each of thousands of peers: those of
        one level are kept small."""
        each = zip(self._levels, self._orders, strict=True)
        if not self._layered:
            return self._through(*next(each), bits)
        return chain.from_iterable(self._through(level, order, bits) for level, order in each)

    def _through(
        self, level: bytes | None, order: list["array[int]"], bits: bytearray
    ) -> Iterator[int]:
        """Along the order of a level, then what it left out."""
        yield from self._along(order, bits)
        while few := self._few(bits, level):
            for piece in few:
                if piece in self._offered and bits[piece >> 3] & MASK[piece & 7]:
                    yield piece

    def _along(self, order: list["array[int]"], bits: bytearray) -> Iterator[int]:
        offered, mask, patience = self._offered.bits, MASK, PATIENCE
        for row in order:
            for piece in row[:]:
                at, bit = piece >> 3, mask[piece & 7]
                if bits[at] & bit and offered[at] & bit:
                    # Gone from the row, it is not in the way of 200 other peers. It is gone
                    # already if it was begun and given back while this peer stood here.
                    if piece in row:
                        row.remove(piece)
                    patience += ROW
                    yield piece
            patience -= len(row)
            if patience < 0:
                return

    def _few(self, bits: bytearray, level: bytes | None) -> "array[int]":
        """What may be begun of the peer's pieces of a level, in FEW bytes from some place on;
        rarest first.

        None only if there is none at all.
        """
        both = int.from_bytes(bits, "big") & int.from_bytes(self._offered.bits, "big")
        if level is not None:
            both &= int.from_bytes(level, "big")
        if not both:
            return array("I")
        common = both.to_bytes(len(bits), "big")
        start = int(self._random.random() * len(common))
        filled = chain(_NOT_ZERO.finditer(common, start), _NOT_ZERO.finditer(common, 0, start))
        pieces = [
            (byte.start() << 3) + place
            for byte in islice(filled, FEW)
            for place in _PLACES[byte[0][0]]
        ]
        return array("I", sorted(pieces, key=self._availability.__getitem__))

    # -- the order -------------------------------------------------------------------------

    def refresh(self, now: float) -> None:
        """Sort on, if that is due: a slice of it."""
        if self._sort is None:
            if not self._stale or now < self._due:
                return
            self._due = now + max(SORT_LEAST, SORT_EVERY * self._offered.size)
            self._stale = False
            self._sort = self._sorting()
        if next(self._sort, self) is self:
            self._sort = None

    def _sorting(self) -> Iterator[None]:
        orders = []
        for level in self._levels:
            orders.append((yield from self._sorting_level(level)))
        self._orders = orders
        # Those who had nothing to begin need not look again: they are told of what is new.
        self._walks = {peer: walk for peer, walk in self._walks.items() if walk.news is not None}

    def _sorting_level(self, level: bytes | None) -> Generator[None, None, list["array[int]"]]:
        """A counting sort that pauses after every slice; gives the rows of the order."""
        common = self._offered.bits if level is None else _both(self._offered.bits, level)
        counts: defaultdict[int, array[int]] = defaultdict(lambda: array("I"))
        size, handled = self._offered.size, 0
        classes = min(CLASSES, size)
        for first in self._random.sample(range(classes), classes):
            # All pieces of a class have the same bit of their bytes.
            mask, of_bytes = MASK[first & 7], common[first >> 3 :: CLASSES >> 3]
            pieces = range(first, size, CLASSES)
            for piece, count, byte in zip(
                pieces, self._availability[first::CLASSES], of_bytes, strict=False
            ):
                if byte & mask:
                    counts[count].append(piece)
            handled += len(pieces)
            if handled >= SLICE:
                handled = 0
                yield
        return [
            row[at : at + ROW]
            for _, row in sorted(counts.items())
            for at in range(0, len(row), ROW)
        ]


def _both(one: bytes | bytearray, other: bytes | bytearray) -> bytes:
    common = int.from_bytes(one, "big") & int.from_bytes(other, "big")
    return common.to_bytes(len(one), "big")
