import errno
import os
from unittest import mock

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.storage.folders import (
    content,
    files,
    folder,
    noise,
    open_descriptors,
    plant,
    tmpfs,
    tree,
)
from txtorrent.metainfo.renames import add_rename, apply_renames
from txtorrent.storage import content as content_module
from txtorrent.storage import pagecache
from txtorrent.storage.beneath import Beneath
from txtorrent.storage.content import Extent, FileStat, ShortFileError, StorageMissing, SyncError
from txtorrent.storage.disk import ThreadLane
from txtorrent.storage.filepool import FilePool

# Pieces of 16 KiB:  |0        |1        |2   |
#                     a a a a  b pad c c c c c
ROWS = [("t/a", 20000), ("t/empty", 0), ("t/sub/b", 3000), ("", 1000), ("t/sub/deep/c", 20000)]
TOTAL = 44000


class Case(SynchronousTestCase):
    def setUp(self):
        self.root = folder(self)
        self.content = self.make(ROWS)

    def make(self, rows, root=None, **rest):
        made = content(root or self.root, rows, **rest)
        self.addCleanup(made.close)
        return made

    def on_disk(self, path):
        with open(os.path.join(self.root, path), "rb") as file:
            return file.read()

    def written(self):
        """The content, with noise in it."""
        data = bytearray(noise(TOTAL))
        data[23000:24000] = bytes(1000)
        self.content.create()
        self.content.write(0, data)
        return bytes(data)


