"""What a peer connection asks of, and tells, those above it; they live in `torrent` and up."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred

from txtorrent.bitfield import Bitfield
from txtorrent.wire import messages as m
from txtorrent.wire.handshake import Handshake

if TYPE_CHECKING:
    from txtorrent.peer.protocol import PeerProtocol


class Refused(Exception):
    """The torrent (or the session) does not want this connection; the text says why."""


class Conversation(Protocol):
    """What a connection that takes part belongs to. `rules` are what each message may say, and are
    given this object (`peer.rules`)."""

    @property
    def rules(self) -> "Rules":
        """By the message's type."""

    def joined(self, link: "PeerProtocol") -> None:
        """Handshakes are done; `link.peer` and `link.uploads` are there."""

    def left(self, link: "PeerProtocol") -> None:
        """The connection is gone."""

    def chunk_handled(self, link: "PeerProtocol") -> None:
        """All that was read from the socket at once has been told: time to ask for more."""

    def sent(self, link: "PeerProtocol", size: int) -> None:
        """A block of `size` bytes went out."""

    def take_turn(self, link: "PeerProtocol") -> None:
        """The download limit lets this peer have one block more."""


class Exchange(Conversation, Protocol):
    """What a connection tells its torrent while pieces are exchanged."""

    def choked(self, link: "PeerProtocol") -> None:
        """The peer chokes us."""

    def unchoked(self, link: "PeerProtocol") -> None:
        """The peer lets us request."""

    def interest_changed(self, link: "PeerProtocol") -> None:
        """The peer became interested, or is no longer."""

    def has(self, link: "PeerProtocol", piece: int) -> None:
        """The peer announced one piece."""

    def has_pieces(self, link: "PeerProtocol", pieces: Bitfield) -> None:
        """The peer announced many pieces."""

    def blocks(self, link: "PeerProtocol", blocks: Sequence[m.Data]) -> None:
        """Blocks arrived; their data is only good during the call. Raises ProtocolError."""

    def rejected(self, link: "PeerProtocol", index: int, begin: int) -> None:
        """The peer will not answer a request."""

    def fast_allowed(self, link: "PeerProtocol", piece: int) -> None:
        """The peer lets us request this piece although it chokes us."""

    def uploadable(self, piece: int) -> int:
        """The size in bytes of a piece that we have; 0 for any other number."""


Rules = Mapping[type[m.Message], Callable[["PeerProtocol", Any, Any], None]]


class Extensions(Protocol):
    """Where messages of extensions go (BEP 10)."""

    def received(self, link: "PeerProtocol", number: int, payload: bytes) -> None:
        """One came. Raises ProtocolError."""


class Swarm(Protocol):
    """What a connection asks of its torrent, whatever is exchanged."""

    info_hash: bytes
    peer_id: bytes

    @property
    def reserved(self) -> bytes:
        """The extension bits of our handshake."""

    @property
    def piece_count(self) -> int:
        """Pieces of the torrent: how long a bitfield may be."""

    def arrived(self, link: "PeerProtocol") -> None:
        """A connection that was accepted asks for this torrent."""

    def greeted(self, link: "PeerProtocol", handshake: Handshake) -> Conversation:
        """The peer's handshake is complete. Raises Refused."""

    def entered(self, link: "PeerProtocol", handshake: Handshake) -> None:
        """The exchange has begun, and the peer was told what we have."""

    def dht_node(self, link: "PeerProtocol", port: int) -> None:
        """The peer has a DHT node at this UDP port."""

    def ended(self, link: "PeerProtocol", reason: str) -> None:
        """The connection is gone, whether the exchange had begun or not."""


class Lobby(Protocol):
    """What a connection that was accepted asks before it is known to whom it belongs."""

    def torrent_for(self, info_hash: bytes, host: str) -> "Deferred[Swarm]":
        """The torrent with this info-hash, for a peer at `host`. Fails with Refused."""

    def left_lobby(self, link: "PeerProtocol") -> None:
        """The connection found its torrent or is gone: it is not waiting any more."""
