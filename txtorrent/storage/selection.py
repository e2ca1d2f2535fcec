"""Which files of a torrent are to be on disk, and where bytes of the others go.

Whoever uses this keeps writes out while it changes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress

from attrs import define, field

from txtorrent.metainfo.files import File, Span
from txtorrent.metainfo.pieces import Geometry
from txtorrent.storage.beneath import Beneath, FileStat
from txtorrent.storage.parts import Parts

Place = tuple[int, int, int]  # file index, offset in it, length


@define(eq=False)
class Selection:
    """Files left out are `parted` while they are not on disk: the parts file has what there is.

    The index of the parts file is that behind all files.
    """

    parts: Parts
    parted: set[int] = field(init=False, factory=set)
    _unwanted: frozenset[int] | None = field(init=False, default=None)

    def places(self, files: Sequence[File], found: Iterable[Span]) -> Iterator[Place]:
        """Where the runs are. Those of pieces that have no slot are in their files all the same."""
        for index, begin, length in found:
            if index not in self.parted:
                yield index, begin, length
                continue
            for place, size in self.parts.places(files[index].offset + begin, length):
                yield (index, begin, size) if place is None else (len(files), place, size)
                begin += size

    def choose(
        self, beneath: Beneath, files: Sequence[File], unwanted: frozenset[int]
    ) -> Iterator[int]:
        """Leave out these files, and no others; gives those that were made of their parts."""
        first = self._unwanted is None
        self._leave_out(beneath, files, unwanted)
        self._unwanted = unwanted
        for index in sorted(self.parted - unwanted):
            if self.make_whole(beneath, files, index):
                yield index
        # Only now nobody can be reading it.
        if first and not self.parted:
            self.parts.remove()

    def make_whole(self, beneath: Beneath, files: Sequence[File], index: int) -> bool:
        """Have a file no longer parted. True when it was made of what there was of it."""
        file = files[index]
        has = self.parts.has(file)
        if has:
            # The torrent's folder is made anew only where none of its files can have been before.
            none = all(other.pad or at in self.parted for at, other in enumerate(files))
            self._fill(beneath, file, index, top=none or len(file.path) == 1)
        self.parted.discard(index)
        return has

    def with_parts(
        self, files: Sequence[File], found: tuple[FileStat | None, ...]
    ) -> tuple[FileStat | None, ...]:
        """What is on disk for each file, the parts file standing in for what is in there."""
        parts = self.parts.stat()
        if parts is None:
            return found
        stats = list(found)
        for index in self.parted:
            stats[index] = FileStat(files[index].length, parts.mtime_ns)
        return tuple(stats)

    def _leave_out(self, beneath: Beneath, files: Sequence[File], unwanted: frozenset[int]) -> None:
        """Note which of the files newly left out are not on disk."""
        asked: Iterable[int] = unwanted - (self._unwanted or frozenset())
        if self._unwanted is None and self.parts.stat() is not None:
            asked = range(len(files))  # perhaps a kill came before one had been made whole
        stored = sorted(index for index in asked if not files[index].pad)
        stats = beneath.stat([files[index].path for index in stored])
        for index, there in zip(stored, stats, strict=True):
            if there is None:
                self.parted.add(index)

    def _fill(self, beneath: Beneath, file: File, index: int, top: bool) -> None:
        """Make a file of its parts: under a name of its own first, so that a kill leaves none."""
        path = (*file.path[:-1], f".{self.parts.path[-1]}.{index}.part")
        descriptor = beneath.create(path, top=top, mode=mode_of(file))
        try:
            os.ftruncate(descriptor, 0)
            self.parts.copy_out(file, descriptor)
            os.fsync(descriptor)
            beneath.rename(path, beneath, file.path)
        except BaseException:
            with suppress(OSError):
                beneath.unlink(path)
            raise
        finally:
            os.close(descriptor)
        beneath.sync_folder(file.path[:-1])


def make_selection(
    location: str | None,
    files: Sequence[File],
    geometry: Geometry,
    relieve: Callable[[], None],
) -> Selection | None:
    """None without a parts file: then every file is made when bytes of it come."""
    return None if location is None else Selection(Parts(location, files, geometry, relieve))


def mode_of(file: File) -> int:
    return 0o777 if file.executable else 0o666