class LayoutTests(Case):
    def test_create(self):
        self.content.create()
        self.assertEqual(tree(self.root), ["t", "t/empty"])
        self.content.create()

    def test_create_one_file(self):
        one = self.make([("one", 5)])
        one.create()
        self.assertEqual(tree(self.root), ["one"])
        one.write(0, b"12345")
        self.assertEqual(self.on_disk("one"), b"12345")
        one.create()
        self.assertEqual(self.on_disk("one"), b"12345")

    def test_write_makes_the_files_it_touches(self):
        self.content.create()
        self.content.write(20000, bytes(3000))
        self.assertEqual(tree(self.root), ["t", "t/empty", "t/sub", "t/sub/b"])

    def test_write_and_read_across_files(self):
        data = self.written()
        self.assertEqual(self.on_disk("t/a"), data[:20000])
        self.assertEqual(self.on_disk("t/sub/b"), data[20000:23000])
        self.assertEqual(self.on_disk("t/sub/deep/c"), data[24000:])
        for offset, length in [
            (0, TOTAL),
            (0, 0),
            (19999, 2),
            (22990, 1020),
            (23500, 10),
            (43999, 1),
        ]:
            self.assertEqual(self.content.read(offset, length), data[offset : offset + length])
        view = memoryview(bytearray(5000))
        self.content.read_into(20500, view)
        self.assertEqual(view, data[20500:25500])

    def test_pads_are_never_stored(self):
        self.content.create()
        self.content.write(22000, b"x" * 3000)
        self.assertEqual(self.content.read(23000, 1000), bytes(1000))
        self.assertNotIn(".pad", tree(self.root))

    def test_executable(self):
        from attrs import evolve

        files = tuple(evolve(file, executable=file.path[-1] == "a") for file in self.content.files)
        made = content_module.Content(self.root, files, self.content.geometry, self.content.pool)
        self.addCleanup(made.close)
        made.create()
        made.write(0, bytes(24000))
        modes = [
            os.stat(os.path.join(self.root, path)).st_mode & 0o111 for path in ("t/a", "t/sub/b")
        ]
        self.assertEqual([bool(mode) for mode in modes], [True, False])

    def test_outside_is_refused(self):
        for offset, length in [(-1, 2), (TOTAL, 1), (0, TOTAL + 1)]:
            with self.assertRaises(ValueError):
                self.content.read(offset, length)
            with self.assertRaises(ValueError):
                self.content.write(offset, bytes(length))
        self.assertEqual(tree(self.root), [])

    def test_partial_reads_and_writes_are_completed(self):
        pwrite, preadv = os.pwrite, os.preadv
        self.patch(content_module.os, "pwrite", lambda fd, part, at: pwrite(fd, part[:999], at))
        self.patch(
            content_module.os, "preadv", lambda fd, parts, at: preadv(fd, [parts[0][:777]], at)
        )
        data = self.written()
        self.assertEqual(self.content.read(0, TOTAL), data)

    def test_missing_and_short(self):
        self.content.create()
        with self.assertRaises(FileNotFoundError) as caught:
            self.content.read(0, 10)
        self.assertNotIsInstance(caught.exception, StorageMissing)
        self.assertEqual(caught.exception.filename, os.path.join(self.root, "t/a"))
        self.content.write(0, b"abc")
        with self.assertRaises(ShortFileError) as caught:
            self.content.read(0, 4)
        self.assertEqual(caught.exception.filename, os.path.join(self.root, "t/a"))

    def test_close_leaves_no_descriptor(self):
        before = open_descriptors()
        self.written()
        self.content.read(0, TOTAL)
        self.content.sync()
        self.content.stat()
        self.content.close()
        self.assertEqual(open_descriptors(), before)

    def test_stat(self):
        self.content.create()
        self.content.write(0, b"abc")
        os.utime(os.path.join(self.root, "t/a"), ns=(1, 123456789))
        os.symlink("a", os.path.join(self.root, "t/sub"))
        empty = os.stat(os.path.join(self.root, "t/empty"))
        self.assertEqual(
            self.content.stat(),
            (FileStat(3, 123456789), FileStat(0, empty.st_mtime_ns), None, None, None),
        )

    def test_extent(self):
        self.content.create()
        rows = [(0, 10), (23000, 1000), (22999, 2)]
        expected = [Extent.MISSING, Extent.HOLE, Extent.MISSING]
        self.assertEqual([self.content.extent(*row) for row in rows], expected)
        big = self.make([("big", 10 << 20), ("", 1 << 20)])
        big.create(full=False)
        big.write(4 << 20, b"x")
        self.assertIs(big.extent((4 << 20) + 1, 1), Extent.MISSING)
        big.write((10 << 20) - 1, b"x")
        rows = [(0, 1 << 20), (4 << 20, 1 << 20), (6 << 20, 1 << 20), (9 << 20, 2 << 20)]
        expected = [Extent.HOLE, Extent.DATA, Extent.HOLE, Extent.DATA]
        self.assertEqual([big.extent(*row) for row in rows], expected)

    def test_load(self):
        self.content = self.make([("t/a", 1000), ("", 500), ("t/b", 500), ("t/c", 3 << 20)])
        self.content.create()
        self.content.write(0, b"a" * 1000)
        self.content.write(2000 + (3 << 20) - 1, b"c")
        for offset, length, extent, bytes_read in [
            (0, 1000, Extent.DATA, b"a" * 1000),
            (900, 600, Extent.DATA, b"a" * 100 + bytes(500)),
            (1000, 500, Extent.HOLE, None),
            (2000, 1 << 20, Extent.HOLE, None),
            (2000 + (2 << 20), 1 << 20, Extent.DATA, bytes((1 << 20) - 1) + b"c"),
            (900, 1000, Extent.MISSING, None),
        ]:
            view = memoryview(bytearray(b"?" * length))
            self.assertIs(self.content.load(offset, view), extent, offset)
            if bytes_read is not None:
                self.assertEqual(bytes(view), bytes_read, offset)
            self.assertIs(self.content.extent(offset, length), extent, offset)


