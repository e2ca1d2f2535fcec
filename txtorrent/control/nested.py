"""What torrents consist of, as objects of the API: files, peers, trackers, web seeds.

Each object is a table of names and what to read, which a dialect turns into pairs once.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address
from operator import attrgetter
from typing import Any, Final
from urllib.parse import urlsplit

from txtorrent.control.dialect import Dialect
from txtorrent.control.views import Peer, Tracker

Getter = Callable[[Any], Any]
Table = tuple[tuple[str, str, Getter], ...]
"""Name, type and what reads it."""
Pairs = list[tuple[str, Getter]]

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def spelt(table: Table, dialect: Dialect) -> Pairs:
    """A table in a dialect."""
    return [(dialect.field(name), get) for name, _, get in table]


def objects(items: Iterable[Any], pairs: Pairs) -> list[dict[str, Any]]:
    """One object for each item."""
    return [{name: get(item) for name, get in pairs} for item in items]


def whole(attribute: str) -> Getter:
    """An attribute that may be a float, as the whole number that clients expect."""
    get = attrgetter(attribute)
    return lambda item: int(get(item))


def _is(attribute: str) -> tuple[str, str, Getter]:
    return attribute, "boolean", attrgetter(attribute)


def _int(attribute: str) -> tuple[str, str, Getter]:
    return attribute, "integer", attrgetter(attribute)


def _time(attribute: str) -> tuple[str, str, Getter]:
    return attribute, "epoch seconds", whole(attribute)


def _text(attribute: str) -> tuple[str, str, Getter]:
    return attribute, "string", attrgetter(attribute)


FILE: Final[Table] = (
    ("bytes_completed", "bytes", attrgetter("completed")),
    ("length", "bytes", attrgetter("length")),
    _text("name"),
    _int("begin_piece"),
    _int("end_piece"),
)
FILE_STATS: Final[Table] = (
    ("bytes_completed", "bytes", attrgetter("completed")),
    _is("wanted"),
    ("priority", "-1, 0 or 1", attrgetter("priority")),
)
WEBSEED: Final[Table] = (
    _text("url"),
    _is("is_downloading"),
    ("download_bytes_per_second", "bytes/s", whole("rate")),
)

MOVE: Final[Table] = (
    _text("location"),
    ("step", "waiting, copying, syncing, verifying or deleting", attrgetter("step")),
    ("bytes_done", "bytes", attrgetter("bytes_done")),
    ("bytes_total", "bytes", attrgetter("bytes_total")),
)

# Each letter of `flag_str`, and when it is there.
_FLAGS: Final[tuple[tuple[str, Callable[[Peer], bool]], ...]] = (
    ("O", lambda peer: peer.is_optimistic),
    ("D", lambda peer: peer.is_downloading_from),
    ("d", lambda peer: not peer.is_downloading_from and peer.am_interested and peer.am_choked),
    ("U", lambda peer: peer.is_uploading_to),
    ("u", lambda peer: not peer.is_uploading_to and peer.is_interested and not peer.is_choked),
    ("K", lambda peer: not peer.am_choked and not peer.am_interested),
    ("?", lambda peer: not peer.is_choked and not peer.is_interested),
    ("E", lambda peer: peer.is_encrypted),
    ("H", lambda peer: peer.source == "dht"),
    ("X", lambda peer: peer.source == "pex"),
    ("I", lambda peer: peer.is_incoming),
    ("T", lambda peer: peer.is_utp),
)


def flags(peer: Peer) -> str:
    """Transmission's letters for what a connection is doing."""
    return "".join(letter for letter, applies in _FLAGS if applies(peer))


PEER: Final[Table] = (
    _text("address"),
    ("bytes_to_client", "bytes", attrgetter("bytes_to_client")),
    ("bytes_to_peer", "bytes", attrgetter("bytes_to_peer")),
    ("client_is_choked", "boolean", attrgetter("am_choked")),
    ("client_is_interested", "boolean", attrgetter("am_interested")),
    ("client_name", "string", attrgetter("client")),
    ("flag_str", "string", flags),
    _is("is_downloading_from"),
    _is("is_encrypted"),
    _is("is_incoming"),
    _is("is_uploading_to"),
    _is("is_utp"),
    ("peer_id", "base64", lambda peer: b64encode(peer.peer_id).decode()),
    ("peer_is_choked", "boolean", attrgetter("is_choked")),
    ("peer_is_interested", "boolean", attrgetter("is_interested")),
    _int("port"),
    ("progress", "number 0 to 1", attrgetter("progress")),
    ("rate_to_client", "bytes/s", whole("rate_to_client")),
    ("rate_to_peer", "bytes/s", whole("rate_to_peer")),
)


@lru_cache(maxsize=4096)
def host_of(url: str) -> str:
    """Host and port of a URL, as a tracker is shown."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return ""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"


@lru_cache(maxsize=4096)
def site_of(url: str) -> str:
    """The part of a host's name that people know: `example` of tracker.example.org."""
    try:
        host = urlsplit(url).hostname or ""
        return str(ip_address(host))
    except ValueError:
        pass
    labels = host_of(url).partition(":")[0].split(".")
    return labels[-2] if len(labels) > 1 else labels[0]


def _host(tracker: Tracker) -> str:
    return host_of(tracker.announce)


def _site(tracker: Tracker) -> str:
    return site_of(tracker.announce)


TRACKER: Final[Table] = (
    _text("announce"),
    _int("id"),
    _text("scrape"),
    ("sitename", "string", _site),
    _int("tier"),
)
TRACKER_STATS: Final[Table] = (
    *TRACKER,
    ("host", "string", _host),
    ("announce_state", "integer 0 to 3", attrgetter("announce_state")),
    ("scrape_state", "integer 0 to 3", attrgetter("scrape_state")),
    _int("download_count"),
    _int("downloader_count"),
    _int("leecher_count"),
    _int("seeder_count"),
    _is("is_backup"),
    _is("has_announced"),
    _int("last_announce_peer_count"),
    _text("last_announce_result"),
    _time("last_announce_start_time"),
    _is("last_announce_succeeded"),
    _time("last_announce_time"),
    _is("last_announce_timed_out"),
    _time("next_announce_time"),
    _is("has_scraped"),
    _text("last_scrape_result"),
    _time("last_scrape_start_time"),
    _is("last_scrape_succeeded"),
    _time("last_scrape_time"),
    _is("last_scrape_timed_out"),
    _time("next_scrape_time"),
)

_SOURCES = ("cache", "dht", "incoming", "lpd", "ltep", "pex", "tracker")


def _from(source: str) -> Getter:
    return lambda counts: counts.get(source, 0)


PEERS_FROM: Final[Table] = tuple((f"from_{each}", "integer", _from(each)) for each in _SOURCES)
