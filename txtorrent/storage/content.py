"""One torrent's bytes on disk: where each run of them lies, reading, writing, making durable.

Every call may block and belongs on a lane, but `read_cached`, `unsynced` and `close`.  Nothing is
hashed here.

What was written is durable only after a `sync` that began after the write had returned.  Who
calls keeps to that: pieces written meanwhile count for the next one.
"""

from __future__ import annotations

import errno
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import Lock

from attrs import define, field

from txtorrent.metainfo.files import File, spans
from txtorrent.metainfo.pieces import Geometry
from txtorrent.storage.allocation import allocate
from txtorrent.storage.beneath import Beneath, FileStat, Path, StorageMissing
from txtorrent.storage.copying import CHUNK
from txtorrent.storage.extent import Extent, ShortFileError, extent_of, read_all, write_all
from txtorrent.storage.filepool import FilePool, OpenFile
from txtorrent.storage.gate import Gate
from txtorrent.storage.selection import Place, Selection, make_selection, mode_of

__all__ = ["Content", "Extent", "FileStat", "ShortFileError", "StorageMissing", "SyncError"]

Buffer = bytes | bytearray | memoryview


class SyncError(OSError):
    """The data of a file could not be made durable; what the disk holds of it is unknown.

    Never ask for the same again: the kernel reports a lost page once.  `pieces` are all those
    written since the last good sync; each counts as not had until its bytes on disk were hashed
    again (the pages the kernel holds of the file were dropped, so that the disk is asked).
    """

    pieces: frozenset[int] = frozenset()


