"""Moving a torrent's content to another root while it is read, and written, at the old one.

What makes a kill at any step harmless: until the owner has recorded that the content belongs in
the new root, the old place is the truth and stays complete; from then on the new one is, and is
complete.

1. `COPYING`: each file gets a second name (same file system) or a copy, synced and compared, in a
   folder of the move's own in the new root, with the mtime of the original.
2. `PLACING`, recorded with the files it is about: they get their names in the new root, none
   replaces what is there.
3. Writes are held up, what was written meanwhile is copied, `CLEANING` is recorded, and the content
   switched.
4. The old files are deleted, then the folders of the torrent that are empty; `DONE` is recorded.

After a kill the move is run again with what was recorded last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from enum import Enum
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from txtorrent.bitfield import Bitfield
from txtorrent.storage.beneath import Beneath
from txtorrent.storage.content import Content
from txtorrent.storage.disk import Lane, LaneStopped
from txtorrent.storage.movefiles import MoveFiles
from txtorrent.storage.remove import remove

T = TypeVar("T")

# Files of a job of those that take no copying: a torrent may have 200,000.
JOB_FILES = 100
# How often what was written meanwhile is copied before writes are held up for the rest: each
# round is a fraction of the one before, unless writes are faster than copying.
ROUNDS = 5
# So little of it that writes can be held up while it is copied, and what one job copies: 16 MiB.
FEW_CHUNKS = 16

_log = Logger()


class Phase(Enum):
    """How far a move is, as it is recorded."""

    COPYING = "copying"
    PLACING = "placing"
    CLEANING = "cleaning"
    DONE = "done"


@frozen
class Step:
    """What there is to record of a move, and where to go on after a kill."""

    phase: Phase
    placed: bytes = b""
    """Of PLACING: the files that are ours in the new root, one bit each in wire order."""


Record = Callable[[Step], Deferred[object]]
Progress = Callable[[int, int], None]


@define(eq=False)
class Move:
    """One move of `content` from the root `source` to `target`, an existing directory.

    `content` is at `source`; after CLEANING was recorded, at `target`. `name` is the torrent's own
    (its info-hash in hex). `lane` is not the one that writes: those may be held up. `record` makes
    a step durable, with CLEANING also that the content belongs in `target` now, with DONE that
    there is no move any more. `progress` is told bytes done and bytes in all. Nobody renames
    files, or allocates them, meanwhile.
    """

    content: Content
    source: str
    target: str
    name: str
    lane: Lane
    record: Record
    progress: Progress
    _files: MoveFiles = field(init=False)
    _placed: Bitfield = field(init=False)
    _interrupted: bool = field(init=False, default=False)
    _undoing: bool = field(init=False, default=True)  # when it does not succeed
    _done: int = field(init=False, default=0)  # bytes
    _total: int = field(init=False, default=0)

    @_files.default
    def _make_files(self) -> MoveFiles:
        old = self.content.beneath
        if self.content.root != self.source:
            old = Beneath(self.source, self.content.pool.relieve)
        return MoveFiles(self.content, old, self.target, self.name)

    @_placed.default
    def _nothing_placed(self) -> Bitfield:
        return Bitfield(len(self.content.files))

    async def run(self, begin: Step | None = None) -> None:
        """Move it; `begin` is what was recorded last, None for a new move.

        FileExistsError when something is in the way, OSError ENOSPC telling what is needed, both
        before anything was copied; any other OSError. Then, and after `cancel`, what was copied is
        removed, and the content is where it was. From CLEANING on it is in the new root for good,
        and what cannot be deleted of the old is only told to the log. CancelledError after
        `cancel` and `stop`; the Deferred itself is not to be cancelled.
        """
        step = begin or Step(Phase.COPYING)
        if step.phase is not Phase.CLEANING:
            self._resume(step)
            await self._bring_over(begin is None)
        await self._clean()

    def cancel(self) -> None:
        """Leave the content where it is, if it is not in its new place yet; `run` ends soon."""
        self._interrupted = True

    def stop(self) -> None:
        """Leave off, to be run again from what is recorded; `run` ends soon."""
        self._interrupted, self._undoing = True, False

    def _resume(self, step: Step) -> None:
        if step.phase is Phase.PLACING:
            self._placed = Bitfield.from_wire(len(self.content.files), step.placed)

    async def _bring_over(self, new: bool) -> None:
        """Everything until the content is in its new place, or, if that fails, as it was."""
        try:
            await self._job(self._files.survey, self._placed)
            self._total = self._files.total
            if new:
                await self.record(Step(Phase.COPYING))
            self.content.track_writes()
            await self._copy_all()
            await self._switch()
        except LaneStopped:
            raise
        except BaseException:
            if self._undoing:
                await self._undo()
            raise
        finally:
            self.content.track_writes(False)

    async def _copy_all(self) -> None:
        await self._copy(range(len(self.content.files)))
        await self._place()
        for _ in range(ROUNDS):
            rewritten = self.content.take_rewritten()
            await self._copy_again(rewritten)
            if len(rewritten) <= FEW_CHUNKS:
                break

    async def _switch(self) -> None:
        await self._job(self.content.gate.shut)
        try:
            await self._copy_again(self.content.take_rewritten())
            await self._job(self._files.finish)
            await self.record(Step(Phase.CLEANING))
            self.content.switch(self._files.new)
        finally:
            self.content.gate.open()

    async def _copy(self, indices: Sequence[int]) -> None:
        """Have these files, as far as they are on disk, in the move's folder, synced."""
        for at in range(0, len(indices), JOB_FILES):
            batch = indices[at : at + JOB_FILES]
            taken, to_copy = await self._job(self._files.link, batch, self._placed)
            self._tell(taken)
            for index in to_copy:
                await self._copy_file(index)

    async def _copy_file(self, index: int) -> None:
        copy = await self._job(self._files.begin_copy, index)
        try:
            while (taken := await self._job(copy.go_on)) is not None:
                self._tell(taken)
        finally:
            copy.close()

    async def _place(self) -> None:
        """Give what is in the move's folder its names, that being recorded first."""
        fresh = await self._job(self._files.to_place)
        if not fresh:
            return
        for index in fresh:
            self._placed.add(index)
        await self.record(Step(Phase.PLACING, self._placed.to_wire()))
        for at in range(0, len(fresh), JOB_FILES):
            await self._job(self._files.place, fresh[at : at + JOB_FILES])

    async def _copy_again(self, rewritten: Collection[tuple[int, int]]) -> None:
        """Bring what was written since it was copied into the copies."""
        new = sorted({index for index, _ in rewritten if index not in self._placed})
        if new:
            await self._copy(new)
            await self._place()
        for index, found in groupby(sorted(rewritten), itemgetter(0)):
            chunks = [chunk for _, chunk in found]
            for at in range(0, len(chunks), FEW_CHUNKS):
                await self._job(self._files.copy_again, index, chunks[at : at + FEW_CHUNKS])

    async def _undo(self) -> None:
        """Leave the content where it is, and nothing of ours in the new root."""
        try:
            await self.lane.run(self._files.discard, self._placed)
            await self.record(Step(Phase.DONE))
        except OSError as error:
            _log.error("what was copied to {root} stays there: {why}", root=self.target, why=error)

    async def _clean(self) -> None:
        try:
            await self.lane.run(self._files.remove_folder)
            await remove(self._files.old, self.content.paths(), self.lane)
        except OSError as error:
            _log.error("not all of the old files were deleted: {why}", why=error)
        self.content.pool.drop(self._files.old)
        await self.record(Step(Phase.DONE))

    def _job(self, f: Callable[..., T], *arguments: object) -> Deferred[T]:
        if self._interrupted:
            raise CancelledError
        return self.lane.run(f, *arguments)

    def _tell(self, taken: int) -> None:
        self._done += taken
        self.progress(min(self._done, self._total), self._total)
