"""The datagrams of UDP trackers, both ways (BEP 15; the tracker's URL by BEP 41).

Pure: ids go in as arguments. Matching answers to questions by address, retransmission and the
life of a connection id are in `txtorrent.tracker`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from struct import Struct

from txtorrent.address import unpack4, unpack6
from txtorrent.wire.announce import (
    AnnounceRequest,
    AnnounceResponse,
    ScrapeResult,
    TrackerError,
    clamped_interval,
    usable_peers,
)

PROTOCOL_ID = 0x41727101980
"""The number every connect request starts with (BEP 15)."""
MAX_SCRAPED = 74
"""Torrents in one scrape: what fits into a datagram that is not fragmented (BEP 15)."""
MAX_URL_DATA = 1020
"""Bytes of path and query sent along (BEP 41): four options, so a datagram is not fragmented."""

_CONNECT = Struct("!QII")
_ANNOUNCE = Struct("!QII20s20sQQQIIIiH")
_HEADER = Struct("!II")
_CONNECTED = Struct("!IIQ")
_ANNOUNCED = Struct("!IIIII")
_SCRAPED = Struct("!III")
_URL_DATA = 2
_OPTION_SIZE = 255
_MAX_64 = 2**64 - 1


class Action(IntEnum):
    """What a datagram is."""

    CONNECT = 0
    ANNOUNCE = 1
    SCRAPE = 2
    ERROR = 3


def connect_request(transaction: int) -> bytes:
    """Ask for a connection id."""
    return _CONNECT.pack(PROTOCOL_ID, Action.CONNECT, transaction)


def announce_request(
    connection: int, transaction: int, request: AnnounceRequest, url_data: bytes = b""
) -> bytes:
    """Announce; `url_data` is the path and query of the tracker's URL (BEP 41)."""
    fixed = _ANNOUNCE.pack(
        connection,
        Action.ANNOUNCE,
        transaction,
        request.info_hash,
        request.peer_id,
        min(request.downloaded, _MAX_64),
        min(request.left, _MAX_64),
        min(request.uploaded, _MAX_64),
        request.event.value,
        0,
        request.key,
        request.numwant,
        request.port,
    )
    return fixed + _options(url_data)


def scrape_request(connection: int, transaction: int, info_hashes: Sequence[bytes]) -> bytes:
    """Ask about at most `MAX_SCRAPED` torrents."""
    if not 0 < len(info_hashes) <= MAX_SCRAPED:
        raise ValueError(f"{len(info_hashes)} torrents in one scrape")
    return _CONNECT.pack(connection, Action.SCRAPE, transaction) + b"".join(info_hashes)


def reply_header(datagram: bytes) -> tuple[int, int]:
    """Give action and transaction id; ValueError when the datagram is too short for them."""
    if len(datagram) < _HEADER.size:
        raise ValueError("short reply")
    action, transaction = _HEADER.unpack_from(datagram)
    return action, transaction


def decode_error(datagram: bytes, secrets: Sequence[str] = ()) -> TrackerError:
    """Give what the tracker complains of; the header has been read already."""
    reason = datagram[_HEADER.size :].rstrip(b"\0") or b"no reason given"
    return TrackerError(b"the tracker refused: " + reason, secrets=secrets)


def decode_connect(datagram: bytes) -> int:
    """Give the connection id; ValueError when the reply is too short."""
    return int(_unpacked(_CONNECTED, datagram)[2])


def decode_announce(datagram: bytes, request: AnnounceRequest, *, ipv6: bool) -> AnnounceResponse:
    """Read the answer to an announce; `ipv6` says which family the tracker's own address has.

    ValueError when it is too short. Bytes behind the last whole address are passed over: BEP 15
    forbids to expect an exact size.
    """
    _, _, interval, leechers, seeders = _unpacked(_ANNOUNCED, datagram)
    peers = datagram[_ANNOUNCED.size :]
    stride = 18 if ipv6 else 6
    whole = peers[: len(peers) - len(peers) % stride]
    return AnnounceResponse(
        interval=clamped_interval(_signed(interval)),
        peers=usable_peers(unpack6(whole) if ipv6 else unpack4(whole), request),
        seeders=max(_signed(seeders), 0),
        leechers=max(_signed(leechers), 0),
    )


def decode_scrape(datagram: bytes, info_hashes: Sequence[bytes]) -> dict[bytes, ScrapeResult]:
    """Read the answer to a scrape, in the order of the question; ValueError when it is short."""
    needed = _HEADER.size + _SCRAPED.size * len(info_hashes)
    if len(datagram) < needed:
        raise ValueError("short reply")
    rows = _SCRAPED.iter_unpack(datagram[_HEADER.size : needed])
    return {
        info_hash: ScrapeResult(
            seeders=max(_signed(seeders), 0),
            leechers=max(_signed(leechers), 0),
            completed=max(_signed(completed), 0),
        )
        for info_hash, (seeders, completed, leechers) in zip(info_hashes, rows, strict=True)
    }


def _options(url_data: bytes) -> bytes:
    if not url_data or len(url_data) > MAX_URL_DATA:
        return b""
    steps = range(0, len(url_data), _OPTION_SIZE)
    chunks = (url_data[start : start + _OPTION_SIZE] for start in steps)
    return b"".join(bytes((_URL_DATA, len(chunk))) + chunk for chunk in chunks)


def _unpacked(form: Struct, datagram: bytes) -> tuple[int, ...]:
    if len(datagram) < form.size:
        raise ValueError("short reply")
    return form.unpack_from(datagram)


def _signed(value: int) -> int:
    """Read 32 bits as trackers write them: -1 is a common way to say that a count is unknown."""
    return value - 2**32 if value >= 2**31 else value
