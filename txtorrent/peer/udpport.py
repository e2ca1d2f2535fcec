"""The one UDP socket of a session, shared by all that speaks UDP to peers and nodes.

Who a datagram is for is told by how it begins: a `d` is bencoding, so the DHT's. What cannot be
sent is lost, as any datagram may be, and counted: sending never raises.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError, MessageLengthError
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.internet.protocol import DatagramProtocol
from twisted.logger import Logger

from txtorrent.address import Address, canonical_host

MAX_DATAGRAM: Final = 8192
"""Bytes read of a datagram; all that we take are shorter."""
RETRY: Final = 5.0
"""Seconds until a socket that the system closed on us is opened again."""
ALL: Final = "::"
"""Where both families are listened to, as the kernel usually has it. TCP does likewise."""
ALL_IPV4: Final = "0.0.0.0"  # noqa: S104 - the user asked for no interface, so for all
NO_IPV6: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""What a system without IPv6 says to one who listens at `ALL`."""

Matches = Callable[[bytes], bool]
Receive = Callable[[bytes, Address], None]

_log = Logger()


class UdpPort:
    """A socket at `port`, 0 for any, of IPv4 and IPv6 alike; or at the IP address `interface`.

    `reactor` provides IReactorUDP and IReactorTime. Addresses are canonical. `lost` counts by
    reason what was not sent or was for nobody.
    """

    def __init__(self, reactor: Any, port: int, interface: str | None = None) -> None:
        self.lost: Counter[str] = Counter()
        self._reactor = reactor
        self._wanted = port
        self._interface = interface
        self._receivers: list[tuple[Matches, Receive]] = []
        self._opening: _Opening | None = None
        self._closing: set[Deferred[None]] = set()
        self._retry: IDelayedCall | None = None

    @property
    def port(self) -> int:
        """The port that we listen on; 0 while we do not."""
        return self._opening.port if self._opening is not None else 0

    def add_receiver(self, matches: Matches, receive: Receive) -> None:
        """Have datagrams that `matches` says yes to received, unless an earlier receiver takes
        them. An empty datagram is nobody's."""
        self._receivers.append((matches, receive))

    def listen(self) -> None:
        """Take the port. CannotListenError when another program has it."""
        self._opening = self._open(self._wanted)

    def rebind(self, port: int) -> None:
        """Be at another port from now on; 0 is any free one. CannotListenError when another
        program has it: then nothing was changed."""
        before, self._opening = self._opening, self._open(port)
        self._wanted = port
        if before is not None:
            self._close(before)

    def stop(self) -> Deferred[None]:
        """Close the socket; fires when it is closed."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        opening, self._opening = self._opening, None
        if opening is not None:
            self._close(opening)
        return gatherResults(self._closing).addCallback(lambda _: None)

    def send(self, datagram: bytes, address: Address) -> None:
        """Send, or lose."""
        if self._opening is None:
            self.lost["no socket"] += 1
            return
        try:
            self._opening.write(datagram, address)
        except MessageLengthError:
            self.lost["EMSGSIZE"] += 1
        except OSError as error:
            self.lost[errno.errorcode.get(error.errno or 0, "unknown")] += 1
        except ValueError:  # Twisted's, for an address that is not of the socket's family
            self.lost["wrong family"] += 1

    # -- for the socket ------------------------------------------------------------------------

    def received(self, datagram: bytes, source: Address) -> None:
        """Give a datagram to whom it is for."""
        for matches, receive in self._receivers:
            if datagram and matches(datagram):
                receive(datagram, source)
                return
        self.lost["for nobody"] += 1

    def closed(self, opening: _Opening) -> None:
        """A socket is closed: by us, or by the reactor after an error."""
        if self._opening is opening:
            self._opening = None
            self._retry = self._reactor.callLater(RETRY, self._listen_again)

    # -- inside ------------------------------------------------------------------------------

    def _listen_again(self) -> None:
        self._retry = None
        try:
            self.listen()
        except CannotListenError as error:
            _log.warn("the UDP port cannot be opened again yet: {error}", error=error)
            self._retry = self._reactor.callLater(RETRY, self._listen_again)

    def _open(self, port: int) -> _Opening:
        try:
            return self._open_at(self._interface or ALL, port)
        except CannotListenError as error:
            code = getattr(error.socketError, "errno", None)
            if self._interface or code not in NO_IPV6:
                raise
            return self._open_at(ALL_IPV4, port)

    def _open_at(self, interface: str, port: int) -> _Opening:
        opening = _Opening(self, ipv6=":" in interface)
        self._reactor.listenUDP(port, opening, interface=interface, maxPacketSize=MAX_DATAGRAM)
        return opening

    def _close(self, opening: _Opening) -> None:
        closed = opening.close()
        self._closing.add(closed)
        closed.addBoth(lambda _: self._closing.discard(closed))


class _Opening(DatagramProtocol):
    """One opening of the socket: Twisted's protocols cannot be listened with twice."""

    noisy = False
    transport: Any

    def __init__(self, owner: UdpPort, *, ipv6: bool) -> None:
        self._owner = owner
        self._ipv6 = ipv6

    @property
    def port(self) -> int:
        return cast(IPv4Address, cast(IListeningPort, self.transport).getHost()).port

    def write(self, datagram: bytes, address: Address) -> None:
        host = address.host
        if self._ipv6 and ":" not in host:
            host = "::ffff:" + host
        self.transport.write(datagram, (host, address.port))

    def close(self) -> Deferred[None]:
        return maybeDeferred(self.transport.stopListening)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self._owner.received(datagram, Address(canonical_host(addr[0]), addr[1]))

    def stopProtocol(self) -> None:
        self._owner.closed(self)


def is_dht(datagram: bytes) -> bool:
    """Whether a datagram is one of the DHT: a bencoded dict, as no packet of uTP begins."""
    return datagram.startswith(b"d")
