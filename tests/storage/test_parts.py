import os

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import files, folder
from txtorrent.metainfo.pieces import Geometry
from txtorrent.storage.parts import Parts


def parts(rows, location="/nowhere/x", piece_length=10):
    laid = files(*rows)
    return Parts(location, laid, Geometry(piece_length, laid[-1].end), lambda: None)


class SlotTests(SynchronousTestCase):
    def test_slots(self):
        for rows, slots in [
            ([("a", 10), ("b", 10)], []),
            ([("a", 5), ("b", 20)], [0]),
            ([("a", 1), ("b", 1), ("c", 1), ("d", 30)], [0]),
            ([("a", 15), ("b", 20), ("c", 6)], [1, 3]),
            ([("a", 15), ("empty", 0), ("", 5), ("c", 6)], []),
            ([("a", 5), ("", 3), ("c", 6)], [0]),
            ([("a", 5), ("", 13), ("c", 6)], []),
            ([("a", 25)], []),
        ]:
            self.assertEqual(parts(rows).slots, slots, rows)

    def test_places(self):
        rows = [("a", 15), ("b", 20), ("c", 6)]  # pieces 1 and 3 are shared
        for offset, length, places in [
            (0, 5, [(None, 5)]),
            (10, 10, [(0, 10)]),
            (13, 4, [(3, 4)]),
            (5, 30, [(None, 5), (0, 10), (None, 10), (10, 5)]),
            (35, 6, [(15, 5), (None, 1)]),
            (7, 0, []),
        ]:
            self.assertEqual(list(parts(rows).places(offset, length)), places, (offset, length))


class FileTests(SynchronousTestCase):
    def setUp(self):
        self.folder = os.path.join(folder(self), "state", "parts")
        self.location = os.path.join(self.folder, "x")
        self.parts = parts([("a", 5000), ("b", 90_000), ("c", 5)], self.location, 16384)
        self.b = self.parts.files[1]

    def put(self, offset, data):
        descriptor = self.parts.open(True)
        ((place, length),) = self.parts.places(offset, len(data))
        self.assertEqual(os.pwrite(descriptor, data, place), length)
        os.close(descriptor)

    def test_nothing_there(self):
        self.assertIsNone(self.parts.stat())
        self.assertFalse(self.parts.has(self.b))
        self.assertRaises(FileNotFoundError, self.parts.open, False)
        self.parts.remove()
        self.parts.sync_folder()

    def test_made_private(self):
        self.put(5000, b"x")
        self.assertEqual(os.stat(self.location).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(self.folder).st_mode & 0o777, 0o700)
        self.parts.sync_folder()
        self.parts.remove()
        self.assertEqual(os.listdir(self.folder), [])

    def test_what_there_is_of_a_file(self):
        self.put(90_112 + 4880, b"of b's end")
        self.assertTrue(self.parts.has(self.b))
        self.assertFalse(self.parts.has(self.parts.files[0]))
        path = os.path.join(self.folder, "out")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
        self.parts.copy_out(self.b, descriptor)
        found = os.pread(descriptor, 10, 90_112 + 4880 - 5000)
        self.assertEqual(
            (found, os.fstat(descriptor).st_size), (b"of b's end"[:8] + found[8:], 90_000)
        )
        os.close(descriptor)
