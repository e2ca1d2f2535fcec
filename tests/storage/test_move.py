import errno
import os

from attrs import define
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, fail, gatherResults, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.storage.folders import content, folder, noise, open_descriptors, plant, tmpfs, tree
from tests.testing.disk import InlineLane
from txtorrent.storage import copying, movefiles
from txtorrent.storage import move as move_module
from txtorrent.storage.beneath import Beneath, StorageMissing
from txtorrent.storage.disk import ThreadLane
from txtorrent.storage.move import Move, Phase, Step

ROWS = [("t/a", 20000), ("t/empty", 0), ("t/sub/b", 3000), ("", 1000), ("t/sub/deep/c", 20000)]
TOTAL = 44000
FILES = ["t", "t/a", "t/empty", "t/sub", "t/sub/b", "t/sub/deep", "t/sub/deep/c"]
HOLES = [("t/big", 40 << 20)]


class Killed(BaseException):
    """A kill: nothing at all is done behind it."""


class Case(SynchronousTestCase):
    def setUp(self):
        self.old, self.new = folder(self), folder(self)
        self.clock = Clock()
        self.lane = InlineLane(self.clock)
        self.steps = []
        self.told = []
        self.content = self.make(self.old)
        self.data = self.maybe = bytearray(noise(TOTAL))
        self.data[23000:24000] = bytes(1000)
        self.content.create()
        self.content.write(0, self.data)

    def make(self, root, rows=ROWS):
        made = content(root, rows)
        self.addCleanup(made.close)
        return made

    def no_links(self):
        """As if the two places were file systems of their own."""

        def refuse(*args, **rest):
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        self.patch(os, "link", refuse)

    def record(self, step):
        self.steps.append(step)
        return succeed(None)

    def move(self, **rest):
        tell = lambda done, total: self.told.append((done, total))  # noqa: E731
        arguments = {"source": self.old, "record": self.record, **rest}
        return Move(self.content, arguments.pop("source"), self.new, "ab" * 20, self.lane,
                    arguments["record"], tell)  # fmt: skip

    def run_all(self, move, begin=None):
        moving = Deferred.fromCoroutine(move.run(begin))
        for _ in range(500):
            if moving.called:
                break
            self.clock.advance(0)
        return moving

    def succeed(self, move, begin=None):
        self.successResultOf(self.run_all(move, begin))

    def fails(self, move, kind):
        return self.failureResultOf(self.run_all(move), kind).value

    def assert_moved(self):
        self.assertEqual(tree(self.new), FILES)
        self.assertEqual(tree(self.old), [])
        self.assert_readable(self.new)

    def assert_not_moved(self, *others):
        self.assertEqual(tree(self.old), FILES)
        self.assertEqual(tree(self.new), sorted(others))
        self.assert_readable(self.old)

    def assert_readable(self, root):
        self.assertEqual(self.content.root, root)
        self.assertTrue(self.content.read(0, TOTAL) == self.data, "what is read")
        self.assertTrue(self.make(root).read(0, TOTAL) == self.data, "what is on disk")

    def write(self, offset, data):
        self.data[offset : offset + len(data)] = data
        self.content.write(offset, data)


