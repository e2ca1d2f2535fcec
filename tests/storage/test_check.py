import errno
import os
import threading
from hashlib import sha1
from itertools import count

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.storage.folders import content, folder, noise
from tests.testing.disk import InlineLane
from txtorrent.storage import check as check_module
from txtorrent.storage import content as content_module
from txtorrent.storage.check import check
from txtorrent.storage.content import Extent, StorageMissing
from txtorrent.storage.disk import ThreadLane

PIECE = 16384


class Case:
    def setUp(self):
        self.root = folder(self)
        # Pieces   0 1 | 2 half of 2 | 3 4 5
        self.rows = [("t/a", PIECE * 2 + 100), ("t/b", PIECE * 3 - 100), ("t/c", PIECE - 5)]
        self.content = content(self.root, self.rows, PIECE)
        self.content.create()
        self.addCleanup(self.content.close)
        self.data = noise(PIECE * 6 - 5)
        self.hashes = self.sha1s(self.data)
        self.told = {}
        self.ticks = count(step=0)  # a clock that stands

    def sha1s(self, data):
        pieces = [data[at : at + PIECE] for at in range(0, len(data), PIECE)]
        return b"".join(sha1(piece).digest() for piece in pieces)

    def check(self, lane, pieces=range(6), on_piece=None):
        on_piece = on_piece or self.told.__setitem__
        geometry, now = self.content.geometry, self.ticks.__next__
        checking = check(self.content, geometry, self.hashes, pieces, lane, on_piece, now)
        return Deferred.fromCoroutine(checking)

    def picture(self):
        return "".join(".x"[self.told[n]] if n in self.told else " " for n in range(6))


