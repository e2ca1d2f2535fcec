"""Reading from the page cache only: what is in memory at once, what is not not at all.

Linux's `preadv2` with RWF_NOWAIT.  This is the one part of the storage that may run on the
reactor's thread.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from txtorrent.storage.filepool import OpenFile

_NOWAIT = getattr(os, "RWF_NOWAIT", None)
# File systems that live in memory: a plain read of them does not wait for a device.
_IN_MEMORY = ("tmpfs", "ramfs")


@define(eq=False)
class PageCache:
    """Remembers which file systems cannot tell what is in memory."""

    _in_memory: dict[int, bool] = field(init=False, factory=dict)  # by st_dev

    def read_into(self, file: OpenFile, view: memoryview, offset: int) -> bool:
        """Fill `view` from `offset` of the file.  False when that would wait, or fails."""
        if file.waits or _NOWAIT is None:
            return False
        try:
            flags = 0 if file.plain else _NOWAIT
            return os.preadv(file.descriptor, [view], offset, flags) == len(view)
        except BlockingIOError:
            return False
        except OSError as error:
            # Any other error will come again on a thread, where it is dealt with.
            return error.errno == errno.EOPNOTSUPP and self._read_unasked(file, view, offset)

    def _read_unasked(self, file: OpenFile, view: memoryview, offset: int) -> bool:
        """The file system does not know RWF_NOWAIT."""
        device = os.fstat(file.descriptor).st_dev
        if device not in self._in_memory:
            self._in_memory[device] = _file_system(device) in _IN_MEMORY
        file.plain = self._in_memory[device]
        file.waits = not file.plain
        return self.read_into(file, view, offset)


def _file_system(device: int) -> str:
    """The type of a mounted file system ("ext4"), "" when it cannot be found."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
            for line in mounts:
                before, _, after = line.partition(" - ")
                if before.split()[2] == number:
                    return after.split()[0]
    except (OSError, IndexError):
        pass
    return ""
