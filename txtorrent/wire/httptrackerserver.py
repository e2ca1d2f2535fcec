"""Announce and scrape over HTTP as the tracker sees them: query strings in, bencoded answers out
(BEP 3, 7, 21, 23, 24, 27, 31, 48).

Pure. A parameter that is missing or wrong is a `MalformedRequest` that names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes
from zlib import crc32

from attrs import define

from txtorrent.address import text_of
from txtorrent.bencode import Value, encode
from txtorrent.wire.announce import Event, ScrapeResult
from txtorrent.wire.received import KEY_SIZE, MalformedRequest, ReceivedAnnounce, Selection

MAX_PARAMETERS: Final = 200
"""Of a request; a scrape of as many torrents as a request line has room for is below."""
MAX_COUNT: Final = 2**63 - 1
"""Bytes uploaded, downloaded, left."""
MAX_SHOWN: Final = 40
"""Characters of a wrong value that are said back."""

_EVENTS: Final = {
    b"": Event.NONE,
    b"none": Event.NONE,
    b"started": Event.STARTED,
    b"stopped": Event.STOPPED,
    b"completed": Event.COMPLETED,
    b"paused": Event.NONE,  # a partial seed (BEP 21)
}
_ADDRESSES: Final = (b"ip", b"ipv4", b"ipv6")


class HttpAnnounce(NamedTuple):
    """An announce and how it is to be answered. `claimed` are the values of ip, ipv4 and ipv6
    by name, which are to be believed of few."""

    announce: ReceivedAnnounce
    is_compact: bool
    with_ids: bool
    claimed: dict[str, str]


@define
class Answer:
    """What an announce is answered. Intervals are seconds, `asked_from` is the address that the
    request came from (BEP 24), `tracker_id` what the client is to say the next time."""

    interval: int
    min_interval: int
    selection: Selection
    asked_from: bytes
    tracker_id: bytes = b""


def parameters(query: bytes) -> list[tuple[bytes, bytes]]:
    """The names and values of a query, in order, unescaped. MalformedRequest: too many."""
    parts = query.split(b"&", MAX_PARAMETERS)
    if len(parts) > MAX_PARAMETERS:
        raise MalformedRequest(f"there are more than {MAX_PARAMETERS} parameters")
    pairs = (part.partition(b"=") for part in parts if part)
    return [(name, _unquoted(value)) for name, _, value in pairs]


def read_announce(query: bytes, host: bytes) -> HttpAnnounce:
    """An announce of a peer at `host`, 4 or 16 bytes. MalformedRequest."""
    given = dict(parameters(query))
    announce = ReceivedAnnounce(
        _twenty(given, b"info_hash"),
        _twenty(given, b"peer_id"),
        host,
        _port(given),
        _count(given, b"uploaded", 0),
        _count(given, b"downloaded", 0),
        _count(given, b"left", 1),
        _event(given),
        _key(given),
        _numwant(given),
    )
    return HttpAnnounce(
        announce,
        given.get(b"compact") != b"0",
        given.get(b"compact") == b"0" and given.get(b"no_peer_id") != b"1",
        {name.decode(): given[name].decode("latin-1") for name in _ADDRESSES if name in given},
    )


def read_scrape(query: bytes) -> list[bytes]:
    """The info-hashes that are asked for. MalformedRequest: none, or what is none."""
    found = [value for name, value in parameters(query) if name == b"info_hash"]
    if not found:
        raise MalformedRequest("info_hash is missing: name the torrents to scrape")
    return [_twenty({b"info_hash": value}, b"info_hash") for value in found]


def announce_answer(answer: Answer, is_compact: bool, with_ids: bool) -> bytes:
    """The answer to an announce (BEP 3; its compact form BEP 23, and BEP 7 for IPv6)."""
    chosen = answer.selection
    head = (
        b"d8:completei%de10:downloadedi%de11:external ip%d:%s"
        b"10:incompletei%de8:intervali%de12:min intervali%de"
        % (
            chosen.seeders,
            chosen.completed,
            len(answer.asked_from),
            answer.asked_from,
            chosen.leechers,
            answer.interval,
            answer.min_interval,
        )
    )
    if is_compact:
        peers = b"5:peers%d:%s" % (len(chosen.peers4), chosen.peers4)
        if chosen.peers6:
            peers += b"6:peers6%d:%s" % (len(chosen.peers6), chosen.peers6)
    else:
        peers = b"5:peers" + encode(_listed(chosen, with_ids))
    tracker_id = answer.tracker_id
    last = b"10:tracker id%d:%s" % (len(tracker_id), tracker_id) if tracker_id else b""
    return b"".join((head, peers, last, b"e"))


def scrape_answer(results: Mapping[bytes, ScrapeResult], min_interval: int) -> bytes:
    """The answer to a scrape (BEP 48), with how many seconds to wait until the next one."""
    files: dict[bytes, Value] = {
        info_hash: {
            b"complete": each.seeders,
            b"downloaded": each.completed,
            b"incomplete": each.leechers,
        }
        for info_hash, each in results.items()
    }
    return encode({b"files": files, b"flags": {b"min_request_interval": min_interval}})


def failure(text: str, retry_in: float | None) -> bytes:
    """A refusal. `retry_in`: seconds after which to ask again, 0 for never, None when nothing is
    said (BEP 31)."""
    answer: dict[bytes, Value] = {b"failure reason": text.encode()}
    if retry_in is not None:
        answer[b"retry in"] = max(1, round(retry_in / 60)) if retry_in else b"never"
    return encode(answer)


def key_of(text: bytes) -> bytes:
    """The key as UDP carries it: eight hexadecimal digits are a number, and all else its checksum;
    empty for none."""
    try:
        number = int(text, 16) if 0 < len(text) <= 2 * KEY_SIZE and text.isalnum() else crc32(text)
    except ValueError:
        number = crc32(text)
    return number.to_bytes(KEY_SIZE, "big") if number else b""


def _unquoted(value: bytes) -> bytes:
    if b"%" in value:
        value = unquote_to_bytes(value)
    return value


def _twenty(given: Mapping[bytes, bytes], name: bytes) -> bytes:
    value = given.get(name)
    if value is None:
        raise MalformedRequest(f"{name.decode()} is missing")
    if len(value) != 20:
        raise MalformedRequest(f"{name.decode()} has {len(value)} bytes, not 20")
    return value


def _number(given: Mapping[bytes, bytes], name: bytes) -> int:
    value = given[name]
    digits = value.removeprefix(b"-")
    if not digits.isdigit() or len(digits) > 20:
        raise MalformedRequest(f"{name.decode()} is no number: {_shown(value)}")
    return int(value)


def _port(given: Mapping[bytes, bytes]) -> int:
    if b"port" not in given:
        raise MalformedRequest("port is missing")
    port = _number(given, b"port")
    if not 0 < port < 65536:
        raise MalformedRequest(f"port is {port}: there are 1 to 65535")
    return port


def _count(given: Mapping[bytes, bytes], name: bytes, otherwise: int) -> int:
    if not given.get(name):
        return otherwise
    number = _number(given, name)
    if number < 0:
        raise MalformedRequest(f"{name.decode()} is below 0: {number}")
    return min(number, MAX_COUNT)


def _event(given: Mapping[bytes, bytes]) -> Event:
    event = _EVENTS.get(given.get(b"event", b""))
    if event is None:
        known = "started, stopped, completed"
        raise MalformedRequest(f"event is none of {known}: {_shown(given[b'event'])}")
    return event


def _key(given: Mapping[bytes, bytes]) -> bytes:
    """The client's key; for one that gives none we have made one, and called it tracker id."""
    return key_of(given.get(b"key", b"")) or key_of(given.get(b"trackerid", b""))


def _numwant(given: Mapping[bytes, bytes]) -> int | None:
    if not given.get(b"numwant"):
        return None
    number = _number(given, b"numwant")
    return number if number >= 0 else None


def _shown(value: bytes) -> str:
    return repr(value[:MAX_SHOWN])[1:]


def _listed(chosen: Selection, with_ids: bool) -> list[Value]:
    """BEP 3's list of dicts."""
    rows = [
        *_rows(chosen.peers4, chosen.ids4, 6),
        *_rows(chosen.peers6, chosen.ids6, 18),
    ]
    return [_peer(address, peer_id if with_ids else b"") for address, peer_id in rows]


def _rows(peers: bytes, ids: bytes, width: int) -> Iterable[tuple[bytes, bytes]]:
    for row in range(len(peers) // width):
        yield peers[row * width : (row + 1) * width], ids[row * 20 : row * 20 + 20]


def _peer(address: bytes, peer_id: bytes) -> dict[bytes, Value]:
    peer: dict[bytes, Value] = {
        b"ip": text_of(address[:-2]).encode(),
        b"port": int.from_bytes(address[-2:], "big"),
    }
    if peer_id.strip(b"\0"):
        peer[b"peer id"] = peer_id
    return peer