class CheckTests(Case, SynchronousTestCase):
    """Small pieces: all of them are read at once."""

    read_size = check_module.READ_SIZE

    def setUp(self):
        super().setUp()
        self.patch(check_module, "READ_SIZE", self.read_size)
        self.clock = Clock()
        self.lane = InlineLane(self.clock, delay=1.0, threads=2)

    def finish(self, checking):
        self.clock.pump([1.0] * 20)
        self.successResultOf(checking)
        return self.picture()

    def test_nothing_there(self):
        self.assertEqual(self.finish(self.check(self.lane)), "......")

    def test_all_there(self):
        self.content.write(0, self.data)
        self.assertEqual(self.finish(self.check(self.lane)), "xxxxxx")

    def test_only_the_pieces_asked(self):
        self.content.write(0, self.data)
        self.assertEqual(self.finish(self.check(self.lane, iter([1, 4]))), " x  x ")
        self.assertEqual(self.finish(self.check(self.lane, [])), " x  x ")

    def test_some_there(self):
        self.content.write(0, self.data)
        os.unlink(os.path.join(self.root, "t/c"))
        self.content.write(PIECE * 3 + 7, b"\0\0\0")
        self.content.close()
        self.assertEqual(self.finish(self.check(self.lane)), "xxx.x.")

    def test_what_is_missing_is_not_read(self):
        self.content.write(PIECE * 6 - 6, self.data[-1:])  # a file with a hole
        read = []
        self.patch(content_module, "read_all", lambda *rest: read.append(rest[-1]))
        self.finish(self.check(self.lane, range(5)))
        self.assertEqual(read, [])

    def test_a_hole_holds_zeros(self):
        self.content = content(self.root, [("zeros", 1 << 20)], PIECE)
        self.addCleanup(self.content.close)
        self.content.create()
        os.truncate(os.path.join(self.root, "zeros"), 1 << 20)
        self.hashes = self.sha1s(bytes(PIECE * 3) + noise(PIECE * 3))
        self.assertEqual(self.finish(self.check(self.lane)), "xxx...")

    def test_data_among_holes(self):
        self.content.write(PIECE * 5, self.data[PIECE * 5 :])
        self.content.write(PIECE * 2, self.data[PIECE * 2 : PIECE * 3])
        os.truncate(os.path.join(self.root, "t/b"), PIECE * 3 - 100)
        self.hashes = self.sha1s(bytes(PIECE * 2) + self.data[PIECE * 2 : -1] + b"?")
        self.assertEqual(self.finish(self.check(self.lane)), "xxx...")

    def test_cut_off_meanwhile(self):
        self.content.write(0, self.data)
        os.truncate(os.path.join(self.root, "t/b"), PIECE)
        self.patch(content_module, "extent_of", lambda *rest: Extent.DATA)
        self.assertEqual(self.finish(self.check(self.lane)), "xxx..x")

    def test_jobs_under_way(self):
        self.patch(check_module, "JOB_BYTES", PIECE)
        checking = self.check(self.lane, range(6))
        self.assertEqual(self.lane.jobs, 3)
        self.clock.advance(1.0)
        self.assertEqual(len(self.told), 3)
        self.assertEqual(self.lane.jobs, 6)
        self.assertEqual(self.finish(checking), "......")

    def test_large_pieces(self):
        self.patch(check_module, "JOB_BYTES", 1)
        self.assertEqual(self.finish(self.check(self.lane)), "......")
        self.assertEqual(self.lane.jobs, 6)

    def test_cancel(self):
        self.patch(check_module, "JOB_BYTES", PIECE)
        checking = self.check(self.lane)
        self.clock.advance(1.0)
        checking.cancel()
        self.failureResultOf(checking, CancelledError)
        self.clock.pump([1.0] * 9)
        self.assertEqual((len(self.told), self.lane.jobs), (3, 6))

    def test_an_error_ends_it(self):
        self.patch(check_module, "JOB_BYTES", PIECE)
        self.lane.fail_next(OSError(errno.EIO, "Input/output error"))
        checking = self.check(self.lane)
        self.clock.pump([1.0] * 9)
        self.assertEqual(self.failureResultOf(checking, OSError).value.errno, errno.EIO)
        self.assertEqual(self.lane.jobs, 3)

    def test_missing_storage_ends_it(self):
        self.content.write(0, self.data)
        self.content.close()
        os.rename(self.root, self.root + ".away")
        checking = self.check(self.lane)
        self.clock.pump([1.0] * 9)
        self.failureResultOf(checking, StorageMissing)
        self.assertEqual(self.told, {})

    def test_what_is_told_may_fail(self):
        checking = self.check(self.lane, on_piece=lambda piece, whole: 1 // 0)
        self.clock.pump([1.0] * 9)
        self.failureResultOf(checking, ZeroDivisionError)


class OneByOneTests(CheckTests):
    """Pieces of which each is one read."""

    read_size = PIECE

    def test_a_job_ends_in_time(self):
        self.ticks = count(step=check_module.JOB_SECONDS / 2)
        self.content.write(0, self.data)
        checking = self.check(self.lane)
        for told in ("xx    ", "xxxx  ", "xxxxxx"):
            self.assertNoResult(checking)
            self.clock.advance(1.0)
            self.assertEqual(self.picture(), told)
        self.successResultOf(checking)

    def test_a_job_that_had_no_time_is_filled_up(self):
        self.ticks = count(step=check_module.JOB_SECONDS / 2)
        self.patch(check_module, "JOB_BYTES", PIECE * 3)
        self.patch(check_module, "JOBS_AHEAD", 0)
        self.lane.threads = 1
        self.finish(self.check(self.lane))
        self.assertEqual((list(self.told), self.lane.jobs), ([*range(6)], 3))


class LargePieceTests(CheckTests):
    """Pieces of several reads."""

    read_size = PIECE // 4


class ThreadedCheckTests(Case, TestCase):
    async def test_on_threads(self):
        lane = ThreadLane(reactor, 3, "check")
        lane.start()
        self.addCleanup(lane.stop)
        self.patch(check_module, "JOB_BYTES", PIECE)
        self.content.write(0, self.data)
        threads = set()

        def on_piece(piece, whole):
            threads.add(threading.current_thread())
            self.told[piece] = whole

        await self.check(lane, on_piece=on_piece)
        self.assertEqual(self.picture(), "xxxxxx")
        self.assertEqual(threads, {threading.current_thread()})
