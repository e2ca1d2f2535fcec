"""Where a Redis is, as users write it: `redis://[:PASSWORD@]HOST[:PORT][/DB]`."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from attrs import field, frozen

from txtorrent.address import split_host_port

_SCHEME: Final = "redis://"
_PORT: Final = 6379
"""Where a Redis listens, unless it is told another port."""
_SHAPE: Final = "write it as redis://[:PASSWORD@]HOST[:PORT][/DB]"
_LARGEST: Final = 2**31 - 1
"""The largest number of a database that Redis can read; how many there are is its own setting."""


@frozen
class RedisAddress:
    """A server, and which of its databases. The password is in no text made of it."""

    host: str
    port: int = _PORT
    database: int = 0
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}/{self.database}"

    @classmethod
    def parse(cls, url: str) -> RedisAddress:
        """Read a URL. Special characters of the password are percent-encoded; without a port it is
        the usual one, and without a database 0. ValueError says what is wrong, in words for the
        user and without the URL, which may hold a password."""
        if not url.startswith(_SCHEME):
            raise ValueError(f"not the URL of a Redis: {_SHAPE}")
        if " " in url or not url.isprintable():
            raise ValueError(f"a space or the like is in the URL of the Redis: {_SHAPE}")
        secret, at, place = url.removeprefix(_SCHEME).rpartition("@")
        where, _, database = place.partition("/")
        host, port = _host_and_port(where)
        return cls(host, port, _database(database), _password(secret) if at else None)


def _host_and_port(text: str) -> tuple[str, int]:
    """What `split_host_port` gives; its own words would show what may be half a password."""
    has_port = text.rpartition("]")[2].count(":") > 0
    try:
        host, port = split_host_port(text if has_port else f"{text}:{_PORT}")
    except ValueError:
        host, port = "", 0
    if not port or "?" in host or "#" in host:
        raise ValueError(f"the URL of the Redis names no host, or a wrong port: {_SHAPE}")
    return host, port


def _database(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _LARGEST):
        raise ValueError(f"the URL of the Redis does not end with a database's number: {_SHAPE}")
    return int(text)


def _password(text: str) -> str:
    name, colon, password = text.partition(":")
    if name and colon:
        raise ValueError(f"the URL of a Redis names no user here, but its default one: {_SHAPE}")
    if not colon or not password:
        raise ValueError(f"a colon and the password stand before the @ of a Redis's URL: {_SHAPE}")
    return unquote(password)
