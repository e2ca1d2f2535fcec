"""The options of a torrent that `torrent_set` and `torrent_add` take: one table."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from attrs import frozen

from txtorrent.control.fields import KILO, MINUTE
from txtorrent.control.params import (
    FLAG,
    INDICES,
    LABELS,
    MAX_INTEGER,
    Kind,
    Param,
    number,
    rate,
    text,
    whole,
)
from txtorrent.control.torrentview import Torrent
from txtorrent.errors import Code, RequestError

MAX_LIMIT: Final = 2**31 - 1
"""kB/s, and minutes."""


@frozen
class Option:
    """`attribute`: its name in the session; `scale`: how many units of that are one of ours."""

    param: Param
    attribute: str
    scale: int = 1
    on_add: bool = False

    def value(self, given: Any) -> Any:
        """As the session has it."""
        return given if self.scale == 1 else given * self.scale


def _share(name: str, value: Any) -> float | None:
    return None if value is None else float(number(0, 1).read(name, value))


def _option(
    name: str, kind: Kind, doc: str, attribute: str = "", scale: int = 1, on_add: bool = False
) -> Option:
    return Option(Param(name, kind, doc, is_field=True), attribute or name, scale, on_add)


_RATE: Final = rate(MAX_LIMIT)
_MODE: Final = whole(0, 2)

FILE_LISTS: Final = (
    "files_unwanted",
    "files_wanted",
    "priority_high",
    "priority_low",
    "priority_normal",
)
OPTIONS: Final[tuple[Option, ...]] = (
    _option("bandwidth_priority", whole(-1, 1), "Against other torrents.", on_add=True),
    _option("download_limit", _RATE, "Its own limit.", "", KILO),
    _option("download_limited", FLAG, "Whether it counts."),
    _option("files_unwanted", INDICES, "Not to be downloaded; [] for all.", on_add=True),
    _option("files_wanted", INDICES, "To be downloaded; [] for all.", on_add=True),
    _option("group", text(256), "Its bandwidth group; made if need be.", on_add=True),
    _option("honors_session_limits", FLAG, "Whether the session's limits count for it."),
    _option("labels", LABELS, "Its labels.", on_add=True),
    _option("peer_limit", whole(1, 65535), "Connections at most.", on_add=True),
    _option("priority_high", INDICES, "Files to be had first; [] for all.", on_add=True),
    _option("priority_low", INDICES, "Files to be had last; [] for all.", on_add=True),
    _option("priority_normal", INDICES, "Files between these; [] for all.", on_add=True),
    _option("queue_position", whole(0, MAX_INTEGER), "From 0."),
    _option("seed_idle_limit", whole(0, MAX_LIMIT, "minutes"), "Its own limit.", "", MINUTE),
    _option("seed_idle_mode", _MODE, "0 the session's limit, 1 its own, 2 none."),
    _option("seed_ratio_limit", number(0, MAX_LIMIT), "Its own limit."),
    _option("seed_ratio_mode", _MODE, "0 the session's limit, 1 its own, 2 none."),
    _option("sequential_download", FLAG, "Whether pieces are requested in order.", on_add=True),
    _option(
        "sequential_download_from_piece",
        whole(0, MAX_INTEGER),
        "Where that order begins.",
        on_add=True,
    ),
    _option("upload_limit", _RATE, "Its own limit.", "", KILO),
    _option("upload_limited", FLAG, "Whether it counts."),
    _option("tx_chat", FLAG, "Whether its swarm can be talked to.", "chat", on_add=True),
    _option(
        "tx_chat_in_private",
        FLAG,
        "Whether also if it is private; until its metadata is known it may be.",
        "chat_in_private",
        on_add=True,
    ),
    _option(
        "tx_min_share",
        Kind("number 0 to 1, or null", _share),
        "What of its size it uploads before it asks for its last piece; null: the session's.",
        "min_share",
        on_add=True,
    ),
)


def read_options(params: Mapping[str, Any], on_add: bool = False) -> dict[str, Any]:
    """What the session is to be told of parameters that have been read."""
    chosen = (each for each in OPTIONS if each.param.name in params and (each.on_add or not on_add))
    return {each.attribute: each.value(params[each.param.name]) for each in chosen}


def check_indices(torrent: Torrent, options: Mapping[str, Any]) -> None:
    """FILE_INDEX or PIECE_INDEX for one that this torrent does not have."""
    for name in FILE_LISTS:
        _check(options.get(name, ()), torrent.file_count, Code.FILE_INDEX, name)
    first = options.get("sequential_download_from_piece", 0)
    _check((first,) if first else (), torrent.piece_count, Code.PIECE_INDEX, "piece")


def _check(indices: Collection[int], count: int, code: Code, name: str) -> None:
    if indices and max(indices) >= count:
        raise RequestError(code, f"{name}: there is no {max(indices)}, but 0 to {count - 1}")
