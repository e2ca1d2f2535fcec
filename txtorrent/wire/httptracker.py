"""Announce and scrape over HTTP: query strings out, bencoded answers in (BEP 3, 7, 23, 24, 31, 48).

Pure: URLs and bytes. Fetching, redirects and address rules are in `txtorrent.tracker`.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from txtorrent.address import Address, canonical_host, unpack4, unpack6
from txtorrent.bencode import NETWORK_DEPTH, NETWORK_TOKENS, BencodeError, Value, decode_prefix
from txtorrent.wire.announce import (
    MAX_INTERVAL,
    AnnounceRequest,
    AnnounceResponse,
    Event,
    ScrapeResult,
    TrackerError,
    TrackerUrl,
    clamped_interval,
    clean_text,
    usable_peers,
)

MAX_TRACKER_ID = 512
"""Bytes. The id is sent back in every query, which web servers limit."""
MAX_COUNT = 2**31 - 1
"""Seeders, leechers, completions: more is a lie, and would break those who add them up."""
MALFORMED_PEERS = "the tracker's list of peers is malformed"

_EVENTS = {Event.STARTED: "started", Event.STOPPED: "stopped", Event.COMPLETED: "completed"}


def announce_target(url: TrackerUrl, request: AnnounceRequest) -> str:
    """Give the path and query of an announce; the URL's own query stays in front, untouched."""
    fields = [
        ("info_hash", _raw(request.info_hash)),
        ("peer_id", _raw(request.peer_id)),
        ("port", request.port),
        ("uploaded", request.uploaded),
        ("downloaded", request.downloaded),
        ("left", request.left),
        ("corrupt", request.corrupt),
        ("key", f"{request.key:08X}"),
        ("numwant", request.numwant),
        ("compact", 1),
        ("no_peer_id", 1),
    ]
    if request.event in _EVENTS:
        fields.append(("event", _EVENTS[request.event]))
    fields += [("ipv6" if ":" in host else "ipv4", quote(host, safe="")) for host in request.hosts]
    if request.tracker_id is not None:
        fields.append(("trackerid", _raw(request.tracker_id)))
    return _with_query(url.path, url.query, fields)


def scrape_target(url: TrackerUrl, info_hashes: Sequence[bytes]) -> str:
    """Give the path and query of a scrape.

    By convention the last part of the announce path starts with "announce" and "scrape" takes
    its place (BEP 48); TrackerError when it does not.
    """
    folder, slash, last = url.path.rpartition("/")
    if not last.startswith("announce"):
        raise TrackerError("the tracker cannot be scraped")
    path = f"{folder}{slash}scrape{last.removeprefix('announce')}"
    return _with_query(path, url.query, [("info_hash", _raw(each)) for each in info_hashes])


def decode_announce(
    body: bytes, request: AnnounceRequest, *, status: int = 200, secrets: Sequence[str] = ()
) -> AnnounceResponse:
    """Read the answer to an announce; `status` is HTTP's.

    Raises TrackerError when the tracker refused or did not answer as trackers do. A malformed
    list of peers is dropped with a warning: the announce itself has been counted.
    """
    answer = _dictionary(body, status, secrets)
    external_ip = _external_ip(answer.get(b"external ip"))
    warning = _text(answer.get(b"warning message"), secrets)
    try:
        peers = usable_peers(_peers(answer, request), request, external_ip)
    except ValueError:
        peers, warning = (), warning or MALFORMED_PEERS
    interval, min_interval = _intervals(answer)
    return AnnounceResponse(
        interval=interval,
        min_interval=min_interval,
        peers=peers,
        seeders=_count(answer.get(b"complete")),
        leechers=_count(answer.get(b"incomplete")),
        warning=warning,
        tracker_id=_tracker_id(answer.get(b"tracker id")),
        external_ip=external_ip,
    )


def decode_scrape(
    body: bytes, info_hashes: Sequence[bytes], *, status: int = 200, secrets: Sequence[str] = ()
) -> dict[bytes, ScrapeResult]:
    """Read the answer to a scrape: one entry for each of `info_hashes` the tracker knows."""
    files = _dictionary(body, status, secrets).get(b"files")
    if not isinstance(files, dict):
        raise TrackerError("the tracker's answer to a scrape has no files")
    found = ((info_hash, files.get(info_hash)) for info_hash in info_hashes)
    return {key: _scraped(entry) for key, entry in found if isinstance(entry, dict)}


def _raw(data: bytes) -> str:
    return quote(data, safe="")


