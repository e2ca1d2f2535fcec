"""The connections of a torrent that has no pieces to exchange yet, kept until it has (BEP 9)."""

from collections.abc import Sequence

from attrs import frozen
from twisted.internet.defer import Deferred

from txtorrent.extension.extensions import Extensions
from txtorrent.extension.interfaces import Kind
from txtorrent.peer.uploads import MOST_QUEUED
from txtorrent.torrent.antechamber import Antechamber
from txtorrent.torrent.connections import Connections
from txtorrent.torrent.extended import Extended
from txtorrent.torrent.shared import Shared
from txtorrent.torrent.stage import Stage
from txtorrent.tracker.announcer import Announcer


class Reception:
    """Peers of the torrent `name` come, stay and go; they may speak the extensions `kinds`."""

    def __init__(
        self, shared: Shared, info_hash: bytes, name: str, max_peers: int, kinds: Sequence[Kind]
    ) -> None:
        self.connections = Connections(shared, info_hash, max_peers)
        self._antechamber = Antechamber(shared.scratch, shared.reactor)
        swarm = Extended(shared, self.connections, name, None, _never, _no_matter)
        self.extensions = Extensions(swarm, kinds, MOST_QUEUED, self.connections.heard)
        self.connections.enter(
            Stage(
                self._antechamber,
                self.extensions,
                self._antechamber.piece_count,
                self._antechamber.make_uploads,
            )
        )

    @property
    def peers(self) -> int:
        """Connections that take part."""
        return len(self._antechamber.links)

    def tick(self, now: float) -> None:
        """To be called every second."""
        for link in tuple(self._antechamber.links):
            link.check(now)
        self.extensions.tick(now)
        self.connections.dial()

    def stop(self) -> "Deferred[None]":
        """End every connection; fires when all are gone."""
        self.extensions.stop()
        return self.connections.stop()


@frozen(eq=False)
class Handover:
    """What a fetch gives to the torrent that follows it: its connections, and the announcer if it
    is to be the torrent's own."""

    reception: Reception
    announcer: Announcer | None = None


def _never() -> bool:
    """Without metadata nothing is complete."""
    return False


def _no_matter(link: object, piece: int) -> None:
    """What a peer has is not known anyway."""
