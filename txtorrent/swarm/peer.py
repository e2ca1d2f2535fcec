"""What we know of one connected peer: four booleans, its pieces, its requests, its rates."""

from typing import Final

from attrs import define, field

from txtorrent.address import Address
from txtorrent.bitfield import Bitfield
from txtorrent.swarm.rate import Rate
from txtorrent.swarm.window import MOST, RequestWindow

LASTING: Final = 60.0
"""Seconds after which a connection was of use even if no block was moved."""


@define(eq=False)
class Peer:
    """A connection's other end, as policy sees it.

    `requests` maps the number of each block requested from the peer (piece x blocks per
    piece + block) to the time of asking, oldest first. `wanted` is a piece that the peer has
    and that we wanted when we last looked. Times are in seconds of the reactor's clock.
    """

    address: Address
    peer_id: bytes
    have: Bitfield
    connected_at: float
    downloaded: Rate
    uploaded: Rate
    window: RequestWindow
    fast: bool = False
    joined_as_seed: bool = False
    contact: Address | None = None
    """Where the peer can be dialled, as far as we know."""
    upload_only: bool = False
    """Whether it says that it downloads nothing (BEP 21)."""

    am_choking: bool = True
    am_interested: bool = False
    choking: bool = True
    interested: bool = False
    snubbed: bool = False

    wanted: int | None = None
    requests: dict[int, float] = field(factory=dict)
    # Few peers need these: what is empty is one object for all, or small.
    allowed_fast: frozenset[int] = frozenset()
    """Pieces that the peer lets us request while it chokes us (BEP 6)."""
    granted_fast: tuple[int, ...] = ()
    """Pieces that we let the peer request while we choke it (BEP 6)."""

    cancelled: dict[int, None] = field(factory=dict)
    """Numbers of blocks that we cancelled and that may still be on their way."""
    share: int = MOST
    """Blocks that may be outstanding, whatever the window: less while memory is short."""
    arrived: int = 0
    """Blocks since the last look at the window."""
    bitfields: int = 0
    """Messages that told many pieces at once."""
    last_block_at: float = 0.0
    unchoked_at: float = 0.0
    """When we last unchoked the peer."""
    choked_at: float = 0.0
    """When we last choked the peer; the time of connecting if it never had its turn."""
    offences: int = 0
    """Invalid requests and unsolicited blocks: too many end the connection."""

    @property
    def download_rate(self) -> float:
        """Bytes/s that the peer gives us."""
        return self.downloaded.rate

    @property
    def may_request(self) -> bool:
        """Whether anything can be requested at all."""
        return self.am_interested and (not self.choking or bool(self.allowed_fast))

    def was_of_use(self, now: float) -> bool:
        """Whether the connection is worth having again: it moved data, or lasted."""
        moved = self.downloaded.total or self.uploaded.total
        return bool(moved) or now - self.connected_at >= LASTING

    @property
    def is_seed(self) -> bool:
        """Whether the peer has every piece."""
        return self.have.is_full

    @property
    def client(self) -> str:
        """The client's two letters and version from its peer id (BEP 20), or ''."""
        head = self.peer_id[1:7]
        known = self.peer_id[:1] == b"-" == self.peer_id[7:8] and head.isalnum()
        return head.decode("ascii") if known else ""
