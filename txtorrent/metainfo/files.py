"""The files of a torrent, laid end to end, and which of them a span of bytes touches.

The paths are safe already (safepath.py). Opening, reading and writing is the storage's.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from attrs import frozen


@frozen
class File:
    """One entry of a torrent's file list."""

    path: tuple[str, ...]
    """Safe components, relative to the download directory; of a torrent with several files
    the first is the torrent's name. Unique among the files that exist on disk."""
    length: int
    """Bytes."""
    offset: int
    """Where the file starts in the torrent, bytes."""
    pad: bool = False
    """Nothing of it is on disk: a pad, which is all zeros, or an empty symlink (BEP 47)."""
    executable: bool = False

    @property
    def end(self) -> int:
        """The offset after its last byte."""
        return self.offset + self.length


class Span(NamedTuple):
    """A run of bytes within one file."""

    file_index: int
    file_offset: int
    length: int


def _start(file: File) -> int:
    return file.offset


def spans(files: Sequence[File], offset: int, length: int) -> list[Span]:
    """The runs, in order, that make up `length` bytes of the torrent from `offset`.

    Pads are included, files without bytes never. ValueError when the span does not lie inside
    the torrent.
    """
    total = files[-1].end if files else 0
    if offset < 0 or length < 0 or offset + length > total:
        raise ValueError(f"{length} bytes at {offset} of {total}")
    found: list[Span] = []
    # The last file that starts at or before the offset: empty files at the same offset come
    # before it, never after.
    index = bisect_right(files, offset, key=_start) - 1
    while length:
        file = files[index]
        begin = offset - file.offset
        run = min(length, file.length - begin)
        if run:
            found.append(Span(index, begin, run))
            offset += run
            length -= run
        index += 1
    return found
