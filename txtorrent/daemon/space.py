"""Whether the content of torrents fits a directory, before anything is begun."""

import os
from collections.abc import Iterable

from txtorrent.metainfo.torrentfile import Metainfo

SECTOR = 512
"""Bytes of one `st_blocks`, whatever the file system's own blocks are."""


def lacking(directory: str, metainfos: Iterable[Metainfo]) -> int:
    """Bytes of disk space that the content of these torrents still has to be given."""
    return sum(
        max(0, file.length - _allocated(os.path.join(directory, *file.path)))
        for metainfo in metainfos
        for file in metainfo.files
        if not file.pad
    )


def free(directory: str) -> int:
    """Bytes that a user without privileges may still write there."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize


def _allocated(path: str) -> int:
    try:
        return os.lstat(path).st_blocks * SECTOR
    except OSError:
        return 0
