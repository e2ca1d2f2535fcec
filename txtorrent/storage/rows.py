"""The rows of the state database: what is written about torrents and bans, and read back.

Functions of a connection within a transaction that somebody else began. Rows that are not
whole count as missing (schema.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from sqlite3 import Connection

from attrs import define, field

from txtorrent.storage.resume import Checkpoint, Resume, pack_files, unpack_files
from txtorrent.storage.schema import first, put, sealed, whole

# Bans beyond these, the first to end go: a swarm of attackers must not fill the disk.
MOST_BANS = 10_000


@define(eq=False)
class Rows:
    """What to do to the rows; `wall` is the wall clock, `boot` this boot's id (b"": not known)."""

    wall: Callable[[], float]
    boot: bytes
    # Torrents with a committed checkpoint in this run. Before it, their rows speak of an earlier
    # run, and must not seem to have been true until now.
    checkpointed: set[bytes] = field(init=False, factory=set)

    def load(self, db: Connection, info_hash: bytes) -> Resume | None:
        row = first(db, "torrent", "info_hash = ?", info_hash)
        if row is None:
            return None
        provisional = list(whole(db, "provisional", "info_hash = ?", info_hash))
        at, clean = self._alive(db, info_hash)
        return Resume(
            have=row[1],
            provisional=frozenset(piece for _, piece, _, _ in provisional),
            files=unpack_files(row[2]),
            clean=clean,
            alive_at=at,
            same_boot=self.boot != b"" and all(entry[2] == self.boot for entry in provisional),
            uploaded=row[3],
            downloaded=row[4],
            wasted=row[5],
        )

    def record(self, db: Connection, info_hash: bytes, *pieces: int) -> None:
        for piece in pieces:
            put(db, "provisional", sealed("provisional", info_hash, piece, self.boot))
        at = self.wall()
        if info_hash not in self.checkpointed:
            at, _ = self._alive(db, info_hash)
        put(db, "alive", sealed("alive", info_hash, float(at), 0))

    def retract(self, db: Connection, info_hash: bytes, pieces: Iterable[int]) -> None:
        db.executemany(
            "DELETE FROM provisional WHERE info_hash = ? AND piece = ?",
            [(info_hash, piece) for piece in pieces],
        )

    def checkpoint(self, db: Connection, info_hash: bytes, state: Checkpoint) -> None:
        counters = state.uploaded, state.downloaded, state.wasted
        files = pack_files(state.files)
        put(db, "torrent", sealed("torrent", info_hash, state.have, files, *counters))
        put(db, "alive", sealed("alive", info_hash, float(self.wall()), int(state.clean)))
        query = "SELECT piece FROM provisional WHERE info_hash = ?"
        recorded = [piece for (piece,) in db.execute(query, (info_hash,))]
        self.retract(db, info_hash, [piece for piece in recorded if _has(state.have, piece)])

    def ban(self, db: Connection, host: str, until: float) -> None:
        put(db, "ban", sealed("ban", host.encode(), float(until)))
        db.execute(
            "DELETE FROM ban WHERE host IN"
            " (SELECT host FROM ban ORDER BY until DESC LIMIT -1 OFFSET ?)",
            (MOST_BANS,),
        )

    def unban(self, db: Connection, hosts: Iterable[str]) -> None:
        db.executemany("DELETE FROM ban WHERE host = ?", [(host.encode(),) for host in hosts])

    def bans(self, db: Connection) -> list[tuple[str, float]]:
        db.execute("DELETE FROM ban WHERE until <= ?", (self.wall(),))
        return [(host.decode(), until) for host, until, _ in whole(db, "ban", "1")]

    def _alive(self, db: Connection, info_hash: bytes) -> tuple[float, bool]:
        """(when the torrent's rows were last true, whether it was stopped cleanly then)."""
        row = first(db, "alive", "info_hash = ?", info_hash)
        return (0.0, False) if row is None else (row[1], bool(row[2]))


def forget(db: Connection, info_hash: bytes) -> None:
    """Remove what is known of a torrent's progress."""
    for table in ("torrent", "alive", "provisional"):
        db.execute(f"DELETE FROM {table} WHERE info_hash = ?", (info_hash,))  # noqa: S608


def _has(have: bytes, piece: object) -> bool:
    # A damaged row may hold anything.
    if not isinstance(piece, int) or not 0 <= piece < 8 * len(have):
        return False
    return bool(have[piece >> 3] & (0x80 >> (piece & 7)))
