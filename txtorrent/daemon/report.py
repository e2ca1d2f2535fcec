"""How torrents stand, in one line: for a terminal as wide as it is, for a log in full."""

from collections.abc import Sequence
from typing import Final

from txtorrent.daemon.cells import cells, fit
from txtorrent.torrent.life import State
from txtorrent.torrent.torrent import Torrent
from txtorrent.units import show_size, show_time

BAR_WIDTH: Final = 20
"""Cells of the bar, where there is room."""
SHORTEST_BAR: Final = 5
"""Cells below which a bar tells nothing that the percentage does not."""
SHORTEST_NAME: Final = 12
"""Cells of a name that is shortened: enough to know it again."""
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"

_BUSY: Final = (State.CHECKING, State.DOWNLOADING, State.SEEDING)


def bar(fraction: float, width: int = BAR_WIDTH) -> str:
    """A bar of `width` cells, in eighths of a cell."""
    whole, eighths = divmod(int(fraction * width * 8), 8)
    return ("█" * whole + _EIGHTHS[eighths] * (whole < width)).ljust(width)


def describe(torrent: Torrent, width: int | None = None) -> str:
    """One torrent: state, percent, rates, peers, time left.

    `width` is that of a terminal in cells: the name is shortened to it, a bar fills what is left.
    """
    progress, state = torrent.progress, torrent.state
    if state is State.FAILED:
        return f"{torrent.name}: error: {torrent.error}"
    fraction = progress.checked if state is State.CHECKING else progress.fraction
    words = [state.value, _percent(fraction)]
    if state in (State.DOWNLOADING, State.SEEDING):
        words += _traffic(torrent)
    if torrent.error:
        words.append(f"({torrent.error})")
    if width is None:
        return f"{torrent.name}: {'  '.join(words)}"
    name = _shortened(torrent.name, width - cells("  ".join(words)) - 2)
    has_bar = state in (State.CHECKING, State.DOWNLOADING)
    return _with_bar(f"{name}: ", words, fraction if has_bar else None, width)


def describe_all(torrents: Sequence[Torrent], width: int | None = None) -> str:
    """One line for however many torrents there are; `width` as in `describe`."""
    if len(torrents) == 1:
        return describe(torrents[0], width)
    size = sum(torrent.progress.size for torrent in torrents)
    left = sum(torrent.progress.left for torrent in torrents)
    down = sum(torrent.progress.downloaded.rate for torrent in torrents)
    up = sum(torrent.progress.uploaded.rate for torrent in torrents)
    fraction = 1 - left / size if size else 1.0
    words = [f"{len(torrents)} torrents ({_states(torrents)})", _percent(fraction)]
    words += [f"↓ {show_size(down)}/s"] if left else []
    words.append(f"↑ {show_size(up)}/s")
    words.append(_count(sum(torrent.peers for torrent in torrents), "peer"))
    if left:
        words.append(f"ETA {show_time(left / down if down else None)}")
    return _with_bar("", words, fraction if left else None, width or 0)


def is_busy(torrent: Torrent) -> bool:
    """Whether there is anything to report of it every few seconds."""
    moving = torrent.progress.downloaded.rate or torrent.progress.uploaded.rate
    return torrent.state in _BUSY and (torrent.state is not State.SEEDING or bool(moving))


def _states(torrents: Sequence[Torrent]) -> str:
    counts: dict[str, int] = {}
    for torrent in torrents:
        counts[torrent.state.value] = counts.get(torrent.state.value, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in counts.items())


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


def _traffic(torrent: Torrent) -> list[str]:
    progress = torrent.progress
    words = [f"↓ {show_size(progress.downloaded.rate)}/s"] if progress.left else []
    words.append(f"↑ {show_size(progress.uploaded.rate)}/s")
    words.append(f"{_count(torrent.peers, 'peer')} ({_count(torrent.seeds, 'seed')})")
    if progress.left:
        words.append(f"ETA {show_time(progress.eta)}")
    else:
        words.append(f"ratio {progress.ratio:.2f}")
    return words
