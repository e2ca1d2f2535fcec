"""Where content lies: moved, renamed, deleted, each so that a kill at any step leaves it whole.

What is to be done on disk is a task in the state database until it is done; `resume` takes up
what a kill interrupted. A torrent goes on seeding while it is moved.
"""

import json
import os
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredLock, succeed
from twisted.logger import Logger

from txtorrent.errors import Code, RequestError
from txtorrent.metainfo.renames import RenameError, add_rename, apply_renames
from txtorrent.metainfo.torrentfile import Metainfo, MetainfoError, parse
from txtorrent.seedbox.entry import Entry
from txtorrent.seedbox.runner import Runner
from txtorrent.seedbox.views import MoveView
from txtorrent.session import Session
from txtorrent.storage.beneath import Beneath
from txtorrent.storage.content import Content
from txtorrent.storage.disk import LaneStopped
from txtorrent.storage.listing import Changes, Listing
from txtorrent.storage.listing import Entry as Row
from txtorrent.storage.move import Move, Phase, Step
from txtorrent.storage.remove import remove

MOVE, REMOVE = "move", "remove"
"""Kinds of tasks."""
STEPS: Final = {Phase.COPYING: "copying", Phase.PLACING: "copying", Phase.CLEANING: "deleting"}
"""What users read for each step of a move."""
BEGIN: Final = Step(Phase.COPYING)
_log = Logger()


@define(eq=False)
class Task:
    """A move under way: from where, to where, and how far it is."""

    source: str
    target: str
    step: Step
    move: Move | None = None
    is_superseded: bool = False
    """The content is to be elsewhere: what was recorded is taken back together with that."""
    job: Deferred[None] = field(factory=lambda: succeed(None))

    def encode(self, step: Step) -> bytes:
        """To be recorded."""
        kept = {
            "source": self.source,
            "target": self.target,
            "phase": step.phase.value,
            "placed": step.placed.hex(),
        }
        return json.dumps(kept).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Task":
        """The opposite. ValueError, KeyError: that is none."""
        kept = json.loads(data)
        step = Step(Phase(kept["phase"]), bytes.fromhex(kept["placed"]))
        return cls(kept["source"], kept["target"], step)


