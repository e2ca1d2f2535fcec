"""To which addresses a tracker's URL may lead us (THREATS D1, D2).

The governing rule: what is judged is the address a connection goes to, never the URL's text.
So names are resolved once, here, and whoever connects uses the addresses this module returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urljoin

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from txtorrent.address import Address, Reach, canonical_host, reach
from txtorrent.tracker.errors import UnreachableError
from txtorrent.wire.announce import TrackerError, TrackerUrl

MAX_REDIRECTS = 3
"""Hops. Honest trackers need one or two (to https, to a new name)."""
MAX_ADDRESSES = 8
"""Addresses tried of one name; more only help somebody who wants us to knock at many doors."""

_LOCAL = frozenset({Reach.PRIVATE, Reach.LOOPBACK})


@define
class Guard:
    """Judges the hops of one request; made anew for each.

    An untrusted tracker must be on the public network. A trusted one (named by the user) may be
    at a private or loopback address, and may then redirect only to the public network or to
    itself. Link-local addresses are nobody's: cloud metadata services live there.
    """

    trusted: bool
    interface: str | None = None
    _hops: int = field(default=0, init=False)
    _last: str | None = field(default=None, init=False)

    def permits(self, host: str) -> bool:
        """Whether this hop may go to the IP address `host`."""
        extent = reach(host)
        if extent is Reach.GLOBAL:
            return True
        return self.trusted and extent in _LOCAL and self._last in (None, host)

    def permitted(self, name: str, addresses: Sequence[Address]) -> list[Address]:
        """Keep the addresses that may be used; TrackerError says why when none is left."""
        family = [each for each in addresses if self._same_family(each.host)]
        if not family:
            raise UnreachableError(f"{name} has no address that can be reached from here")
        kept = [each for each in family if self.permits(each.host)]
        if not kept:
            extent = reach(family[0].host).name.lower().replace("_", "-")
            raise TrackerError(f"{name} is at a {extent} address, where this tracker must not be")
        return kept[:MAX_ADDRESSES]

    @property
    def address(self) -> str:
        """The IP address that was connected to last."""
        if self._last is None:
            raise RuntimeError("no connection was made")
        return self._last

    def connected(self, host: str) -> None:
        """Note the address that this hop connected to."""
        self._last = canonical_host(host)

    def redirect(self, url: TrackerUrl, location: str) -> TrackerUrl:
        """Give where a redirect leads; TrackerError when we do not follow it there."""
        self._hops += 1
        if self._hops > MAX_REDIRECTS:
            raise TrackerError(f"the tracker redirects more than {MAX_REDIRECTS} times")
        try:
            target = TrackerUrl.parse(urljoin(url.origin + url.target, location))
        except ValueError:
            raise TrackerError("the tracker redirects to a URL that cannot be read") from None
        if target.scheme not in ("http", "https"):
            raise TrackerError(f"the tracker redirects to scheme {target.scheme!r}")
        if url.scheme == "https" and target.scheme != "https":
            raise TrackerError("the tracker redirects from https to http")
        return target

    def _same_family(self, host: str) -> bool:
        return self.interface is None or (":" in host) == (":" in self.interface)


async def resolve(
    reactor: Any, guard: Guard, name: str, port: int, transport: str = "TCP"
) -> list[Address]:
    """Give the addresses of `name` that `guard` permits, in the resolver's order, never none.

    `reactor` provides IReactorPluggableNameResolver. An IP address as `name` is not looked up.
    Raises TrackerError (UnreachableError when the name has no address).
    """
    found = await look_up(reactor, name, port, transport)
    if not found:
        raise UnreachableError(f"the name {name} cannot be resolved")
    return guard.permitted(name, found)


def look_up(reactor: Any, name: str, port: int, transport: str = "TCP") -> Deferred[list[Address]]:
    """The addresses of a name, wherever they are; none if there are none. Never fails.

    An IP address is not looked up, and known at once."""
    try:
        return succeed([Address(canonical_host(name), port)])
    except ValueError:
        pass
    answer = _Answer(port)
    reactor.nameResolver.resolveHostName(
        answer, name, portNumber=port, transportSemantics=transport
    )
    return answer.complete


@implementer(IResolutionReceiver)
class _Answer:
    """Collects what the resolver finds."""

    def __init__(self, port: int) -> None:
        self.complete: Deferred[list[Address]] = Deferred()
        self._port = port
        self._found: dict[Address, None] = {}

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Nothing to note: Twisted's resolutions cannot be cancelled."""

    def addressResolved(self, address: IAddress) -> None:
        """Keep an address, once."""
        if isinstance(address, IPv4Address | IPv6Address):
            self._found[Address(canonical_host(address.host), self._port)] = None

    def resolutionComplete(self) -> None:
        """Hand over what was found."""
        self.complete.callback(list(self._found))


def plausible_peers(peers: Sequence[Address], tracker: str) -> tuple[Address, ...]:
    """Keep the peers that the tracker at IP address `tracker` can know of.

    Nobody but a tracker on this machine can send us to this machine, and so for link-local
    addresses: from others such peers are poison (THREATS D5).
    """
    known = {Reach.GLOBAL, Reach.PRIVATE, reach(tracker)}
    return tuple(peer for peer in peers if reach(peer.host) in known)
