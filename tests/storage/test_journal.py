import errno
import os
import sqlite3
import subprocess
import sys
import textwrap

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.storage.folders import folder, open_descriptors, tmpfs
from tests.testing.disk import InlineLane
from txtorrent.storage import journal as journal_module
from txtorrent.storage import rows as rows_module
from txtorrent.storage.content import FileStat
from txtorrent.storage.disk import ThreadLane
from txtorrent.storage.journal import (
    Checkpoint,
    Journal,
    JournalClosed,
    Resume,
    StateError,
    StateInUse,
)

A, B = b"a" * 20, b"b" * 20
FILES = (FileStat(5, 6), None, FileStat(1 << 45, 1 << 60))


def state(have=b"\x80\x01", files=FILES, clean=False, counters=(1, 2, 3)):
    return Checkpoint(have, files, *counters, clean)


def resume(of, provisional=(), clean=False, alive_at=1000.0, same_boot=True):
    return Resume(
        of.have,
        frozenset(provisional),
        of.files,
        clean,
        alive_at,
        same_boot,
        of.uploaded,
        of.downloaded,
        of.wasted,
    )


class Case(SynchronousTestCase):
    def setUp(self):
        self.directory = os.path.join(folder(self), "state")
        self.clock = Clock()
        self.lane = InlineLane(self.clock)
        self.now = 1000.0

    def journal(self, boot=b"this boot"):
        return Journal(self.lane, self.directory, lambda: self.now, boot)

    def opened(self, **rest):
        journal = self.journal(**rest)
        self.get(journal.open())
        self.addCleanup(lambda: self.get(journal.close()))
        return journal

    def get(self, deferred):
        for _ in range(50):
            self.clock.advance(0)
        return self.successResultOf(deferred)

    def fails(self, deferred, kind):
        for _ in range(50):
            self.clock.advance(0)
        return self.failureResultOf(deferred, kind).value

    def reopened(self, journal, **rest):
        self.get(journal.close())
        return self.opened(**rest)


