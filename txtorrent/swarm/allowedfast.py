"""Which pieces a choked peer may fetch all the same (BEP 6, "Allowed Fast Set Generation").

The set follows from the peer's network and the torrent, so reconnecting wins nothing.
"""

from hashlib import sha1
from struct import Struct
from typing import Final

from txtorrent.address import packed

SET_SIZE: Final = 10
"""Pieces (k in BEP 6): enough to have something to trade, too few to live on."""

_NUMBERS: Final = Struct(">5I")


def allowed_fast_set(host: str, info_hash: bytes, pieces: int, size: int = SET_SIZE) -> list[int]:
    """`size` piece indices for the peer at `host`, fewer in a small torrent; none for IPv6,
    for which BEP 6 defines no set."""
    address = packed(host)
    if len(address) != 4:
        return []
    allowed: dict[int, None] = {}
    wanted = min(size, pieces)
    digest = address[:3] + b"\0" + info_hash
    while len(allowed) < wanted:
        digest = sha1(digest).digest()
        allowed.update((number % pieces, None) for number in _NUMBERS.unpack(digest))
    return list(allowed)[:wanted]