class BeneathTests(Case):
    """A8, A11: what is planted on the disk leads nowhere."""

    def setUp(self):
        super().setUp()
        self.outside = folder(self)
        with open(os.path.join(self.outside, "a"), "wb") as file:
            file.write(b"secret" * 5000)

    def assert_refused(self):
        for attempt in (
            lambda: self.content.read(0, 10),
            lambda: self.content.write(0, b"0123456789"),
        ):
            with self.assertRaises(OSError) as caught:
                attempt()
            self.assertTrue(caught.exception.filename.startswith(self.root))
        self.assertFalse(self.content.read_cached(0, memoryview(bytearray(10))))
        self.assertIsNone(self.content.stat()[0])
        self.assertEqual(tree(self.outside), ["a"])
        self.assertEqual(os.path.getsize(os.path.join(self.outside, "a")), 30000)

    def test_a_file_that_is_a_link(self):
        os.mkdir(os.path.join(self.root, "t"))
        os.symlink(os.path.join(self.outside, "a"), os.path.join(self.root, "t/a"))
        self.assert_refused()

    def test_a_file_that_is_a_link_to_nothing(self):
        os.mkdir(os.path.join(self.root, "t"))
        os.symlink(os.path.join(self.outside, "new"), os.path.join(self.root, "t/a"))
        self.assert_refused()

    def test_a_folder_that_is_a_link(self):
        os.symlink(self.outside, os.path.join(self.root, "t"))
        self.assert_refused()
        with self.assertRaises(OSError):
            self.content.create(full=True)
        self.assertEqual(tree(self.outside), ["a"])

    def test_a_file_that_is_none(self):
        os.mkdir(os.path.join(self.root, "t"))
        os.mkfifo(os.path.join(self.root, "t/a"))
        self.assert_refused()

    def test_the_root_may_be_a_link(self):
        link = os.path.join(folder(self), "downloads")
        os.symlink(self.root, link)
        linked = self.make(ROWS, root=link)
        linked.create()
        linked.write(0, b"abc")
        self.assertEqual(self.on_disk("t/a"), b"abc")


class MissingTests(Case):
    """E4: what was there is gone; nothing is created."""

    def assert_missing(self, broken, calls):
        before = tree(self.root) if os.path.isdir(self.root) else None
        for call in calls:
            with self.assertRaises(StorageMissing) as caught:
                call(broken)
            self.assertTrue(caught.exception.filename.startswith(self.root))
        self.assertEqual(tree(self.root) if os.path.isdir(self.root) else None, before)

    read_write = (lambda c: c.read(0, 5), lambda c: c.write(0, b"12345"), lambda c: c.require())

    def test_no_root(self):
        os.rmdir(self.root)
        calls = [
            *self.read_write,
            lambda c: c.create(),
            lambda c: c.create(True),
            lambda c: c.stat(),
        ]
        self.assert_missing(self.content, calls)

    def test_root_without_the_torrents_folder(self):
        self.assert_missing(self.content, self.read_write)
        self.assertEqual(self.content.stat(), (None,) * 5)
        self.assert_missing(self.content, [lambda c: c.extent(0, 5)])

    def test_root_without_the_torrents_only_file(self):
        self.assert_missing(self.make([("one", 5)]), self.read_write)

    def test_comes_back(self):
        data = self.written()
        self.content.require()
        self.content.close()
        os.rename(self.root, self.root + ".away")
        self.assert_missing(self.content, self.read_write)
        os.rename(self.root + ".away", self.root)
        self.content.require()
        self.assertEqual(self.content.read(0, TOTAL), data)

    def test_unmounted(self):
        self.root = tmpfs(self, 1 << 20)
        mounted = self.make(ROWS)
        mounted.create()
        mounted.write(0, b"12345")
        mounted.close()
        os.system(f"umount {self.root}")
        self.assert_missing(mounted, self.read_write)
        os.system(f"mount -t tmpfs none {self.root}")
        self.assert_missing(mounted, self.read_write)

    def test_read_only(self):
        self.root = tmpfs(self, 1 << 20)
        mounted = self.make(ROWS)
        mounted.create()
        mounted.write(0, b"12345")
        mounted.close()
        os.system(f"mount -o remount,ro {self.root}")
        self.assertEqual(mounted.read(0, 5), b"12345")
        with self.assertRaises(OSError) as caught:
            mounted.write(0, b"67890")
        self.assertEqual(caught.exception.errno, errno.EROFS)


