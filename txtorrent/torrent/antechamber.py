"""Where peers are while the metadata is not known: they stay connected, and nothing moves (BEP 9).

What a peer says of its pieces is kept, to be heard when the pieces can be counted, in bounds:
strangers connect by themselves, and may say much.
"""

from collections.abc import Iterable
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txtorrent.metainfo.torrentfile import MAX_PIECES
from txtorrent.peer.early import EARLY_RULES
from txtorrent.peer.interfaces import Rules
from txtorrent.peer.limit import Limit
from txtorrent.peer.limiter import Limiter
from txtorrent.peer.protocol import PeerProtocol
from txtorrent.peer.uploads import Uploads
from txtorrent.wire import messages as m
from txtorrent.wire.stream import ProtocolError

MOST_KEPT: Final = 320 * 1024
"""Bytes of one peer's messages: the bitfield of the largest torrent, and a thousand others."""
MOST_KEPT_IN_ALL: Final = 8 * 1024 * 1024
"""Bytes of all peers' messages, for one torrent."""
_OBJECT: Final = 64
"""Bytes that a message takes besides what it holds."""


class _Nothing:
    """The content of a torrent that nothing is known of (`peer.uploads.BlockSource`)."""

    def read_cached(self, piece: int, begin: int, into: memoryview) -> bool:
        return False

    def read(self, piece: int, begin: int, length: int) -> "Deferred[bytes]":
        return fail(LookupError("no metadata, no content"))


def _no_read(failure: Failure) -> None:
    """Nothing is read, so nothing fails."""


@define
class _Said:
    messages: list[m.Message] = field(factory=list)
    size: int = 0


class Antechamber:
    """The exchange of a torrent without metadata (`torrent.stage.Exchanging`)."""

    rules: Rules = EARLY_RULES
    piece_count: Final = MAX_PIECES
    """A bitfield may be that long, for all that is known."""

    def __init__(self, scratch: memoryview, clock: IReactorTime) -> None:
        self._scratch = scratch
        self._limiter = Limiter(Limit(0, clock))
        self.links: dict[PeerProtocol, _Said] = {}
        self._size = 0

    def joined(self, link: PeerProtocol) -> None:
        """Nothing is said of what we have until we know what there is to have."""
        self.links[link] = _Said()

    def left(self, link: PeerProtocol) -> None:
        """What it said counts no more."""
        said = self.links.pop(link, None)
        if said is not None:
            self._size -= said.size

    def keep(self, link: PeerProtocol, message: m.Message) -> None:
        """For later. ProtocolError: that is too much."""
        said = self.links[link]
        size = _OBJECT + (len(message.bits) if isinstance(message, m.Bitfield) else 0)
        if said.size + size > MOST_KEPT or self._size + size > MOST_KEPT_IN_ALL:
            raise ProtocolError("says more than is kept before the metadata is known")
        said.messages.append(message)
        said.size += size
        self._size += size

    def kept(self, link: PeerProtocol) -> Iterable[m.Message]:
        """What the peer said, in order; it is kept no longer."""
        said = self.links.get(link)
        self.left(link)
        return () if said is None else said.messages

    def make_uploads(self, link: PeerProtocol) -> Uploads:
        """A queue that stays empty: the rules let nothing in."""
        return Uploads(link.outbox, _Nothing(), self._scratch, self._limiter, link.sent, _no_read)

    def heard(self, link: PeerProtocol) -> None:
        """We want the metadata of seeds, too."""

    # -- of pieces, which nobody asks for --------------------------------------------------

    def chunk_handled(self, link: PeerProtocol) -> None:
        """There is nothing to ask for."""

    def sent(self, link: PeerProtocol, size: int) -> None:
        """No block goes out."""

    def take_turn(self, link: PeerProtocol) -> None:
        """Nobody waits for one."""
