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


@define(eq=False)
class TrackerView:
    """A tracker as it stands. Times are seconds since 1970, 0 for never; counts -1 for unknown.

    `id` is kept while the URL stays in the torrent's list. `is_backup`: another one of its tier is
    in use. Worked out as it is read: there are thousands of them, and mostly little of each is.
    """

    id: int
    announce: str
    tier: int
    is_backup: bool
    _tracker: Tracker
    _next_at: float | None
    """When it will be asked, on the reactor's clock."""
    _offset: float
    """From the beginning of that clock back to 1970: seconds."""

    @property
    def scrape(self) -> str:
        """The URL that scrapes go to, "" when there is none."""
        return scrape_url(self.announce)

    @property
    def state(self) -> TrackerState:
        """What it is to us now."""
        return self._tracker.state

    @property
    def last_error(self) -> str | None:
        """What went wrong; None when the last announce was answered."""
        return self._tracker.last_error

    @property
    def warning(self) -> str | None:
        """What it said beside its last answer."""
        return self._tracker.warning

    @property
    def announce_state(self) -> int:
        """INACTIVE, WAITING, QUEUED or ACTIVE."""
        planned = INACTIVE if self._next_at is None else WAITING
        return _STATES.get(self._tracker.state, planned)

    @property
    def download_count(self) -> int:
        """How often the torrent was completed."""
        return _count(self._tracker.downloads)

    @property
    def downloader_count(self) -> int:
        """Peers that download and are no partial seeds (BEP 21): nobody tells."""
        return UNKNOWN

    @property
    def seeder_count(self) -> int:
        """Peers that have everything, ourselves included."""
        return _count(self._tracker.seeders)

    @property
    def leecher_count(self) -> int:
        """The other peers, ourselves included."""
        return _count(self._tracker.leechers)

    @property
    def has_announced(self) -> bool:
        """Whether an announce has come to an end, good or bad."""
        return self._tracker.heard_at is not None

    @property
    def last_announce_time(self) -> float:
        """When it came to an end."""
        return _epoch(self._tracker.heard_at, self._offset)

    @property
    def last_announce_start_time(self) -> float:
        """When the last one went out."""
        return _epoch(self._tracker.asked_at, self._offset)

    @property
    def last_announce_succeeded(self) -> bool:
        """Whether it was answered."""
        return self.has_announced and self._tracker.last_error is None

    @property
    def last_announce_timed_out(self) -> bool:
        """Whether nothing came back in time."""
        return self._tracker.timed_out

    @property
    def last_announce_result(self) -> str:
        """In words; "" before the first."""
        return (self._tracker.last_error or SUCCESS) if self.has_announced else ""

    @property
    def last_announce_peer_count(self) -> int:
        """Peers in the last answer."""
        return self._tracker.peers

    @property
    def next_announce_time(self) -> float:
        """When it is to be asked."""
        return _epoch(self._next_at, self._offset)

    @property
    def scrape_state(self) -> int:
        """INACTIVE, or ACTIVE: scrapes follow announces that tell no numbers, and never wait."""
        scrape = self._tracker.scrape
        return ACTIVE if scrape is not None and scrape.heard_at is None else INACTIVE

    @property
    def has_scraped(self) -> bool:
        """Whether a scrape has come to an end, good or bad."""
        return self._scrape.heard_at is not None

    @property
    def last_scrape_time(self) -> float:
        """When it came to an end."""
        return _epoch(self._scrape.heard_at, self._offset)

    @property
    def last_scrape_start_time(self) -> float:
        """When the last one was asked for."""
        return _epoch(self._scrape.asked_at, self._offset)

    @property
    def last_scrape_succeeded(self) -> bool:
        """Whether it was answered."""
        return self.has_scraped and self._scrape.error is None

    @property
    def last_scrape_timed_out(self) -> bool:
        """Whether nothing came back in time."""
        return self._scrape.timed_out

    @property
    def last_scrape_result(self) -> str:
        """In words; "" before the first."""
        return (self._scrape.error or SUCCESS) if self.has_scraped else ""

    @property
    def next_scrape_time(self) -> float:
        """Not planned."""
        return 0.0

    @property
    def _scrape(self) -> Scrape:
        return self._tracker.scrape or _NO_SCRAPE


def view(row: Row, next_at: float | None, offset: float) -> TrackerView:
    """Give a tracker as it stands; for the times see `TrackerView`."""
    return TrackerView(
        row.id, row.url, row.tier, not row.is_front, row.tracker or _NEVER_ASKED, next_at, offset
    )


def next_announce(row: Row, current: Tracker | None, round_at: float | None) -> float | None:
    """Give the time at which a tracker will be asked, None if it is not known.

    `current` is the one in use; `round_at` is when the next round begins. Times are the reactor
    clock's.
    """
    tracker = row.tracker
    if round_at is None:
        return None
    if tracker is None:
        return round_at if current is None and row.is_first else None
    if tracker.state is TrackerState.WORKING:
        return round_at if tracker is current else max(round_at, tracker.due_at)
    return max(round_at, tracker.not_before) if tracker.state is TrackerState.FAILING else None


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


_NO_SCRAPE = Scrape()
_NEVER_ASKED = Tracker("", 0)
_STATES = {TrackerState.QUEUED: QUEUED, TrackerState.ANNOUNCING: ACTIVE}


def _count(count: int | None) -> int:
    return UNKNOWN if count is None else count


def _epoch(at: float | None, offset: float) -> float:
    return 0.0 if at is None or at == math.inf else at + offset
