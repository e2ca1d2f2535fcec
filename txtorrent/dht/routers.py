"""The hosts that a node without acquaintances asks first: names, looked up when they are needed."""

from __future__ import annotations

from typing import Any, Final

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from txtorrent.address import Address, Reach, canonical_host, is_dialable, reach

MOST_ROUTERS: Final = 50
"""Names; those of a user's list and of torrents."""
MOST_ADDRESSES: Final = 4
"""Addresses of a family used of one name."""
TIMEOUT: Final = 20.0
"""Seconds for the names to be looked up; those found by then are used."""


class Routers:
    """Names and ports of routers. `reactor` provides IReactorPluggableNameResolver and time."""

    def __init__(self, reactor: Any, names: tuple[tuple[str, int], ...]) -> None:
        """`names` are the user's own, and may be in local networks."""
        self._reactor = reactor
        self._names = dict.fromkeys(names[:MOST_ROUTERS], True)

    def add(self, host: str, port: int) -> None:
        """One more, of a stranger: it counts where it is on the public network. The first fifty
        count."""
        if len(self._names) < MOST_ROUTERS:
            self._names.setdefault((host, port), False)

    def addresses(self, *, ipv6: bool) -> Deferred[list[Address]]:
        """Where those of one family are; looked up anew each time."""
        answers = [_Answer(port, is_ours) for (_, port), is_ours in self._names.items()]
        for answer, (host, port) in zip(answers, self._names, strict=True):
            self._look_up(answer, host, port)
        whole: Deferred[Any] = gatherResults(
            [answer.complete for answer in answers], consumeErrors=True
        )
        whole.addTimeout(TIMEOUT, self._reactor)
        whole.addErrback(lambda _: None)
        return whole.addCallback(
            lambda _: [address for answer in answers for address in answer.usable(ipv6)]
        )

    def _look_up(self, answer: _Answer, host: str, port: int) -> None:
        try:
            answer.add(canonical_host(host))
        except ValueError:
            self._reactor.nameResolver.resolveHostName(answer, host, portNumber=port)
        else:
            answer.resolutionComplete()


@implementer(IResolutionReceiver)
@define(eq=False)
class _Answer:
    """Collects what the resolver finds of one name."""

    port: int
    is_ours: bool
    complete: Deferred[None] = field(init=False, factory=Deferred)
    found: list[Address] = field(init=False, factory=list)

    def add(self, host: str) -> None:
        address = Address(host, self.port)
        if address not in self.found:
            self.found.append(address)

    def usable(self, ipv6: bool) -> list[Address]:
        """The addresses of one family that may be asked."""
        return [
            address
            for address in self.found
            if (":" in address.host) == ipv6
            and is_dialable(address)
            and (self.is_ours or reach(address.host) is Reach.GLOBAL)
        ][:MOST_ADDRESSES]

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Nothing to note: Twisted's resolutions cannot be cancelled."""

    def addressResolved(self, address: IAddress) -> None:
        """Keep an address, once."""
        if isinstance(address, IPv4Address | IPv6Address):
            self.add(canonical_host(address.host))

    def resolutionComplete(self) -> None:
        """That is all."""
        if not self.complete.called:
            self.complete.callback(None)
