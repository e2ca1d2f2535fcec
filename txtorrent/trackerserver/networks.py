"""Sets of addresses, as users write them: single ones and networks. Pure.

An IPv4-mapped IPv6 address counts as the IPv4 address: a socket for both families shows it so.
"""

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from attrs import field, frozen

_MAPPED: Final = bytes(10) + b"\xff\xff"
_MAPPED_BITS: Final = 96


def network(text: str) -> str:
    """An address or a network in its one spelling. ValueError when it is none, or when bits of the
    host are set: what was meant then is anyone's guess."""
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address or network: write one as 10.0.0.0/8") from None
    if isinstance(found, IPv6Network) and found.network_address.scope_id is not None:
        raise ValueError(f"{text!r}: write it without the %")
    try:
        ip_network(text)
    except ValueError:
        hint = f"write {found}, or the address alone"
        raise ValueError(f"{text!r} is an address within a network: {hint}") from None
    found = _unmapped(found)
    return str(found).removesuffix("/32" if found.version == 4 else "/128")


def _unmapped(found: IPv4Network | IPv6Network) -> IPv4Network | IPv6Network:
    if isinstance(found, IPv6Network) and found.prefixlen >= _MAPPED_BITS:
        inner = found.network_address.ipv4_mapped
        if inner is not None:
            return IPv4Network((inner, found.prefixlen - _MAPPED_BITS))
    return found


@frozen(repr=False)
class Networks:
    """Which addresses are in any of the networks: one search for each question, however many
    there are. Those that overlap or touch are kept as one range."""

    _starts4: list[bytes] = field(factory=list)
    _ends4: list[bytes] = field(factory=list)
    _starts6: list[bytes] = field(factory=list)
    _ends6: list[bytes] = field(factory=list)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Networks":
        """Of networks in the form that `network` gives. ValueError when one is none."""
        ranges: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for text in texts:
            found = _unmapped(ip_network(text))
            first = int(found.network_address)
            ranges[found.version].append((first, first + found.num_addresses - 1))
        return cls(*_sides(ranges[4], 4), *_sides(ranges[6], 16))

    def __contains__(self, host: bytes) -> bool:
        """Whether an address, 4 or 16 bytes, is in one of them."""
        if len(host) == 16 and host.startswith(_MAPPED):
            host = host[12:]
        if len(host) == 4:
            starts, ends = self._starts4, self._ends4
        else:
            starts, ends = self._starts6, self._ends6
        index = bisect_right(starts, host)
        return index > 0 and host <= ends[index - 1]

    def __bool__(self) -> bool:
        return bool(self._starts4 or self._starts6)

    def __repr__(self) -> str:
        return f"<Networks of {len(self._starts4)} and {len(self._starts6)} ranges>"


def _sides(ranges: list[tuple[int, int]], size: int) -> tuple[list[bytes], list[bytes]]:
    """First and last addresses, of `size` bytes, of what the ranges cover together, in order."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(merged[-1][1], last)
        else:
            merged.append((first, last))
    return (
        [first.to_bytes(size, "big") for first, _ in merged],
        [last.to_bytes(size, "big") for _, last in merged],
    )
