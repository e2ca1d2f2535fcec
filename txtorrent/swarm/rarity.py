"""Rarest first: how many peers have each piece, and the pieces still to be begun.

What must stay true: a piece that may be begun stands in exactly one bucket, the one of
its availability, and `_position` says where; a piece that is had or under way stands in
none. Moving a piece between buckets is a swap with the bucket's last, so a `have` costs
the same however many pieces there are. Memory: 10 bytes a piece.

Most peers of a young swarm have nothing that may be begun, and are asked about at every
chunk: that answer is one operation on whole bitfields.
"""

from array import array
from collections.abc import Iterable, Iterator
from random import Random
from typing import Final

from txtorrent.bitfield import Bitfield

_NOWHERE: Final = 0xFFFFFFFF
_MASK: Final = bytes(0x80 >> (index & 7) for index in range(256))


class Rarity:
    """The pieces that may be begun, ordered by availability, ties broken at random."""

    __slots__ = (
        "_availability", "_buckets", "_offered", "_position", "_random", "_seeds", "remaining",
    )  # fmt: skip

    def __init__(self, pieces: int, random: Random) -> None:
        self._availability = array("H", bytes(2 * pieces))
        self._position = array("I", [_NOWHERE]) * pieces
        self._buckets = [array("I")]
        self._offered = Bitfield(pieces)
        self._random = random
        self._seeds = 0
        self.remaining = 0

    def availability(self, piece: int) -> int:
        """Connected peers that have the piece."""
        return self._availability[piece] + self._seeds

    def offer(self, piece: int) -> None:
        """The piece may be begun (wanted, not had, not under way)."""
        if self._offered.add(piece):
            self._insert(piece)
            self.remaining += 1

    def withdraw(self, piece: int) -> None:
        """The piece must not be begun (had, or under way)."""
        if self._offered.discard(piece):
            self._remove(piece)
            self.remaining -= 1

    def offered(self, piece: int) -> bool:
        """Whether the piece may be begun."""
        return piece in self._offered

    def add_peer(self, have: Bitfield) -> None:
        """A peer with these pieces joined. A seed costs nothing: it changes no order."""
        if have.is_full:
            self._seeds += 1
        else:
            self._change(have, 1)

    def remove_peer(self, have: Bitfield, joined_as_seed: bool) -> None:
        """A peer left; `joined_as_seed` tells how `add_peer` counted it."""
        if joined_as_seed:
            self._seeds -= 1
        else:
            self._change(have, -1)

    def add_have(self, piece: int) -> None:
        """A peer that was counted by `add_peer` now has one piece more."""
        self._shift(piece, 1)

    def choose(self, bits: bytearray) -> int | None:
        """The rarest piece among those in `bits` (wire order) that may be begun."""
        if not self._any_offered(bits):
            return None
        for bucket in self._buckets:
            if bucket:
                piece = self._first(bucket, bits, int(self._random.random() * len(bucket)))
                if piece is not None:
                    return piece
        return None

    def choose_any(self, bits: bytearray) -> int | None:
        """Any such piece: for the first ones, when something to trade matters more."""
        if not self._any_offered(bits):
            return None
        buckets = [bucket for bucket in self._buckets if bucket]
        self._random.shuffle(buckets)
        for bucket in buckets:
            piece = self._first(bucket, bits, int(self._random.random() * len(bucket)))
            if piece is not None:
                return piece
        return None

    def _any_offered(self, bits: bytearray) -> bool:
        offered = self._offered.bits
        return bool(int.from_bytes(bits, "big") & int.from_bytes(offered, "big"))

    @staticmethod
    def _first(bucket: "array[int]", bits: bytearray, start: int) -> int | None:
        return next(
            (
                piece
                for at in _circle(start, len(bucket))
                if bits[(piece := bucket[at]) >> 3] & _MASK[piece & 7]
            ),
            None,
        )

    def _change(self, pieces: Iterable[int], by: int) -> None:
        for piece in pieces:
            self._shift(piece, by)

    def _shift(self, piece: int, by: int) -> None:
        if self._position[piece] == _NOWHERE:
            self._availability[piece] += by
        else:
            self._remove(piece)
            self._availability[piece] += by
            self._insert(piece)

    def _insert(self, piece: int) -> None:
        level = self._availability[piece]
        while level >= len(self._buckets):
            self._buckets.append(array("I"))
        bucket = self._buckets[level]
        self._position[piece] = len(bucket)
        bucket.append(piece)

    def _remove(self, piece: int) -> None:
        bucket, at = self._buckets[self._availability[piece]], self._position[piece]
        last = bucket.pop()
        if last != piece:
            bucket[at] = last
            self._position[last] = at
        self._position[piece] = _NOWHERE


def _circle(start: int, length: int) -> Iterator[int]:
    """Every index below `length` once, from `start` on and around."""
    yield from range(start, length)
    yield from range(start)
