"""From the last block of a piece to a verified piece: the disk jobs, and what they may end in.

What must stay true: a buffer goes back to the pool only when no job looks at it any more;
a piece counts as had only when its data is written and the journal says so. Where the disk
is full, the job waits with its data, and nothing new is requested, until there is space.
"""

import errno
from collections.abc import Callable, Coroutine, Sequence
from itertools import compress
from operator import not_
from typing import Any, Final, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from txtorrent.address import Address
from txtorrent.storage.disk import LaneStopped
from txtorrent.swarm.partial import CHUNK_BLOCKS, Partial
from txtorrent.swarm.smartban import BadCopy, SmartBan
from txtorrent.torrent.store import PieceStore

RETRY_FULL_DISK: Final = 30.0
"""Seconds between looks whether a full disk has space again."""

BATCH: Final = CHUNK_BLOCKS
"""Blocks of small pieces that are hashed and written by one job. A job each for pieces of 16 KiB
costs ten times what a block does otherwise: threads, the interpreter's lock, a commit."""

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

    def record_pieces(self, pieces: Sequence[int]) -> "Deferred[None]":
        """Have the journal note the pieces, whose data is written."""

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
        self._whole: list[Partial] = []
        self._whole_blocks = 0
        self._whole_due: IDelayedCall | None = None
        self._stopping = False
        self._pauses: set[tuple[IDelayedCall, Deferred[None]]] = set()

    def chunk_stored(self, partial: Partial, number: int) -> None:
        """A chunk lacks nothing: a piece of one chunk is hashed and written, of others the chunk is
        written."""
        if partial.one_chunk and not partial.spilled:
            self._add_whole(partial)
        else:
            self._start(self._write_chunk(partial, number))

    def spill(self, partial: Partial, number: int) -> None:
        """Write what a chunk holds to free its buffer, although blocks of it are missing."""
        self._start(self._write_chunk(partial, number))

    def stop(self) -> "Deferred[None]":
        """Wait for the jobs under way; those that wait for disk space are given up."""
        self._stopping = True
        self._finish_whole()
        for timer, pause in tuple(self._pauses):
            timer.cancel()
            pause.errback(CancelledError())
        return DeferredList(tuple(self._jobs)).addCallback(lambda _: None)

    # -- jobs --------------------------------------------------------------------------------

    def _add_whole(self, partial: Partial) -> None:
        """A piece is whole in memory: small ones wait for what else comes in this turn."""
        self._whole.append(partial)
        self._whole_blocks += partial.blocks
        if self._whole_blocks >= BATCH or self._stopping:
            self._finish_whole()
        elif self._whole_due is None:
            self._whole_due = self._clock.callLater(0, self._finish_whole)

    def _finish_whole(self) -> None:
        due, self._whole_due = self._whole_due, None
        if due is not None and due.active():
            due.cancel()
        batch, self._whole, self._whole_blocks = self._whole, [], 0
        if batch:
            self._start(self._finish_in_memory(batch))

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

    async def _finish_in_memory(self, batch: Sequence[Partial]) -> None:
        pieces = [(partial.piece, partial.chunks[0].view) for partial in batch]
        good = await self._patiently(lambda: self._store.verify_and_write(pieces))
        for partial in compress(batch, map(not_, good)):
            self._start(self._fail_in_memory(partial))
        await self._succeed(tuple(compress(batch, good)))

    async def _fail_in_memory(self, partial: Partial) -> None:
        digests = await self._store.digests(partial.piece, partial.chunks[0].view)
        await self._fail(partial, digests)

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
            await self._succeed([partial])
        else:
            await self._fail(partial, await self._store.digests(partial.piece))

    async def _succeed(self, batch: Sequence[Partial]) -> None:
        if not batch:
            return
        for partial in batch:
            partial.discard()
        self._owner.buffer_freed()
        pieces = [partial.piece for partial in batch]
        await self._owner.record_pieces(pieces)
        for piece in pieces:
            self._owner.piece_verified(piece)
        for piece in filter(self._ban.remembers, pieces):
            self._accuse(self._ban.passed(piece, await self._store.digests(piece)), piece)

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