class ResumeTests(Case):
    def test_nothing_known(self):
        self.assertIsNone(self.get(self.opened().load(A)))

    def test_checkpoint(self):
        journal = self.opened()
        one, other = state(), state(b"\0\0", (None,), True, (0, 1 << 62, 7))
        self.get(journal.checkpoint(A, one))
        self.now = 2000.0
        self.get(journal.checkpoint(B, other))
        for _ in range(2):
            self.assertEqual(self.get(journal.load(A)), resume(one))
            self.assertEqual(self.get(journal.load(B)), resume(other, (), True, 2000.0))
            journal = self.reopened(journal)

    def test_records(self):
        journal = self.opened()
        self.get(journal.checkpoint(A, state(clean=True)))
        self.now = 1003.5
        self.get(gatherResults([journal.record(A, piece) for piece in (3, 1, 3)]))
        self.get(journal.record(A, 4, 5, 1))
        journal = self.reopened(journal)
        self.assertEqual(self.get(journal.load(A)), resume(state(), {1, 3, 4, 5}, alive_at=1003.5))
        self.assertIsNone(self.get(journal.load(B)))

    def test_a_checkpoint_ends_the_records_it_covers(self):
        journal = self.opened()
        for info_hash in (A, B):
            self.get(journal.checkpoint(info_hash, state()))
            for piece in (0, 1, 14, 15, 16, 400):
                self.get(journal.record(info_hash, piece))
        self.get(journal.checkpoint(A, state(b"\x80\x01")))
        self.assertEqual(self.get(journal.load(A)).provisional, {1, 14, 16, 400})
        self.assertEqual(self.get(journal.load(B)).provisional, {0, 1, 14, 15, 16, 400})

    def test_retract(self):
        journal = self.opened()
        self.get(journal.checkpoint(A, state()))
        for piece in (1, 2, 3):
            self.get(journal.record(A, piece))
        self.get(journal.retract(A, iter([1, 3, 9])))
        self.assertEqual(self.get(self.reopened(journal).load(A)).provisional, {2})

    def test_boots(self):
        journal = self.opened(boot=b"one")
        self.get(journal.checkpoint(A, state()))
        self.get(journal.record(A, 1))
        journal = self.reopened(journal, boot=b"two")
        self.assertEqual(self.get(journal.load(A)), resume(state(), {1}, same_boot=False))
        self.get(journal.record(A, 2))
        self.assertFalse(self.get(journal.load(A)).same_boot)
        journal = self.reopened(journal, boot=b"")
        self.get(journal.checkpoint(B, state()))
        self.assertFalse(self.get(journal.load(B)).same_boot)

    def test_an_earlier_runs_state_does_not_grow_younger(self):
        """Only a checkpoint vouches for what an earlier run left."""
        journal = self.opened()
        self.get(journal.checkpoint(A, state(clean=True)))
        journal = self.reopened(journal)
        self.now = 5000.0
        self.get(journal.record(A, 1))
        self.assertEqual(self.get(journal.load(A)), resume(state(), {1}, alive_at=1000.0))
        self.get(journal.checkpoint(A, state()))
        self.now = 6000.0
        self.get(journal.record(A, 1))
        self.assertEqual(self.get(journal.load(A)).alive_at, 6000.0)

    def test_forget(self):
        journal = self.opened()
        for info_hash in (A, B):
            self.get(journal.checkpoint(info_hash, state()))
            self.get(journal.record(info_hash, 5))
        self.get(journal.forget(A))
        self.assertIsNone(self.get(journal.load(A)))
        self.assertEqual(self.get(journal.load(B)).provisional, {5})
        self.get(journal.checkpoint(A, state()))
        self.assertEqual(self.get(journal.load(A)).provisional, frozenset())

    def test_counters_must_fit(self):
        for counters in [(-1, 0, 0), (0, 1 << 63, 0), (0, 0, -5)]:
            self.assertRaises(ValueError, state, counters=counters)

    def test_bans(self):
        journal = self.opened()
        self.get(journal.ban("192.0.2.1", 1500.0))
        self.get(journal.ban("2001:db8::1", 1200.0))
        self.get(journal.ban("192.0.2.1", 1600.0))
        expected = [("192.0.2.1", 1600.0), ("2001:db8::1", 1200.0)]
        self.assertEqual(sorted(self.get(self.reopened(journal).bans())), expected)

    def test_bans_end(self):
        journal = self.opened()
        self.get(journal.ban("192.0.2.1", 1500.0))
        self.get(journal.ban("192.0.2.2", 1400.0))
        self.now = 1400.0
        self.assertEqual(self.get(journal.bans()), [("192.0.2.1", 1500.0)])

    def test_bans_are_bounded(self):
        self.patch(rows_module, "MOST_BANS", 2)
        journal = self.opened()
        for host, until in [("a", 3000), ("b", 2000), ("c", 4000), ("d", 2500)]:
            self.get(journal.ban(host, until))
        self.assertEqual(sorted(self.get(journal.bans())), [("a", 3000.0), ("c", 4000.0)])


