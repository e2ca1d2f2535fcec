"""Connecting to an HTTP tracker at an address that was checked, and at no other (THREATS D1).

The endpoints of one request, for `twisted.web.client.Agent`. What a connection may bring is
bounded here too, since the HTTP parser itself takes headers without end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory, IPolicyForHTTPS
from zope.interface import implementer

from txtorrent.address import Address
from txtorrent.tracker.guard import Guard, resolve
from txtorrent.wire.announce import TrackerError

MAX_RECEIVED = 2 * 1024 * 1024
"""Bytes a connection may bring, headers and TLS included: twice the largest body taken."""


class Hop(WrappingFactory):
    """The connections made for one HTTP request: counted, remembered, and ended together."""

    noisy = False

    def __init__(self, wrapped: IProtocolFactory, guard: Guard) -> None:
        super().__init__(wrapped)  # type: ignore[no-untyped-call]
        self.protocol = CountedConnection
        self.guard = guard


class CountedConnection(ProtocolWrapper):
    """Tells the guard where it went, and ends itself after `MAX_RECEIVED` bytes."""

    factory: Hop
    _received = 0

    def connectionMade(self) -> None:
        """Note the address before a byte is sent."""
        self.factory.guard.connected(self.getPeer().host)  # type: ignore[no-untyped-call]
        super().connectionMade()  # type: ignore[no-untyped-call]

    def dataReceived(self, data: bytes) -> None:
        """Pass on what still fits."""
        self._received += len(data)
        if self._received > MAX_RECEIVED:
            self.abortConnection()
        else:
            super().dataReceived(data)  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Say why, when it was us."""
        if self._received > MAX_RECEIVED:
            reason = Failure(TrackerError("the tracker's answer is too large"))
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


@implementer(IAgentEndpointFactory)
class CheckedEndpoints:
    """Makes the endpoint of one hop; `close` ends whatever that hop has left open."""

    def __init__(self, reactor: Any, guard: Guard, tls: IPolicyForHTTPS) -> None:
        self._reactor = reactor
        self._guard = guard
        self._tls = tls
        self._hops: list[Hop] = []

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """Give the endpoint of `uri`, with TLS and a check of the certificate's name for https."""
        creator = None
        if uri.scheme == b"https":
            creator = self._tls.creatorForNetloc(uri.host, uri.port)
        return _CheckedEndpoint(self, uri.host.decode("ascii"), uri.port, creator)

    async def connect(
        self, name: str, port: int, factory: IProtocolFactory, creator: Any
    ) -> IProtocol:
        """Connect to an address of `name` that the guard permits."""
        addresses = await resolve(self._reactor, self._guard, name, port)
        secured = creator and TLSMemoryBIOFactory(creator, True, factory, clock=self._reactor)
        hop = Hop(secured or factory, self._guard)
        self._hops.append(hop)
        bind = None if self._guard.interface is None else (self._guard.interface, 0)
        reactor = _FixedNames(self._reactor, addresses)
        # This tries one address after the other, and never looks a name up by itself.
        connection = await HostnameEndpoint(reactor, "tracker", port, bindAddress=bind).connect(hop)
        return _innermost(connection)

    def close(self) -> None:
        """Abort every connection that is still open."""
        for hop in self._hops:
            for connection in list(hop.protocols):
                connection.abortConnection()


@implementer(IStreamClientEndpoint)
class _CheckedEndpoint:
    def __init__(self, hops: CheckedEndpoints, name: str, port: int, creator: Any) -> None:
        self._hops = hops
        self._name = name
        self._port = port
        self._creator = creator

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Resolve, check, connect."""
        return Deferred.fromCoroutine(
            self._hops.connect(self._name, self._port, protocolFactory, self._creator)
        )


def _innermost(connection: Any) -> IProtocol:
    while isinstance(connection, ProtocolWrapper):
        connection = connection.wrappedProtocol
    return connection  # type: ignore[no-any-return]


@implementer(IReactorPluggableNameResolver, IHostnameResolver)
class _FixedNames:
    """A reactor to whom every name has the addresses that were checked."""

    def __init__(self, reactor: Any, addresses: Sequence[Address]) -> None:
        self.nameResolver = self
        self.connectTCP = reactor.connectTCP
        self.callLater = reactor.callLater
        self.seconds = reactor.seconds
        self._addresses = addresses

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        """Refuse: the addresses are what they are."""
        raise NotImplementedError("the addresses are fixed")

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        """Answer at once."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)
        for host, port in self._addresses:
            kind = IPv6Address if ":" in host else IPv4Address
            resolutionReceiver.addressResolved(kind("TCP", host, port))
        resolutionReceiver.resolutionComplete()
        return resolution


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Nothing to cancel: the answer was there at once."""
