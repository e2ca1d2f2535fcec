"""What a move does on disk, job by job: its folder, second names, copies, final names.

Which job when, and what is recorded between them, is move.py's. Every call may block.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence

from attrs import define, field

from txtorrent.bitfield import Bitfield
from txtorrent.storage import copying
from txtorrent.storage.allocation import require_space
from txtorrent.storage.beneath import Beneath, Path, StorageMissing
from txtorrent.storage.content import Content
from txtorrent.storage.remove import folders_of

# File systems that have no second names, or not for this file.
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
# Runs of a copy between two syncs (64 MiB): a sync of all at its end would hold up the disk.
_RUNS_UNSYNCED = 16
# The mode of a copy that is not whole. Its mtime alone would not tell: it may be written within the
# same tick of the clock as the original.
_UNFINISHED = 0o200


@define(eq=False)
class MoveFiles:
    """The files of `content` in the old root, in the move's own folder, and in the new root."""

    content: Content
    old: Beneath
    target: str
    name: str
    total: int = field(init=False, default=0)
    """Bytes of the files to be moved, from `survey` on."""
    new: Beneath = field(init=False)
    _own: Beneath = field(init=False)
    _waiting: set[int] = field(init=False, factory=set)  # files that have no final name yet
    _device: int = field(init=False, default=-1)  # of the new root

    @new.default
    def _open_new(self) -> Beneath:
        return Beneath(self.target, self.content.pool.relieve)

    @_own.default
    def _open_own(self) -> Beneath:
        folder = os.path.join(self.target, f".{self.name}.moving")
        return Beneath(folder, self.content.pool.relieve)

    def survey(self, placed: Bitfield) -> None:
        """Make the move's folder, and look at everything before anything is copied to it.

        FileExistsError where a file of others is in the way; OSError ENOSPC; StorageMissing.
        `placed` are files in the new root that are ours.
        """
        self._device = self._look_at_target()
        self._make_own_folder()
        needed = 0
        for index, path in self._stored():
            there = self.old.status(path)
            if there is None:
                continue
            if index not in placed and self.new.exists(path):
                raise FileExistsError(errno.EEXIST, "is in the way", self.new.shown(path))
            self.total += there.st_size
            if there.st_dev != self._device:
                done = self._own.status(path) or self.new.status(path)
                needed += max(0, _space(there) - (_space(done) if done else 0))
        require_space(self.target, needed)

    def link(self, indices: Iterable[int], placed: Bitfield) -> tuple[int, list[int]]:
        """Give files second names. (bytes dealt with, files that have to be copied)"""
        taken, to_copy = 0, []
        for index in indices:
            file = self.content.files[index]
            there = None if file.pad else self.old.status(file.path)
            if there is None:
                continue
            if self._is_done(index, there, placed) or self._linked(index, there):
                taken += there.st_size
            else:
                to_copy.append(index)
        return taken, to_copy

    def begin_copy(self, index: int) -> Copy:
        path = self.content.files[index].path
        source = self.old.open(path)
        try:
            copy = Copy(source, self._own.create(path, top=True))
        except BaseException:
            os.close(source)
            raise
        self._waiting.add(index)
        return copy

    def to_place(self) -> list[int]:
        """The files that are complete but have no final name."""
        return sorted(self._waiting)

    def place(self, indices: Sequence[int]) -> None:
        """FileExistsError where somebody else has put a file meanwhile."""
        for index in indices:
            path = self.content.files[index].path
            self._own.rename(path, self.new, path)
            self._waiting.discard(index)

    def copy_again(self, index: int, chunks: Sequence[int]) -> None:
        """Copy again what was written to a file that has its final name."""
        path = self.content.files[index].path
        source = self.old.open(path)
        try:
            target = self.new.open(path, writable=True)
            try:
                _copy_again(source, target, chunks)
            finally:
                os.close(target)
        finally:
            os.close(source)

    def finish(self) -> None:
        """All is there: make the names durable, and what belongs at the top beside them."""
        for path in {path[:1] for _, path in self._stored() if len(path) > 1}:
            if self.old.exists(path):
                os.close(self.new.open_folder(path, make=True, top=True))
        for folder in sorted(self.new.take_changed()):
            self.new.sync_folder(folder)

    def discard(self, placed: Bitfield) -> None:
        """Remove everything of ours in the new root; the old one has it all."""
        has_own = self._has_own_folder()
        for index, path in self._stored():
            own = has_own and self._own.unlink(path)
            if index in placed and not own and self.old.status(path) is not None:
                self.new.unlink(path)
        self.remove_folder()
        self._remove_folders(self.new)

    def remove_folder(self) -> None:
        """Remove the move's folder, which nothing is left in."""
        if self._has_own_folder():
            self._remove_folders(self._own)
        self.new.remove_folder((os.path.basename(self._own.root),))

    def _remove_folders(self, beneath: Beneath) -> None:
        for folder in sorted(folders_of(self.content.paths()), key=len, reverse=True):
            beneath.remove_folder(folder)

    def _stored(self) -> Iterator[tuple[int, Path]]:
        files = enumerate(self.content.files)
        return ((index, file.path) for index, file in files if not file.pad)

    def _look_at_target(self) -> int:
        try:
            return os.stat(self.target).st_dev
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StorageMissing(errno.ENOENT, "storage missing", self.target) from error

    def _make_own_folder(self) -> None:
        try:
            os.mkdir(self._own.root, 0o700)
        except FileExistsError:
            if not self._has_own_folder():
                raise

    def _has_own_folder(self) -> bool:
        """Whether it is there, and not a link that somebody has put in its place."""
        try:
            return stat.S_ISDIR(os.lstat(self._own.root).st_mode)
        except FileNotFoundError:
            return False

    def _is_done(self, index: int, there: os.stat_result, placed: Bitfield) -> bool:
        """Whether an earlier run has brought the file over; if only in part, that part goes."""
        path = self.content.files[index].path
        own = self._own.status(path)
        done = self.new.status(path) if own is None and index in placed else own
        if done is None:
            return False
        if _is_vouched(done, there):
            if own is not None:
                self._waiting.add(index)
            return True
        (self.new if own is None else self._own).unlink(path)
        return False

    def _linked(self, index: int, there: os.stat_result) -> bool:
        path = self.content.files[index].path
        if there.st_dev != self._device:
            return False
        try:
            self.old.link(path, self._own, path)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            return False
        self._waiting.add(index)
        return True


