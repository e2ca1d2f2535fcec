"""Files that are left out (selection.py), as a torrent's content sees them."""

import errno
import os

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.storage.folders import files, folder, noise, open_descriptors, plant, tree
from tests.testing.disk import InlineLane
from txtorrent.metainfo.pieces import Geometry
from txtorrent.storage.beneath import Beneath
from txtorrent.storage.content import Content, Extent, StorageMissing
from txtorrent.storage.disk import ThreadLane
from txtorrent.storage.filepool import FilePool
from txtorrent.storage.move import Move, Phase
from txtorrent.storage.parts import Parts
from txtorrent.storage.resume import Resume
from txtorrent.storage.trust import trust

# Pieces of 16 KiB, a line each:
#   0  aaaa   a is 20000, b 60000, c 20000 bytes
#   1  abbb
#   2  bbbb
#   3  bbbb
#   4  bbbc
#   5  cccc
#   6  c
ROWS = [("t/a", 20000), ("t/sub/b", 60000), ("t/c", 20000)]
TOTAL = 100_000
PIECE = 16384
A, B, C = range(3)


class Killed(BaseException):
    pass


class Case(SynchronousTestCase):
    def setUp(self):
        self.root = folder(self)
        self.state = folder(self)
        self.location = os.path.join(self.state, "parts", "x")
        self.data = noise(TOTAL)
        self.content = self.make()

    def make(self, rows=ROWS, root=None):
        laid = files(*rows)
        geometry = Geometry(PIECE, laid[-1].end)
        made = Content(root or self.root, laid, geometry, FilePool(8), self.location)
        self.addCleanup(made.close)
        return made

    def restart(self, *unwanted):
        self.content.close()
        self.content = self.make()
        self.content.choose(frozenset(unwanted))

    def choose(self, *unwanted):
        self.content.choose(frozenset(unwanted))

    def write(self, *pieces):
        for piece in pieces:
            self.content.write(piece * PIECE, self.data[piece * PIECE : (piece + 1) * PIECE])

    def assert_had(self, *pieces):
        for piece in pieces:
            expected = self.data[piece * PIECE : (piece + 1) * PIECE]
            self.assertTrue(self.content.read(piece * PIECE, len(expected)) == expected, piece)
            self.assertIs(self.content.extent(piece * PIECE, len(expected)), Extent.DATA)
            view = memoryview(bytearray(len(expected)))
            self.assertIs(self.content.load(piece * PIECE, view), Extent.DATA)
            self.assertTrue(view == expected, piece)

    def parts(self):
        return os.path.exists(self.location)

    def begin(self, *unwanted):
        self.choose(*unwanted)
        self.content.create()


