"""The simulated network's DNS: names from the network's table, answers one round trip later."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from attrs import define
from twisted.internet.abstract import isIPv6Address
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IResolutionReceiver,
)
from zope.interface import implementer

if TYPE_CHECKING:
    from tests.testing.host import Host

# Address classes asked for when the caller does not say.
BOTH: tuple[type[IAddress], ...] = (IPv4Address, IPv6Address)
LOCALHOST = ("127.0.0.1", "::1")


def literal(name: str) -> str | None:
    """The address that a name already is, in any of the spellings that getaddrinfo accepts."""
    if isIPv6Address(name):
        return name
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        return None


@implementer(IHostResolution)
@define(eq=False)
class Lookup:
    """One name being looked up."""

    name: str

    def cancel(self) -> None:
        """Twisted's own cannot be cancelled either; whoever tries must learn it in a test."""
        raise NotImplementedError("a lookup cannot be cancelled")


@implementer(IHostnameResolver)
@define(eq=False)
class Resolver:
    """Answers from `Network.names`; an address is its own answer, an unknown name has none."""

    host: Host

    def resolveHostName(
        self,
        resolutionReceiver: IResolutionReceiver,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Sequence[type[IAddress]] | None = None,
        transportSemantics: str = "TCP",
    ) -> IHostResolution:
        lookup = Lookup(hostName)
        kinds = BOTH if addressTypes is None else tuple(addressTypes)
        protocol: Literal["TCP", "UDP"] = "UDP" if transportSemantics == "UDP" else "TCP"
        resolutionReceiver.resolutionBegan(lookup)

        def answer() -> None:
            for address in self.addresses(hostName):
                kind = IPv6Address if ":" in address else IPv4Address
                if kind in kinds:
                    resolutionReceiver.addressResolved(kind(protocol, address, portNumber))
            resolutionReceiver.resolutionComplete()

        self.host.soon(0.0 if literal(hostName) else 2 * self.host.latency, answer)
        return lookup

    def addresses(self, name: str) -> Sequence[str]:
        own = literal(name)
        if own is not None:
            return [own]
        return self.host.network.names.get(name.lower(), LOCALHOST if name == "localhost" else ())
