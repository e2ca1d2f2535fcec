"""Where a peer or tracker is: IP address and port, and their compact forms (BEP 23, BEP 7).

Also how far an address reaches, so that nobody is talked into dialling our own network.
Pure: no name is resolved here.
"""

from enum import Enum, auto
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_INET, AF_INET6, inet_pton
from struct import Struct
from typing import Final, NamedTuple

_COMPACT4 = Struct(">4BH")
_COMPACT6 = Struct(">16sH")
_MAPPED: Final = bytes(10) + b"\xff\xff"
"""How an IPv6 address begins that is an IPv4 one."""
_MAX_PORT = 65535
_REMEMBERED: Final = 512
"""Hosts: a connection's is asked about six times within moments, at 2 to 3 us each."""


class Address(NamedTuple):
    """An IP address and a port. `host` is canonical text (`canonical_host`)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Reach(Enum):
    """From where an address can be reached."""

    GLOBAL = auto()
    PRIVATE = auto()
    """RFC 1918, shared space (100.64/10), unique local IPv6 and their like."""
    LINK_LOCAL = auto()
    """169.254/16, where clouds keep their metadata service, and fe80::/10."""
    LOOPBACK = auto()
    UNUSABLE = auto()
    """Unspecified, multicast, broadcast, reserved: no peer can be there."""


class _Block(NamedTuple):
    """The addresses whose bits above `shift` are `prefix`."""

    prefix: int
    shift: int
    reach: Reach


def _block(network: str, reach: Reach) -> _Block:
    text, bits = network.split("/")
    address = ip_address(text)
    shift = address.max_prefixlen - int(bits)
    return _Block(int(address) >> shift, shift, reach)


# Tables of our own, first match wins: the properties of the ipaddress module differ between
# Python's versions. Documentation prefixes count as global, nothing is there to be harmed.
_BLOCKS4 = (
    _block("10.0.0.0/8", Reach.PRIVATE),
    _block("172.16.0.0/12", Reach.PRIVATE),
    _block("192.168.0.0/16", Reach.PRIVATE),
    _block("100.64.0.0/10", Reach.PRIVATE),
    _block("192.0.0.0/24", Reach.PRIVATE),
    _block("198.18.0.0/15", Reach.PRIVATE),
    _block("169.254.0.0/16", Reach.LINK_LOCAL),
    _block("127.0.0.0/8", Reach.LOOPBACK),
    _block("0.0.0.0/8", Reach.UNUSABLE),
    _block("224.0.0.0/3", Reach.UNUSABLE),
)
_BLOCKS6 = (
    _block("2001:2::/48", Reach.PRIVATE),
    _block("2000::/3", Reach.GLOBAL),
    _block("fc00::/7", Reach.PRIVATE),
    _block("fec0::/10", Reach.PRIVATE),
    _block("64:ff9b:1::/48", Reach.PRIVATE),
    _block("fe80::/10", Reach.LINK_LOCAL),
    _block("::1/128", Reach.LOOPBACK),
    _block("::/0", Reach.UNUSABLE),
)
_NAT64 = int(IPv6Address("64:ff9b::")) >> 32


@lru_cache(_REMEMBERED)
def _parse(text: str) -> IPv4Address | IPv6Address:
    """The address, out of its IPv4-mapped form. ValueError when it is not an IP address."""
    try:
        return IPv4Address(inet_pton(AF_INET, text))  # a third of the time of ip_address
    except OSError:
        pass
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.scope_id is not None:
            return IPv6Address(int(address))
    return address


@lru_cache(_REMEMBERED)
def canonical_host(text: str) -> str:
    """The one spelling of an IP address: IPv4-mapped IPv6 as IPv4, other IPv6 compressed and
    in lower case, without a scope. ValueError when it is not an IP address."""
    address = _parse(text)
    return str(address) if ":" in text else text  # IPv4 is only read in its one spelling


def split_host_port(text: str) -> tuple[str, int]:
    """Host and port of "host:port" or "[IPv6]:port"; the host may be a name.

    The port may be 0, which a listener reads as any. ValueError says what is wrong.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError(f"{text!r}: expected host:port")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= _MAX_PORT):
        raise ValueError(f"{text!r}: the port must be a number from 0 to {_MAX_PORT}")
    if host.startswith("["):
        return _bracketed(text, host), int(port)
    if ":" in host:
        raise ValueError(f"{text!r}: write an IPv6 address in brackets, as in [::1]:6881")
    if not host.isprintable() or any(c.isspace() or c in "[]/@" for c in host):
        raise ValueError(f"{text!r}: not a host name or IP address")
    return host, int(port)


