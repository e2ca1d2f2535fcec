"""What an announcer asks and tells: the torrent that it announces for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from txtorrent.address import Address
from txtorrent.swarm.peerbook import Source


@frozen
class Totals:
    """What was ever moved, what is missing, and what failed its hash in this run: bytes."""

    uploaded: int
    downloaded: int
    left: int
    corrupt: int


class Owner(Protocol):
    """The torrent, as its announcer sees it. What it raises is logged, and changes nothing."""

    def totals(self) -> Totals:
        """How it stands. What was moved only grows, from one owner to the next too."""

    def counted(self, seeders: int | None, leechers: int | None) -> None:
        """A tracker said how many there are, ourselves included; None: it did not say that.

        Whoever sleeps while nobody wants anything of it wakes when there are leechers. Told
        before the peers of the same answer, or later, when it had to be asked for.
        """

    def found_peers(self, source: Source, addresses: Sequence[Address]) -> None:
        """A tracker, or another finder, told of peers, perhaps of none."""

    def trackers_changed(self) -> None:
        """Something about its trackers is not what it was. Comes often: be quick."""
