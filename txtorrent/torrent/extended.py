"""A torrent as its extensions see it (BEP 10): what `extension.interfaces.Swarm` asks for."""

from collections.abc import Callable, Iterable, Sequence
from random import Random

from attrs import frozen

from txtorrent.address import Address
from txtorrent.extension.interfaces import Link
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.peer.protocol import PeerProtocol
from txtorrent.swarm.peerbook import Source
from txtorrent.torrent.connections import Connections
from txtorrent.torrent.shared import Shared


@frozen(eq=False)
class Extended:
    """`metainfo` is None while only a magnet link is known; `is_complete` tells whether all that is
    wanted is had, `lost` hears that a peer has a piece no longer."""

    shared: Shared
    connections: Connections
    name: str
    metainfo: Metainfo | None
    is_complete: Callable[[], bool]
    lost_piece: Callable[[PeerProtocol, int], None]

    @property
    def info_hash(self) -> bytes:
        """20 bytes."""
        return self.connections.info_hash

    @property
    def random(self) -> Random:
        """All chance."""
        return self.shared.random

    @property
    def is_private(self) -> bool:
        """Whether nobody but its trackers may name peers (BEP 27)."""
        return self.connections.is_private

    @property
    def metadata(self) -> memoryview | None:
        """The `info` dict, not copied."""
        return None if self.metainfo is None else self.metainfo.info_view

    @property
    def upload_only(self) -> bool:
        """Whether we download nothing more of it (BEP 21)."""
        return self.is_complete()

    @property
    def port(self) -> int:
        """The TCP port that we listen on."""
        return self.shared.port

    def now(self) -> float:
        """Seconds of the reactor's clock."""
        return float(self.shared.reactor.seconds())

    def links(self) -> Iterable[PeerProtocol]:
        """The connections that take part."""
        return self.connections.stage.exchange.links

    def found(self, addresses: Sequence[Address], source: Source, via: str | None = None) -> None:
        """Candidates; `via` is the host that named them."""
        self.connections.found(addresses, source, via)

    def lost(self, link: Link, piece: int) -> None:
        """A peer has a piece no longer."""
        assert isinstance(link, PeerProtocol)
        self.lost_piece(link, piece)
