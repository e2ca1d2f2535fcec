"""`list`: the table of torrents."""

from collections.abc import Iterable, Sequence

import click
from rich.text import Text

from txtorrent.cli import options, state
from txtorrent.cli.api import NAMES, Torrent
from txtorrent.cli.columns import COLUMNS, USUAL, Column, fields, fitting, ordered, rate
from txtorrent.cli.grid import Heading
from txtorrent.cli.shell import Shell, pass_shell

STYLES = {
    "downloading": "green", "seeding": "cyan", "error": "bold red", "stalled": "yellow",
    "waiting": "yellow", "checking": "magenta", "moving": "magenta", "stopped": "dim",
    "finished": "dim", "queued": "dim",
}  # fmt: skip
"""Of a state's word."""


class ColumnNames(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """Keys of COLUMNS, separated by commas."""

    name = "columns"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[Column]:
        keys = [key.strip() for key in value.split(",")]
        for key in keys:
            if key not in COLUMNS:
                self.fail(f"no column {key!r}; there are {', '.join(COLUMNS)}", param, ctx)
        return [COLUMNS[key] for key in keys]


@click.command("list")
@click.argument("text", nargs=-1)
@click.option("--label", "-l", "labels", metavar="LABEL", multiple=True, help="With this label.")
@click.option(
    "--state",
    "-s",
    "states",
    multiple=True,
    type=click.Choice(state.FILTERS),
    metavar="STATE",
    help=f"In this state: {', '.join(state.FILTERS)}. Repeatable: any of them.",
)
@click.option("--tracker", "-t", metavar="HOST", help="With a tracker whose host has this in it.")
@click.option(
    "--sort", "key", default="name", type=click.Choice(sorted(COLUMNS)), metavar="COLUMN",
    help="Sort by this column; default: name.",
)  # fmt: skip
@click.option("--reverse", "-r", is_flag=True, help="The other way round.")
@click.option(
    "--columns", type=ColumnNames(), metavar="COLUMN,...", help=f"Of {', '.join(COLUMNS)}."
)
@click.option("--quiet", "-q", is_flag=True, help="Only info-hashes, one a line, for scripts.")
@options.as_json
@pass_shell
def list_command(
    shell: Shell,
    text: tuple[str, ...],
    labels: tuple[str, ...],
    states: tuple[str, ...],
    tracker: str | None,
    key: str,
    reverse: bool,
    columns: list[Column] | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Show the torrents.

    With TEXT only those whose name has each of the words in it, upper and lower case alike. Filters
    of different kinds narrow each other; the same one twice widens. The table leaves out columns
    that the terminal has no room for, the least important first; --columns has those that are
    named, in their order. Sizes, rates and dates sort the greatest first.

    \b
    Examples:
      txtorrent list --state active --sort up
      txtorrent list --label linux --tracker debian.org iso
      txtorrent list --columns name,ratio,uploaded,tracker
      txtorrent list -q --state finished | xargs txtorrent remove
    """
    shown = columns if columns is not None else list(USUAL)
    wanted = {*NAMES, *fields(shown), *COLUMNS[key].fields, *state.FIELDS}
    wanted |= {"labels"} if labels or as_json else set()
    wanted |= {"trackers"} if tracker else set()
    found = [
        torrent
        for torrent in shell.api.torrents(sorted(wanted))
        if is_wanted(torrent, text, labels, states, tracker)
    ]
    torrents = ordered(found, key, reverse)
    if as_json:
        shell.say_json(torrents)
    elif quiet:
        for torrent in torrents:
            click.echo(torrent["hash_string"])
    else:
        show_table(shell, torrents, shown, fit=columns is None)


def is_wanted(
    torrent: Torrent,
    text: Iterable[str],
    labels: Sequence[str],
    states: Sequence[str],
    tracker: str | None,
) -> bool:
    """Whether the torrent passes the filters; an empty one lets everything pass."""
    name = torrent["name"].casefold()
    hosts = state.tracker_hosts(torrent) if tracker else ()
    return (
        all(word.casefold() in name for word in text)
        and (not labels or not set(labels).isdisjoint(torrent.get("labels") or ()))
        and (not states or any(state.matches(torrent, each) for each in states))
        and (not tracker or any(tracker.lower() in host for host in hosts))
    )


def show_table(
    shell: Shell, torrents: Sequence[Torrent], columns: Sequence[Column], fit: bool
) -> None:
    """A table, and below it on a terminal what it adds up to."""
    console = shell.console()
    if fit:
        columns = fitting(columns, console.width)
    headings = [heading(column) for column in columns]
    shell.show_table(headings, ([column.show(each) for column in columns] for each in torrents))
    if console.is_terminal:
        shell.show(Text(summary(torrents), style="dim"))


def heading(column: Column) -> Heading:
    """How a table has a column, the state in its colour."""
    style = state_style if column.key == "state" else None
    return Heading(column.title, column.is_right, column.is_cut, style)


def state_style(phrase: str) -> str:
    """Rich's style of a state, which may have a percentage behind it."""
    return STYLES.get(phrase.partition(" ")[0], "")


def summary(torrents: Sequence[Torrent]) -> str:
    """ "12 torrents, down 3.20 MB/s, up 1.00 MB/s"."""
    down = sum(torrent.get("rate_download") or 0 for torrent in torrents)
    up = sum(torrent.get("rate_upload") or 0 for torrent in torrents)
    count = f"{len(torrents)} torrent{'s' * (len(torrents) != 1)}"
    return f"{count}, down {rate(down)}, up {rate(up)}"
