"""The two dialects of the API and how each spells a name.

All else in this room uses JSON-RPC 2.0's names, which are snake_case. The legacy dialect has the
spellings that Transmission had before 4.1: fields of torrents and of statistics are camelCase,
all other names kebab-case, each with the exceptions below.
"""

import re
from collections.abc import Callable
from typing import Final

from attrs import frozen

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z]+)")

KEBAB_FIELDS: Final = frozenset(
    [
        "file_count",
        "files_unwanted",
        "files_wanted",
        "peer_limit",
        "primary_mime_type",
        "priority_high",
        "priority_low",
        "priority_normal",
        "current_stats",
        "cumulative_stats",
    ]
)
"""Fields of torrents and of statistics that are not camelCase."""
CAMEL_KEYS: Final = frozenset(
    ["bandwidth_priority", "honors_session_limits", "seed_ratio_limit", "seed_ratio_limited"]
)
"""Names of parameters, settings and results that are not kebab-case."""
SAME: Final = frozenset(
    [
        "begin_piece",
        "bytes_to_client",
        "bytes_to_peer",
        "download_bytes_per_second",
        "downloader_count",
        "end_piece",
        "ip_protocol",
        "is_downloading",
        "peer_id",
        "preferred_transports",
        "sequential_download",
        "sequential_download_from_piece",
        "total_size",
        "webseeds_ex",
    ]
)
"""What came when names were snake_case already; `total_size` of a file system only."""
ODD: Final = {"is_utp": "isUTP", "cache_size_mib": "cache-size-mb"}
_FROM_ODD: Final = {"isUTP": "is_utp", "cache-size-mb": "cache_size_mib"}


def legacy_field(name: str) -> str:
    """Of a torrent, what it consists of, or statistics: `hash_string` is `hashString`."""
    if name in ODD:
        return ODD[name]
    if name in KEBAB_FIELDS:
        return name.replace("_", "-")
    if name in SAME and name != "total_size":
        return name
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def legacy_key(name: str) -> str:
    """Of a method, parameter, setting or result: `download_dir` is `download-dir`."""
    if name in ODD:
        return ODD[name]
    if name in CAMEL_KEYS:
        return legacy_field(name)
    return name if name in SAME else name.replace("_", "-")


def canonical(name: str) -> str:
    """The snake_case of a name in any spelling; of one that nobody knows, something else."""
    if name in _FROM_ODD:
        return _FROM_ODD[name]
    return _HUMP.sub(lambda hump: "_" + hump[1].lower(), name).replace("-", "_")


def _same(name: str) -> str:
    return name


@frozen
class Dialect:
    """How names are spelt. `read` takes a spelling back to the name."""

    name: str
    field: Callable[[str], str]
    key: Callable[[str], str]
    read: Callable[[str], str]

    @property
    def is_legacy(self) -> bool:
        """Whether unknown ids are passed over and `wanted` is 0 or 1, as ever."""
        return self is LEGACY


MODERN: Final = Dialect("JSON-RPC 2.0", _same, _same, _same)
LEGACY: Final = Dialect("legacy", legacy_field, legacy_key, canonical)
