"""`start`, `stop`, `verify`, `reannounce`, `remove`."""

from collections.abc import Sequence

import click

from txtorrent.cli import options, state
from txtorrent.cli.api import CHECK_QUEUED, CHECKING, NAMES, Torrent
from txtorrent.cli.errors import plain
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
    until(shell, torrents, lambda each: not is_checking(each), checked_share)
    for torrent in shell.api.torrents(
        (*NAMES, "percent_done"), [each["hash_string"] for each in torrents]
    ):
        click.echo(f"{plain(torrent['name'])}: {state.percent(torrent['percent_done'])} is there")


def is_checking(torrent: Torrent) -> bool:
    return torrent.get("status") in (CHECK_QUEUED, CHECKING)


def checked_share(torrent: Torrent) -> float:
    return float(torrent.get("recheck_progress", 0)) if is_checking(torrent) else 1.0


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
