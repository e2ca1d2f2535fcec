import os
from hashlib import sha1

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import content, folder, noise
from txtorrent.storage import hashing
from txtorrent.storage.content import StorageMissing
from txtorrent.storage.hashing import (
    block_digests,
    block_digests_on_disk,
    verify_and_write,
    verify_and_write_all,
    verify_on_disk,
    zeros_sha1,
)


class HashingTests(SynchronousTestCase):
    def setUp(self):
        self.root = folder(self)
        self.content = content(self.root, [("t/a", 50000), ("t/b", 50000)], 65536)
        self.content.create()
        self.addCleanup(self.content.close)
        self.data = noise(100000)

    def test_a_good_piece_is_written(self):
        for data in (self.data, bytearray(self.data), memoryview(self.data)):
            self.assertTrue(
                verify_and_write(self.content, 0, data[:65536], sha1(data[:65536]).digest())
            )
        self.assertEqual(self.content.read(0, 65536), self.data[:65536])

    def test_a_bad_piece_is_not(self):
        self.assertFalse(verify_and_write(self.content, 0, self.data[:65536], bytes(20)))
        self.assertEqual(os.listdir(os.path.join(self.root, "t")), [])

    def test_several_are_judged_one_by_one(self):
        first, second = self.data[:65536], self.data[65536:]
        good, bad = sha1(second).digest(), bytes(20)
        found = verify_and_write_all(self.content, [(0, first, bad), (65536, second, good)])
        self.assertEqual(found, [False, True])
        self.assertEqual(self.content.read(65536, len(second)), second)
        self.assertEqual(os.listdir(os.path.join(self.root, "t")), ["b"])

    def test_verify_on_disk(self):
        self.patch(hashing, "READ_SIZE", 7000)
        self.patch(hashing, "_buffers", type(hashing._buffers)())
        expected = sha1(self.data[65536:]).digest()
        self.assertFalse(verify_on_disk(self.content, 65536, 34464, expected))  # missing
        self.content.write(65536, self.data[65536:-1])
        self.assertFalse(verify_on_disk(self.content, 65536, 34464, expected))  # short
        self.content.write(65536, self.data[65536:])
        self.assertTrue(verify_on_disk(self.content, 65536, 34464, expected))
        self.content.write(99999, b"\0" if self.data[-1] else b"\1")
        self.assertFalse(verify_on_disk(self.content, 65536, 34464, expected))

    def test_missing_storage_is_no_bad_piece(self):
        os.rename(os.path.join(self.root, "t"), os.path.join(self.root, "u"))
        self.assertRaises(StorageMissing, verify_on_disk, self.content, 0, 10, bytes(20))

    def test_block_digests(self):
        piece = bytearray(self.data[:40000])
        good = block_digests(piece, b"key")
        self.assertEqual([len(digest) for digest in good], [16, 16, 16])
        self.content.write(10000, piece)
        self.assertEqual(block_digests_on_disk(self.content, 10000, 40000, b"key"), good)
        self.assertNotEqual(block_digests(piece, b"other"), good)
        piece[16384] ^= 1
        changed = block_digests(piece, b"key")
        self.assertEqual([a == b for a, b in zip(good, changed, strict=True)], [True, False, True])

    def test_zeros(self):
        self.patch(hashing, "READ_SIZE", 1000)
        for length in (0, 1, 999, 1000, 1001, 5000, 5500):
            self.assertEqual(zeros_sha1(length), sha1(bytes(length)).digest())
