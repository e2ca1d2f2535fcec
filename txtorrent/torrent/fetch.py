"""A torrent of which only a magnet link is known: it looks for peers and asks them for the metadata
(BEP 9). When that has come a `Torrent` takes over its connections.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from hashlib import sha1
from typing import Final

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import Address
from txtorrent.extension import metadata
from txtorrent.extension.extensions import Extensions
from txtorrent.metainfo.errors import MetainfoError
from txtorrent.metainfo.infodict import assemble
from txtorrent.metainfo.magnet import Magnet
from txtorrent.metainfo.torrentfile import Metainfo, parse
from txtorrent.storage.disk import LaneStopped
from txtorrent.swarm.peerbook import Source
from txtorrent.torrent.connections import Connections
from txtorrent.torrent.reception import Handover, Reception
from txtorrent.torrent.shared import Shared, TorrentOptions
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.guard import look_up
from txtorrent.tracker.interfaces import Totals
from txtorrent.tracker.view import TrackerView

UNKNOWN_SIZE: Final = 16384
"""Bytes that trackers are told are missing: nobody knows how many, but it is no seed that asks."""

_log = Logger()


class FetchState(Enum):
    """How far it is; the values are what users read."""

    NEW = "new"
    FETCHING = "fetching metadata"
    FETCHED = "fetched"
    FAILED = "error"
    STOPPED = "stopped"


class Fetch:
    """One magnet link of a session. `fetched` is called with it when `metainfo` is there, or when
    `error` says, in words for users, why the metadata cannot be used.

    An `announcer` is borrowed, as with `Torrent`.
    """

    def __init__(
        self,
        magnet: Magnet,
        options: TorrentOptions,
        shared: Shared,
        fetched: Callable[["Fetch"], None],
        announcer: Announcer | None = None,
    ) -> None:
        self.magnet = magnet
        self.options = options
        self.state = FetchState.NEW
        self.metainfo: Metainfo | None = None
        self.error: str | None = None
        self._shared = shared
        self._fetched = fetched
        self._lender = announcer.owner if announcer is not None else None
        self._announcer = announcer or self._make_announcer()
        kind = metadata.kind(self._judge)
        kinds = [kind if each.name == kind.name else each for each in shared.kinds]
        self._reception = Reception(shared, magnet.info_hash, self.name, options.max_peers, kinds)

    def _make_announcer(self) -> Announcer:
        return Announcer(
            self._shared.announcing,
            self.magnet.info_hash,
            self.magnet.tiers,
            self,
            self.name,
            trusted=self.options.trust_trackers,
        )

    # -- how it stands -----------------------------------------------------------------------

    @property
    def info_hash(self) -> bytes:
        """20 bytes."""
        return self.magnet.info_hash

    @property
    def name(self) -> str:
        """What users call it: the link's name, or else the info-hash."""
        return self.magnet.name or self.info_hash.hex()

    @property
    def progress(self) -> float:
        """Share of the metadata that is there, 0 to 1."""
        if self.metainfo is not None:
            return 1.0
        extension = self._extension
        return extension.progress if extension is not None else 0.0

    @property
    def connections(self) -> Connections:
        """Those to peers that may have the metadata."""
        return self._reception.connections

    @property
    def extensions(self) -> Extensions:
        """Those of the peer wire."""
        return self._reception.extensions

    @property
    def peers(self) -> int:
        """Connected peers."""
        return self._reception.peers

    def trackers(self, wall: float) -> list[TrackerView]:
        """What each tracker said."""
        return self._announcer.trackers(wall)

    @property
    def _extension(self) -> metadata.Metadata | None:
        found = self.extensions[metadata.NAME]
        return found if isinstance(found, metadata.Metadata) else None

    # -- life --------------------------------------------------------------------------------

    def start(self) -> None:
        """Look for peers."""
        self.state = FetchState.FETCHING
        _log.info("{name}: fetching its metadata", name=self.name)
        self._announcer.owner = self
        self._announcer.start()
        self.connections.found(self.options.peers, Source.USER)
        self.name_hosts(self.magnet.peers)

    def name_hosts(self, peers: Iterable[tuple[str, int]]) -> None:
        """Dial these, as a link names them: by host names or addresses."""
        for host, port in peers:
            look_up(self._shared.reactor, host, port).addCallback(self.name_peers)

    def name_peers(self, addresses: Sequence[Address]) -> None:
        """Dial these, which the user or the link names."""
        if self.state is FetchState.FETCHING:
            self.connections.found(addresses, Source.USER)

    def refresh_extensions(self) -> None:
        """Settings have changed: some extensions may apply now, others no longer."""
        self.extensions.refresh()

    def tick(self, now: float) -> None:
        """To be called every second."""
        self._reception.tick(now)
        if self.connections.is_thin:
            self._announcer.want_peers()

    def stop(self) -> "Deferred[None]":
        """End every connection; trackers are told, unless the announcer is another's."""
        self.state = FetchState.STOPPED
        ends = [self._reception.stop(), self._end_announces()]
        return gatherResults(ends).addCallback(lambda _: None)

    def _end_announces(self) -> "Deferred[None]":
        if self._lender is None:
            return self._announcer.stop()
        self._announcer.owner = self._lender
        return succeed(None)

    def release(self) -> Handover:
        """Give up the connections, and the announcer, which goes on: they are the torrent's now."""
        if self._lender is None:
            return Handover(self._reception, self._announcer)
        self._announcer.owner = self._lender
        return Handover(self._reception)

    # -- the metadata ------------------------------------------------------------------------

    def _judge(self, info: bytes) -> "Deferred[bool]":
        """Whether these bytes are the metadata; if so, take them."""
        judged = self._shared.disk.read.run(_read, info, self.magnet)
        return judged.addCallbacks(self._take, self._refuse)

    def _take(self, metainfo: Metainfo | None) -> bool:
        if metainfo is None:
            return False
        if self.state is FetchState.FETCHING:
            self.metainfo, self.state = metainfo, FetchState.FETCHED
            _log.info("{name}: its metadata has come", name=self.name)
            if metainfo.private:
                self._turn_private()
            self._fetched(self)
        return True

    def _turn_private(self) -> None:
        self._announcer.turn_private()
        self.connections.keep_private()

    def _refuse(self, failure: Failure) -> bool:
        """The bytes are those that the link means, but no torrent that can be had here."""
        failure.trap(MetainfoError, LaneStopped)
        if self.state is FetchState.FETCHING and failure.check(MetainfoError):
            self.error, self.state = str(failure.value), FetchState.FAILED
            _log.error("{name}: error: {error}", name=self.name, error=self.error)
            self._fetched(self)
        return True

    # -- tracker.announcer.Owner -------------------------------------------------------------

    def totals(self) -> Totals:
        """How it stands."""
        return Totals(0, 0, UNKNOWN_SIZE, 0)

    def counted(self, seeders: int | None, leechers: int | None) -> None:
        """A tracker said how many there are."""
        if self._lender is not None:
            self._lender.counted(seeders, leechers)

    def found_peers(self, source: Source, addresses: Sequence[Address]) -> None:
        """Somebody told of peers."""
        self.connections.found(addresses, source)

    def trackers_changed(self) -> None:
        """Something about the trackers is not what it was."""
        if self._lender is not None:
            self._lender.trackers_changed()


def _read(info: bytes, magnet: Magnet) -> Metainfo | None:
    """On a disk thread: None when it is not the metadata. MetainfoError."""
    if sha1(info).digest() != magnet.info_hash:
        return None
    return parse(assemble(info, magnet))
