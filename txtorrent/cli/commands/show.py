"""`show` and `peers`: what there is to know of a torrent."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import click

from txtorrent.cli import options, state
from txtorrent.cli.api import NAMES, Torrent
from txtorrent.cli.columns import DASH, date, eta, rate, ratio
from txtorrent.cli.facts import show_facts, show_rows
from txtorrent.cli.limits import LIMIT_FIELDS, describe_limits
from txtorrent.cli.naming import resolve
from txtorrent.cli.shell import Shell, pass_shell
from txtorrent.units import show_size, show_time

_SHOWN: Final = (
    *NAMES, *state.FIELDS, *LIMIT_FIELDS, "activity_date", "added_date", "comment", "corrupt_ever",
    "creator", "date_created", "done_date", "download_dir", "downloaded_ever", "eta", "file_count",
    "have_unchecked", "have_valid", "is_private", "labels", "magnet_link", "peers_connected",
    "peers_getting_from_us", "peers_sending_to_us", "piece_count", "piece_size", "queue_position",
    "seconds_downloading", "seconds_seeding", "sequential_download", "size_when_done",
    "total_size", "trackers", "tx_chat", "tx_chat_speakers", "upload_ratio", "uploaded_ever",
)  # fmt: skip


@click.command()
@options.torrents(required=True)
@options.as_json
@pass_shell
def show(shell: Shell, words: tuple[str, ...], as_json: bool) -> None:
    """Show everything about torrents.

    `txtorrent files`, `peers` and `trackers` have those.
    """
    hashes = [torrent["hash_string"] for torrent in resolve(shell.api, words)]
    torrents = shell.api.torrents(_SHOWN, hashes)
    if as_json:
        shell.say_json(torrents)
        return
    for index, torrent in enumerate(torrents):
        if index:
            click.echo()
        show_facts(shell, _facts(torrent))


def _facts(torrent: Torrent) -> Iterable[tuple[str, str]]:
    yield from _now(torrent)
    yield from _totals(torrent)
    yield from describe_limits(torrent)
    yield from _content(torrent)


def _now(torrent: Torrent) -> Iterable[tuple[str, str]]:
    yield "Name", torrent["name"]
    yield "Id", f"{torrent['id']}"
    yield "Hash", torrent["hash_string"]
    yield "State", state.phrase(torrent)
    yield "Why", state.reason(torrent)
    yield "Done", _done(torrent)
    yield "Down", rate(torrent.get("rate_download", 0))
    yield "Up", rate(torrent.get("rate_upload", 0))
    yield "Time left", eta(torrent.get("eta", -1))
    yield "Peers", _peers(torrent)
    yield "Chat", f"on, with {torrent['tx_chat_speakers']} peers" if torrent.get("tx_chat") else ""
    yield "Queue", f"{torrent.get('queue_position', 0)}"
    yield "Labels", ", ".join(torrent.get("labels") or ())
    yield "Directory", str(torrent.get("download_dir", ""))


def _done(torrent: Torrent) -> str:
    if torrent.get("metadata_percent_complete", 1) < 1:
        return "a magnet link: sizes and files are known when its metadata has come from peers"
    size, left = torrent.get("size_when_done", 0), torrent.get("left_until_done", 0)
    done = state.percent(torrent.get("percent_done", 0))
    return f"{done}, {show_size(size - left)} of {show_size(size)}"


def _peers(torrent: Torrent) -> str:
    sending, getting = (
        torrent.get("peers_sending_to_us", 0),
        torrent.get("peers_getting_from_us", 0),
    )
    return f"{torrent.get('peers_connected', 0)}: {sending} send to us, {getting} get from us"


def _totals(torrent: Torrent) -> Iterable[tuple[str, str]]:
    yield "Downloaded", show_size(torrent.get("downloaded_ever", 0))
    yield "Uploaded", show_size(torrent.get("uploaded_ever", 0))
    yield "Ratio", ratio(torrent.get("upload_ratio", -1))
    corrupt = torrent.get("corrupt_ever", 0)
    yield "Corrupt", show_size(corrupt) if corrupt else ""
    yield "Added", date(torrent.get("added_date", 0))
    yield "Completed", date(torrent.get("done_date", 0))
    yield "Last active", date(torrent.get("activity_date", 0))
    yield "Downloading for", show_time(torrent.get("seconds_downloading", 0))
    yield "Seeding for", show_time(torrent.get("seconds_seeding", 0))


def _content(torrent: Torrent) -> Iterable[tuple[str, str]]:
    if torrent.get("metadata_percent_complete", 1) >= 1:
        yield from _files(torrent)
    yield "Order", "sequential" if torrent.get("sequential_download") else ""
    yield "Private", "yes" if torrent.get("is_private") else ""
    yield "Trackers", ", ".join(state.tracker_hosts(torrent))
    yield "Comment", str(torrent.get("comment", ""))
    created = torrent.get("date_created", 0)
    yield "Created", date(created) if created else ""
    yield "Created by", str(torrent.get("creator", ""))
    yield "Magnet", str(torrent.get("magnet_link", ""))


def _files(torrent: Torrent) -> Iterable[tuple[str, str]]:
    yield "Files", f"{torrent.get('file_count', 0)}, {show_size(torrent.get('total_size', 0))}"
    pieces, size = torrent.get("piece_count", 0), torrent.get("piece_size", 0)
    yield "Pieces", f"{pieces} of {size // 1024} KiB"


@click.command()
@options.torrent
@click.option("--candidates", is_flag=True, help="The addresses known, connected or not.")
@options.as_json
@pass_shell
def peers(shell: Shell, word: str, candidates: bool, as_json: bool) -> None:
    """Show a torrent's peers.

    Flags: D we download from it; d we would, but it chokes us; U we upload to it; u it wants
    us to, but we choke it; O optimistic unchoke; K it unchokes us, but we want nothing; ? we
    unchoke it, but it wants nothing; I it connected to us; E encrypted; T uTP; H from the DHT;
    X from peer exchange.

    With --candidates the addresses that are known of the swarm, what became of each, and when it
    is tried next.
    """
    torrent = resolve(shell.api, [word])[0]
    if candidates:
        _show_candidates(shell, torrent, as_json)
        return
    found = shell.api.torrents((*NAMES, "peers"), [torrent["hash_string"]])
    rows = found[0].get("peers") or [] if found else []
    if as_json:
        shell.say_json(rows)
        return
    rows = sorted(rows, key=lambda peer: -peer["rate_to_client"] - peer["rate_to_peer"])
    titles = ("Address", "Flags", "Has", "Down", "Up", "Got", "Sent", "Client")
    show_rows(shell, titles, map(_peer, rows), left=("Address", "Flags", "Client"))


def _peer(peer: dict[str, Any]) -> Sequence[str]:
    return (
        _address(peer),
        peer["flag_str"],
        state.percent(peer["progress"]),
        rate(peer["rate_to_client"]),
        rate(peer["rate_to_peer"]),
        show_size(peer.get("bytes_to_client", 0)),
        show_size(peer.get("bytes_to_peer", 0)),
        peer["client_name"],
    )


def _address(peer: dict[str, Any]) -> str:
    host = peer["address"]
    return f"[{host}]:{peer['port']}" if ":" in host else f"{host}:{peer['port']}"


def _show_candidates(shell: Shell, torrent: Torrent, as_json: bool) -> None:
    rows = shell.api.on("tx_candidates_get", [torrent])["candidates"]
    if as_json:
        shell.say_json(rows)
        return
    titles = ("Address", "State", "Source", "Failures", "Next try")
    show_rows(
        shell,
        titles,
        ((_address(each), each["state"], each["source"], str(each["failures"]),
          when(each["next_try"], shell.now())) for each in rows),
        left=("Address", "State", "Source"),
    )  # fmt: skip


def when(at: float, now: float) -> str:
    """How long until then."""
    if not at:
        return DASH
    return f"in {show_time(at - now)}" if at > now else "now"
