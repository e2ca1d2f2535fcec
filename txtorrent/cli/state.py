"""What a torrent is doing, in one word, and which words a filter may ask for. Pure."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from txtorrent.cli.api import (
    CHECK_QUEUED,
    CHECKING,
    DOWNLOADING,
    LOCAL_ERROR,
    QUEUED,
    SEED_QUEUED,
    STOPPED,
    Torrent,
)

FIELDS: Final = (
    "status", "error", "error_string", "is_stalled", "is_finished", "percent_done",
    "recheck_progress", "metadata_percent_complete", "left_until_done", "rate_download",
    "rate_upload", "tx_waiting", "tx_move",
)  # fmt: skip
"""What the functions here read."""


def word(torrent: Torrent) -> str:
    """The state: an error first, then what is done to the content, then what Transmission says."""
    if torrent.get("error") == LOCAL_ERROR:
        return "error"
    if torrent.get("tx_move"):
        return "moving"
    status = torrent.get("status", STOPPED)
    if status == STOPPED:
        return "finished" if torrent.get("is_finished") else "stopped"
    if status in (CHECK_QUEUED, CHECKING):
        return "checking"
    if status in (QUEUED, SEED_QUEUED):
        return "queued"
    if torrent.get("tx_waiting"):
        return "waiting"
    if status != DOWNLOADING:
        return "seeding"
    if torrent.get("metadata_percent_complete", 1) < 1:
        return "metadata"
    return "stalled" if torrent.get("is_stalled") else "downloading"


def phrase(torrent: Torrent) -> str:
    """The state with how far a check, a move or the metadata has come."""
    found = word(torrent)
    if found == "metadata":
        return f"{found} {percent(torrent.get('metadata_percent_complete', 0))}"
    if found == "checking" and torrent.get("status") == CHECKING:
        return f"{found} {percent(torrent.get('recheck_progress', 0))}"
    move: Any = torrent.get("tx_move")
    if found == "moving" and move.get("bytes_total"):
        return f"{found} {percent(move['bytes_done'] / move['bytes_total'])}"
    return found


def reason(torrent: Torrent) -> str:
    """Why it is as it is, if there is more to say than the word."""
    if torrent.get("error_string"):
        return str(torrent["error_string"])
    move: Any = torrent.get("tx_move")
    if move:
        return f"{move.get('step', 'moving')}, to {move.get('location', '')}"
    return str(torrent.get("tx_waiting") or "")


def percent(share: float) -> str:
    """Rounded down: 100% is all of it and nothing less."""
    return "100%" if share >= 1 else f"{int(max(share, 0) * 1000) / 10:.1f}%"


def is_complete(torrent: Torrent) -> bool:
    """Whether all that is wanted is there."""
    return (
        not torrent.get("left_until_done", 1) and torrent.get("metadata_percent_complete", 1) >= 1
    )


def is_running(torrent: Torrent) -> bool:
    return bool(torrent.get("status", STOPPED) != STOPPED)


def is_active(torrent: Torrent) -> bool:
    """Whether bytes come or go."""
    return bool(torrent.get("rate_download") or torrent.get("rate_upload"))


_STATES: Final = (
    "checking", "downloading", "error", "finished", "metadata", "moving", "queued", "seeding",
    "stalled", "stopped", "waiting",
)  # fmt: skip
_KINDS: Final[dict[str, Callable[[Torrent], bool]]] = {
    "active": is_active,
    "complete": is_complete,
    "incomplete": lambda torrent: not is_complete(torrent),
    "running": is_running,
    "warning": lambda torrent: bool(torrent.get("error")),
}
FILTERS: Final = tuple(sorted((*_STATES, *_KINDS)))
"""What a filter by state may ask for: words, and kinds that several of them belong to."""


def matches(torrent: Torrent, wanted: str) -> bool:
    """Whether the torrent is of the state or kind `wanted`, one of FILTERS."""
    kind = _KINDS.get(wanted)
    return kind(torrent) if kind is not None else word(torrent) == wanted


def tracker_hosts(torrent: Torrent) -> list[str]:
    """Hosts of its trackers, each once, in the order of the tiers."""
    hosts = (urlsplit(tracker["announce"]).hostname for tracker in torrent.get("trackers") or ())
    return list(dict.fromkeys(host for host in hosts if host))
