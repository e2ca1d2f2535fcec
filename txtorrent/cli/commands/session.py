"""`settings`, `stats`, `port-test`, `blocklist`, `shutdown`: the daemon itself."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

import click

from txtorrent.cli import options
from txtorrent.cli.columns import rate
from txtorrent.cli.errors import Failed, Misused, plain
from txtorrent.cli.facts import show_facts
from txtorrent.cli.limits import kilo_rate
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.cli.values import KILO
from txtorrent.units import parse_size, show_size, show_time

OURS: Final = "tx_"
"""Before the names of settings that Transmission lacks; left out where people read and write."""
_RATES: Final = ("speed_limit_down", "speed_limit_up", "alt_speed_down", "alt_speed_up")
_WORDS: Final = {
    "on": True, "yes": True, "true": True, "off": False, "no": False, "false": False,
}  # fmt: skip


@click.command()
@click.argument("name", required=False)
@click.argument("value", required=False)
@options.as_json
@pass_shell
def settings(shell: Shell, name: str | None, value: str | None, as_json: bool) -> None:
    """Show and change the daemon's settings.

    Names are as in the configuration file. A VALUE is `on` or `off`, a number, a text, a rate with
    its unit (5MB), or JSON where the value is a list. A change holds at once and over restarts.
    With --json names and units are the API's: rates in kB/s.

    \b
    Examples:
      txtorrent settings
      txtorrent settings download_queue_size 10
      txtorrent settings speed_limit_up 5MB
    """
    known = shell.api.settings()
    if name is None:
        shown = known
    else:
        key = find_setting(name, known)
        if value is not None:
            known[key] = _change(shell, key, read_value(key, known[key], value))
        shown = {key: known[key]}
    if as_json:
        shell.say_json(shown)
    elif name is not None:
        click.echo(plain(show_value(key, shown[key])))
    else:
        facts = ((key.removeprefix(OURS), show_value(key, shown[key])) for key in shown)
        show_facts(shell, sorted(facts))


def find_setting(name: str, known: Mapping[str, Any]) -> str:
    """The API's name of a setting. Misused, with the nearest names, when there is none."""
    plainly = name.replace("-", "_").lower()
    for key in (plainly, OURS + plainly):
        if key in known:
            return key
    names = [key.removeprefix(OURS) for key in known]
    near = get_close_matches(plainly, names, n=3)
    hint = f": did you mean {' or '.join(near)}?" if near else "; `txtorrent settings` has them all"
    raise Misused(f"no setting {name!r}{hint}")


def read_value(key: str, current: Any, text: str) -> Any:
    """The value that `text` means, by the kind of the `current` one. Misused if it is none."""
    if key in _RATES:
        return _read_rate(key, text)
    if isinstance(current, bool):
        if text.lower() not in _WORDS:
            raise Misused(f"{key}: write on or off, not {text!r}")
        return _WORDS[text.lower()]
    if isinstance(current, str):
        return text
    try:
        value = json.loads(text)
    except ValueError as error:
        kind = "a number" if isinstance(current, (int, float)) else "JSON"
        raise Misused(f"{key}: write {kind}, not {text!r}") from error
    if isinstance(current, (int, float)) and not isinstance(value, (int, float)):
        raise Misused(f"{key}: write a number, not {text!r}")
    return value


def _read_rate(key: str, text: str) -> int:
    """kB/s. A bare number might be meant as kB/s or as bytes/s."""
    if text.isdigit():
        raise Misused(f"{key}: write the unit too, as in {text}kB or {text}MB")
    try:
        return max(1, round(parse_size(text) / KILO))
    except ValueError as error:
        raise Misused(f"{key}: {error}") from error


def _change(shell: Shell, key: str, value: Any) -> Any:
    """Set it, and see that it is: what cannot be changed is ignored by session_set."""
    shell.api.call("session_set", **{key: value})
    found = shell.api.settings(key).get(key)
    if found != value:
        raise Failed(
            f"{key.removeprefix(OURS)} is still {show_value(key, found)}:"
            " it cannot be changed while the daemon runs"
        )
    return found


def show_value(key: str, value: Any) -> str:
    """A value as `read_value` reads it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if key in _RATES:
        return kilo_rate(value)
    return value if isinstance(value, str) else json.dumps(value)


@click.command()
@options.as_json
@pass_shell
def stats(shell: Shell, as_json: bool) -> None:
    """Show what the daemon does and has done, and its free space."""
    found = shell.api.call("session_stats")
    about = shell.api.settings("version", "download_dir")
    space = shell.api.call("free_space", path=about["download_dir"])
    if as_json:
        shell.say_json({**found, **about, "free_space": space})
        return
    show_facts(
        shell,
        [
            ("Version", about["version"]),
            ("Torrents", _torrents(found)),
            ("Down", rate(found["download_speed"])),
            ("Up", rate(found["upload_speed"])),
            ("This run", _totals(found["current_stats"])),
            ("In all", _totals(found["cumulative_stats"])),
            ("Directory", about["download_dir"]),
            ("Free", _space(space)),
        ],
    )


def _torrents(found: Mapping[str, Any]) -> str:
    active, paused = found["active_torrent_count"], found["paused_torrent_count"]
    return f"{found['torrent_count']}: {active} running, {paused} stopped"


def _totals(totals: Mapping[str, Any]) -> str:
    down, up = show_size(totals["downloaded_bytes"]), show_size(totals["uploaded_bytes"])
    runs = totals["session_count"]
    time = show_time(totals["seconds_active"]) + f" in {runs} runs" * (runs > 1)
    return f"{time}, {down} down, {up} up, {totals['files_added']} files added"


def _space(space: Mapping[str, Any]) -> str:
    free, total = space["size_bytes"], space.get("total_size", -1)
    if free < 0:
        return "not known"
    return show_size(free) + (f" of {show_size(total)}" if total > 0 else "")


@click.command("port-test")
@click.option("--ipv4", "protocol", flag_value="ipv4", help="Over IPv4.")
@click.option("--ipv6", "protocol", flag_value="ipv6", help="Over IPv6.")
@options.as_json
@pass_shell
def port_test(shell: Shell, protocol: str | None, as_json: bool) -> None:
    """Test whether peers can reach the daemon from outside.

    Exit status 1 when they cannot.
    """
    params = {} if protocol is None else {"ip_protocol": protocol}
    result = shell.api.call("port_test", **params)
    if as_json:
        shell.say_json(result)
    elif result["port_is_open"]:
        click.echo("the port is open")
    if not result["port_is_open"]:
        raise Failed("the port is closed: forward it on the router, and open it in the firewall")


@click.command()
@options.as_json
@pass_shell
def blocklist(shell: Shell, as_json: bool) -> None:
    """Fetch the blocklist again.

    From where, `txtorrent settings blocklist_url` says.
    """
    result = shell.api.call("blocklist_update")
    if as_json:
        shell.say_json(result)
    else:
        click.echo(f"{result['blocklist_size']} ranges are blocked")


@click.command()
@options.assume_yes
@pass_shell
def shutdown(shell: Shell, yes: bool) -> None:
    """End the daemon in good order. Asks first."""
    if not yes:
        click.confirm("End the daemon?", abort=True)
    shell.api.call("session_close")
    click.echo("the daemon is ending")
