"""`trackers`: how they answer, and which there are."""

from collections.abc import Iterable, Sequence
from typing import Any

import click

from txtorrent.cli import options
from txtorrent.cli.api import NAMES
from txtorrent.cli.columns import DASH
from txtorrent.cli.commands.show import when
from txtorrent.cli.errors import Failed, Misused
from txtorrent.cli.facts import show_rows
from txtorrent.cli.naming import resolve
from txtorrent.cli.shell import Shell, pass_shell


@click.command()
@options.torrent
@click.option("--add", "added", metavar="URL", multiple=True, help="In a tier of its own.")
@click.option("--remove", "removed", metavar="URL", multiple=True, help="Or a part of one.")
@options.as_json
@pass_shell
def trackers(
    shell: Shell, word: str, added: tuple[str, ...], removed: tuple[str, ...], as_json: bool
) -> None:
    """Show and edit a torrent's trackers.

    \b
    Examples:
      txtorrent trackers debian
      txtorrent trackers debian --add udp://new.example.org:6969 --remove old.
    """
    torrent = resolve(shell.api, [word])[0]
    found = shell.api.torrents((*NAMES, "tracker_list"), [torrent["hash_string"]])
    if not found:
        raise Failed(f"{torrent['name']} was removed")
    if added or removed:
        tiers = edit_tiers(found[0]["tracker_list"], added, removed)
        shell.api.on("torrent_set", [torrent], tracker_list=tiers)
    rows = shell.api.torrents((*NAMES, "tracker_stats"), [torrent["hash_string"]])
    stats = rows[0].get("tracker_stats") or [] if rows else []
    if as_json:
        shell.say_json(stats)
        return
    titles = ("Tier", "Announce", "Seeds", "Leeches", "Next", "Last answer")
    now = shell.now()
    show_rows(shell, titles, (_tracker(each, now) for each in stats), ("Announce", "Last answer"))


def edit_tiers(tiers: str, added: Iterable[str], removed: Iterable[str]) -> str:
    """A tracker_list (a URL a line, an empty line between tiers) with some URLs more and less.

    Misused when nothing fits what is to be removed.
    """
    urls = [tier.split() for tier in tiers.split("\n\n")]
    for part in removed:
        if not any(part in url for tier in urls for url in tier):
            raise Misused(f"no tracker fits {part!r}")
        urls = [[url for url in tier if part not in url] for tier in urls]
    known = {url for tier in urls for url in tier}
    urls += [[url] for url in dict.fromkeys(added) if url not in known]
    return "\n\n".join("\n".join(tier) for tier in urls if tier)


def _tracker(tracker: dict[str, Any], now: float) -> Sequence[str]:
    answer = tracker["last_announce_result"] if tracker["has_announced"] else "not asked yet"
    if tracker["has_announced"] and not tracker["last_announce_succeeded"]:
        answer = f"failed: {answer}"
    return (
        str(tracker["tier"]),
        tracker["announce"],
        _count(tracker["seeder_count"]),
        _count(tracker["leecher_count"]),
        when(tracker["next_announce_time"], now),
        answer,
    )


def _count(number: int) -> str:
    """A tracker that has not said is -1."""
    return DASH if number < 0 else str(number)
