"""How torrents stand, in one line: for a terminal with a bar, for a log without."""

from collections.abc import Sequence
from typing import Final

from txtorrent.daemon.units import show_size, show_time
from txtorrent.torrent.life import State
from txtorrent.torrent.torrent import Torrent

BAR_WIDTH: Final = 20
"""Cells of the bar."""
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"

_BUSY: Final = (State.CHECKING, State.DOWNLOADING, State.SEEDING)


def bar(fraction: float, width: int = BAR_WIDTH) -> str:
    """A bar of `width` cells, in eighths of a cell."""
    cells, eighths = divmod(int(fraction * width * 8), 8)
    return ("█" * cells + _EIGHTHS[eighths] * (cells < width)).ljust(width)


def describe(torrent: Torrent, with_bar: bool = False) -> str:
    """One torrent: state, percent, rates, peers, time left."""
    progress, state = torrent.progress, torrent.state
    if state is State.FAILED:
        return f"{torrent.name}: error: {torrent.error}"
    fraction = progress.checked if state is State.CHECKING else progress.fraction
    words = [f"{torrent.name}: {state.value}"]
    if with_bar and state in (State.CHECKING, State.DOWNLOADING):
        words.append(f"[{bar(fraction)}]")
    words.append(f"{int(fraction * 1000) / 10:.1f} %")
    if state in (State.DOWNLOADING, State.SEEDING):
        words += _traffic(torrent)
    if torrent.error:
        words.append(f"({torrent.error})")
    return "  ".join(words)


def describe_all(torrents: Sequence[Torrent], with_bar: bool = False) -> str:
    """One line for however many torrents there are."""
    if len(torrents) == 1:
        return describe(torrents[0], with_bar)
    size = sum(torrent.progress.size for torrent in torrents)
    left = sum(torrent.progress.left for torrent in torrents)
    down = sum(torrent.progress.downloaded.rate for torrent in torrents)
    up = sum(torrent.progress.uploaded.rate for torrent in torrents)
    fraction = 1 - left / size if size else 1.0
    words = [f"{len(torrents)} torrents ({_states(torrents)})"]
    if with_bar:
        words.append(f"[{bar(fraction)}]")
    words += [
        f"{int(fraction * 1000) / 10:.1f} %",
        f"↓ {show_size(down)}/s",
        f"↑ {show_size(up)}/s",
    ]
    words.append(f"{sum(torrent.peers for torrent in torrents)} peers")
    if left:
        words.append(f"ETA {show_time(left / down if down else None)}")
    return "  ".join(words)


def is_busy(torrent: Torrent) -> bool:
    """Whether there is anything to report of it every few seconds."""
    moving = torrent.progress.downloaded.rate or torrent.progress.uploaded.rate
    return torrent.state in _BUSY and (torrent.state is not State.SEEDING or bool(moving))


def _states(torrents: Sequence[Torrent]) -> str:
    counts: dict[str, int] = {}
    for torrent in torrents:
        counts[torrent.state.value] = counts.get(torrent.state.value, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _traffic(torrent: Torrent) -> list[str]:
    progress = torrent.progress
    words = [f"↓ {show_size(progress.downloaded.rate)}/s"] if progress.left else []
    words.append(f"↑ {show_size(progress.uploaded.rate)}/s")
    words.append(f"{torrent.peers} peers ({torrent.seeds} seeds)")
    if progress.left:
        words.append(f"ETA {show_time(progress.eta)}")
    else:
        words.append(f"ratio {progress.ratio:.2f}")
    return words
