"""Texts of the tracker's settings that must have a certain form: each function gives the form to
be kept. ValueError says what is wrong; what may hold a password is not repeated in it.
"""

import re
from typing import Final

from txtorrent.address import Address, canonical_host, is_dialable, split_host_port
from txtorrent.trackerserver.redisaddress import RedisAddress

MEMORY: Final = "memory"
_HASH: Final = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", re.ASCII)
_HEX_ID: Final = re.compile(r"[0-9a-fA-F]{40}", re.ASCII)
_INFO_HASH: Final = 20
"""Bytes by which trackers know a torrent: all of a SHA-1, the first of a SHA-256 (BEP 52)."""


def store(text: str) -> str:
    """Where swarms are kept: in this process, or in a Redis server."""
    if text == MEMORY:
        return text
    if not text.startswith("redis:"):
        raise ValueError(f'write "{MEMORY}" or "redis://HOST:PORT/DB"')
    RedisAddress.parse(text)
    return text


def path(text: str) -> str:
    """A path, or nothing."""
    if not text.isprintable():
        raise ValueError(f"{text!r} has characters that cannot be shown: give it another name")
    return text


def udp_address(text: str) -> str:
    """Where to listen: an IP address of this machine and a port."""
    host, port = split_host_port(text)
    try:
        return str(Address(canonical_host(host), port))
    except ValueError:
        raise ValueError(f"{text!r}: write an IP address, as in [::]:{port}") from None


def peer_ip(text: str) -> str:
    """The address of one machine."""
    try:
        host = canonical_host(text)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address: write one, names are not looked up") from None
    if not is_dialable(Address(host, 1)):
        raise ValueError(f"{text!r}: no peer can be at this address")
    return host


def peer_id(text: str) -> str:
    """A peer's id: its characters, or their hex digits."""
    if not _HEX_ID.fullmatch(text) and not (text.isascii() and len(text) == 20):
        raise ValueError(f"{text!r} is no peer id: write 20 ASCII characters or 40 hex digits")
    return text


def peer_id_bytes(text: str) -> bytes:
    """The 20 bytes of what `peer_id` takes."""
    return bytes.fromhex(text) if len(text) == 40 else text.encode()


def info_hash(text: str) -> str:
    """An info-hash in hexadecimal, lower case, or nothing."""
    if text and not _HASH.fullmatch(text):
        raise ValueError(f"{text!r} is no info-hash: write 40 hex digits, or 64 of version 2")
    return text.lower()


def info_hash_bytes(text: str) -> bytes:
    """The 20 bytes of what `info_hash` takes. ValueError when it is nothing."""
    if not _HASH.fullmatch(text):
        raise ValueError(f"{text!r:.100} is no info-hash: write 40 hex digits, or 64 of version 2")
    return bytes.fromhex(text)[:_INFO_HASH]
