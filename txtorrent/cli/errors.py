"""What can go wrong with a command, and the exit status that says so.

An error is one line on standard error that says what to do; only the candidates of an ambiguous
name take lines of their own, and click's own errors remind of --help.
"""

import json
from typing import IO, Any, Final

import click

FAILED: Final = 1
"""The daemon refused, or something that was asked for did not work."""
UNREACHABLE: Final = 3
"""No daemon answered, or it lets us in no further than the door."""
NO_SUCH_TORRENT: Final = 4
"""A torrent was named that is not there, or by a name that fits several."""

INTERRUPTED: Final = 130
"""Ctrl-C, which is how some commands end: 128 and the number of SIGINT."""


class Failed(click.ClickException):
    """Something did not work; `message` says what to do about it."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        lines = "\n".join(plain(line) for line in self.format_message().split("\n"))
        click.echo(f"txtorrent: {lines}", err=True, file=file)


class Refused(Failed):
    """The daemon understood and said no. `code` is the API's (rpc-spec 6, section 2.1)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Misused(Failed):
    """What the command line says makes no sense; nothing was done. Where click can tell by the form
    of an argument alone, it does so in its own way, with the same status."""

    exit_code = click.UsageError.exit_code


class Unreachable(Failed):
    """There is no talking to the daemon."""

    exit_code = UNREACHABLE


class NoSuchTorrent(Failed):
    """No torrent, or more than one, goes by the name."""

    exit_code = NO_SUCH_TORRENT


def plain(text: str) -> str:
    """Control characters made visible: names and messages come from strangers."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
