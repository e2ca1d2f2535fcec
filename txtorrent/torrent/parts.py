"""The parts of a torrent that run while pieces are exchanged, and who of them tells whom."""

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import Address
from txtorrent.extension.extensions import Extensions
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.peer.protocol import PeerProtocol
from txtorrent.peer.uploads import MOST_QUEUED, Uploads
from txtorrent.storage.content import Content
from txtorrent.swarm.choker import Choker, slots_for
from txtorrent.swarm.peer import Peer
from txtorrent.swarm.peerbook import Source
from txtorrent.torrent.assembly import Assembly
from txtorrent.torrent.choking import Choking
from txtorrent.torrent.connections import Connections
from txtorrent.torrent.exchange import Exchange
from txtorrent.torrent.extended import Extended
from txtorrent.torrent.limits import Limits
from txtorrent.torrent.progress import Progress
from txtorrent.torrent.saver import Saver
from txtorrent.torrent.shared import Shared, TorrentOptions
from txtorrent.torrent.stage import Stage
from txtorrent.torrent.store import PieceStore
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.interfaces import Totals

_log = Logger()


class Owner(Protocol):
    """The torrent, as its parts see it."""

    def completed(self) -> None:
        """The last wanted piece was verified."""

    def storage_failed(self, error: OSError) -> None:
        """The disk does not do its work."""

    def disk_full(self, error: OSError) -> None:
        """Data waits for space."""

    def disk_has_space(self) -> None:
        """What waited could be written."""

    def found_peers(self, source: Source, addresses: Sequence[Address]) -> None:
        """Somebody told of peers."""