class FullTests(Case):
    """E1, A6: there is not enough space."""

    def test_allocate(self):
        self.content.create(full=True)
        self.content.create(full=True)
        self.assertEqual(
            [stat and stat.size for stat in self.content.stat()], [20000, 0, 3000, None, 20000]
        )
        # On most file systems this is a hole still, on tmpfs it is data.
        self.assertIsNot(self.content.extent(0, 20000), Extent.MISSING)
        self.assertEqual(self.content.read(0, 20000), bytes(20000))

    def test_allocation_keeps_what_is_there(self):
        data = self.written()
        self.content.create(full=True)
        self.assertEqual(self.content.read(0, TOTAL), data)

    def test_too_little_for_allocation(self):
        self.root = tmpfs(self, 1 << 20)
        big = self.make([("t/a", 700_000), ("t/b", 700_000)])
        with self.assertRaises(OSError) as caught:
            big.create(full=True)
        self.assertEqual(caught.exception.errno, errno.ENOSPC)
        self.assertIn("1400000 bytes are needed, 1048576 are free", str(caught.exception))
        self.assertEqual([stat.size for stat in big.stat()], [0, 0])

    def test_space_goes_during_allocation(self):
        calls = []

        def allocate(descriptor, begin, length):
            calls.append(length)
            os.ftruncate(descriptor, length)
            if len(calls) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")

        self.patch(os, "posix_fallocate", allocate)
        with self.assertRaises(OSError) as caught:
            self.content.create(full=True)
        self.assertIn("bytes are needed", str(caught.exception))
        self.assertEqual([stat and stat.size for stat in self.content.stat()], [0, 0, 0, None, 0])

    def test_too_little_for_writing(self):
        self.root = tmpfs(self, 65536)
        big = self.make([("t/a", 40000), ("t/b", 40000)])
        big.create()
        big.write(0, noise(40000))
        with self.assertRaises(OSError) as caught:
            big.write(40000, noise(40000))
        self.assertEqual(caught.exception.errno, errno.ENOSPC)
        self.assertEqual(caught.exception.filename, os.path.join(self.root, "t/b"))
        self.assertEqual(big.read(0, 40000), noise(40000))
        os.system(f"mount -o remount,size=200000 {self.root}")
        big.write(40000, noise(40000, 1))
        self.assertEqual(big.read(40000, 40000), noise(40000, 1))


