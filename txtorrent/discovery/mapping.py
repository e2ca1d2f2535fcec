"""The words of port mapping: what is mapped, what a router is asked, and what can be wrong."""

from __future__ import annotations

from enum import Enum
from typing import Final
from typing import Protocol as Interface

from attrs import frozen

LIFETIME: Final = 3600
"""Seconds that a mapping is asked for. It outlives us by that much at the most when we are killed,
and is renewed at half of it."""


class Protocol(Enum):
    """What a port is of."""

    TCP = "TCP"
    UDP = "UDP"


class MappingError(Exception):
    """The router does not do it; the text is for the user.

    `retry_after`: seconds for which it says that asking again is of no use, 0 if it says nothing.
    """

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class NoAnswerError(MappingError):
    """The router does not answer, or cannot be asked."""


class NotNeededError(MappingError):
    """There is nothing to map: we are on the Internet already."""


@frozen
class Mapping:
    """A port of ours that the router passes on. `external_host` is None when the router does not
    say, `lifetime` in seconds, 0 when it is for good."""

    protocol: Protocol
    internal_port: int
    external_host: str | None
    external_port: int
    lifetime: float


class Router(Interface):
    """A router, asked by one method."""

    method: str

    async def map(
        self, protocol: Protocol, internal_port: int, external_port: int, tries: int
    ) -> Mapping:
        """Make or renew a mapping; the external port is a wish. It is asked `tries` times.
        MappingError."""

    async def unmap(self, protocol: Protocol, internal_port: int, external_port: int) -> None:
        """Take a mapping away. MappingError."""

    def heard(self, datagram: bytes) -> None:
        """The router said something to nobody's question, or to all of its network."""


def whole_port(port: int) -> int:
    """A port that a router gave. MappingError when there is none such."""
    if not 1 <= port <= 65535:
        raise MappingError(f"the router gave the port {port}, which there is not")
    return port
