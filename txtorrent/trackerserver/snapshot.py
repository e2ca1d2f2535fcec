"""Swarms as a file: written when the tracker stops, read when it starts.

Nothing of it is needed: peers announce again within half an hour. But until they do a tracker that
was restarted would tell everybody that nobody is there. A file that is damaged is left out.

Layout, little-endian: a magic word, seconds since 1970, then for each swarm its info-hash, how
often it was completed, and four crowds (seeds of IPv4 and IPv6, leechers of both): how many, and
their three columns, times as seconds that are left; at the end an SHA-256 of all before it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Mapping
from hashlib import sha256
from struct import Struct
from typing import Final

from txtorrent.trackerserver.crowd import TAIL_SIZE, Below, Crowd
from txtorrent.trackerserver.swarm import WIDTHS, Party, Swarm

MAGIC: Final = b"txtorrent swarms 1\n"
_HEAD: Final = Struct("<Q")
_SWARM: Final = Struct("<20sI")
_COUNT: Final = Struct("<I")
_DIGEST: Final = 32


class Damaged(ValueError):
    """The file is no snapshot, or not all of one."""


def dump(swarms: Mapping[bytes, Swarm], now: int, wall: float) -> list[bytes]:
    """The file, in parts. `now` is the time by which peers expire, `wall` seconds since 1970."""
    parts = [MAGIC, _HEAD.pack(max(0, int(wall)))]
    for info_hash, swarm in swarms.items():
        parts.append(_SWARM.pack(info_hash, swarm.completed))
        for party in swarm.parties:
            for crowd in party.crowds:
                parts += [_COUNT.pack(0)] if crowd is None else _dumped(crowd, now)
    digest = sha256()
    for part in parts:
        digest.update(part)
    return [*parts, digest.digest()]


def load(data: bytes, now: int, wall: float, below: Below) -> Iterator[tuple[bytes, Swarm]]:
    """The swarms of a file, with the peers whose time is not over by now. Damaged, before the
    first one is given."""
    body = memoryview(data)[: -_DIGEST or None]
    if not data.startswith(MAGIC) or sha256(body).digest() != data[-_DIGEST:]:
        raise Damaged("it is damaged, or no file of swarms")
    (written,) = _HEAD.unpack_from(body, len(MAGIC))
    passed = max(0, int(wall) - written)
    return _loaded(bytes(body), now, passed, below)


def _dumped(crowd: Crowd, now: int) -> list[bytes]:
    left = array("I", [max(0, expires - now) for expires in crowd.expiries])
    return [
        _COUNT.pack(len(crowd)),
        bytes(crowd.addresses),
        bytes(crowd.tails),
        _little_endian(left).tobytes(),
    ]


def _loaded(body: bytes, now: int, passed: int, below: Below) -> Iterator[tuple[bytes, Swarm]]:
    at = len(MAGIC) + _HEAD.size
    while at < len(body):
        info_hash, completed = _SWARM.unpack_from(body, at)
        at += _SWARM.size
        swarm = Swarm(now)
        swarm.completed = completed
        for party in swarm.parties:
            for width in WIDTHS:
                (count,) = _COUNT.unpack_from(body, at)
                at += _COUNT.size
                _fill(
                    party,
                    body[at : at + count * (width + TAIL_SIZE + 4)],
                    width,
                    now,
                    passed,
                    below,
                )
                at += count * (width + TAIL_SIZE + 4)
        yield info_hash, swarm


def _fill(party: Party, rows: bytes, width: int, now: int, passed: int, below: Below) -> None:
    """Take in the peers of one crowd."""
    count = len(rows) // (width + TAIL_SIZE + 4)
    tails = count * width
    left = array("I")
    left.frombytes(rows[tails + count * TAIL_SIZE :])
    for row, seconds in enumerate(_little_endian(left)):
        if seconds > passed:
            tail = rows[tails + row * TAIL_SIZE : tails + (row + 1) * TAIL_SIZE]
            address = rows[row * width : (row + 1) * width]
            party.add(tail, address, now + seconds - passed, below)


def _little_endian(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
