"""How torrents stand, in one line: for a terminal as wide as it is, for a log in full."""

from collections.abc import Sequence
from typing import Final

from txtorrent.daemon.cells import cells, fit
from txtorrent.seedbox.entry import DOWNLOADING, SEEDING, VERIFYING, Entry
from txtorrent.units import show_size, show_time

BAR_WIDTH: Final = 20
"""Cells of the bar, where there is room."""
SHORTEST_BAR: Final = 5
"""Cells below which a bar tells nothing that the percentage does not."""
SHORTEST_NAME: Final = 12
"""Cells of a name that is shortened: enough to know it again."""
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"

_BUSY: Final = (VERIFYING, DOWNLOADING, SEEDING)
STATES: Final = (
    "stopped", "queued to check", "checking", "queued", "downloading", "queued to seed", "seeding",
)  # fmt: skip
"""What users read for each status."""


def bar(fraction: float, width: int = BAR_WIDTH) -> str:
    """A bar of `width` cells, in eighths of a cell."""
    whole, eighths = divmod(int(fraction * width * 8), 8)
    return ("█" * whole + _EIGHTHS[eighths] * (whole < width)).ljust(width)


def describe(torrent: Entry, width: int | None = None) -> str:
    """One torrent: state, percent, rates, peers, time left.

    `width` is that of a terminal in cells: the name is shortened to it, a bar fills what is left.
    """
    status = torrent.status
    if torrent.failure:
        return f"{torrent.name}: error: {torrent.failure}"
    if torrent.is_fetching:
        return _fetching(torrent, width)
    fraction = torrent.recheck_progress if status == VERIFYING else torrent.fraction
    words = [STATES[status], _percent(fraction)]
    if status in (DOWNLOADING, SEEDING):
        words += _traffic(torrent)
    if torrent.waiting:
        words.append(f"({torrent.waiting})")
    if width is None:
        return f"{torrent.name}: {'  '.join(words)}"
    name = _shortened(torrent.name, width - cells("  ".join(words)) - 2)
    has_bar = status in (VERIFYING, DOWNLOADING)
    return _with_bar(f"{name}: ", words, fraction if has_bar else None, width)


def _fetching(torrent: Entry, width: int | None) -> str:
    """A magnet link that waits for its metadata."""
    peers = _count(torrent.peers_connected, "peer")
    words = ["fetching metadata", _percent(torrent.metadata_percent_complete), peers]
    line = "  ".join(words)
    name = torrent.name if width is None else _shortened(torrent.name, width - cells(line) - 2)
    return f"{name}: {line}"


def describe_all(torrents: Sequence[Entry], width: int | None = None) -> str:
    """One line for however many torrents there are; `width` as in `describe`."""
    if not torrents:
        return "no torrents"
    if len(torrents) == 1:
        return describe(torrents[0], width)
    size = sum(torrent.size_when_done for torrent in torrents)
    left = sum(torrent.left_until_done for torrent in torrents)
    down = sum(torrent.rate_download for torrent in torrents)
    up = sum(torrent.rate_upload for torrent in torrents)
    fraction = 1 - left / size if size else 1.0
    words = [f"{len(torrents)} torrents{_states(torrents)}", _percent(fraction)]
    words += [f"↓ {show_size(down)}/s"] if left else []
    words.append(f"↑ {show_size(up)}/s")
    words.append(_count(sum(torrent.peers_connected for torrent in torrents), "peer"))
    if left:
        words.append(f"ETA {show_time(left / down if down else None)}")
    return _with_bar("", words, fraction if left else None, width or 0)


def is_busy(torrent: Entry) -> bool:
    """Whether there is anything to report of it every few seconds."""
    moving = torrent.rate_download or torrent.rate_upload
    return torrent.status in _BUSY and (torrent.status != SEEDING or bool(moving))


def _states(torrents: Sequence[Entry]) -> str:
    """How many are in each state, in brackets; nothing for none."""
    counts: dict[str, int] = {}
    for torrent in torrents:
        word = "error" if torrent.failure else STATES[torrent.status]
        counts[word] = counts.get(word, 0) + 1
    words = ", ".join(f"{count} {word}" for word, count in counts.items())
    return f" ({words})" if words else ""


def _percent(fraction: float) -> str:
    """Rounded down: 100 % is complete and nothing less is."""
    return f"{int(fraction * 1000 + 1e-9) / 10:.1f} %"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shortened(name: str, room: int) -> str:
    return fit(name, max(SHORTEST_NAME, room))


def _with_bar(name: str, words: list[str], fraction: float | None, width: int) -> str:
    """The line, with a bar behind its first word where there is room for one."""
    line = name + "  ".join(words)
    room = min(BAR_WIDTH, width - cells(line) - len("  []"))
    if fraction is None or room < SHORTEST_BAR:
        return line
    return name + "  ".join([words[0], f"[{bar(fraction, room)}]", *words[1:]])


def _traffic(torrent: Entry) -> list[str]:
    left = torrent.left_until_done
    words = [f"↓ {show_size(torrent.rate_download)}/s"] if left else []
    words.append(f"↑ {show_size(torrent.rate_upload)}/s")
    seeds = torrent.torrent.seeds if torrent.torrent is not None else 0
    words.append(f"{_count(torrent.peers_connected, 'peer')} ({_count(seeds, 'seed')})")
    if left:
        words.append(f"ETA {show_time(torrent.eta)}")
    else:
        words.append(f"ratio {torrent.ratio:.2f}")
    return words
