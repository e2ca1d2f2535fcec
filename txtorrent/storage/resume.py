"""What is kept about a torrent's progress, and how it is laid out in the state database.

Plain values. When to write them is journal.py's, what to believe of them trust.py's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

from attrs import field, frozen, validators

from txtorrent.storage.beneath import FileStat

_FILE = Struct("<qq")  # size (-1: the file is not there), mtime in ns

# What SQLite can hold.
_counter = validators.and_(validators.ge(0), validators.lt(1 << 63))


@frozen
class Checkpoint:
    """What is known of a torrent at a moment when all of `have` is durable on disk.

    That is, after a `Content.sync` that began when the pieces of `have` had been written.
    """

    have: bytes
    """One bit a piece in wire order; every one verified and synced."""
    files: tuple[FileStat | None, ...]
    """`Content.stat`, taken after that sync."""
    uploaded: int = field(validator=_counter)
    """Payload bytes, as `downloaded` and `wasted`."""
    downloaded: int = field(validator=_counter)
    wasted: int = field(validator=_counter)
    clean: bool
    """Nothing will be written until the next checkpoint: the files stay as in `files`."""


@frozen
class Resume:
    """What the state database knows of a torrent; how much of it to believe, `trust` says."""

    have: bytes
    provisional: frozenset[int]
    """Pieces recorded as written since the checkpoint that `have` is from."""
    files: tuple[FileStat | None, ...]
    clean: bool
    alive_at: float
    """Wall time at which the daemon last wrote about this torrent."""
    same_boot: bool
    """The system has not been started anew since: the page cache holds what was written."""
    uploaded: int
    downloaded: int
    wasted: int


def pack_files(files: Sequence[FileStat | None]) -> bytes:
    return b"".join(
        _FILE.pack(-1, 0) if file is None else _FILE.pack(file.size, file.mtime_ns)
        for file in files
    )


def unpack_files(data: bytes) -> tuple[FileStat | None, ...]:
    """The opposite of `pack_files`, of whose output `data` is."""
    return tuple(
        None if size < 0 else FileStat(size, mtime_ns) for size, mtime_ns in _FILE.iter_unpack(data)
    )