class CommitTests(Case):
    def test_what_waits_goes_together(self):
        journal = self.opened()
        before = self.lane.jobs
        self.lane.delay = 1.0
        first = journal.record(A, 0)
        rest = [journal.record(A, piece) for piece in range(1, 100)]
        rest.append(journal.checkpoint(A, state()))
        rest.append(journal.load(A))
        self.clock.advance(1.0)
        self.successResultOf(first)
        self.assertNoResult(rest[0])
        self.clock.advance(1.0)
        self.lane.delay = 0.0
        results = [self.successResultOf(change) for change in rest]
        self.assertEqual(results[-1].provisional, frozenset(range(100)) - {0, 15})
        self.assertEqual(self.lane.jobs - before, 2)

    def test_a_commit_is_bounded(self):
        self.patch(journal_module, "MOST_CHANGES", 10)
        journal = self.opened()
        before = self.lane.jobs
        self.get(gatherResults([journal.record(A, piece) for piece in range(31)]))
        self.assertEqual(self.lane.jobs - before, 4)

    def test_a_failed_commit(self):
        """E2: what was before stays, what waited goes on."""
        journal = self.opened()
        self.get(journal.checkpoint(A, state()))
        self.lane.fail_next(StateError(errno.ENOSPC, "full"))
        first, second = journal.record(A, 1), journal.record(A, 2)
        self.assertEqual(self.fails(first, StateError).errno, errno.ENOSPC)
        self.get(second)
        self.assertEqual(self.get(journal.load(A)).provisional, {2})

    def test_a_failed_checkpoint_vouches_for_nothing(self):
        journal = self.opened()
        self.get(journal.checkpoint(A, state()))
        journal = self.reopened(journal)
        self.lane.fail_next(StateError(errno.ENOSPC, "full"))
        self.fails(journal.checkpoint(A, state()), StateError)
        self.now = 7000.0
        self.get(journal.record(A, 1))
        self.assertEqual(self.get(journal.load(A)).alive_at, 1000.0)

    def test_half_a_group_is_not_written(self):
        journal = self.opened()
        changes = [journal.record(A, 1), journal.record(A, 2), journal.record(A, 1 << 80)]
        changes.append(journal.checkpoint(A, state()))
        self.get(changes[0])
        for change in changes[1:]:
            self.fails(change, OverflowError)
        self.get(journal.checkpoint(A, state()))
        self.assertEqual(self.get(journal.load(A)).provisional, {1})

    def test_cancelled(self):
        journal = self.opened()
        changes = [journal.record(A, 1), journal.record(A, 2)]
        for change in changes:
            change.cancel()
            self.failureResultOf(change, CancelledError)
        self.get(journal.load(A))


class OpenTests(Case):
    def test_closed(self):
        journal = self.journal()
        for attempt in (journal.load(A), journal.record(A, 1), journal.bans()):
            self.fails(attempt, JournalClosed)
        self.get(journal.close())
        self.get(journal.open())
        self.get(journal.close())
        self.fails(journal.checkpoint(A, state()), JournalClosed)

    def test_close_writes_what_waits(self):
        journal = self.opened()
        changes = [journal.checkpoint(A, state()), journal.record(A, 1), journal.record(A, 2)]
        closed = journal.close()
        self.fails(journal.record(A, 3), JournalClosed)
        self.get(closed)
        for change in changes:
            self.successResultOf(change)
        self.assertEqual(self.get(self.opened().load(A)).provisional, {1, 2})

    def test_nothing_stays_open(self):
        before = open_descriptors()
        journal = self.opened()
        self.get(journal.checkpoint(A, state()))
        self.get(journal.close())
        self.assertEqual(open_descriptors(), before)
        self.assertEqual(sorted(os.listdir(self.directory)), ["lock", "state.db"])

    def test_made_private(self):
        self.opened()
        self.assertEqual(os.stat(self.directory).st_mode & 0o777, 0o700)

    def test_a_second_daemon(self):
        """E12"""
        self.opened()
        error = self.fails(self.journal().open(), StateInUse)
        self.assertIn(self.directory, str(error))
        self.assertIn(f"process {os.getpid()}", str(error))

    def test_a_second_process(self):
        journal = self.opened()
        script = f"""
            from txtorrent.storage.lockfile import StateInUse, lock
            try:
                lock({self.directory!r})
            except StateInUse as error:
                print(error)
        """
        self.assertIn(f"process {os.getpid()}", python(script))
        self.get(journal.close())
        self.assertEqual(python(script), "")

    def test_after_a_failed_open(self):
        os.mkdir(self.directory)
        path = os.path.join(self.directory, "state.db")
        os.mkdir(path)
        before = open_descriptors()
        error = self.fails(self.journal().open(), StateError)
        self.assertEqual((error.errno, error.filename), (errno.EACCES, path))
        self.assertEqual(open_descriptors(), before)
        os.rmdir(path)
        self.opened()

    def test_a_directory_that_cannot_be_made(self):
        with open(self.directory, "w"):
            pass
        self.fails(self.journal().open(), OSError)

    def test_only_on_one_thread(self):
        self.lane.threads = 2
        self.fails(self.journal().open(), ValueError)

    def test_boot_id(self):
        self.assertRegex(journal_module.read_boot_id(), b"^[0-9a-f-]{36}$")
        self.patch(journal_module, "_BOOT_ID", "/nowhere")
        self.assertEqual(journal_module.read_boot_id(), b"")


