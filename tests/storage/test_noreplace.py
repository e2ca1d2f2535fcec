import errno
import os

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import folder, plant, tree
from txtorrent.storage import noreplace


class RenameTests(SynchronousTestCase):
    def setUp(self):
        self.root = folder(self)
        self.folder = os.open(self.root, os.O_RDONLY)
        self.addCleanup(os.close, self.folder)

    def rename(self, source, target):
        noreplace.rename(source, target, source_folder=self.folder, target_folder=self.folder)

    def check(self):
        plant(self.root, "a", "b", "c/d")
        for target in ("b", "c"):
            error = self.assertRaises(FileExistsError, self.rename, "a", target)
            self.assertEqual(error.errno, errno.EEXIST)
        self.assertRaises(FileNotFoundError, self.rename, "none", "new")
        os.symlink("nowhere", os.path.join(self.root, "link"))
        self.assertRaises(FileExistsError, self.rename, "a", "link")
        self.rename("a", "e")
        self.rename("c", "f")
        self.assertEqual(tree(self.root), ["b", "e", "f", "f/d", "link"])

    def test_by_the_kernel(self):
        self.check()

    def test_a_system_without_the_call(self):
        self.patch(noreplace, "_renameat2", None)
        self.check()

    def test_a_file_system_without_the_flag(self):
        def refuse(*arguments):
            noreplace.ctypes.set_errno(errno.EINVAL)
            return -1

        self.patch(noreplace, "_renameat2", refuse)
        self.check()