class MoveTests(Case):
    def phases(self):
        return [step.phase for step in self.steps]

    def test_by_second_names(self):
        inode = os.stat(os.path.join(self.old, "t/a")).st_ino
        self.succeed(self.move())
        self.assert_moved()
        self.assertEqual(os.stat(os.path.join(self.new, "t/a")).st_ino, inode)
        self.assertEqual(self.phases(), list(Phase))
        self.assertEqual(self.told[-1], (43000, 43000))

    def test_by_copying(self):
        self.no_links()
        os.chmod(os.path.join(self.old, "t/a"), 0o755)
        before = self.content.stat()
        self.succeed(self.move())
        self.assert_moved()
        self.assertEqual(self.content.stat(), before)
        self.assertEqual(os.stat(os.path.join(self.new, "t/a")).st_mode & 0o777, 0o755)
        self.assertEqual(self.told[-1], (43000, 43000))

    def test_across_file_systems(self):
        self.new = tmpfs(self, 1 << 20)
        self.succeed(self.move())
        self.assert_moved()
        self.content.close()

    def test_read_all_the_while(self):
        self.no_links()

        def record(step):
            self.assertEqual(self.content.read(0, TOTAL), self.data)
            return self.record(step)

        self.succeed(self.move(record=record))
        self.assert_moved()

    def test_written_meanwhile(self):
        for copied in (False, True):
            if copied:
                self.setUp()
                self.no_links()
            for phase in (Phase.COPYING, Phase.PLACING):

                def record(step, phase=phase):
                    if step.phase is phase:
                        self.write(100 + len(self.steps), noise(22000, len(self.steps)))
                    return self.record(step)

                self.succeed(self.move(record=record))
                self.assert_moved()
                self.old, self.new = self.new, self.old

    def test_much_is_written_meanwhile(self):
        self.no_links()
        self.content = self.make(self.old, HOLES)
        self.content.create()
        for offset in (0, (40 << 20) - 5):
            self.content.write(offset, b"begin")
        offsets = [n << 20 for n in range(3, 40, 2)]
        self.assertGreater(len(offsets), move_module.FEW_CHUNKS)

        def record(step):
            if step.phase is Phase.PLACING:
                for offset in offsets:
                    self.content.write(offset - 5, b"0123456789")
            return self.record(step)

        self.succeed(self.move(record=record))
        for offset in offsets:
            self.assertEqual(self.content.read(offset - 5, 11), b"0123456789\0")
        self.assertEqual(self.content.read(0, 6), b"begin\0")

    def test_written_when_writes_are_about_to_be_held_up(self):
        self.no_links()

        class Late(InlineLane):
            def run(lane, f, *arguments):
                if f == self.content.gate.shut:
                    self.write(0, noise(5000, 7))
                return super().run(f, *arguments)

        self.lane = Late(self.clock)
        self.succeed(self.move())
        self.assert_moved()

    def test_a_read_that_comes_too_late_for_the_old_place(self):
        self.content.close()
        opened, late = Beneath.open, []

        def open_late(beneath, path, **rest):
            if not late and path[-1] == "a":
                late.append(path)
                self.succeed(self.move())
            return opened(beneath, path, **rest)

        self.patch(Beneath, "open", open_late)
        self.assertEqual(self.content.read(0, TOTAL), self.data)
        self.assertTrue(late)
        self.assert_moved()

    def test_a_copy_is_synced_and_read_back_before_it_counts(self):
        self.no_links()
        self.patch(copying, "clone", lambda source, target: False)
        calls = []

        def note(name):
            real = getattr(os, name)

            def call(descriptor, *rest, **more):
                path = os.readlink(f"/proc/self/fd/{descriptor}")
                if ".moving" in path and path.endswith("/a"):
                    calls.append(name)
                return real(descriptor, *rest, **more)

            self.patch(os, name, call)

        for name in ("pwrite", "fsync", "posix_fadvise", "pread", "utime", "fchmod"):
            note(name)
        self.succeed(self.move())
        expected = ["fchmod", "pwrite", "fsync", "posix_fadvise", "pread", "utime", "fchmod"]
        self.assertEqual(calls, expected)

    def test_names_are_synced_before_the_switch(self):
        synced, fsync = [], os.fsync

        def note(descriptor):
            synced.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), self.new))
            fsync(descriptor)

        def record(step):
            if step.phase is Phase.CLEANING:
                self.assertLessEqual({".", "t", "t/sub", "t/sub/deep"}, set(synced))
            return self.record(step)

        self.patch(os, "fsync", note)
        self.succeed(self.move(record=record))

    def test_a_file_made_meanwhile(self):
        for copied in (False, True):
            if copied:
                self.setUp()
                self.no_links()
            os.unlink(os.path.join(self.old, "t/sub/deep/c"))
            os.rmdir(os.path.join(self.old, "t/sub/deep"))
            self.content.close()

            def record(step):
                if step.phase is Phase.PLACING and len(self.steps) == 1:
                    self.write(24000, noise(20000, 5))
                return self.record(step)

            self.succeed(self.move(record=record))
            self.assert_moved()
            self.assertEqual(
                [step.placed for step in self.steps if step.placed], [b"\xe0", b"\xe8"]
            )

    def test_writes_are_held_up_only_for_the_switch(self):
        shut = []

        def record(step):
            shut.append((step.phase, self.content.gate._shut))
            return self.record(step)

        self.succeed(self.move(record=record))
        self.assertEqual([phase for phase, held in shut if held], [Phase.CLEANING])
        self.write(0, b"after")
        self.assert_moved()

    def test_nothing_is_there_yet(self):
        self.content = self.make(self.old, [("u/a", 5)])
        self.content.create()
        self.succeed(self.move())
        self.content.require()
        self.content.write(0, b"12345")
        self.assertEqual(tree(self.new), ["u", "u/a"])

    def test_one_file(self):
        self.content = self.make(self.old, [("one", 5)])
        self.content.create()
        self.content.write(0, b"12345")
        self.succeed(self.move())
        self.assertEqual(tree(self.new), ["one"])
        self.assertEqual(self.content.read(0, 5), b"12345")

    def test_holes_stay_holes(self):
        self.no_links()
        self.patch(copying, "clone", lambda source, target: False)
        self.content = self.make(self.old, HOLES)
        self.content.create()
        for offset in (0, 9 << 20, (40 << 20) - 5):
            self.content.write(offset, b"12345")
        blocks = os.stat(os.path.join(self.old, "t/big")).st_blocks
        self.succeed(self.move())
        there = os.stat(os.path.join(self.new, "t/big"))
        self.assertEqual((there.st_size, there.st_blocks), (40 << 20, blocks))
        self.assertEqual(self.content.read(9 << 20, 6), b"12345\0")
        self.assertEqual(self.content.read((40 << 20) - 6, 6), b"\x0012345")

    def test_what_is_not_ours_stays(self):
        plant(self.old, "t/mine", "t/sub/deep/mine")
        plant(self.new, "t/other", "z")
        self.succeed(self.move())
        left = ["t", "t/mine", "t/sub", "t/sub/deep", "t/sub/deep/mine"]
        self.assertEqual(tree(self.old), left)
        self.assertEqual(tree(self.new), sorted([*FILES, "t/other", "z"]))

    def test_no_descriptor_stays_open(self):
        self.no_links()
        self.content.close()
        before = open_descriptors()
        self.succeed(self.move())
        self.content.close()
        self.assertEqual(open_descriptors(), before)


