"""A UDP socket that hears what is sent to one multicast group, and nothing else.

It is bound to the group's address: what is sent to a machine alone cannot get in (THREATS C1), and
other programs of this machine may be bound to the same. It is opened again when it failed.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from struct import Struct
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol

from txtorrent.address import Address, canonical_host

IP_MULTICAST_ALL: Final = 49
"""Linux, ip(7): by default a socket hears groups that other sockets have joined, on any
interface. The module socket has no name for it before Python 3.12."""

_MREQN = Struct("@4s4si")
_MREQ6 = Struct("@16sI")


class GroupSocket:
    """What is sent to `group` (a multicast address) at `port`, on one interface.

    `interface` is the IP address of ours, of the same family, whose interface is used; None leaves
    it to the kernel. `heard` is called with each datagram and its sender. `index_of` gives the
    number of the interface that has an IPv6 address, or raises OSError. `lost` is called when the
    reactor has closed the socket, as it does after errors.
    """

    def __init__(
        self,
        reactor: Any,
        group: Address,
        interface: str | None,
        heard: Callable[[bytes, Address], None],
        max_datagram: int,
        index_of: Callable[[str], int],
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._reactor = reactor
        self._group = group
        self._interface = interface
        self._heard = heard
        self._max_datagram = max_datagram
        self._index_of = index_of
        self._lost = lost
        self._listening: _Listening | None = None
        self._closing: set[Deferred[Any]] = set()
        self.error = ""
        """Why it is not open, in the kernel's words."""

    @property
    def group(self) -> Address:
        return self._group

    @property
    def is_open(self) -> bool:
        return self._listening is not None

    def open(self, hops: int = 1) -> bool:
        """Bind and join, unless that is done; whether it is. `error` says why not.

        What is sent crosses `hops` - 1 routers at the most.
        """
        if self._listening is not None:
            return True
        listening = _Listening(self)
        try:
            self._reactor.listenMulticast(
                self._group.port,
                listening,
                interface=self._group.host,
                maxPacketSize=self._max_datagram,
                listenMultiple=True,
            )
        except CannotListenError as error:
            return self._failed(error.socketError)
        self._listening = listening
        try:
            self._join(listening.transport.getHandle(), hops)
        except OSError as error:
            self.close()
            return self._failed(error)
        self.error = ""
        return True

    def send(self, datagram: bytes) -> bool:
        """Send to the group; when the kernel refuses, it is closed, and `error` says why."""
        assert self._listening is not None
        try:
            self._listening.transport.write(datagram, self._group)
        except OSError as error:
            self.close()
            return self._failed(error)
        return True

    def close(self) -> Deferred[Any]:
        """Close it; fires when it is closed, and those that were closed before it are, too."""
        listening, self._listening = self._listening, None
        if listening is not None:
            closed = maybeDeferred(listening.transport.stopListening)
            self._closing.add(closed)
            closed.addBoth(lambda _: self._closing.discard(closed))
        return gatherResults(self._closing)

    def received(self, listening: _Listening, datagram: bytes, sender: Address) -> None:
        """Pass on what was heard, unless it comes after the end."""
        if self._listening is listening:
            self._heard(datagram, sender)

    def lost(self, listening: _Listening) -> None:
        """Forget a socket that is closed, perhaps by the reactor after an error."""
        if self._listening is listening:
            self._listening = None
            self.error = "the socket was closed"
            self._lost()

    def _failed(self, error: OSError) -> bool:
        self.error = error.strerror or str(error)
        return False

    def _join(self, handle: Any, hops: int) -> None:
        group = ip_address(self._group.host)
        if isinstance(group, IPv6Address):
            level = socket.IPPROTO_IPV6
            index = self._index_of(self._interface) if self._interface else 0
            if index:
                handle.setsockopt(level, socket.IPV6_MULTICAST_IF, index)
            handle.setsockopt(level, socket.IPV6_MULTICAST_HOPS, hops)
            handle.setsockopt(level, socket.IPV6_JOIN_GROUP, _MREQ6.pack(group.packed, index))
            return
        ours = socket.inet_aton(self._interface or "0.0.0.0")  # noqa: S104 - the kernel chooses
        mreqn = _MREQN.pack(group.packed, ours, 0)
        handle.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        if self._interface:
            handle.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, ours)
        handle.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, hops)
        handle.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, mreqn)


class _Listening(DatagramProtocol):
    """One opening of the socket: Twisted's protocols cannot be listened with twice."""

    noisy = False
    transport: Any

    def __init__(self, owner: GroupSocket) -> None:
        self._owner = owner

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self._owner.received(self, datagram, Address(canonical_host(addr[0]), addr[1]))

    def stopProtocol(self) -> None:
        self._owner.lost(self)
