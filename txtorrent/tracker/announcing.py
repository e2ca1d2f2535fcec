"""What the announcers of a session share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from txtorrent.tracker.calendar import Calendar
from txtorrent.tracker.clients import Trackers
from txtorrent.tracker.finders import Finder
from txtorrent.tracker.tiers import Listing


@define(eq=False)
class Announcing:
    """One for a session: who carries announces, when, and who we are in every swarm.

    `port` is the one that peers reach us at; it may change, and counts from the next announce.
    `defaults` are trackers of every torrent that is not private; when they change, announcers
    want to hear of it: `Announcer.defaults_changed`.
    """

    trackers: Trackers
    clock: IReactorTime
    random: Random
    peer_id: bytes
    port: int
    defaults: Listing = ()
    finders: Sequence[Finder] = ()
    """What else finds peers of torrents that are not private."""
    seen_as: Callable[[str, str], None] = field(default=lambda host, tracker: None)
    """Hears at which address a tracker saw us (BEP 24), and the tracker's host."""
    hosts: Callable[[], tuple[str, ...]] = field(default=lambda: ())
    """Our external addresses. A tracker is asked once, over one family, so that it counts us once;
    it can tell peers of the other family of us all the same (BEP 7)."""
    calendar: Calendar = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.calendar = Calendar(self.clock)
