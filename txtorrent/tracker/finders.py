"""What finds peers besides trackers: the DHT, the local network. Who announces joins it, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from txtorrent.address import Address
from txtorrent.swarm.peerbook import Source


class Membership(Protocol):
    """A torrent's place in a finder."""

    def soon(self) -> None:
        """Peers are wanted: look for some as soon as is decent."""

    def leave(self) -> None:
        """Nothing more is said of the torrent, nor looked for."""


class Finder(Protocol):
    """Finds peers, and lets others find us. Never asked for private torrents (BEP 27)."""

    def join(
        self,
        info_hash: bytes,
        found: Callable[[Source, Sequence[Address]], None],
        seeding: Callable[[], bool],
    ) -> Membership:
        """Have a torrent found, and tell of peers. `seeding`: whether all of it is had."""


class Memberships:
    """Those of one torrent: none until it begins, and none of a private one."""

    __slots__ = ("_joined",)

    def __init__(self) -> None:
        self._joined: tuple[Membership, ...] = ()

    def begin(
        self,
        finders: Sequence[Finder],
        info_hash: bytes,
        found: Callable[[Source, Sequence[Address]], None],
        seeding: Callable[[], bool],
    ) -> None:
        """Join all finders, if that has not been done."""
        if not self._joined:
            self._joined = tuple(each.join(info_hash, found, seeding) for each in finders)

    def soon(self) -> None:
        """Peers are wanted."""
        for each in self._joined:
            each.soon()

    def end(self) -> None:
        """Leave all."""
        joined, self._joined = self._joined, ()
        for each in joined:
            each.leave()
