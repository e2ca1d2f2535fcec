"""Who may come in: passwords, how fast they can be guessed, and the names we go by.

Pure: `now` is an argument.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections import OrderedDict
from hmac import compare_digest
from ipaddress import IPv6Address, ip_address
from typing import Final

from attrs import define, field, frozen

FIRST_DELAY: Final = 0.5
"""Seconds that an address waits after its first wrong password; doubled with each."""
MAX_DELAY: Final = 10.0
"""Seconds at most between two guesses: 8,640 a day from an address."""
MAX_WAIT: Final = 30.0
"""Seconds of guesses in a queue, before further ones are turned away."""
FORGET: Final = 600.0
"""Seconds without a guess after which an address starts afresh."""
MAX_ADDRESSES: Final = 1024
"""Addresses remembered; the one that guessed least recently goes."""


@frozen
class Credentials:
    """What Basic authentication (RFC 7617) has to name."""

    username: str
    password: str = field(repr=False)

    def match(self, header: str | None) -> bool:
        """Whether an Authorization header has them, in the same time right or wrong."""
        scheme, _, text = (header or "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = b64decode(text.strip(), validate=True)
        except (Base64Error, ValueError):
            return False
        return compare_digest(given, f"{self.username}:{self.password}".encode())


@define
class _Guesses:
    failures: int = 0
    next: float = 0.0


class Guesses:
    """Makes guessing slow for the address that guesses, and for no other."""

    def __init__(self) -> None:
        self._by_address: OrderedDict[str, _Guesses] = OrderedDict()

    def wait(self, address: str, now: float) -> float | None:
        """Seconds until a password from there is looked at; None: too many wait already."""
        guesses = self._by_address.get(network_of(address))
        if guesses is None or now - guesses.next > FORGET:
            return 0.0
        start = max(now, guesses.next)
        if start - now > MAX_WAIT:
            return None
        guesses.next = start + _delay(guesses.failures)
        return start - now

    def failed(self, address: str, now: float) -> None:
        """It was wrong."""
        key = network_of(address)
        guesses = self._by_address.setdefault(key, _Guesses())
        self._by_address.move_to_end(key)
        if now - guesses.next > FORGET:
            guesses.failures = 0
        guesses.failures += 1
        guesses.next = max(guesses.next, now + _delay(guesses.failures))
        if len(self._by_address) > MAX_ADDRESSES:
            self._by_address.popitem(last=False)

    def passed(self, address: str) -> None:
        """It was right."""
        self._by_address.pop(network_of(address), None)


def _delay(failures: int) -> float:
    return float(min(FIRST_DELAY * 2 ** min(failures - 1, 10), MAX_DELAY))


def network_of(address: str) -> str:
    """What one person has: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def is_allowed_host(header: str | None, names: frozenset[str]) -> bool:
    """Whether a Host header names us: an IP address, localhost, or one of `names` (lower case).

    A page from elsewhere that has its own name point to us (DNS rebinding) sends its own name."""
    if not header or not header.isascii():
        return False
    host = _without_port(header.lower())
    if host is None:
        return False
    return _is_address(host) or host in ("localhost", "localhost.") or host in names


def _without_port(header: str) -> str | None:
    """The host of `host:port`; brackets of IPv6 are taken off. None if it is neither."""
    host, port = header, ""
    if header.startswith("["):
        host, bracket, port = header[1:].partition("]")
        if not bracket or ":" not in host:
            return None
        port = port.removeprefix(":") if port.startswith(":") else port and "x"
    elif ":" in header:
        host, _, port = header.partition(":")
    return host if not port or port.isdigit() else None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