class SyncTests(Case):
    def setUp(self):
        super().setUp()
        self.synced = []
        self.failing = None
        fsync = os.fsync

        def noted(descriptor):
            path = os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), self.root)
            self.synced.append(path)
            if path == self.failing:
                raise OSError(errno.EIO, "Input/output error")
            fsync(descriptor)

        self.patch(content_module.os, "fsync", noted)

    def sync(self):
        self.synced.clear()
        self.content.sync()
        return self.synced

    def test_covers_files_and_folders_made(self):
        self.content.create()
        self.assertEqual(self.sync(), [".", "t"])
        self.content.write(20000, bytes(5000))
        files = ["t/sub/b", "t/sub/deep/c"]
        self.assertEqual(self.sync(), [*files, "t", "t/sub", "t/sub/deep"])
        self.assertEqual(self.sync(), [])
        self.content.write(20000, bytes(5000))
        self.assertEqual(self.sync(), files)

    def test_files_closed_meanwhile(self):
        self.content.create()
        self.content.write(0, b"x")
        self.content.close()
        self.assertEqual(self.sync(), ["t/a", ".", "t"])

    def test_unsynced_pieces(self):
        self.content.create()
        self.content.write(16384, bytes(16384))
        self.assertEqual(self.content.unsynced, {1})
        self.content.note_unsynced([2])
        self.assertEqual(self.content.unsynced, {1, 2})
        self.content.sync()
        self.assertEqual(self.content.unsynced, frozenset())

    def test_pieces_of_an_earlier_run(self):
        self.written()
        self.content.sync()
        self.content.note_unsynced([1])
        self.assertEqual(self.sync(), ["t/a", "t/sub/b", "t/sub/deep/c"])

    def test_a_failure_tells_the_pieces_in_doubt(self):
        """E3: a later sync does not stand for what was written before the failure."""
        self.content.create()
        self.content.write(0, bytes(16384))
        self.content.sync()
        self.content.write(32768, bytes(11232))
        self.content.write(16384, bytes(16384))
        self.failing = "t/sub/b"
        error = self.assertRaises(SyncError, self.content.sync)
        self.assertEqual((error.errno, error.pieces), (errno.EIO, {1, 2}))
        self.assertEqual(error.filename, os.path.join(self.root, "t/sub/b"))
        self.assertEqual(self.content.unsynced, frozenset())
        self.failing = None
        # Files whose turn did not come are not forgotten, nor what was made.
        self.assertEqual(self.sync()[-4:], ["t/sub/deep/c", "t", "t/sub", "t/sub/deep"])
        self.assertEqual(self.sync(), [])

    def test_a_failing_folder(self):
        self.content.create()
        self.content.write(0, bytes(16384))
        self.failing = "t"
        self.assertEqual(self.assertRaises(SyncError, self.content.sync).pieces, {0})
        self.failing = None
        self.assertEqual(self.sync(), ["t/a", ".", "t"])

    def test_pieces_written_during_a_failing_sync(self):
        self.content.create()
        self.content.write(0, bytes(16384))
        fsync = content_module.os.fsync

        def write_meanwhile(descriptor):
            self.patch(content_module.os, "fsync", fsync)
            self.content.write(32768, bytes(10))
            raise OSError(errno.EIO, "Input/output error")

        self.patch(content_module.os, "fsync", write_meanwhile)
        self.assertEqual(self.assertRaises(SyncError, self.content.sync).pieces, {0, 2})

    def test_a_piece_being_written_while_a_sync_fails(self):
        self.content.create()
        self.content.write(0, bytes(16384))
        pwrite = os.pwrite
        lost = []

        def fail_meanwhile(descriptor, part, at):
            count = pwrite(descriptor, part, at)
            self.failing = "t/a"
            lost.append(self.assertRaises(SyncError, self.content.sync).pieces)
            return count

        self.patch(content_module.os, "pwrite", fail_meanwhile)
        self.content.write(32768, bytes(10))
        self.assertEqual(lost, [{0, 2}])

    def test_a_failure_has_the_disk_asked_anew(self):
        """What the kernel still holds of the file may not be what is on the disk."""
        self.written()
        forgotten = []

        def advise(descriptor, begin, length, advice):
            forgotten.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
            self.assertEqual((begin, length, advice), (0, 0, os.POSIX_FADV_DONTNEED))

        self.patch(content_module.os, "posix_fadvise", advise)
        self.failing = "t/a"
        self.assertRaises(SyncError, self.content.sync)
        self.assertEqual(sorted(forgotten), ["a", "b", "c"])

    def test_pieces_written_during_a_good_sync_wait_for_the_next(self):
        self.content.create()
        self.content.write(0, bytes(16384))
        fsync = content_module.os.fsync

        def write_meanwhile(descriptor):
            self.patch(content_module.os, "fsync", fsync)
            fsync(descriptor)
            self.content.write(0, bytes(10))

        self.patch(content_module.os, "fsync", write_meanwhile)
        self.content.sync()
        self.assertEqual(self.content.unsynced, {0})
        self.assertEqual(self.sync(), ["t/a"])


