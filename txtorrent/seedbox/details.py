"""A torrent's files and pieces, for whoever asks: read from the state database if it sleeps."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.files import File
from txtorrent.metainfo.torrentfile import Metainfo

NORMAL = 2
"""The digit of a wish that is neither low nor high."""


@frozen
class FileView:
    """One file; `completed` are the verified bytes of it, `priority` -1, 0 or 1."""

    name: str
    length: int
    completed: int
    wanted: bool
    priority: int
    begin_piece: int
    end_piece: int


@frozen
class Details:
    """The files, pads left out, and for each piece whether it is had and who else has it."""

    files: Sequence[FileView] = ()
    have: bytes = b""
    availability: Sequence[int] = ()


def make_details(
    metainfo: Metainfo,
    have: Bitfield,
    wishes: str,
    renamed: Mapping[str, str],
    availability: Sequence[int] | None,
) -> Details:
    """From a torrent's metainfo and what is had of it. Without connections nobody has a piece."""
    stored = [file for file in metainfo.files if not file.pad]
    digits = [int(digit) for digit in wishes] or [NORMAL] * len(stored)
    views = [
        _file_view(file, wish, metainfo, have, renamed)
        for file, wish in zip(stored, digits, strict=True)
    ]
    others = availability or [0] * have.size
    counts = [-1 if piece in have else others[piece] for piece in range(have.size)]
    return Details(views, have.to_wire(), counts)


def _file_view(
    file: File, wish: int, metainfo: Metainfo, have: Bitfield, renamed: Mapping[str, str]
) -> FileView:
    path = "/".join(file.path)
    pieces = metainfo.geometry.piece_range(file.offset, file.length)
    return FileView(
        name=renamed.get(path, path),
        length=file.length,
        completed=_completed(file, pieces, metainfo.geometry.piece_length, have),
        wanted=wish > 0,
        priority=wish - NORMAL if wish else 0,
        begin_piece=pieces.start,
        end_piece=pieces.stop,
    )


def _completed(file: File, pieces: range, piece_length: int, have: Bitfield) -> int:
    if have.is_full:
        return file.length
    total = 0
    for piece in pieces:
        if piece in have:
            begin = max(file.offset, piece * piece_length)
            total += min(file.end, (piece + 1) * piece_length) - begin
    return total
