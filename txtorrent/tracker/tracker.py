"""One tracker of one torrent: what it has said so far, and when it may be asked again.

It asks nobody; that is `announcer`.
"""

from __future__ import annotations

import math
import sys
from enum import Enum
from random import Random

from attrs import define

from txtorrent.tracker.errors import RestingError, TimedOutError
from txtorrent.wire.announce import AnnounceResponse, Event, ScrapeResult, TrackerError

FIRST_RETRY = 15.0
"""Seconds until a tracker that failed is asked again; doubled each time."""
MAX_RETRY = 3600.0
"""Seconds. Even a tracker that was dead for days is found again within the hour."""
JITTER = 0.25
"""The part of a back-off that is left to chance, so that torrents do not come all at once."""
DEFAULT_MIN_INTERVAL = 300
"""Seconds between announces without an event, for trackers that name no minimum."""


class TrackerState(Enum):
    """What a tracker is to us now."""

    IDLE = "idle"
    """Not asked yet, or no longer."""
    QUEUED = "queued"
    """It is time, but others are asked first."""
    ANNOUNCING = "announcing"
    WORKING = "working"
    FAILING = "failing"
    """Its last announce failed: it is asked again after a pause."""
    DISMISSED = "dismissed"
    """It asked never to be asked again (BEP 31)."""


@define(eq=False)
class Scrape:
    """The last scrape; times are the reactor clock's."""

    asked_at: float | None = None
    heard_at: float | None = None
    error: str | None = None
    timed_out: bool = False


@define(eq=False)
class Tracker:
    """One tracker of one torrent."""

    url: str
    tier: int
    state: TrackerState = TrackerState.IDLE
    started: bool = False
    """It accepted `started`, so it is owed a `stopped`."""
    completed: bool = False
    """It accepted `completed`."""
    last_error: str | None = None
    seeders: int | None = None
    leechers: int | None = None
    peers: int = 0
    tracker_id: bytes | None = None
    warned: str | None = None
    """The complaint that was logged last, be it an error or a warning."""
    failures: int = 0
    not_before: float = 0.0
    """When it may be asked at all, on the reactor's clock."""
    welcome_at: float = 0.0
    """When it may be asked for more peers, outside its interval."""
    due_at: float = 0.0
    """When its interval is over."""
    refused_until: float = 0.0
    """Until when it does not want to be asked, whoever is in a hurry (BEP 31)."""
    asked_at: float | None = None
    heard_at: float | None = None
    """When its last answer came, or what there was instead of one."""
    timed_out: bool = False
    warning: str | None = None
    """What it said beside its last answer, which was a good one."""
    downloads: int | None = None
    """How often the torrent was completed."""
    scrape: Scrape | None = None

    def event(self, completed: bool) -> Event:
        """Give what it has to be told next."""
        if not self.started:
            return Event.STARTED
        return Event.COMPLETED if completed and not self.completed else Event.NONE

    def next_chance(self, completed: bool) -> float:
        """Give the time from which it may be asked; events need not wait for an interval."""
        if self.event(completed) is not Event.NONE:
            return self.not_before
        return max(self.not_before, self.welcome_at)

    def answered(
        self, response: AnnounceResponse, event: Event, now: float, random: Random
    ) -> None:
        """Note an answer to an announce of `event`."""
        self.state = TrackerState.WORKING
        self.started = True
        self.completed = self.completed or event is Event.COMPLETED
        self.last_error, self.failures, self.not_before = None, 0, 0.0
        self.heard_at, self.timed_out, self.refused_until = now, False, 0.0
        self.warning = None if response.warning is None else sys.intern(response.warning)
        self.seeders, self.leechers = response.seeders, response.leechers
        self.peers = len(response.peers)
        self.tracker_id = response.tracker_id or self.tracker_id
        # Asking late is polite, asking early is not.
        self.due_at = now + response.interval * random.uniform(1.0, 1.05)
        least = response.min_interval or min(DEFAULT_MIN_INTERVAL, response.interval)
        self.welcome_at = now + least

    def failed(self, error: TrackerError, now: float, random: Random) -> None:
        """Note a failure and choose the pause after it."""
        # Thousands of torrents are told the same.
        self.last_error = sys.intern(str(error))
        self.heard_at, self.timed_out = now, isinstance(error, TimedOutError)
        self.warning = None
        self.refused_until = now + (error.retry_in or 0.0)
        if error.retry_in == math.inf:
            self.state, self.not_before = TrackerState.DISMISSED, math.inf
            return
        self.state = TrackerState.FAILING
        pause = error.retry_in or 0.0
        if not isinstance(error, RestingError):
            self.failures += 1
            longest = MAX_RETRY / (1 + JITTER)
            pause = max(pause, min(FIRST_RETRY * 2 ** min(self.failures - 1, 30), longest))
        self.not_before = now + pause * random.uniform(1.0, 1 + JITTER)

    def reset(self) -> None:
        """Forget what concerns a run of the torrent: it stops, or starts anew."""
        self.started = self.completed = False
        self.failures, self.not_before, self.due_at, self.welcome_at = 0, 0.0, 0.0, 0.0
        self.refused_until = 0.0
        if self.state is not TrackerState.FAILING:
            self.state = TrackerState.IDLE

    def hurry(self, now: float) -> None:
        """Somebody wants an answer: cut the pause short, as far as it is ours to cut."""
        if self.state is TrackerState.FAILING and self.heard_at is not None:
            soonest = max(self.heard_at + FIRST_RETRY, self.refused_until)
            self.not_before = min(self.not_before, max(now, soonest))

    def scraped(self, result: ScrapeResult | None, now: float) -> None:
        """Note an answer to a scrape; None: it does not know the torrent."""
        if self.scrape is not None:
            self.scrape.heard_at = now
            self.scrape.error = "the tracker does not know the torrent" if result is None else None
        if result is not None:
            self.seeders, self.leechers = result.seeders, result.leechers
            self.downloads = result.completed

    def not_scraped(self, error: TrackerError, now: float) -> None:
        """Note that a scrape failed."""
        if self.scrape is not None:
            self.scrape.heard_at, self.scrape.error = now, sys.intern(str(error))
            self.scrape.timed_out = isinstance(error, TimedOutError)
