"""The rows of the torrent list: entries, metainfo, tasks on disk, settings, numbers.

Functions of a connection within a transaction that somebody else began. Rows that are not whole
count as missing (schema.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection

from attrs import field, frozen

from txtorrent.storage.rows import forget
from txtorrent.storage.schema import VERSION, first, put, sealed, whole

# The number that keeps ids from being given twice.
_LAST_ID = "last id"
_RESERVED = (_LAST_ID, VERSION)  # names of numbers that are no totals


@frozen
class Entry:
    """A torrent of the list."""

    id: int
    """From 1; never given to another torrent."""
    info_hash: bytes
    data: bytes
    """Whatever its owner keeps of it: a JSON object."""


@frozen
class NewEntry:
    """A torrent to be listed, with its metainfo as it came; None while that is not known."""

    info_hash: bytes
    data: bytes
    metainfo: bytes | None


Tasks = Mapping[tuple[bytes, str], bytes | None]
"""What is to be done on disk, by info-hash and kind ("move", "remove"); None: it is done."""


@frozen
class Changes:
    """What is to become of the list, all of it or nothing."""

    put: Sequence[Entry] = ()
    """These have other data now. One that is not listed (any more) stays so."""
    remove: Sequence[bytes] = ()
    """These info-hashes go, with all that is known of their progress."""
    tasks: Tasks = field(factory=dict)
    metainfo: Mapping[bytes, bytes] = field(factory=dict)
    """By info-hash: it has become known, or its trackers were edited."""
    settings: Mapping[str, bytes | None] = field(factory=dict)
    """None: as if it had never been set."""
    totals: Mapping[str, int] = field(factory=dict)


def add(db: Connection, new: Sequence[NewEntry]) -> list[Entry]:
    """List torrents. One that is listed already gets the new data and keeps its id."""
    next_id = _last_id(db) + 1
    entries = []
    for one in new:
        known = first(db, "entry", "info_hash = ?", one.info_hash)
        entry = Entry(known[1] if known else next_id, one.info_hash, one.data)
        next_id += known is None
        put(db, "entry", sealed("entry", entry.info_hash, entry.id, entry.data))
        if one.metainfo is not None:
            put_metainfo(db, one.info_hash, one.metainfo)
        entries.append(entry)
    put_number(db, _LAST_ID, next_id - 1)
    return entries


def change(db: Connection, changes: Changes) -> None:
    for entry in changes.put:
        *columns, seal = sealed("entry", entry.info_hash, entry.id, entry.data)
        query = "UPDATE entry SET info_hash = ?1, id = ?2, data = ?3, seal = ?4"
        db.execute(query + " WHERE info_hash = ?1", (*columns, seal))
    for info_hash in changes.remove:
        db.execute("DELETE FROM entry WHERE info_hash = ?", (info_hash,))
        forget(db, info_hash)
    for info_hash, data in changes.metainfo.items():
        put_metainfo(db, info_hash, data)
    for (info_hash, kind), task in changes.tasks.items():
        _put_task(db, info_hash, kind, task)
    for name, value in changes.settings.items():
        _put_setting(db, name, value)
    for name, total in changes.totals.items():
        put_number(db, name, total)
    _drop_metainfo(db, {*changes.remove, *(info_hash for info_hash, _ in changes.tasks)})


def entries(db: Connection) -> list[Entry]:
    """The list, by id."""
    found = [Entry(row[1], row[0], row[2]) for row in whole(db, "entry", "1")]
    return sorted(found, key=lambda entry: entry.id)


def strays(db: Connection) -> list[bytes]:
    """Info-hashes of metainfo that nothing whole speaks of: its entry was damaged."""
    known = {entry.info_hash for entry in entries(db)} | {task[0] for task in tasks(db)}
    found = db.execute("SELECT info_hash FROM metainfo").fetchall()
    return [info_hash for (info_hash,) in found if info_hash not in known]


def metainfo(db: Connection, info_hash: bytes) -> bytes | None:
    row = first(db, "metainfo", "info_hash = ?", info_hash)
    return None if row is None else row[1]


def tasks(db: Connection) -> list[tuple[bytes, str, bytes]]:
    """(info-hash, kind, data) for each that is not done."""
    return [row[:3] for row in whole(db, "task", "1")]


def settings(db: Connection) -> dict[str, bytes]:
    return {name: value for name, value, _ in whole(db, "setting", "1")}


def totals(db: Connection) -> dict[str, int]:
    rows = whole(db, "number", "1")
    return {name: value for name, value, _ in rows if name not in _RESERVED}


def put_number(db: Connection, name: str, value: int) -> None:
    put(db, "number", sealed("number", name, value))


def put_metainfo(db: Connection, info_hash: bytes, data: bytes) -> None:
    put(db, "metainfo", sealed("metainfo", info_hash, data))


def _last_id(db: Connection) -> int:
    row = first(db, "number", "name = ?", _LAST_ID)
    if row is not None:
        last: int = row[1]
        return last
    return max((entry.id for entry in entries(db)), default=0)


def _put_task(db: Connection, info_hash: bytes, kind: str, data: bytes | None) -> None:
    if data is None:
        db.execute("DELETE FROM task WHERE info_hash = ? AND kind = ?", (info_hash, kind))
    else:
        put(db, "task", sealed("task", info_hash, kind, data))


def _put_setting(db: Connection, name: str, value: bytes | None) -> None:
    if value is None:
        db.execute("DELETE FROM setting WHERE name = ?", (name,))
    else:
        put(db, "setting", sealed("setting", name, value))


def _drop_metainfo(db: Connection, info_hashes: Iterable[bytes]) -> None:
    """Metainfo is kept for an entry, and for a task that outlives its entry."""
    db.executemany(
        "DELETE FROM metainfo WHERE info_hash = ?1"
        " AND NOT EXISTS (SELECT 1 FROM entry WHERE info_hash = ?1)"
        " AND NOT EXISTS (SELECT 1 FROM task WHERE info_hash = ?1)",
        [(info_hash,) for info_hash in info_hashes],
    )
