"""Which router leads to the Internet: the default gateway, read from procfs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from txtorrent.address import Reach, reach
from txtorrent.discovery.interfaces import IF_INET6, read_start

ROUTES4: Final = "/proc/net/route"
ROUTES6: Final = "/proc/net/ipv6_route"

_UP, _GATEWAY, _REJECT = 0x1, 0x2, 0x200
_HALF: Final = 0x80000000
"""The mask of the two routes by which VPNs take the place of the default route."""
_UNSUITABLE: Final = 0x01 | 0x08 | 0x20 | 0x40
"""Flags of an IPv6 address that is temporary, a duplicate, deprecated or not yet usable."""


class Gateway(NamedTuple):
    """A router's IP address (that of a link-local one with its scope, as in "fe80::1%eth0"), and
    the address of ours to ask it from; "" leaves that to the kernel."""

    host: str
    local: str = ""


class _Route4(NamedTuple):
    device: str
    target: int
    gateway: int
    flags: int
    metric: int
    mask: int

    @property
    def is_default(self) -> bool:
        wanted = _UP | _GATEWAY
        return self.flags & wanted == wanted and self.mask in (0, _HALF) and not self.target << 1


def default_gateway4(interface: str | None = None, routes: str = ROUTES4) -> Gateway | None:
    """The IPv4 gateway, of the network that has `interface` (an address of ours) if given.

    None when there is none. `routes` is a file in the form of /proc/net/route.
    """
    found = list(_routes4(read_start(routes)))
    if interface is not None:
        ours = int(IPv4Address(interface))
        devices = {each.device for each in found if _has(each, ours)}
        found = [each for each in found if each.device in devices]
    best = min((each for each in found if each.is_default), key=_preference, default=None)
    return None if best is None else Gateway(str(IPv4Address(best.gateway)), interface or "")


def _preference(route: _Route4) -> tuple[int, int]:
    return -route.mask, route.metric


def _has(route: _Route4, host: int) -> bool:
    return not route.flags & _GATEWAY and route.mask != 0 and host & route.mask == route.target


def _routes4(text: str) -> Iterator[_Route4]:
    for line in text.splitlines()[1:]:
        words = line.split()
        try:
            device, target, gateway, flags, _, _, metric, mask = words[:8]
            yield _Route4(
                device,
                _number4(target),
                _number4(gateway),
                int(flags, 16),
                int(metric),
                _number4(mask),
            )
        except ValueError:
            continue  # the end of what was read, perhaps in the middle of a line


def _number4(text: str) -> int:
    """An address as the kernel writes it: its bytes as one number of this machine."""
    return int.from_bytes(int(text, 16).to_bytes(4, sys.byteorder), "big")


def default_gateway6(
    interface: str | None = None, routes: str = ROUTES6, addresses: str = IF_INET6
) -> Gateway | None:
    """The IPv6 gateway, and a global address of ours on its network, which is `interface` if given.

    None when one of them is missing. `routes` and `addresses` are files in the forms of
    /proc/net/ipv6_route and /proc/net/if_inet6.
    """
    ours = list(_addresses6(read_start(addresses)))
    for _, device, gateway in sorted(_routes6(read_start(routes))):
        for name, host in ours:
            if name == device and interface in (None, host):
                scope = f"%{device}" if reach(gateway) is Reach.LINK_LOCAL else ""
                return Gateway(gateway + scope, host)
    return None


def _routes6(text: str) -> Iterator[tuple[int, str, str]]:
    """Metric, device and gateway of each default route."""
    for line in text.splitlines():
        words = line.split()
        try:
            target, bits, _, _, gateway, metric, _, _, flags, device = words
            wanted = _UP | _GATEWAY
            if int(flags, 16) & (wanted | _REJECT) == wanted and not int(target + bits, 16):
                yield int(metric, 16), device, str(IPv6Address(bytes.fromhex(gateway)))
        except ValueError:
            continue


def _addresses6(text: str) -> Iterator[tuple[str, str]]:
    """Device and address, of each address of ours that others can reach for long."""
    for line in text.splitlines():
        words = line.split()
        try:
            address, _, _, _, flags, device = words
            host = str(IPv6Address(bytes.fromhex(address)))
            if reach(host) is Reach.GLOBAL and not int(flags, 16) & _UNSUITABLE:
                yield device, host
        except ValueError:
            continue
