"""The open files of all torrents: a bounded pool of descriptors, the least recently used closed.

Which file a key means, and how it is opened, is known by who asks.
"""

from __future__ import annotations

import os
import resource
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from attrs import define, field

from txtorrent.storage.pagecache import PageCache

Key = tuple[object, int]  # whose file (compared by identity or equality), and which of theirs

# Most descriptors belong to sockets: files get a quarter of what the process may open, and more
# than this many open files gain nothing.
FILES_SHARE = 4
MOST_FILES = 1024
FEWEST_FILES = 16


def default_limit() -> int:
    """How many files may be open, by the process's limit of descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MOST_FILES
    return max(FEWEST_FILES, min(MOST_FILES, soft // FILES_SHARE))


@define(eq=False)
class OpenFile:
    """A descriptor of the pool; it stays open while it is pinned."""

    descriptor: int
    writable: bool
    pins: int = 0
    dropped: bool = False  # no longer in the pool: the last to unpin it closes it
    waits: bool = False  # its file system cannot tell what is in memory: never read on the reactor
    plain: bool = False  # its file system is memory: read it without asking


@define(eq=False)
class FilePool:
    """At most `limit` open files.  Thread safe.

    Files in use are never closed: while all of them are, the limit is exceeded by at most one a
    thread.  The lock is held for dictionary work only, never while a disk is asked.
    """

    limit: int = field(factory=default_limit)
    page_cache: PageCache = field(init=False, factory=PageCache)
    _files: OrderedDict[Key, OpenFile] = field(init=False, factory=OrderedDict)
    _lock: Lock = field(init=False, factory=Lock)

    @property
    def open_count(self) -> int:
        """How many files are open (without those dropped while in use)."""
        return len(self._files)

    @contextmanager
    def borrow(self, key: Key, opener: Callable[[], int], *, writable: bool) -> Iterator[int]:
        """The descriptor for `key`, kept open for the length of a `with`.

        `opener` opens the file when it is not open, or is open for reading only and `writable`
        is asked.  May block; what `opener` raises passes through.
        """
        file = self.pin(key, writable=writable) or self._add(key, opener, writable)
        try:
            yield file.descriptor
        finally:
            self.unpin(file)

    def pin(self, key: Key, *, writable: bool = False) -> OpenFile | None:
        """The open file for `key`, if there is one; `unpin` it after use.  Never blocks."""
        with self._lock:
            return self._pin(key, writable)

    def unpin(self, file: OpenFile) -> None:
        unused: list[OpenFile | None] = []
        with self._lock:
            file.pins -= 1
            if file.dropped and not file.pins:
                unused.append(file)
            elif len(self._files) > self.limit:
                unused = self._shrink(self.limit)
        _close(unused)

    def drop(self, owner: object) -> None:
        """Close every file whose key begins with `owner`; those in use, after that use."""
        with self._lock:
            unused = [self._remove(key) for key in list(self._files) if key[0] is owner]
        _close(unused)

    def close_unused(self, keep: int = 0) -> None:
        """Close the least recently used files, but `keep` of them and those in use."""
        with self._lock:
            unused = self._shrink(keep)
        _close(unused)

    def relieve(self) -> None:
        """Give up half of the open files: sockets, or another program, took too many."""
        self.close_unused(keep=self.open_count // 2)

    def _add(self, key: Key, opener: Callable[[], int], writable: bool) -> OpenFile:
        """Open the file for `key` and pin it."""
        descriptor = opener()
        with self._lock:
            file = self._pin(key, writable)
            unused: list[OpenFile | None]
            if file is not None:  # another thread was first
                unused = [OpenFile(descriptor, writable)]
            else:
                unused = [self._remove(key)]
                file = self._files[key] = OpenFile(descriptor, writable, pins=1)
                unused += self._shrink(self.limit)
        _close(unused)
        return file

    # What follows is called with the lock held.

    def _pin(self, key: Key, writable: bool) -> OpenFile | None:
        file = self._files.get(key)
        if file is None or (writable and not file.writable):
            return None
        self._files.move_to_end(key)
        file.pins += 1
        return file

    def _remove(self, key: Key) -> OpenFile | None:
        """Take a file out of the pool.  It is given back when the caller is to close it."""
        file = self._files.pop(key, None)
        if file is None or file.pins:
            if file is not None:
                file.dropped = True
            return None
        return file

    def _shrink(self, keep: int) -> list[OpenFile | None]:
        surplus = len(self._files) - keep
        if surplus <= 0:
            return []
        unused = [key for key, file in self._files.items() if not file.pins]
        return [self._remove(key) for key in unused[:surplus]]


def _close(files: list[OpenFile | None]) -> None:
    for file in files:
        if file is not None:
            os.close(file.descriptor)
