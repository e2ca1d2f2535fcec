"""Whose address a request speaks for, when it may have come through a proxy.

The governing rule: nothing that a request says of addresses counts, unless who says it is a
listed proxy. X-Forwarded-For is read from its end, since each proxy adds whom it heard from; ip=
and its like count only of one that is itself listed, never of whom a proxy passed on.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from txtorrent.address import Address, is_dialable, packed, split_host_port, text_of
from txtorrent.trackerserver.interfaces import Reason, Refused
from txtorrent.trackerserver.networks import Networks

FORWARDED: Final = "X-Forwarded-For"
MAX_PROXIES: Final = 16
"""Proxies in a row that are believed; known chains have two or three."""
MAX_HOST: Final = 64
"""Characters of an address: any IPv6 one with brackets, scope and port is shorter."""
_FAMILIES: Final = {"ipv4": 4, "ipv6": 16}
"""Bytes of what the parameters of BEP 7 hold."""


class Place(NamedTuple):
    """Where a peer can be reached. `host` has 4 or 16 bytes; `port` is None when it is the one
    that the announce names elsewhere."""

    host: bytes
    port: int | None = None


class Proxies:
    """Those that are listed."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    def asker(self, connection: bytes, forwarded: str = "") -> bytes:
        """The address, 4 or 16 bytes, of who asks: the connection's, or that which listed proxies
        say they heard from. `forwarded` is the header X-Forwarded-For, several joined by commas.

        Refused, when a listed proxy passes on what is no address.
        """
        asker = connection
        if not forwarded or asker not in self._networks:
            return asker
        for text in reversed(forwarded.rsplit(",", MAX_PROXIES)):
            asker = _place(FORWARDED, text.strip()).host
            if asker not in self._networks:
                return asker
        return asker

    def places(self, asker: bytes, said: Mapping[str, str]) -> tuple[Place, ...]:
        """Where the peer of an announce is: one address, or one of each family (BEP 7), the
        asker's family first. `asker` is what `asker` gives; of what is `said`, by parameter, ip,
        ipv4 and ipv6 are looked at.

        Refused, when a listed proxy says what is no address of a peer.
        """
        if not said or asker not in self._networks:
            return (Place(asker),)
        first = _dialable("ip", said["ip"]) if said.get("ip") else Place(asker)
        places = {len(first.host): first}
        for name, size in _FAMILIES.items():
            if said.get(name):
                place = _dialable(name, said[name])
                if len(place.host) != size:
                    raise _malformed(name)
                places[size] = place
        return tuple(places.values())


def _dialable(name: str, text: str) -> Place:
    place = _place(name, text)
    if place.port == 0 or not is_dialable(Address(text_of(place.host), 1)):
        raise _malformed(name)
    return place


def _place(name: str, text: str) -> Place:
    """An address, alone or with a port, of a parameter or header."""
    if len(text) > MAX_HOST:
        raise _malformed(name)
    try:
        is_bracketed = text.startswith("[") and text.endswith("]") and ":" in text
        return Place(packed(text[1:-1] if is_bracketed else text))
    except ValueError:
        pass
    try:
        host, port = split_host_port(text)
        return Place(packed(host), port)
    except ValueError:
        raise _malformed(name) from None


def _malformed(name: str) -> Refused:
    return Refused(Reason.MALFORMED, f"{name} is no IP address of a peer")
