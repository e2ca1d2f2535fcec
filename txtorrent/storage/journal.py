"""The journal of all torrents' progress: fast resume, and bans, in the state directory.

The order of writes that makes a kill or a power cut harmless:

1. A piece's data is written, then `record`ed. That is not synced: after a kill the page cache
   still holds both.
2. Every few seconds the data is synced (`Content.sync`), then a `checkpoint` made. That is.
3. After another boot, what was recorded since the last checkpoint is hashed again (trust.py).

When a write or sync failed, or a recorded piece proves bad, `retract` it: else the next run would
believe it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from sqlite3 import Connection
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from txtorrent.storage.database import Database, StateError
from txtorrent.storage.disk import Lane
from txtorrent.storage.lockfile import StateInUse
from txtorrent.storage.resume import Checkpoint, Resume
from txtorrent.storage.rows import Rows, forget

__all__ = ["Checkpoint", "Journal", "JournalClosed", "Resume", "StateError", "StateInUse"]

T = TypeVar("T")

# The most changes in one commit: the load of thousands of torrents must not hold up a record for
# long. There is no bound on those that wait: they are fewer than the pieces being written.
MOST_CHANGES = 500

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class JournalClosed(RuntimeError):
    """The journal is not open.  Nothing was written."""


@define(eq=False)
class _Change:
    apply: Callable[[Connection], Any]
    durable: bool
    done: Deferred[Any]


@define(eq=False)
class Journal:
    """The journal in `directory`; its database is used on `lane` only, which has one thread.

    While a commit is under way changes wait; then all that wait go together, in their order.
    Every Deferred fails with StateError (an OSError: ENOSPC when the disk is full) when its commit
    did; the database is then as before it.
    """

    _lane: Lane
    _directory: str
    _wall: Callable[[], float] = time.time
    _boot: bytes = field(factory=lambda: read_boot_id())
    _database: Database = field(init=False)
    _rows: Rows = field(init=False)
    _waiting: list[_Change] = field(init=False, factory=list)
    _committing: bool = field(init=False, default=False)
    _is_open: bool = field(init=False, default=False)
    _idle: list[Deferred[None]] = field(init=False, factory=list)

    @_database.default
    def _make_database(self) -> Database:
        return Database(self._directory)

    @_rows.default
    def _make_rows(self) -> Rows:
        return Rows(self._wall, self._boot)

    def open(self) -> Deferred[None]:
        """Lock the directory and open the database; both are made when missing.

        StateInUse, with a message for the user, when another daemon has it; OSError.
        """
        return Deferred.fromCoroutine(self._open())

    def close(self) -> Deferred[None]:
        """Close the database when all that waits is written, and give up the lock."""
        return Deferred.fromCoroutine(self._close())

    def load(self, info_hash: bytes) -> Deferred[Resume | None]:
        """What is known of a torrent; None when nothing is, or what is was damaged."""
        return self.submit(lambda db: self._rows.load(db, info_hash))

    def record(self, info_hash: bytes, *pieces: int) -> Deferred[None]:
        """Note that pieces were verified and written.  Once it fires, a kill does not undo that.

        It counts from the torrent's first checkpoint on: make one before the first piece.
        """
        return self.submit(lambda db: self._rows.record(db, info_hash, *pieces))

    def retract(self, info_hash: bytes, pieces: Iterable[int]) -> Deferred[None]:
        """Take back the records of pieces that a failed sync, or a check, put in doubt."""
        doubted = list(pieces)
        return self.submit(lambda db: self._rows.retract(db, info_hash, doubted))

    def checkpoint(self, info_hash: bytes, state: Checkpoint) -> Deferred[None]:
        """Note a torrent's state; once it fires, a power cut does not undo that.

        The records of pieces that are in `state.have` have then done their duty.  Make none
        between the start of a check and its end: pieces not in `have` are not checked again.
        """
        done = self.submit(lambda db: self._rows.checkpoint(db, info_hash, state), durable=True)
        return done.addCallback(lambda _: self._rows.checkpointed.add(info_hash))

    def forget(self, info_hash: bytes) -> Deferred[None]:
        """Remove all that is known of a torrent, durably."""
        self.forgotten(info_hash)
        return self.submit(lambda db: forget(db, info_hash), durable=True)

    def forgotten(self, info_hash: bytes) -> None:
        """To be told by whoever removes a torrent's rows by a change of their own."""
        self._rows.checkpointed.discard(info_hash)

    def ban(self, host: str, until: float) -> Deferred[None]:
        """Keep a host banned until a wall time, over restarts."""
        return self.submit(lambda db: self._rows.ban(db, host, until))

    def unban(self, hosts: Iterable[str]) -> Deferred[None]:
        """Forget bans, by who was banned."""
        lifted = list(hosts)
        return self.submit(lambda db: self._rows.unban(db, lifted), durable=True)

    def bans(self) -> Deferred[list[tuple[str, float]]]:
        """(host, wall time of its end) for each ban that has not ended."""
        return self.submit(self._rows.bans)

    def submit(self, apply: Callable[[Connection], T], *, durable: bool = False) -> Deferred[T]:
        """Have `apply`, a function of the connection, run within the next transaction.

        Fires with what it gives once that outlives a kill, and if `durable` a power cut. What it
        raises fails the whole commit, others' changes too: it is to raise nothing but SQLite's.
        """
        if not self._is_open:
            return fail(JournalClosed(f"the journal in {self._directory} is not open"))
        done: Deferred[T] = Deferred()
        self._waiting.append(_Change(apply, durable, done))
        if not self._committing:
            self._commit()
        return done

    async def _open(self) -> None:
        if self._lane.threads != 1:
            raise ValueError("the journal needs a lane of one thread")
        await self._lane.run(self._database.open)
        self._is_open = True

    async def _close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        if self._committing:
            idle: Deferred[None] = Deferred()
            self._idle.append(idle)
            await idle
        await self._lane.run(self._database.close)

    def _commit(self) -> None:
        """Have what waits committed together."""
        group = self._waiting[:MOST_CHANGES]
        del self._waiting[:MOST_CHANGES]
        self._committing = True
        changes = [change.apply for change in group]
        durable = any(change.durable for change in group)
        committed = self._lane.run(self._database.commit, changes, durable)
        committed.addCallbacks(
            self._succeeded, self._failed, callbackArgs=(group,), errbackArgs=(group,)
        )

    def _succeeded(self, results: list[Any], group: list[_Change]) -> None:
        self._commit_next()
        for change, result in zip(group, results, strict=True):
            change.done.callback(result)

    def _failed(self, failure: Failure, group: list[_Change]) -> None:
        self._commit_next()
        for change in group:
            change.done.errback(failure)

    def _commit_next(self) -> None:
        self._committing = False
        if self._waiting:
            self._commit()
            return
        idle, self._idle = self._idle, []
        for waiting in idle:
            waiting.callback(None)


def read_boot_id() -> bytes:
    """What names the time since the system was started; b"" when the system does not tell."""
    try:
        with open(_BOOT_ID, "rb") as file:
            return file.read().strip()
    except OSError:
        return b""
