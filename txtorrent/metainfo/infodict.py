"""The `info` dict by itself, as peers hand it on: cut into pieces (BEP 9), made a .torrent."""

from typing import Final

from txtorrent.bencode import Value, encode
from txtorrent.metainfo.magnet import Magnet

PIECE: Final = 16 * 1024
"""Bytes of a piece of metadata, but for the last one (BEP 9)."""


def piece_count(size: int) -> int:
    """How many pieces metadata of so many bytes is cut into."""
    return -(-size // PIECE)


def piece_length(size: int, piece: int) -> int:
    """Bytes of one piece of metadata of `size` bytes; 0 or less when it has no such piece."""
    return min(PIECE, size - piece * PIECE)


def assemble(info: bytes, magnet: Magnet) -> bytes:
    """The .torrent file of the torrent whose `info` dict is `info`, with the link's trackers and
    web seeds. `info` goes in as it is, so the info-hash is that of these bytes."""
    head: dict[bytes, Value] = {}
    if magnet.tiers:
        head[b"announce"] = magnet.tiers[0][0].encode()
        head[b"announce-list"] = [[url.encode() for url in tier] for tier in magnet.tiers]
    tail: dict[bytes, Value] = {}
    if magnet.url_list:
        tail[b"url-list"] = [url.encode() for url in magnet.url_list]
    # The keys of a dict are sorted: these go before `info`, and those behind it.
    return encode(head)[:-1] + b"4:info" + info + encode(tail)[1:]
