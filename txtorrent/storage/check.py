"""Checking what is on disk against the hashes: at the first start, and where trust ended.

Runs on a lane, a few pieces a job; what to do with the result is known by who asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import eq

from attrs import define, field
from twisted.internet.defer import Deferred, FirstError, gatherResults

from txtorrent.metainfo.pieces import Geometry
from txtorrent.storage.content import Content, Extent
from txtorrent.storage.disk import Lane
from txtorrent.storage.hashing import READ_SIZE, sha1s_on_disk, verify_on_disk, zeros_sha1

# A job ends after so many seconds: others that wait for the lane wait no longer than that, however
# slow the disk, and a cancelled check is soon over.
JOB_SECONDS = 0.005
# The most that a job takes on, about what a thread hashes in that time where all is in memory: the
# way to a thread and back (0.1 ms) is small beside it.
JOB_BYTES = 8 * 1024 * 1024
# The most pieces in a job: to tell of more would keep the reactor for more than 0.2 ms.
JOB_PIECES = 512
# Jobs that wait while each thread has one, so that none idles until the reactor has woken.
JOBS_AHEAD = 1

Batch = list[tuple[int, bool]]


async def check(
    content: Content,
    geometry: Geometry,
    piece_hashes: bytes,
    pieces: Iterable[int],
    lane: Lane,
    on_piece: Callable[[int, bool], None],
    now: Callable[[], float],
) -> None:
    """Hash `pieces`, telling `on_piece` each one's index and whether it is whole.

    `piece_hashes` is 20 bytes a piece; `now` tells seconds, on any thread.  At most `lane.threads`
    jobs and JOBS_AHEAD are under way, so pieces are told roughly in order.  What is not on disk is
    found out without reading, but where data is within READ_SIZE of it.

    An OSError (StorageMissing among them) ends the check, as does what `on_piece` raises.
    Cancelling ends it too, at the next job.
    """
    checker = _Checker(content, geometry, piece_hashes, lane, on_piece, now)
    left = iter(pieces)
    under_way = range(lane.threads + JOBS_AHEAD)
    workers = [Deferred.fromCoroutine(checker.work(left)) for _ in under_way]
    try:
        await gatherResults(workers, consumeErrors=True)
    except FirstError as error:
        error.subFailure.raiseException()
    finally:
        for worker in workers:
            worker.cancel()


@define(eq=False)
class _Checker:
    content: Content
    geometry: Geometry
    piece_hashes: bytes
    lane: Lane
    on_piece: Callable[[int, bool], None]
    now: Callable[[], float]
    _zeros: dict[int, bytes] = field(init=False, factory=dict)  # SHA-1 of a hole, by its size

    async def work(self, left: Iterator[int]) -> None:
        """One of the jobs under way, and its successors."""
        most = max(1, min(JOB_PIECES, JOB_BYTES // self.geometry.piece_length))
        batch: list[int] = []
        while batch := batch + list(islice(left, most - len(batch))):
            told = await self.lane.run(self._verify, batch)
            for piece, whole in told:
                self.on_piece(piece, whole)
            batch = batch[len(told) :]

    def _verify(self, batch: list[int]) -> Batch:
        """Of the first pieces of a batch, as many as there is time for."""
        told: Batch = []
        end = self.now() + JOB_SECONDS
        for run in self._runs(batch):
            told += self._verify_run(run)
            if self.now() >= end:
                break
        return told

    def _runs(self, batch: list[int]) -> Iterator[list[int]]:
        """Pieces that are read together: side by side, and no more than one read."""
        most = max(1, READ_SIZE // self.geometry.piece_length)
        begin = 0
        for at in range(1, len(batch) + 1):
            if at == len(batch) or batch[at] != batch[at - 1] + 1 or at - begin == most:
                yield batch[begin:at]
                begin = at

    def _verify_run(self, run: list[int]) -> Batch:
        offset, last = self.geometry.piece_offset(run[0]), run[-1]
        length = self.geometry.piece_offset(last) + self.geometry.piece_size(last) - offset
        if length > READ_SIZE:
            return [(piece, self._verify_large(piece)) for piece in run]
        extent, hashes = sha1s_on_disk(self.content, offset, length, self.geometry.piece_length)
        if extent is Extent.MISSING:
            return self._one_by_one(run)
        if extent is Extent.HOLE:
            hashes = [self._hole_sha1(self.geometry.piece_size(piece)) for piece in run]
        return list(zip(run, map(eq, hashes, map(self._expected, run)), strict=True))

    def _one_by_one(self, run: list[int]) -> Batch:
        """Not all of the pieces are there, but perhaps some."""
        if len(run) == 1:
            return [(run[0], False)]
        return [result for piece in run for result in self._verify_run([piece])]

    def _verify_large(self, piece: int) -> bool:
        offset, size = self.geometry.piece_offset(piece), self.geometry.piece_size(piece)
        extent, expected = self.content.extent(offset, size), self._expected(piece)
        if extent is Extent.HOLE:
            return self._hole_sha1(size) == expected
        return extent is Extent.DATA and verify_on_disk(self.content, offset, size, expected)

    def _expected(self, piece: int) -> bytes:
        return self.piece_hashes[20 * piece : 20 * piece + 20]

    def _hole_sha1(self, size: int) -> bytes:
        if size not in self._zeros:
            self._zeros[size] = zeros_sha1(size)
        return self._zeros[size]