def _bracketed(text: str, host: str) -> str:
    if host.endswith("]"):
        try:
            return str(IPv6Address(host[1:-1]))
        except ValueError:
            pass
    raise ValueError(f"{text!r}: not an IPv6 address in brackets")


def packed(host: str) -> bytes:
    """The 4 or 16 bytes of an IP address. ValueError when it is none."""
    try:
        if ":" not in host:
            return inet_pton(AF_INET, host)
        address = inet_pton(AF_INET6, host.partition("%")[0])
    except OSError:
        raise ValueError(f"{host!r} is no IP address") from None
    return address[12:] if address.startswith(_MAPPED) else address


def text_of(packed: bytes) -> str:
    """The text of the 4 or 16 bytes of an IP address. ValueError when it is none."""
    return canonical_host(str(ip_address(packed)))


def pack(address: Address) -> bytes:
    """The compact form: 6 bytes of an IPv4 address (BEP 23), 18 of an IPv6 one (BEP 7)."""
    return packed(address.host) + address.port.to_bytes(2, "big")


def unpack4(data: bytes) -> list[Address]:
    """The addresses of a compact IPv4 list. ValueError when it does not divide by 6."""
    if len(data) % _COMPACT4.size:
        raise ValueError(f"{len(data)} bytes are no list of 6-byte addresses")
    return [Address(f"{a}.{b}.{c}.{d}", port) for a, b, c, d, port in _COMPACT4.iter_unpack(data)]


def unpack6(data: bytes) -> list[Address]:
    """The addresses of a compact IPv6 list. ValueError when it does not divide by 18."""
    if len(data) % _COMPACT6.size:
        raise ValueError(f"{len(data)} bytes are no list of 18-byte addresses")
    return [Address(_text6(packed), port) for packed, port in _COMPACT6.iter_unpack(data)]


def _text6(packed: bytes) -> str:
    address = IPv6Address(packed)
    return str(address.ipv4_mapped or address)


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a translator or tunnel would take the packets to."""
    number = int(address)
    if number >> 32 == _NAT64:
        return IPv4Address(number & 0xFFFFFFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    return None


@lru_cache(_REMEMBERED)
def reach(host: str) -> Reach:
    """From where `host` can be reached, seen through IPv4-mapped, NAT64 (64:ff9b::/96), 6to4
    and Teredo forms. ValueError when it is not an IP address."""
    address = _parse(host)
    if isinstance(address, IPv6Address):
        inner = _embedded(address)
        if inner is None:
            return _look_up(_BLOCKS6, int(address), Reach.UNUSABLE)
        address = inner
    return _look_up(_BLOCKS4, int(address), Reach.GLOBAL)


def _look_up(blocks: tuple[_Block, ...], number: int, default: Reach) -> Reach:
    for prefix, shift, found in blocks:
        if number >> shift == prefix:
            return found
    return default


def is_dialable(address: Address) -> bool:
    """Whether a peer could be there at all: a port, and an address of one machine."""
    return address.port != 0 and reach(address.host) is not Reach.UNUSABLE


@lru_cache(_REMEMBERED)
def network(host: str) -> str:
    """The key of limits per network: "1.2.3" of an IPv4 address's /24, else the /64, as in
    "2001:db8::/64". ValueError when it is not an IP address."""
    address = _parse(host)
    if isinstance(address, IPv4Address):
        return str(address).rpartition(".")[0]
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"
