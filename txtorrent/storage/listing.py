"""The torrent list on disk: what a daemon that is killed at any instant comes back with.

Each call is one transaction of the state database, in the order of the calls. A change, once its
Deferred fires, outlives a kill and a power cut; when it fails (StateError) nothing was changed.
What the data of an entry or a setting means is its owner's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define
from twisted.internet.defer import Deferred

from txtorrent.storage import listrows
from txtorrent.storage.journal import Journal
from txtorrent.storage.listrows import Changes, Entry, NewEntry

__all__ = ["Changes", "Entry", "Listing", "NewEntry"]


@define(eq=False)
class Listing:
    """The list in the database of an open `journal`.

    What was damaged is told to the log and left out: a lost entry is among `strays` as long as
    its metainfo is whole.
    """

    _journal: Journal

    def entries(self) -> Deferred[list[Entry]]:
        """All torrents, by id."""
        return self._journal.submit(listrows.entries)

    def strays(self) -> Deferred[list[bytes]]:
        """Info-hashes whose metainfo is there but whose entry is lost. `add` lists them again."""
        return self._journal.submit(listrows.strays)

    def metainfo(self, info_hash: bytes) -> Deferred[bytes | None]:
        """The bytes of the .torrent; None when there are none, or they were damaged."""
        return self._journal.submit(lambda db: listrows.metainfo(db, info_hash))

    def tasks(self) -> Deferred[list[tuple[bytes, str, bytes]]]:
        """(info-hash, kind, data) for each task on disk that is not done."""
        return self._journal.submit(listrows.tasks)

    def settings(self) -> Deferred[dict[str, bytes]]:
        """What was set while the daemon ran."""
        return self._journal.submit(listrows.settings)

    def totals(self) -> Deferred[dict[str, int]]:
        """Numbers of the whole session, by name."""
        return self._journal.submit(listrows.totals)

    def add(self, new: Sequence[NewEntry]) -> Deferred[list[Entry]]:
        """List torrents; fires with their entries. One that is listed keeps its id."""
        return self._journal.submit(lambda db: listrows.add(db, new), durable=True)

    def change(self, changes: Changes) -> Deferred[None]:
        """Change the list. The metainfo of what is removed goes when no task needs it."""
        done = self._journal.submit(lambda db: listrows.change(db, changes), durable=True)
        return done.addCallback(self._forgotten, changes.remove)

    def note_totals(self, totals: Mapping[str, int]) -> Deferred[None]:
        """As `change` of totals, without waiting for a disk: a power cut may undo it."""
        return self._journal.submit(lambda db: listrows.change(db, Changes(totals=totals)))

    def _forgotten(self, _: None, info_hashes: Sequence[bytes]) -> None:
        for info_hash in info_hashes:
            self._journal.forgotten(info_hash)
