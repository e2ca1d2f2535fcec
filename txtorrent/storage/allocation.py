"""Taking the disk space of a torrent's files before anything is written to them."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress

from txtorrent.storage.beneath import Beneath, Path

_FULL = (errno.ENOSPC, errno.EDQUOT)


def allocate(beneath: Beneath, wanted: Sequence[tuple[Path, int]]) -> None:
    """Give each file of `wanted` the disk space of its length in bytes; the files exist.

    All or nothing: OSError ENOSPC, naming the bytes needed and free, leaves every file with the
    size it had.
    """
    needed = sum(_lacking(beneath, path, length) for path, length in wanted)
    free = require_space(beneath.root, needed)
    grown: list[tuple[Path, int]] = []
    try:
        for path, length in wanted:
            _allocate_file(beneath, path, length, grown)
    except OSError as error:
        _undo(beneath, grown)
        if error.errno in _FULL:
            raise _disk_full(beneath.root, needed, free) from error
        raise


def require_space(root: str, needed: int) -> int:
    """The bytes free in a directory's file system; OSError ENOSPC when they are too few."""
    free = _free(root)
    if needed > free:
        raise _disk_full(root, needed, free)
    return free


def _allocate_file(
    beneath: Beneath, path: Path, length: int, grown: list[tuple[Path, int]]
) -> None:
    """Allocate one file, noting its size in `grown` when that is going to change."""
    if not length:
        return
    descriptor = beneath.open(path, writable=True)
    try:
        size = os.fstat(descriptor).st_size
        if size < length:
            grown.append((path, size))
        os.posix_fallocate(descriptor, 0, length)
    finally:
        os.close(descriptor)


def _undo(beneath: Beneath, grown: Sequence[tuple[Path, int]]) -> None:
    for path, size in grown:
        with suppress(OSError):  # what cannot be undone is only space
            descriptor = beneath.open(path, writable=True)
            try:
                os.ftruncate(descriptor, size)
            finally:
                os.close(descriptor)


def _lacking(beneath: Beneath, path: Path, length: int) -> int:
    """The bytes of disk space that a file does not have yet."""
    descriptor = beneath.open(path)
    try:
        return max(0, length - os.fstat(descriptor).st_blocks * 512)
    finally:
        os.close(descriptor)


def _free(root: str) -> int:
    there = os.statvfs(root)
    return there.f_bavail * there.f_frsize


def _disk_full(root: str, needed: int, free: int) -> OSError:
    text = f"disk full: {needed} bytes are needed, {free} are free"
    return OSError(errno.ENOSPC, text, root)
