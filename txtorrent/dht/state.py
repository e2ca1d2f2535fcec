"""What the DHT keeps between runs: ids, external hosts and nodes of both families, sealed.

A state that is damaged, cut or another program's is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from attrs import frozen

from txtorrent.address import canonical_host, is_dialable
from txtorrent.bencode import BencodeError, Value, decode, encode
from txtorrent.wire.krpcnodes import ID_SIZE, NodeInfo, pack_nodes, unpack_nodes

MOST_NODES: Final = 200
"""Of a family: some of them will be there."""
MAX_STATE: Final = 65536
"""Bytes: several times what is ever written."""
_MAGIC: Final = b"txtorrent dht 1\n"
_SEAL_SIZE: Final = 16


class BadState(ValueError):
    """These bytes are no state of ours."""


@frozen
class FamilyState:
    """One node of ours: its id, the IP address it was for, and nodes that it knew."""

    id: bytes
    host: str | None
    nodes: tuple[NodeInfo, ...]


def encode_state(families: Iterable[tuple[bool, FamilyState]]) -> bytes:
    """The bytes of the state of each family; True is IPv6."""
    everything: dict[bytes, Value] = {}
    for ipv6, state in families:
        everything[b"6" if ipv6 else b"4"] = {
            b"id": state.id,
            b"host": (state.host or "").encode("ascii"),
            b"nodes": pack_nodes(state.nodes),
        }
    body = encode(everything)
    return _MAGIC + _seal(body) + body


def decode_state(data: bytes) -> dict[bool, FamilyState]:
    """The states of the families that are there; BadState."""
    head, body = data[: len(_MAGIC)], data[len(_MAGIC) + _SEAL_SIZE :]
    if len(data) > MAX_STATE or head != _MAGIC or not data[len(_MAGIC) :].startswith(_seal(body)):
        raise BadState("damaged, or not ours")
    try:
        everything = decode(body)
        if not isinstance(everything, dict):
            raise BadState("not a dict")
        return {
            ipv6: _family(everything[key], ipv6=ipv6)
            for ipv6, key in ((False, b"4"), (True, b"6"))
            if key in everything
        }
    except (BencodeError, KeyError, TypeError, ValueError) as error:
        raise BadState(str(error)) from None


def _family(values: Value, *, ipv6: bool) -> FamilyState:
    if not isinstance(values, dict):
        raise BadState("no family")
    own_id, host, nodes = values[b"id"], values[b"host"], values[b"nodes"]
    if not (isinstance(own_id, bytes) and isinstance(host, bytes) and isinstance(nodes, bytes)):
        raise BadState("no family")
    if len(own_id) != ID_SIZE:
        raise BadState("no id")
    known = unpack_nodes(nodes, ipv6=ipv6)
    return FamilyState(
        own_id,
        canonical_host(host.decode("ascii")) if host else None,
        tuple(node for node in known if is_dialable(node.address)),
    )


def _seal(body: bytes) -> bytes:
    return blake2b(body, digest_size=_SEAL_SIZE).digest()
