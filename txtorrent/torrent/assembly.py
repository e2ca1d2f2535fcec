"""From the last block of a piece to a verified piece: the disk jobs, and what they may end in.

What must stay true: a buffer goes back to the pool only when no job looks at it any more;
a piece counts as had only when its data is written and the journal says so. Where the disk
is full, the job waits with its data, and nothing new is requested, until there is space.
"""

import errno
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from txtorrent.address import Address
from txtorrent.storage.disk import LaneStopped
from txtorrent.swarm.partial import Partial
from txtorrent.swarm.smartban import BadCopy, SmartBan
from txtorrent.torrent.store import PieceStore

RETRY_FULL_DISK: Final = 30.0
"""Seconds between looks whether a full disk has space again."""

FULL: Final = (errno.ENOSPC, errno.EDQUOT)
T = TypeVar("T")
_log = Logger()


class PieceOwner(Protocol):
    """Who is told what became of the pieces."""

    def piece_verified(self, piece: int) -> None:
        """The piece is on disk, right, and recorded."""

    def piece_failed(self, piece: int) -> None:
        """The piece did not match its hash."""

    def buffer_freed(self) -> None:
        """Memory went back to the pool."""

    def record_piece(self, piece: int) -> "Deferred[None]":
        """Have the journal note the piece, whose data is written."""

    def ban(self, address: Address, reason: str) -> None:
        """This peer sent bad data."""

    def disk_full(self, error: OSError) -> None:
        """Data waits for space; it will be tried again by itself."""

    def disk_has_space(self) -> None:
        """What waited could be written."""

    def storage_failed(self, error: OSError) -> None:
        """The disk does not do its work; the torrent cannot go on."""


class Assembly:
    """The pieces of one torrent between memory and disk."""

    def __init__(self, store: PieceStore, owner: PieceOwner, clock: IReactorTime) -> None:
        self.disk_is_full = False
        """True while written data waits for space; nothing new should be requested."""
        self._store = store
        self._owner = owner
        self._clock = clock
        self._ban = SmartBan()
        self._jobs: set[Deferred[None]] = set()
        self._stopping = False
        self._pauses: set[tuple[IDelayedCall, Deferred[None]]] = set()

    def chunk_stored(self, partial: Partial, number: int) -> None:
        """A chunk lacks nothing: a piece of one chunk is hashed and written, of others the chunk is
        written."""
        if partial.one_chunk and not partial.spilled:
            self._start(self._finish_in_memory(partial))
        else:
            self._start(self._write_chunk(partial, number))

    def spill(self, partial: Partial, number: int) -> None:
        """Write what a chunk holds to free its buffer, although blocks of it are missing."""
        self._start(self._write_chunk(partial, number))

    def stop(self) -> "Deferred[None]":
        """Wait for the jobs under way; those that wait for disk space are given up."""
        self._stopping = True
        for timer, pause in tuple(self._pauses):
            timer.cancel()
            pause.errback(CancelledError())
        return DeferredList(tuple(self._jobs)).addCallback(lambda _: None)

    # -- jobs --------------------------------------------------------------------------------

    def _start(self, job: Coroutine[Any, Any, None]) -> None:
        running = Deferred.fromCoroutine(self._guarded(job))
        self._jobs.add(running)
        running.addBoth(lambda _: self._jobs.discard(running))

    async def _guarded(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except (CancelledError, LaneStopped):
            return
        except OSError as error:
            self._owner.storage_failed(error)
        except Exception:
            _log.failure("an error of ours while a piece was written")
            self._owner.storage_failed(OSError(errno.EIO, "internal error, see the log"))

    async def _finish_in_memory(self, partial: Partial) -> None:
        piece, data = partial.piece, partial.chunks[0].view
        good = await self._patiently(lambda: self._store.verify_and_write(piece, data))
        if good:
            await self._succeed(partial)
        else:
            await self._fail(partial, await self._store.digests(piece, data))

    async def _write_chunk(self, partial: Partial, number: int) -> None:
        chunk, runs = partial.detach(number)
        try:
            await self._patiently(lambda: self._store.write(partial.piece, runs))
        finally:
            partial.give_back(chunk)
        self._owner.buffer_freed()
        if not partial.missing and not partial.writing:
            await self._finish_on_disk(partial)

    async def _finish_on_disk(self, partial: Partial) -> None:
        if await self._store.verify(partial.piece):
            await self._succeed(partial)
        else:
            await self._fail(partial, await self._store.digests(partial.piece))

    async def _succeed(self, partial: Partial) -> None:
        piece = partial.piece
        partial.discard()
        self._owner.buffer_freed()
        await self._owner.record_piece(piece)
        self._owner.piece_verified(piece)
        if self._ban.remembers(piece):
            digests = await self._store.digests(piece)
            self._accuse(self._ban.passed(piece, digests), piece)

    async def _fail(self, partial: Partial, digests: list[bytes]) -> None:
        senders = [source.address if source else None for source in partial.sources]
        partial.discard()
        self._owner.buffer_freed()
        self._owner.piece_failed(partial.piece)
        guilty = self._ban.failed(partial.piece, BadCopy(digests, senders))
        self._accuse(guilty, partial.piece)

    def _accuse(self, guilty: set[Address], piece: int) -> None:
        for address in sorted(guilty):
            self._owner.ban(address, f"sent bad data for piece {piece}")

    # -- a full disk -------------------------------------------------------------------------

    async def _patiently(self, job: Callable[[], "Deferred[T]"]) -> T:
        """Do the job again and again while the disk is full."""
        while True:
            try:
                result = await job()
            except OSError as error:
                if error.errno not in FULL or self._stopping:
                    raise
                self._note_full(error)
                await self._pause()
            else:
                self._note_space()
                return result

    def _note_full(self, error: OSError) -> None:
        if not self.disk_is_full:
            self.disk_is_full = True
            self._owner.disk_full(error)

    def _note_space(self) -> None:
        if self.disk_is_full:
            self.disk_is_full = False
            self._owner.disk_has_space()

    async def _pause(self) -> None:
        over: Deferred[None] = Deferred()
        timer = self._clock.callLater(RETRY_FULL_DISK, over.callback, None)
        pause = (timer, over)
        self._pauses.add(pause)
        try:
            await over
        finally:
            self._pauses.discard(pause)
