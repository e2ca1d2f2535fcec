"""Trackers as users see them. URLs are whole, passkey and all: for the torrent's owner, no log.

The names are those of Transmission's `tracker_stats`, which the control API shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

from attrs import define, frozen

from txtorrent.tracker.tiers import Row
from txtorrent.tracker.tracker import Scrape, Tracker, TrackerState

INACTIVE, WAITING, QUEUED, ACTIVE = range(4)
"""What `announce_state` and `scrape_state` say: nothing is planned, it waits for its time, for its
turn, or for the answer."""
UNKNOWN = -1
"""A count that nobody told."""
SUCCESS = "Success"


@frozen
class Trouble:
    """What a tracker complains of, in words. `is_error`: none of the trackers works."""

    text: str
    is_error: bool


@define
class TrackerView:
    """A tracker as it stood when it was asked for. Times are seconds since 1970, 0 for never.

    `id` is kept while the URL stays in the torrent's list. `is_backup`: another one of its tier is
    in use. `warning` is what came with the last answer; `last_error` is None when that was one.
    """

    id: int
    announce: str
    scrape: str
    tier: int
    is_backup: bool
    state: TrackerState
    last_error: str | None
    warning: str | None
    announce_state: int
    download_count: int
    downloader_count: int
    seeder_count: int
    leecher_count: int
    has_announced: bool
    last_announce_time: float
    last_announce_start_time: float
    last_announce_succeeded: bool
    last_announce_timed_out: bool
    last_announce_result: str
    last_announce_peer_count: int
    next_announce_time: float
    scrape_state: int
    has_scraped: bool
    last_scrape_time: float
    last_scrape_start_time: float
    last_scrape_succeeded: bool
    last_scrape_timed_out: bool
    last_scrape_result: str
    next_scrape_time: float


def view(row: Row, next_at: float | None, offset: float) -> TrackerView:
    """Give a tracker as it stands.

    `next_at`: when it will be asked, on the reactor's clock; `offset`: seconds from that clock's
    beginning back to 1970.
    """
    tracker, scrape = row.tracker, row.tracker.scrape or _NO_SCRAPE
    heard = tracker.heard_at is not None
    return TrackerView(
        id=row.id,
        announce=tracker.url,
        scrape=scrape_url(tracker.url),
        tier=tracker.tier,
        is_backup=not row.is_front,
        state=tracker.state,
        last_error=tracker.last_error,
        warning=tracker.warning,
        announce_state=_announce_state(tracker, next_at),
        download_count=_count(tracker.downloads),
        downloader_count=UNKNOWN,
        seeder_count=_count(tracker.seeders),
        leecher_count=_count(tracker.leechers),
        has_announced=heard,
        last_announce_time=_epoch(tracker.heard_at, offset),
        last_announce_start_time=_epoch(tracker.asked_at, offset),
        last_announce_succeeded=heard and tracker.last_error is None,
        last_announce_timed_out=tracker.timed_out,
        last_announce_result=(tracker.last_error or SUCCESS) if heard else "",
        last_announce_peer_count=tracker.peers,
        next_announce_time=_epoch(next_at, offset),
        scrape_state=ACTIVE if scrape.heard_at is None and scrape is not _NO_SCRAPE else INACTIVE,
        has_scraped=scrape.heard_at is not None,
        last_scrape_time=_epoch(scrape.heard_at, offset),
        last_scrape_start_time=0.0 if scrape is _NO_SCRAPE else scrape.asked_at + offset,
        last_scrape_succeeded=scrape.heard_at is not None and scrape.error is None,
        last_scrape_timed_out=scrape.timed_out,
        last_scrape_result="" if scrape.heard_at is None else scrape.error or SUCCESS,
        next_scrape_time=0.0,
    )


def next_announce(row: Row, current: Tracker | None, round_at: float | None) -> float | None:
    """Give the time at which a tracker will be asked, None if it is not known.

    `current` is the one in use; `round_at` is when the next round begins. Times are the reactor
    clock's.
    """
    tracker = row.tracker
    if round_at is None or tracker.state is TrackerState.DISMISSED:
        return None
    if tracker is current or (current is None and row.is_first):
        return round_at
    if tracker.state in (TrackerState.WORKING, TrackerState.FAILING):
        return max(round_at, tracker.due_at, tracker.not_before)
    return None


def trouble(known: Iterable[Tracker], current: Tracker | None) -> Trouble | None:
    """Give what a user should know of the trackers that were asked; `current` is in use."""
    failing = [each for each in known if each.last_error is not None]
    if current is not None and current.last_error is None:
        return None if current.warning is None else Trouble(current.warning, is_error=False)
    return Trouble(failing[0].last_error or "", is_error=True) if failing else None


@lru_cache(maxsize=1024)
def scrape_url(url: str) -> str:
    """Give the URL that scrapes go to, "" when there is none (BEP 48; over UDP it is the same)."""
    if url.startswith("udp:"):
        return url
    path, mark, query = url.partition("?")
    folder, slash, last = path.rpartition("/")
    if not last.startswith("announce"):
        return ""
    return f"{folder}{slash}scrape{last.removeprefix('announce')}{mark}{query}"


_NO_SCRAPE = Scrape(0.0)


def _announce_state(tracker: Tracker, next_at: float | None) -> int:
    if tracker.state is TrackerState.ANNOUNCING:
        return ACTIVE
    if tracker.state is TrackerState.QUEUED:
        return QUEUED
    return INACTIVE if next_at is None else WAITING


def _count(count: int | None) -> int:
    return UNKNOWN if count is None else count


def _epoch(at: float | None, offset: float) -> float:
    return 0.0 if at is None or at == math.inf else at + offset