@define(eq=False)
class Content:
    """The files of one torrent beneath the directory `root`.  Thread safe.

    Pads are never on disk: what is written to them is dropped, what is read is zeros.  Files are
    made by the first write to them, but what lies directly in `root` only by `create`; where that
    is gone, StorageMissing.  Any other OSError passes through with the path in it.
    """

    root: str
    files: Sequence[File]
    geometry: Geometry
    pool: FilePool
    parts_file: str | None = None
    """Where bytes go of files that `choose` left out; None when none ever is."""
    beneath: Beneath = field(init=False)
    """The files where they are now: in the pool, they are its."""
    gate: Gate = field(init=False, factory=Gate)
    """Writes pass it: who moves or renames the files shuts it."""
    renaming: Lock = field(init=False, factory=Lock)
    """Held while files have their old path in `files` and their new one on disk."""
    _rewritten: set[tuple[int, int]] | None = field(init=False, default=None)
    _selection: Selection | None = field(init=False)
    _starts: list[int] = field(init=False)  # offset of each file
    _unsynced_files: set[int] = field(init=False, factory=set)
    _unsynced_pieces: set[int] = field(init=False, factory=set)
    _lock: Lock = field(init=False, factory=Lock)  # of the sets
    _syncing: Lock = field(init=False, factory=Lock)

    @beneath.default
    def _open_beneath(self) -> Beneath:
        return Beneath(self.root, self.pool.relieve)

    @_selection.default
    def _make_selection(self) -> Selection | None:
        return make_selection(self.parts_file, self.files, self.geometry, self.pool.relieve)

    @_starts.default
    def _list_starts(self) -> list[int]:
        return [file.offset for file in self.files]

    def create(self, full: bool = False) -> None:
        """Make what a new torrent needs: its top entry in `root`, and the files without bytes.

        `full` takes the space of every file now; OSError ENOSPC tells the bytes needed and free.
        What `choose` left out is not made; files that exist are kept.  StorageMissing when `root`
        is not there: it is never made.
        """
        for file in self._made():
            if len(file.path) == 1 or not file.length or full:
                os.close(self.beneath.create(file.path, top=True, mode=mode_of(file)))
            else:
                os.close(self.beneath.open_folder(file.path[:1], make=True, top=True))
        if full:
            allocate(self.beneath, [(file.path, file.length) for file in self._made()])

    def require(self) -> None:
        """StorageMissing unless what `create` makes in `root` is there."""
        for top in {file.path[:1]: file for file in self._made()}.values():
            if len(top.path) == 1:
                os.close(self.beneath.open(top.path))
            else:
                os.close(self.beneath.open_folder(top.path[:1]))

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes of the torrent from `offset`.  FileNotFoundError, ShortFileError."""
        buffer = bytearray(length)
        self.read_into(offset, memoryview(buffer))
        return bytes(buffer)

    def read_into(self, offset: int, view: memoryview) -> None:
        """Fill `view` with the torrent's bytes from `offset`.  Errors as `read`."""
        for index, begin, part in self._runs(offset, view):
            if self._is_pad(index):
                part[:] = bytes(len(part))
            else:
                with self._borrow(index) as descriptor:
                    read_all(descriptor, part, begin)

    def load(self, offset: int, view: memoryview) -> Extent:
        """As `extent`; what is DATA is read into `view`, in half the time of asking and reading."""
        extent, holes = Extent.HOLE, []
        for index, begin, part in self._runs(offset, view):
            found = Extent.HOLE if self._is_pad(index) else self._load(index, begin, part)
            if found is Extent.MISSING:
                return found
            if found is Extent.HOLE:
                holes.append(part)
            else:
                extent = found
        if extent is Extent.DATA:
            for part in holes:
                part[:] = bytes(len(part))
        return extent

    def read_cached(self, offset: int, into: memoryview) -> bool:
        """Fill `into` as `read` would, but on the reactor's thread, without waiting for a disk.

        False when that cannot be, for whatever reason: then `read`, on a lane.
        """
        # Nearly every read is of one file: this is the hot path of an upload.
        index = bisect_right(self._starts, offset) - 1
        begin = offset - self._starts[index]
        if 0 <= begin <= self.files[index].length - len(into) and not self.files[index].pad:
            return self._fill_cached(index, begin, into)
        for index, begin, part in self._runs(offset, into):
            if self._is_pad(index):
                part[:] = bytes(len(part))
            elif not self._fill_cached(index, begin, part):
                return False
        return True

    def write(self, offset: int, data: Buffer) -> None:
        """Put `data` at `offset` of the torrent.  After an OSError, part of it may be there."""
        view = memoryview(data)
        pieces = self.geometry.piece_range(offset, len(view))
        # Before: a sync that fails meanwhile must know these pieces.  After: one that succeeds
        # meanwhile may not have covered them.
        self._note_unsynced((), pieces)
        while not self._write(offset, view, pieces):
            self._make_whole(offset, len(view))

    def extent(self, offset: int, length: int) -> Extent:
        """What there is of a run of bytes, without reading it."""
        extent = Extent.HOLE
        for index, begin, size in self._places(offset, length):
            if not self._is_pad(index):
                found = self._extent(index, begin, size)
                if found is Extent.MISSING:
                    return found
                if found is Extent.DATA:
                    extent = found
        return extent

    def sync(self) -> None:
        """Make everything written before this call durable.  SyncError: see there."""
        with self._syncing:
            with self._lock:
                files, self._unsynced_files = self._unsynced_files, set()
                pieces, self._unsynced_pieces = self._unsynced_pieces, set()
            folders = self.beneath.take_changed()
            try:
                # fsync and not fdatasync: fast resume compares the mtime after a power cut.
                # An error that came while a file was closed is given to the next who opens it.
                for index in sorted(files):
                    with self._borrow(index) as descriptor:
                        os.fsync(descriptor)
                for folder in sorted(folders):
                    self.beneath.sync_folder(folder)
                if self._selection is not None:
                    self._selection.parts.sync_folder()
            except OSError as error:
                self.beneath.put_back(folders)
                raise self._lost(files, pieces, error) from error

    def note_unsynced(self, pieces: Iterable[int]) -> None:
        """Have the next `sync` cover these pieces, which an earlier run of the daemon wrote.

        For provisional pieces that are believed after a kill: they are in the page cache, but
        perhaps not on the device.
        """
        for piece in pieces:
            offset, size = self.geometry.piece_offset(piece), self.geometry.piece_size(piece)
            touched = [index for index, _, _ in self._places(offset, size)]
            stored = [index for index in touched if not self._is_pad(index)]
            self._note_unsynced(stored, range(piece, piece + 1))

    @property
    def unsynced(self) -> frozenset[int]:
        """The pieces written since the last sync."""
        with self._lock:
            return frozenset(self._unsynced_pieces)

    def stat(self) -> tuple[FileStat | None, ...]:
        """Size and mtime of each file; None for pads and for what is not there.

        Of files that are in the parts file it is their full size, and that one's mtime.

        StorageMissing when `root` is not there.
        """
        found = self.beneath.stat([None if file.pad else file.path for file in self.files])
        if self._selection is None or not self._selection.parted:
            return found
        return self._selection.with_parts(self.files, found)

    def close(self) -> None:
        """Close the files that are open.  Nothing is synced, and the next use opens them again."""
        self.pool.drop(self.beneath)
        if self._selection is not None:
            self.pool.drop(self._selection.parts.beneath)

    def track_writes(self, wanted: bool = True) -> None:
        """Begin, or end, to note what is written, for `take_rewritten`."""
        with self._lock:
            self._rewritten = set() if wanted else None

    def take_rewritten(self) -> set[tuple[int, int]]:
        """(file index, chunk of copying.CHUNK bytes) for what was written since the last call."""
        with self._lock:
            taken, self._rewritten = self._rewritten or set(), set()
        return taken

    def switch(self, beneath: Beneath) -> None:
        """From now on the files are there.  The gate is shut, both places hold the same.

        Reads under way end at the old place; `pool.drop` that when its files are gone.  Never
        blocks.
        """
        self.beneath, self.root = beneath, beneath.root

    def choose(self, unwanted: frozenset[int]) -> None:
        """Leave these files out, by index, and have all others.

        Of those left out, what is not on disk is not made any more: bytes of them that come with
        wanted pieces go to the parts file, and from there into the file when it is wanted again.
        To be called at each start before `stat` and `create`, and whenever it changes; after an
        OSError it may be called again.
        """
        assert self._selection is not None, "there is no parts file"
        with self.gate.alone():
            for index in self._selection.choose(self.beneath, self.files, unwanted):
                self._note_rewritten(index, 0, self.files[index].length)
            if self._selection.parted:
                # None of them may be written to through a descriptor of what was deleted.
                self.pool.drop(self.beneath)

    def rename(self, old: Path, new: Path, files: Sequence[File], *, again: bool = False) -> None:
        """Rename a file or folder on disk, durably, if it is there; `files` have the new path.

        FileExistsError when anything is at `new`; then, and after any other OSError, nothing was
        changed.  `again`: a kill may have come behind it, so what is at `new` may be ours.
        """
        # A sync under way knows the folders by their old paths.
        with self.gate.alone(), self._syncing, self.renaming:
            self._rename(old, new, again)
            self.files = files

    def paths(self) -> list[Path]:
        """Those of the files that are on disk once they are complete."""
        return [file.path for file in self.files if not file.pad]

    def _rename(self, old: Path, new: Path, again: bool) -> None:
        beneath = self.beneath
        if not beneath.exists(old):
            if not again and beneath.exists(new):
                raise FileExistsError(errno.EEXIST, "is in the way", beneath.shown(new))
            return
        beneath.rename(old, beneath, new)
        try:
            beneath.sync_folder(new[:-1])
        except OSError:
            beneath.rename(new, beneath, old)
            raise

    def _runs(self, offset: int, view: memoryview) -> Iterator[tuple[int, int, memoryview]]:
        """(file index, offset in the file, part of `view`) for each file the view touches."""
        done = 0
        for index, begin, length in self._places(offset, len(view)):
            yield index, begin, view[done : done + length]
            done += length

    def _places(self, offset: int, length: int) -> Iterable[Place]:
        found = spans(self.files, offset, length)
        if self._selection is None or not self._selection.parted:
            return found
        return self._selection.places(self.files, found)

    def _is_pad(self, index: int) -> bool:
        return index < len(self.files) and self.files[index].pad

    def _is_parted(self, index: int) -> bool:
        return self._selection is not None and index in self._selection.parted

    def _made(self) -> list[File]:
        """The files that are to be on disk."""
        files = enumerate(self.files)
        return [file for index, file in files if not file.pad and not self._is_parted(index)]

    def _write(self, offset: int, view: memoryview, pieces: range) -> bool:
        """False, and nothing done, when a file has to be made first of its parts."""
        with self.gate.passing():
            runs = [run for run in self._runs(offset, view) if not self._is_pad(run[0])]
            if any(self._is_parted(run[0]) for run in runs):
                return False
            for index, begin, part in runs:
                with self._borrow(index, writable=True) as descriptor:
                    write_all(descriptor, part, begin)
                self._note_rewritten(index, begin, len(part))
        self._note_unsynced((run[0] for run in runs), pieces)
        return True

    def _make_whole(self, offset: int, length: int) -> None:
        """Have the files of these bytes on disk: they are of pieces that have no slot."""
        assert self._selection is not None
        with self.gate.alone():
            for index in {index for index, _, _ in self._places(offset, length)}:
                if self._is_parted(index) and self._selection.make_whole(
                    self.beneath, self.files, index
                ):
                    self._note_rewritten(index, 0, self.files[index].length)

    @contextmanager
    def _borrow(self, index: int, *, writable: bool = False) -> Iterator[int]:
        """The descriptor of a file; errors while it is used are given the file's path."""
        place, path = self._place(index)
        try:
            opener = partial(self._open, place, index, writable)
            with self.pool.borrow((place, index), opener, writable=writable) as descriptor:
                yield descriptor
        except OSError as error:
            if error.filename is None:
                error.filename = place.shown(path)
            raise

    def _place(self, index: int) -> tuple[Beneath, Path]:
        if index < len(self.files):
            return self.beneath, self.files[index].path
        assert self._selection is not None
        return self._selection.parts.beneath, self._selection.parts.path

    def _open(self, place: Beneath, index: int, writable: bool) -> int:
        if index == len(self.files):
            assert self._selection is not None
            return self._selection.parts.open(writable)
        file = self.files[index]
        if writable:
            return place.create(file.path, mode=mode_of(file))
        try:
            return place.open(file.path)
        except FileNotFoundError:
            with self.renaming:  # it may have been moved or renamed meanwhile
                return self.beneath.open(self.files[index].path)

    def _fill_cached(self, index: int, begin: int, part: memoryview) -> bool:
        place = self.beneath if index < len(self.files) else self._place(index)[0]
        file: OpenFile | None = self.pool.pin((place, index))
        if file is None:
            return False
        try:
            return self.pool.page_cache.read_into(file, part, begin)
        finally:
            self.pool.unpin(file)

    def _extent(self, index: int, begin: int, length: int) -> Extent:
        try:
            with self._borrow(index) as descriptor:
                return extent_of(descriptor, begin, length)
        except StorageMissing:
            raise
        except FileNotFoundError:
            return Extent.MISSING

    def _load(self, index: int, begin: int, part: memoryview) -> Extent:
        try:
            with self._borrow(index) as descriptor:
                extent = extent_of(descriptor, begin, len(part))
                if extent is Extent.DATA:
                    read_all(descriptor, part, begin)
                return extent
        except StorageMissing:
            raise
        except (FileNotFoundError, ShortFileError):  # it may be cut off meanwhile
            return Extent.MISSING

    def _note_unsynced(self, files: Iterable[int], pieces: Iterable[int]) -> None:
        with self._lock:
            self._unsynced_files.update(files)
            self._unsynced_pieces.update(pieces)

    def _note_rewritten(self, index: int, begin: int, length: int) -> None:
        if self._rewritten is not None and index < len(self.files):
            chunks = range(begin // CHUNK, (begin + length - 1) // CHUNK + 1)
            with self._lock:
                if self._rewritten is not None:
                    self._rewritten.update((index, chunk) for chunk in chunks)

    def _lost(self, files: set[int], pieces: set[int], error: OSError) -> SyncError:
        """A sync failed: tell which pieces are in doubt, and let the disk be asked about them."""
        with self._lock:
            # The next sync covers what will be written, and pieces that prove whole on re-reading.
            self._unsynced_files |= files
            pieces |= self._unsynced_pieces
            self._unsynced_pieces = set()
        for index in files:
            with suppress(OSError), self._borrow(index) as descriptor:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        lost = SyncError(error.errno, error.strerror, error.filename or self.root)
        lost.pieces = frozenset(pieces)
        return lost
