"""What is wanted of a torrent and how urgently: from the priorities of files to those of pieces.

A priority for each piece is a byte of a `bytes`; None stands for all of them NORMAL, so that a
torrent of which nothing was selected needs no memory for it. Pure.
"""

from collections.abc import Sequence
from enum import IntEnum
from itertools import chain
from typing import Final

from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.files import File
from txtorrent.metainfo.pieces import Geometry

RUN: Final = 8192
"""Bytes of bitfields compared at a time in search of a piece: 20 us."""


class Priority(IntEnum):
    """How urgently a file or a piece is wanted."""

    UNWANTED = 0
    LOW = 1
    NORMAL = 2
    HIGH = 3


def piece_priorities(
    files: Sequence[File], geometry: Geometry, wishes: bytes | None
) -> bytes | None:
    """The priority of each piece: the highest of the files in it.

    `wishes` has one for each of `files`; that of a pad does not count, since a pad belongs to
    the file before it. None, in and out: all are NORMAL.
    """
    if wishes is None:
        return None
    pieces, length = bytearray(geometry.piece_count), geometry.piece_length
    runs = _runs(files, wishes)
    ends = [*(begin for begin, _ in runs[1:]), geometry.total]
    for priority in (Priority.LOW, Priority.NORMAL, Priority.HIGH):
        for (begin, wish), end in zip(runs, ends, strict=False):
            if wish == priority:
                first, behind = begin // length, -(-end // length)
                pieces[first:behind] = bytes([wish]) * (behind - first)
    return None if pieces.count(Priority.NORMAL) == len(pieces) else bytes(pieces)


def _runs(files: Sequence[File], wishes: bytes) -> list[tuple[int, int]]:
    """Where in the torrent files begin that are wanted otherwise than those before, and how."""
    begins: list[tuple[int, int]] = []
    before = -1
    for file, wish in zip(files, wishes, strict=True):
        if wish != before and not file.pad and file.length:
            # What lies before the first file can only be pads.
            begins.append((file.offset if begins else 0, wish))
            before = wish
    return begins


def settle(have: Bitfield, priorities: bytes | None) -> Bitfield:
    """The pieces that nobody need be asked for: had, or not wanted.

    `have` itself while all are wanted: to be changed together with it in any case.
    """
    if priorities is None or Priority.UNWANTED not in priorities:
        return have
    unwanted = int.from_bytes(_bits(priorities, Priority.UNWANTED), "big")
    both = unwanted | int.from_bytes(have.bits, "big")
    return Bitfield.from_wire(have.size, both.to_bytes(len(have.bits), "big"))


def levels(priorities: bytes | None) -> list[bytes] | None:
    """For each priority of wanted pieces their bits, the most urgent first; None if all have the
    same."""
    found = [
        _bits(priorities, priority)
        for priority in (Priority.HIGH, Priority.NORMAL, Priority.LOW)
        if priorities is not None and priority in priorities
    ]
    return found if len(found) > 1 else None


def _bits(priorities: bytes, priority: Priority) -> bytes:
    """Bits in wire order of the pieces that have this priority, each place of a byte for all bytes
    at once: there may be millions of pieces."""
    size = (len(priorities) + 7) // 8
    total = 0
    for place in range(8):
        table = bytearray(256)
        table[priority] = 0x80 >> place
        lane = priorities[place::8].translate(table).ljust(size, b"\0")
        total |= int.from_bytes(lane, "big")
    return total.to_bytes(size, "big")


def first_from(start: int, fields: Sequence[bytes | bytearray]) -> int | None:
    """The first piece from `start` on, or else from 0 on, that is set in all of these fields."""
    first, size = start >> 3, len(fields[0])
    # What lies before `start` in its byte comes last of all.
    keep = (1 << 8 * min(RUN, size - first) - (start & 7)) - 1
    for at in chain(range(first, size, RUN), range(0, first + 1, RUN)):
        length = min(RUN, size - at)
        common = keep
        for field in fields:
            common &= int.from_bytes(field[at : at + length], "big")
        if common:
            return (at + length) * 8 - common.bit_length()
        keep = -1
    return None