class FullTests(Case):
    """E2: the state directory has no space left."""

    def setUp(self):
        super().setUp()
        self.mounted = tmpfs(self, 300_000)
        self.directory = os.path.join(self.mounted, "state")

    def fill(self):
        path = os.path.join(self.mounted, "filler")
        with open(path, "wb", buffering=0) as file, self.assertRaises(OSError):
            while True:
                file.write(bytes(4096))
        return path

    def test_old_state_stays_whole(self):
        journal = self.journal()
        self.get(journal.open())
        self.get(journal.checkpoint(A, state()))
        self.get(journal.record(A, 1))
        filler = self.fill()
        large = state(bytes(100_000))
        error = self.fails(journal.checkpoint(B, large), StateError)
        self.assertEqual(error.errno, errno.ENOSPC)
        self.assertEqual(self.get(journal.load(A)), resume(state(), {1}))
        self.assertIsNone(self.get(journal.load(B)))
        os.unlink(filler)
        self.get(journal.checkpoint(B, large))
        journal = self.reopened(journal)
        self.assertEqual(self.get(journal.load(A)), resume(state(), {1}))
        self.assertEqual(self.get(journal.load(B)), resume(large))
        self.get(journal.close())

    def test_no_space_for_a_new_one(self):
        os.mkdir(self.directory)
        self.fill()
        before = open_descriptors()
        self.assertEqual(self.fails(self.journal().open(), OSError).errno, errno.ENOSPC)
        self.assertEqual(open_descriptors(), before)


CHILD = """
    import os, sys, time
    from twisted.internet.task import Clock
    from tests.testing.disk import InlineLane
    from txtorrent.storage.journal import Checkpoint, Journal

    clock = Clock()
    lane = InlineLane(clock)
    journal = Journal(lane, {directory!r})
    A = b"a" * 20
    done = []

    def get(deferred):
        deferred.addCallback(done.append)
        deferred.addErrback(lambda failure: os._exit(3))
        clock.pump([0] * 5)

    get(journal.open())
"""


ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
}


def command(script):
    return [sys.executable, "-c", textwrap.dedent(script)]


def python(script, *before, **rest):
    """Run a script in another process; what it prints."""
    run = subprocess.run(
        [*before, *command(script)], env=ENVIRONMENT, capture_output=True, text=True, **rest
    )
    return run.stdout


def child(directory, body):
    """A script with a journal in `directory`."""
    return textwrap.dedent(CHILD).format(directory=directory) + textwrap.dedent(body)


