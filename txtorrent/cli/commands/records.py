"""`events`, `log`, `bans`: what happens, what happened, and who is kept out."""

import json
from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

import click

from txtorrent.cli import options
from txtorrent.cli.api import NAMES
from txtorrent.cli.columns import date
from txtorrent.cli.errors import Misused, plain
from txtorrent.cli.facts import show_rows
from txtorrent.cli.naming import complete, resolve
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.cli.stream import Event, follow
from txtorrent.cli.values import DURATION, NONE, SESSION

KINDS: Final = (
    "torrent_added", "torrent_changed", "torrent_removed", "settings_changed", "chat_message",
)  # fmt: skip
"""What may be asked for."""
_HELLO: Final = "hello"
"""Only brings a cursor."""
_RESET: Final = "reset"
"""Events were missed: shown whatever was asked for."""
_FRAME: Final = ("id", "hash_string", "fields", "lists", "reason")
"""What an event has besides its news."""
LEVELS: Final = ("debug", "info", "warn", "error", "critical")
MAX_LINES: Final = 1000
"""Lines of its log that the daemon keeps."""
FOLLOW_EVERY: Final = 1.0
"""Seconds between questions for new lines."""
_MINUTE: Final = 60


@click.command()
@click.option(
    "--kind", "-k", "kinds", multiple=True, type=click.Choice(KINDS), metavar="KIND",
    help="Only these.",
)  # fmt: skip
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

    A KIND is torrent_added, torrent_changed, torrent_removed, settings_changed or chat_message.

    Each line begins with the id of the event: --since goes on behind it, and nothing is missed. A
    connection that breaks is made again in the same way. If the daemon no longer knows what came
    then, a line `reset` says so: look at everything anew. With --json one object a line.

    \b
    Examples:
      txtorrent events --kind torrent_added --kind torrent_removed
      txtorrent events --json | jq -c 'select(.data.fields.percent_done == 1)'
    """
    wanted = resolve(shell.api, [word])[0]["hash_string"] if word is not None else None
    names = {} if as_json else {each["id"]: each["name"] for each in shell.api.torrents(NAMES)}
    found = (
        event
        for event in follow(shell.api, cursor, shell.sleep, _say)
        if _is_wanted(event, kinds, wanted)
    )
    for event in islice(found, count):
        click.echo(json.dumps(_as_object(event)) if as_json else _as_line(event, names))


def _is_wanted(event: Event, kinds: Container[str], info_hash: str | None) -> bool:
    if event.kind in (_HELLO, _RESET):
        return event.kind == _RESET
    return (not kinds or event.kind in kinds) and (
        info_hash is None or event.data.get("hash_string") == info_hash
    )


def _say(what: str) -> None:
    click.echo(f"txtorrent: {plain(what)}", err=True)


def _as_object(event: Event) -> dict[str, Any]:
    return {"id": event.cursor, "event": event.kind, "data": event.data}


def _as_line(event: Event, names: dict[int, str]) -> str:
    """ "4711 torrent_changed debian.iso  percent_done=0.5 peers"; learns names on the way."""
    data = event.data
    fields = dict(data.get("fields") or {key: data[key] for key in data if key not in _FRAME})
    number = data.get("id")
    if number is not None and "name" in fields:
        names[number] = fields.pop("name")
    changes = [f"{key}={json.dumps(value)}" for key, value in fields.items()]
    about = data.get("reason") or names.get(number or 0, "" if number is None else number)
    what = " ".join(filter(None, [event.cursor, event.kind, str(about)]))
    changed = " ".join([*changes, *(data.get("lists") or ())])
    return plain(f"{what}  {changed}" if changed else what)


@click.command()
@click.option(
    "--lines", "-n", type=click.IntRange(1, MAX_LINES), default=50, show_default=True,
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

    It keeps the newest thousand lines for this; the whole log is where it writes it.
    """
    found = _ask_for_lines(shell, lines, level)
    if as_json and not following:
        shell.say_json(found)
        return
    for line in found:
        _show_line(line, as_json)
    while following:
        shell.sleep(FOLLOW_EVERY)
        known, found = found, _ask_for_lines(shell, MAX_LINES, level)
        for line in news(known, found):
            _show_line(line, as_json)


def _ask_for_lines(shell: Shell, count: int, level: str) -> list[dict[str, Any]]:
    return list(shell.api.call("tx_log_get", count=count, level=level)["lines"])


def news(known: Sequence[Any], found: Sequence[Any]) -> Sequence[Any]:
    """Those of `found` that came behind the last that is known; all if that is forgotten."""
    for index in range(len(found) - 1, -1, -1):
        if known and found[index] == known[-1]:
            return found[index + 1 :]
    return found


def _show_line(line: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(line))
        return
    at = datetime.fromtimestamp(line["time"]).strftime("%Y-%m-%d %H:%M:%S")
    mark = "" if line["level"] == "info" else f"{line['level']}: "
    click.echo(plain(f"{at} {mark}{line['text']}"))


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
        raise Misused("--for: write a time such as 30m, 2h or 7d")
    seconds = {} if minutes is None else {"seconds": int(minutes) * _MINUTE}
    for address in added:
        shell.api.call("tx_ban", host=address, **seconds)
    if removed:
        shell.api.call("tx_unban", hosts=list(removed))
    found = shell.api.call("tx_bans_get")["bans"]
    if as_json:
        shell.say_json(found)
        return
    rows = ((ban["host"], date(ban["until"]), ban["reason"]) for ban in found)
    show_rows(shell, ("Address", "Until", "Reason"), rows, ("Address", "Until", "Reason"))
