"""The lock that keeps a state directory to one daemon.

The lock is flock's, so it ends with the process however that ends; the file stays.
"""

from __future__ import annotations

import fcntl
import os

NAME = "lock"


class StateInUse(RuntimeError):
    """Another process, named in the message, uses the state directory."""


def lock(directory: str) -> int:
    """Take the directory's lock: a descriptor that holds it until closed.  Does not wait.

    StateInUse when another has it, in this process too.  OSError passes through.
    """
    path = os.path.join(directory, NAME)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        _take(descriptor, directory)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _take(descriptor: int, directory: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        raise StateInUse(
            f"{directory} is in use by process {owner or 'unknown'}: stop that one first,"
            " or give this one a state directory of its own"
        ) from error
