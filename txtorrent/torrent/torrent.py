"""One torrent: its life from metainfo to seeding, and the parts that it starts and stops.

Each concern has an object of its own; here they are made, told what happens, and ended. What
may follow what is decided in `life`.
"""

import errno
import time
from collections.abc import Callable, Sequence
from typing import Final

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import Address
from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.renames import apply_renames
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.storage.content import Content, StorageMissing
from txtorrent.storage.disk import LaneStopped
from txtorrent.storage.journal import Resume
from txtorrent.storage.trust import Trust, trust
from txtorrent.swarm.peerbook import Source
from txtorrent.swarm.rate import Rate
from txtorrent.swarm.selection import Priority, piece_priorities
from txtorrent.torrent.assembly import FULL
from txtorrent.torrent.choice import Choice
from txtorrent.torrent.connections import Connections
from txtorrent.torrent.life import State, make_life
from txtorrent.torrent.limits import Limits
from txtorrent.torrent.parts import Parts
from txtorrent.torrent.progress import Progress
from txtorrent.torrent.reception import Handover
from txtorrent.torrent.shared import Allocation, Shared, TorrentOptions
from txtorrent.torrent.store import PieceStore
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.view import TrackerView

LOOK_AGAIN: Final = 30.0
"""Seconds between looks whether storage that was missing, read-only or full is of use again."""
_MISSING: Final = (errno.ENOENT, errno.EROFS, errno.EACCES, errno.ENODATA, errno.ENOTDIR)
_MAY_COME_BACK: Final = (*_MISSING, *FULL)

_log = Logger()


class TorrentEndedError(Exception):
    """A torrent was stopped, or its storage failed, before it was complete; the text says which."""


