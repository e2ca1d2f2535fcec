"""The datagrams of UDP trackers as the tracker sees them: requests in, answers out (BEP 15, 41).

Pure. Whether a connection id is one of ours, and who may be answered, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Final

from txtorrent.wire.announce import ScrapeResult
from txtorrent.wire.received import EVENTS, MalformedRequest, ReceivedAnnounce, Selection
from txtorrent.wire.udptracker import MAX_SCRAPED, PROTOCOL_ID, Action

CONNECTION: Final = slice(0, 8)
"""Where a request has its connection id."""
ACTION: Final = slice(8, 12)
TRANSACTION: Final = slice(12, 16)
CONNECT: Final = Action.CONNECT.to_bytes(4, "big")
ANNOUNCE: Final = Action.ANNOUNCE.to_bytes(4, "big")
SCRAPE: Final = Action.SCRAPE.to_bytes(4, "big")
HEAD_SIZE: Final = 16
"""Bytes of a connect request, and of what the others begin with."""
MAX_COUNT: Final = 2**31 - 1
"""Counts are signed 32-bit numbers."""

MOST_PEERS: Final = (200, 75)
"""Addresses in an answer, of IPv4 and IPv6: one more would be cut into fragments on some lines."""

_ANNOUNCE: Final = Struct("!16x20s20sQQQI4x4siH")
ANNOUNCE_SIZE: Final = _ANNOUNCE.size
"""Bytes of an announce without options."""
_ANNOUNCED: Final = Struct("!4s4sIII")
_SCRAPED: Final = Struct("!III")
_CONNECT_HEAD: Final = PROTOCOL_ID.to_bytes(8, "big") + CONNECT
_ERROR: Final = Action.ERROR.to_bytes(4, "big")
_NO_KEY: Final = bytes(4)
_DRAWS_KEYS: Final = b"A2-"
"""How aria2's peer ids begin. It draws a new key for each announce, over UDP alone; believed, the
client would be another one every time, and never stop."""
_PAUSED: Final = 4
"""The event of a partial seed (BEP 21), as some clients send it here too."""
_END_OF_OPTIONS, _NOP, _URL_DATA = 0, 1, 2


def is_connect(datagram: bytes) -> bool:
    """Whether somebody asks for a connection id."""
    return datagram[:12] == _CONNECT_HEAD and len(datagram) >= HEAD_SIZE


def connect_answer(transaction: bytes, connection: bytes) -> bytes:
    """A connection id: as long as what was asked with."""
    return CONNECT + transaction + connection


def read_announce(datagram: bytes, host: bytes) -> ReceivedAnnounce:
    """An announce of a peer at `host`. MalformedRequest.

    The address that it may name itself is passed over: anybody could name anybody. It wants no more
    peers than an answer has room for: of more, the same part would be cut off of every answer.
    """
    if len(datagram) < _ANNOUNCE.size:
        raise MalformedRequest(f"an announce has {_ANNOUNCE.size} bytes at least")
    info_hash, peer_id, downloaded, left, uploaded, event, key, numwant, port = (
        _ANNOUNCE.unpack_from(datagram)
    )
    if not port:
        raise MalformedRequest("port is 0: nobody can be reached there")
    if event >= len(EVENTS):
        if event != _PAUSED:
            raise MalformedRequest(f"event is {event}: there are 0 to 3")
        event = 0
    return ReceivedAnnounce(
        info_hash,
        peer_id,
        host,
        port,
        uploaded,
        downloaded,
        left,
        EVENTS[event],
        b"" if key == _NO_KEY or peer_id.startswith(_DRAWS_KEYS) else key,
        min(numwant, MOST_PEERS[len(host) != 4]) if numwant >= 0 else None,
    )


def url_data(datagram: bytes) -> bytes:
    """The path and query of the tracker's URL as the client has it; empty when it says none
    (BEP 41). Options that end early are passed over."""
    at, found = _ANNOUNCE.size, bytearray()
    while at < len(datagram):
        kind = datagram[at]
        if kind == _NOP:
            at += 1
            continue
        end = at + 2 + datagram[at + 1] if at + 1 < len(datagram) else at
        if kind == _END_OF_OPTIONS or not at < end <= len(datagram):
            break
        if kind == _URL_DATA:
            found += datagram[at + 2 : end]
        at = end
    return bytes(found)


def announce_answer(
    transaction: bytes, interval: int, selection: Selection, is_ipv6: bool
) -> bytes:
    """The answer to an announce: peers of the family that it came by."""
    head = _ANNOUNCED.pack(ANNOUNCE, transaction, interval, selection.leechers, selection.seeders)
    if is_ipv6:
        return head + selection.peers6[: MOST_PEERS[1] * 18]
    return head + selection.peers4[: MOST_PEERS[0] * 6]


def read_scrape(datagram: bytes) -> list[bytes]:
    """The info-hashes that are asked for. MalformedRequest.

    Bytes behind the last whole one are passed over: BEP 15 forbids to expect an exact size.
    """
    asked = (len(datagram) - HEAD_SIZE) // 20
    if not 0 < asked <= MAX_SCRAPED:
        raise MalformedRequest(f"a scrape names 1 to {MAX_SCRAPED} info-hashes of 20 bytes")
    return [datagram[at : at + 20] for at in range(HEAD_SIZE, HEAD_SIZE + 20 * asked, 20)]


def scrape_answer(transaction: bytes, results: Iterable[ScrapeResult | None]) -> bytes:
    """The answer to a scrape, in the order of the question; None: the torrent is not known."""
    rows = (
        (
            min(each.seeders, MAX_COUNT),
            min(each.completed, MAX_COUNT),
            min(each.leechers, MAX_COUNT),
        )
        if each is not None
        else (0, 0, 0)
        for each in results
    )
    return SCRAPE + transaction + b"".join(_SCRAPED.pack(*row) for row in rows)


def error_answer(transaction: bytes, text: str) -> bytes:
    """Why there is no answer."""
    return _ERROR + transaction + text.encode()
