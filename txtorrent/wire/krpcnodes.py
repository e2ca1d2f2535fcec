"""Where a node of the DHT is, and the compact lists of nodes in messages (BEP 5, BEP 32). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from txtorrent.address import Address, pack, unpack4, unpack6

ID_SIZE: Final = 20
"""Bytes of a node id, an info-hash and an item's target."""
SIZE4: Final = ID_SIZE + 6
"""Bytes of a node in a list of IPv4 nodes."""
SIZE6: Final = ID_SIZE + 18
"""Bytes of a node in a list of IPv6 nodes."""


class NodeInfo(NamedTuple):
    """A node's id of 20 bytes and its address, as somebody says."""

    id: bytes
    address: Address


def pack_nodes(nodes: Iterable[NodeInfo]) -> bytes:
    """The compact list of nodes, all of one family."""
    return b"".join(node.id + pack(node.address) for node in nodes)


def unpack_nodes(data: bytes, *, ipv6: bool) -> tuple[NodeInfo, ...]:
    """The nodes of a compact list. ValueError when it does not divide by a node's size."""
    size = SIZE6 if ipv6 else SIZE4
    if len(data) % size:
        raise ValueError(f"{len(data)} bytes are no list of nodes")
    starts = range(0, len(data), size)
    rest = b"".join(data[start + ID_SIZE : start + size] for start in starts)
    addresses = unpack6(rest) if ipv6 else unpack4(rest)
    pairs = zip(starts, addresses, strict=True)
    return tuple(NodeInfo(data[start : start + ID_SIZE], address) for start, address in pairs)
