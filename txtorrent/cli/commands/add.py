"""`add`."""

from typing import Any

import click

from txtorrent.cli import options
from txtorrent.cli.errors import Failed, Misused, Refused, plain
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.cli.sources import Source, find
from txtorrent.cli.wait import until_complete


@click.command()
@click.argument("words", metavar="SOURCE...", nargs=-1, required=True)
@click.option("--paused", is_flag=True, help="Add stopped.")
@click.option(
    "--directory", "-d", metavar="DIR", help="Where the content goes; a path of the daemon's."
)
@click.option("--label", "-l", "labels", metavar="LABEL", multiple=True, help="Repeatable.")
@click.option("--sequential", is_flag=True, help="Download from the first piece to the last.")
@click.option(
    "--wait", "-w", is_flag=True, help="Show progress, and end when everything is complete."
)
@options.as_json
@pass_shell
def add(
    shell: Shell,
    words: tuple[str, ...],
    paused: bool,
    directory: str | None,
    labels: tuple[str, ...],
    sequential: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Add torrents.

    A SOURCE is a .torrent file, a folder (of which every .torrent file is added), a URL or a magnet
    link. Files are read here and sent, so the daemon needs no access to them; --directory is
    resolved by the daemon and has to be absolute. A torrent that is there already is
    reported and left as it is; that is no failure.

    Exit status 1 when any of them could not be added; the others are.

    \b
    Examples:
      txtorrent add debian.torrent
      txtorrent add --paused --label linux -d /srv/iso *.torrent
      txtorrent add --wait https://example.org/x.torrent
    """
    params = _params(paused, directory, labels, sequential)
    if wait and paused:
        raise Misused("--wait for what is --paused would have no end")
    results = [_add(shell, source, params) for source in find(words)]
    if as_json:
        shell.say_json(results)
    else:
        for result in results:
            _report(result)
    if wait:
        until_complete(shell, [result for result in results if "hash_string" in result])
    failures = sum("error" in result for result in results)
    if failures:
        raise Failed(f"{failures} of {len(results)} not added")


def _params(
    paused: bool, directory: str | None, labels: tuple[str, ...], sequential: bool
) -> dict[str, Any]:
    """Only what was asked for: the rest is as the daemon's settings say."""
    params: dict[str, Any] = {}
    if paused:
        params["paused"] = True
    if directory is not None:
        if not directory.startswith("/"):
            raise Misused("--directory: write an absolute path, of the daemon's machine")
        params["download_dir"] = directory
    if labels:
        params["labels"] = list(labels)
    if sequential:
        params["sequential_download"] = True
    return params


def _add(shell: Shell, source: Source, params: dict[str, Any]) -> dict[str, Any]:
    """What became of it: the torrent with `duplicate`, or `error`."""
    try:
        result = shell.api.call("torrent_add", **source.params, **params)
    except Refused as error:
        return {"source": source.text, "error": error.message}
    duplicate = "torrent_duplicate" in result
    torrent = result["torrent_duplicate" if duplicate else "torrent_added"]
    return {"source": source.text, **torrent, "duplicate": duplicate}


def _report(result: dict[str, Any]) -> None:
    if "error" in result:
        click.echo(f"{plain(result['source'])}: {plain(result['error'])}", err=True)
    else:
        verb = "is there already" if result["duplicate"] else "added"
        click.echo(f"{result['id']}: {plain(result['name'])} {verb}")