class Parts:
    """Wires the parts to each other: who tells whom stands here and nowhere else.

    An announcer that is `lent` goes back to its owner at the end; one of its `own`, and
    `connections`, are there already if the torrent began as a magnet link.
    """

    announcer: Announcer
    extensions: Extensions

    def __init__(
        self,
        owner: Owner,
        progress: Progress,
        content: Content,
        store: PieceStore,
        shared: Shared,
        options: TorrentOptions,
        limits: Limits,
        lent: Announcer | None = None,
        own: Announcer | None = None,
        connections: Connections | None = None,
    ) -> None:
        self._owner = owner
        self._progress = progress
        self._shared = shared
        self._options = options
        self._limits = limits
        self.saver = Saver(progress, content, shared)
        self.assembly = Assembly(store, self, shared.reactor)
        self.exchange = Exchange(progress, shared, self.assembly, self, limits.download)
        metainfo = progress.metainfo
        if connections is None:
            connections = Connections(
                shared, metainfo.info_hash, options.max_peers, metainfo.private
            )
        self.connections = connections
        self._store = store
        self._choker: Choker[Peer] = Choker(self._slots(), shared.random)
        self.choking = Choking(self.exchange, self._choker)
        self._lender = lent.owner if lent is not None else None
        self.announcer = lent or own or self._make_announcer(metainfo)
        self._stage = self._make_stage()

    def _make_announcer(self, metainfo: Metainfo) -> Announcer:
        return Announcer(
            self._shared.announcing,
            metainfo.info_hash,
            metainfo.announce_tiers,
            self,
            metainfo.name,
            private=metainfo.private,
            trusted=self._options.trust_trackers,
        )

    def start(self) -> None:
        """Announce, and dial whom the user named."""
        self.connections.enter(self._stage)
        if not self._progress.metainfo.private:
            self._shared.outside.dht_routers(self._progress.metainfo.nodes)
        self.announcer.owner = self
        self.announcer.start()
        self.connections.found(self._options.peers, Source.USER)

    def _make_stage(self) -> Stage:
        progress, shared = self._progress, self._shared
        swarm = Extended(
            shared,
            self.connections,
            progress.metainfo.name,
            progress.metainfo,
            lambda: progress.is_complete,
            self.exchange.lost,
        )
        self.extensions = Extensions(swarm, shared.kinds, MOST_QUEUED, self.connections.heard)
        pieces = progress.metainfo.geometry.piece_count
        return Stage(self.exchange, self.extensions, pieces, self._make_uploads)

    def _make_uploads(self, link: PeerProtocol) -> Uploads:
        return Uploads(
            link.outbox,
            self._store,
            self._shared.scratch,
            self._limits.upload,
            link.sent,
            self._read_failed,
        )

    def tick(self, now: float) -> None:
        """To be called every second."""
        self.exchange.scan(now)
        self.extensions.tick(now)
        self._mind_slots()
        self.choking.tick(now)
        self.connections.dial()
        if self.connections.is_thin and not self._progress.is_complete:
            self.announcer.want_peers()
        saving = self.saver.tick(now)
        if saving is not None:
            saving.addErrback(self._save_failed)

    def turn_seed(self) -> None:
        """All that is wanted is there."""
        self._mind_slots()
        self.extensions.tell()
        if self._progress.have.is_full:
            self.announcer.completed()
        self.saver.save().addErrback(self._save_failed)

    def turn_leech(self) -> None:
        """More is wanted. The seeds that were sent away are to be found again."""
        self._mind_slots()
        self.extensions.tell()
        self.announcer.want_peers()
        self.saver.save().addErrback(self._save_failed)

    def change_options(self, options: TorrentOptions) -> None:
        """Let `max_peers` and `upload_slots` be so from now on; the rest counts no more."""
        self._options = options
        self.connections.limit(options.max_peers)
        self._mind_slots()

    async def stop(self, save: bool) -> None:
        """End every part. OSError when the last save failed."""
        told = self._end_announces()
        await gatherResults([self.connections.stop(), self.assembly.stop()])
        self.exchange.stop()
        self.extensions.stop()
        if save:
            await self.saver.save(final=True)
        await told

    # -- torrent.assembly.PieceOwner ---------------------------------------------------------

    def piece_verified(self, piece: int) -> None:
        """The piece is on disk, right, and recorded."""
        self.exchange.piece_verified(piece)

    def piece_failed(self, piece: int) -> None:
        """The piece did not match its hash."""
        _log.warn(
            "{name}: piece {piece} failed its hash, fetching it again",
            name=self._progress.metainfo.name, piece=piece,
        )  # fmt: skip
        self.exchange.piece_failed(piece)

    def buffer_freed(self) -> None:
        """Memory went back to the pool: whoever waits for it, in any torrent, goes on."""
        self._shared.buffers.wake()

    def record_pieces(self, pieces: Sequence[int]) -> "Deferred[None]":
        """Have the journal note the pieces."""
        return self.saver.record(pieces)

    def ban(self, address: Address, reason: str) -> None:
        """Keep the host out, in every torrent and over restarts."""
        _log.warn("{host} {reason}: banned for a day", host=address.host, reason=reason)
        self._shared.ban(address.host, reason)

    def storage_failed(self, error: OSError) -> None:
        """The disk does not do its work."""
        self._owner.storage_failed(error)

    def disk_full(self, error: OSError) -> None:
        """Request nothing until there is space."""
        self.exchange.hold(True)
        self._owner.disk_full(error)

    def disk_has_space(self) -> None:
        """Go on."""
        self.exchange.hold(False)
        self._owner.disk_has_space()

    # -- torrent.exchange.Swarm --------------------------------------------------------------

    def interest_changed(self, link: PeerProtocol) -> None:
        """Perhaps there is a free slot."""
        self.choking.interest_changed(link, self._shared.reactor.seconds())

    def completed(self) -> None:
        """The last wanted piece was verified."""
        self._owner.completed()

    def useless(self, link: PeerProtocol) -> None:
        """A seed and one who wants nothing have nothing to say to each other; their users may."""
        if not self.extensions.keeps(link):
            self.connections.drop_useless(link)

    # -- tracker.announcer.Owner -------------------------------------------------------------

    def totals(self) -> Totals:
        """How the torrent stands."""
        progress = self._progress
        return Totals(
            progress.uploaded.total, progress.downloaded.total, progress.missing, progress.corrupt
        )

    def counted(self, seeders: int | None, leechers: int | None) -> None:
        """A tracker said how many there are."""
        if self._lender is not None:
            self._lender.counted(seeders, leechers)

    def trackers_changed(self) -> None:
        """Something about the trackers is not what it was."""
        if self._lender is not None:
            self._lender.trackers_changed()

    def found_peers(self, source: Source, addresses: Sequence[Address]) -> None:
        """Somebody told of peers."""
        self._owner.found_peers(source, addresses)

    # -- inside ------------------------------------------------------------------------------

    def _mind_slots(self) -> None:
        """With the upload limit, or by the user, the number of peers to serve may change."""
        slots = self._slots()
        if slots != self._choker.slots:
            fewer, self._choker.slots = slots < self._choker.slots, slots
            if fewer:
                self.choking.deal_soon()

    def _slots(self) -> int:
        if self._options.upload_slots is not None:
            return self._options.upload_slots
        return slots_for(self._limits.upload.rate, self._progress.is_complete)

    def _end_announces(self) -> "Deferred[None]":
        """Have trackers told that we stop; an announcer that was lent goes on, for its lender."""
        if self._lender is None:
            return self.announcer.stop()
        self.announcer.owner = self._lender
        return succeed(None)

    def _read_failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, OSError):
            self._owner.storage_failed(error)
        else:
            _log.failure("an error of ours while reading for a peer", failure)

    def _save_failed(self, failure: Failure) -> None:
        """Data could not be made durable: what the disk holds of it is in doubt."""
        error = failure.value
        if isinstance(error, OSError):
            self._owner.storage_failed(error)
        else:
            _log.failure("an error of ours while saving", failure)
