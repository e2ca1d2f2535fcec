"""What a tracker is told and what it answers, whatever carries it: the other side of `announce`.

A tracker makes one of each for every request, so nothing is checked here, and nothing is frozen,
which would take twice as long: treat them as values.
"""

from __future__ import annotations

from typing import Final

from attrs import define

from txtorrent.wire.announce import Event

EVENTS: Final = tuple(Event(value) for value in range(4))
"""By the numbers of UDP trackers (BEP 15)."""
KEY_SIZE: Final = 4
"""Bytes of the number by which a client proves that it is the one that announced before (BEP 7)."""


class MalformedRequest(ValueError):
    """A request that no client sends; the text is for who wrote the client."""


@define
class ReceivedAnnounce:
    """An announce as it came. Counts are bytes.

    `host` is the peer's address, 4 or 16 bytes; `key` has `KEY_SIZE` bytes, or none where the
    client gave no key; `left` is 0 of a seed; `numwant` is None where the client leaves it to us.
    """

    info_hash: bytes
    peer_id: bytes
    host: bytes
    port: int
    uploaded: int
    downloaded: int
    left: int
    event: Event
    key: bytes
    numwant: int | None


@define
class Selection:
    """A swarm as one peer is told of it: how many there are, and some of them.

    `peers4` and `peers6` are compact lists (BEP 23, BEP 7); `ids4` and `ids6` their peer ids, 20
    bytes each in the same order, or empty where nobody asked for them. A peer whose id is not known
    has zeros.
    """

    seeders: int
    leechers: int
    completed: int
    peers4: bytes = b""
    peers6: bytes = b""
    ids4: bytes = b""
    ids6: bytes = b""
