"""From the last block to a verified piece: what the disk is asked for, and what may come of it."""

import errno
from hashlib import sha1
from unittest.mock import ANY

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.clock import HeapClock
from txtorrent.address import Address
from txtorrent.metainfo.pieces import BLOCK, Geometry
from txtorrent.storage.disk import LaneStopped
from txtorrent.swarm.buffers import BufferPool
from txtorrent.swarm.partial import CHUNK_BLOCKS, Partial
from txtorrent.torrent.assembly import BATCH, RETRY_FULL_DISK, Assembly

A, B = Address("1.1.1.1", 1), Address("2.2.2.2", 2)
FULL = OSError(errno.ENOSPC, "No space left on device")


class Sender:
    """As much of a peer as a partial asks for."""

    def __init__(self, address):
        self.address = address


class Store:
    """A disk on which each job waits until the test lets it go on. `good` judges a piece."""

    def __init__(self):
        self.jobs = []
        self.disk = {}
        self.good = lambda data: True

    def _job(self, name, work):
        waiting = Deferred()
        self.jobs.append((name, work, waiting))
        return waiting

    def finish(self, number=0, error=None):
        """Do the oldest job, or that of this number."""
        name, work, waiting = self.jobs.pop(number)
        if error is None:
            waiting.callback(work())
        else:
            waiting.errback(error)
        return name

    def finish_all(self):
        while self.jobs:
            self.finish()

    def verify_and_write(self, pieces):
        def work():
            return [self.good(bytes(data)) and self.keep(data) for _, data in pieces]

        return self._job("verify_and_write", work)

    def keep(self, data):
        self.disk = {0: bytes(data)}
        return True

    def write(self, piece, runs):
        def work():
            for begin, data in runs:
                self.disk[begin] = bytes(data)

        return self._job("write", work)

    def verify(self, piece):
        return self._job("verify", lambda: self.good(b"".join(self.disk.values())))

    def digests(self, piece, data=None):
        whole = bytes(data) if data is not None else b"".join(self.disk.values())
        blocks = [whole[i : i + BLOCK] for i in range(0, len(whole), BLOCK)]
        return self._job("digests", lambda: [sha1(block).digest() for block in blocks])


class Notes:
    """The owner: writes down what it is told."""

    def __init__(self):
        self.notes = []
        self.recording = succeed(None)

    def record_pieces(self, pieces):
        self.notes.append(("record", *pieces))
        return self.recording

    def __getattr__(self, name):
        return lambda *args: self.notes.append((name, *args))

    def names(self):
        return [note[0] for note in self.notes]


