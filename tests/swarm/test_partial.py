"""One piece under way: its blocks, its chunks in memory, and their way to disk."""

from twisted.trial.unittest import SynchronousTestCase

from tests.swarm.pictures import make_peer
from txtorrent.metainfo.pieces import BLOCK, Geometry
from txtorrent.swarm.buffers import BufferPool
from txtorrent.swarm.partial import CHUNK_BLOCKS, FREE, ON_DISK, RECEIVED, Partial


class PartialCase(SynchronousTestCase):
    def setUp(self):
        self.source = make_peer()

    def make(self, size, buffers=100):
        """The only piece of a torrent, of so many bytes."""
        self.pool = BufferPool(buffers * min(size, CHUNK_BLOCKS * BLOCK))
        return Partial(0, Geometry(size, size), self.pool)

    def store(self, partial, block, now=0.0):
        size = min(BLOCK, partial._size - block * BLOCK)
        return partial.store(block, bytes([block % 251]) * size, self.source, now)


class Blocks(PartialCase):
    def test_lowest_first(self):
        partial = self.make(5 * BLOCK)
        self.assertEqual([partial.take(), partial.take(2)], [[range(1)], [range(1, 3)]])
        for block in (2, 0):
            self.assertTrue(partial.release(block))
        self.assertEqual(
            [partial.take(2), partial.take(9), partial.take()],
            [[range(1), range(2, 3)], [range(3, 5)], []],
        )
        self.assertFalse(partial.has_free)

    def test_release(self):
        partial = self.make(2 * BLOCK)
        partial.take()
        partial.take_again(0)
        self.assertEqual([partial.release(0), partial.release(0)], [False, True])
        self.assertEqual([partial.release(0), partial.release(1)], [False, False])
        partial.take()
        self.store(partial, 0)
        self.assertFalse(partial.release(0))

    def test_requested_blocks(self):
        partial = self.make(5 * BLOCK)
        for _ in range(4):
            partial.take()
        partial.take_again(1)
        self.store(partial, 2)
        self.assertEqual(partial.requested_blocks(), [0, 3])

    def test_store(self):
        partial = self.make(2 * BLOCK + 100)
        for _ in range(3):
            partial.take()
        partial.take_again(1)
        self.assertEqual([self.store(partial, block) for block in (2, 1, 0)], [2, 1, 0])
        self.assertEqual((partial.missing, partial.chunks[0].missing), (0, 0))
        [(begin, data)] = partial.runs(0)
        self.assertEqual(begin, 0)
        self.assertEqual(bytes(data), bytes(BLOCK) + b"\1" * BLOCK + b"\2" * 100)
        self.assertEqual(partial.sources, [self.source] * 3)

    def test_sizes(self):
        """Of the piece in bytes: its blocks, and whether it fits one buffer."""
        for size, blocks, one_chunk in [
            (1, 1, True),
            (BLOCK, 1, True),
            (BLOCK + 1, 2, True),
            (64 * BLOCK, 64, True),
            (64 * BLOCK + 1, 65, False),
        ]:
            partial = self.make(size)
            self.assertEqual((partial.blocks, partial.one_chunk), (blocks, one_chunk), size)


class Chunks(PartialCase):
    def test_one_buffer_each(self):
        partial = self.make(130 * BLOCK + 5)
        sizes = []
        for block in range(131):
            partial.take()
            sizes.append(len(partial.chunks[block // 64].buffer))
        self.assertEqual(sizes[::64], [64 * BLOCK, 64 * BLOCK, 2 * BLOCK + 5])
        self.assertEqual(self.pool.lent, 130 * BLOCK + 5)
        self.assertEqual([chunk.missing for chunk in partial.chunks.values()], [64, 64, 3])

    def test_no_buffer(self):
        partial = self.make(65 * BLOCK, buffers=1)
        self.assertEqual((partial.take(65), partial.take()), ([range(64)], []))
        self.assertTrue(partial.has_free)

    def test_across_chunks(self):
        partial = self.make(130 * BLOCK)
        self.assertEqual(partial.take(129), [range(64), range(64, 128), range(128, 129)])
        self.assertEqual(sorted(partial.chunks), [0, 1, 2])

    def test_written_and_reopened(self):
        """A chunk spilled half done is fetched on into a buffer of its own, without those blocks
        that are on disk."""
        partial = self.make(4 * BLOCK)
        for _ in range(4):
            partial.take()
        for block in (0, 1, 3):
            self.store(partial, block)
        partial.release(2)
        chunk, runs = partial.detach(0)
        self.assertEqual(
            [(at, len(data), data[0]) for at, data in runs],
            [(0, 2 * BLOCK, 0), (3 * BLOCK, BLOCK, 3)],
        )
        self.assertEqual(list(partial.state), [ON_DISK, ON_DISK, FREE, ON_DISK])
        self.assertEqual((partial.spilled, partial.writing, self.pool.lent), (True, 1, 4 * BLOCK))
        partial.give_back(chunk)
        self.assertEqual((partial.writing, self.pool.lent), (0, 0))
        self.assertEqual((partial.take(), partial.chunks[0].missing), ([range(2, 3)], 1))
        self.store(partial, 2)
        self.assertEqual([(at, len(data)) for at, data in partial.runs(0)], [(2 * BLOCK, BLOCK)])
        self.assertEqual(partial.state[2], RECEIVED)

    def test_second_chunk(self):
        partial = self.make(67 * BLOCK - 9)
        for _ in range(67):
            partial.take()
        for block in (64, 66):
            self.store(partial, block)
        self.assertEqual(
            [(at, len(data)) for at, data in partial.runs(1)],
            [(64 * BLOCK, BLOCK), (66 * BLOCK, BLOCK - 9)],
        )

    def test_discard(self):
        partial = self.make(130 * BLOCK)
        for _ in range(70):
            partial.take()
        partial.discard()
        partial.discard()
        self.assertEqual((self.pool.lent, partial.chunks), (0, {}))

    def test_idle(self):
        """What may be spilled: nothing requested in it, nothing arrived lately."""
        partial = self.make(3 * BLOCK)
        for _ in range(2):
            partial.take()
        self.store(partial, 0, now=5.0)
        self.assertIsNone(partial.idle_chunk(10.0))
        partial.release(1)
        self.assertIsNone(partial.idle_chunk(5.0))
        self.assertEqual(partial.idle_chunk(5.1), 0)
