"""The datagrams of local service discovery, both ways (BEP 14).

Pure: whom a datagram came from, and whether it is believed, is `txtorrent.discovery`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

PORT: Final = 6771
"""UDP port of both groups (BEP 14)."""
GROUP4: Final = "239.192.152.143"
GROUP6: Final = "ff15::efc0:988f"
MAX_DATAGRAM: Final = 1500
"""Bytes of a datagram that is read: BEP 14 allows 1400, and no link that has neighbours on it
carries more than this in one frame."""
MOST_TORRENTS: Final = 24
"""Torrents in a datagram that is sent: 52 bytes each, and 1400 bytes with all else (BEP 14)."""
MAX_COOKIE: Final = 32
"""Bytes of a cookie that is sent; others' are only compared."""

_REQUEST: Final = b"BT-SEARCH * HTTP/1.1"
_INFO_HASH: Final = re.compile(rb"[0-9a-fA-F]{40}")
_PORT: Final = re.compile(rb"[0-9]{1,5}")


@frozen
class Announce:
    """Who takes part in which swarms: the sender, at `port`.

    `info_hashes` are 20 bytes each, in the order in which they stand, each once; `cookie` is what
    the sender knows its own datagrams by, empty if it has none.
    """

    port: int
    info_hashes: tuple[bytes, ...]
    cookie: bytes = b""


def encode(group: str, announce: Announce) -> bytes:
    """The datagram for one of the groups. ValueError when it says too little or too much."""
    hashes = announce.info_hashes
    if not 1 <= len(hashes) <= MOST_TORRENTS or any(len(each) != 20 for each in hashes):
        raise ValueError(f"1 to {MOST_TORRENTS} info-hashes of 20 bytes make an announce")
    if not 1 <= announce.port <= 65535 or len(announce.cookie) > MAX_COOKIE:
        raise ValueError("no such port, or too long a cookie")
    host = f"[{group}]" if ":" in group else group
    lines = [
        _REQUEST,
        b"Host: %s:%d" % (host.encode("ascii"), PORT),
        b"Port: %d" % announce.port,
        *(b"Infohash: " + each.hex().encode("ascii") for each in hashes),
        b"cookie: " + announce.cookie,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n\r\n"


def decode(datagram: bytes) -> Announce:
    """Read a datagram. ValueError says what is wrong with it.

    Headers that are not known are passed over (BEP 14); one that is known and wrong, or a port
    given twice, makes all of it worthless.
    """
    if len(datagram) > MAX_DATAGRAM:
        raise ValueError(f"longer than {MAX_DATAGRAM} bytes")
    head, end, _ = datagram.partition(b"\r\n\r\n")
    if not end:
        raise ValueError("cut off")
    request, *lines = head.split(b"\r\n")
    if request != _REQUEST:
        raise ValueError("not a BT-SEARCH")
    headers = [_header(line) for line in lines]
    return Announce(
        port=_port([value for name, value in headers if name == b"port"]),
        info_hashes=_info_hashes(value for name, value in headers if name == b"infohash"),
        cookie=next((value for name, value in headers if name == b"cookie"), b""),
    )


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    if not colon:
        raise ValueError("a line that is no header")
    return name.lower(), value.strip(b" \t")


def _port(values: Sequence[bytes]) -> int:
    if len(values) != 1:
        raise ValueError(f"{len(values)} ports")
    if _PORT.fullmatch(values[0]) is None or not 1 <= int(values[0]) <= 65535:
        raise ValueError("no such port")
    return int(values[0])


def _info_hashes(values: Iterable[bytes]) -> tuple[bytes, ...]:
    found: dict[bytes, None] = {}
    for value in values:
        if _INFO_HASH.fullmatch(value) is None:
            raise ValueError("not an info-hash")
        found[bytes.fromhex(value.decode("ascii"))] = None
    if not found:
        raise ValueError("no info-hash")
    return tuple(found)
