"""Copying a file's bytes, run by run: holes stay holes, and what was written is compared.

Functions of descriptors; every call may block.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha1

# Bytes of a run: half a dozen milliseconds of work, so a lane is soon free for others.
RUN = 4 * 1024 * 1024
# Bytes read and written at once; also what is copied again when any of it was written meanwhile.
CHUNK = 1024 * 1024
# What share a file's blocks, copied only when written to (ioctl_ficlone(2)).
_FICLONE = 0x40049409

Run = tuple[int, int]  # offset, length


class CopyDiffersError(OSError):
    """What was read back of a copy is not what was written."""


def clone(source: int, target: int) -> bool:
    """Have `target` share the bytes of `source`, if their file system can do that."""
    with suppress(OSError):
        fcntl.ioctl(target, _FICLONE, source)
        return True
    return False


def runs(source: int, at: int = 0, end: int | None = None) -> Iterator[Run]:
    """Where a file has data, from `at` to `end`, in runs of at most RUN bytes."""
    size = os.fstat(source).st_size
    stop = size if end is None else min(end, size)
    while at < stop and (data := _seek(source, at, os.SEEK_DATA)) is not None:
        at, end = data, min(stop, _seek(source, data, os.SEEK_HOLE) or size)
        while at < end:
            length = min(RUN, end - at)
            yield at, length
            at += length


def copy(source: int, target: int, run: Run) -> bytes:
    """Copy a run; gives a digest of it for `verify`.  Stops at the end of the source."""
    digest = sha1(usedforsecurity=False)
    at, end = run[0], sum(run)
    while at < end and (data := os.pread(source, min(CHUNK, end - at), at)):
        digest.update(data)
        view = memoryview(data)
        while view:
            count = os.pwrite(target, view, at)
            view, at = view[count:], at + count
    return digest.digest()


def verify(target: int, run: Run, expected: bytes) -> None:
    """CopyDiffersError unless the run, from the device and not from memory, has that digest."""
    os.posix_fadvise(target, *run, os.POSIX_FADV_DONTNEED)
    digest = sha1(usedforsecurity=False)
    at, end = run[0], sum(run)
    while at < end and (data := os.pread(target, min(CHUNK, end - at), at)):
        digest.update(data)
        at += len(data)
    if digest.digest() != expected:
        raise CopyDiffersError(errno.EIO, "the copy is not what was copied")


def _seek(descriptor: int, at: int, whence: int) -> int | None:
    try:
        return os.lseek(descriptor, at, whence)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return None
