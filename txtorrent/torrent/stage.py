"""What the connections of a torrent are for at present: its metadata, or its pieces."""

from collections.abc import Callable, Iterable
from typing import Protocol

from attrs import frozen

from txtorrent.extension.extensions import Extensions
from txtorrent.peer.interfaces import Conversation
from txtorrent.peer.protocol import PeerProtocol
from txtorrent.peer.uploads import Uploads
from txtorrent.wire import messages as m


class Exchanging(Conversation, Protocol):
    """What the connections take part in."""

    @property
    def links(self) -> Iterable[PeerProtocol]:
        """Those that take part."""

    def heard(self, link: PeerProtocol) -> None:
        """The peer said something of itself: whether it downloads anything, what it speaks."""

    def kept(self, link: PeerProtocol) -> Iterable[m.Message]:
        """What the peer said that the next stage has to hear."""


@frozen(eq=False)
class Stage:
    """`piece_count` bounds the bitfields that peers may send; `make_uploads` makes a queue for
    what one peer asks of us."""

    exchange: Exchanging
    extensions: Extensions
    piece_count: int
    make_uploads: Callable[[PeerProtocol], Uploads]
