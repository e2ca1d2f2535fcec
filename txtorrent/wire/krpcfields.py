"""Reading the dicts of a KRPC message, each field checked for its type, length and range. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from txtorrent.bencode import Value
from txtorrent.wire.krpcnodes import ID_SIZE

MAX_INTEGER: Final = 2**63 - 1


class Malformed(ValueError):
    """A datagram is no message of the DHT. `reason` is one of few words, to be counted by."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Want(NamedTuple):
    """Of which families a query asks for nodes (BEP 32)."""

    ipv4: bool
    ipv6: bool


class Fields:
    """The fields of one dict. Whatever is asked for and is not as it should be is `Malformed`."""

    __slots__ = ("_values",)

    def __init__(self, values: Value | None) -> None:
        if not isinstance(values, dict):
            raise Malformed("no arguments")
        self._values = values

    def __contains__(self, name: bytes) -> bool:
        return name in self._values

    def get(self, name: bytes) -> Value | None:
        """Whatever is there."""
        return self._values.get(name)

    def digest(self, name: bytes) -> bytes:
        """An id of 20 bytes."""
        value = self._values.get(name)
        if not isinstance(value, bytes) or len(value) != ID_SIZE:
            raise Malformed(f"bad {name.decode('ascii')}")
        return value

    def text(self, name: bytes, longest: int, default: bytes | None = None) -> bytes:
        """A string of at most `longest` bytes."""
        value = self._values.get(name, default)
        if not isinstance(value, bytes) or len(value) > longest:
            raise Malformed(f"bad {name.decode('ascii')}")
        return value

    def exact(self, name: bytes, length: int) -> bytes:
        """A string of this length."""
        value = self.text(name, length)
        if len(value) != length:
            raise Malformed(f"bad {name.decode('ascii')}")
        return value

    def number(self, name: bytes, highest: int, default: int | None = None) -> int:
        """An integer from 0 to `highest`."""
        value = self._values.get(name, default)
        if not isinstance(value, int) or not 0 <= value <= highest:
            raise Malformed(f"bad {name.decode('ascii')}")
        return value

    def optional(self, name: bytes) -> int | None:
        """An integer from 0, if there is one."""
        return self.number(name, MAX_INTEGER) if name in self._values else None

    def flag(self, name: bytes) -> bool:
        """Whether it is the number 1; anything else is no."""
        return self._values.get(name) == 1

    def want(self) -> Want | None:
        """Of which families nodes are asked for, if the query says."""
        value = self._values.get(b"want")
        if value is None:
            return None
        if not isinstance(value, list):
            raise Malformed("bad want")
        return Want(b"n4" in value, b"n6" in value)