def killed_after(lines, script):
    """The lines that a script had printed when it was killed, soon after the first so many."""
    running = subprocess.Popen(command(script), env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    told = [running.stdout.readline() for _ in range(lines)]
    running.kill()
    told += running.stdout.readlines()
    running.wait()
    running.stdout.close()
    return [line.strip() for line in told if line.endswith("\n")]


class KillTests(Case):
    """E5, E6: what a commit promises."""

    def script(self, body):
        return child(self.directory, body)

    def child(self, body, *before, **rest):
        return python(self.script(body), *before, **rest)

    def test_records_outlive_a_kill(self):
        told = self.child(
            """
            get(journal.checkpoint(A, Checkpoint(b"\\x80", (), 1, 2, 3, False)))
            for piece in range(50):
                get(journal.record(A, piece))
            print(len(done), flush=True)
            os.kill(os.getpid(), 9)
            """
        )
        self.assertEqual(told, "52\n")
        found = self.get(self.opened(boot=journal_module.read_boot_id()).load(A))
        self.assertEqual(found.provisional, frozenset(range(50)))
        self.assertEqual((found.have, found.clean, found.same_boot), (b"\x80", False, True))

    def test_killed_at_any_moment(self):
        """Every piece whose record was told as written is there, whenever the kill comes."""
        body = """
            get(journal.checkpoint(A, Checkpoint(b"\\0" * 40000, (), 1, 2, 3, False)))
            piece = 0
            while True:
                get(journal.record(A, piece))
                print(piece, flush=True)
                piece += 1
        """
        for lines in (1, 7, 200):
            told = [int(line) for line in killed_after(lines, self.script(body))]
            journal = self.opened()
            provisional = self.get(journal.load(A)).provisional
            self.assertEqual(frozenset(told) - provisional, frozenset())
            self.assertLessEqual(len(provisional), max(told) + 2)
            self.get(journal.forget(A))
            self.get(journal.close())

    def test_a_checkpoint_is_synced_and_a_record_is_not(self):
        log = os.path.join(folder(self), "trace")
        body = """
            def mark(text):
                os.write(1, text)
            mark(b"START")
            get(journal.checkpoint(A, Checkpoint(b"\\0", (), 1, 2, 3, False)))
            mark(b"CHECKPOINT")
            for piece in range(20):
                get(journal.record(A, piece))
            mark(b"RECORDS")
            get(journal.checkpoint(A, Checkpoint(b"\\xff", (), 1, 2, 3, False)))
            mark(b"CHECKPOINT")
            os._exit(0 if len(done) == 23 else 1)
        """
        trace = ["strace", "-f", "-y", "-o", log, "-e", "trace=fsync,fdatasync,write,pwrite64"]
        try:
            told = self.child(body, *trace, check=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            if self.strace_works():
                raise
            self.skipTest(f"no strace here: {error}")
        self.assertEqual(told, "STARTCHECKPOINTRECORDSCHECKPOINT")
        with open(log) as file:
            steps = self.steps(file.read().split('"START"')[1])
        # Within a durable commit the log is synced after the last write to it.
        self.assertEqual(steps[0][-1], "sync")
        self.assertIn("write", steps[0])
        self.assertEqual(set(steps[1]), {"write"})
        self.assertEqual(steps[2][-1], "sync")

    def strace_works(self):
        try:
            return subprocess.run(["strace", "true"], capture_output=True).returncode == 0
        except FileNotFoundError:
            return False

    def steps(self, trace):
        """What was done to the database's log between the marks: writes and syncs of it."""
        found = [[]]
        for line in trace.split("\n"):
            if '"CHECKPOINT"' in line or '"RECORDS"' in line:
                found.append([])
            elif "state.db-wal" in line:
                found[-1].append("write" if "write" in line else "sync")
        return found


class ThreadedJournalTests(TestCase):
    async def test_on_a_thread(self):
        lane = ThreadLane(reactor, 1, "state")
        lane.start()
        self.addCleanup(lane.stop)
        journal = Journal(lane, os.path.join(folder(self), "state"))
        await journal.open()
        await journal.checkpoint(A, state())
        await gatherResults([journal.record(A, piece) for piece in range(300)])
        last = journal.record(A, 300)
        await journal.close()
        await last
        await journal.open()
        found = await journal.load(A)
        self.assertEqual(found.provisional, frozenset(range(301)))
        self.assertTrue(found.same_boot)
        await journal.close()


class SqliteTests(SynchronousTestCase):
    def test_version(self):
        """What the storage relies on: error codes, WITHOUT ROWID, LIMIT -1."""
        self.assertGreaterEqual(sqlite3.sqlite_version_info, (3, 33))
