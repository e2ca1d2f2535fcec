"""Peers of one swarm, of one role and one address family: what a tracker has most of, kept small.

A peer is a row of three arrays: its address in compact form, by what it is known (`tail`: peer id
and key) and when it is forgotten. The rows are in random order, always: so a run of them is as good
as a random choice, and is one slice.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Final

ID_SIZE: Final = 20
"""Bytes of a peer id."""
TAIL_SIZE: Final = 24
"""Bytes by which a peer is known: its id, and the key that nobody else has."""
SEARCHED: Final = 16
"""Peers up to which looking through all is as fast as an index, which takes 50 bytes of each."""
NARROW_UP_TO: Final = 2048
"""Peers up to which an index has so few bits of their hashes that its numbers are shared ones:
others would take 32 bytes of each. Of 2,000 peers 30 have the bits of another one, and are found
by looking through all, as it is found that a peer is not here; in larger crowds that takes long."""
NARROW: Final = (1 << 16) - 1
WIDE: Final = (1 << 60) - 1
"""Bits of a hash in an index: more would make its numbers half as large again. Hashes of bytes are
keyed by Python, so nobody can choose peer ids whose hashes meet."""
SHARED: Final = NARROW + 1
"""Numbers that all indices share, 32 bytes each."""
UNIQUE_WITHIN: Final = 4096
"""Rows among which a new peer's address is looked for. In a larger crowd one that is there twice
does no harm, and looking would take too long."""

_NUMBERS: Final = list(range(SHARED))

Below = Callable[[int], int]
"""A random number from 0 up to, but not, the one given."""
Run = list[tuple[int, int]]
"""Rows, as ranges of positions."""


class Crowd:
    """Peers by their rows. `width` is the size of a compact address: 6 or 18 bytes."""

    __slots__ = ("_bits", "_index", "addresses", "expiries", "tails", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.addresses = bytearray()
        self.tails = bytearray()
        self.expiries = array("I")
        self._index: dict[int, int] | None = None
        """Positions by the `_bits` of hashes; of two peers with the same ones it has one."""
        self._bits = NARROW

    def __len__(self) -> int:
        return len(self.expiries)

    def find(self, tail: bytes) -> int:
        """The position of a peer; -1 when it is not here."""
        index = self._index
        if index is not None:
            row = index.get(hash(tail) & self._bits, -1)
            if row >= 0 and self.tails[row * TAIL_SIZE : (row + 1) * TAIL_SIZE] == tail:
                return row
            if self._bits == WIDE:
                return -1
        return _row(self.tails, tail, TAIL_SIZE)

    def tail(self, position: int) -> bytes:
        """By what the peer there is known."""
        return bytes(self.tails[position * TAIL_SIZE : position * TAIL_SIZE + TAIL_SIZE])

    def address(self, position: int) -> bytes:
        """The compact address of the peer there."""
        return bytes(self.addresses[position * self.width : (position + 1) * self.width])

    def stranger_at(self, address: bytes) -> bytes | None:
        """By what a peer at this address is known: a new one there has taken its place. Looked for
        in small crowds only."""
        if len(self) > UNIQUE_WITHIN:
            return None
        position = _row(self.addresses, address, self.width)
        return None if position < 0 else self.tail(position)

    def refresh(self, position: int, address: bytes, expires: int) -> None:
        """The peer there is heard of again."""
        self.expiries[position] = expires
        begin = position * self.width
        if self.addresses[begin : begin + self.width] != address:
            self.addresses[begin : begin + self.width] = address

    def add(self, tail: bytes, address: bytes, expires: int, below: Below) -> int:
        """Take in a peer that is not here, at a random place, and give that; who was there goes to
        the end."""
        last = len(self)
        place = below(last + 1)
        self.addresses += address
        self.tails += tail
        self.expiries.append(expires)
        if place != last:
            self._put(last, self.tail(place), self.address(place), self.expiries[place])
            self._put(place, tail, address, expires)
        self._note(place, tail)
        if place != last:
            self._note(last, self.tail(last))
        if last >= (SEARCHED if self._index is None else NARROW_UP_TO) and self._bits != WIDE:
            self._make_index()
        return place

    def remove(self, position: int) -> None:
        """Forget the peer there; the last one takes its place."""
        last = len(self) - 1
        gone, moved = self.tail(position), self.tail(last)
        self._forget(position, gone)
        if position != last:
            self._put(position, moved, self.address(last), self.expiries[last])
            self._note(position, moved)
        del self.addresses[last * self.width :]
        del self.tails[last * TAIL_SIZE :]
        del self.expiries[last:]
        if last <= SEARCHED // 2:
            self._index = None
        elif last <= NARROW_UP_TO // 2 and self._bits == WIDE:
            self._make_index()

    def some(self, wanted: int, hole: int, with_ids: bool, below: Below) -> tuple[bytes, bytes]:
        """The compact addresses of up to `wanted` peers, and their ids if those are asked for, from
        a random place on, without the peer at `hole` (-1: of all)."""
        size = len(self.expiries) - (hole >= 0)
        begin = below(size) if wanted < size else 0
        end = begin + wanted
        width = self.width
        if end <= size and not begin <= hole < end and not with_ids:  # as good as always
            begin += 0 <= hole < begin
            return bytes(self.addresses[begin * width : (begin + wanted) * width]), b""
        run = _around(begin, min(end, size), hole)
        if wanted < size < end:
            run += _around(0, end - size, hole)
        addresses = [self.addresses[begin * width : end * width] for begin, end in run]
        return b"".join(addresses), self._ids_of(run) if with_ids else b""

    def expired(self, begin: int, end: int, now: int) -> list[int]:
        """Positions from `begin` to `end` of peers whose time is over, the last first."""
        rows = self.expiries[begin:end]
        if not rows or min(rows) > now:
            return []
        return [begin + at for at in range(len(rows) - 1, -1, -1) if rows[at] <= now]

    def _ids_of(self, run: Run) -> bytes:
        return b"".join(self.tail(row)[:ID_SIZE] for begin, end in run for row in range(begin, end))

    def _put(self, position: int, tail: bytes, address: bytes, expires: int) -> None:
        self.addresses[position * self.width : (position + 1) * self.width] = address
        self.tails[position * TAIL_SIZE : (position + 1) * TAIL_SIZE] = tail
        self.expiries[position] = expires

    def _note(self, position: int, tail: bytes) -> None:
        if self._index is not None:
            self._index[_number(hash(tail) & self._bits)] = _number(position)

    def _forget(self, position: int, tail: bytes) -> None:
        """There is nobody at this position any more."""
        if self._index is not None:
            key = hash(tail) & self._bits
            if self._index.get(key) == position:
                del self._index[key]

    def _make_index(self) -> None:
        self._bits = NARROW if len(self) <= NARROW_UP_TO else WIDE
        self._index = {}
        for row in range(len(self)):
            self._note(row, self.tail(row))


def _number(number: int) -> int:
    """The same number, of which there is one object only if it is small."""
    return _NUMBERS[number] if number < SHARED else number


def _around(begin: int, end: int, hole: int) -> Run:
    """Positions of rows that are counted without the one at `hole`."""
    if hole < 0 or end <= hole:
        return [(begin, end)]
    if begin >= hole:
        return [(begin + 1, end + 1)]
    return [(begin, hole), (hole + 1, end + 1)]


def _row(rows: bytearray, wanted: bytes, width: int) -> int:
    """The number of the row that is `wanted`; -1 when there is none."""
    at = rows.find(wanted)
    while at > 0 and at % width:
        at = rows.find(wanted, at + 1)
    return at // width if at >= 0 else -1
