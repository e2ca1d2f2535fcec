"""Keeps what is on disk and what the journal says of it in step, in the crash-safe order.

Every five seconds or 64 MiB while pieces are written: sync the data, then make a checkpoint
of the pieces that were verified before the sync began.
"""

from collections.abc import Sequence
from typing import Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.storage.content import Content, FileStat, SyncError
from txtorrent.storage.journal import Checkpoint, StateError
from txtorrent.torrent.progress import Progress
from txtorrent.torrent.shared import Shared

SAVE_EVERY: Final = 5.0
"""Seconds between checkpoints while pieces are written: what a power cut makes us re-hash."""
SAVE_AFTER: Final = 64 * 1024 * 1024
"""Bytes of verified pieces after which a checkpoint is made sooner."""
SAVE_COUNTERS_EVERY: Final = 60.0
"""Seconds between checkpoints of the counters alone, while only uploading."""
RECORD_BATCH: Final = 0.02
"""Seconds for which records of pieces are collected: at full rate one commit for a dozen pieces,
where a commit each was 8 % of a download's CPU."""

_log = Logger()


class Saver:
    """The journal's view of one torrent."""

    def __init__(self, progress: Progress, content: Content, shared: Shared) -> None:
        self._progress = progress
        self._content = content
        self._shared = shared
        self._info_hash = progress.metainfo.info_hash
        self._piece_length = progress.metainfo.geometry.piece_length
        self._files: tuple[FileStat | None, ...] = ()
        self._saving: Deferred[None] | None = None
        self._saved_at = 0.0
        self._saved_uploaded = progress.uploaded.total
        self._unsaved = 0
        self._to_record: list[tuple[Sequence[int], Deferred[None]]] = []
        self._complaint = ""
        self._clean = False

    async def begin(self) -> None:
        """Make the checkpoint from which the records of pieces count. OSError."""
        await self._save(final=False)

    def record(self, pieces: Sequence[int]) -> "Deferred[None]":
        """Have the journal note pieces whose data is written; never fails.

        A full state disk costs a re-hash after a crash, not the pieces.
        """
        self._unsaved += self._piece_length * len(pieces)
        recorded: Deferred[None] = Deferred()
        self._to_record.append((pieces, recorded))
        if len(self._to_record) == 1:
            self._shared.reactor.callLater(RECORD_BATCH, self._record_batch)
        return recorded

    def _record_batch(self) -> None:
        batch, self._to_record = self._to_record, []
        for pieces, recorded in batch:
            done = self._shared.journal.record(self._info_hash, *pieces)
            done.addErrback(self._not_saved).chainDeferred(recorded)

    def tick(self, now: float) -> "Deferred[None] | None":
        """Save if it is time; to be called every second. The Deferred fails as `save` does."""
        if self._saving is not None:
            return None
        waited = now - self._saved_at
        if self._unsaved >= SAVE_AFTER or (waited >= SAVE_EVERY and self._content.unsynced):
            return self.save()
        moved = self._progress.uploaded.total != self._saved_uploaded
        if moved and waited >= SAVE_COUNTERS_EVERY:
            return self.save()
        return None

    def save(self, final: bool = False) -> "Deferred[None]":
        """Sync and make a checkpoint, when the one under way has ended.

        `final`: nothing will be written any more, so the files count as they are now.
        SyncError when the data's file system failed: the pieces in doubt are retracted then.
        A state database that cannot be written is only logged.
        """
        if self._saving is not None:
            after: Deferred[None] = Deferred()
            self._saving.addBoth(lambda _: after.callback(None))
            return after.addCallback(lambda _: self.save(final))
        saving = Deferred.fromCoroutine(self._save_patiently(final))
        if saving.called:
            return saving
        self._saving = Deferred()
        return saving.addBoth(self._ended)

    def _ended(self, result: Failure | None) -> Failure | None:
        saving, self._saving = self._saving, None
        if saving is not None:
            saving.callback(None)
        return result

    async def _save_patiently(self, final: bool) -> None:
        try:
            await self._save(final)
        except StateError as error:
            self._not_saved(Failure(error))

    async def _save(self, final: bool) -> None:
        progress = self._progress
        have, clean = progress.have.to_wire(), final or progress.is_complete
        uploaded, self._unsaved = progress.uploaded.total, 0
        self._saved_at = self._shared.reactor.seconds()
        if not self._files or self._content.unsynced or clean != self._clean:
            await self._sync()
        await self._shared.journal.checkpoint(
            self._info_hash,
            Checkpoint(
                have, self._files, uploaded, progress.downloaded.total, progress.wasted, clean
            ),
        )
        self._saved_uploaded, self._clean, self._complaint = uploaded, clean, ""

    async def _sync(self) -> None:
        disk = self._shared.disk
        try:
            await disk.write.run(self._content.sync)
        except SyncError as error:
            await self._shared.journal.retract(self._info_hash, error.pieces)
            raise
        # Only here: looking again later would bless what somebody else wrote meanwhile.
        self._files = await disk.read.run(self._content.stat)

    def _not_saved(self, failure: Failure) -> None:
        failure.trap(StateError)
        complaint = failure.getErrorMessage()
        if complaint != self._complaint:
            self._complaint = complaint
            _log.error("progress could not be saved, transfers go on: {why}", why=complaint)
