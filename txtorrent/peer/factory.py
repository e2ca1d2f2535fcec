"""The two Factories of the peer wire: one port for all torrents, one connection dialled."""

from collections.abc import Callable
from typing import Final, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IConnector, IReactorTime
from twisted.internet.protocol import ClientFactory, Factory
from twisted.python.failure import Failure

from txtorrent.address import Address, canonical_host
from txtorrent.peer.interfaces import Swarm
from txtorrent.peer.protocol import PeerProtocol
from txtorrent.swarm.tally import Tally

MOST_WAITING: Final = 200
"""Accepted connections without a handshake; the oldest makes room for a new one."""
MOST_WAITING_FROM_ONE: Final = 20
"""Of these from one host: one attacker cannot push everyone else out."""


class InboundFactory(Factory):
    """Accepts connections for every torrent behind one port.

    `torrent_for` finds the torrent of an info-hash, for a host, or fails with Refused.
    `refuse` is asked once a connection: a reason to turn the host away, or None. Stopping
    the factory ends the connections that have not found their torrent.
    """

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        torrent_for: Callable[[bytes, str], Deferred[Swarm]],
        refuse: Callable[[str], str | None],
    ) -> None:
        self._clock = clock
        self._torrent_for = torrent_for
        self._refuse = refuse
        self._waiting: dict[PeerProtocol, None] = {}
        self._waiting_from: Tally[str] = Tally()

    def buildProtocol(self, addr: IAddress | None) -> PeerProtocol | None:
        peer = cast(IPv4Address | IPv6Address, addr)
        address = Address(canonical_host(peer.host), peer.port)
        if (
            self._refuse(address.host) is not None
            or self._waiting_from[address.host] >= MOST_WAITING_FROM_ONE
        ):
            return None
        link = PeerProtocol(self._clock, address, lobby=self)
        link.factory = self
        if len(self._waiting) >= MOST_WAITING:
            # Gone from the list at once: many are accepted before the first one has closed.
            oldest = next(iter(self._waiting))
            self.left_lobby(oldest)
            oldest.close("too many connections without a handshake")
        self._waiting[link] = None
        self._waiting_from.add(address.host)
        return link

    def torrent_for(self, info_hash: bytes, host: str) -> Deferred[Swarm]:
        """The torrent that a waiting connection asks for. Fails with Refused."""
        return self._torrent_for(info_hash, host)

    def left_lobby(self, link: PeerProtocol) -> None:
        """The connection found its torrent, or is gone."""
        if link in self._waiting:
            del self._waiting[link]
            self._waiting_from.remove(link.address.host)

    def close_waiting(self) -> None:
        """End the connections that have not found their torrent."""
        for link in tuple(self._waiting):
            link.close("shutting down")


class OutboundFactory(ClientFactory):
    """Makes the one connection to `address` for `swarm`; `failed` is called if it fails."""

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        address: Address,
        swarm: Swarm,
        connected: Callable[[PeerProtocol], None],
        failed: Callable[[Address, str], None],
    ) -> None:
        self._clock = clock
        self._address = address
        self._swarm = swarm
        self._connected = connected
        self._failed = failed

    def buildProtocol(self, addr: IAddress | None) -> PeerProtocol:
        link = PeerProtocol(self._clock, self._address, swarm=self._swarm)
        link.factory = self
        self._connected(link)
        return link

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        self._failed(self._address, reason.getErrorMessage())
