"""`start`, `stop`, `verify`, `reannounce`, `remove`, `move`, `rename`, `queue`, `label`."""

from collections.abc import Sequence

import click

from txtorrent.cli import options, state
from txtorrent.cli.api import CHECK_QUEUED, CHECKING, NAMES, Torrent
from txtorrent.cli.columns import COLUMNS, ordered
from txtorrent.cli.commands.listing import show_table
from txtorrent.cli.errors import Misused, plain
from txtorrent.cli.naming import resolve, resolve_or_all, show_names
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.cli.wait import EVERY, until


def report(what: str, torrents: Sequence[Torrent]) -> None:
    """One line on what was done."""
    click.echo(f"{what} {show_names(torrents)}" if torrents else "there are no torrents")


@click.command()
@options.torrents(required=False)
@options.everything
@click.option("--now", is_flag=True, help="Past the queue.")
@pass_shell
def start(shell: Shell, words: tuple[str, ...], everything: bool, now: bool) -> None:
    """Start torrents.

    They run at once if the queue has room; with --now in any case.
    """
    torrents = resolve_or_all(shell.api, words, everything)
    shell.api.on("torrent_start_now" if now else "torrent_start", torrents)
    report("started", torrents)


@click.command()
@options.torrents(required=False)
@options.everything
@pass_shell
def stop(shell: Shell, words: tuple[str, ...], everything: bool) -> None:
    """Stop torrents. What they have stays, and `start` goes on from there."""
    torrents = resolve_or_all(shell.api, words, everything)
    shell.api.on("torrent_stop", torrents)
    report("stopped", torrents)


@click.command()
@options.torrents(required=False)
@options.everything
@click.option("--wait", "-w", is_flag=True, help="Show progress, and end when all are checked.")
@pass_shell
def verify(shell: Shell, words: tuple[str, ...], everything: bool, wait: bool) -> None:
    """Hash what is on disk again, whatever is known of it."""
    torrents = resolve_or_all(shell.api, words, everything)
    shell.api.on("torrent_verify", torrents)
    if not wait:
        report("verifying", torrents)
        return
    # The next answer may still be from before the check began.
    shell.sleep(EVERY)
    until(shell, torrents, lambda each: not _is_checking(each), _checked)
    for torrent in shell.api.torrents(
        (*NAMES, "percent_done"), [each["hash_string"] for each in torrents]
    ):
        click.echo(f"{plain(torrent['name'])}: {state.percent(torrent['percent_done'])} is there")


def _is_checking(torrent: Torrent) -> bool:
    return torrent.get("status") in (CHECK_QUEUED, CHECKING)


def _checked(torrent: Torrent) -> float:
    return float(torrent.get("recheck_progress", 0)) if _is_checking(torrent) else 1.0


@click.command()
@options.torrents(required=False)
@options.everything
@pass_shell
def reannounce(shell: Shell, words: tuple[str, ...], everything: bool) -> None:
    """Ask the trackers for peers now."""
    torrents = resolve_or_all(shell.api, words, everything)
    shell.api.on("torrent_reannounce", torrents)
    report("announcing", torrents)


@click.command()
@options.torrents(required=True)
@click.option("--delete-data", is_flag=True, help="Delete the content too. Asks first.")
@options.assume_yes
@pass_shell
def remove(shell: Shell, words: tuple[str, ...], delete_data: bool, yes: bool) -> None:
    """Remove torrents, and their content if told so.

    With --delete-data the files of the torrents are deleted, no others, and then the folders that
    are empty. That cannot be undone, so it is asked for by name first; --yes is for scripts.
    """
    torrents = resolve(shell.api, words)
    if delete_data and not yes:
        click.confirm(
            f"Delete {show_names(torrents)} and all content of"
            f" {'it' if len(torrents) == 1 else 'them'}?",
            abort=True,
        )
    shell.api.on("torrent_remove", torrents, delete_local_data=delete_data)
    report("removed with all content:" if delete_data else "removed", torrents)


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
    return here and not torrent.get("tx_move") and not _is_checking(torrent)


def _moved(torrent: Torrent) -> float:
    under_way = torrent.get("tx_move") or {}
    total = under_way.get("bytes_total")
    return float(under_way["bytes_done"] / total) if total else _checked(torrent)


def _not_moved(torrent: Torrent) -> str:
    """A daemon that tells of moves, and of none for this one, has given it up."""
    if torrent.get("tx_move", {}) is None and not _is_checking(torrent):
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
