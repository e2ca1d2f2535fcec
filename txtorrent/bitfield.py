"""Which pieces somebody has: one bit a piece, laid out as on the wire (BEP 3, `bitfield`).

Pure data. What the bits mean (have, wanted, verified) is known by whoever holds them.
"""

from collections.abc import Iterator

# For every byte value, the places of its set bits; place 0 is the high bit, as on the wire.
_PLACES = tuple(
    tuple(place for place in range(8) if value & (0x80 >> place)) for value in range(256)
)


class Bitfield:
    """A fixed number of bits and how many of them are set.

    `bits` is in wire order: piece 0 is 0x80 of byte 0, the spare bits of the last byte are
    zero. Hot code may read it directly; only the methods here may change it, because `count`
    must stay true. Piece indices outside the field are an IndexError, except for `in`.
    """

    __slots__ = ("bits", "count", "size")

    size: int
    bits: bytearray
    count: int

    def __init__(self, size: int) -> None:
        """`size` bits, none set. ValueError when `size` is negative."""
        if size < 0:
            raise ValueError(f"a bitfield of {size} bits")
        self.size = size
        self.bits = bytearray((size + 7) // 8)
        self.count = 0

    @classmethod
    def full(cls, size: int) -> "Bitfield":
        """`size` bits, all set."""
        field = cls(size)
        field.bits[:] = b"\xff" * len(field.bits)
        if size & 7:
            field.bits[-1] = (0xFF00 >> (size & 7)) & 0xFF
        field.count = size
        return field

    @classmethod
    def from_wire(cls, size: int, data: bytes | bytearray | memoryview) -> "Bitfield":
        """The field of a `bitfield` message's payload (copied).

        ValueError when the length is not that of `size` bits or a spare bit is set: BEP 3 has
        such a peer dropped.
        """
        field = cls(size)
        if len(data) != len(field.bits):
            raise ValueError(
                f"a bitfield of {len(data)} bytes where {size} pieces need {len(field.bits)}"
            )
        if size & 7 and data[-1] & (0xFF >> (size & 7)):
            raise ValueError("a bitfield with a spare bit set")
        field.bits[:] = data
        field.count = int.from_bytes(data, "big").bit_count()
        return field

    def add(self, index: int) -> bool:
        """Set a bit. True when it was not set before."""
        if not 0 <= index < self.size:
            raise IndexError(f"piece {index} of {self.size}")
        byte = index >> 3
        mask = 0x80 >> (index & 7)
        old = self.bits[byte]
        if old & mask:
            return False
        self.bits[byte] = old | mask
        self.count += 1
        return True

    def discard(self, index: int) -> bool:
        """Clear a bit. True when it was set before."""
        if not 0 <= index < self.size:
            raise IndexError(f"piece {index} of {self.size}")
        byte = index >> 3
        mask = 0x80 >> (index & 7)
        old = self.bits[byte]
        if not old & mask:
            return False
        self.bits[byte] = old ^ mask
        self.count -= 1
        return True

    def __contains__(self, index: int) -> bool:
        """Whether the bit is set; False for an index outside the field."""
        return 0 <= index < self.size and self.bits[index >> 3] & (0x80 >> (index & 7)) != 0

    def __iter__(self) -> Iterator[int]:
        """The set indices, ascending."""
        for byte, value in enumerate(self.bits):
            if value:
                base = byte << 3
                for place in _PLACES[value]:
                    yield base + place

    def missing(self) -> Iterator[int]:
        """The indices not set, ascending."""
        size = self.size
        for byte, value in enumerate(self.bits):
            if value != 0xFF:
                base = byte << 3
                for place in _PLACES[value ^ 0xFF]:
                    if base + place < size:
                        yield base + place

    def __len__(self) -> int:
        """The number of bits, set or not."""
        return self.size

    def __bool__(self) -> bool:
        """Whether any bit is set."""
        return self.count > 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Bitfield):
            return NotImplemented
        return self.size == other.size and self.bits == other.bits

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Bitfield {self.count}/{self.size}>"

    @property
    def is_full(self) -> bool:
        return self.count == self.size

    @property
    def is_empty(self) -> bool:
        return self.count == 0

    def to_wire(self) -> bytes:
        """The payload of a `bitfield` message (BEP 3)."""
        return bytes(self.bits)

    def copy(self) -> "Bitfield":
        twin = Bitfield(0)
        twin.size = self.size
        twin.bits = self.bits[:]
        twin.count = self.count
        return twin
