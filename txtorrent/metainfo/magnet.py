"""Magnet links (BEP 9; `so` of BEP 53): read within limits (THREATS A13), and written.

Links come from web pages and from other people's programs: what is malformed beside the info-hash
is left out, but for the choice of files, since a wrong one costs the user a download.
"""

import re
from base64 import b32decode
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from attrs import frozen

from txtorrent.address import canonical_host, split_host_port
from txtorrent.metainfo.errors import MetainfoError, excessive
from txtorrent.metainfo.safepath import safe_component
from txtorrent.metainfo.text import display_text
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.metainfo.urls import distinct_tiers, distinct_urls

MAX_LINK: Final = 64 * 1024
"""Bytes of a link: ten times those that name every public tracker."""
MAX_EACH: Final = 100
"""Trackers, web seeds and peers kept of a link; more are left out."""
MAX_RANGES: Final = 10_000
"""Ranges of files in `so`: a link has no room for many more."""
MAX_INDEX: Final = 200_000
"""The last file that `so` may name: no torrent has more files."""

_SCHEME: Final = "magnet:?"
_BTIH: Final = "urn:btih:"
_BTMH: Final = "urn:btmh:"
_HEX: Final = re.compile(r"[0-9a-fA-F]{40}")
_BASE32: Final = re.compile(r"[A-Za-z2-7]{32}")
_NUMBERED: Final = re.compile(r"(.*?)\.[0-9]{1,4}", re.DOTALL)
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")
_RANGE: Final = re.compile(rb"([0-9]{1,6})(?:-([0-9]{1,6}))?")
_PLAIN: Final = ":[]"
"""What is not escaped in a peer's address: libtorrent takes it as it is written."""
_CUT: Final = "copy the whole link again, or look for another one"


@frozen
class Magnet:
    """What a link says of a torrent."""

    info_hash: bytes
    """20 bytes."""
    name: str | None = None
    """What to call it until its metadata has come; of a link that was read, a safe file name."""
    tiers: tuple[tuple[str, ...], ...] = ()
    """Trackers; of a link that was read, each is a tier of its own."""
    url_list: tuple[str, ...] = ()
    """Web seeds."""
    peers: tuple[tuple[str, int], ...] = ()
    """Host names or IP addresses of peers, with their ports."""
    only: tuple[tuple[int, int], ...] | None = None
    """First and last index of each range of files to download; None: all of them."""

    @property
    def link(self) -> str:
        """The link, with all of that, the info-hash in hexadecimal."""
        fields = [("dn", self.name)] if self.name else []
        fields += [("tr", url) for tier in self.tiers for url in tier]
        fields += [("ws", url) for url in self.url_list]
        parts = [f"{_SCHEME}xt={_BTIH}{self.info_hash.hex()}"]
        parts += [f"{key}={quote(value, safe='')}" for key, value in fields]
        parts += [f"x.pe={quote(_host_port(*peer), safe=_PLAIN)}" for peer in self.peers]
        if self.only:
            parts.append("so=" + ",".join(map(_written, self.only)))
        return "&".join(parts)


def from_metainfo(metainfo: Metainfo) -> Magnet:
    """A link to the torrent, with as many trackers and web seeds as are read of one."""
    trackers = [url for tier in metainfo.announce_tiers for url in tier]
    return Magnet(
        metainfo.info_hash,
        metainfo.name,
        tuple((url,) for url in trackers[:MAX_EACH]),
        metainfo.url_list[:MAX_EACH],
    )


def parse(text: str) -> Magnet:
    """What a magnet link says. MetainfoError, worded for the user, when it is none, is for nothing
    that can be downloaded here, or exceeds a limit."""
    text = text.strip()
    if not text[: len(_SCHEME)].lower() == _SCHEME:
        raise MetainfoError(f"not a magnet link, which begins with {_SCHEME}xt={_BTIH}: {_CUT}")
    raw = text[len(_SCHEME) :].encode("utf-8", "replace")
    if len(raw) > MAX_LINK:
        raise excessive(f"a magnet link of {len(raw)} bytes", f"{MAX_LINK >> 10} KiB")
    fields = _fields(raw)
    return Magnet(
        info_hash=_info_hash(fields.get("xt", ())),
        name=_name(fields.get("dn", ())),
        tiers=distinct_tiers(map(unquote_to_bytes, fields.get("tr", ())), MAX_EACH),
        url_list=distinct_urls(map(unquote_to_bytes, fields.get("ws", ())), MAX_EACH),
        peers=_peers(fields.get("x.pe", ())),
        only=_only(fields.get("so", ())),
    )


