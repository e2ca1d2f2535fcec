"""Canonical peer priority (BEP 40): a number both ends of a connection agree on.

Peers with few free places prefer high numbers, which makes the swarm's graph random and
leaves no address block a way to crowd others out.
"""

from ipaddress import ip_address
from typing import Final

from txtorrent.address import Address

_CASTAGNOLI: Final = 0x82F63B78


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ _CASTAGNOLI if byte & 1 else byte >> 1
        table.append(byte)
    return tuple(table)


_TABLE: Final = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), as an unsigned 32-bit number."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def peer_priority(a: Address, b: Address) -> int:
    """The priority of a connection between `a` and `b`, in either order; 0 across families."""
    one, other = ip_address(a.host).packed, ip_address(b.host).packed
    if len(one) != len(other):
        return 0
    if one == other:
        ports = sorted((a.port, b.port))
        return crc32c(b"".join(port.to_bytes(2, "big") for port in ports))
    mask = _mask(one, other)
    masked = sorted(bytes(x & y for x, y in zip(ip, mask, strict=True)) for ip in (one, other))
    return crc32c(masked[0] + masked[1])


def _mask(one: bytes, other: bytes) -> bytes:
    """Bytes shared by both (from the second, or IPv6 sixth, on) count in full, and one more."""
    least, most = (2, 4) if len(one) == 4 else (6, 8)
    whole = least
    while whole < most and one[:whole] == other[:whole]:
        whole += 1
    return b"\xff" * whole + b"\x55" * (len(one) - whole)