class FailureTests(Case):
    def test_something_is_in_the_way(self):
        plant(self.new, "t/sub/b")
        error = self.fails(self.move(), FileExistsError)
        self.assertEqual(error.filename, os.path.join(self.new, "t/sub/b"))
        self.assert_not_moved("t", "t/sub", "t/sub/b")
        self.assertEqual(self.steps, [Step(Phase.DONE)])

    def test_a_broken_link_is_in_the_way(self):
        os.mkdir(os.path.join(self.new, "t"))
        os.symlink("nowhere", os.path.join(self.new, "t/a"))
        self.fails(self.move(), FileExistsError)
        self.assert_not_moved("t", "t/a")

    def test_something_gets_in_the_way(self):
        for copied in (False, True):
            if copied:
                self.setUp()
                self.no_links()

            def record(step):
                if step.phase is Phase.PLACING:
                    plant(self.new, "t/sub/b")
                return self.record(step)

            self.fails(self.move(record=record), FileExistsError)
            self.assert_not_moved("t", "t/sub", "t/sub/b")
            with open(os.path.join(self.new, "t/sub/b")) as file:
                self.assertEqual(file.read(), "t/sub/b")

    def test_a_link_in_place_of_a_folder(self):
        outside = folder(self)
        os.symlink(outside, os.path.join(self.new, "t"))
        self.fails(self.move(), OSError)
        self.assertEqual(tree(outside), [])
        self.assert_not_moved("t")

    def test_a_link_in_place_of_the_moves_folder(self):
        outside = folder(self)
        plant(outside, *FILES[1:2])
        name = f".{'ab' * 20}.moving"
        os.symlink(outside, os.path.join(self.new, name))
        self.fails(self.move(), FileExistsError)
        self.assertEqual(tree(outside), FILES[:2])
        self.assert_not_moved(name)

    def test_too_little_space(self):
        self.new = tmpfs(self, 16384)
        error = self.fails(self.move(), OSError)
        self.assertEqual(error.errno, errno.ENOSPC)
        self.assertIn("bytes are needed, 16384 are free", str(error))
        self.assert_not_moved()

    def test_the_space_goes_meanwhile(self):
        self.new = tmpfs(self, 16384)
        self.patch(movefiles, "require_space", lambda root, needed: 0)
        self.assertEqual(self.fails(self.move(), OSError).errno, errno.ENOSPC)
        self.assert_not_moved()

    def test_no_new_root(self):
        os.rmdir(self.new)
        self.fails(self.move(), StorageMissing)
        self.assertFalse(os.path.exists(self.new))
        self.assert_readable(self.old)

    def test_a_copy_that_differs(self):
        self.no_links()
        self.patch(copying, "clone", lambda source, target: False)
        pwrite = os.pwrite
        self.patch(os, "pwrite", lambda fd, data, at: pwrite(fd, bytes(len(data)), at))
        self.fails(self.move(), copying.CopyDiffersError)
        self.assert_not_moved()

    def test_a_step_that_cannot_be_recorded(self):
        for phase in (Phase.COPYING, Phase.PLACING, Phase.CLEANING):

            def record(step, phase=phase):
                if step.phase is phase:
                    return fail(OSError(errno.ENOSPC, "No space left on device"))
                return self.record(step)

            self.fails(self.move(record=record), OSError)
            self.assert_not_moved()
            self.write(0, b"the gate is open")
        self.succeed(self.move())
        self.assert_moved()

    def test_cancelled(self):
        for copied in (False, True):
            if copied:
                self.setUp()
                self.no_links()
            for phase in (Phase.COPYING, Phase.PLACING):
                moves = []

                def record(step, phase=phase, moves=moves):
                    if step.phase is phase:
                        moves[-1].cancel()
                    return self.record(step)

                moves.append(self.move(record=record))
                self.fails(moves[-1], CancelledError)
                self.assert_not_moved()
                self.assertEqual(self.steps[-1], Step(Phase.DONE))

    def test_cancelled_too_late(self):
        def record(step):
            if step.phase is Phase.CLEANING:
                move.cancel()
            return self.record(step)

        move = self.move(record=record)
        self.succeed(move)
        self.assert_moved()

    def test_stopped_and_gone_on_with(self):
        self.no_links()

        def record(step):
            if step.phase is Phase.PLACING:
                move.stop()
            return self.record(step)

        move = self.move(record=record)
        self.fails(move, CancelledError)
        self.assertIs(self.steps[-1].phase, Phase.PLACING)
        self.succeed(self.move(), self.steps[-1])
        self.assert_moved()

    def test_old_files_that_cannot_be_deleted(self):
        def refuse(name, *, dir_fd):
            raise PermissionError(errno.EACCES, "Permission denied")

        self.patch(os, "unlink", refuse)
        self.succeed(self.move())
        self.assert_readable(self.new)
        self.assertEqual(self.steps[-1], Step(Phase.DONE))


