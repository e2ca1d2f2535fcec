"""Waiting for torrents with a bar for each: until they are complete, checked or moved.

The daemon is asked once a second; Ctrl-C ends the waiting and nothing else.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column as RichColumn

from txtorrent.cli import state
from txtorrent.cli.api import NAMES, Torrent
from txtorrent.cli.columns import eta, rate
from txtorrent.cli.errors import Failed, plain
from txtorrent.cli.shell import Shell

EVERY: Final = 1.0
"""Seconds between questions."""
_FIELDS: Final = (*NAMES, *state.FIELDS, "eta", "download_dir")


def until(
    shell: Shell,
    torrents: Iterable[Torrent],
    is_done: Callable[[Torrent], bool],
    share: Callable[[Torrent], float],
    fault: Callable[[Torrent], str] = lambda torrent: "",
) -> None:
    """Until `is_done` of each, with `share` of one as the length of its bar.

    Failed when one of them cannot go on (it is in error, gone, or `fault` says why there is no use
    in waiting for it), once the others are done.
    """
    names = {torrent["hash_string"]: plain(torrent["name"]) for torrent in torrents}
    waiting = set(names)
    failed: dict[str, str] = {}
    with _progress(shell) as progress:
        bars = {key: progress.add_task(name, total=1.0, about="") for key, name in names.items()}
        while waiting:
            found = {
                each["hash_string"]: each for each in shell.api.torrents(_FIELDS, sorted(waiting))
            }
            for key in sorted(waiting):
                _draw(progress, bars[key], found.get(key), share)
                why = _failure(found.get(key)) or fault(found[key])
                if key in found and is_done(found[key]):
                    waiting.discard(key)
                elif why:
                    failed[key] = why
                    waiting.discard(key)
            progress.refresh()
            if waiting:
                shell.sleep(EVERY)
    if failed:
        raise Failed("\n".join(_lines(names, failed)))


def _lines(names: Mapping[str, str], failed: Mapping[str, str]) -> list[str]:
    return [f"{names[key]}: {why}" for key, why in failed.items()]


def _failure(torrent: Torrent | None) -> str:
    """Why there is no use in waiting for any torrent; "" when there is."""
    if torrent is None:
        return "was removed"
    if state.word(torrent) == "error":
        return state.reason(torrent) or "cannot go on"
    return ""


def _progress(shell: Shell) -> Progress:
    """Bars on a terminal; elsewhere only how it ended."""
    console = shell.console()
    name = TextColumn(
        "{task.description}", markup=False, table_column=RichColumn(ratio=2, no_wrap=True)
    )
    about = TextColumn("{task.fields[about]}", markup=False, table_column=RichColumn(no_wrap=True))
    return Progress(
        name,
        BarColumn(),
        about,
        console=console,
        auto_refresh=False,
        expand=console.is_terminal,
        disable=not console.is_terminal,
    )


def _draw(
    progress: Progress, bar: TaskID, torrent: Torrent | None, share: Callable[[Torrent], float]
) -> None:
    if torrent is None:
        return
    parts = [state.percent(share(torrent)), state.word(torrent)]
    if torrent.get("rate_download"):
        parts += [rate(torrent["rate_download"]), eta(torrent.get("eta", -1))]
    progress.update(bar, completed=share(torrent), about="  ".join(parts))


def until_complete(shell: Shell, torrents: Iterable[Torrent]) -> None:
    """Until all that is wanted of each is there."""
    until(shell, torrents, state.is_complete, _had, _stopped)


def _had(torrent: Torrent) -> float:
    return float(torrent.get("percent_done", 0))


def _stopped(torrent: Torrent) -> str:
    return "" if state.is_running(torrent) else "is stopped: `txtorrent start` it"
