"""What each message of the peer wire may say, and when (BEP 3, BEP 5, BEP 6, BEP 10).

One function a message: it checks the rule, brings the four booleans and the sets of `Peer`
up to date, and makes one call. A message that breaks a rule raises ProtocolError.
"""

from typing import TYPE_CHECKING, Final

from txtorrent.bitfield import Bitfield
from txtorrent.peer.interfaces import Exchange, Rules
from txtorrent.wire import messages as m
from txtorrent.wire.stream import ProtocolError

if TYPE_CHECKING:
    from txtorrent.peer.protocol import PeerProtocol

CHOKE_GRACE: Final = 10.0
"""Seconds after a choke in which requests may still be under way to us."""
MOST_BITFIELDS: Final = 100
"""In one connection. Some clients send theirs late or twice; aria2 sends one whenever it is
shorter than the haves that are due, with the fast extension too: that can be 72 times. More
than this is a way to burn our CPU."""
LARGEST_REQUEST: Final = 128 * 1024
"""Bytes that one request may ask for; nearly all ask for 16 KiB."""
MOST_ALLOWED_FAST: Final = 100
"""Pieces that we note as allowed fast; BEP 6 proposes 10."""


def _choke(link: "PeerProtocol", exchange: Exchange, message: m.Choke) -> None:
    link.peer.choking = True
    exchange.choked(link)


def _unchoke(link: "PeerProtocol", exchange: Exchange, message: m.Unchoke) -> None:
    link.peer.choking = False
    exchange.unchoked(link)


def _interested(link: "PeerProtocol", exchange: Exchange, message: m.Interested) -> None:
    link.peer.interested = True
    exchange.interest_changed(link)


def _not_interested(link: "PeerProtocol", exchange: Exchange, message: m.NotInterested) -> None:
    link.peer.interested = False
    exchange.interest_changed(link)


def _have(link: "PeerProtocol", exchange: Exchange, message: m.Have) -> None:
    _check_index(link, message.index)
    exchange.has(link, message.index)


def _bitfield(link: "PeerProtocol", exchange: Exchange, message: m.Bitfield) -> None:
    _count_bitfield(link)
    try:
        pieces = Bitfield.from_wire(link.peer.have.size, message.bits)
    except ValueError as error:
        raise ProtocolError(str(error)) from None
    exchange.has_pieces(link, pieces)


def _have_all(link: "PeerProtocol", exchange: Exchange, message: m.HaveAll) -> None:
    _needs_fast(link, message)
    _count_bitfield(link)
    exchange.has_pieces(link, Bitfield.full(link.peer.have.size))


def _have_none(link: "PeerProtocol", exchange: Exchange, message: m.HaveNone) -> None:
    _needs_fast(link, message)
    _count_bitfield(link)
    exchange.has_pieces(link, Bitfield(link.peer.have.size))


def _count_bitfield(link: "PeerProtocol") -> None:
    """BEP 6 wants exactly one, as the first message; what clients send is added up instead."""
    link.peer.bitfields += 1
    if link.peer.bitfields > MOST_BITFIELDS:
        raise ProtocolError("one bitfield too many")


def _requests(link: "PeerProtocol", exchange: Exchange, message: m.Requests) -> None:
    wanted, piece, size = link.uploads.add, -1, 0
    for block in message.blocks:
        index, begin, length = block
        if length > LARGEST_REQUEST or not length:
            raise ProtocolError(f"request of {length} bytes, not 1 to {LARGEST_REQUEST}")
        if index != piece:
            piece, size = index, _may_have(link, exchange, index)
        if begin + length <= size:
            wanted(block)
        else:
            _refuse(link, exchange, block)
            if not link.is_open:
                return


def _may_have(link: "PeerProtocol", exchange: Exchange, piece: int) -> int:
    """The size of a piece of which the peer may ask for blocks now; 0 for others."""
    peer = link.peer
    if peer.am_choking and piece not in peer.granted_fast:
        return 0
    return exchange.uploadable(piece)


def _refuse(link: "PeerProtocol", exchange: Exchange, block: m.Block) -> None:
    link.reject(block)
    index, begin, length = block
    if begin + length > exchange.uploadable(index):
        link.offend("requests for what we do not have")
    elif link.choked_for > CHOKE_GRACE:
        link.offend("requests while choked")


def _pieces(link: "PeerProtocol", exchange: Exchange, message: m.Pieces) -> None:
    exchange.blocks(link, message.blocks)


def _cancel(link: "PeerProtocol", exchange: Exchange, message: m.Cancel) -> None:
    block = (message.index, message.begin, message.length)
    if link.uploads.cancel(block):
        link.reject(block)


def _reject(link: "PeerProtocol", exchange: Exchange, message: m.Reject) -> None:
    _needs_fast(link, message)
    _check_index(link, message.index)
    exchange.rejected(link, message.index, message.begin)


def _allowed_fast(link: "PeerProtocol", exchange: Exchange, message: m.AllowedFast) -> None:
    _needs_fast(link, message)
    _check_index(link, message.index)
    if len(link.peer.allowed_fast) < MOST_ALLOWED_FAST:
        exchange.fast_allowed(link, message.index)


def _suggest(link: "PeerProtocol", exchange: Exchange, message: m.Suggest) -> None:
    """Legal, and ignored: rarest first is worth more than the other end's cache."""
    _needs_fast(link, message)
    _check_index(link, message.index)


def _port(link: "PeerProtocol", exchange: Exchange, message: m.Port) -> None:
    link.dht_node(message.port)


def _extended(link: "PeerProtocol", exchange: Exchange, message: m.Extended) -> None:
    """Some send them without having said so in their handshake: they are heard all the same."""
    link.extensions.received(link, message.number, message.payload)


def _skip(link: "PeerProtocol", exchange: Exchange, message: m.Message) -> None:
    """Keep-alives say nothing; unknown ids are for others."""


def _check_index(link: "PeerProtocol", index: int) -> None:
    if index >= link.peer.have.size:
        raise ProtocolError(f"piece {index} in a torrent of {link.peer.have.size}")


def _needs_fast(link: "PeerProtocol", message: m.Message) -> None:
    if not link.peer.fast:
        raise ProtocolError(f"{type(message).__name__} without the fast extension")


RULES: Final[Rules] = {
    m.KeepAlive: _skip,
    m.Choke: _choke,
    m.Unchoke: _unchoke,
    m.Interested: _interested,
    m.NotInterested: _not_interested,
    m.Have: _have,
    m.Bitfield: _bitfield,
    m.Requests: _requests,
    m.Pieces: _pieces,
    m.Cancel: _cancel,
    m.Port: _port,
    m.Suggest: _suggest,
    m.HaveAll: _have_all,
    m.HaveNone: _have_none,
    m.Reject: _reject,
    m.AllowedFast: _allowed_fast,
    m.Extended: _extended,
    m.Unknown: _skip,
}
