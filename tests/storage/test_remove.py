import errno
import os

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import folder, plant, tree
from tests.testing.disk import InlineLane
from txtorrent.storage import remove as remove_module
from txtorrent.storage.beneath import Beneath, StorageMissing
from txtorrent.storage.remove import folders_of, remove

OURS = ["t/a", "t/sub/b", "t/sub/deep/c", "t/other/d"]


class Killed(BaseException):
    pass


class RemoveTests(SynchronousTestCase):
    """E15: only the torrent's own files, then folders that are empty."""

    def setUp(self):
        self.root = folder(self)
        self.clock = Clock()
        self.lane = InlineLane(self.clock)
        self.beneath = Beneath(self.root, lambda: None)

    def start(self, paths=OURS):
        parts = [tuple(path.split("/")) for path in paths]
        return Deferred.fromCoroutine(remove(self.beneath, parts, self.lane))

    def run_all(self, deferred):
        self.clock.pump([0] * 20)
        return deferred

    def remove(self, paths=OURS):
        self.successResultOf(self.run_all(self.start(paths)))

    def fails(self, kind=OSError):
        return self.failureResultOf(self.run_all(self.start()), kind).value

    def test_everything(self):
        plant(self.root, *OURS)
        self.remove()
        self.assertEqual(tree(self.root), [])
        self.assertTrue(os.path.isdir(self.root))
        self.remove()

    def test_one_file(self):
        plant(self.root, "one", "two")
        self.remove(["one"])
        self.assertEqual(tree(self.root), ["two"])

    def test_what_is_not_ours_stays(self):
        plant(self.root, *OURS, "t/sub/deep/mine", "t/x/y", "z")
        os.mkdir(os.path.join(self.root, "t/empty"))
        self.remove()
        left = ["t", "t/empty", "t/sub", "t/sub/deep", "t/sub/deep/mine", "t/x", "t/x/y", "z"]
        self.assertEqual(tree(self.root), left)

    def test_part_of_it_was_never_there(self):
        plant(self.root, "t/sub/b")
        self.remove()
        self.assertEqual(tree(self.root), [])

    def test_a_link_in_place_of_a_file(self):
        outside = folder(self)
        plant(outside, "a")
        plant(self.root, *OURS[1:])
        os.symlink(os.path.join(outside, "a"), os.path.join(self.root, "t/a"))
        self.remove()
        self.assertEqual(tree(outside), ["a"])
        self.assertEqual(tree(self.root), ["t", "t/a"])

    def test_a_link_in_place_of_a_folder(self):
        outside = folder(self)
        plant(outside, "a", "sub/b")
        os.symlink(outside, os.path.join(self.root, "t"))
        self.remove()
        self.assertEqual(tree(outside), ["a", "sub", "sub/b"])
        self.assertEqual(tree(self.root), ["t"])

    def test_a_folder_in_place_of_a_file(self):
        plant(self.root, "t/a/b", *OURS[1:])
        self.remove()
        self.assertEqual(tree(self.root), ["t", "t/a", "t/a/b"])
        os.unlink(os.path.join(self.root, "t/a/b"))
        self.remove()
        self.assertEqual(tree(self.root), ["t", "t/a"])

    def test_a_missing_root(self):
        os.rmdir(self.root)
        self.fails(StorageMissing)
        self.assertFalse(os.path.exists(self.root))

    def test_an_error_does_not_keep_the_rest(self):
        plant(self.root, *OURS)
        unlink = os.unlink

        def refuse(name, *, dir_fd):
            if name == "a":
                raise PermissionError(errno.EACCES, "Permission denied")
            unlink(name, dir_fd=dir_fd)

        self.patch(os, "unlink", refuse)
        error = self.fails(PermissionError)
        self.assertEqual(error.filename, os.path.join(self.root, "t/a"))
        self.assertEqual(tree(self.root), ["t", "t/a"])

    def test_an_error_with_a_folder(self):
        plant(self.root, *OURS)

        def refuse(name, *, dir_fd):
            raise OSError(errno.EIO, "Input/output error")

        self.patch(os, "rmdir", refuse)
        self.assertEqual(self.fails().filename, os.path.join(self.root, "t/sub/deep"))

    def test_killed_at_each_step(self):
        for call in ("unlink", "rmdir", "fsync"):
            real = getattr(os, call)
            for step in range(1, 4):
                plant(self.root, *OURS)
                left = [step]

                def die(*args, real=real, left=left, **rest):
                    left[0] -= 1
                    if not left[0]:
                        raise Killed
                    return real(*args, **rest)

                self.patch(os, call, die)
                self.run_all(self.start()).addErrback(lambda failure: failure.trap(Killed))
                self.patch(os, call, real)
                self.beneath.take_changed()
                self.remove()
                self.assertEqual(tree(self.root), [], (call, step))

    def test_durable(self):
        plant(self.root, *OURS, "t/mine")
        synced, fsync = [], os.fsync

        def note(descriptor):
            synced.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), self.root))
            fsync(descriptor)

        self.patch(os, "fsync", note)
        self.remove()
        self.assertEqual(synced, ["t"])

    def test_a_job_is_bounded(self):
        self.patch(remove_module, "JOB_FILES", 3)
        names = [f"t/{n}/x" for n in range(10)]
        plant(self.root, *names)
        self.remove(names)
        self.assertEqual(tree(self.root), [])
        self.assertEqual(self.lane.jobs, 4 + 4 + 1)


class FoldersTests(SynchronousTestCase):
    def test_table(self):
        for paths, expected in [
            ([], set()),
            ([("a",)], set()),
            ([("a", "b", "c"), ("a", "b", "d"), ("a", "e")], {("a",), ("a", "b")}),
        ]:
            self.assertEqual(folders_of(paths), expected)
