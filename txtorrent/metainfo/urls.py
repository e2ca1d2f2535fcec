"""URLs of trackers in their tiers (BEP 12), and of web seeds (BEP 19).

Those out of a stranger's hands are kept whatever their scheme: which is spoken is for others to
know. Those of a torrent that is made here are checked.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from txtorrent.bencode import Value

MAX_URLS: Final = 200
"""Trackers, and likewise web seeds, kept of a torrent: some name every tracker there is."""
MAX_URL: Final = 2048
"""Characters of a URL; a longer one is left out."""
_TRACKER_SCHEMES: Final = ("http", "https", "udp")
_SEED_SCHEMES: Final = ("http", "https")
_BETWEEN: Final = re.compile(r",(?=[A-Za-z][A-Za-z0-9+.-]*://)")
"""A comma before another URL: there may be others in one."""
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")


def urls(values: Iterable[Value]) -> Iterator[str]:
    """Those of `values` that may be URLs."""
    for value in values:
        if not isinstance(value, bytes):
            continue
        url = value.strip().decode("utf-8", "replace")
        if url.isprintable() and " " not in url and "://" in url and len(url) <= MAX_URL:
            yield url


def distinct_tiers(tiers: Iterable[Value], most: int = MAX_URLS) -> tuple[tuple[str, ...], ...]:
    """The URLs of lists of them, each once and at most so many; a URL that stands alone, as some
    write it, is a tier of its own. No tier is empty."""
    seen: set[str] = set()
    kept: list[tuple[str, ...]] = []
    for tier in tiers:
        fresh: list[str] = []
        for url in urls(tier if isinstance(tier, list) else [tier]):
            if url not in seen and len(seen) < most:
                seen.add(url)
                fresh.append(url)
        if fresh:
            kept.append(tuple(fresh))
    return tuple(kept)


def distinct_urls(values: Iterable[Value], most: int = MAX_URLS) -> tuple[str, ...]:
    """Each URL once, and at most so many."""
    return tuple(dict.fromkeys(urls(values)))[:most]


def parse_tier(text: str) -> tuple[str, ...]:
    """The trackers of one tier, separated by commas. ValueError, worded for the user, when one of
    them is no announce URL."""
    return tuple(dict.fromkeys(map(_check_tracker, _BETWEEN.split(text))))


def _check_tracker(url: str) -> str:
    _check(url, _TRACKER_SCHEMES, "https://example.org/announce")
    parts = urlsplit(url)
    if parts.scheme == "udp" and parts.port is None:
        raise ValueError(f"{url!r} has no port: write udp://{parts.netloc}:PORT{parts.path}")
    return url


def check_web_seed(url: str) -> str:
    """The URL itself. ValueError, worded for the user, when it is none of a web seed."""
    return _check(url, _SEED_SCHEMES, "https://example.org/files/")


def _check(url: str, schemes: Collection[str], example: str) -> str:
    wanted = f"write one such as {example}"
    if len(url) > MAX_URL:
        raise ValueError(f"{url[:40]!r}... has more than {MAX_URL} characters: {wanted}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"{url!r} has characters that no URL has: {wanted}")
    try:
        parts = urlsplit(url)
        good = bool(_HOST.fullmatch(parts.hostname or "")) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.scheme not in schemes:
        raise ValueError(f"{url!r} is none of {', '.join(schemes)} at a host: {wanted}")
    return url
