"""A magnet link for a torrent (BEP 9), and what passes for one in requests."""

import re
from base64 import b32decode
from typing import Final
from urllib.parse import quote

from txtorrent.control.torrentview import Torrent

MAX_TRACKERS: Final = 30
"""Trackers named in a link: enough to find the swarm, and programs take links of a few KB."""
_HEX: Final = re.compile(r"[0-9a-fA-F]{40}")
_BASE32: Final = re.compile(r"[A-Za-z2-7]{32}")


def magnet_link(torrent: Torrent) -> str:
    """The info-hash, the name, and trackers."""
    parts = [f"magnet:?xt=urn:btih:{torrent.info_hash.hex()}"]
    if torrent.name:
        parts.append(f"dn={quote(torrent.name, safe='')}")
    parts += [f"tr={quote(each.announce, safe='')}" for each in torrent.trackers[:MAX_TRACKERS]]
    return "&".join(parts)


def from_info_hash(text: str) -> str | None:
    """The link for an info-hash alone, in hexadecimal or base32; None for anything else."""
    if _HEX.fullmatch(text):
        return f"magnet:?xt=urn:btih:{text.lower()}"
    if _BASE32.fullmatch(text):
        return f"magnet:?xt=urn:btih:{b32decode(text.upper()).hex()}"
    return None