def _with_query(path: str, query: str, fields: Iterable[tuple[str, object]]) -> str:
    ours = "&".join(f"{name}={value}" for name, value in fields)
    return f"{path or '/'}?{query}&{ours}" if query else f"{path or '/'}?{ours}"


def _dictionary(body: bytes, status: int, secrets: Sequence[str]) -> dict[bytes, Value]:
    """Give the answer's dictionary, or raise for whatever is there instead of one."""
    answer = _bencoded(body)
    if isinstance(answer, dict) and b"failure reason" in answer:
        raise _refusal(answer, secrets)
    if not 200 <= status < 300:
        raise TrackerError(f"the tracker answered with HTTP status {status}")
    if isinstance(answer, dict):
        return answer
    if body.lstrip().startswith(b"<"):
        raise TrackerError("the tracker answered with a web page (HTML): is the URL right?")
    raise TrackerError("the tracker's answer is " + ("not bencoded" if body else "empty"))


def _bencoded(body: bytes) -> Value | None:
    """Give the value at the start of `body`; some trackers put a line end behind it."""
    try:
        return decode_prefix(body, max_depth=NETWORK_DEPTH, max_tokens=NETWORK_TOKENS)[0]
    except BencodeError:
        return None


def _refusal(answer: dict[bytes, Value], secrets: Sequence[str]) -> TrackerError:
    reason = answer[b"failure reason"]
    text = reason if isinstance(reason, bytes) and reason else b"no reason given"
    return TrackerError(b"the tracker refused: " + text, _retry_in(answer), secrets)


def _retry_in(answer: dict[bytes, Value]) -> float | None:
    """Seconds from BEP 31's minutes, which come as a number or as its digits."""
    value = answer.get(b"retry in")
    if value == b"never":
        return math.inf
    if isinstance(value, bytes) and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, int) and value > 0:
        return float(min(value * 60, MAX_INTERVAL))
    return None


def _intervals(answer: dict[bytes, Value]) -> tuple[int, int | None]:
    interval = clamped_interval(answer.get(b"interval"))
    least = answer.get(b"min interval")
    if not isinstance(least, int):
        return interval, None
    min_interval = clamped_interval(least)
    return max(interval, min_interval), min_interval


def _peers(answer: dict[bytes, Value], request: AnnounceRequest) -> list[Address]:
    peers, peers6 = answer.get(b"peers", b""), answer.get(b"peers6", b"")
    if isinstance(peers, list):
        found = list(_listed(peers, request))
    elif isinstance(peers, bytes):
        found = unpack4(peers)
    else:
        raise ValueError(MALFORMED_PEERS)
    if not isinstance(peers6, bytes):
        raise ValueError(MALFORMED_PEERS)
    return found + unpack6(peers6)


def _listed(peers: list[Value], request: AnnounceRequest) -> Iterable[Address]:
    """Read BEP 3's list of dictionaries; names instead of addresses are passed over."""
    for peer in peers:
        if not isinstance(peer, dict):
            raise ValueError(MALFORMED_PEERS)
        host, port = peer.get(b"ip"), peer.get(b"port")
        if not isinstance(host, bytes) or not isinstance(port, int):
            raise ValueError(MALFORMED_PEERS)
        if 0 < port < 65536 and peer.get(b"peer id") != request.peer_id:
            yield from _address(host, port)


def _address(host: bytes, port: int) -> Iterable[Address]:
    try:
        yield Address(canonical_host(host.decode("ascii")), port)
    except ValueError:
        return


def _external_ip(value: Value | None) -> str | None:
    """Read BEP 24's packed address."""
    if not isinstance(value, bytes) or len(value) not in (4, 16):
        return None
    return canonical_host(str(ipaddress.ip_address(value)))


def _tracker_id(value: Value | None) -> bytes | None:
    return value if isinstance(value, bytes) and 0 < len(value) <= MAX_TRACKER_ID else None


def _text(value: Value | None, secrets: Sequence[str]) -> str | None:
    return clean_text(value, secrets) if isinstance(value, bytes) and value else None


def _count(value: Value | None) -> int | None:
    return min(value, MAX_COUNT) if isinstance(value, int) and value >= 0 else None


def _scraped(entry: dict[bytes, Value]) -> ScrapeResult:
    keys = (b"complete", b"incomplete", b"downloaded")
    seeders, leechers, completed = (_count(entry.get(key)) or 0 for key in keys)
    return ScrapeResult(seeders, leechers, completed)
