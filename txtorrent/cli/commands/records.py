"""`events`, `log`, `bans`: what happens, what happened, and who is kept out."""

import json
from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final

import click

from txtorrent.cli import options
from txtorrent.cli.columns import date
from txtorrent.cli.errors import plain
from txtorrent.cli.facts import show_rows
from txtorrent.cli.naming import complete, resolve
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.cli.stream import Event, follow
from txtorrent.cli.values import DURATION, NONE, SESSION

KINDS: Final = (
    "torrent_added", "torrent_changed", "torrent_removed", "session_changed", "log",
)  # fmt: skip
LEVELS: Final = ("debug", "info", "warn", "error", "critical")
_NAMES: Final = ("id", "hash_string", "name")
_MINUTE: Final = 60


@click.command()
@click.option("--kind", "-k", "kinds", multiple=True, type=click.Choice(KINDS), help="Only these.")
@click.option(
    "--torrent", "-t", "word", metavar="TORRENT", shell_complete=complete, help="Only of this one."
)
@click.option("--since", "cursor", metavar="ID", default="", help="Those after this event first.")
@click.option("--count", "-n", type=click.IntRange(min=1), help="End after so many.")
@options.as_json
@pass_shell
def events(
    shell: Shell,
    kinds: tuple[str, ...],
    word: str | None,
    cursor: str,
    count: int | None,
    as_json: bool,
) -> None:
    """Follow what changes, until Ctrl-C.

    Each line begins with the number of the event: --since goes on behind it, and nothing is
    missed, if the daemon still has what came then. A connection that breaks is made again in the
    same way. With --json one object a line.

    \b
    Examples:
      txtorrent events --kind torrent_added --kind torrent_removed
      txtorrent events --json --since 4711 | jq .data.name
    """
    wanted = resolve(shell.api, [word])[0]["hash_string"] if word is not None else None
    found = (
        event
        for event in follow(shell.api, cursor, shell.sleep, _say)
        if event.kind in (kinds or KINDS)
        and (wanted is None or event.data.get("hash_string") == wanted)
    )
    for event in islice(found, count):
        click.echo(json.dumps(_as_object(event)) if as_json else _as_line(event))


def _say(what: str) -> None:
    click.echo(f"txtorrent: {plain(what)}", err=True)


def _as_object(event: Event) -> dict[str, Any]:
    return {"id": event.cursor, "event": event.kind, "data": event.data}


def _as_line(event: Event) -> str:
    """ "4711 torrent_changed debian.iso  percent_done=0.5"."""
    if event.kind == "log":
        return plain(f"{event.cursor} log {_entry(event.data)}")
    name = event.data.get("name") or event.data.get("id") or ""
    changes = (
        f"{key}={json.dumps(value)}" for key, value in event.data.items() if key not in _NAMES
    )
    return plain(f"{event.cursor} {event.kind} {name}  {' '.join(changes)}".rstrip())


def _entry(entry: Mapping[str, Any]) -> str:
    at = datetime.fromtimestamp(entry["time"]).strftime("%Y-%m-%d %H:%M:%S")
    mark = "" if entry["level"] == "info" else f"{entry['level']}: "
    return f"{at} {mark}{entry['message']}"


@click.command()
@click.option(
    "--lines", "-n", type=click.IntRange(min=1), default=50, show_default=True,
    help="So many of the newest.",
)  # fmt: skip
@click.option(
    "--level", type=click.Choice(LEVELS), default="info", help="And worse; default: info."
)
@click.option("--follow", "-f", "following", is_flag=True, help="And those to come, until Ctrl-C.")
@options.as_json
@pass_shell
def log(shell: Shell, lines: int, level: str, following: bool, as_json: bool) -> None:
    """Show the daemon's log.

    It keeps a few of the newest lines for this; the whole log is where it writes it.
    """
    entries = shell.api.call("tx_log_get", limit=lines)["entries"]
    shown = [entry for entry in entries if _is_at_least(entry, level)]
    if as_json and not following:
        shell.say_json(shown)
        return
    for entry in shown:
        _show_entry(entry, as_json)
    if following:
        for event in follow(shell.api, "", shell.sleep, _say):
            if event.kind == "log" and _is_at_least(event.data, level):
                _show_entry(event.data, as_json)


def _is_at_least(entry: Mapping[str, Any], level: str) -> bool:
    """A level of a name that is not known is shown."""
    found = entry["level"]
    return found not in LEVELS or LEVELS.index(found) >= LEVELS.index(level)


def _show_entry(entry: Mapping[str, Any], as_json: bool) -> None:
    click.echo(json.dumps(entry) if as_json else plain(_entry(entry)))


@click.command()
@click.option("--add", "added", metavar="ADDRESS", multiple=True, help="Repeatable.")
@click.option("--remove", "removed", metavar="ADDRESS", multiple=True, help="Repeatable.")
@click.option(
    "--for", "minutes", type=DURATION, metavar="TIME", help="How long --add is for; default: 1d."
)
@options.as_json
@pass_shell
def bans(
    shell: Shell,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    minutes: int | str | None,
    as_json: bool,
) -> None:
    """Show, add and lift bans of peers.

    The daemon bans by itself who sends bad data. Ranges of addresses are the blocklist's.
    """
    if minutes in (NONE, SESSION):
        raise click.UsageError("--for: write a time such as 30m, 2h or 7d")
    seconds = {} if minutes is None else {"seconds": int(minutes) * _MINUTE}
    for address in added:
        shell.api.call("tx_ban_add", address=address, **seconds)
    if removed:
        shell.api.call("tx_ban_remove", addresses=list(removed))
    found = shell.api.call("tx_ban_get")["bans"]
    if as_json:
        shell.say_json(found)
        return
    rows = ((ban["address"], date(ban["until"]), ban["reason"]) for ban in found)
    show_rows(shell, ("Address", "Until", "Reason"), rows, ("Address", "Until", "Reason"))
