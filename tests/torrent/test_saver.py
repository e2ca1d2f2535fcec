"""When progress is saved, in which order, and what becomes of it when that fails."""

import errno

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.clock import HeapClock
from tests.testing.disk import inline_disk
from tests.testing.torrents import make
from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.torrentfile import parse
from txtorrent.storage.content import SyncError
from txtorrent.storage.journal import StateError
from txtorrent.swarm.rate import Rate
from txtorrent.torrent.progress import Progress
from txtorrent.torrent.saver import (
    RECORD_BATCH,
    SAVE_AFTER,
    SAVE_COUNTERS_EVERY,
    SAVE_EVERY,
    Saver,
)

MIB = 1024 * 1024


class World:
    """The content, the journal, and all that is shared: one list of what was done."""

    def __init__(self):
        self.reactor = HeapClock()
        self.disk = inline_disk(self.reactor)
        self.journal = self
        self.done = []
        self.saved = []
        self.unsynced = frozenset()
        self.error = None
        self.result = None

    def sync(self):
        self.done.append("sync")
        if self.error is not None:
            raise self.error
        self.unsynced = frozenset()

    def stat(self):
        self.done.append("stat")
        return (None,)

    def record(self, info_hash, *pieces):
        self.done.append(f"record {' '.join(map(str, pieces))}")
        return self.result or succeed(None)

    def retract(self, info_hash, pieces):
        self.done.append(f"retract {sorted(pieces)}")
        return succeed(None)

    def checkpoint(self, info_hash, state):
        self.done.append("checkpoint")
        self.saved.append(state)
        return self.result or succeed(None)


class Saving(SynchronousTestCase):
    def setUp(self):
        self.world = World()
        self.clock = self.world.reactor
        metainfo = parse(make(bytes(8 * MIB), piece_length=MIB))
        self.progress = Progress(metainfo, Bitfield(8), Rate(0), Rate(0))
        self.saver = Saver(self.progress, self.world, self.world)
        self.clock.result_of(self.saver.begin())
        self.take()

    def take(self):
        """What was done since the last time."""
        done, self.world.done = self.world.done, []
        return done

    def write(self, *pieces):
        self.world.unsynced |= frozenset(pieces)
        recorded = [self.saver.record([piece]) for piece in pieces]
        self.clock.advance(RECORD_BATCH)
        for piece, done in zip(pieces, recorded, strict=True):
            self.successResultOf(done)
            self.progress.have.add(piece)
        self.take()

    def run_to(self, seconds):
        """Tick every second until then; gives what was done."""
        while self.clock.seconds() < seconds:
            self.clock.advance(1)
            saving = self.saver.tick(self.clock.seconds())
            if saving is not None:
                self.clock.result_of(saving)
        return self.take()

    def test_data_before_the_checkpoint(self):
        self.write(1, 2)
        self.assertEqual(self.run_to(SAVE_EVERY - 1), [])
        self.assertEqual(self.run_to(SAVE_EVERY), ["sync", "stat", "checkpoint"])
        self.assertEqual(Bitfield.from_wire(8, self.world.saved[-1].have).count, 2)
        self.assertEqual(self.run_to(60), [])

    def test_records_go_together(self):
        """And each counts only when it is written."""
        first = self.saver.record([1, 3])
        self.clock.advance(RECORD_BATCH / 2)
        second = self.saver.record([2])
        self.assertEqual(self.take(), [])
        self.assertNoResult(first)
        self.clock.advance(RECORD_BATCH / 2)
        self.assertEqual(self.take(), ["record 1 3", "record 2"])
        self.assertEqual((self.successResultOf(first), self.successResultOf(second)), (None, None))

    def test_a_piece_of_the_meantime_waits_for_the_next(self):
        """What is verified while the sync runs is not covered by it."""
        self.write(1)
        self.world.disk.write.stall()
        saving = self.saver.save()
        self.write(2)
        self.world.disk.write.release()
        self.clock.result_of(saving)
        self.assertEqual(list(Bitfield.from_wire(8, self.world.saved[-1].have)), [1])

    def test_sooner_when_much_is_written(self):
        for piece in range(SAVE_AFTER // MIB):
            self.saver.record([piece % 8])
        self.clock.advance(RECORD_BATCH)
        self.world.unsynced = frozenset({1})
        self.take()
        self.assertEqual(self.run_to(1), ["sync", "stat", "checkpoint"])

    def test_counters_alone_are_saved_rarely(self):
        self.progress.uploaded.total = 5
        self.assertEqual(self.run_to(SAVE_COUNTERS_EVERY - 1), [])
        self.assertEqual(self.run_to(SAVE_COUNTERS_EVERY + 1), ["checkpoint"])
        self.assertEqual(self.world.saved[-1].uploaded, 5)
        self.assertEqual(self.run_to(300), [])

    def test_one_at_a_time(self):
        self.write(1)
        self.world.disk.write.stall()
        first, last = self.saver.save(), self.saver.save(final=True)
        self.assertIsNone(self.saver.tick(100.0))
        self.world.disk.write.release()
        self.clock.result_of(first)
        self.clock.result_of(last)
        self.assertEqual(
            [(state.clean, len(self.world.saved)) for state in self.world.saved[-2:]],
            [(False, 3), (True, 3)],
        )

    def test_a_sync_that_fails(self):
        """Its pieces are taken back, nothing is saved, and whoever asked is told."""
        self.write(1, 2)
        self.world.error = SyncError(errno.EIO, "Input/output error", "x")
        self.world.error.pieces = frozenset({1, 2})
        self.assertRaises(SyncError, self.clock.result_of, self.saver.save())
        self.assertEqual(self.take(), ["sync", "retract [1, 2]"])
        self.world.error = None
        self.clock.result_of(self.saver.save())
        self.assertEqual(self.take(), ["sync", "stat", "checkpoint"])

    def test_a_full_state_disk(self):
        """E2: it is said once, and pieces and uploads go on."""
        for _ in range(3):
            self.world.result = fail(StateError(errno.ENOSPC, "full", "state.db"))
            recorded = self.saver.record([1, 3])
            self.clock.advance(RECORD_BATCH)
            self.successResultOf(recorded)
            self.world.result = fail(StateError(errno.ENOSPC, "full", "state.db"))
            self.clock.result_of(self.saver.save())
        self.world.result = Deferred()
        saving = self.saver.save()
        self.world.result.callback(None)
        self.clock.result_of(saving)