def is_mixture(found, *allowed):
    """Whether each byte is as in one of the allowed: a write may have been cut short."""
    return all(byte in choice for byte, *choice in zip(found, *allowed, strict=True))


@define(eq=False)
class DyingLane:
    """A lane of a process that dies when `count` gets to `fatal`."""

    clock: Clock
    count: list
    fatal: int

    def run(self, f, *arguments):
        if self.count[0] >= self.fatal:
            return fail(Killed())
        return InlineLane(self.clock).run(f, *arguments)


class KillTests(Case):
    """E15, E5: killed at each call that changes anything, before it and behind it."""

    CALLS = ("link", "mkdir", "unlink", "rmdir", "pwrite", "ftruncate", "fchmod", "utime", "fsync")

    def dying(self, fatal, behind):
        """Have the process die at the given call, and nothing happen any more after that."""
        count = [0]

        def step(real):
            def call(*args, **rest):
                if count[0] >= fatal:
                    raise Killed
                count[0] += 1
                if count[0] == fatal and not behind:
                    raise Killed
                result = real(*args, **rest)
                if count[0] == fatal:
                    raise Killed
                return result

            return call

        undo = [self.patch(os, name, step(getattr(os, name))) for name in self.CALLS]
        undo.append(self.patch(movefiles.Beneath, "rename", step(movefiles.Beneath.rename)))
        undo.append(self.patch(self, "record", step(self.record)))
        self.lane = DyingLane(self.clock, count, fatal)
        return undo, count

    def recorded(self):
        """(root of the content, step to go on from) as a daemon finds it at its start."""
        last = self.steps[-1] if self.steps else Step(Phase.DONE)
        done = any(step.phase is Phase.CLEANING for step in self.steps)
        return (self.new if done else self.old), (None if last.phase is Phase.DONE else last)

    def killed_at(self, fatal, behind):
        """Whether the kill came before the move had ended."""
        undo, count = self.dying(fatal, behind)
        moving = self.run_all(self.move(record=self.record_and_write))
        for patch in undo:
            patch.restore()
        self.lane = InlineLane(self.clock)
        if count[0] < fatal:
            self.successResultOf(moving)
            return False
        moving.addErrback(lambda failure: failure.trap(Killed))
        root, step = self.recorded()
        self.content = self.make(root)
        found = self.content.read(0, TOTAL)
        self.assertTrue(is_mixture(found, self.data, self.maybe), "the truth")
        self.data = found
        if step is not None:
            self.succeed(self.move(), step)
        elif root == self.old:
            self.succeed(self.move())  # the user asks again
        return True

    def record_and_write(self, step):
        done = self.record(step)
        if step.phase in (Phase.COPYING, Phase.PLACING):
            self.maybe = self.data[:24000] + noise(9000, step.phase.value) + self.data[33000:]
            self.content.write(24000, self.maybe[24000:33000])
            self.data = self.maybe
        return done

    def kill_everywhere(self, prepare):
        for behind in (False, True):
            fatal = 1
            while True:
                self.setUp()
                prepare()
                more = self.killed_at(fatal, behind)
                self.assert_moved()
                if not more:
                    break
                fatal += 1
            self.assertGreater(fatal, 20)

    def test_with_second_names(self):
        self.kill_everywhere(lambda: None)

    def test_with_copies(self):
        """In small parts, and within one tick of the clock from one record to the next."""
        pwrite = os.pwrite

        def write(descriptor, part, at):
            count = pwrite(descriptor, part[:7000], at)
            os.utime(descriptor, ns=(5, len(self.steps)))
            return count

        self.patch(os, "pwrite", write)
        self.patch(move_module, "JOB_FILES", 2)
        self.kill_everywhere(self.no_links)


