import os
import resource
import threading

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import content, folder, noise, open_descriptors
from txtorrent.storage import filepool
from txtorrent.storage.filepool import FilePool, default_limit


class FilePoolTests(SynchronousTestCase):
    def setUp(self):
        self.before = open_descriptors()
        self.opened = []
        self.pool = FilePool(3)

    def use(self, name, owner="a", writable=False):
        def opener():
            self.opened.append(name)
            return os.open("/dev/null", os.O_RDWR)

        return self.pool.borrow((owner, name), opener, writable=writable)

    def used(self, *names):
        for name in names:
            with self.use(name) as descriptor:
                os.fstat(descriptor)

    def descriptors(self):
        return open_descriptors() - self.before

    def test_the_least_recently_used_is_closed(self):
        self.used(1, 2, 3, 1, 4)
        self.assertEqual(self.descriptors(), 3)
        self.used(1, 3, 4)
        self.assertEqual(self.opened, [1, 2, 3, 4])
        self.used(2)
        self.assertEqual(self.opened, [1, 2, 3, 4, 2])

    def test_files_in_use_stay_open(self):
        with self.use(1) as first, self.use(2), self.use(3), self.use(4), self.use(5):
            self.assertEqual(self.descriptors(), 5)
            os.fstat(first)
        self.assertEqual(self.descriptors(), 3)

    def test_drop(self):
        self.used(1, 2)
        with self.use(3, owner="b"), self.use(2) as second:
            self.pool.drop("a")
            self.assertEqual(self.descriptors(), 2)
            os.fstat(second)
        self.assertEqual(self.descriptors(), 1)
        self.used(2)
        self.assertEqual(self.opened, [1, 2, 3, 2])

    def test_opened_again_for_writing(self):
        self.used(1)
        with self.use(1), self.use(1, writable=True), self.use(1):
            pass
        self.assertEqual(self.opened, [1, 1])
        self.assertEqual(self.descriptors(), 1)

    def test_errors_leave_nothing(self):
        def opener():
            raise PermissionError

        with self.assertRaises(PermissionError), self.pool.borrow(("a", 1), opener, writable=True):
            self.fail()
        with self.assertRaises(ZeroDivisionError), self.use(1):
            raise ZeroDivisionError
        self.pool.close_unused()
        self.assertEqual(self.descriptors(), 0)

    def test_two_threads_open_one_file(self):
        both = threading.Barrier(2, timeout=30)
        seen = []

        def opener():
            both.wait()
            return os.open("/dev/null", os.O_RDONLY)

        def borrow():
            with self.pool.borrow(("a", 1), opener, writable=False) as descriptor:
                both.wait()
                seen.append(descriptor)

        threads = [threading.Thread(target=borrow) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(self.descriptors(), 1)

    def tearDown(self):
        self.pool.close_unused()
        self.assertEqual(self.descriptors(), 0)


class BudgetTests(SynchronousTestCase):
    def limited(self, count):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))

    def test_default_limit(self):
        for soft, limit in [(20, 16), (64, 16), (256, 64), (1024, 256), (65536, 1024)]:
            self.patch(filepool.resource, "getrlimit", lambda _, soft=soft: (soft, soft))
            self.assertEqual(default_limit(), limit, soft)
        infinity = resource.RLIM_INFINITY
        self.patch(filepool.resource, "getrlimit", lambda _: (infinity, infinity))
        self.assertEqual(default_limit(), 1024)

    def test_many_files_with_few_descriptors(self):
        """E9: a torrent of 300 files where hardly any descriptor is left, however few."""
        rows = [(f"t/{n % 7}/{n}", 100) for n in range(300)]
        data = noise(300 * 100)
        self.limited(open_descriptors() + 16)
        for spare in range(16, 3, -1):
            many = content(folder(self), rows, pool=FilePool(1000))
            many.create()
            many.write(0, data)
            self.assertEqual(many.read(0, len(data)), data, spare)
            many.sync()
            self.assertEqual(len(many.stat()), 300)
            many.close()
            self.assertEqual(many.pool.open_count, 0)
            self.addCleanup(os.close, os.open("/dev/null", os.O_RDONLY))
