"""The simulated network's DNS: names from the network's table, answers one round trip later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from attrs import define
from twisted.internet.abstract import isIPAddress, isIPv6Address
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


def socket_address(kind: Literal["TCP", "UDP"], host: str, port: int) -> IPv4Address | IPv6Address:
    """Of the class that suits the address."""
    return (IPv6Address if ":" in host else IPv4Address)(kind, host, port)


@implementer(IHostResolution)
@define(eq=False)
class Lookup:
    """One name being looked up."""

    name: str
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


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
        kind: Literal["TCP", "UDP"] = "UDP" if transportSemantics == "UDP" else "TCP"
        resolutionReceiver.resolutionBegan(lookup)

        def answer() -> None:
            if lookup.cancelled:
                return
            for address in self.addresses(hostName):
                found = socket_address(kind, address, portNumber)
                if isinstance(found, kinds):
                    resolutionReceiver.addressResolved(found)
            resolutionReceiver.resolutionComplete()

        clock = self.host.clock
        literal = isIPAddress(hostName) or isIPv6Address(hostName)
        clock.post(clock.seconds() + (0 if literal else 2 * self.host.latency), answer)
        return lookup

    def addresses(self, name: str) -> list[str]:
        if isIPAddress(name) or isIPv6Address(name):
            return [name]
        return list(self.host.network.names.get(name.lower(), ()))
