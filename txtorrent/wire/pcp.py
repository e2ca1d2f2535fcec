"""The datagrams of the port control protocol: MAP and ANNOUNCE, without options (RFC 6887).

Pure: nonces come as arguments; matching replies to requests, sending again, and what a changed
epoch means is `txtorrent.discovery`'s business.
"""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv6Address
from struct import Struct
from typing import Final

from attrs import frozen

from txtorrent.address import packed

VERSION: Final = 2
NONCE_SIZE: Final = 12
"""Bytes (section 11.1)."""
MAX_DATAGRAM: Final = 1100
"""Bytes of any message (section 7)."""

_REQUEST = Struct("!BBHI16s")
_REPLY = Struct("!BBBBII12x")
_MAP = Struct("!12sB3xHH16s")
_IS_REPLY = 128
_MAPPED4 = bytes(10) + b"\xff\xff"


class Opcode(IntEnum):
    """What a message is about."""

    ANNOUNCE = 0
    MAP = 1


class Transport(IntEnum):
    """Protocol numbers as IANA gives them."""

    TCP = 6
    UDP = 17


UNSUPPORTED_VERSION: Final = 1
RESULTS: Final = {
    1: "it does not speak this version",
    2: "it does not allow it",
    3: "it could not read what was asked",
    4: "it does not know what was asked",
    5: "it does not know an option",
    6: "it could not read an option",
    7: "it has no connection to the Internet itself",
    8: "it has no room for more",
    9: "it does not map this protocol",
    10: "this machine has as many mappings as it may",
    11: "it cannot give the external port",
    12: "another router stands between us and it",
    13: "it does not do this for other machines",
}
"""What a result other than 0 says about a router (section 7.4)."""


@frozen
class Reply:
    """What a router says, of any opcode. `epoch`: seconds since it began to remember mappings.

    `lifetime` is in seconds: that of the mapping, or of the error when `result` is not 0.
    """

    opcode: Opcode
    result: int
    lifetime: int
    epoch: int


@frozen
class MapReply(Reply):
    """What a router says to a MAP; of an error the external port and host are what was asked."""

    nonce: bytes
    transport: int
    internal_port: int
    external_port: int
    external_host: str


def map_request(
    client: str,
    nonce: bytes,
    transport: Transport,
    internal_port: int,
    external_port: int,
    external_host: str,
    lifetime: int,
) -> bytes:
    """Ask for a mapping (section 11.1) for `lifetime` seconds; external port and host are wishes.

    `client` is the IP address that the request comes from. Lifetime 0 takes the mapping away
    (section 15). ValueError when a host is no IP address or the nonce has not 12 bytes.
    """
    if len(nonce) != NONCE_SIZE:
        raise ValueError(f"a nonce has {NONCE_SIZE} bytes")
    header = _REQUEST.pack(VERSION, Opcode.MAP, 0, lifetime, _wide(client))
    return header + _MAP.pack(nonce, transport, internal_port, external_port, _wide(external_host))


def decode(datagram: bytes) -> Reply | MapReply:
    """Read a reply. ValueError when it is none, of another opcode, cut or too long."""
    if not _REPLY.size <= len(datagram) <= MAX_DATAGRAM or len(datagram) % 4:
        raise ValueError("no message of PCP is that long")
    version, code, _, result, lifetime, epoch = _REPLY.unpack_from(datagram)
    if version != VERSION or code < _IS_REPLY:
        raise ValueError("not a reply of PCP")
    opcode = Opcode(code - _IS_REPLY)
    if opcode is Opcode.ANNOUNCE:
        return Reply(opcode, result, lifetime, epoch)
    if len(datagram) < _REPLY.size + _MAP.size:
        raise ValueError("short reply")
    nonce, transport, internal, external, host = _MAP.unpack_from(datagram, _REPLY.size)
    return MapReply(
        opcode, result, lifetime, epoch, nonce, transport, internal, external, _text(host)
    )


def _wide(host: str) -> bytes:
    """An address in 16 bytes, an IPv4 one mapped (section 5)."""
    narrow = packed(host)
    return narrow if len(narrow) == 16 else _MAPPED4 + narrow


def _text(wide: bytes) -> str:
    address = IPv6Address(wide)
    return str(address.ipv4_mapped or address)