class Torrent:
    """One torrent of a session.

    `progress` and `state` tell how it stands, `error` what is wrong, for people; `limits` may be
    changed. `watcher` is called soon after the state has become another. An `announcer` is
    borrowed: started when peers may come, unless it runs already, and never stopped; while pieces
    are exchanged it has the torrent's parts as its owner, before and behind that the owner it had
    when it was lent. `handover` is what there is already of a torrent that began as a magnet link.
    """

    def __init__(
        self,
        metainfo: Metainfo,
        options: TorrentOptions,
        shared: Shared,
        announcer: Announcer | None = None,
        watcher: Callable[["Torrent"], None] | None = None,
        handover: Handover | None = None,
    ) -> None:
        options.choice.check(metainfo)
        now = shared.reactor.seconds()
        self.metainfo = metainfo
        self.state = State.NEW
        self.error: str | None = None
        self.progress = Progress(
            metainfo, Bitfield(metainfo.geometry.piece_count), Rate(now), Rate(now)
        )
        self.choice = options.choice
        """What is wanted; see `choose`."""
        self._chosen = Choice()
        self._choosing: Deferred[None] = succeed(None)
        self._options = options
        self._shared = shared
        self.limits = Limits(options.allowance, shared.limits, shared.reactor)
        self._watcher = watcher
        self._announcer = announcer
        self._own_announcer = handover.announcer if handover is not None else None
        self._reception = handover.reception if handover is not None else None
        files = apply_renames(metainfo.files, options.renamed)
        self.content = Content(
            options.directory, files, metainfo.geometry, shared.files, options.parts_file
        )
        self._store = PieceStore(metainfo, self.content, shared.disk, shared.reactor.seconds)
        self._life = make_life(self)
        self._parts: Parts | None = None
        self._loading: Deferred[None] = succeed(None)
        self._ending: Deferred[None] = succeed(None)
        self._stopped: list[Deferred[None]] = []
        self._completed: dict[Deferred[None], None] = {}
        self._look: IDelayedCall | None = None
        self._recheck = options.recheck
        self._early: dict[Source, Sequence[Address]] = {}

    @property
    def name(self) -> str:
        """What users call it."""
        return self.metainfo.name

    @property
    def directory(self) -> str:
        """Where its content goes."""
        return self.content.root

    @property
    def peers(self) -> int:
        """Connected peers."""
        return len(self._parts.exchange.links) if self._parts else 0

    @property
    def seeds(self) -> int:
        """Connected peers that have everything."""
        return sum(p.peer.is_seed for p in self._parts.exchange.links) if self._parts else 0

    @property
    def swarm(self) -> "Parts | None":
        """The parts that run while pieces are exchanged, or None."""
        return self._parts

    @property
    def connections(self) -> Connections | None:
        """Those to peers, while there may be any."""
        if self._parts is not None:
            return self._parts.connections
        return self._reception.connections if self._reception is not None else None

    def trackers(self) -> list[TrackerView]:
        """What each tracker said."""
        announcer = self._parts.announcer if self._parts else self._announcer
        return announcer.trackers(time.time()) if announcer else []

    def start(self) -> None:
        """Begin; what happens is seen in `state`."""
        self._life.start()

    def stop(self) -> "Deferred[None]":
        """End in good order: trackers are told, progress is saved. Never fails."""
        if self.state is State.STOPPED:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._stopped.append(stopped)
        self._life.stop()
        return stopped

    def limit_peers(self, most: int) -> None:
        """Have at most so many connections from now on."""
        self._change_options(evolve(self._options, max_peers=most))

    def limit_slots(self, most: int | None) -> None:
        """Serve so many peers at once from now on; None: as many as the upload limit suggests."""
        self._change_options(evolve(self._options, upload_slots=most))

    def name_peers(self, addresses: Sequence[Address]) -> None:
        """Dial these, which the user names."""
        self._options = evolve(self._options, peers=(*self._options.peers, *addresses))
        if self._parts is not None:
            self._parts.connections.found(addresses, Source.USER)

    def refresh_extensions(self) -> None:
        """Settings have changed: some extensions may apply now, others no longer."""
        if self._parts is not None:
            self._parts.extensions.refresh()
            self._parts.exchange.mind_all()

    def _change_options(self, options: TorrentOptions) -> None:
        self._options = options
        if self._parts is not None:
            self._parts.change_options(self._options)

    def when_complete(self) -> "Deferred[None]":
        """Fires when all that is wanted is had: at once if so. May be asked again and again.

        Fails with TorrentEndedError when the torrent is stopped or gets into an error before
        that. Cancelling it changes nothing for the torrent.
        """
        if self.state is State.SEEDING:
            return succeed(None)
        waiting: Deferred[None] = Deferred(lambda cancelled: self._completed.pop(cancelled, None))
        self._completed[waiting] = None
        return waiting

    @property
    def is_holding_last(self) -> bool:
        """Whether all is done but for the piece that `Choice.hold_last` holds back."""
        return self._parts is not None and self._parts.exchange.picker.is_holding_last

    def choose(self, choice: Choice) -> "Deferred[None]":
        """Want this from now on, running or not. ValueError: it does not fit; nothing changed.

        A complete torrent of which more is wanted downloads again. Fires when `progress` and
        `state` have followed, for which the disk may be needed, or when that is another's affair:
        of a later choice, of the next start. Never fails.
        """
        choice.check(self.metainfo)
        self.choice = choice
        if self._parts is not None:
            self._mind_choice()
        followed: Deferred[None] = Deferred()
        self._choosing.addBoth(lambda _: followed.callback(None))
        return followed

    def tick(self, now: float) -> None:
        """To be called every second."""
        self.progress.sample(now)
        if self._parts is not None:
            self._parts.tick(now)
        elif self._reception is not None:
            self._reception.tick(now)

    # -- stages of life ----------------------------------------------------------------------

    def load(self) -> None:
        """Find out what the journal and the disk hold."""
        self._enter(State.LOADING)
        self.limits.begin()
        self.error = None
        self._loading = Deferred.fromCoroutine(self._load())
        self._loading.addErrback(self._load_failed)

    def announce_check(self) -> None:
        """Say that a check begins."""
        self._enter(State.CHECKING)
        _log.info("{name}: checking what is on disk", name=self.name)

    def begin_leeching(self) -> None:
        """Exchange pieces."""
        self._enter(State.DOWNLOADING)
        have, left = self.progress.fraction, self.progress.left
        _log.info(
            "{name}: downloading to {directory} ({have:.1%} had, {left:,} bytes left)",
            name=self.name, directory=self._options.directory, have=have, left=left,
        )  # fmt: skip
        self._begin_parts()

    def begin_seeding(self) -> None:
        """Serve pieces."""
        self._enter(State.SEEDING)
        _log.info("{name}: complete, nothing to download", name=self.name)
        _log.info("{name}: seeding", name=self.name)
        self._begin_parts()
        self._tell_complete()

    def turn_seed(self) -> None:
        """From leeching to seeding, without a pause."""
        self._enter(State.SEEDING)
        progress = self.progress
        _log.info(
            "{name}: complete ({size:,} bytes; downloaded {down:,}, of it wasted {wasted:,})",
            name=self.name, size=progress.wanted_size, down=progress.downloaded.total,
            wasted=progress.wasted,
        )  # fmt: skip
        _log.info("{name}: seeding", name=self.name)
        assert self._parts is not None
        self._parts.turn_seed()
        self._tell_complete()

    def turn_leech(self) -> None:
        """From seeding to leeching, without a pause."""
        self._enter(State.DOWNLOADING)
        _log.info("{name}: more is wanted ({left:,} bytes left)",
                  name=self.name, left=self.progress.left)  # fmt: skip
        assert self._parts is not None
        self._parts.turn_leech()

    def give_up(self) -> None:
        """End every part, and look now and then whether it can go on."""
        self._enter(State.FAILED)
        _log.error("{name}: error: {error}", name=self.name, error=self.error)
        self._loading.cancel()
        parts, self._parts = self._parts, None
        self._ending = Deferred.fromCoroutine(self._end(parts, save=False))
        self._tell_ended(self.error or "failed")

    def wind_down(self) -> None:
        """End every part in good order."""
        self._enter(State.STOPPING)
        self._loading.cancel()
        if self._look is not None and self._look.active():
            self._look.cancel()
        self._ending = Deferred.fromCoroutine(self._wind_down(self._ending))
        self._tell_ended("stopped")

    async def _wind_down(self, before: "Deferred[None]") -> None:
        await before
        parts, self._parts = self._parts, None
        await self._end(parts, save=True)
        await self._choosing
        self._life.all_stopped()

    def rest(self) -> None:
        """Nothing is left running."""
        self._enter(State.STOPPED)
        self.limits.end()
        waiting, self._stopped = self._stopped, []
        for stopped in waiting:
            stopped.callback(None)

    # -- loading -----------------------------------------------------------------------------

    async def _load(self) -> None:
        await self._leave_out()
        resume = await self._shared.journal.load(self.metainfo.info_hash)
        believed = await self._shared.disk.read.run(self._judge, resume)
        self._restore(resume, believed)
        if not believed.recheck.is_empty:
            self._life.check_needed()
            await self._check(believed.recheck)
        await self._prepare()
        self._recheck = False
        if self.progress.is_complete:
            self._life.found_complete()
        else:
            self._life.found_incomplete()
        self._mind_choice()

    def _judge(self, resume: Resume | None) -> Trust:
        """On a disk thread: what of the saved state can be believed."""
        stats = self.content.stat()
        if self._recheck:
            return trust(None, stats, self.metainfo.files, self.metainfo.geometry)
        judged = trust(resume, stats, self.metainfo.files, self.metainfo.geometry)
        if resume is not None and not any(stats) and judged.recheck:
            self.content.require()
        self.content.note_unsynced(judged.unsynced)
        return judged

    def _restore(self, resume: Resume | None, believed: Trust) -> None:
        """Totals only grow: those of a torrent that is tried again are newer than those saved."""
        now, progress = self._shared.reactor.seconds(), self.progress
        progress.restore(believed.have)
        self._take_choice()
        if resume is not None:
            downloaded, uploaded = progress.downloaded.total, progress.uploaded.total
            progress.downloaded = Rate(now, max(resume.downloaded, downloaded))
            progress.uploaded = Rate(now, max(resume.uploaded, uploaded))
            progress.wasted = max(resume.wasted, progress.wasted)

    async def _check(self, pieces: Bitfield) -> None:
        done = 0

        def on_piece(piece: int, good: bool) -> None:
            nonlocal done
            done += 1
            self.progress.checked = done / pieces.count
            if good:
                self.progress.found(piece)

        self.progress.checked = 0.0
        await self._store.check(pieces, on_piece)

    async def _prepare(self) -> None:
        """Make what has to be on disk before the first piece comes."""
        if not self.progress.is_complete:
            full = self._options.allocation is Allocation.FULL
            await self._shared.disk.write.run(self.content.create, full)
        parts = Parts(
            self, self.progress, self.content, self._store, self._shared, self._options,
            self.limits, self._announcer, self._own_announcer,
            None if self._reception is None else self._reception.connections,
        )  # fmt: skip
        self._own_announcer = self._reception = None
        await parts.saver.begin()
        # Only now may peers find them: what came before that checkpoint would not be recorded.
        parts.exchange.choose(self._chosen)
        self._parts = parts

    def _load_failed(self, failure: Failure) -> None:
        if failure.check(CancelledError, LaneStopped):
            return
        if not failure.check(OSError):
            _log.failure("{name}: an error of ours", failure, name=self.name)
        self._fail(failure.value)

    # -- running -----------------------------------------------------------------------------

    def _begin_parts(self) -> None:
        assert self._parts is not None
        self._parts.change_options(self._options)  # they may have changed while it was prepared
        self._parts.start()
        early, self._early = self._early, {}
        for source, addresses in early.items():
            self._parts.connections.found(addresses, source)

    def completed(self) -> None:
        """The last wanted piece was verified."""
        self._life.last_piece()

    def storage_failed(self, error: OSError) -> None:
        """The disk does not do its work; the torrent cannot go on."""
        self._fail(error)

    def disk_full(self, error: OSError) -> None:
        """Downloading waits for space; seeding goes on."""
        self.error = _tell(error)
        _log.error("{name}: {error}; waiting for space", name=self.name, error=self.error)

    def disk_has_space(self) -> None:
        """Downloading goes on."""
        self.error = None
        _log.info("{name}: there is space again, going on", name=self.name)

    def found_peers(self, source: Source, addresses: Sequence[Address]) -> None:
        """Somebody told of peers; the last ones for a torrent that is being loaded are kept."""
        connections = self.connections
        if connections is not None:
            connections.found(addresses, source)
        else:
            self._early[source] = addresses

    # -- what is wanted ----------------------------------------------------------------------

    def _mind_choice(self) -> None:
        """Bring the running parts up to the user's choice."""
        if self.choice.files != self._chosen.files:
            self._choosing.cancel()
            ready = self._choosing = Deferred.fromCoroutine(self._make_ready())
            ready.addCallback(lambda _: self._carry_out()).addErrback(self._load_failed)
        elif self.choice != self._chosen:
            self._carry_out()

    async def _make_ready(self) -> None:
        """Have on disk what has to be there before the first piece of a file comes."""
        await self._leave_out()
        if not self.progress.have.is_empty:
            await self._shared.disk.read.run(self.content.require)
        full = self._options.allocation is Allocation.FULL
        await self._shared.disk.write.run(self.content.create, full)

    async def _leave_out(self) -> None:
        """Have no files made that are not wanted."""
        if self._options.parts_file is not None:
            wishes = self.choice.files or b""
            unwanted = {index for index, wish in enumerate(wishes) if wish == Priority.UNWANTED}
            pads = {index for index in unwanted if self.metainfo.files[index].pad}
            await self._shared.disk.write.run(self.content.choose, frozenset(unwanted - pads))

    def _take_choice(self) -> None:
        """Count by the user's choice."""
        before, self._chosen = self._chosen.files, self.choice
        if self._chosen.files != before:
            metainfo, files = self.metainfo, self._chosen.files
            self.progress.choose(piece_priorities(metainfo.files, metainfo.geometry, files))

    def _carry_out(self) -> None:
        self._take_choice()
        if self._parts is None:
            return
        self._parts.exchange.choose(self._chosen)
        if self.state is State.DOWNLOADING and self.progress.is_complete:
            self._life.last_piece()
        elif self.state is State.SEEDING and not self.progress.is_complete:
            self._life.more_wanted()

    # -- ending ------------------------------------------------------------------------------

    def _fail(self, error: BaseException | None) -> None:
        """The first error counts: others come of what was under way when it struck."""
        if self.state in (State.FAILED, State.STOPPING, State.STOPPED):
            return
        self.error = _tell(error)
        self._life.fail()
        if isinstance(error, OSError) and error.errno in _MAY_COME_BACK:
            self._look = self._shared.reactor.callLater(LOOK_AGAIN, self._look_again)

    def _look_again(self) -> None:
        """Load anew; if the storage is still not there, that fails as it did before."""
        if self._ending.called:
            self._life.try_again()
        else:
            self._look = self._shared.reactor.callLater(LOOK_AGAIN, self._look_again)

    async def _end(self, parts: "Parts | None", save: bool) -> None:
        try:
            if self._reception is not None:
                reception, self._reception = self._reception, None
                await reception.stop()
            if self._own_announcer is not None:
                await self._own_announcer.stop()
            if parts is not None:
                await parts.stop(save)
        except OSError as error:
            _log.error("{name}: {error}", name=self.name, error=_tell(error))
        except Exception:
            _log.failure("{name}: an error of ours while stopping", name=self.name)
        self.content.close()

    def _enter(self, state: State) -> None:
        self.state = state
        if self._watcher is not None:
            # Not from within: who is told may want to change the state.
            self._shared.reactor.callLater(0, self._watcher, self)

    def _tell_complete(self) -> None:
        waiting, self._completed = self._completed, {}
        for each in waiting:
            each.callback(None)

    def _tell_ended(self, why: str) -> None:
        waiting, self._completed = self._completed, {}
        for each in waiting:
            each.errback(TorrentEndedError(f"{self.name}: {why}"))


def _tell(error: BaseException | None) -> str:
    """An error in words for the user."""
    if isinstance(error, StorageMissing):
        return f"storage missing: {error.filename or error}"
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{'disk full: ' if error.errno in FULL else ''}{error.strerror}{where}"
    return str(error) or type(error).__name__
