"""The columns of tables of torrents, and which of them a terminal has room for. Pure."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from txtorrent.cli import state
from txtorrent.cli.api import Torrent
from txtorrent.cli.errors import plain
from txtorrent.cli.grid import GAP
from txtorrent.cli.naming import SHORT_HASH
from txtorrent.units import show_size, show_time

NAME_WIDTH: Final = 24
"""Cells that a name gets before any column that may be left out."""
DASH: Final = "-"


@frozen
class Column:
    """One column. `rank` 0 is always there; the greater it is the sooner the column goes."""

    key: str
    title: str
    show: Callable[[Torrent], str]
    sort: Callable[[Torrent], Any]
    width: int
    """Cells that it usually takes."""
    rank: int
    fields: tuple[str, ...]
    """Of torrent_get."""
    is_right: bool = True
    is_cut: bool = False
    """Whether it may be cut where the terminal is too narrow."""


def rate(bytes_per_second: float) -> str:
    """ "1.23 MB/s"; a dash for none, so that what moves is what one sees."""
    return f"{show_size(bytes_per_second)}/s" if bytes_per_second else DASH


def ratio(value: float) -> str:
    """Transmission's upload_ratio: -1 is unknown, -2 infinite."""
    if value == -2:
        return "∞"
    return DASH if value < 0 else f"{int(value * 100) / 100:.2f}"


def date(epoch_seconds: float) -> str:
    """Day and time here; a dash for never."""
    if not epoch_seconds or epoch_seconds < 0:
        return DASH
    return datetime.fromtimestamp(epoch_seconds).strftime("%Y-%m-%d %H:%M")


def eta(seconds: float) -> str:
    """Transmission's eta: negative is unknown."""
    return DASH if seconds < 0 else show_time(seconds)


def _number(key: str) -> Callable[[Torrent], Any]:
    return lambda torrent: torrent.get(key) or 0


def _text(key: str) -> Callable[[Torrent], str]:
    return lambda torrent: plain(str(torrent.get(key) or DASH))


def _folded(key: str) -> Callable[[Torrent], str]:
    return lambda torrent: str(torrent.get(key) or "").casefold()


def _measure(
    key: str, title: str, api: str, show: Callable[[Any], str], width: int, rank: int
) -> Column:
    """A column of one number."""
    number = _number(api)
    return Column(key, title, lambda torrent: show(number(torrent)), number, width, rank, (api,))


def _words(
    key: str,
    title: str,
    show: Callable[[Torrent], str],
    sort: Callable[[Torrent], str],
    width: int,
    rank: int,
    *fields: str,
) -> Column:
    """A column of text of which the beginning will do."""
    return Column(key, title, show, sort, width, rank, fields, False, True)


def _reason(torrent: Torrent) -> str:
    return plain(state.reason(torrent)) or DASH


def _labels(torrent: Torrent) -> str:
    return plain(", ".join(torrent.get("labels") or ())) or DASH


def _trackers(torrent: Torrent) -> str:
    return plain(", ".join(state.tracker_hosts(torrent))) or DASH


def _eta_order(torrent: Torrent) -> float:
    left = torrent.get("eta", -1)
    return float("inf") if left < 0 else float(left)


_ALL: Final = (
    _measure("id", "ID", "id", str, 4, 0),
    _words("name", "Name", _text("name"), _folded("name"), NAME_WIDTH, 0, "name"),
    _measure("done", "Done", "percent_done", state.percent, 6, 1),
    _measure("size", "Size", "size_when_done", show_size, 8, 4),
    Column("state", "State", state.phrase, state.word, 14, 2, state.FIELDS, False),
    _measure("down", "Down", "rate_download", rate, 10, 3),
    _measure("up", "Up", "rate_upload", rate, 10, 3),
    Column("eta", "ETA", lambda t: eta(t.get("eta", -1)), _eta_order, 7, 5, ("eta",)),
    _measure("ratio", "Ratio", "upload_ratio", ratio, 6, 6),
    _measure("peers", "Peers", "peers_connected", str, 5, 7),
    _words("labels", "Labels", _labels, _labels, 12, 8, "labels"),
    _measure("added", "Added", "added_date", date, 16, 9),
    _measure("done-at", "Done at", "done_date", date, 16, 9),
    _measure("active-at", "Active at", "activity_date", date, 16, 9),
    _measure("uploaded", "Uploaded", "uploaded_ever", show_size, 8, 9),
    _measure("downloaded", "Downloaded", "downloaded_ever", show_size, 10, 9),
    _measure("left", "Left", "left_until_done", show_size, 8, 9),
    _measure("queue", "Queue", "queue_position", str, 5, 9),
    _words("directory", "Directory", _text("download_dir"), _folded("download_dir"), 20, 9,
           "download_dir"),
    _words("tracker", "Tracker", _trackers, _trackers, 20, 9, "trackers"),
    Column("hash", "Hash", lambda t: t["hash_string"][:SHORT_HASH], _folded("hash_string"),
           SHORT_HASH, 9, ("hash_string",), False),
    _words("why", "Why", _reason, _reason, 20, 9, *state.FIELDS),
)  # fmt: skip
COLUMNS: Final = {column.key: column for column in _ALL}
USUAL: Final = tuple(column for column in _ALL if column.rank < 9)
"""What `list` shows where there is room for all of it."""


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that fit into so many cells, the least important left out first."""
    kept = list(columns)
    while _total(kept) > width and any(column.rank for column in kept):
        least = max(column.rank for column in kept)
        kept.remove(next(column for column in reversed(kept) if column.rank == least))
    return kept


def _total(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def fields(columns: Iterable[Column]) -> set[str]:
    """What torrent_get has to be asked for."""
    return {name for column in columns for name in column.fields}


# Where more is what one looks for first: rates, sizes, dates.
_GREATEST_FIRST: Final = frozenset(
    ("done", "size", "down", "up", "ratio", "peers", "added", "done-at", "active-at", "uploaded",
     "downloaded", "left")
)  # fmt: skip


def ordered(torrents: Iterable[Torrent], key: str, backwards: bool = False) -> list[Torrent]:
    """Sorted by a column, as it is usually wanted; equal ones by name."""
    by_name = sorted(torrents, key=COLUMNS["name"].sort)
    return sorted(by_name, key=COLUMNS[key].sort, reverse=backwards != (key in _GREATEST_FIRST))
