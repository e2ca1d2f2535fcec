"""A magnet link for a torrent (BEP 9), and what passes for one in requests."""

from typing import Final

from txtorrent.control.torrentview import Torrent
from txtorrent.metainfo.magnet import Magnet, info_hash_of

MAX_TRACKERS: Final = 30
"""Trackers named in a link: enough to find the swarm, and programs take links of a few KB."""


def magnet_link(torrent: Torrent) -> str:
    """The info-hash, the name, and trackers."""
    tiers = tuple((each.announce,) for each in torrent.trackers[:MAX_TRACKERS])
    return Magnet(torrent.info_hash, torrent.name, tiers).link


def from_info_hash(text: str) -> str | None:
    """The link for an info-hash alone, in hexadecimal or base32; None for anything else."""
    info_hash = info_hash_of(text)
    return None if info_hash is None else Magnet(info_hash).link
