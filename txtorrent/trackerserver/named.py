"""The torrents that the settings file names: those in `torrents`, and the one at its top."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from txtorrent.address import packed
from txtorrent.config.document import Keys
from txtorrent.config.records import Bad
from txtorrent.trackerserver.files import Unreadable, read_torrent
from txtorrent.trackerserver.fixed import NO_ID, FixedPeer, FixedTorrent
from txtorrent.trackerserver.table import TORRENT_KEYS
from txtorrent.trackerserver.words import info_hash_bytes, peer_id_bytes


def named_torrents(given: Mapping[str, Any], directory: str) -> tuple[FixedTorrent, ...]:
    """Of what a file sets, parsed. Bad, when one is wrong or there twice; reads .torrent files."""
    torrents: list[FixedTorrent] = []
    known: set[bytes] = set()
    for keys, table in _tables(given):
        source, info_hashes = _info_hashes(keys, table, directory)
        if not known.isdisjoint(info_hashes):
            raise Bad((*keys, source), "this torrent is there twice")
        known.update(info_hashes)
        if not table["live"] and not table["peers"]:
            raise Bad((*keys, "live"), "a torrent that is not live needs peers")
        torrents.append(FixedTorrent(info_hashes, _peers(keys, table["peers"]), table["live"]))
    return tuple(torrents)


def resolved(directory: str, path: str) -> str:
    """The absolute path of one that is written in a file of the directory; "" stays."""
    return path and os.path.join(directory, os.path.expanduser(path))


def _tables(given: Mapping[str, Any]) -> Iterator[tuple[Keys, Mapping[str, Any]]]:
    """Every torrent's table, and the way to it."""
    top = {key.name: given.get(key.name, key.default) for key in TORRENT_KEYS}
    if top["torrent_file"] or top["info_hash"]:
        yield (), top
    else:
        for name, is_set in (("peers", bool(top["peers"])), ("live", not top["live"])):
            if is_set:
                raise Bad((name,), "of which torrent? Write torrent_file or info_hash, too")
    for index, table in enumerate(given.get("torrents", ())):
        yield ("torrents", index), table


def _info_hashes(
    keys: Keys, table: Mapping[str, Any], directory: str
) -> tuple[str, tuple[bytes, ...]]:
    """The key that says which torrent it is, and its info-hashes."""
    file, text = resolved(directory, table["torrent_file"]), table["info_hash"]
    if file and text:
        raise Bad((*keys, "info_hash"), "write torrent_file or info_hash, not both")
    if text:
        return "info_hash", (info_hash_bytes(text),)
    if not file:
        raise Bad(keys, "torrent_file or info_hash is missing")
    try:
        return "torrent_file", read_torrent(file)
    except Unreadable as error:
        raise Bad((*keys, "torrent_file"), f"{file} {error}") from None


def _peers(keys: Keys, tables: Sequence[Mapping[str, Any]]) -> tuple[FixedPeer, ...]:
    peers: dict[tuple[bytes, int], FixedPeer] = {}
    for index, table in enumerate(tables):
        host, port = packed(table["ip"]), table["port"]
        if (host, port) in peers:
            raise Bad((*keys, "peers", index), "this address and port are there twice")
        peer_id = peer_id_bytes(table["peer_id"]) if "peer_id" in table else NO_ID
        peers[host, port] = FixedPeer(host, port, peer_id)
    return tuple(peers.values())