class AssemblyCase(SynchronousTestCase):
    def setUp(self):
        self.clock, self.store, self.owner = HeapClock(), Store(), Notes()
        self.pool = BufferPool()
        self.assembly = Assembly(self.store, self.owner, self.clock)

    def fill(self, blocks, senders=(A,), skip=(), piece=0, turn=True):
        """A piece of so many blocks arrives, by turns from each sender. The reactor's turn ends
        behind it, unless told otherwise."""
        self.partial = Partial(piece, Geometry(blocks * BLOCK, 4 * blocks * BLOCK), self.pool)
        for _ in range(blocks):
            self.partial.take()
        peers = [Sender(address) for address in senders]
        for block in range(blocks):
            if block not in skip:
                data, sender = bytes([block % 251]) * BLOCK, peers[block % len(peers)]
                if not self.partial.store(block, data, sender, 0):
                    self.assembly.chunk_stored(self.partial, block // CHUNK_BLOCKS)
        if turn:
            self.clock.advance(0)

    def test_small_pieces_of_one_turn_are_one_job(self):
        self.store.good = lambda data: data[BLOCK] != 99
        for piece in range(3):
            self.fill(4, piece=piece, turn=False)
            if piece == 1:
                self.partial.chunks[0].view[BLOCK] = 99
        self.assertEqual(self.store.jobs, [])
        self.clock.advance(0)
        self.assertEqual(self.store.finish(), "verify_and_write")
        self.assertEqual(
            self.owner.notes,
            [("buffer_freed",), ("record", 0, 2), ("piece_verified", 0), ("piece_verified", 2)],
        )
        self.store.finish_all()
        self.assertEqual(self.owner.notes[-2:], [("piece_failed", 1), ("ban", A, ANY)])
        self.assertEqual((self.pool.lent, self.clock.getDelayedCalls()), (0, []))

    def test_what_is_much_does_not_wait(self):
        for piece in range(3):
            self.fill(BATCH // 3 + 1, piece=piece, turn=False)
            self.assertEqual(len(self.store.jobs), piece // 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.store.finish_all()
        self.assertEqual(self.owner.names().count("piece_verified"), 3)

    def test_stop_in_the_same_turn(self):
        self.fill(2, turn=False)
        stopped = self.assembly.stop()
        self.store.finish_all()
        self.successResultOf(stopped)
        self.assertIn("piece_verified", self.owner.names())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_small_piece_is_one_job(self):
        self.fill(4)
        self.assertEqual(self.owner.notes, [])
        self.assertEqual(self.store.finish(), "verify_and_write")
        self.assertEqual(self.owner.names(), ["buffer_freed", "record", "piece_verified"])
        self.assertEqual((self.store.jobs, self.pool.lent), ([], 0))

    def test_had_only_when_recorded(self):
        self.owner.recording = Deferred()
        self.fill(2)
        self.store.finish()
        self.assertNotIn("piece_verified", self.owner.names())
        self.owner.recording.callback(None)
        self.assertIn("piece_verified", self.owner.names())

    def test_a_large_piece_goes_by_chunks(self):
        blocks = 2 * CHUNK_BLOCKS + 3
        self.fill(blocks)
        names = [self.store.finish() for _ in range(3)]
        self.assertEqual(names, ["write"] * 3)
        self.assertEqual(self.pool.lent, 0)
        self.assertEqual(self.store.finish(), "verify")
        self.assertEqual(self.owner.names()[-2:], ["record", "piece_verified"])
        self.assertEqual(
            sorted(self.store.disk), [0, CHUNK_BLOCKS * BLOCK, 2 * CHUNK_BLOCKS * BLOCK]
        )

    def test_verified_once_whatever_write_ends_last(self):
        for order in ((0, 0), (1, 0)):
            self.setUp()
            self.fill(2 * CHUNK_BLOCKS)
            for number in order:
                self.store.finish(number)
            self.store.finish_all()
            self.assertEqual(self.owner.names().count("piece_verified"), 1, order)

    def test_a_spilled_piece_is_verified_on_disk(self):
        self.fill(4, skip=(2,))
        self.assembly.spill(self.partial, 0)
        self.store.finish()
        self.assertEqual(self.pool.lent, 0)
        self.partial.release(2)
        self.partial.take()
        self.partial.store(2, bytes(BLOCK), Sender(A), 0)
        self.assembly.chunk_stored(self.partial, 0)
        self.assertEqual([self.store.finish(), self.store.finish()], ["write", "verify"])
        self.assertEqual(sorted(self.store.disk), [0, 2 * BLOCK, 3 * BLOCK])

    def test_a_piece_on_its_way_to_disk_is_not_idle(self):
        """However long the disk takes: its buffer is still looked at."""
        self.fill(4)
        self.assertIsNone(self.partial.idle_chunk(1e9))

    def test_bad_from_one(self):
        self.store.good = lambda data: False
        self.fill(4)
        self.store.finish_all()
        self.assertEqual(self.owner.names(), ["buffer_freed", "piece_failed", "ban"])
        self.assertEqual(self.owner.notes[-1][1], A)
        self.assertEqual(self.pool.lent, 0)

    def test_bad_from_two_then_good_from_one(self):
        """The block that differs names its sender; who sent good ones is left alone."""
        self.store.good = lambda data: data[BLOCK] != 99
        self.fill(4, (A, B))
        self.partial.chunks[0].view[BLOCK] = 99
        self.store.finish_all()
        self.assertNotIn("ban", self.owner.names())
        self.fill(4, (A,))
        self.store.finish_all()
        self.assertEqual([note[1] for note in self.owner.notes if note[0] == "ban"], [B])

    def test_full_disk(self):
        """The data waits with its job; nothing else is told meanwhile."""
        self.fill(2)
        for _ in range(3):
            self.store.finish(error=FULL)
            self.assertTrue(self.assembly.disk_is_full)
            self.assertEqual(self.store.jobs, [])
            self.clock.advance(RETRY_FULL_DISK)
        self.store.finish()
        self.assertEqual(
            self.owner.names(),
            ["disk_full", "disk_has_space", "buffer_freed", "record", "piece_verified"],
        )

    def test_stop_while_full(self):
        self.fill(2)
        self.store.finish(error=FULL)
        self.successResultOf(self.assembly.stop())
        self.assertEqual((self.owner.names(), self.clock.getDelayedCalls()), (["disk_full"], []))

    def test_stop_waits_for_jobs(self):
        self.fill(2)
        stopped = self.assembly.stop()
        self.assertNoResult(stopped)
        self.store.finish()
        self.successResultOf(stopped)
        self.assertIn("piece_verified", self.owner.names())

    def test_broken_disk(self):
        for blocks in (2, CHUNK_BLOCKS + 1):
            self.setUp()
            error = OSError(errno.EIO, "Input/output error")
            self.fill(blocks)
            while self.store.jobs:
                self.store.finish(error=error)
            self.assertEqual(set(self.owner.notes), {("storage_failed", error)})

    def test_a_lane_that_stopped_is_no_error(self):
        self.fill(2)
        self.store.finish(error=LaneStopped("stopped"))
        self.assertEqual(self.owner.notes, [])

    def test_an_error_of_ours(self):
        self.owner.recording = fail(ZeroDivisionError())
        self.fill(2)
        self.store.finish()
        self.assertEqual(self.owner.names()[-1], "storage_failed")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
