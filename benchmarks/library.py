"""Thousands of complete torrents, and the state of a daemon that has them all, made in seconds.

Each is one sparse file: its piece hashes are random bytes, for nobody is to hash it. What the
daemons would write is written straight into their directories, as they write it themselves.
"""

import os
import random
import time
from collections.abc import Sequence
from functools import partial
from hashlib import sha1
from typing import Final

from attrs import frozen

from benchmarks.content import BLOCK
from txtorrent.bencode import encode
from txtorrent.seedbox.record import Record, shared_tiers
from txtorrent.storage import listrows
from txtorrent.storage.beneath import FileStat
from txtorrent.storage.database import Database
from txtorrent.storage.listrows import NewEntry
from txtorrent.storage.resume import Checkpoint
from txtorrent.storage.rows import Rows

PIECE: Final = 4 * BLOCK
PIECES: Final = 100
SIZE: Final = PIECE * PIECES
"""Bytes of a torrent, none of which takes room on disk."""
TOGETHER: Final = 1000
"""Torrents in one transaction."""
SEED: Final = 20261120
"""So that two runs have the same torrents."""


@frozen
class Listed:
    """One torrent: its metainfo as a .torrent has it."""

    name: str
    info_hash: bytes
    metainfo: bytes


@frozen
class Library:
    """Torrents whose content lies in `directory`; they are private. `announce` is the URL of their
    tracker, "" for none."""

    directory: str
    torrents: Sequence[Listed]
    announce: str = ""


def make_library(directory: str, count: int, announce: str = "") -> Library:
    """So many torrents with their content."""
    chance = random.Random(SEED)
    torrents = [_torrent(f"listed-{number:05}.bin", chance, announce) for number in range(count)]
    os.makedirs(directory)
    for torrent in torrents:
        with open(os.path.join(directory, torrent.name), "wb") as out:
            out.truncate(SIZE)
    return Library(directory, torrents, announce)


def _torrent(name: str, chance: random.Random, announce: str) -> Listed:
    info = {
        b"length": SIZE,
        b"name": name.encode(),
        b"piece length": PIECE,
        b"pieces": chance.randbytes(20 * PIECES),
        b"private": 1,
    }
    outside = {b"announce": announce.encode()} if announce else {}
    metainfo = encode({**outside, b"info": info})
    return Listed(name, sha1(encode(info)).digest(), metainfo)


# -- ours ----------------------------------------------------------------------------------------


def write_our_state(library: Library, directory: str) -> None:
    """The state database of a daemon that has them all, and has been stopped in good order."""
    database = Database(directory)
    database.open()
    rows = Rows(time.time, b"benchmark")
    for begin in range(0, len(library.torrents), TOGETHER):
        some = library.torrents[begin : begin + TOGETHER]
        new = [
            NewEntry(each.info_hash, _record(library, each, begin + i).encode(), each.metainfo)
            for i, each in enumerate(some)
        ]
        database.commit([partial(listrows.add, new=new)], durable=False)
        states = [(each.info_hash, _checkpoint(library, each)) for each in some]
        changes = [
            partial(rows.checkpoint, info_hash=info_hash, state=state)
            for info_hash, state in states
        ]
        database.commit(changes, durable=False)
    database.close()


def _record(library: Library, torrent: Listed, position: int) -> Record:
    now = time.time()
    return Record(
        name=torrent.name,
        directory=library.directory,
        total_size=SIZE,
        piece_count=PIECES,
        piece_size=PIECE,
        file_count=1,
        trackers=shared_tiers(((library.announce,),) if library.announce else ()),
        is_private=True,
        is_complete=True,
        size_when_done=SIZE,
        have_valid=SIZE,
        downloaded=SIZE,
        uploaded=SIZE // 3 + position,
        seconds_seeding=86400.5 + position,
        added_date=now - position,
        start_date=now - position,
        done_date=now - position,
        activity_date=now - position,
        queue_rank=float(position),
    )


def _checkpoint(library: Library, torrent: Listed) -> Checkpoint:
    status = os.stat(os.path.join(library.directory, torrent.name))
    return Checkpoint(
        have=_all_ones(PIECES),
        files=(FileStat(status.st_size, status.st_mtime_ns),),
        uploaded=SIZE // 3,
        downloaded=SIZE,
        wasted=0,
        clean=True,
    )


def _all_ones(bits: int) -> bytes:
    return ((1 << bits) - 1 << -bits % 8).to_bytes(-(-bits // 8), "big")


# -- theirs --------------------------------------------------------------------------------------


def write_transmission_state(library: Library, home: str) -> None:
    """What transmission-daemon 3.00 has in its home of torrents that it has verified."""
    for folder in ("torrents", "resume"):
        os.makedirs(os.path.join(home, folder))
    for torrent in library.torrents:
        base = torrent.info_hash.hex()
        _write(os.path.join(home, "torrents", f"{base}.torrent"), torrent.metainfo)
        _write(os.path.join(home, "resume", f"{base}.resume"), _resume(library, torrent))


def _resume(library: Library, torrent: Listed) -> bytes:
    now = int(time.time())
    return encode(
        {
            b"activity-date": now,
            b"added-date": now,
            b"destination": library.directory.encode(),
            b"dnd": [0],
            b"done-date": now,
            b"downloaded": SIZE,
            b"name": torrent.name.encode(),
            b"paused": 0,
            b"priority": [0],
            b"progress": {b"blocks": b"all", b"have": b"all", b"time-checked": [now + 1]},
            b"uploaded": SIZE // 3,
        }
    )


def _write(path: str, data: bytes) -> None:
    with open(path, "wb") as out:
        out.write(data)
