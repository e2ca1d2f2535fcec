"""What an announce says and what a tracker answers, whatever carries it (BEP 3, 7, 15, 24, 31).

The messages, the limits put on what trackers send, and tracker URLs with their secrets kept out
of texts. The encodings live in `httptracker` and `udptracker`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from attrs import Attribute, field, frozen

from txtorrent.address import Address, canonical_host, is_dialable

MIN_INTERVAL = 60
"""Seconds. A tracker that says less would make thousands of torrents ask without a pause."""
MAX_INTERVAL = 24 * 3600
"""Seconds. A tracker that says more would never see this torrent again."""
DEFAULT_INTERVAL = 1800
"""Seconds; for answers that name no interval. What most trackers say."""
MAX_PEERS = 3000
"""Addresses kept of one answer; more cannot be dialled before the next announce."""
MAX_TEXT = 200
"""Characters kept of a tracker's message: enough for a sentence, too few to fill a log."""
MAX_URL = 8192
"""Characters of an announce URL; web servers refuse longer request lines."""
MIN_SECRET = 6
"""Characters: shorter path parts and query values are words and numbers, not passkeys."""

_DEFAULT_PORTS = {"http": 80, "https": 443, "udp": None}
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
_QUERY_SAFE = _PATH_SAFE + "?[]{}|"
_PUBLIC_WORDS = frozenset({"announce", "announce.php", "scrape", "scrape.php"})


class Event(IntEnum):
    """Why an announce is made; the values are those of UDP trackers (BEP 15)."""

    NONE = 0
    COMPLETED = 1
    STARTED = 2
    STOPPED = 3


class TrackerError(Exception):
    """A tracker refused, or gave no usable answer. The text is safe to log and to show.

    `retry_in`: seconds after which the tracker wants to be asked again (BEP 31); infinity for
    "never", None when it did not say. `secrets` are cut out of the text.
    """

    def __init__(
        self, text: str | bytes, retry_in: float | None = None, secrets: Sequence[str] = ()
    ) -> None:
        super().__init__(clean_text(text, secrets))
        self.retry_in = retry_in


def _twenty_bytes(instance: object, attribute: Attribute[Any], value: bytes) -> None:
    if len(value) != 20:
        raise ValueError(f"{attribute.name} has {len(value)} bytes, not 20")


@frozen
class AnnounceRequest:
    """What is told to a tracker. Counts are bytes; `key` is 32 random bits (BEP 7)."""

    info_hash: bytes = field(validator=_twenty_bytes)
    peer_id: bytes = field(validator=_twenty_bytes)
    port: int
    uploaded: int
    downloaded: int
    left: int
    corrupt: int
    event: Event
    key: int
    numwant: int
    tracker_id: bytes | None = None
    hosts: tuple[str, ...] = ()
    """Our external IP addresses, as far as we know them: a tracker sees only one of them."""


@frozen
class AnnounceResponse:
    """A tracker's answer, inside our limits. Intervals are seconds, counts None when not said."""

    interval: int = DEFAULT_INTERVAL
    min_interval: int | None = None
    peers: tuple[Address, ...] = ()
    seeders: int | None = None
    leechers: int | None = None
    warning: str | None = None
    tracker_id: bytes | None = None
    external_ip: str | None = None


@frozen
class ScrapeResult:
    """How many seed, how many download, how often the torrent was completed (BEP 48)."""

    seeders: int
    leechers: int
    completed: int


