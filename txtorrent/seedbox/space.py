"""Free space on disks: looked at by a disk thread, remembered for whoever cannot wait."""

import os
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txtorrent.errors import Code, RequestError
from txtorrent.storage.disk import Disk

LOOK_EVERY: Final = 30
"""Seconds between looks at the download directory."""


@frozen
class Space:
    """Of a file system, in bytes; `free` is what a user without privileges may still write."""

    free: int
    total: int


def measure(path: str) -> Space:
    """Of the file system of a path, or of the nearest folder above it that exists. Blocks."""
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    status = os.statvfs(path)
    return Space(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize)


class Watcher:
    """Remembers how much is free in a directory."""

    def __init__(self, disk: Disk) -> None:
        self.free: int | None = None
        self._disk = disk

    def look(self, directory: str) -> None:
        """Have a look soon."""
        looking = self._disk.read.run(measure, directory)
        looking.addCallbacks(self._seen, lambda _: None)

    def ask(self, path: str) -> "Deferred[Space]":
        """Of a path. RequestError."""
        return self._disk.read.run(measure, path).addErrback(_explain)

    def _seen(self, space: Space) -> None:
        self.free = space.free


def _explain(failure: Failure) -> Space:
    error = failure.value
    if isinstance(error, OSError):
        raise RequestError(Code.SYSTEM_ERROR, error.strerror or str(error))
    failure.raiseException()
    raise AssertionError
