"""`info`, `announce-urls` and `completion`: what needs no daemon, as does `create`."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import click
from click.shell_completion import get_completion_class

from txtorrent.cli import options
from txtorrent.cli.columns import date
from txtorrent.cli.errors import Failed
from txtorrent.cli.facts import show_facts, show_rows
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.metainfo.files import File
from txtorrent.metainfo.magnet import Magnet, from_metainfo
from txtorrent.metainfo.magnet import parse as parse_magnet
from txtorrent.metainfo.torrentfile import Metainfo, MetainfoError, load
from txtorrent.units import show_size

SHELLS: Final = ("bash", "zsh", "fish")


@click.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--files", "with_files", is_flag=True, help="List the files too.")
@options.as_json
@pass_shell
def info(shell: Shell, paths: tuple[str, ...], with_files: bool, as_json: bool) -> None:
    """Show what is in .torrent files. Needs no daemon.

    \b
    Example:
      txtorrent info --files debian.torrent
    """
    try:
        found = [load(path) for path in paths]
    except MetainfoError as error:
        raise Failed(str(error)) from error
    if as_json:
        shell.say_json([as_object(metainfo) for metainfo in found])
        return
    for index, metainfo in enumerate(found):
        if index:
            click.echo()
        show_facts(shell, _facts(metainfo))
        if with_files:
            show_rows(shell, ("#", "Size", "Path"), _files(metainfo), ("Path",))


def _facts(metainfo: Metainfo) -> Iterable[tuple[str, str]]:
    geometry = metainfo.geometry
    yield "Name", metainfo.name
    yield "Hash", metainfo.info_hash.hex()
    yield "Size", f"{show_size(geometry.total)} ({geometry.total:,} bytes)"
    yield "Files", f"{sum(1 for _ in _numbered(metainfo))}"
    yield "Pieces", f"{geometry.piece_count} of {geometry.piece_length // 1024} KiB"
    yield "Private", "yes" if metainfo.private else ""
    for number, tier in enumerate(metainfo.announce_tiers):
        yield f"Trackers, tier {number}", ", ".join(tier)
    yield "Web seeds", ", ".join(metainfo.url_list)
    yield "Comment", metainfo.comment or ""
    yield "Created", date(metainfo.creation_date) if metainfo.creation_date else ""
    yield "Created by", metainfo.created_by or ""
    yield "Magnet", from_metainfo(metainfo).link


def _files(metainfo: Metainfo) -> Iterable[Sequence[str]]:
    for index, file in _numbered(metainfo):
        yield str(index), show_size(file.length), "/".join(file.path)


def _numbered(metainfo: Metainfo) -> Iterable[tuple[int, File]]:
    """As the daemon numbers them: without pads."""
    return enumerate(file for file in metainfo.files if not file.pad)


def as_object(metainfo: Metainfo) -> dict[str, Any]:
    """In the names that torrent_get has for them."""
    return {
        "name": metainfo.name,
        "hash_string": metainfo.info_hash.hex(),
        "total_size": metainfo.geometry.total,
        "piece_count": metainfo.geometry.piece_count,
        "piece_size": metainfo.geometry.piece_length,
        "is_private": metainfo.private,
        "trackers": [
            {"tier": number, "announce": url}
            for number, tier in enumerate(metainfo.announce_tiers)
            for url in tier
        ],
        "webseeds": list(metainfo.url_list),
        "comment": metainfo.comment or "",
        "creator": metainfo.created_by or "",
        "date_created": metainfo.creation_date or 0,
        "magnet_link": from_metainfo(metainfo).link,
        "files": [
            {"index": index, "name": "/".join(file.path), "length": file.length}
            for index, file in _numbered(metainfo)
        ],
    }


@click.command("announce-urls")
@click.argument("words", metavar="FILE...", nargs=-1, required=True)
@options.as_json
@pass_shell
def announce_urls(shell: Shell, words: tuple[str, ...], as_json: bool) -> None:
    """Print the announce URLs of .torrent files.

    One a line and nothing else, an empty line between tiers; also of magnet links. Needs no daemon.

    Exit status 1 when one of them has none, behind the URLs of the others.

    \b
    Example:
      txtorrent announce-urls debian.torrent
    """
    try:
        magnets = [_as_magnet(word) for word in words]
    except MetainfoError as error:
        raise Failed(str(error)) from error
    if as_json:
        shell.say_json([_tiers(magnet) for magnet in magnets])
    else:
        tiers = [tier for magnet in magnets for tier in magnet.tiers]
        for index, tier in enumerate(tiers):
            click.echo("\n" * (index > 0) + "\n".join(tier))
    without = [word for word, magnet in zip(words, magnets, strict=True) if not magnet.tiers]
    if without:
        raise Failed("\n".join(f"{word}: names no tracker" for word in without))


def _as_magnet(word: str) -> Magnet:
    """A link as it is written, or what one to the torrent in a file would say, all tiers of it."""
    if word.lower().startswith("magnet:"):
        return parse_magnet(word)
    metainfo = load(word)
    return Magnet(metainfo.info_hash, metainfo.name, metainfo.announce_tiers)


def _tiers(magnet: Magnet) -> dict[str, Any]:
    return {
        "name": magnet.name or "",
        "hash_string": magnet.info_hash.hex(),
        "tiers": [list(tier) for tier in magnet.tiers],
    }


@click.command()
@click.argument("shell_name", metavar="bash|zsh|fish", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell_name: str) -> None:
    """Print a script that teaches the shell to complete.

    It completes commands, options, and the names of torrents while a daemon answers.

    \b
    For bash, in ~/.bashrc:   eval "$(txtorrent completion bash)"
    For zsh, in ~/.zshrc:     eval "$(txtorrent completion zsh)"
    For fish:                 txtorrent completion fish >
                                ~/.config/fish/completions/txtorrent.fish
    """
    kind = get_completion_class(shell_name)
    assert kind is not None  # Choice has let only those pass that there are
    root = ctx.find_root()
    click.echo(kind(root.command, {}, "txtorrent", "_TXTORRENT_COMPLETE").source())
