"""The round: ask the daemon once a second, draw, wait for a key, do what it is for."""

import sys

import click
from rich.live import Live

from txtorrent.cli.errors import Failed, Refused, Unreachable
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.cli.watch.actions import Keys
from txtorrent.cli.watch.keys import Keyboard, keyboard
from txtorrent.cli.watch.model import FIELDS, Model
from txtorrent.cli.watch.view import screen

EVERY = 1.0
"""Seconds between questions."""
EVERYTHING_EVERY = 60
"""Questions after which all torrents are asked for again, and not only those that have changed:
"recently_active" forgets after a minute, and a suspended machine may have slept longer."""


class Poll:
    """Keeps a model level with the daemon."""

    def __init__(self, shell: Shell, model: Model) -> None:
        self._shell = shell
        self._model = model
        self._questions = 0
        self._due = 0.0

    def run(self) -> None:
        """Ask, if it is time to. A daemon that is gone is waited for."""
        if self.wait > 0:
            return
        self._due = self._shell.now() + EVERY
        try:
            self.ask()
        except (Unreachable, Refused) as error:
            self._questions = 0
            self._model.message = f"{error.message}; trying again"

    def ask(self) -> None:
        """All torrents the first time, then those that have changed."""
        if self._questions % EVERYTHING_EVERY == 0:
            self._model.replace(self._shell.api.torrents(FIELDS))
        else:
            self._model.update(*self._shell.api.changes(FIELDS, "recently_active"))
        self._questions += 1

    @property
    def wait(self) -> float:
        """Seconds until it is time; never more than between two questions, should the clock be
        set back."""
        return min(self._due - self._shell.now(), EVERY)

    def hurry(self) -> None:
        """Something was done: see at once what came of it."""
        self._due = 0.0


@click.command()
@pass_shell
def watch(shell: Shell) -> None:
    """Show all torrents live on the full screen.

    Keys act on them. Arrows or j and k choose a torrent; PageUp, PageDown, Home and End go further.
    Space starts or stops it; n starts it past the queue; v verifies, a announces, + and - move it
    in the queue; x removes it, X with its content, and both ask first. / filters by name (Enter
    keeps it, Escape ends it), f goes through the states, o through the orders, r turns the order
    round. q quits.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failed("watch needs a terminal: `txtorrent events` and `list` are for pipes")
    model = Model()
    poll = Poll(shell, model)
    poll.ask()  # a daemon that is not there is better said on an ordinary screen
    with keyboard(sys.stdin.fileno()) as keys:
        run(shell, model, poll, keys)


def run(shell: Shell, model: Model, poll: Poll, typed: Keyboard) -> None:
    """Until a key says that it is over."""
    console = shell.console()
    keys = Keys(model, shell.api)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not keys.is_over:
            poll.run()
            is_ascii = console.options.ascii_only
            live.update(screen(model, keys, *console.size, is_ascii=is_ascii), refresh=True)
            for key in typed.wait(poll.wait):
                keys.press(key)
                poll.hurry()
