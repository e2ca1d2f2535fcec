"""Opening files beneath a root directory, and nowhere else.

Every component is opened from its parent's descriptor and no symbolic link below the root is
followed, so neither a torrent nor a link planted on the disk leads elsewhere (the root itself may
be reached through links: it is the user's own choice).  Knows nothing of torrents.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from attrs import define, field, frozen

from txtorrent.storage import noreplace

Path = tuple[str, ...]  # components, relative to the root

_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER = _ROOT | os.O_NOFOLLOW
# O_NONBLOCK: opening a planted FIFO must not hang; on a regular file it means nothing.
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

_NO_EMPTY_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST)


class StorageMissing(FileNotFoundError):
    """The root, or what a torrent has at its top, was there once and is not any more.

    Most often a disk that is not mounted.  Nothing was created.
    """


@frozen
class FileStat:
    """What tells that a file was changed: its size in bytes and its mtime in nanoseconds."""

    size: int
    mtime_ns: int


@define(eq=False)
class Beneath:
    """The files beneath the directory `root`.  Thread safe; every call may block.

    The first component of a path is created only on request (`top=True`): where it has gone, the
    storage is missing and must not be filled anew.  `relieve` is called when the process is out of
    descriptors, to have some closed that can be spared.
    """

    root: str
    _relieve: Callable[[], None]
    _changed: set[Path] = field(init=False, factory=set)
    _lock: Lock = field(init=False, factory=Lock)

    def open(self, path: Path, *, writable: bool = False) -> int:
        """A descriptor of an existing regular file."""
        folder = self.open_folder(path[:-1])
        try:
            return self._open_file(folder, path, os.O_RDWR if writable else os.O_RDONLY)
        finally:
            os.close(folder)

    def create(self, path: Path, *, top: bool = False, mode: int = 0o666) -> int:
        """A writable descriptor of a regular file; it and its folders are made when missing."""
        folder = self.open_folder(path[:-1], make=True, top=top)
        try:
            try:
                return self._open_file(folder, path, os.O_RDWR)
            except FileNotFoundError:
                if len(path) == 1 and not top:
                    raise
            # Noted first: when the opening fails after the creation, nothing is forgotten.
            self._note_changed(path[:-1])
            return self._open_file(folder, path, os.O_RDWR | os.O_CREAT, mode)
        finally:
            os.close(folder)

    def open_folder(self, path: Path, *, make: bool = False, top: bool = False) -> int:
        """A descriptor of a folder; of the root for ().  `make` creates what is missing."""
        folder = self._open_root()
        try:
            for depth in range(len(path)):
                inner = self._enter(folder, path[: depth + 1], make and (top or depth > 0))
                os.close(folder)
                folder = inner
        except BaseException:
            os.close(folder)
            raise
        return folder

    def stat(self, paths: Sequence[Path | None]) -> tuple[FileStat | None, ...]:
        """What is on disk for each path: None for what is not a regular file, and for None.

        StorageMissing only when the root itself is.  Paths that share a folder cost least when
        they follow each other.
        """
        found: list[FileStat | None] = []
        parent: Path = ()
        folder = self._open_root()
        try:
            for path in paths:
                if path is not None and path[:-1] != parent:
                    parent = path[:-1]
                    if folder >= 0:
                        os.close(folder)
                    folder = -1  # what is closed must not be closed again
                    folder = self._open_folder_if_any(parent)
                found.append(None if path is None or folder < 0 else _stat(folder, path[-1]))
        finally:
            if folder >= 0:
                os.close(folder)
        return tuple(found)

    def rename(self, path: Path, other: Beneath, to: Path) -> None:
        """Rename what is at `path` to `to` beneath `other`, where folders are made when missing.

        Durable when the changed folders of both are synced.  FileExistsError when `to` is there.
        """
        opened = self._opened(path), other._opened(to, make=True)
        with opened[0] as source, opened[1] as target, other._named(to):
            noreplace.rename(path[-1], to[-1], source_folder=source, target_folder=target)
        other.put_back(self._take_changed_below(path, to))
        self._note_changed(path[:-1])
        other._note_changed(to[:-1])

    def link(self, path: Path, other: Beneath, to: Path) -> None:
        """Give the file at `path` a second name beneath `other`.  As `rename`."""
        opened = self._opened(path), other._opened(to, make=True)
        with opened[0] as source, opened[1] as target, other._named(to):
            folders = {"src_dir_fd": source, "dst_dir_fd": target}
            os.link(path[-1], to[-1], **folders, follow_symlinks=False)
        other._note_changed(to[:-1])

    def status(self, path: Path) -> os.stat_result | None:
        """All that is known of a regular file; None when there is none."""
        with self._parent(path) as folder:
            found = _lstat(folder, path[-1]) if folder >= 0 else None
        return found if found is not None and stat.S_ISREG(found.st_mode) else None

    def exists(self, path: Path) -> bool:
        """Whether there is anything at `path`, be it a broken link."""
        with self._parent(path) as folder:
            return folder >= 0 and _lstat(folder, path[-1]) is not None

    def unlink(self, path: Path) -> bool:
        """Remove a regular file; False when there is none (a link, say, is left alone)."""
        with self._parent(path) as folder:
            if folder < 0 or _stat(folder, path[-1]) is None:
                return False
            with self._named(path):
                os.unlink(path[-1], dir_fd=folder)
        self._note_changed(path[:-1])
        return True

    def remove_folder(self, path: Path) -> bool:
        """Remove a folder if it is empty; False when it is not, or is no folder."""
        with self._parent(path) as folder, self._named(path):
            try:
                if folder < 0:
                    return False
                os.rmdir(path[-1], dir_fd=folder)
            except OSError as error:
                if error.errno in _NO_EMPTY_FOLDER:
                    return False
                raise
        with self._lock:
            self._changed.discard(path)
            self._changed.add(path[:-1])
        return True

    def take_changed(self) -> set[Path]:
        """The folders in which something was created or removed since the last call."""
        with self._lock:
            changed, self._changed = self._changed, set()
        return changed

    def put_back(self, changed: set[Path]) -> None:
        """Have `take_changed` give these again."""
        with self._lock:
            self._changed |= changed

    def sync_folder(self, path: Path) -> None:
        """Make what was created in a folder, or removed from it, durable."""
        folder = self.open_folder(path)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def shown(self, path: Path) -> str:
        """A path for messages."""
        return os.path.join(self.root, *path)

    def _open_root(self) -> int:
        try:
            return self._open_os(self.root, _ROOT)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StorageMissing(errno.ENOENT, "storage missing", self.root) from error

    def _enter(self, folder: int, path: Path, make: bool) -> int:
        """Open the folder `path`, whose parent is open as `folder`."""
        try:
            return self._open_at(folder, path, _FOLDER)
        except FileNotFoundError:
            if not make:
                raise
        self._note_changed(path[:-1])
        try:
            os.mkdir(path[-1], dir_fd=folder)
        except FileExistsError:
            pass  # another thread was first
        except OSError as error:
            error.filename = self.shown(path)
            raise
        return self._open_at(folder, path, _FOLDER)

    def _open_file(self, folder: int, path: Path, flags: int, mode: int = 0o666) -> int:
        descriptor = self._open_at(folder, path, flags | _FILE, mode)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", self.shown(path))

    def _open_at(self, folder: int, path: Path, flags: int, mode: int = 0o666) -> int:
        """`os.open` of the last component, its errors naming the whole path."""
        try:
            return self._open_os(path[-1], flags, mode, folder)
        except OSError as error:
            error.filename = self.shown(path)
            if error.errno == errno.ENOENT and len(path) == 1:
                raise StorageMissing(error.errno, "storage missing", error.filename) from error
            raise

    def _open_os(self, name: str, flags: int, mode: int = 0o666, folder: int | None = None) -> int:
        try:
            return os.open(name, flags, mode, dir_fd=folder)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
        self._relieve()
        return os.open(name, flags, mode, dir_fd=folder)

    def _open_folder_if_any(self, path: Path) -> int:
        """As `open_folder`, but -1 when there is none.  (StorageMissing when the root is gone.)"""
        try:
            return self.open_folder(path)
        except OSError as error:
            nothing = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
            if error.filename == self.root or not nothing:
                raise
            return -1

    @contextmanager
    def _opened(self, path: Path, make: bool = False) -> Iterator[int]:
        """A descriptor of the folder that holds `path`."""
        folder = self.open_folder(path[:-1], make=make, top=make)
        try:
            yield folder
        finally:
            os.close(folder)

    @contextmanager
    def _parent(self, path: Path) -> Iterator[int]:
        """A descriptor of the folder that holds `path`, -1 when there is none."""
        folder = self._open_folder_if_any(path[:-1])
        try:
            yield folder
        finally:
            if folder >= 0:
                os.close(folder)

    @contextmanager
    def _named(self, path: Path) -> Iterator[None]:
        """Errors name the whole path."""
        try:
            yield
        except OSError as error:
            error.filename = self.shown(path)
            raise

    def _take_changed_below(self, path: Path, to: Path) -> set[Path]:
        """The changed folders that were at or below `path`, as they are called now."""
        depth = len(path)
        with self._lock:
            moved = {folder for folder in self._changed if folder[:depth] == path}
            self._changed -= moved
        return {to + folder[depth:] for folder in moved}

    def _note_changed(self, folder: Path) -> None:
        with self._lock:
            self._changed.add(folder)


def _stat(folder: int, name: str) -> FileStat | None:
    found = _lstat(folder, name)
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    return FileStat(found.st_size, found.st_mtime_ns)


def _lstat(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