class RenameTests(Case):
    def setUp(self):
        super().setUp()
        self.data = self.written()
        self.before = tree(self.root)

    def rename(self, path, name, **rest):
        renames, old, new = add_rename(files(*ROWS), {}, path, name)
        renamed = apply_renames(files(*ROWS), renames)
        self.content.rename(old, new, renamed, **rest)

    def assert_readable(self):
        for made in (self.content, self.make_like(self.content)):
            self.assertEqual(made.read(0, TOTAL), self.data)
        self.content.write(0, self.data)
        self.content.sync()

    def make_like(self, content):
        made = content_module.Content(self.root, content.files, content.geometry, content.pool)
        self.addCleanup(made.close)
        return made

    def test_a_file(self):
        self.rename("t/sub/b", "new")
        self.assertEqual(
            tree(self.root), sorted(p.replace("sub/b", "sub/new") for p in self.before)
        )
        self.assert_readable()

    def test_a_folder(self):
        for close in (False, True):
            if close:
                self.content.close()
            self.rename("t/sub", "new")
            after = sorted(path.replace("t/sub", "t/new") for path in self.before)
            self.assertEqual(tree(self.root), after)
            self.assert_readable()
            self.content.rename(("t", "new"), ("t", "sub"), files(*ROWS))

    def test_everything(self):
        self.rename("t", "new")
        self.assertEqual(tree(self.root), [path.replace("t", "new", 1) for path in self.before])
        self.content.require()
        self.assert_readable()

    def test_taken_on_disk(self):
        plant(self.root, "t/mine")
        before = tree(self.root)
        self.assertRaises(FileExistsError, self.rename, "t/a", "mine")
        self.assertRaises(FileExistsError, self.rename, "t/sub", "mine")
        self.assertEqual(tree(self.root), before)
        self.assert_readable()

    def test_not_on_disk_yet(self):
        self.content = self.make(ROWS, root=folder(self))
        self.root = self.content.root
        self.content.create()
        self.rename("t/sub", "new")
        self.content.write(20000, bytes(3000))
        self.assertEqual(tree(self.root), ["t", "t/empty", "t/new", "t/new/b"])

    def test_not_on_disk_but_somebody_elses_is(self):
        os.unlink(os.path.join(self.root, "t/a"))
        plant(self.root, "t/mine")
        self.assertRaises(FileExistsError, self.rename, "t/a", "mine")

    def test_again_after_a_kill(self):
        """It was recorded first, so the content is made with the new paths."""
        for done in (False, True):
            if done:
                self.rename("t/sub", "new")
            killed = content_module.Content(
                self.root,
                apply_renames(files(*ROWS), {"t/sub": "new"}),
                self.content.geometry,
                self.content.pool,
            )
            self.addCleanup(killed.close)
            killed.rename(("t", "sub"), ("t", "new"), killed.files, again=True)
            self.assertEqual(killed.read(0, TOTAL), self.data)
            killed.rename(("t", "new"), ("t", "sub"), files(*ROWS))

    def test_durable_or_undone(self):
        def refuse(descriptor):
            self.assertTrue(os.readlink(f"/proc/self/fd/{descriptor}").endswith("/t"))
            raise OSError(errno.EIO, "Input/output error")

        patch = self.patch(os, "fsync", refuse)
        self.assertRaises(OSError, self.rename, "t/sub", "new")
        patch.restore()
        self.assertEqual(tree(self.root), self.before)
        self.assert_readable()

    def test_a_read_that_comes_between_disk_and_paths(self):
        self.content.close()
        opened, late = Beneath.open, []

        def open_late(beneath, path, **rest):
            if not late and path[-1] == "b":
                late.append(path)
                self.rename("t/sub", "new")
            return opened(beneath, path, **rest)

        self.patch(Beneath, "open", open_late)
        self.assertEqual(self.content.read(0, TOTAL), self.data)
        self.assertTrue(late)


