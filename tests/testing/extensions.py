"""A torrent and its connections as extensions see them (`txtorrent.extension.interfaces`).

swarm = FakeSwarm()
link = swarm.connect("20.0.0.1", outbound=True)   takes part; speaks everything that is sent
swarm.clock += 60                                 what `swarm.now()` says
link.said(b"ut_pex")                              payloads sent since the last look
"""

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from txtorrent.address import Address
from txtorrent.bitfield import Bitfield
from txtorrent.extension.extensions import Speaker
from txtorrent.extension.interfaces import Link, Swarm
from txtorrent.swarm.peer import Peer
from txtorrent.swarm.peerbook import Source
from txtorrent.swarm.rate import Rate
from txtorrent.swarm.window import RequestWindow
from txtorrent.wire.messages import Extended
from txtorrent.wire.stream import ProtocolError


def fake_peer(address: Address, pieces: int = 8) -> Peer:
    """Somebody without a piece."""
    return Peer(
        address=address,
        peer_id=b"-FK0001-" + bytes(12),
        have=Bitfield(pieces),
        connected_at=0.0,
        downloaded=Rate(0.0),
        uploaded=Rate(0.0),
        window=RequestWindow(0.0),
    )


class FakeLink:
    """A connection; speaks the extensions of `extension_ids`, which may be changed."""

    def __init__(
        self, address: Address, outbound: bool = False, ids: Mapping[bytes, int] | None = None
    ) -> None:
        self.address = address
        self.outbound = outbound
        self.peer = fake_peer(address)
        self.peer.contact = address if outbound else None
        self.extension_ids: Mapping[bytes, int] = {} if ids is None else ids
        self.handshakes = 0
        self.sent: list[Extended] = []
        """Messages that were sent as such: extension handshakes."""
        self.offences: list[str] = []
        self.closed: str | None = None
        """Why, once it is."""
        self._extended: list[tuple[bytes, bytes]] = []

    @property
    def is_open(self) -> bool:
        """Whether it has not been closed."""
        return self.closed is None

    def send(self, message: Extended) -> None:
        """Note a message."""
        self.sent.append(message)

    def extend(self, name: bytes, payload: bytes) -> bool:
        """Note a message of an extension."""
        if not self.is_open or name not in self.extension_ids:
            return False
        self._extended.append((name, payload))
        return True

    def said(self, name: bytes) -> list[bytes]:
        """What an extension has sent, once."""
        payloads = [payload for each, payload in self._extended if each == name]
        self._extended = [(each, payload) for each, payload in self._extended if each != name]
        return payloads

    def offend(self, what: str) -> None:
        """Note an offence."""
        self.offences.append(what)

    def close(self, reason: str) -> None:
        """Closed from now on; nobody is told."""
        self.closed = self.closed or reason


class FakeSwarm:
    """A torrent of eight pieces. `connections` are those that take part."""

    def __init__(self, seed: int = 1) -> None:
        self.info_hash = bytes(range(20))
        self.random = Random(seed)
        self.name = "a torrent"
        self.is_private = False
        self.metadata: memoryview | None = memoryview(b"de")
        self.upload_only = False
        self.port = 6881
        self.clock = 0.0
        self.pieces = 8
        self.connections: dict[FakeLink, None] = {}
        self.candidates: list[tuple[list[Address], Source, str | None]] = []
        """What `found` was told."""
        self.taken_back: list[tuple[Link, int]] = []
        """What `lost` was told."""

    def connect(
        self,
        host: str,
        port: int = 6881,
        outbound: bool = False,
        ids: Mapping[bytes, int] | None = None,
    ) -> FakeLink:
        """One connection more."""
        link = FakeLink(Address(host, port), outbound, ids)
        self.connections[link] = None
        return link

    def disconnect(self, link: FakeLink) -> None:
        """It takes part no longer."""
        link.close("gone")
        self.connections.pop(link, None)

    def now(self) -> float:
        """What the test says."""
        return self.clock

    def links(self) -> Iterable[FakeLink]:
        """Those connected."""
        return tuple(self.connections)

    def found(self, addresses: Sequence[Address], source: Source, via: str | None = None) -> None:
        """Note candidates."""
        self.candidates.append((list(addresses), source, via))

    def lost(self, link: Link, piece: int) -> None:
        """Note it, if there is such a piece."""
        if not 0 <= piece < self.pieces:
            raise ProtocolError(f"piece {piece} in a torrent of {self.pieces}")
        self.taken_back.append((link, piece))


if TYPE_CHECKING:
    # They are what they stand for.
    _speaker: Speaker = FakeLink(Address("20.0.0.1", 6881))
    _swarm: Swarm = FakeSwarm()
