"""The 68 bytes that open a peer connection (BEP 3), and peer ids (BEP 20)."""

import random as _random
from typing import Final, Self

from attrs import frozen

from txtorrent import __version__

PROTOCOL: Final = b"\x13BitTorrent protocol"
LENGTH: Final = 68
_INFO_HASH_AT: Final = 28
_PEER_ID_AT: Final = 48

FAST: Final = 0x04
"""Bit of reserved byte 7: the fast extension (BEP 6)."""
DHT: Final = 0x01
"""Bit of reserved byte 7: the sender has a DHT node (BEP 5)."""
EXTENDED: Final = 0x10
"""Bit of reserved byte 5: the extension protocol (BEP 10)."""


class HandshakeError(Exception):
    """These bytes are no BitTorrent handshake."""


def make_peer_id(random: _random.Random) -> bytes:
    """20 bytes: `-TX` with our version, then 12 random ones (BEP 20, Azureus style)."""
    digits = "".join(part[-1] for part in __version__.split(".")[:3]).ljust(4, "0")
    return b"-TX%s-" % digits.encode() + random.randbytes(12)


def reserved_bits(*, dht: bool) -> bytes:
    """The 8 bytes of extension bits that we send; `dht` for torrents that the DHT may know of."""
    return bytes((0, 0, 0, 0, 0, EXTENDED, 0, FAST | (DHT if dht else 0)))


@frozen
class Handshake:
    """What the two ends tell each other first.

    `reserved` are the 8 bytes of extension bits; `info_hash` and `peer_id` 20 bytes each.
    """

    info_hash: bytes
    peer_id: bytes
    reserved: bytes = reserved_bits(dht=False)

    @property
    def fast(self) -> bool:
        """Whether the sender speaks the fast extension."""
        return bool(self.reserved[7] & FAST)

    @property
    def extended(self) -> bool:
        """Whether the sender speaks the extension protocol."""
        return bool(self.reserved[5] & EXTENDED)

    @property
    def dht(self) -> bool:
        """Whether the sender has a DHT node."""
        return bool(self.reserved[7] & DHT)

    def encode(self) -> bytes:
        """The 68 bytes."""
        return PROTOCOL + self.reserved + self.info_hash + self.peer_id

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """From 68 bytes whose protocol name has been checked."""
        return cls(data[_INFO_HASH_AT:_PEER_ID_AT], data[_PEER_ID_AT:LENGTH], data[20:28])


class HandshakeDecoder:
    """Gathers a handshake; a wrong first byte is seen at once, not after 68."""

    __slots__ = ("_data",)

    def __init__(self) -> None:
        self._data = b""

    @property
    def info_hash(self) -> bytes | None:
        """The info-hash as soon as it has arrived: the answer need not await the peer id."""
        return self._data[_INFO_HASH_AT:_PEER_ID_AT] if len(self._data) >= _PEER_ID_AT else None

    def feed(self, data: bytes) -> tuple[Handshake, bytes] | None:
        """The handshake and the bytes behind it, or None while it is incomplete.

        Raises HandshakeError when it cannot become one.
        """
        self._data += data
        begun = self._data[: len(PROTOCOL)]
        if begun != PROTOCOL[: len(begun)]:
            raise HandshakeError("not a BitTorrent handshake")
        if len(self._data) < LENGTH:
            return None
        whole, self._data = self._data, self._data[:LENGTH]
        return Handshake.decode(whole), whole[LENGTH:]
