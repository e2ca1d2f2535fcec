"""Ids of nodes: how far apart they are, and which of them an address may have (BEP 42).

Also who may tell us of which address. Pure.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Final

from txtorrent.address import Address, Reach, is_dialable, packed, reach
from txtorrent.wire.krpcnodes import ID_SIZE

BITS: Final = ID_SIZE * 8
"""Of an id."""
_POLYNOMIAL: Final = 0x82F63B78
_MASK4: Final = bytes.fromhex("030f3fff")
_MASK6: Final = bytes.fromhex("0103070f1f3f7fff")
_FREE_BITS: Final = 0x07
_REMEMBERED: Final = 4096
"""Prefixes of addresses: those of the table and of the lookups under way, asked for repeatedly."""


def number(node_id: bytes) -> int:
    """An id as a number, so that `a ^ b` is the distance of two."""
    return int.from_bytes(node_id, "big")


def random_id(random: Random) -> bytes:
    """Any id."""
    return random.randbytes(ID_SIZE)


def id_for(host: str, random: Random) -> bytes:
    """An id that a node at this IP address may have; any, for an address of a local network."""
    if reach(host) is not Reach.GLOBAL:
        return random_id(random)
    tail = random.randrange(256)
    prefix = _prefix(host, tail & _FREE_BITS)
    middle = prefix[2] & ~_FREE_BITS | random.randrange(8)
    return prefix[:2] + bytes([middle]) + random.randbytes(16) + bytes([tail])


def fits(node_id: bytes, host: str) -> bool:
    """Whether a node at this IP address may have this id. At a local address it may have any."""
    if reach(host) is not Reach.GLOBAL:
        return True
    prefix = _prefix(host, node_id[-1] & _FREE_BITS)
    return node_id[:2] == prefix[:2] and (node_id[2] ^ prefix[2]) <= _FREE_BITS


def random_id_beside(own: bytes, shared: int, random: Random) -> bytes:
    """An id that has the first `shared` bits of `own` and differs in the next, if there is one."""
    if shared >= BITS:
        return own
    below = BITS - shared - 1
    flipped = number(own) >> below ^ 1
    return (flipped << below | random.getrandbits(below or 1) & ((1 << below) - 1)).to_bytes(
        ID_SIZE, "big"
    )


@lru_cache(_REMEMBERED)
def _prefix(host: str, chance: int) -> bytes:
    """The first four bytes of an id, of which 21 bits count; `chance` from 0 to 7."""
    address = packed(host)
    mask = _MASK4 if len(address) == 4 else _MASK6
    masked = bytearray(byte & bits for byte, bits in zip(address, mask, strict=False))
    masked[0] |= chance << 5
    return crc32c(masked).to_bytes(4, "big")


def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE: Final = _table()


def crc32c(data: bytes | bytearray) -> int:
    """The CRC-32 of Castagnoli (RFC 3720, B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def may_teach(teacher: str, learned: Address) -> bool:
    """Whether the node at IP address `teacher` can know of this address.

    Of our own networks only those know who are there themselves: others would have us knock at
    the doors of our neighbours.
    """
    if not is_dialable(learned):
        return False
    extent = reach(learned.host)
    if extent is Reach.GLOBAL:
        return True
    source = reach(teacher)
    if extent is Reach.PRIVATE:
        return source in (Reach.PRIVATE, Reach.LOOPBACK)
    return source is extent
