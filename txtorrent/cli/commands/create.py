"""`create`: a .torrent of files here. Needs no daemon."""

import os
import shlex
from collections.abc import Iterable
from contextlib import suppress
from secrets import token_hex
from typing import Any, Final

import click
from attrs import frozen
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from txtorrent.cli import options
from txtorrent.cli.commands.local import as_object
from txtorrent.cli.errors import Failed, Misused, plain
from txtorrent.cli.facts import show_facts
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.cli.values import Value
from txtorrent.metainfo.contents import Contents, find_contents
from txtorrent.metainfo.create import Plan, Recipe, check_name, check_piece_length, plan
from txtorrent.metainfo.create import create as make
from txtorrent.metainfo.errors import CreateError
from txtorrent.metainfo.magnet import from_metainfo
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.metainfo.urls import check_web_seed, parse_tier
from txtorrent.units import parse_size, show_size

CREATOR: Final = "txtorrent"
"""Without a version: the same content gives the same file with the next one, too."""
MAX_NAMED: Final = 10
"""Symbolic links that are named; of more it is said how many there are."""


class Tier(Value):
    """Trackers of one tier."""

    name = "url"

    def parse(self, text: str) -> tuple[str, ...]:
        return parse_tier(text)


class WebSeed(Value):
    """The URL of a web seed."""

    name = "url"

    def parse(self, text: str) -> str:
        return check_web_seed(text)


class PieceLength(Value):
    """Bytes from "1MiB", a power of two."""

    name = "size"

    def parse(self, text: str) -> int:
        return check_piece_length(parse_size(text))


