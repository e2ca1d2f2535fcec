"""`move`, `rename`, `queue`, `label`: where content is, what it is called, whose turn it is."""

import click

from txtorrent.cli import options, state
from txtorrent.cli.api import NAMES, Torrent
from txtorrent.cli.columns import COLUMNS, ordered
from txtorrent.cli.commands.act import checked_share, is_checking, report
from txtorrent.cli.commands.listing import show_table
from txtorrent.cli.errors import Misused, plain
from txtorrent.cli.naming import resolve
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.cli.wait import EVERY, until


@click.command()
@options.torrents(required=True)
@click.argument("directory", metavar="DIR")
@click.option("--find", is_flag=True, help="Move nothing: the content is there already.")
@click.option("--wait", "-w", is_flag=True, help="Show progress, and end when all is moved.")
@pass_shell
def move(shell: Shell, words: tuple[str, ...], directory: str, find: bool, wait: bool) -> None:
    """Move content to another directory.

    DIR is a path of the daemon's. The content is copied, checked and only then deleted where it
    was; meanwhile it is seeded from there. With --find the content is looked for in DIR and
    checked, and nothing is moved.

    \b
    Example:
      txtorrent move debian /srv/archive --wait
    """
    if not directory.startswith("/"):
        raise Misused("DIR: write an absolute path, of the daemon's machine")
    torrents = resolve(shell.api, words)
    shell.api.on("torrent_set_location", torrents, location=directory, move=not find)
    report("looking for the content of" if find else "moving", torrents)
    if wait:
        shell.sleep(EVERY)  # as in verify
        until(shell, torrents, lambda each: _is_there(each, directory), _moved, _not_moved)


def _is_there(torrent: Torrent, directory: str) -> bool:
    here = str(torrent.get("download_dir", "")).rstrip("/") == directory.rstrip("/")
    return here and not torrent.get("tx_move") and not is_checking(torrent)


def _moved(torrent: Torrent) -> float:
    under_way = torrent.get("tx_move") or {}
    total = under_way.get("bytes_total")
    return float(under_way["bytes_done"] / total) if total else checked_share(torrent)


def _not_moved(torrent: Torrent) -> str:
    """A daemon that tells of moves, and of none for this one, has given it up."""
    if torrent.get("tx_move", {}) is None and not is_checking(torrent):
        return "was not moved: `txtorrent log` says why"
    return ""


@click.command()
@options.torrent
@click.argument("name", metavar="NEW-NAME")
@click.option("--path", metavar="PATH", help="A file or folder in it, instead of the torrent.")
@pass_shell
def rename(shell: Shell, word: str, name: str, path: str | None) -> None:
    """Rename a torrent, or a file in it, on disk.

    With --path it is that file or folder that is renamed; PATH is as `txtorrent files` shows it.
    NEW-NAME is a name, not a path.

    \b
    Example:
      txtorrent rename debian cd2.iso --path debian-12/debian-12-2.iso
    """
    if "/" in name or name in ("", ".", ".."):
        raise Misused(f"NEW-NAME: {name!r} is not a file's name")
    torrents = resolve(shell.api, [word])
    old = path if path is not None else torrents[0]["name"]
    shell.api.on("torrent_rename_path", torrents, path=old, name=name)
    click.echo(f"{plain(old)} is now {plain(name)}")


@click.command()
@options.torrents(required=False)
@click.option("--top", "to", flag_value="top", help="Before all others.")
@click.option("--up", "to", flag_value="up", help="One place up.")
@click.option("--down", "to", flag_value="down", help="One place down.")
@click.option("--bottom", "to", flag_value="bottom", help="Behind all others.")
@click.option(
    "--position", type=click.IntRange(min=0), metavar="N", help="To this place; 0 is the first."
)
@options.as_json
@pass_shell
def queue(
    shell: Shell, words: tuple[str, ...], to: str | None, position: int | None, as_json: bool
) -> None:
    """Show the queue, or move torrents in it.

    How many torrents run at once, `txtorrent settings` says: download_queue_size,
    seed_queue_size and their _enabled.
    """
    asked = (to is not None) + (position is not None)
    if bool(words) != (asked == 1) or asked > 1:
        raise Misused("name torrents and one place to move them to, or nothing at all")
    if not words:
        _show_queue(shell, as_json)
        return
    torrents = resolve(shell.api, words)
    if position is not None:
        shell.api.on("torrent_set", torrents, queue_position=position)
    else:
        shell.api.on(f"queue_move_{to}", torrents)
    report("moved in the queue:", torrents)


def _show_queue(shell: Shell, as_json: bool) -> None:
    columns = [COLUMNS[key] for key in ("queue", "id", "name", "done", "state")]
    wanted = {*NAMES, *state.FIELDS, "queue_position"}
    torrents = ordered(shell.api.torrents(sorted(wanted)), "queue")
    if as_json:
        shell.say_json(torrents)
    else:
        show_table(shell, torrents, columns, fit=True)


@click.command()
@options.torrents(required=True)
@click.option("--add", "-a", "added", metavar="LABEL", multiple=True, help="Repeatable.")
@click.option("--remove", "-r", "removed", metavar="LABEL", multiple=True, help="Repeatable.")
@click.option("--clear", is_flag=True, help="Remove all, before --add.")
@pass_shell
def label(
    shell: Shell,
    words: tuple[str, ...],
    added: tuple[str, ...],
    removed: tuple[str, ...],
    clear: bool,
) -> None:
    """Show and change the labels of torrents.

    \b
    Examples:
      txtorrent label debian --add linux --add keep
      txtorrent label debian --clear
    """
    chosen = [torrent["hash_string"] for torrent in resolve(shell.api, words)]
    for torrent in shell.api.torrents((*NAMES, "labels"), chosen):
        before = list(torrent.get("labels") or ())
        kept = [each for each in before if not clear and each not in removed]
        after = list(dict.fromkeys([*kept, *added]))
        if after != before:
            shell.api.on("torrent_set", [torrent], labels=after)
        click.echo(plain(f"{torrent['name']}: {', '.join(after) or 'no labels'}"))
