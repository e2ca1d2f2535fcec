"""URLs out of a stranger's hands: trackers in their tiers (BEP 12), and web seeds (BEP 19).

Which schemes are spoken is for others to know.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from txtorrent.bencode import Value

MAX_URLS: Final = 200
"""Trackers, and likewise web seeds, kept of a torrent: some name every tracker there is."""
MAX_URL: Final = 2048
"""Characters of a URL; a longer one is left out."""


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