@frozen
class TrackerUrl:
    """A tracker's URL in its parts, ready for a request line; its secrets are not in its repr.

    `host` is an IP in canonical text or a name in ASCII; `path` starts with a slash or is empty;
    `query` is without its question mark; `credentials` are a user name and a password.
    """

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)
    query: str = field(repr=False)
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str) -> TrackerUrl:
        """Take a tracker's URL apart; TrackerError says what is wrong without repeating it."""
        if len(url) > MAX_URL:
            raise TrackerError(f"the tracker's URL has more than {MAX_URL} characters")
        try:
            parts = urlsplit(url.strip())
            host, port = _host(parts.hostname), parts.port
        except ValueError:
            raise TrackerError("the tracker's URL cannot be read") from None
        if parts.scheme not in _DEFAULT_PORTS:
            raise TrackerError(f"trackers of scheme {parts.scheme!r} are not supported")
        port = _DEFAULT_PORTS[parts.scheme] if port is None else port
        if not port:
            raise TrackerError("the tracker's URL names no port")
        return cls(
            scheme=parts.scheme,
            host=host,
            port=port,
            path=quote(parts.path, safe=_PATH_SAFE),
            query=quote(parts.query, safe=_QUERY_SAFE),
            credentials=_credentials(parts.username, parts.password),
        )

    @property
    def origin(self) -> str:
        """Scheme, host and port: all of a URL that may be shown to strangers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"

    @property
    def target(self) -> str:
        """The path and the query, as they go into a request (BEP 41's URL data too)."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def secrets(self) -> tuple[str, ...]:
        """The parts that may be a passkey, longest first; they never appear in a text."""
        found = {part for part in self.path.split("/") if part.lower() not in _PUBLIC_WORDS}
        found.update(part.rpartition("=")[2] for part in self.query.split("&"))
        found.update(value for _, value in parse_qsl(self.query))
        found.update(self.credentials or ())
        found |= {unquote(part) for part in found}
        return tuple(sorted((part for part in found if len(part) >= MIN_SECRET), key=_longest))


def redacted(url: str) -> str:
    """Give a tracker's URL as it may be logged: scheme, host and port, no path and no query."""
    try:
        return TrackerUrl.parse(url).origin
    except TrackerError:
        return "(an unreadable tracker URL)"


def clean_text(text: str | bytes, secrets: Sequence[str] = ()) -> str:
    """Make a stranger's text safe to log: secrets out, control characters escaped, cut short."""
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    for secret in secrets:
        shown = shown.replace(secret, "***")
    escaped = "".join(_escaped(character) for character in shown[: MAX_TEXT + 1])
    return (
        escaped if len(escaped) <= MAX_TEXT else escaped[: MAX_TEXT - 1] + "\N{HORIZONTAL ELLIPSIS}"
    )


def clamped_interval(seconds: object, otherwise: int = DEFAULT_INTERVAL) -> int:
    """Give an interval between `MIN_INTERVAL` and `MAX_INTERVAL`; else `otherwise`."""
    if not isinstance(seconds, int):
        return otherwise
    return max(MIN_INTERVAL, min(seconds, MAX_INTERVAL))


def usable_peers(
    peers: Iterable[Address], request: AnnounceRequest, external_ip: str | None = None
) -> tuple[Address, ...]:
    """Keep the addresses worth dialling: each once, not ourselves, at most `MAX_PEERS`."""
    ourselves = (external_ip, request.port)
    kept: dict[Address, None] = {}
    for peer in peers:
        if len(kept) == MAX_PEERS:
            break
        if is_dialable(peer) and peer != ourselves:
            kept[peer] = None
    return tuple(kept)


def _host(name: str | None) -> str:
    if not name:
        raise ValueError("no host")
    try:
        return canonical_host(name)
    except ValueError:
        return _ascii_name(name)


def _ascii_name(name: str) -> str:
    """Give a name as DNS writes it; ValueError when it has characters no name has."""
    text = name if name.isascii() else name.encode("idna").decode("ascii")
    if len(text) > 253 or not all(c.isalnum() or c in "-._" for c in text):
        raise ValueError("not a host name")
    return text.lower()


def _credentials(user: str | None, password: str | None) -> tuple[str, str] | None:
    if not user and not password:
        return None
    return unquote(user or ""), unquote(password or "")


def _longest(text: str) -> tuple[int, str]:
    return -len(text), text


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
