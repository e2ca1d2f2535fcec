"""Twisted's own TCP and UDP transports, on sockets of a simulated host."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, cast

from twisted.internet import tcp, udp
from twisted.internet.error import CannotListenError

from tests.testing.tcp import StreamSocket
from tests.testing.udp import DatagramSocket

if TYPE_CHECKING:
    from tests.testing.host import Host


def _stream(host: object, family: socket.AddressFamily) -> StreamSocket:
    return StreamSocket(cast("Host", host), family)


def _datagram(host: object, family: socket.AddressFamily) -> socket.socket:
    return cast(socket.socket, DatagramSocket(cast("Host", host), family))


class SimPort(tcp.Port):
    """A listening port."""

    def createInternetSocket(self) -> socket.socket:
        made = _stream(self.reactor, self.addressFamily)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return cast(socket.socket, made)


class SimClient(tcp.Client):
    """The transport of an outgoing connection."""

    def createInternetSocket(self) -> socket.socket:
        return cast(socket.socket, _stream(self.connector.reactor, self.addressFamily))


class SimConnector(tcp.Connector):
    """An outgoing connection, or the attempt at one."""

    def _makeTransport(self) -> tcp.Client:
        return SimClient(  # type: ignore[no-untyped-call]
            self.host, self.port, self.bindAddress, self, self.reactor
        )


class SimDatagramPort(udp.Port):
    """A UDP port."""

    def createInternetSocket(self) -> socket.socket:
        return _datagram(self.reactor, self.addressFamily)

    def _bindSocket(self) -> None:
        """A real socket that could not be bound closes itself when nobody has it any more."""
        made: list[socket.socket] = []
        create = self.createInternetSocket
        self.createInternetSocket = lambda: made.append(create()) or made[0]  # type: ignore
        try:
            super()._bindSocket()  # type: ignore[no-untyped-call]
        except CannotListenError:
            made[0].close()
            raise


class SimMulticastPort(udp.MulticastPort):
    """A UDP port that may join groups, and share its number when `listenMultiple`."""

    def createInternetSocket(self) -> socket.socket:
        made = _datagram(self.reactor, self.addressFamily)
        if self.listenMultiple:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return made
