"""The payload of ut_pex (BEP 11): which peers the sender has, and which it has no longer.

A list whose length is no whole number of addresses is left out, the rest counts; flags may be
missing. What is no bencoded dict is an error. No address is judged here.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import IntFlag
from functools import lru_cache
from typing import Final, NamedTuple, Self

from attrs import frozen

from txtorrent.address import Address, pack, unpack4, unpack6
from txtorrent.bencode import Value, encode
from txtorrent.wire.extension import leading_dict

MOST_LISTED: Final = 50
"""Addresses kept of each list. BEP 11 has no more than 50 of both families together in a message,
but for the first; clients send up to 50 of each."""
_SIZE4: Final = 6
_SIZE6: Final = 18
_PACKED: Final = 1024
"""Addresses whose compact form is remembered: all peers of a torrent are told of the same."""


class Flag(IntFlag):
    """What the sender knows of a peer that it names."""

    NONE = 0
    ENCRYPTION = 0x01
    """It prefers encryption."""
    UPLOAD_ONLY = 0x02
    """It is a seed, or downloads nothing."""
    UTP = 0x04
    HOLEPUNCH = 0x08
    OUTGOING = 0x10
    """The sender dialled it: it can be reached."""


_KNOWN: Final = 0x1F
"""Other bits mean nothing yet."""
_FLAGS: Final = [Flag(bits) for bits in range(_KNOWN + 1)]


class Contact(NamedTuple):
    """A peer that the sender is connected to."""

    address: Address
    flags: Flag = Flag.NONE


@frozen
class PeerExchange:
    """One message. `cut` counts the addresses received in `added` and `dropped` that were too
    many to be kept."""

    added: tuple[Contact, ...] = ()
    dropped: tuple[Address, ...] = ()
    cut: int = 0

    def encode(self) -> bytes:
        """The payload. ValueError when an address has no IP address."""
        lists: dict[bytes, Value] = {}
        for suffix, wide in ((b"", False), (b"6", True)):
            added = [each for each in self.added if _is_wide(each.address) is wide]
            dropped = [each for each in self.dropped if _is_wide(each) is wide]
            if added:
                lists[b"added" + suffix] = _joined(each.address for each in added)
                lists[b"added" + suffix + b".f"] = bytes(each.flags for each in added)
            if dropped:
                lists[b"dropped" + suffix] = _joined(dropped)
        return encode(lists)

    @classmethod
    def decode(cls, payload: bytes) -> Self:
        """The opposite. ProtocolError when that is no bencoded dict."""
        said, _ = leading_dict(payload, "peer exchange")
        added: list[Contact] = []
        dropped: list[Address] = []
        cut = 0
        for suffix, size, unpack in ((b"", _SIZE4, unpack4), (b"6", _SIZE6, unpack6)):
            more, surplus = _addresses(said, b"added" + suffix, size, unpack)
            gone, surplus_gone = _addresses(said, b"dropped" + suffix, size, unpack)
            added += map(Contact, more, _flags(said, b"added" + suffix + b".f", len(more)))
            dropped += gone
            cut += surplus + surplus_gone
        return cls(tuple(added), tuple(dropped), cut)


def _is_wide(address: Address) -> bool:
    return ":" in address.host


def _joined(addresses: Iterable[Address]) -> bytes:
    return b"".join(map(_packed, addresses))


_packed = lru_cache(_PACKED)(pack)


def _addresses(
    said: Mapping[bytes, Value], key: bytes, size: int, unpack: Callable[[bytes], list[Address]]
) -> tuple[list[Address], int]:
    """A list's addresses, and how many more there were."""
    packed = said.get(key)
    if not isinstance(packed, bytes) or len(packed) % size:
        return [], 0
    return unpack(packed[: size * MOST_LISTED]), max(0, len(packed) // size - MOST_LISTED)


def _flags(said: Mapping[bytes, Value], key: bytes, count: int) -> list[Flag]:
    flags = said.get(key)
    given = flags[:count] if isinstance(flags, bytes) else b""
    return [_FLAGS[each & _KNOWN] for each in given.ljust(count, b"\0")]
