"""Files that keep something over a restart: read whole, replaced whole. To be called in threads."""

from __future__ import annotations

import fcntl
import os
from typing import Final

LOCK: Final = ".lock"
"""What the name of the file ends in that says that a process uses it."""


class InUse(OSError):
    """Another process uses the file."""


def claim(path: str) -> int:
    """Have the file for this process alone, and see that it can be written; gives a descriptor,
    which is to be closed when it is not needed any more. OSError; InUse."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    lock = _private(path + LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise InUse(error.errno, "another tracker uses it") from None
    return lock


def write(path: str, parts: list[bytes]) -> None:
    """Replace the file, or leave it as it was. OSError."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    new = f"{path}.new"
    with open(new, "wb", opener=_private) as out:
        out.writelines(parts)
        out.flush()
        os.fsync(out.fileno())
    os.replace(new, path)
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: str) -> bytes | None:
    """What is in the file; None when there is none. OSError."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _private(path: str, flags: int) -> int:
    """Who downloads what is nobody else's business."""
    return os.open(path, flags, 0o600)
