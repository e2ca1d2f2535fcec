"""How much of a torrent's recorded progress to believe without reading the files.  Pure.

Never believed: a piece in a file that somebody else may have written to since.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.files import File
from txtorrent.metainfo.pieces import Geometry
from txtorrent.storage.beneath import FileStat
from txtorrent.storage.resume import Resume

# While it writes, the daemon notes at least every 5 s that it is alive, and a commit takes some
# time: a file last changed within this many seconds of that note was changed by the daemon.
GRACE = 6.0

Stats = Sequence[FileStat | None]


@frozen
class Trust:
    """What to do about the pieces at the start of a torrent."""

    have: Bitfield
    """Believed."""
    recheck: Bitfield
    """To be hashed; none of them is in `have`."""
    unsynced: frozenset[int]
    """Those in `have` that may not be on the device yet: for `Content.note_unsynced`."""


def trust(resume: Resume | None, stats: Stats, files: Sequence[File], geometry: Geometry) -> Trust:
    """Judge a torrent's record by its files as they are now (`Content.stat`).

    Believed is what lies in files that are as recorded, and after a kill what lies in files that
    nobody but the daemon can have written last.  Without a record, or with one that does not fit
    the torrent, everything that an existing file covers is hashed.
    """
    claimed = _claimed(resume, files, geometry)
    if resume is None or claimed is None:
        return Trust(Bitfield(geometry.piece_count), _covered(stats, files, geometry), frozenset())
    recheck = Bitfield(geometry.piece_count)
    if not resume.same_boot:
        # They may never have reached the device: the files need not be long enough for them.
        _doubt(resume.provisional, claimed, recheck)
    changed: list[range] = []
    for file, recorded, now in zip(files, resume.files, stats, strict=True):
        if file.pad or not file.length:
            continue
        pieces = geometry.piece_range(file.offset, file.length)
        if not _is_ours(resume, recorded, now, _needed(file, pieces, claimed, geometry)):
            changed.append(pieces)
    for pieces in changed:
        _doubt(pieces, claimed, recheck)
    believed = frozenset(piece for piece in resume.provisional if piece in claimed)
    return Trust(claimed, recheck, believed)


def _claimed(resume: Resume | None, files: Sequence[File], geometry: Geometry) -> Bitfield | None:
    """Every piece the record speaks of; None when it is not about this torrent."""
    if resume is None or len(resume.files) != len(files):
        return None
    try:
        claimed = Bitfield.from_wire(geometry.piece_count, resume.have)
    except ValueError:
        return None
    for piece in resume.provisional:
        if not 0 <= piece < geometry.piece_count:
            return None
        claimed.add(piece)
    return claimed


def _covered(stats: Stats, files: Sequence[File], geometry: Geometry) -> Bitfield:
    """The pieces of which an existing file holds a part."""
    covered = Bitfield(geometry.piece_count)
    for file, now in zip(files, stats, strict=True):
        if now is not None and not file.pad:
            for piece in geometry.piece_range(file.offset, min(now.size, file.length)):
                covered.add(piece)
    return covered


def _needed(file: File, pieces: range, claimed: Bitfield, geometry: Geometry) -> int:
    """The size a file must have to hold its part of the claimed pieces."""
    for piece in reversed(pieces):
        if piece in claimed:
            end = geometry.piece_offset(piece) + geometry.piece_size(piece)
            return min(file.end, end) - file.offset
    return 0


def _is_ours(resume: Resume, recorded: FileStat | None, now: FileStat | None, needed: int) -> bool:
    """Whether a file holds what the daemon wrote to it last."""
    if not needed:
        return True
    if now is None or now.size < needed:
        return False
    if now == recorded:
        return True
    return not resume.clean and now.mtime_ns <= (resume.alive_at + GRACE) * 1e9


def _doubt(pieces: Iterable[int], claimed: Bitfield, recheck: Bitfield) -> None:
    """Move pieces from what is claimed to what is to be hashed."""
    for piece in pieces:
        if claimed.discard(piece):
            recheck.add(piece)
