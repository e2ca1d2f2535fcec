"""Changes of torrents: checked against what only the list can know, then made, all or none."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import evolve

from txtorrent.errors import Code, RequestError
from txtorrent.seedbox.entry import Entry
from txtorrent.seedbox.record import Record, shared_tiers

PLAIN: Final = frozenset((
    "bandwidth_priority", "download_limit", "download_limited", "upload_limit",
    "upload_limited", "honors_session_limits", "group", "peer_limit", "labels",
    "seed_ratio_limit", "seed_ratio_mode", "seed_idle_limit", "seed_idle_mode",
    "sequential_download", "sequential_download_from_piece", "min_share", "chat",
    "chat_in_private",
))  # fmt: skip
"""What is changed by putting it into the record."""
_DIGITS: Final = {
    "files_unwanted": "0", "files_wanted": "+", "priority_high": "3", "priority_low": "1",
    "priority_normal": "2",
}  # fmt: skip
"""What becomes of a file's wish; wanting one that is wanted already changes nothing."""


def changed(entry: Entry, changes: Mapping[str, Any]) -> Record:
    """The record as it is to be. RequestError; nothing is changed here."""
    plain = {name: value for name, value in changes.items() if name in PLAIN}
    record = evolve(entry.record, **plain)
    if "sequential_download_from_piece" in plain:
        _check_piece(record)
    if wishes := {name: changes[name] for name in _DIGITS if name in changes}:
        record.wishes = _with_wishes(record, wishes)
    if "trackers" in changes:
        record.trackers = shared_tiers(changes["trackers"])
    return record


def _check_piece(record: Record) -> None:
    if not 0 <= record.sequential_download_from_piece < max(1, record.piece_count):
        raise RequestError(
            Code.PIECE_INDEX,
            f"{record.name} has no piece {record.sequential_download_from_piece}:"
            f" it has {record.piece_count}",
        )


def _with_wishes(record: Record, wishes: Mapping[str, Sequence[int]]) -> str:
    """The wishes of all files, a digit each; "" for all normal."""
    digits = list(record.wishes or "2" * record.file_count)
    for name, digit in _DIGITS.items():
        for index in _indices(record, wishes[name]) if name in wishes else ():
            if digit != "+":
                digits[index] = digit
            elif digits[index] == "0":
                digits[index] = "2"
    return "" if digits == ["2"] * record.file_count else "".join(digits)


def _indices(record: Record, indices: Sequence[int]) -> Sequence[int]:
    """() is all files."""
    if record.magnet and indices:
        raise RequestError(
            Code.FILE_INDEX,
            f"the files of {record.name} are not known yet: choose some when its metadata has come,"
            " or name them in the magnet link (so=)",
        )
    wrong = next((index for index in indices if not 0 <= index < record.file_count), None)
    if wrong is not None:
        raise RequestError(
            Code.FILE_INDEX, f"{record.name} has no file {wrong}: it has {record.file_count}"
        )
    return indices or range(record.file_count)
