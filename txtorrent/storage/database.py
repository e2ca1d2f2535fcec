"""The state database: one SQLite file, its transactions, and what happens when it is damaged.

Every call blocks and comes from one thread, the state lane's. What the rows mean is rows.py's.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import Any

from attrs import define, field
from twisted.logger import Logger

from txtorrent.storage.lockfile import lock
from txtorrent.storage.schema import (
    TABLES,
    NewerSchemaError,
    SchemaError,
    is_whole,
    put,
    rollback,
    upgrade,
)

NAME = "state.db"
ASIDE = ".damaged"
# What may lie beside the database and belongs to it.
_SUFFIXES = ("", "-wal", "-shm")

# The progress of the largest torrent (200,000 files, 2 million pieces) is 3.5 MB, a metainfo at
# most 10 MiB: more is damage.
LONGEST_VALUE = 16 * 1024 * 1024
# The log is cut back to this after a burst, bytes.
LOG_SIZE = 4 * 1024 * 1024

# Some of SQLite's messages quote what it found where a name should have been.
_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
# The low byte of SQLite's error codes.
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_ERRNO = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_BUSY: errno.EBUSY,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
}

Change = Callable[[sqlite3.Connection], Any]

_log = Logger()


class StateError(OSError):
    """The state database could not be read or written; what it held before is still there."""


@define(eq=False)
class Database:
    """The database in `directory`, which it keeps locked while it is open."""

    directory: str
    _db: sqlite3.Connection | None = field(init=False, default=None)
    _lock: int = field(init=False, default=-1)

    @property
    def path(self) -> str:
        return os.path.join(self.directory, NAME)

    def open(self) -> None:
        """Lock the directory, made when missing, and open the database, made when missing.

        StateInUse, OSError (StateError among them). A damaged database is set aside; one of a
        later version, which holds what we would lose, is refused with StateError and left alone.
        """
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        self._lock = lock(self.directory)
        try:
            with self._errors():
                self._open_or_rebuild()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the database and give up the lock."""
        try:
            if self._db is not None:
                with self._errors():
                    self._db.close()
        finally:
            self._db = None
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    def commit(self, changes: Sequence[Change], durable: bool) -> list[Any]:
        """Apply changes in one transaction, all or nothing; gives what they return.

        Afterwards they outlive a kill, and when `durable` also a power cut. StateError.
        """
        with self._errors():
            try:
                return self._commit(changes, durable)
            except _UNREADABLE as error:
                if not isinstance(error, UnicodeDecodeError) and _code(error) not in _DAMAGE:
                    raise
                self._rebuild(str(error))
                return self._commit(changes, durable)

    def _commit(self, changes: Sequence[Change], durable: bool) -> list[Any]:
        db = self._db
        assert db is not None, "the database is not open"
        # In WAL mode NORMAL writes the log without fsync, FULL with (sqlite.org/pragma.html).
        db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        db.execute("BEGIN IMMEDIATE")
        try:
            results = [change(db) for change in changes]
            db.execute("COMMIT")
        except BaseException:
            rollback(db)
            raise
        return results

    def _open_or_rebuild(self) -> None:
        try:
            self._db = _connect(self.path)
        except (*_UNREADABLE, SchemaError) as error:
            # What is not the disk's or the machine's fault is the database's.
            if _code(error) in _ERRNO and not self._seems_read_only(error):
                raise
            self._rebuild(str(error))
        _sync_folder(self.directory)

    def _seems_read_only(self, error: Exception) -> bool:
        """Whether SQLite will not write though the system would: a damaged header says so."""
        return _code(error) == sqlite3.SQLITE_READONLY and os.access(self.path, os.W_OK)

    def _rebuild(self, reason: str) -> None:
        """Set the damaged database aside; begin a new one with those of its rows that are whole."""
        if self._db is not None:
            self._db.close()
            self._db = None
        for suffix in _SUFFIXES:
            _move(self.path + suffix, self.path + ASIDE + suffix)
        saved = list(_salvage(self.path + ASIDE))
        self._db = _connect(self.path)
        self._commit([partial(put, table=table, row=row) for table, row in saved], durable=True)
        _log.warn(
            "{path} is damaged ({reason}) and was kept as {aside}; {count} of its entries were"
            " saved, torrents without their progress are checked again",
            path=self.path,
            reason=reason,
            aside=self.path + ASIDE,
            count=len(saved),
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """SQLite's errors as StateError."""
        try:
            yield
        except sqlite3.Error as error:
            number = _ERRNO.get(_code(error), errno.EIO)
            raise StateError(number, str(error), self.path) from error
        except NewerSchemaError as error:
            text = f"the state was written by a later txtorrent ({error}): run that one again,"
            text += " or give this one a state directory of its own"
            raise StateError(errno.EPROTO, text, self.path) from error


def _connect(path: str) -> sqlite3.Connection:
    """Open a database and see that it is whole.  SchemaError, sqlite3.Error."""
    _keep_private(path)
    db = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        db.execute("PRAGMA cell_size_check = 1")
        # The directory's lock keeps others out. So SQLite needs no shared memory file: on a full
        # disk, writing to that would be a SIGBUS.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA journal_size_limit = {LOG_SIZE}")
        (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise SchemaError(verdict)
        upgrade(db)
        db.execute("DELETE FROM ban WHERE 0")  # better to learn now that nothing can be written
    except BaseException:
        db.close()
        raise
    return db


def _code(error: Exception) -> int:
    """SQLite's primary error code; 0 for errors that are not from SQLite itself."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def _keep_private(path: str) -> None:
    """Let nobody else read the database, wherever the user has put it and whatever the umask is: a
    private key is in it, and what torrents there are. SQLite gives its log the same mode. What
    cannot be done is SQLite's to report."""
    with suppress(OSError):
        for each in (path, path + "-wal"):
            if os.path.exists(each) and os.stat(each).st_mode & 0o077:
                os.chmod(each, 0o600)
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _salvage(path: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """(table, row) for whatever can be read of a damaged database and has its seal."""
    with suppress(*_UNREADABLE), closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
        for table in TABLES:
            with suppress(*_UNREADABLE):
                for row in db.execute(f"SELECT * FROM {table}"):  # noqa: S608 - our names
                    if is_whole(table, row):
                        yield table, row


def _move(source: str, target: str) -> None:
    """Rename a file if it is there; else remove what is left of an earlier one."""
    try:
        os.replace(source, target)
    except FileNotFoundError:
        with suppress(FileNotFoundError):
            os.unlink(target)


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