class ChooseTests(Case):
    def test_pieces_of_neighbours(self):
        self.begin(B)
        self.write(0, 1, 4, 5, 6)
        self.assertEqual(tree(self.root), ["t", "t/a", "t/c"])
        self.assert_had(0, 1, 4, 5, 6)
        self.assertIs(self.content.extent(PIECE, 3 * PIECE), Extent.MISSING)
        self.assertRaises(FileNotFoundError, self.content.read, 2 * PIECE, 10)

    def test_nothing_is_kept_of_what_is_wanted(self):
        self.begin()
        self.write(0, 1, 2)
        self.assertFalse(self.parts())
        self.assertEqual(tree(self.root), ["t", "t/a", "t/sub", "t/sub/b"])

    def test_from_memory(self):
        self.begin(B)
        self.write(1)
        view = memoryview(bytearray(PIECE))
        self.assertTrue(self.content.read_cached(PIECE, view))
        self.assertTrue(view == self.data[PIECE : 2 * PIECE])
        self.content.close()
        self.assertFalse(self.content.read_cached(PIECE, view))

    def test_wanted_again(self):
        self.begin(B)
        self.write(0, 1, 4, 5, 6)
        self.choose()
        self.assertEqual(tree(self.root), ["t", "t/a", "t/c", "t/sub", "t/sub/b"])
        self.assert_had(0, 1, 4, 5, 6)
        self.write(2, 3)
        self.assert_had(*range(7))
        self.restart()
        self.assertFalse(self.parts())
        self.assert_had(*range(7))

    def test_wanted_again_with_nothing_there(self):
        self.begin(B)
        self.write(0)
        self.choose()
        self.assertEqual(tree(self.root), ["t", "t/a"])
        self.write(1)
        self.assertEqual(tree(self.root), ["t", "t/a", "t/sub", "t/sub/b"])

    def test_bytes_without_a_slot_make_the_file(self):
        """A piece that was under way when its file was left out."""
        self.begin(B)
        self.write(1, 2)
        self.assertEqual(tree(self.root), ["t", "t/a", "t/sub", "t/sub/b"])
        self.assert_had(1, 2)
        self.write(4)
        self.assert_had(1, 2, 4)
        self.assertEqual(os.path.getsize(os.path.join(self.root, "t/sub/b")), 60000)

    def test_what_is_on_disk_is_used(self):
        self.begin()
        self.write(1, 2)
        self.choose(B)
        self.write(4)
        self.assertFalse(self.parts())
        self.restart(B)
        self.assert_had(1, 2, 4)

    def test_over_and_over(self):
        self.begin(B)
        self.write(1)
        for unwanted in ((A, B), (A, B, C), (B, C), (A,), (B,), (), (A, B, C), ()):
            self.choose(*unwanted)
            self.restart(*unwanted)
            self.assert_had(1)
        self.write(0, 2, 3, 4, 5, 6)
        self.assert_had(*range(7))

    def test_everything_left_out(self):
        self.begin(A, B, C)
        self.content.require()
        self.write(1, 4)
        self.assertEqual(tree(self.root), [])
        self.choose()
        self.assertEqual(tree(self.root), ["t", "t/a", "t/c", "t/sub", "t/sub/b"])
        self.assert_had(1, 4)

    def test_one_file(self):
        self.content = self.make([("one", 5)])
        self.begin(0)
        self.content.require()
        self.assertEqual(tree(self.root), [])
        self.choose()
        self.content.create()
        self.assertEqual(tree(self.root), ["one"])

    def test_space_is_not_taken(self):
        self.choose(B)
        self.content.create(full=True)
        self.assertEqual(tree(self.root), ["t", "t/a", "t/c"])
        self.choose()
        self.content.create(full=True)
        self.assertEqual(self.content.stat()[B].size, 60000)

    def test_sync(self):
        self.begin(B)
        self.write(1)
        synced, fsync = [], os.fsync

        def note(descriptor):
            synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            fsync(descriptor)

        self.patch(os, "fsync", note)
        self.content.sync()
        self.assertIn(self.location, synced)
        self.assertIn(os.path.dirname(self.location), synced)
        self.assertFalse(any(path.endswith("/b") for path in synced))
        synced.clear()
        self.content.note_unsynced([1])
        self.content.sync()
        self.assertEqual(synced, [os.path.join(self.root, "t/a"), self.location])

    def test_made_whole_durably(self):
        """Under its own name only when its bytes are on the device; the name is, too."""
        self.begin(B)
        self.write(1)
        calls, fsync, rename = [], os.fsync, Beneath.rename

        def note(descriptor):
            path = os.readlink(f"/proc/self/fd/{descriptor}")
            calls.append("sync of the folder" if path.endswith("/sub") else "sync")
            fsync(descriptor)

        def note_rename(*arguments):
            calls.append("rename")
            rename(*arguments)

        self.patch(os, "fsync", note)
        self.patch(Beneath, "rename", note_rename)
        self.choose()
        self.assertEqual(calls, ["sync", "rename", "sync of the folder"])

    def test_a_read_that_comes_behind_the_choice(self):
        self.begin(B)
        self.write(1)
        self.content.close()
        opened, late = Parts.open, []

        def open_late(parts, writable):
            if not late:
                late.append(writable)
                self.choose()
            return opened(parts, writable)

        self.patch(Parts, "open", open_late)
        self.assertTrue(self.content.read(PIECE, PIECE) == self.data[PIECE : 2 * PIECE])
        self.assertTrue(late)

    def test_descriptors(self):
        before = open_descriptors()
        self.begin(B)
        self.write(1, 4)
        self.choose()
        self.content.close()
        self.assertEqual(open_descriptors(), before)

    def test_a_deleted_file_that_is_open(self):
        self.begin()
        self.write(1)
        os.unlink(os.path.join(self.root, "t/sub/b"))
        self.choose(B)
        self.write(4, 2)
        self.restart(B)
        self.assert_had(2, 4)

    def test_nobody_writes_while_a_file_is_made_whole(self):
        """What came to the parts file behind the copying would be lost."""
        copy_out, shut = Parts.copy_out, []

        def note(parts, file, target):
            shut.append(self.content.gate._shut)
            copy_out(parts, file, target)

        self.patch(Parts, "copy_out", note)
        self.begin(B)
        self.write(1, 2)
        self.choose(A, B)
        os.unlink(os.path.join(self.root, "t/sub/b"))
        self.restart(B)
        self.write(4)
        self.choose()
        self.assertEqual(shut, [True, True])


class StartTests(Case):
    """What is believed at a start."""

    def judged(self, have):
        geometry = self.content.geometry
        bits = sum(0x80 >> piece for piece in have)
        self.content.sync()
        stats = self.content.stat()
        resume = Resume(bytes([bits]), frozenset(), stats, True, 0.0, True, 0, 0, 0)
        self.restart(B)
        return trust(resume, self.content.stat(), self.content.files, geometry)

    def test_parts_are_believed(self):
        self.begin(B)
        self.write(0, 1, 4)
        judged = self.judged([0, 1, 4])
        self.assertEqual((list(judged.have), list(judged.recheck)), ([0, 1, 4], []))

    def test_lost_parts_are_not(self):
        self.begin(B)
        self.write(0, 1, 4)
        self.content.sync()
        stat = self.content.stat

        def lose():
            found = stat()
            os.unlink(self.location)
            return found

        self.patch(
            Content, "stat", lambda content: lose() if self.parts() else stat.__func__(content)
        )
        judged = self.judged([0, 1, 4])
        self.assertEqual((list(judged.have), list(judged.recheck)), ([0], [1, 4]))


