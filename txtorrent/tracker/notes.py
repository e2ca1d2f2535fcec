"""What the log says of announces: a line an answer, a line a new complaint, no secret in any."""

from __future__ import annotations

from twisted.logger import Logger

from txtorrent.tracker.tracker import Tracker
from txtorrent.wire.announce import AnnounceResponse, redacted

_log = Logger()


def note(name: str, tracker: Tracker, response: AnnounceResponse) -> None:
    """Log an answer to an announce of the torrent of this name."""
    _log.info(
        "{torrent}: {tracker} answered: {peers} peers, {seeders} seeders, {leechers} leechers",
        torrent=name,
        tracker=redacted(tracker.url),
        peers=len(response.peers),
        seeders=_known(response.seeders),
        leechers=_known(response.leechers),
    )
    if response.warning is None:
        tracker.warned = None
    else:
        warn(name, tracker, response.warning)


def warn(name: str, tracker: Tracker, complaint: str) -> None:
    """Log a complaint, once until it changes."""
    if complaint != tracker.warned:
        tracker.warned = complaint
        _log.warn(
            "{torrent}: {tracker}: {complaint}",
            torrent=name,
            tracker=redacted(tracker.url),
            complaint=complaint,
        )


def _known(count: int | None) -> int | str:
    return "?" if count is None else count
