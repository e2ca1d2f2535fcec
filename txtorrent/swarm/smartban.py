"""Who sent the bad block (the idea is libtorrent's smart ban).

When a piece fails its hash, one digest a block of the bad copy is kept with the block's
sender. When the piece passes later, the blocks that differ name the guilty; when one peer
sent the whole bad copy, it is named at once.
"""

from collections.abc import Sequence
from typing import Final

from attrs import define

from txtorrent.address import Address

MOST_PIECES: Final = 256
"""Pieces whose bad copies are remembered; the oldest is dropped."""
MOST_COPIES: Final = 4
"""Bad copies of one piece, the newest: a digest and a sender a block each."""


@define
class BadCopy:
    """`digests[block]` of the copy that failed and who sent each block (None: unknown)."""

    digests: Sequence[bytes]
    senders: Sequence[Address | None]


class SmartBan:
    """Bad copies by piece index, until a good copy tells which blocks were wrong."""

    def __init__(self) -> None:
        self._copies: dict[int, list[BadCopy]] = {}

    def remembers(self, piece: int) -> bool:
        """Whether the digests of a good copy of this piece are wanted."""
        return piece in self._copies

    def failed(self, piece: int, copy: BadCopy) -> set[Address]:
        """A copy failed its hash; returns the guilty if there was only one sender."""
        senders = {sender for sender in copy.senders if sender is not None}
        if len(senders) == 1:
            return senders
        copies = self._copies.setdefault(piece, [])
        copies.append(copy)
        del copies[:-MOST_COPIES]
        while len(self._copies) > MOST_PIECES:
            del self._copies[next(iter(self._copies))]
        return set()

    def passed(self, piece: int, digests: Sequence[bytes]) -> set[Address]:
        """A copy passed; returns those who sent a block that differs from it."""
        return {
            sender
            for copy in self._copies.pop(piece, ())
            for good, bad, sender in zip(digests, copy.digests, copy.senders, strict=True)
            if sender is not None and good != bad
        }
