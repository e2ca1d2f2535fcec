"""What all torrents of a session share, and the options a torrent is given."""

import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from random import Random
from typing import Any

from attrs import define, field, frozen
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import Address
from txtorrent.extension.interfaces import Kind
from txtorrent.storage.disk import Disk
from txtorrent.storage.filepool import FilePool
from txtorrent.storage.journal import Journal
from txtorrent.swarm.banlist import BAN, BanList
from txtorrent.swarm.buffers import BufferPool
from txtorrent.torrent.choice import Choice
from txtorrent.torrent.limits import Allowance, CommonLimits
from txtorrent.tracker.announcing import Announcing

_log = Logger()

DEFAULT_MAX_PEERS = 100
"""Connections of one torrent: beyond this a swarm gets no faster, only dearer."""


class Allocation(Enum):
    """Whether the space of a torrent is taken at the start."""

    SPARSE = "sparse"
    FULL = "full"


@define
class Budget:
    """Connections that the session may still have: descriptors are finite (THREATS E9)."""

    most: int
    used: int = 0

    @property
    def is_spent(self) -> bool:
        """Whether no more connection should be made or accepted."""
        return self.used >= self.most


class Outside:
    """How others see us, and our DHT node; a session that has none of it knows nothing."""

    @property
    def host(self) -> str | None:
        """Our external address, as far as it is known."""
        return None

    @property
    def dht_port(self) -> int | None:
        """The UDP port of our DHT node, while there is one."""
        return None

    def dht_node(self, address: Address) -> None:
        """Somebody else's node."""

    def dht_routers(self, routers: Sequence[tuple[str, int]]) -> None:
        """Nodes that a public torrent names, by host name or address."""

    def seen_as(self, host: str, voter: str) -> None:
        """We have this address, says the peer at `voter`."""


@frozen
class Shared:
    """One of each for the whole session. `reactor` gives TCP and time; `random` all chance.

    `close_host` ends every connection with a host, for a reason; `interface` is the address to
    connect from; `kinds` are the extensions that torrents may have.
    """

    reactor: Any
    random: Random
    disk: Disk
    files: FilePool
    journal: Journal
    announcing: Announcing
    buffers: BufferPool
    scratch: memoryview
    limits: CommonLimits
    bans: BanList
    budget: Budget
    close_host: Callable[[str, str], None]
    peer_id: bytes
    interface: str | None = None
    kinds: Sequence[Kind] = ()
    outside: Outside = field(factory=Outside)

    @property
    def port(self) -> int:
        """The port that peers reach us at; it may change."""
        return self.announcing.port

    def ban(self, host: str, reason: str) -> None:
        """Keep a host that sent bad data out, of every torrent and over restarts too."""
        self.bans.ban(host, self.reactor.seconds(), reason=reason)
        self.close_host(host, f"banned: {reason}")
        self.journal.ban(host, time.time() + BAN).addErrback(_ban_not_saved)


def _ban_not_saved(failure: Failure) -> None:
    _log.error("a ban could not be saved: {why}", why=failure.getErrorMessage())


@frozen
class TorrentOptions:
    """How one torrent is run. `peers` are addresses that the user named; `upload_slots` are the
    peers served at once, None for as many as the upload limit suggests."""

    directory: str
    max_peers: int = DEFAULT_MAX_PEERS
    upload_slots: int | None = None
    allowance: Allowance = field(factory=Allowance)
    allocation: Allocation = Allocation.SPARSE
    peers: tuple[Address, ...] = field(default=())
    trust_trackers: bool = False
    """Whether its trackers may be at private and loopback addresses."""
    parts_file: str | None = None
    """Where bytes go of files that are not wanted; None: then these files are made as well."""
    renamed: Mapping[str, str] = field(factory=dict)
    """Files and folders under other names than the metainfo has: see `metainfo.renames`."""
    recheck: bool = False
    """Hash everything once more at the start, whatever the saved state says."""
    choice: Choice = field(factory=Choice)
    """What is wanted of it at first; `Torrent.choose` changes it."""
