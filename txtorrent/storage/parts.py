"""The parts file: bytes of files that nobody wants, which come with the pieces of their neighbours.

A piece that lies across files has one place in it, a slot, whatever of it is stored there. The
slots follow from the layout of the torrent, so nothing has to be kept about them; what was never
written is a hole.  Made by the first write.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from attrs import define, field

from txtorrent.metainfo.files import File
from txtorrent.metainfo.pieces import Geometry
from txtorrent.storage import copying
from txtorrent.storage.beneath import Beneath, FileStat, Path

Run = tuple[int, int]  # offset, length


@define(eq=False)
class Parts:
    """The parts file at `location` of a torrent of these files.  Every call may block."""

    location: str
    files: Sequence[File]
    geometry: Geometry
    _relieve: Callable[[], None]
    beneath: Beneath = field(init=False)
    path: Path = field(init=False)
    _slots: list[int] | None = field(init=False, default=None)

    @beneath.default
    def _open_beneath(self) -> Beneath:
        return Beneath(os.path.dirname(self.location), self._relieve)

    @path.default
    def _name(self) -> Path:
        return (os.path.basename(self.location),)

    @property
    def slots(self) -> list[int]:
        """The pieces that lie across files, ascending: the slot of each is its index here."""
        if self._slots is None:
            self._slots = list(_shared_pieces(self.files, self.geometry.piece_length))
        return self._slots

    def places(self, offset: int, length: int) -> Iterator[tuple[int | None, int]]:
        """(offset in the parts file, length) of each run; None for one of pieces without a slot."""
        end = offset + length
        while offset < end:
            piece = offset // self.geometry.piece_length
            begin = piece * self.geometry.piece_length
            run = min(end, begin + self.geometry.piece_length) - offset
            slot = bisect_left(self.slots, piece)
            if slot < len(self.slots) and self.slots[slot] == piece:
                yield slot * self.geometry.piece_length + offset - begin, run
            else:
                yield None, run
            offset += run

    def open(self, writable: bool) -> int:
        """A descriptor of the parts file, made when missing if it is to be written."""
        if not writable:
            return self.beneath.open(self.path)
        os.makedirs(self.beneath.root, mode=0o700, exist_ok=True)
        return self.beneath.create(self.path, top=True, mode=0o600)

    def stat(self) -> FileStat | None:
        try:
            (found,) = self.beneath.stat([self.path])
        except FileNotFoundError:  # the folder has not been made
            return None
        return found

    def has(self, file: File) -> bool:
        """Whether there is anything of a file's."""
        try:
            parts = self.open(False)
        except FileNotFoundError:
            return False
        try:
            return any(True for _ in self._data(parts, file))
        finally:
            os.close(parts)

    def copy_out(self, file: File, target: int) -> None:
        """Put what there is of a file's into it.  FileNotFoundError when there is no parts file."""
        parts = self.open(False)
        try:
            for at, begin, length in self._data(parts, file):
                data = os.pread(parts, length, at)
                while data:
                    count = os.pwrite(target, data, begin)
                    data, begin = data[count:], begin + count
        finally:
            os.close(parts)

    def sync_folder(self) -> None:
        """Make the name of the parts file durable."""
        for folder in self.beneath.take_changed():
            self.beneath.sync_folder(folder)

    def remove(self) -> None:
        """Delete the parts file, if there is one."""
        if os.path.isdir(self.beneath.root):
            self.beneath.unlink(self.path)

    def _data(self, parts: int, file: File) -> Iterator[tuple[int, int, int]]:
        """(offset in the parts file, in the file, length) of the data of a file's."""
        begin = 0
        # A file has at most two slots: where it begins, and where it ends.
        for at, length in self.places(file.offset, file.length):
            if at is not None:
                for run, size in copying.runs(parts, at, at + length):
                    yield run, begin + run - at, size
            begin += length


def _shared_pieces(files: Sequence[File], piece_length: int) -> Iterator[int]:
    """The pieces that hold bytes of two files or more, pads apart."""
    before = found = -1
    for file in files:
        if file.pad or not file.length:
            continue
        first = file.offset // piece_length
        if first == before and first != found:
            found = first
            yield first
        before = (file.end - 1) // piece_length