class Places:
    """The content of all torrents on disk. `told` hears of changes of entries."""

    def __init__(
        self,
        session: Session,
        listing: Listing,
        runner: Runner,
        told: Callable[[Entry, Iterable[str]], None],
    ) -> None:
        self._session = session
        self._listing = listing
        self._runner = runner
        self._told = told
        self._turn = DeferredLock()  # two moves on one disk are slower than one after the other
        self._tasks: dict[Entry, Task] = {}
        self._jobs: set[Deferred[None]] = set()
        self._deletions: dict[bytes, Deferred[None]] = {}
        self._is_stopping = False

    # -- moving ------------------------------------------------------------------------------

    async def move(self, entries: Collection[Entry], directory: str) -> None:
        """Have the content of these moved, one torrent after the other. RequestError.

        Returns when it is recorded that they are to be moved: a kill does not undo that.
        """
        tasks = self._new_tasks(entries, directory)
        self._tasks |= tasks
        begin = {(entry.info_hash, MOVE): task.encode(BEGIN) for entry, task in tasks.items()}
        try:
            await self._listing.change(Changes(tasks=begin))
        except BaseException:
            for entry in tasks:
                self._tasks.pop(entry, None)
            raise
        for entry, task in tasks.items():
            if self._tasks.get(entry) is task:
                self._begin(entry, task)

    def _new_tasks(self, entries: Collection[Entry], directory: str) -> dict[Entry, Task]:
        tasks = {}
        for entry in entries:
            under_way = self._tasks.get(entry)
            if under_way is not None and under_way.target != directory:
                raise RequestError(
                    Code.SYSTEM_ERROR,
                    f"{entry.record.name} is being moved to {under_way.target}: wait for that",
                )
            source = entry.record.place or entry.record.directory
            if under_way is None and source != directory and not entry.is_removed:
                tasks[entry] = Task(source, directory, BEGIN)
        return tasks

    async def look_there(self, entries: Collection[Entry], directory: str) -> Changes:
        """Have these look for their content in `directory`; what is to be recorded for that."""
        for entry in entries:
            await self._cancel(entry)
            entry.is_held = True
            await self._runner.halt(entry)
            entry.record.directory, entry.record.place = directory, ""
            entry.is_held = False
        rows = [Row(entry.id, entry.info_hash, entry.record.encode()) for entry in entries]
        return Changes(put=rows, tasks={(entry.info_hash, MOVE): None for entry in entries})

    async def resume(self, entries: dict[bytes, Entry]) -> None:
        """Take up what a kill interrupted."""
        for info_hash, kind, data in await self._listing.tasks():
            entry = entries.get(info_hash)
            try:
                if kind == REMOVE:
                    self.delete(info_hash, data)
                elif kind == MOVE and entry is not None:
                    self._begin(entry, Task.decode(data))
            except (ValueError, KeyError) as error:
                _log.error("a task of the state database is damaged: {why}", why=str(error))

    def _begin(self, entry: Entry, task: Task) -> None:
        self._tasks[entry] = task
        entry.reason, entry.move = "waits to be moved", MoveView(task.target, "waiting")
        # What a kill interrupted behind the switch has its files in both places.
        entry.is_held = task.step.phase is Phase.CLEANING
        self._told(entry, ("waiting", "move"))
        task.job = self._start(
            self._turn.run(lambda: Deferred.fromCoroutine(self._move(entry, task)))
        )

    async def _move(self, entry: Entry, task: Task) -> None:
        if self._is_stopping or self._tasks.get(entry) is not task:
            return
        try:
            await self._runner.mind(entry)
            metainfo = await self._runner.metainfo(entry)
            if metainfo is None or entry.is_removed:
                return
            entry.is_held = entry.is_held or entry.torrent is None
            content = self._content(entry, task, metainfo)
            await self._make_target(entry, task)
            if self._tasks.get(entry) is not task:
                return
            task.move = self._new_move(entry, task, content)
            await task.move.run(task.step)
        except (CancelledError, LaneStopped):
            return
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            _log.error(
                "{name} was not moved: {why}{where}",
                name=entry.record.name, why=error.strerror or str(error), where=where,
            )  # fmt: skip
            entry.failure = f"not moved to {task.target}: {error.strerror or error}{where}"
        finally:
            if self._tasks.get(entry) is task:
                del self._tasks[entry]
            entry.is_held, entry.reason, entry.move = False, "", None
            self._told(entry, ("waiting", "error", "directory", "move"))
            if not self._is_stopping:
                self._runner.mind(entry)

    async def _make_target(self, entry: Entry, task: Task) -> None:
        try:
            await self._session.disk.read.run(_make_directory, task.target)
        except OSError:
            await self._record(entry, task, Step(Phase.DONE))
            raise

    def _new_move(self, entry: Entry, task: Task, content: Content) -> Move:
        def progress(done: int, total: int) -> None:
            entry.reason = f"moving: {100 * done // total if total else 100} %"
            step = Phase.COPYING if task.step is None else task.step.phase
            entry.move = MoveView(task.target, STEPS[step], done, total)
            self._told(entry, ("waiting", "move"))

        return Move(
            content,
            task.source,
            task.target,
            entry.info_hash.hex(),
            self._session.disk.read,
            lambda step: self._record(entry, task, step),
            progress,
        )

    def _content(self, entry: Entry, task: Task, metainfo: Metainfo) -> Content:
        """The engine's own if it runs: it goes on reading and writing meanwhile."""
        if entry.torrent is not None:
            return entry.torrent.content
        done = task.step.phase is Phase.CLEANING
        files = apply_renames(metainfo.files, entry.record.renamed)
        root = task.target if done else task.source
        return Content(root, files, metainfo.geometry, self._session.files)

    def _record(self, entry: Entry, task: Task, step: Step) -> "Deferred[Any]":
        task.step = step
        if entry.is_removed or (task.is_superseded and step.phase is not Phase.CLEANING):
            return succeed(None)
        rows = []
        if step.phase is Phase.CLEANING:
            entry.record.directory, entry.record.place = task.target, ""
            rows = [Row(entry.id, entry.info_hash, entry.record.encode())]
            self._told(entry, ("directory",))
        data = None if step.phase is Phase.DONE else task.encode(step)
        return self._listing.change(Changes(put=rows, tasks={(entry.info_hash, MOVE): data}))

    async def _cancel(self, entry: Entry) -> None:
        """Leave the content where it is, if it is being moved or is to be. That there is no move
        any more is for the caller to record, with what takes its place."""
        task = self._tasks.get(entry)
        if task is None:
            return
        task.is_superseded = True
        if task.move is None:
            del self._tasks[entry]
            entry.reason = ""
        else:
            task.move.cancel()
            await _when_called(task.job)

    # -- renaming ----------------------------------------------------------------------------

    async def rename(self, entry: Entry, path: str, name: str) -> None:
        """Give a file or folder another name. RequestError."""
        if entry in self._tasks:
            raise RequestError(Code.SYSTEM_ERROR, "it is being moved: rename it afterwards")
        metainfo = await self._runner.metainfo(entry)
        if metainfo is None:
            raise RequestError(Code.CORRUPT_TORRENT, entry.failure)
        record = entry.record
        try:
            renamed, old, new = add_rename(metainfo.files, record.renamed, path, name)
        except RenameError as error:
            raise RequestError(Code.INVALID_PARAMS, str(error)) from None
        files = apply_renames(metainfo.files, renamed)
        content = self._content(entry, Task("", "", BEGIN), metainfo)
        if entry.torrent is None:
            content.root = record.place or record.directory
        try:
            await self._session.disk.read.run(content.rename, old, new, files)
        except OSError as error:
            raise RequestError(
                Code.SYSTEM_ERROR, f"{error.filename or path}: {error.strerror or error}"
            ) from None
        record.renamed = renamed
        if len(old) == 1:
            record.name = name

    # -- deleting ----------------------------------------------------------------------------

    def removal(self, entry: Entry) -> bytes:
        """The task that deletes a torrent's data, to be recorded with its removal."""
        record = entry.record
        kept = {"root": record.place or record.directory, "renamed": record.renamed}
        return json.dumps(kept).encode()

    async def forget(self, entry: Entry) -> None:
        """A torrent is removed: what is under way for it ends."""
        await self._cancel(entry)

    def delete(self, info_hash: bytes, task: bytes) -> None:
        """Delete the data of a torrent that has been removed. ValueError: that is no task."""
        deletion = self._start(self._delete(info_hash, json.loads(task)))
        if not deletion.called:
            self._deletions[info_hash] = deletion

    async def deleted(self, info_hash: bytes) -> None:
        """Returns when nothing of a torrent that was removed is still to be deleted."""
        deletion = self._deletions.get(info_hash)
        if deletion is not None:
            await _when_called(deletion)

    async def _delete(self, info_hash: bytes, task: dict[str, Any]) -> None:
        raw = await self._listing.metainfo(info_hash)
        if raw is not None:
            try:
                metainfo: Metainfo = await self._session.disk.read.run(parse, raw)
                files = apply_renames(metainfo.files, task["renamed"])
                paths = [file.path for file in files if not file.pad]
                beneath = Beneath(task["root"], self._session.files.relieve)
                await remove(beneath, paths, self._session.disk.write)
            except MetainfoError as error:
                _log.error("data of {hash} stays: {why}", hash=info_hash.hex(), why=str(error))
            except FileNotFoundError:
                pass
            except OSError as error:
                _log.error("not all was deleted: {path}: {why}", path=error.filename, why=error)
        await self._listing.change(Changes(tasks={(info_hash, REMOVE): None}))
        self._deletions.pop(info_hash, None)

    # -- inside ------------------------------------------------------------------------------

    def _start(self, job: Any) -> "Deferred[None]":
        running = job if isinstance(job, Deferred) else Deferred.fromCoroutine(job)
        self._jobs.add(running)
        running.addErrback(lambda failure: _log.failure("an error of ours on disk", failure))
        running.addBoth(lambda _: self._jobs.discard(running))
        return running

    async def stop(self) -> None:
        """Leave off; what is not done is taken up by the next run."""
        self._is_stopping = True
        for task in tuple(self._tasks.values()):
            if task.move is not None:
                task.move.stop()
        for job in tuple(self._jobs):
            await _when_called(job)


def _when_called(job: "Deferred[Any]") -> "Deferred[None]":
    after: Deferred[None] = Deferred()

    def ended(result: Any) -> Any:
        after.callback(None)
        return result

    job.addBoth(ended)
    return after


def _make_directory(path: str) -> None:
    os.makedirs(path, exist_ok=True)
