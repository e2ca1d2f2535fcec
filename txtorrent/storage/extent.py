"""Runs of bytes in an open file: what there is of them, reading and writing all of them."""

from __future__ import annotations

import errno
import os
from enum import Enum


class ShortFileError(OSError):
    """A file ends before the bytes that were asked for."""


class Extent(Enum):
    """What the disk holds of a run of bytes."""

    MISSING = "a file is missing or ends early"
    HOLE = "nothing was ever written there: zeros"
    DATA = "data, at least in part"


def extent_of(descriptor: int, begin: int, length: int) -> Extent:
    if os.fstat(descriptor).st_size < begin + length:
        return Extent.MISSING
    return Extent.DATA if _has_data(descriptor, begin, length) else Extent.HOLE


def read_all(descriptor: int, part: memoryview, begin: int) -> None:
    """Fill `part` from `begin`.  ShortFileError."""
    while part:
        count = os.preadv(descriptor, [part], begin)
        if not count:
            raise ShortFileError(errno.ENODATA, "the file is too short")
        part, begin = part[count:], begin + count


def write_all(descriptor: int, part: memoryview, begin: int) -> None:
    while part:
        count = os.pwrite(descriptor, part, begin)
        part, begin = part[count:], begin + count


def _has_data(descriptor: int, begin: int, length: int) -> bool:
    try:
        return os.lseek(descriptor, begin, os.SEEK_DATA) < begin + length
    except OSError as error:
        return error.errno != errno.ENXIO  # ENXIO: a hole up to the end