def info_hash_of(text: str) -> bytes | None:
    """The 20 bytes of an info-hash in hexadecimal or base32; None for anything else."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    return b32decode(text.upper()) if _BASE32.fullmatch(text) else None


def _fields(raw: bytes) -> Mapping[str, list[bytes]]:
    """The values of each key, as they are written; keys may be numbered: tr.1, tr.2."""
    fields: dict[str, list[bytes]] = {}
    for part in raw.split(b"&"):
        name, _, value = part.partition(b"=")
        key = name.decode("ascii", "replace").lower()
        numbered = _NUMBERED.fullmatch(key)
        fields.setdefault(numbered[1] if numbered else key, []).append(value)
    return fields


def _info_hash(topics: Iterable[bytes]) -> bytes:
    """That of the first topic of BitTorrent."""
    urns = [unquote_to_bytes(topic).decode("utf-8", "replace").strip() for topic in topics]
    for urn in urns:
        if urn.lower().startswith(_BTIH):
            return _btih(urn[len(_BTIH) :])
    if not urns:
        raise MetainfoError(f"the magnet link has no info-hash (xt={_BTIH}...): {_CUT}")
    if any(urn.lower().startswith(_BTMH) for urn in urns):
        raise MetainfoError(
            "this magnet link is for a v2-only torrent: not supported yet. Look for a hybrid or v1"
            " torrent of it"
        )
    kind = display_text(urns[0].encode()[:40], "utf-8")
    raise MetainfoError(
        f"the magnet link is not for BitTorrent: it has {kind!r} where {_BTIH} is expected; look"
        " for a torrent of it, or use a program for that network"
    )


def _btih(digits: str) -> bytes:
    info_hash = info_hash_of(digits)
    if info_hash is not None:
        return info_hash
    if len(digits) not in (32, 40):
        wrong = f"has {len(digits)} characters where 40 (or 32) are right"
    else:
        wrong = "is neither in hexadecimal nor in base32"
    raise MetainfoError(f"the info-hash of the magnet link {wrong}: {_CUT}")


def _name(values: Iterable[bytes]) -> str | None:
    """The first that is one. Pages write a blank in it as they do in forms."""
    for value in values:
        shown = display_text(unquote_to_bytes(value.replace(b"+", b" ")), "utf-8")
        if name := safe_component(shown, nameless=""):
            return name
    return None


def _peers(values: Iterable[bytes]) -> tuple[tuple[str, int], ...]:
    peers: dict[tuple[str, int], None] = {}
    for value in values:
        peer = _peer(unquote_to_bytes(value).decode("utf-8", "replace").strip())
        if peer is not None and len(peers) < MAX_EACH:
            peers[peer] = None
    return tuple(peers)


def _peer(text: str) -> tuple[str, int] | None:
    try:
        host, port = split_host_port(text)
    except ValueError:
        return None
    try:
        host = canonical_host(host)
    except ValueError:
        if not _HOST_NAME.fullmatch(host):
            return None
    return (host, port) if port else None


def _host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _only(values: Iterable[bytes]) -> tuple[tuple[int, int], ...] | None:
    """The ranges of all values: "0,2,6-8" (BEP 53)."""
    ranges = [each for value in values for each in unquote_to_bytes(value).split(b",")]
    if len(ranges) > MAX_RANGES:
        raise excessive(f"a magnet link that selects {len(ranges)} ranges of files", "10,000")
    return tuple(map(_range, ranges)) or None


def _range(text: bytes) -> tuple[int, int]:
    match = _RANGE.fullmatch(text.strip())
    if match is not None:
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        if first <= last <= MAX_INDEX:
            return first, last
    shown = display_text(text[:40], "utf-8")
    raise MetainfoError(
        f"the magnet link selects files (so=) by {shown!r}, which is no range of indices from 0 to"
        f" {MAX_INDEX}: take that part out of the link, and choose the files when it is added"
    )


def _written(span: tuple[int, int]) -> str:
    first, last = span
    return str(first) if first == last else f"{first}-{last}"
