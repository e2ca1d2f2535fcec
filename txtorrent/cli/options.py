"""Arguments and options that several commands have."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from txtorrent.cli.naming import complete

_Command = TypeVar("_Command", bound=Callable[..., Any])

torrent = click.argument("word", metavar="TORRENT", shell_complete=complete)
"""One torrent, passed as `word`."""


def torrents(required: bool) -> Callable[[_Command], _Command]:
    """Torrents, passed as `words`."""
    metavar = "TORRENT..." if required else "[TORRENT]..."
    return click.argument(
        "words", metavar=metavar, nargs=-1, required=required, shell_complete=complete
    )


everything = click.option("--all", "everything", is_flag=True, help="All torrents.")
as_json = click.option("--json", "as_json", is_flag=True, help="JSON, in the API's own names.")
assume_yes = click.option("--yes", "-y", is_flag=True, help="Do not ask.")
