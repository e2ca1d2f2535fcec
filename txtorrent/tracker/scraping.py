"""Asking a tracker for the numbers that its announces do not tell (BEP 48)."""

from __future__ import annotations

from twisted.internet.defer import CancelledError

from txtorrent.tracker.announcing import Announcing
from txtorrent.tracker.tracker import Scrape, Tracker
from txtorrent.wire.announce import ScrapeResult, TrackerError


async def scrape(
    shared: Announcing, info_hash: bytes, tracker: Tracker, trusted: bool
) -> ScrapeResult | None:
    """Scrape for one torrent and note what comes of it; None: the tracker does not tell."""
    clock = shared.clock
    tracker.scrape = Scrape(clock.seconds())
    try:
        results = await shared.trackers.scrape(tracker.url, [info_hash], trusted=trusted)
    except TrackerError as error:
        tracker.not_scraped(error, clock.seconds())
        return None
    except CancelledError:
        tracker.scrape = None
        raise
    result = results.get(info_hash)
    tracker.scraped(result, clock.seconds())
    return result
