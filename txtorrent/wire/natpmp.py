"""The datagrams of NAT-PMP, both ways: what a router's address is, and mapping a port (RFC 6886).

Pure: sending again, and what a changed epoch means, is `txtorrent.discovery`'s business.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final

from attrs import frozen

VERSION: Final = 0
SERVER_PORT: Final = 5351
"""UDP port that a router answers at, by NAT-PMP as by PCP."""
CLIENT_PORT: Final = 5350
"""UDP port at which hosts hear what a router says to all of them."""

_REQUEST = Struct("!BBHHHI")
_HEADER = Struct("!BBHI")
_ADDRESS = Struct("!BBHI4B")
_MAPPED = Struct("!BBHIHHI")
_IS_REPLY = 128


class Opcode(IntEnum):
    """What is asked (section 3)."""

    ADDRESS = 0
    MAP_UDP = 1
    MAP_TCP = 2


RESULTS: Final = {
    1: "it does not speak this version",
    2: "it does not allow it",
    3: "it has no connection to the Internet itself",
    4: "it has no room for more",
    5: "it does not know what was asked",
}
"""What a result other than 0 says about a router (section 3.5)."""
UNSUPPORTED_VERSION: Final = 1


@frozen
class Reply:
    """What a router says. `epoch`: seconds since it began to remember mappings.

    With a `result` other than 0 nothing else counts. `host` is the router's external address in
    a reply to ADDRESS, "" in others; the ports and `lifetime` (seconds) are those of a mapping.
    """

    opcode: Opcode
    result: int
    epoch: int
    host: str = ""
    internal_port: int = 0
    external_port: int = 0
    lifetime: int = 0


def address_request() -> bytes:
    """Ask for the router's external address (section 3.2)."""
    return bytes((VERSION, Opcode.ADDRESS))


def map_request(opcode: Opcode, internal_port: int, external_port: int, lifetime: int) -> bytes:
    """Ask for a mapping for `lifetime` seconds (section 3.3); the external port is a wish.

    Lifetime 0 and external port 0 take the mapping away (section 3.4).
    """
    return _REQUEST.pack(VERSION, opcode, 0, internal_port, external_port, lifetime)


def decode(datagram: bytes) -> Reply:
    """Read a reply. ValueError when it is none, or too short for what it says it is."""
    if len(datagram) < _HEADER.size:
        raise ValueError("short reply")
    version, code, result, epoch = _HEADER.unpack_from(datagram)
    if version != VERSION or code < _IS_REPLY:
        raise ValueError("not a reply of NAT-PMP")
    opcode = Opcode(code - _IS_REPLY)
    if result:
        return Reply(opcode, result, epoch)
    form = _ADDRESS if opcode is Opcode.ADDRESS else _MAPPED
    if len(datagram) < form.size:
        raise ValueError("short reply")
    rest = form.unpack_from(datagram)[4:]
    if opcode is Opcode.ADDRESS:
        return Reply(opcode, 0, epoch, host=".".join(map(str, rest)))
    return Reply(opcode, 0, epoch, "", *rest)
