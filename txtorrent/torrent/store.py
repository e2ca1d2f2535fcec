"""The torrent's pieces on disk: jobs for the disk's lanes, named by piece instead of by offset."""

import secrets
from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred

from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.storage import hashing
from txtorrent.storage.check import check
from txtorrent.storage.content import Content
from txtorrent.storage.disk import Disk


class PieceStore:
    """Reads, writes and verifies the pieces of one torrent.

    Every Deferred may fail with OSError; who waits for a job's buffers keeps them untouched
    until it fires. `now` tells seconds, on any thread.
    """

    def __init__(
        self, metainfo: Metainfo, content: Content, disk: Disk, now: Callable[[], float]
    ) -> None:
        self.content = content
        self._metainfo = metainfo
        self._geometry = metainfo.geometry
        self._disk = disk
        self._now = now
        self._key = secrets.token_bytes(16)

    def verify_and_write(self, pieces: Iterable[tuple[int, memoryview]]) -> "Deferred[list[bool]]":
        """Write each whole piece whose hash is right; False, and nothing written, for others."""
        wanted = [
            (self._geometry.piece_offset(piece), data, self._metainfo.piece_hash(piece))
            for piece, data in pieces
        ]
        return self._disk.write.run(hashing.verify_and_write_all, self.content, wanted)

    def write(self, piece: int, runs: Iterable[tuple[int, memoryview]]) -> "Deferred[None]":
        """Write parts of a piece that is not complete: (byte offset in the piece, data)."""
        base = self._geometry.piece_offset(piece)

        def job() -> None:
            for begin, data in runs:
                self.content.write(base + begin, data)

        return self._disk.write.run(job)

    def verify(self, piece: int) -> "Deferred[bool]":
        """Whether the piece on disk matches its hash."""
        offset, size = self._geometry.piece_offset(piece), self._geometry.piece_size(piece)
        expected = self._metainfo.piece_hash(piece)
        return self._disk.write.run(hashing.verify_on_disk, self.content, offset, size, expected)

    def digests(self, piece: int, data: memoryview | None = None) -> "Deferred[list[bytes]]":
        """A keyed digest of each block, of `data` or else of what is on disk."""
        if data is not None:
            return self._disk.write.run(hashing.block_digests, data, self._key)
        offset, size = self._geometry.piece_offset(piece), self._geometry.piece_size(piece)
        return self._disk.write.run(
            hashing.block_digests_on_disk, self.content, offset, size, self._key
        )

    async def check(self, pieces: Iterable[int], on_piece: Callable[[int, bool], None]) -> None:
        """Hash these pieces on disk, telling each one's index and whether it is right."""
        await check(
            self.content,
            self._geometry,
            self._metainfo.piece_hashes,
            pieces,
            self._disk.write,
            on_piece,
            self._now,
        )

    # -- peer.uploads.BlockSource ----------------------------------------------------------

    def read_cached(self, piece: int, begin: int, into: memoryview) -> bool:
        """Fill `into` with bytes of a piece, if that can be done without waiting for a disk."""
        return self.content.read_cached(self._geometry.piece_length * piece + begin, into)

    def read(self, piece: int, begin: int, length: int) -> "Deferred[bytes]":
        """Bytes of a piece, read on a disk thread."""
        offset = self._geometry.piece_length * piece + begin
        return self._disk.read.run(self.content.read, offset, length)
