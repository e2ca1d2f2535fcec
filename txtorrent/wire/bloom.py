"""The filters in which nodes of the DHT count the peers of a torrent (BEP 33). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha1
from math import log
from typing import Final

from txtorrent.address import packed

FILTER_SIZE: Final = 256
"""Bytes of a filter (BEP 33)."""
_BITS: Final = FILTER_SIZE * 8
EMPTY: Final = bytes(FILTER_SIZE)
"""The filter of nobody."""


def bloom_filter(hosts: Iterable[str]) -> bytes:
    """The filter of these IP addresses; ValueError when one is none."""
    bits = bytearray(FILTER_SIZE)
    for host in hosts:
        digest = sha1(packed(host)).digest()
        for low, high in (digest[:2], digest[2:4]):
            index = (low | high << 8) % _BITS
            bits[index // 8] |= 1 << index % 8
    return bytes(bits)


def union(filters: Iterable[bytes]) -> bytes:
    """The filter of everybody who is in one of these."""
    bits = 0
    for each in filters:
        bits |= int.from_bytes(each, "big")
    return bits.to_bytes(FILTER_SIZE, "big")


def estimate(bits: bytes) -> float:
    """How many addresses a filter was made of, about; useless from 6,000 on (BEP 33)."""
    zeros = _BITS - int.from_bytes(bits, "big").bit_count()
    zeros = min(_BITS - 1, max(zeros, 1)) if any(bits) else _BITS
    return log(zeros / _BITS) / (2 * log(1 - 1 / _BITS))
