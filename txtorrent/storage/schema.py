"""The tables of the state database and the way from one version of them to the next.

Each row ends with a seal, a digest of the rest: SQLite notices a damaged page only when its
structure is hurt. A row whose seal is wrong counts as not there.

No table has an index beside it (WITHOUT ROWID), so nothing can disagree with its rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

from twisted.logger import Logger

Column = bytes | int | float | str | None

# What each version adds to the one before. Append only: somewhere there is a database of each.
UPGRADES: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE torrent (
            info_hash BLOB PRIMARY KEY, have BLOB, files BLOB,
            uploaded INTEGER, downloaded INTEGER, wasted INTEGER, seal BLOB
        ) WITHOUT ROWID
        """,
        # Apart from its torrent's row, which is larger, because each commit writes it.
        """
        CREATE TABLE alive (
            info_hash BLOB PRIMARY KEY, at REAL, clean INTEGER, seal BLOB
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE provisional (
            info_hash BLOB, piece INTEGER, boot BLOB, seal BLOB, PRIMARY KEY (info_hash, piece)
        ) WITHOUT ROWID
        """,
        "CREATE TABLE ban (host BLOB PRIMARY KEY, until REAL, seal BLOB) WITHOUT ROWID",
    ),
    (
        "CREATE TABLE entry (info_hash BLOB PRIMARY KEY, id INTEGER, data BLOB, seal BLOB)"
        " WITHOUT ROWID",
        # Apart from its entry's row, which is read at every start and written often.
        "CREATE TABLE metainfo (info_hash BLOB PRIMARY KEY, data BLOB, seal BLOB) WITHOUT ROWID",
        """
        CREATE TABLE task (
            info_hash BLOB, kind TEXT, data BLOB, seal BLOB, PRIMARY KEY (info_hash, kind)
        ) WITHOUT ROWID
        """,
        "CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB, seal BLOB) WITHOUT ROWID",
        "CREATE TABLE number (name TEXT PRIMARY KEY, value INTEGER, seal BLOB) WITHOUT ROWID",
    ),
    ("CREATE TABLE note (name TEXT PRIMARY KEY, value BLOB, seal BLOB) WITHOUT ROWID",),
)

TABLES = (
    "torrent", "alive", "provisional", "ban", "entry", "metainfo", "task", "setting", "number",
    "note",
)  # fmt: skip


_log = Logger()


# The version a second time, in a row with a seal: so a damaged header is told from a database of a
# later version. Every later version keeps this row, in this table, in this form.
VERSION = "schema version"


class SchemaError(Exception):
    """The database is not one of ours, or damaged."""


class NewerSchemaError(Exception):
    """The database is whole, but of a version that is not known yet; the message says which."""


def upgrade(db: sqlite3.Connection) -> None:
    """Bring the tables to the newest version; makes them in an empty database.

    One transaction: after a kill it is of the old version or of the new one. NewerSchemaError,
    SchemaError, sqlite3.Error: the database is as it was.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version > len(UPGRADES) and _vouched_version(db) == version:
        raise NewerSchemaError(f"its version is {version}, {len(UPGRADES)} is the latest known")
    if not 0 <= version <= len(UPGRADES) or bool(tables) != bool(version):
        raise SchemaError(f"version {version} with {tables} tables")
    if version == len(UPGRADES):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for statements in UPGRADES[version:]:
            for statement in statements:
                db.execute(statement)
        put(db, "number", sealed("number", VERSION, len(UPGRADES)))
        db.execute(f"PRAGMA user_version = {len(UPGRADES)}")
        db.execute("COMMIT")
    except BaseException:
        rollback(db)
        raise


def _vouched_version(db: sqlite3.Connection) -> int | None:
    """The version as the row with the seal has it; None when there is none."""
    try:
        row = first(db, "number", "name = ?", VERSION)
    except (sqlite3.Error, UnicodeDecodeError):  # in a damaged database it may be anything
        return None
    return None if row is None else row[1]


def rollback(db: sqlite3.Connection) -> None:
    """Undo the transaction under way, if SQLite has not done so itself."""
    if db.in_transaction:
        db.execute("ROLLBACK")


def sealed(table: str, *columns: Column) -> tuple[Column, ...]:
    """A row for `table`: the columns and their seal."""
    return (*columns, _seal(table, columns))


def is_whole(table: str, row: Sequence[Column]) -> bool:
    """Whether a row read from `table` is as it was written."""
    return row[-1] == _seal(table, row[:-1])


def put(db: sqlite3.Connection, table: str, row: Sequence[Column]) -> None:
    """Write a sealed row in place of the one of the same key."""
    marks = ",".join("?" * len(row))
    db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", row)  # noqa: S608 - our names


def first(
    db: sqlite3.Connection, table: str, where: str, *values: Column
) -> tuple[Any, ...] | None:
    """A row of a table that is as it was written, if there is one."""
    return next(whole(db, table, where, *values), None)


def whole(
    db: sqlite3.Connection, table: str, where: str, *values: Column
) -> Iterator[tuple[Any, ...]]:
    """The rows of a table that are as they were written; the others are told to the log."""
    query = f"SELECT * FROM {table} WHERE {where}"  # noqa: S608 - our names
    for row in db.execute(query, values).fetchall():
        if is_whole(table, row):
            yield row
        else:
            _log.warn("a damaged entry of the state database is left out ({table})", table=table)


def _seal(table: str, columns: Sequence[Column]) -> bytes:
    digest = blake2b(table.encode(), digest_size=16)
    for column in columns:
        data = column if isinstance(column, bytes) else repr(column).encode()
        digest.update(f"{type(column).__name__} {len(data)} ".encode())
        digest.update(data)
    return digest.digest()
