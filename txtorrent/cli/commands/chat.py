"""`chat`: talk with everybody in a torrent's swarm who speaks txtorrent's chat."""

import json
import sys
from contextlib import suppress
from typing import Any, Final

import click

from txtorrent.cli import options
from txtorrent.cli.api import NAMES, Torrent
from txtorrent.cli.chat.messages import line
from txtorrent.cli.chat.talk import Talk
from txtorrent.cli.chat.typing import Lines, prompt
from txtorrent.cli.errors import Failed, Misused, plain
from txtorrent.cli.grid import unpainted
from txtorrent.cli.naming import resolve
from txtorrent.cli.shell import Shell, pass_shell

_FIELDS: Final = (
    *NAMES,
    "tx_chat",
    "tx_chat_in_private",
    "is_private",
    "metadata_percent_complete",
)
_PUBLIC: Final = (
    "Everybody in the swarm who speaks txtorrent's chat can read it, and see that it is you who"
    " speaks in your other torrents, too."
)


@click.command()
@options.torrent
@click.option("--on", is_flag=True, help="Turn chat on for the torrent, without a question.")
@click.option("--off", is_flag=True, help="Turn it off, and end.")
@click.option("--private", is_flag=True, help="Also if the torrent is private. Think first.")
@click.option("--history", is_flag=True, help="Show what was said last, and end.")
@options.as_json
@pass_shell
def chat(
    shell: Shell, word: str, on: bool, off: bool, private: bool, history: bool, as_json: bool
) -> None:
    """Talk with a torrent's swarm.

    Shows what was said and what is being said; a line that is typed is sent by Enter. Messages go
    to everybody in the swarm who speaks txtorrent's chat. They are signed, not encrypted, and
    signed with one key in all torrents. In front of each nickname, which is anybody's to choose,
    stands the beginning of its owner's fingerprint, which is not.

    Chat is off until it is turned on for a torrent; on a terminal the command asks. A private
    torrent needs --private as well, since its members learn who you are in your other torrents.

    Lines that begin with a slash are commands: /help lists them. Ctrl-D or Ctrl-C leaves. Lines
    from a pipe are sent as they are, slashes too, and the command ends behind the last, with
    status 1 if one was refused. With --json each message is one object a line.

    \b
    Examples:
      txtorrent chat debian
      echo 'who has the last piece?' | txtorrent chat debian
      txtorrent chat debian --on < /dev/null
      txtorrent chat debian --history --json | jq -r .text
    """
    if on and off:
        raise Misused("--on and --off contradict each other")
    if sys.stdin is None:
        raise Misused("standard input is closed: `< /dev/null` says that there is nothing to send")
    torrent = _look(shell, word)
    if off:
        shell.api.on("torrent_set", [torrent], tx_chat=False, tx_chat_in_private=False)
        click.echo(f"chat is off for {plain(torrent['name'])}")
        return
    if on or not history:
        _turn_on(shell, torrent, on, private)
    if history:
        _show_history(shell, torrent, as_json)
    else:
        with suppress(KeyboardInterrupt):  # that is how a talk ends
            _talk(shell, torrent, as_json)


def _look(shell: Shell, word: str) -> Torrent:
    torrent = resolve(shell.api, [word])[0]
    found = shell.api.torrents(_FIELDS, [torrent["hash_string"]])
    if not found:
        raise Failed(f"{torrent['name']} was removed")
    if "tx_chat" not in found[0]:
        raise Failed("the daemon has no chat: it is another version, or not txtorrent")
    return found[0]


def _show_history(shell: Shell, torrent: Torrent, as_json: bool) -> None:
    for message in shell.api.on("tx_chat_get", [torrent])["messages"]:
        click.echo(json.dumps(message) if as_json else line(message, shell.now(), unpainted))


# -- the switches ----------------------------------------------------------------------------------


def _turn_on(shell: Shell, torrent: Torrent, on: bool, private: bool) -> None:
    name = plain(torrent["name"])
    if torrent["is_private"] and not (private or torrent["tx_chat_in_private"]):
        raise Failed(
            f"{name} is private: chat would show its other members that you are the one who speaks"
            " in your other torrents, and its tracker may not allow it; --private turns it on all"
            " the same"
        )
    changes: dict[str, Any] = {} if torrent["tx_chat"] else {"tx_chat": True}
    if private and not torrent["tx_chat_in_private"]:
        changes["tx_chat_in_private"] = True
    if not changes:
        return
    if not on:
        _ask(name)
    if torrent["is_private"]:
        click.echo(
            f"txtorrent: warning: {name} is private. Its members can read the chat, know you by"
            " your key in other torrents, and what its tracker allows is for you to know.",
            err=True,
        )
    elif torrent["metadata_percent_complete"] < 1 and not private:
        click.echo(
            f"txtorrent: the metadata of {name} has not come: chat begins when it has, if it is"
            " not private",
            err=True,
        )
    shell.api.on("torrent_set", [torrent], **changes)


def _ask(name: str) -> None:
    if not sys.stdin.isatty():
        raise Failed(f"chat is off for {name}: --on turns it on")
    click.echo(_PUBLIC)
    click.confirm(f"Turn chat on for {name}?", abort=True)


# -- the talk --------------------------------------------------------------------------------------


def _talk(shell: Shell, torrent: Torrent, as_json: bool) -> None:
    descriptor, is_lively = sys.stdin.fileno(), sys.stdin.isatty()
    if is_lively and sys.stdout.isatty() and not as_json:
        paint = shell.painter()
        with prompt(descriptor, sys.stdout, paint) as typing:
            typing.note(f"{plain(torrent['name'])}: the whole swarm can read this; /help")
            Talk(shell, torrent, typing, paint, is_lively).run()
    else:
        look = None if as_json else unpainted
        Talk(shell, torrent, Lines(descriptor), look, is_lively).run()