@define(eq=False)
class Copy:
    """The copy of one file, a run at a time."""

    _source: int
    _target: int
    _work: Iterator[int] = field(init=False)

    @_work.default
    def _begin(self) -> Iterator[int]:
        return self._steps()

    def go_on(self) -> int | None:
        """A job's worth; the bytes copied by it, None when the copy is there to stay."""
        return next(self._work, None)

    def close(self) -> None:
        os.close(self._source)
        os.close(self._target)

    def _steps(self) -> Iterator[int]:
        source, target = self._source, self._target
        begin = os.fstat(source)
        os.fchmod(target, _UNFINISHED)
        os.ftruncate(target, begin.st_size)
        digests: list[tuple[copying.Run, bytes]] = []
        if copying.clone(source, target):
            yield begin.st_size
        else:
            yield from self._copy(digests)
        os.fsync(target)
        for run, digest in digests:
            copying.verify(target, run, digest)
            yield 0
        _vouch(target, begin)

    def _copy(self, digests: list[tuple[copying.Run, bytes]]) -> Iterator[int]:
        for run in copying.runs(self._source):
            digests.append((run, copying.copy(self._source, self._target, run)))
            if len(digests) % _RUNS_UNSYNCED == 0:
                os.fdatasync(self._target)
            yield run[1]


def _copy_again(source: int, target: int, chunks: Sequence[int]) -> None:
    begin, have = os.fstat(source), os.fstat(target)
    if os.path.samestat(begin, have):
        return  # two names of one file
    os.fchmod(target, _UNFINISHED)
    if have.st_size < begin.st_size:
        os.ftruncate(target, begin.st_size)
    runs = [(chunk * copying.CHUNK, copying.CHUNK) for chunk in chunks]
    digests = [copying.copy(source, target, run) for run in runs]
    os.fsync(target)
    for run, digest in zip(runs, digests, strict=True):
        copying.verify(target, run, digest)
    _vouch(target, begin)


def _vouch(target: int, source: os.stat_result) -> None:
    """Mark a copy as that of the file as it was then; its data is on the device."""
    os.utime(target, ns=(source.st_atime_ns, source.st_mtime_ns))
    os.fchmod(target, source.st_mode & 0o777)


def _is_vouched(copy: os.stat_result, source: os.stat_result) -> bool:
    same_time = (copy.st_size, copy.st_mtime_ns) == (source.st_size, source.st_mtime_ns)
    return same_time and copy.st_mode & 0o777 == source.st_mode & 0o777


def _space(there: os.stat_result) -> int:
    return there.st_blocks * 512
