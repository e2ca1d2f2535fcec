"""Real file systems: a folder on a disk, content dropped from memory, and one that can be stopped.

A frozen file system (fsfreeze) lets nothing be written until it is thawed: who writes waits in the
kernel, as for a disk that does not answer. It is an ext4 of its own in a file, mounted by a loop
device; that takes root.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from benchmarks.child import Failed
from benchmarks.content import MIB

DISK: Final = "/var/tmp"
"""Where a disk is looked for; /tmp often is memory."""
IN_MEMORY: Final = ("tmpfs", "ramfs", "")
PROGRAMS: Final = ("mkfs.ext4", "mount", "umount", "fsfreeze")
ROOM: Final = 256 * MIB
"""Bytes of the file system beside the content: its journal, and the client's state."""


def file_system(path: str) -> str:
    """The type of the file system that a path lies on, as in "ext4"; "" when it is not known."""
    device = os.stat(path).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo") as mounts:
        for line in mounts:
            before, _, after = line.partition(" - ")
            if before.split()[2] == number:
                return after.split()[0]
    return ""


def no_disk() -> str | None:
    """Why there is no cold content here, or None."""
    kind = file_system(DISK)
    return f"{DISK} is on no disk that is known ({kind})" if kind in IN_MEMORY else None


def cannot_freeze() -> str | None:
    """Why no disk can be made to stall here, or None."""
    if os.getuid() != 0:
        return "to mount and freeze a file system takes root"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing or not os.path.exists("/dev/loop-control"):
        return f"needs {', '.join(missing) or 'loop devices'}"
    return None


@contextmanager
def disk_folder() -> Iterator[str]:
    """A new directory on a disk, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="txtorrent-bench-", dir=DISK) as path:
        yield path


def drop(path: str) -> None:
    """Have a file leave the page cache."""
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())  # what is not yet on disk would stay
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def mounted(folder: str, size: int) -> Iterator[str]:
    """A new ext4 with room for `size` bytes; its mount point. Failed."""
    image, point = (os.path.join(folder, name) for name in ("image", "mount"))
    os.mkdir(point)
    with open(image, "wb") as out:
        out.truncate(size + size // 8 + ROOM)
    _run("mkfs.ext4", "-q", "-F", image)
    _run("mount", "-o", "loop", image, point)
    try:
        yield point
    finally:
        _run("umount", point)


@contextmanager
def frozen(point: str) -> Iterator[None]:
    """Nothing is written to this file system meanwhile. Failed."""
    _run("fsfreeze", "--freeze", point)
    try:
        yield
    finally:
        _run("fsfreeze", "--unfreeze", point)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: {done.stderr.strip()}")