@frozen
class _Output:
    """Where the .torrent goes."""

    path: str
    force: bool

    def check(self) -> None:
        """Failed unless a file can be made there; said before an hour of hashing."""
        folder = os.path.dirname(os.path.abspath(self.path))
        if os.path.isdir(self.path or "."):
            raise Failed(f"{self.path}: a folder: --output is the .torrent file itself")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Failed(f"{folder}: no file can be made there: choose another --output")
        self._check_free()

    def _check_free(self) -> None:
        try:
            os.lstat(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unwritable(error) from error
        if not self.force:
            raise Failed(f"{self.path}: is there already: --force replaces it, or choose --output")

    def _unwritable(self, error: OSError) -> Failed:
        reason = (error.strerror or str(error)).lower()
        return Failed(f"{self.path}: cannot be written: {reason}")

    def write(self, data: bytes) -> None:
        """All of it, or nothing. Failed when it cannot be written."""
        folder = os.path.dirname(os.path.abspath(self.path))
        part = os.path.join(folder, f".{token_hex(8)}.part")
        try:
            with open(part, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            self._check_free()
            os.replace(part, self.path)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            with suppress(OSError):
                os.unlink(part)


@click.command()
@click.argument("path", type=click.Path())
@click.option(
    "--tracker",
    "-t",
    "tiers",
    type=Tier(),
    multiple=True,
    metavar="URL",
    help="A tier of its own; URL,URL: one tier. Repeatable.",
)
@click.option("--output", "-o", metavar="FILE", help="Default: NAME.torrent, here.")
@click.option("--force", is_flag=True, help="Replace the file that is there.")
@click.option("--name", help="What it is called, if not as on disk.")
@click.option(
    "--exclude",
    multiple=True,
    metavar="GLOB",
    help="Leave files or folders out, by name or path. Repeatable.",
)
@click.option("--hidden", is_flag=True, help="Take hidden files too.")
@click.option("--private", is_flag=True, help="No peers but those of its trackers.")
@click.option("--source", metavar="TEXT", help="Gives another info-hash for each tracker.")
@click.option("--comment", metavar="TEXT", help="For people to read.")
@click.option(
    "--web-seed",
    "-w",
    "url_list",
    type=WebSeed(),
    multiple=True,
    metavar="URL",
    help="A web server that has the content. Repeatable.",
)
@click.option(
    "--piece-length",
    type=PieceLength(),
    metavar="SIZE",
    help="As in 1MiB, a power of two; chosen by itself.",
)
@click.option("--pad-files", is_flag=True, help="Begin each file with a piece of its own.")
@click.option("--no-date", is_flag=True, help="The same content, the same .torrent.")
@options.as_json
@pass_shell
def create(
    shell: Shell,
    /,
    path: str,
    output: str | None,
    force: bool,
    exclude: tuple[str, ...],
    hidden: bool,
    no_date: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Make a .torrent of a file or a folder. Needs no daemon.

    Files in it are sorted by name; hidden ones and symbolic links are left out. Nothing may write
    to them meanwhile, nor as long as they are seeded.

    \b
    Examples:
      txtorrent create debian.iso --tracker udp://tracker.example.org:6969
      txtorrent create holiday/ -t https://a.example.org/announce --private
      txtorrent create src/ -o src.torrent --exclude '*.o' --no-date
    """
    recipe = Recipe(
        created_by=CREATOR, creation_date=None if no_date else int(shell.now()), **chosen
    )
    _check_together(recipe)
    try:
        target = _output(path, output, recipe.name, force)
        contents = find_contents(path, exclude=exclude, hidden=hidden, output=target.path)
        _check_web_seeds(recipe, contents)
        _say_left_out(contents)
        metainfo = _hash(shell, plan(contents, recipe))
    except CreateError as error:
        raise Failed(str(error)) from error
    target.write(metainfo.raw)
    if as_json:
        shell.say_json(_as_object(contents, metainfo, target.path))
    else:
        show_facts(shell, _facts(metainfo, target.path))
        click.echo(f"\nTo seed it:\n  {plain(_seeding(contents, metainfo, target.path))}")


def _check_together(recipe: Recipe) -> None:
    if recipe.private and not recipe.tiers:
        raise Misused("--private without --tracker: nobody could find it")


def _check_web_seeds(recipe: Recipe, contents: Contents) -> None:
    """BEP 19: the name and the paths of files are written behind it."""
    for url in recipe.url_list:
        if contents.is_folder and not url.endswith("/"):
            raise Misused(f"--web-seed {url}: that of a folder has to end with a slash")


def _output(path: str, output: str | None, name: str | None, force: bool) -> _Output:
    """Where it goes; checked."""
    if output is None:
        own = os.path.basename(os.path.realpath(path)) if name is None else name
        output = f"{check_name(own)}.torrent"
    # A name that begins so would be an option of the command that is shown at the end.
    found = _Output(f"./{output}" if output.startswith("-") else output, force)
    found.check()
    return found


def _say_left_out(contents: Contents) -> None:
    for link in contents.links[:MAX_NAMED]:
        click.echo(f"txtorrent: {plain(link)}: a symbolic link, left out", err=True)
    more = len(contents.links) - MAX_NAMED
    if more > 0:
        click.echo(f"txtorrent: {more} more symbolic links, left out", err=True)
    if contents.hidden:
        click.echo(f"txtorrent: {contents.hidden} hidden, left out: --hidden takes them", err=True)


def _hash(shell: Shell, planned: Plan) -> Metainfo:
    """With a line on a terminal that says how far it is."""
    # On standard error: standard output may be read by a program.
    console = shell.console(stderr=True)
    with Progress(
        TextColumn("Hashing"),
        BarColumn(),
        TaskProgressColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=planned.geometry.total)
        return make(planned, lambda done: progress.update(task, completed=done))


def _facts(metainfo: Metainfo, path: str) -> Iterable[tuple[str, str]]:
    geometry = metainfo.geometry
    yield "Name", metainfo.name
    yield "Hash", metainfo.info_hash.hex()
    yield "Size", f"{show_size(geometry.total)} ({geometry.total:,} bytes)"
    yield "Files", f"{sum(not file.pad for file in metainfo.files)}"
    yield "Pieces", f"{geometry.piece_count} of {geometry.piece_length // 1024} KiB"
    yield "Trackers", "" if metainfo.announce_tiers else "none: peers find it through the DHT alone"
    yield "Torrent", path
    yield "Magnet", from_metainfo(metainfo).link


def _seeding(contents: Contents, metainfo: Metainfo, path: str) -> str:
    """The line for a shell that has a daemon seed it from where it is."""
    line = ["txtorrent", "add", "--directory", contents.folder, path]
    if contents.name == metainfo.name:
        return shlex.join(line)
    place = os.path.join(contents.folder, metainfo.name)
    return f"{shlex.join(['mv', '-nT', contents.path, place])} && {shlex.join(line)}"


def _as_object(contents: Contents, metainfo: Metainfo, path: str) -> dict[str, Any]:
    """As `info` has it, and where all is."""
    return {
        **as_object(metainfo),
        "torrent_file": os.path.abspath(path),
        "download_dir": contents.folder,
        "left_out": {"links": list(contents.links), "hidden": contents.hidden},
    }
