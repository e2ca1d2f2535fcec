"""Renaming that never replaces what is there: Linux's `renameat2` with RENAME_NOREPLACE."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from typing import Any

_NOREPLACE = 1
# The C library, the kernel or the file system does not know the call or the flag.
_UNKNOWN = (errno.ENOSYS, errno.EINVAL)


def _find() -> Callable[..., int] | None:
    found: Any = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if found is not None:
        found.argtypes = [
            ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint
        ]  # fmt: skip
        found.restype = ctypes.c_int
    return found  # type: ignore[no-any-return]


_renameat2 = _find()


def rename(source: str, target: str, *, source_folder: int, target_folder: int) -> None:
    """Rename within descriptors of folders.  FileExistsError when `target` is there already.

    Where the file system cannot promise that, it is looked for first.
    """
    if _renameat2 is not None:
        names = os.fsencode(source), os.fsencode(target)
        if not _renameat2(source_folder, names[0], target_folder, names[1], _NOREPLACE):
            return
        number = ctypes.get_errno()
        if number not in _UNKNOWN:
            raise OSError(number, os.strerror(number), source, None, target)
    _look_and_rename(source, target, source_folder, target_folder)


def _look_and_rename(source: str, target: str, source_folder: int, target_folder: int) -> None:
    try:
        os.lstat(target, dir_fd=target_folder)
    except FileNotFoundError:
        os.rename(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), source, None, target)
