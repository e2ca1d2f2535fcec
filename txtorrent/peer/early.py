"""What each message may say while the torrent's metadata is not known (BEP 9).

What has to do with pieces is kept as it came, since nobody can tell yet what it means; `rules`
will, when it is read again. Nothing can be asked of us, or sent to us.
"""

from typing import TYPE_CHECKING, Final, Protocol

from txtorrent.peer.interfaces import Rules
from txtorrent.peer.rules import RULES
from txtorrent.wire import messages as m

if TYPE_CHECKING:
    from txtorrent.peer.protocol import PeerProtocol


class Keeper(Protocol):
    """Who keeps what peers say."""

    def keep(self, link: "PeerProtocol", message: m.Message) -> None:
        """It is to be read when the metadata is known. Raises ProtocolError when it is too much."""


def _keep(link: "PeerProtocol", keeper: Keeper, message: m.Message) -> None:
    keeper.keep(link, message)


def _requests(link: "PeerProtocol", keeper: Keeper, message: m.Requests) -> None:
    for block in message.blocks:
        link.reject(block)
        link.offend("requests for what we do not have")


def _pieces(link: "PeerProtocol", keeper: Keeper, message: m.Pieces) -> None:
    link.offend("blocks that nobody asked for")


def _skip(link: "PeerProtocol", keeper: Keeper, message: m.Message) -> None:
    """Nothing that it could be about is under way."""


_KEPT: Final = (
    m.Choke, m.Unchoke, m.Interested, m.NotInterested, m.Have, m.Bitfield, m.HaveAll, m.HaveNone,
    m.AllowedFast,
)  # fmt: skip

EARLY_RULES: Final[Rules] = {
    **dict.fromkeys(_KEPT, _keep),
    m.KeepAlive: _skip,
    m.Requests: _requests,
    m.Pieces: _pieces,
    m.Cancel: _skip,
    m.Reject: _skip,
    m.Suggest: _skip,
    m.Port: RULES[m.Port],
    m.Extended: RULES[m.Extended],
    m.Unknown: _skip,
}
