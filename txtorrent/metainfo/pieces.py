"""The geometry of a torrent: how its bytes fall into pieces and blocks (BEP 3).

Arithmetic only. Offsets and sizes are bytes; piece and block indices start at 0.
"""

from attrs import field, frozen

BLOCK = 16384
"""Bytes of a block, the unit of a `request` (BEP 3; larger ones are refused by most peers)."""


@frozen
class Geometry:
    """The pieces of a torrent of `total` bytes cut every `piece_length` bytes.

    Every piece is `piece_length` bytes long but the last, which holds what remains. Asking
    about a piece or block that does not exist is an IndexError.
    """

    piece_length: int
    total: int
    piece_count: int = field(init=False)
    blocks_per_piece: int = field(init=False)
    """Blocks of a full piece; the last piece may have fewer (`block_count`)."""
    _last_size: int = field(init=False, repr=False, eq=False)

    @piece_count.default
    def _count_pieces(self) -> int:
        if self.piece_length <= 0 or self.total < 0:
            raise ValueError(f"{self.total} bytes in pieces of {self.piece_length}")
        return -(-self.total // self.piece_length)

    @blocks_per_piece.default
    def _count_blocks(self) -> int:
        return -(-self.piece_length // BLOCK)

    @_last_size.default
    def _measure_last(self) -> int:
        return self.total - max(0, self.piece_count - 1) * self.piece_length

    def piece_size(self, piece: int) -> int:
        """Bytes of a piece."""
        last = self.piece_count - 1
        if 0 <= piece < last:
            return self.piece_length
        if piece != last or piece < 0:
            raise IndexError(f"piece {piece} of {self.piece_count}")
        return self._last_size

    def piece_offset(self, piece: int) -> int:
        """Where a piece starts in the torrent."""
        if not 0 <= piece < self.piece_count:
            raise IndexError(f"piece {piece} of {self.piece_count}")
        return piece * self.piece_length

    def block_count(self, piece: int) -> int:
        """Blocks of a piece."""
        return -(-self.piece_size(piece) // BLOCK)

    def block_size(self, piece: int, block: int) -> int:
        """Bytes of a block: BLOCK, or less for the last of a piece."""
        left = self.piece_size(piece) - block * BLOCK
        if block < 0 or left <= 0:
            raise IndexError(f"block {block} of piece {piece}")
        return min(left, BLOCK)

    def piece_range(self, offset: int, length: int) -> range:
        """The pieces that hold any of the `length` bytes from `offset`; empty for no bytes."""
        if offset < 0 or length < 0 or offset + length > self.total:
            raise ValueError(f"{length} bytes at {offset} of {self.total}")
        if not length:
            return range(0)
        return range(offset // self.piece_length, (offset + length - 1) // self.piece_length + 1)
