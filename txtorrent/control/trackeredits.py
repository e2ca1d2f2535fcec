"""Edits of a torrent's trackers: the list as text, and additions, removals, replacements by id.

Tiers are tuples of URLs. Transmission's RPC specification, section 3.2, and BEP 12.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from txtorrent.control.torrentview import Torrent
from txtorrent.errors import Code, RequestError

MAX_TRACKERS: Final = 500
"""Of a torrent: far beyond any that is useful."""
MAX_URL: Final = 2048
"""Characters."""
SCHEMES: Final = ("http", "https", "udp")

Tiers = tuple[tuple[str, ...], ...]


def parse_list(text: str) -> Tiers:
    """URLs in lines, an empty line between tiers. RequestError: TRACKER_LIST."""
    tiers: list[list[str]] = [[]]
    seen = set()
    for line in map(str.strip, text.splitlines()):
        if not line:
            tiers.append([])
        elif line not in seen:
            seen.add(check_url(line, Code.TRACKER_LIST))
            tiers[-1].append(line)
    return _limited([tier for tier in tiers if tier], Code.TRACKER_LIST)


def check_url(url: str, code: Code) -> str:
    """An announce URL that can be one."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise RequestError(code, f"{url[:100]!r} is no announce URL (http, https or udp)")
    return url


def edit(torrent: Torrent, params: Mapping[str, Any]) -> Tiers | None:
    """The trackers that a torrent is to have after `tracker_add`, `_remove`, `_replace` and
    `_list`; None if none of these is there. ANNOUNCE_LIST: they would leave all as it is."""
    if "tracker_list" in params:
        return parse_list(params["tracker_list"])
    if not params.keys() & {"tracker_add", "tracker_remove", "tracker_replace"}:
        return None
    before = [(each.id, each.tier, each.announce) for each in torrent.trackers]
    after = _replaced(before, params.get("tracker_replace", ()))
    removed = set(params.get("tracker_remove", ()))
    after = [each for each in after if each[0] not in removed]
    after += _added(after, params.get("tracker_add", ()))
    if after == before:
        raise RequestError(Code.ANNOUNCE_LIST, "no tracker would be added, removed or replaced")
    return _tiers(after)


_Row = tuple[int, int, str]
"""Id, tier and URL."""


def _replaced(rows: list[_Row], replacements: Sequence[Any]) -> list[_Row]:
    """`replacements`: ids and URLs in turns, or pairs of them."""
    new = dict(_pairs(replacements))
    return [(number, tier, new.get(number, url)) for number, tier, url in rows]


def _pairs(replacements: Sequence[Any]) -> Iterable[tuple[int, str]]:
    flat: list[Any] = []
    for each in replacements:
        flat.extend(each if isinstance(each, list | tuple) else [each])
    for number, url in zip(flat[::2], flat[1::2], strict=False):
        if not isinstance(number, int) or not isinstance(url, str):
            raise RequestError(Code.INVALID_PARAMS, "tracker_replace: wants ids and URLs in turns")
        yield number, check_url(url, Code.ANNOUNCE_LIST)


def _added(rows: list[_Row], urls: Iterable[str]) -> list[_Row]:
    """Each in a tier of its own, behind the others, unless it is there."""
    known = {url for _, _, url in rows}
    tier = max((tier for _, tier, _ in rows), default=-1)
    new = [check_url(url, Code.ANNOUNCE_LIST) for url in dict.fromkeys(urls) if url not in known]
    return [(-1, tier + place, url) for place, url in enumerate(new, 1)]


def _tiers(rows: list[_Row]) -> Tiers:
    tiers: dict[int, list[str]] = {}
    for _, tier, url in rows:
        tiers.setdefault(tier, []).append(url)
    return _limited([tiers[tier] for tier in sorted(tiers)], Code.ANNOUNCE_LIST)


def _limited(tiers: list[list[str]], code: Code) -> Tiers:
    if sum(map(len, tiers)) > MAX_TRACKERS:
        raise RequestError(code, f"a torrent has at most {MAX_TRACKERS} trackers")
    return tuple(tuple(tier) for tier in tiers)