class CopyingTests(SynchronousTestCase):
    def test_runs(self):
        path = os.path.join(folder(self), "file")
        with open(path, "wb") as file:
            file.truncate(30 << 20)
            file.seek(12 << 20)
            file.write(bytes(5 << 20))
            file.seek((30 << 20) - 1)
            file.write(b"x")
            file.flush()
            found = [(at >> 20, length) for at, length in copying.runs(file.fileno())]
        self.assertEqual(found, [(12, 4 << 20), (16, 1 << 20), (29, 4096)])


class ThreadedMoveTests(TestCase):
    async def test_written_and_read_all_the_while(self):
        """What a download and its uploads do while it is moved by copying."""

        def refuse(*args, **rest):
            raise OSError(errno.EXDEV, "Invalid cross-device link")

        self.patch(os, "link", refuse)
        write, read = ThreadLane(reactor, 2, "write"), ThreadLane(reactor, 2, "read")
        for lane in (write, read):
            lane.start()
            self.addCleanup(lane.stop)
        old, new = folder(self), folder(self)
        rows = [(f"t/{n % 3}/{n}", 50_000) for n in range(40)]
        made = content(old, rows)
        self.addCleanup(made.close)
        made.create()
        data = bytearray(noise(2_000_000))
        for offset in range(0, 1_000_000, 16384):
            made.write(offset, data[offset : offset + 16384])
        blocks = iter(range(1_000_000 // 16384 * 16384, 2_000_000, 16384))

        async def download():
            for offset in blocks:
                await write.run(made.write, offset, data[offset : offset + 16384])
                await read.run(made.read, 0, 16384)
                await read.run(made.sync)

        def record(step):
            return read.run(int)

        moving = Deferred.fromCoroutine(
            Move(made, old, new, "m", read, record, lambda done, total: None).run()
        )
        await gatherResults([moving, *(Deferred.fromCoroutine(download()) for _ in range(4))])
        self.assertTrue(made.read(0, len(data)) == data)
        self.assertEqual(tree(old), [])
        self.assertEqual(made.root, new)
