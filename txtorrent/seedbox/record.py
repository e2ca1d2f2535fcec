"""What is kept of a listed torrent over restarts, and how: one JSON object.

A key that is missing has its default and one that is not known is left out, so that a field may
come or go without an upgrade of the database.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from operator import attrgetter
from sys import intern
from typing import Any, Final

from attrs import Factory, define, fields

NO_LIMIT: Final = 0
"""A rate of 0 bytes/s kept but not honoured: Transmission's clients show it."""

Tiers = tuple[tuple[str, ...], ...]


@define
class Record:
    """One torrent. Bytes, bytes/s, seconds; times are seconds since 1970, 0 for never.

    `directory` is where the content belongs, `place` where it is if that is elsewhere.
    `wishes` has a digit for each file (0 unwanted, 1 low, 2 normal, 3 high), "" for all normal.
    `renamed` has the names that differ from the metainfo's: path there, path on disk.
    `magnet` is the link as long as nothing else is known: then sizes and counts are 0.
    """

    name: str
    directory: str
    total_size: int
    piece_count: int
    piece_size: int
    file_count: int
    trackers: Tiers = ()
    is_private: bool = False
    comment: str = ""
    creator: str = ""
    source: str = ""
    date_created: float = 0.0
    place: str = ""
    magnet: str = ""
    renamed: dict[str, str] = Factory(dict)

    trusted: bool = False
    """Whether its trackers may be at private and loopback addresses, whatever the setting says:
    the one who started the daemon gave it."""
    running: bool = True
    is_finished: bool = False
    is_complete: bool = False
    """Whether all that is wanted is had."""
    wishes: str = ""
    size_when_done: int = 0
    left_until_done: int = 0
    have_valid: int = 0
    downloaded: int = 0
    uploaded: int = 0
    corrupt: int = 0
    seconds_downloading: float = 0.0
    seconds_seeding: float = 0.0
    added_date: float = 0.0
    start_date: float = 0.0
    done_date: float = 0.0
    activity_date: float = 0.0
    edit_date: float = 0.0

    queue_rank: float = 0.0
    """Orders the queue; with gaps, so that few torrents are written when one is moved."""
    labels: tuple[str, ...] = ()
    group: str = ""
    bandwidth_priority: int = 0
    download_limit: int = NO_LIMIT
    download_limited: bool = False
    upload_limit: int = NO_LIMIT
    upload_limited: bool = False
    honors_session_limits: bool = True
    peer_limit: int = 0
    """0: as the session says."""
    seed_ratio_limit: float = 2.0
    seed_ratio_mode: int = 0
    seed_idle_limit: float = 1800.0
    seed_idle_mode: int = 0
    min_share: float | None = None
    sequential_download: bool = False
    sequential_download_from_piece: int = 0
    chat: bool = False
    """Whether its swarm can be talked to."""
    chat_in_private: bool = False
    """Whether also if it is private, or may yet turn out to be."""

    def encode(self) -> bytes:
        """The JSON object, without what is as it is by default."""
        kept = {
            name: value
            for (name, default), value in zip(_DEFAULTS.items(), _values(self), strict=True)
            if value != default
        }
        return _to_json(kept).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Record":
        """The opposite. ValueError, TypeError: that is no record."""
        kept = json.loads(data)
        known = kept if kept.keys() <= _NAMES else {n: kept[n] for n in kept if n in _NAMES}
        known["directory"] = intern(known["directory"])
        known["trackers"] = shared_tiers(known.get("trackers", ()))
        known["labels"] = tuple(map(intern, known.get("labels", ())))
        return cls(**known)


_DEFAULTS: Final[dict[str, Any]] = {
    field.name: {} if isinstance(field.default, Factory) else field.default  # type: ignore[arg-type]
    for field in fields(Record)
}
"""By name, in the order of the fields; NOTHING is like no value."""
_NAMES: Final = _DEFAULTS.keys()
_values: Final = attrgetter(*_DEFAULTS)
_to_json: Final = json.JSONEncoder(separators=(",", ":")).encode


def shared_tiers(tiers: Iterable[Iterable[str]]) -> Tiers:
    """Thousands of torrents have the same trackers: one tuple for all of them."""
    return _same(tuple(tuple(map(intern, tier)) for tier in tiers))


@lru_cache(4096)
def _same(tiers: Tiers) -> Tiers:
    return tiers