class ThreadedTests(TestCase):
    async def test_many_threads_with_few_open_files(self):
        """Files are opened, closed, written, read and synced by many threads at once."""
        lane = ThreadLane(reactor, 8, "content")
        lane.start()
        await lane.run(int)
        before = open_descriptors()  # the reactor runs by now, and has opened its own
        rows = [(f"t/{n % 3}/{n}", 5000) for n in range(60)]
        many = content(folder(self), rows, 7000, FilePool(2))
        data = noise(300_000)
        many.create()

        def work(offset):
            many.write(offset, data[offset : offset + 7000])
            many.sync()
            return many.read(offset, len(data[offset : offset + 7000]))

        offsets = range(0, len(data), 7000)
        parts = await gatherResults([lane.run(work, offset) for offset in offsets])
        self.assertEqual(b"".join(parts), data)
        self.assertLessEqual(many.pool.open_count, 2)
        self.assertEqual(many.unsynced, frozenset())
        many.close()
        self.assertEqual(open_descriptors(), before)
        await lane.stop()


class CachedTests(Case):
    def cached(self, offset, length):
        """The bytes, or None."""
        into = bytearray(b"?" * length)
        return bytes(into) if self.content.read_cached(offset, memoryview(into)) else None

    def test_only_files_that_are_open(self):
        data = self.written()
        self.content.close()
        self.assertIsNone(self.cached(0, 10))
        self.content.read(0, 10)
        self.assertEqual(self.cached(0, 10), data[:10])
        self.assertIsNone(self.cached(19995, 10))

    def test_everything(self):
        data = self.written()
        for offset, length in [(0, 16384), (0, 0), (19000, 16384), (22990, 1020), (43999, 1)]:
            self.assertEqual(self.cached(offset, length), data[offset : offset + length])

    def test_beginning_where_a_file_without_bytes_lies(self):
        data = self.written()
        self.assertEqual(self.cached(20000, 3000), data[20000:23000])
        self.assertEqual(self.cached(23000, 1000), bytes(1000))

    def test_outside_is_refused(self):
        self.written()
        for offset, length in [(-1, 2), (-TOTAL, 5), (TOTAL, 1), (TOTAL - 1, 2)]:
            with self.assertRaises(ValueError):
                self.cached(offset, length)

    def test_not_in_memory(self):
        self.written()
        self.patch(pagecache.os, "preadv", mock.Mock(side_effect=BlockingIOError))
        self.assertIsNone(self.cached(0, 10))
        self.patch(pagecache.os, "preadv", lambda *rest: 5)
        self.assertIsNone(self.cached(0, 10))

    def test_errors_are_left_to_the_thread(self):
        self.written()
        self.patch(pagecache.os, "preadv", mock.Mock(side_effect=OSError(errno.EIO, "")))
        self.assertIsNone(self.cached(0, 10))

    def unknown_flag(self):
        """A file system that does not know RWF_NOWAIT; gives the flags of each call."""
        flags_seen = []
        preadv = os.preadv

        def refuse(descriptor, parts, offset, flags=0):
            flags_seen.append(flags)
            if flags:
                raise OSError(errno.EOPNOTSUPP, "Operation not supported")
            return preadv(descriptor, parts, offset)

        self.patch(pagecache.os, "preadv", refuse)
        return flags_seen

    def test_a_file_system_in_memory_is_read_plainly(self):
        data = self.written()
        self.patch(pagecache, "_file_system", lambda device: "tmpfs")
        flags = self.unknown_flag()
        for _ in range(2):
            self.assertEqual(self.cached(5, 10), data[5:15])
        self.assertEqual(flags, [os.RWF_NOWAIT, 0, 0])

    def test_any_other_is_never_read_on_the_reactor(self):
        self.written()
        asked = []
        self.patch(pagecache, "_file_system", lambda device: asked.append(device) or "nfs4")
        flags = self.unknown_flag()
        for offset in (5, 5, 20005):
            self.assertIsNone(self.cached(offset, 10))
        self.assertEqual(flags, [os.RWF_NOWAIT] * 2)
        self.assertEqual(len(asked), 1)

    def test_type_of_a_file_system(self):
        self.assertEqual(pagecache._file_system(os.stat("/proc/self").st_dev), "proc")
        self.assertEqual(pagecache._file_system(os.makedev(0, 999_999)), "")
