"""The command itself: its options, its parts, and what `txtorrent --help` says."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Final

import click

from txtorrent.cli import endpoint
from txtorrent.cli.commands import (
    act,
    add,
    arrange,
    chat,
    create,
    dht,
    files,
    limit,
    listing,
    local,
    network,
    records,
    session,
    show,
    trackers,
)
from txtorrent.cli.endpoint import Endpoint
from txtorrent.cli.errors import INTERRUPTED
from txtorrent.cli.shell import Shell
from txtorrent.cli.watch import screen

SECTIONS: Final[Mapping[str, Sequence[click.Command]]] = {
    "See": (listing.list_command, show.show, files.files, show.peers, trackers.trackers,
            screen.watch, records.events, session.stats, records.log),
    "Add, run, remove": (add.add, act.start, act.stop, act.verify, act.reannounce, act.remove),
    "Talk": (chat.chat,),
    "Arrange": (arrange.move, arrange.rename, arrange.label, arrange.queue),
    "Limit and set": (limit.limit, limit.turtle, limit.group, session.settings, records.bans,
                      session.blocklist),
    "Where peers come from": (network.network, dht.dht),
    "The daemon": (session.port_test, session.shutdown),
    "Without a daemon": (create.create, local.info, local.announce_urls, local.completion),
}  # fmt: skip


class Place(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """Where the daemon is."""

    name = "endpoint"

    def convert(
        self, value: str | Endpoint, param: click.Parameter | None, ctx: click.Context | None
    ) -> Endpoint:
        if isinstance(value, Endpoint):
            return value
        try:
            return endpoint.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Sections(click.Group):
    """A group that lists its commands under headings, and ends as shells expect at Ctrl-C."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, commands in SECTIONS.items():
            rows = [(command.name or "", command.get_short_help_str(60)) for command in commands]
            with formatter.section(heading):
                formatter.write_dl(rows)


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--control",
    "-c",
    envvar="TXTORRENT_CONTROL",
    type=Place(),
    metavar="ENDPOINT",
    help="Where the daemon is: unix:PATH, tcp:HOST:PORT or a URL.",
)
@click.version_option(version("txtorrent"), prog_name="txtorrent")
@click.pass_context
def main(ctx: click.Context, control: Endpoint | None) -> None:
    """Drive a txtorrent daemon from the shell.

    A TORRENT is named by its id, by its hash or the beginning of it, or by a part of its name that
    no other has. Every command has its own --help.

    \b
    Examples:
      txtorrent add --wait debian.torrent
      txtorrent list --state active --sort up
      txtorrent remove debian --delete-data

    \b
    Where the daemon is, unless --control says so:
      $TXTORRENT_CONTROL
      $XDG_RUNTIME_DIR/txtorrent/control.sock, a daemon of your own
      /run/txtorrent/control.sock, that of the machine
    $TXTORRENT_AUTH is USER:PASSWORD, if the daemon wants them.

    \b
    Exit status:
      0  all is done
      1  the daemon refused, or something failed
      2  the command line is wrong; nothing was done
      3  no daemon answers
      4  no such torrent, or several; nothing was done
      130  ended with Ctrl-C
    """
    shell = ctx.ensure_object(Shell)
    if control is not None:
        shell.control = control


for _commands in SECTIONS.values():
    for _command in _commands:
        main.add_command(_command)
