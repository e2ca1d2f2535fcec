"""`limit`, `group`, `turtle`: how much of the line may be used, and when."""

from collections.abc import Mapping
from typing import Any

import click

from txtorrent.cli import options
from txtorrent.cli.api import NAMES
from txtorrent.cli.errors import Misused
from txtorrent.cli.facts import show_facts, show_rows
from txtorrent.cli.limits import (
    LIMIT_FIELDS,
    SESSION_FIELDS,
    describe_limits,
    describe_session,
    kilo_rate,
    of_session,
    of_torrent,
)
from txtorrent.cli.naming import resolve
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.cli.values import DURATION, NONE, RATE, RATIO, SHARE
from txtorrent.cli.windows import WINDOW, show_window, transmission_window


@click.command()
@options.torrents(required=False)
@click.option("--down", "-d", type=RATE, metavar="RATE", help="Most to download a second.")
@click.option("--up", "-u", type=RATE, metavar="RATE", help="Most to upload a second.")
@click.option("--ratio", type=RATIO, metavar="RATIO", help="Stop seeding when it is reached.")
@click.option("--idle", type=DURATION, metavar="TIME", help="Stop seeding when nobody came for it.")
@click.option(
    "--min-share", type=SHARE, metavar="SHARE",
    help="Request the last piece only when this part of the size was uploaded.",
)  # fmt: skip
@click.option("--peers", type=click.IntRange(min=1), metavar="N", help="Most peers.")
@click.option("--group", metavar="NAME", help="Share the limits of a group; '' for none.")
@click.option(
    "--honor-session/--ignore-session", default=None, help="Whether session limits hold for it."
)
@click.option("--priority", type=click.Choice(["low", "normal", "high"]), help="For the line.")
@options.as_json
@pass_shell
def limit(shell: Shell, /, words: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Show and set limits, of torrents or of all together.

    Without a TORRENT the limits are those of all together, the session's.

    RATE is bytes a second, as in 5MB or 300k; `none` is no limit. TIME is as in 30m, 2h or 7d;
    SHARE as in 10%. --ratio, --idle and --min-share of a torrent may be `session`, the session's
    own, or `none`.

    \b
    Examples:
      txtorrent limit --down 20MB --up 5MB
      txtorrent limit debian --up 500k --ratio none
      txtorrent limit --ratio 2 --idle 7d
    """
    if words:
        _limit_torrents(shell, words, as_json, asked)
        return
    changes = of_session(asked)
    if changes:
        shell.api.call("session_set", **changes)
    settings = shell.api.settings(*SESSION_FIELDS)
    if as_json:
        shell.say_json(settings)
    else:
        show_facts(shell, describe_session(settings))


def _limit_torrents(
    shell: Shell, words: tuple[str, ...], as_json: bool, asked: dict[str, Any]
) -> None:
    chosen = resolve(shell.api, words)
    changes = of_torrent(asked)
    if changes:
        shell.api.on("torrent_set", chosen, **changes)
    hashes = [torrent["hash_string"] for torrent in chosen]
    torrents = shell.api.torrents((*NAMES, *LIMIT_FIELDS), hashes)
    if as_json:
        shell.say_json(torrents)
        return
    for torrent in torrents:
        show_facts(shell, [("Name", torrent["name"]), *describe_limits(torrent)])


@click.command()
@click.argument("name", required=False)
@click.option("--down", "-d", type=RATE, metavar="RATE", help="Most to download a second.")
@click.option("--up", "-u", type=RATE, metavar="RATE", help="Most to upload a second.")
@click.option(
    "--honor-session/--ignore-session", default=None, help="Whether session limits hold too."
)
@options.as_json
@pass_shell
def group(
    shell: Shell,
    name: str | None,
    down: int | str | None,
    up: int | str | None,
    honor_session: bool | None,
    as_json: bool,
) -> None:
    """Show and set bandwidth groups.

    With a NAME that one is shown, made or changed. The torrents of a group share its limits:
    `txtorrent limit TORRENT --group NAME`.

    \b
    Example:
      txtorrent group night --down 10MB --up none
    """
    changes: dict[str, Any] = {}
    for field, value in (("speed_limit_down", down), ("speed_limit_up", up)):
        if value is not None:
            changes[f"{field}_enabled"] = value != NONE
            changes |= {} if value == NONE else {field: value}
    if honor_session is not None:
        changes["honors_session_limits"] = honor_session
    if changes and name is None:
        raise Misused("say which group")
    if changes:
        shell.api.call("group_set", name=name, **changes)
    groups = shell.api.call("group_get", **({} if name is None else {"name": name}))["group"]
    if as_json:
        shell.say_json(groups)
    else:
        rows = (_group(each) for each in groups)
        show_rows(shell, ("Group", "Down", "Up", "Session limits"), rows, ("Group",))


def _group(each: dict[str, Any]) -> tuple[str, ...]:
    rates = (
        kilo_rate(each[field]) if each[f"{field}_enabled"] else NONE
        for field in ("speed_limit_down", "speed_limit_up")
    )
    return (each["name"], *rates, "yes" if each["honors_session_limits"] else "no")


@click.command()
@click.argument("switch", type=click.Choice(["on", "off"]), required=False)
@click.option("--down", "-d", type=RATE, metavar="RATE", help="Most to download while on.")
@click.option("--up", "-u", type=RATE, metavar="RATE", help="Most to upload while on.")
@click.option(
    "--window", "windows", type=WINDOW, metavar="WINDOW", multiple=True,
    help="When to be on by itself. Repeatable: all together replace those that were.",
)  # fmt: skip
@click.option("--no-schedule", is_flag=True, help="Only on and off by hand.")
@options.as_json
@pass_shell
def turtle(
    shell: Shell,
    switch: str | None,
    down: int | str | None,
    up: int | str | None,
    windows: tuple[dict[str, Any], ...],
    no_schedule: bool,
    as_json: bool,
) -> None:
    """Show and set the alternative limits.

    They hold instead of the usual ones: while they are on, or by the clock. A WINDOW is days and
    hours of the daemon's local time: 'mon-fri 08:00-17:30', 'sat,sun 10:00-24:00', or only hours
    for every day. One may go past midnight.

    \b
    Examples:
      txtorrent turtle on
      txtorrent turtle --up 200k --window 'mon-fri 08:00-18:00'
    """
    changes = _turtle_changes(switch, down, up, windows, no_schedule)
    if changes:
        shell.api.call("session_set", **changes)
    settings = shell.api.settings(*(f for f in SESSION_FIELDS if f.startswith(("alt_", "tx_sch"))))
    if as_json:
        shell.say_json(settings)
        return
    show_facts(
        shell,
        [
            ("Alternative limits", "on" if settings["alt_speed_enabled"] else "off"),
            ("Down limit", kilo_rate(settings["alt_speed_down"])),
            ("Up limit", kilo_rate(settings["alt_speed_up"])),
            ("Schedule", ", ".join(map(show_window, _windows(settings))) or NONE),
        ],
    )


def _windows(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Those of ours, and Transmission's if it is on."""
    windows = list(settings.get("tx_schedule") or ())
    if settings.get("alt_speed_time_enabled"):
        fields = (settings[f"alt_speed_time_{name}"] for name in ("begin", "end", "day"))
        windows.append(transmission_window(*fields))
    return windows


def _turtle_changes(
    switch: str | None,
    down: int | str | None,
    up: int | str | None,
    windows: tuple[dict[str, Any], ...],
    no_schedule: bool,
) -> dict[str, Any]:
    if NONE in (down, up):
        raise Misused("an alternative limit has to be one: write a rate")
    if windows and no_schedule:
        raise Misused("--window and --no-schedule contradict each other")
    changes: dict[str, Any] = {"alt_speed_down": down, "alt_speed_up": up}
    changes["alt_speed_enabled"] = None if switch is None else switch == "on"
    if windows or no_schedule:
        changes["tx_schedule"] = list(windows)
        changes["alt_speed_time_enabled"] = False
    return {name: value for name, value in changes.items() if value is not None}
