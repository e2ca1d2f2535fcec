"""`files`: what is in a torrent, and which of it is wanted how much."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import click

from txtorrent.cli import options, state
from txtorrent.cli.api import NAMES, Torrent
from txtorrent.cli.errors import Failed
from txtorrent.cli.facts import show_rows
from txtorrent.cli.filechoice import choose_files
from txtorrent.cli.naming import resolve
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.units import show_size

PRIORITIES: Final = {-1: "low", 0: "normal", 1: "high"}
"""Of a file (tr_priority_t)."""
_ABOUT_ORDER: Final = "Pieces from the first to the last, or the rarest first."
_CHANGES: Final = {
    "want": "files_wanted",
    "skip": "files_unwanted",
    "high": "priority_high",
    "normal": "priority_normal",
    "low": "priority_low",
}
_OVER: Final = (("skip", ("want",)), ("low", ("high", "normal")), ("normal", ("high",)))
"""What an option leaves to others, so that `--skip all --want 3` says what it seems to say."""
"""Options, and what they are to torrent_set."""
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _files_option(name: str, about: str) -> Callable[[_Command], _Command]:
    return click.option(f"--{name}", metavar="FILES", multiple=True, help=about)


@click.command()
@options.torrent
@_files_option("want", "Download these.")
@_files_option("skip", "Do not download these.")
@_files_option("high", "These first.")
@_files_option("normal", "These as usual.")
@_files_option("low", "These last.")
@click.option("--sequential/--rarest-first", "sequential", default=None, help=_ABOUT_ORDER)
@options.as_json
@pass_shell
def files(
    shell: Shell, /, word: str, sequential: bool | None, as_json: bool, **choices: tuple[str, ...]
) -> None:
    """Show a torrent's files, and choose among them.

    FILES are numbers as the table has them (3), ranges (0-7), both (0-7,12), `all`, or a pattern
    ('*.mkv') for the path or its last part. A file that fits both is wanted rather than skipped,
    and of the higher priority.

    \b
    Examples:
      txtorrent files debian
      txtorrent files series --skip all --want 'S01E0*' --high 0
    """
    torrent = resolve(shell.api, [word])[0]
    changes = _changes(_ask(shell, torrent), choices)
    if sequential is not None:
        changes["sequential_download"] = sequential
    if changes:
        shell.api.on("torrent_set", [torrent], **changes)
    _show(shell, _ask(shell, torrent), as_json)


def _ask(shell: Shell, torrent: Torrent) -> Torrent:
    fields = (*NAMES, "files", "file_stats", "metadata_percent_complete")
    found = shell.api.torrents(fields, [torrent["hash_string"]])
    if found and found[0].get("metadata_percent_complete", 1) < 1:
        raise Failed(
            f"{torrent['name']} is a magnet link whose metadata has not come yet: its files are"
            " not known; `txtorrent watch` shows when they are"
        )
    return found[0] if found else {"files": [], "file_stats": []}


def _changes(torrent: Torrent, choices: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Arguments of torrent_set: --want wins over --skip, a higher priority over a lower."""
    paths = [file["name"] for file in torrent["files"]]
    chosen = {name: choose_files(choices[name], paths) for name in _CHANGES if choices.get(name)}
    for name, others in _OVER:
        taken = {index for other in others for index in chosen.get(other, ())}
        chosen[name] = [index for index in chosen.get(name, ()) if index not in taken]
    # To Transmission an empty list means all files.
    return {_CHANGES[name]: indices for name, indices in chosen.items() if indices}


def _show(shell: Shell, torrent: Torrent, as_json: bool) -> None:
    rows = [
        {"index": index, **file, **stats}
        for index, (file, stats) in enumerate(
            zip(torrent["files"], torrent["file_stats"], strict=True)
        )
    ]
    if as_json:
        shell.say_json(rows)
    else:
        titles = ("#", "Done", "Size", "Priority", "Path")
        show_rows(shell, titles, map(_row, rows), left=("Priority", "Path"))


def _row(file: Mapping[str, Any]) -> Sequence[str]:
    length = file["length"]
    done = state.percent(file["bytes_completed"] / length if length else 1)
    priority = PRIORITIES.get(file["priority"], str(file["priority"]))
    return (
        str(file["index"]),
        done,
        show_size(length),
        priority if file["wanted"] else "skip",
        file["name"],
    )