class FailureTests(Case):
    def setUp(self):
        super().setUp()
        self.begin(B)
        self.write(1, 4)

    def test_something_is_in_the_way(self):
        plant(self.root, "t/sub/b")
        self.assertRaises(FileExistsError, self.choose)
        self.assert_had(1, 4)
        self.assertEqual(tree(self.root), ["t", "t/a", "t/c", "t/sub", "t/sub/b"])
        os.unlink(os.path.join(self.root, "t/sub/b"))
        self.choose()
        self.assert_had(1, 4)

    def test_no_space(self):
        pwrite = os.pwrite

        def refuse(*arguments):
            raise OSError(errno.ENOSPC, "No space left on device")

        self.patch(os, "pwrite", refuse)
        self.assertRaises(OSError, self.choose)
        self.assertEqual(tree(self.root), ["t", "t/a", "t/c", "t/sub"])
        self.patch(os, "pwrite", pwrite)
        self.assert_had(1, 4)
        self.write(2)
        self.assert_had(1, 2, 4)

    def test_a_missing_folder_is_not_made_anew(self):
        self.content.close()
        os.rename(os.path.join(self.root, "t"), os.path.join(self.root, "away"))
        self.assertRaises(StorageMissing, self.choose)
        self.assertEqual(tree(self.root)[0], "away")
        self.assertNotIn("t", tree(self.root))

    def test_a_missing_root(self):
        self.content.close()
        os.rename(self.root, self.root + ".away")
        self.content = self.make()
        self.assertRaises(StorageMissing, self.choose, B)

    def test_killed_at_each_step(self):
        calls = ("pwrite", "ftruncate", "fsync", "unlink", "open", "mkdir")
        for behind in (False, True):
            fatal = 0
            while True:
                self.root, self.state = folder(self), folder(self)
                self.location = os.path.join(self.state, "parts", "x")
                self.content = self.make()
                self.begin(B)
                self.write(1, 4)
                fatal += 1
                if not self.killed(calls, fatal, behind):
                    break
                self.restart()
                self.assert_had(1, 4)
                self.restart()
                self.assertFalse(self.parts())
                self.assert_had(1, 4)
            self.assertGreater(fatal, 6)

    def killed(self, calls, fatal, behind):
        count = [0]

        def step(real):
            def call(*args, **rest):
                count[0] += 1
                if count[0] > fatal or (count[0] == fatal and not behind):
                    raise Killed
                result = real(*args, **rest)
                if count[0] == fatal:
                    raise Killed
                return result

            return call

        patches = [self.patch(os, name, step(getattr(os, name))) for name in calls]
        try:
            self.choose()
        except Killed:
            return True
        finally:
            for patch in patches:
                patch.restore()
        return False


class MoveTests(Case):
    def test_moved_while_parts_come_and_files_are_made(self):
        new, clock = folder(self), Clock()
        lane = InlineLane(clock)
        steps = []

        def record(step):
            steps.append(step.phase)
            if step.phase is Phase.COPYING:
                self.write(4)
            if steps.count(Phase.PLACING) == 1 and step.phase is Phase.PLACING:
                self.choose(C)
                self.write(3, 4)
            return succeed(None)

        self.begin(B, C)
        self.write(0, 1)
        move = Move(self.content, self.root, new, "m", lane, record, lambda done, total: None)
        moving = Deferred.fromCoroutine(move.run())
        clock.pump([0] * 100)
        self.successResultOf(moving)
        self.assertEqual(tree(self.root), [])
        self.assertEqual(tree(new), ["t", "t/a", "t/sub", "t/sub/b"])
        self.root = new
        self.assert_had(0, 1, 3, 4)
        self.restart(C)
        self.assert_had(0, 1, 3, 4)


class ThreadedTests(TestCase):
    async def test_written_while_the_choice_changes(self):
        lane = ThreadLane(reactor, 4, "content")
        lane.start()
        self.addCleanup(lane.stop)
        rows = [(f"t/{n}", 5000 + 100 * n) for n in range(40)]
        laid = files(*rows)
        geometry = Geometry(PIECE, laid[-1].end)
        location = os.path.join(folder(self), "parts")
        made = Content(folder(self), laid, geometry, FilePool(4), location)
        self.addCleanup(made.close)
        made.choose(frozenset())
        made.create()
        data = noise(laid[-1].end)

        def write(piece):
            begin = piece * PIECE
            part = data[begin : begin + PIECE]
            made.write(begin, part)
            return made.read(begin, len(part)) == part

        jobs = []
        for piece in range(geometry.piece_count):
            jobs.append(lane.run(write, piece))
            left_out = frozenset(n for n in range(40) if (n + piece) % 3)
            jobs.append(lane.run(made.choose, left_out))
        results = await gatherResults(jobs)
        self.assertNotIn(False, results)
        made.choose(frozenset())
        self.assertTrue(made.read(0, len(data)) == data)
