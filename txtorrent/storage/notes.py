"""What the daemon remembers of itself over restarts: a value for each name, in the state database.

Unlike settings nobody sets them: the DHT's nodes, the key of this installation. One that was
damaged counts as never written.
"""

from __future__ import annotations

from collections.abc import Mapping
from sqlite3 import Connection

from attrs import frozen
from twisted.internet.defer import Deferred

from txtorrent.storage.journal import Journal
from txtorrent.storage.schema import first, put, sealed


@frozen(eq=False)
class Notes:
    """The notes in the database of an open `journal`."""

    _journal: Journal

    def get(self, name: str) -> Deferred[bytes | None]:
        """What was put last; None: nothing."""
        return self._journal.submit(lambda db: _get(db, name))

    def put(self, notes: Mapping[str, bytes], *, durable: bool = False) -> Deferred[None]:
        """Keep these. StateError. A power cut may undo it unless it is to be `durable`."""
        kept = dict(notes)
        return self._journal.submit(lambda db: _put(db, kept), durable=durable)


def _get(db: Connection, name: str) -> bytes | None:
    row = first(db, "note", "name = ?", name)
    return None if row is None else row[1]


def _put(db: Connection, notes: Mapping[str, bytes]) -> None:
    for name, value in notes.items():
        put(db, "note", sealed("note", name, value))
