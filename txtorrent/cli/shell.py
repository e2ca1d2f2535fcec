"""What a command is given: the daemon to speak to, the terminal, the clock.

Handed in so that tests give others; commands take nothing of it from anywhere else.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import click
from attrs import define, field
from rich.console import Console, RenderableType
from rich.style import Style

from txtorrent.cli import endpoint
from txtorrent.cli.api import Api
from txtorrent.cli.client import Client
from txtorrent.cli.endpoint import Endpoint
from txtorrent.cli.grid import Heading, lines, unpainted

UNBROKEN: Final = 10_000
"""Columns where output is no terminal: a line there is for other programs, not to be folded."""


@define
class Shell:
    """One run of the command."""

    environ: Mapping[str, str] = field(factory=lambda: os.environ)
    now: Callable[[], float] = time.time
    """Epoch seconds."""
    sleep: Callable[[float], None] = time.sleep
    control: Endpoint | None = None
    """From --control; otherwise where a daemon usually listens."""
    _api: Api | None = None

    @property
    def api(self) -> Api:
        """The daemon's API. Nothing is sent before a method is called."""
        if self._api is None:
            place = self.control or endpoint.default(self.environ)
            self._api = Api(Client(place, self.environ.get("TXTORRENT_AUTH")))
        return self._api

    def console(self, **options: Any) -> Console:
        """For tables and bars. Names come from strangers: nothing in them is markup."""
        is_terminal = sys.stdout.isatty()
        width = None if is_terminal else int(self.environ.get("COLUMNS") or UNBROKEN)
        return Console(
            width=width, markup=False, emoji=False, highlight=False, soft_wrap=False, **options
        )

    def show(self, *renderables: RenderableType) -> None:
        """Print tables and lines; elsewhere than on a terminal without spaces at their ends."""
        console = self.console()
        if console.is_terminal:
            for each in renderables:
                console.print(each)
            return
        with console.capture() as captured:
            for each in renderables:
                console.print(each)
        for line in captured.get().splitlines():
            click.echo(line.rstrip())

    def show_table(self, headings: Sequence[Heading], rows: Iterable[Sequence[str]]) -> None:
        """Print a table whose cells are safe to be shown."""
        paint = self.painter()
        table = lines(headings, rows, self.console().width, paint)
        click.echo("\n".join(table), color=paint is not unpainted)

    def painter(self) -> Callable[[str, str], str]:
        """Gives text in a style of rich's, if standard output shows styles."""
        console = self.console()
        return _paint if console.color_system is not None and not console.no_color else unpainted

    def say_json(self, value: Any) -> None:
        """JSON for other programs: indented on a terminal, one line elsewhere."""
        click.echo(json.dumps(value, indent=2 if sys.stdout.isatty() else None))


def _paint(text: str, style: str) -> str:
    return Style.parse(style).render(text)


pass_shell = click.make_pass_decorator(Shell, ensure=True)
