"""lt_donthave (BEP 54): a peer takes back that it has a piece.

We say it of no piece of ours: a torrent that loses one stops, and begins anew without it.
"""

from collections.abc import Mapping
from typing import Final

from txtorrent.bencode import Value
from txtorrent.extension.interfaces import Kind, Link, Swarm
from txtorrent.wire.extension import ExtensionHandshake
from txtorrent.wire.stream import ProtocolError

_SIZE: Final = 4


class DontHave:
    """What peers of one torrent have no longer."""

    def __init__(self, swarm: Swarm) -> None:
        self._swarm = swarm

    def greeting(self) -> Mapping[bytes, Value]:
        """Nothing beside the name."""
        return {}

    def joined(self, link: Link, handshake: ExtensionHandshake) -> None:
        """Nothing: we have nothing to say."""

    def received(self, link: Link, payload: bytes) -> None:
        """A piece's index, 32 bits. ProtocolError: it is no such thing."""
        if len(payload) != _SIZE:
            raise ProtocolError(f"lt_donthave with {len(payload)} bytes where {_SIZE} are right")
        self._swarm.lost(link, int.from_bytes(payload, "big"))

    def left(self, link: Link) -> None:
        """Nothing is kept of it."""

    def tick(self, now: float) -> None:
        """Nothing is due."""

    def stop(self) -> None:
        """Nothing is under way."""


KIND: Final = Kind(b"lt_donthave", DontHave)
