"""What a tracker has done since it was started, by the way it was asked."""

from __future__ import annotations

from collections import Counter

from txtorrent.trackerserver.interfaces import Reason
from txtorrent.wire.announce import Event


class Requests:
    """Counts of what came one way, UDP or HTTP."""

    def __init__(self) -> None:
        self.announces = [0] * len(Event)
        """Those that were answered, by event."""
        self.scrapes = 0
        self.connects = 0
        self.refused: Counter[Reason] = Counter()
        """Those that were answered with a failure reason."""
        self.dropped: Counter[str] = Counter()
        """Those that were not answered, by why."""


class Statistics:
    """All that is counted."""

    def __init__(self) -> None:
        self.udp = Requests()
        self.http = Requests()

    @property
    def ways(self) -> dict[str, Requests]:
        """By name."""
        return {"udp": self.udp, "http": self.http}
