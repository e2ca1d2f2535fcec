from twisted.trial.unittest import SynchronousTestCase

from txtorrent.metainfo.pieces import BLOCK, Geometry


class GeometryTests(SynchronousTestCase):
    def test_counts_and_last_piece(self) -> None:
        # piece length, total -> pieces, blocks of a full piece, bytes and blocks of the last
        rows = [
            (BLOCK, 1, 1, 1, 1, 1),
            (BLOCK, BLOCK, 1, 1, BLOCK, 1),
            (BLOCK, BLOCK + 1, 2, 1, 1, 1),
            (4 * BLOCK, 10 * BLOCK, 3, 4, 2 * BLOCK, 2),
            (4 * BLOCK, 8 * BLOCK + 5, 3, 4, 5, 1),
            (4 * BLOCK, 9 * BLOCK + 5, 3, 4, BLOCK + 5, 2),
            (20000, 60000, 3, 2, 20000, 2),
            (1000, 2500, 3, 1, 500, 1),
            (1, 3, 3, 1, 1, 1),
            (2**29, 2**48 - 1, 2**19, 2**15, 2**29 - 1, 2**15),
        ]
        for piece_length, total, pieces, blocks, last_size, last_blocks in rows:
            geometry = Geometry(piece_length, total)
            last = pieces - 1
            self.assertEqual(geometry.piece_count, pieces)
            self.assertEqual(geometry.blocks_per_piece, blocks)
            self.assertEqual(geometry.piece_size(last), last_size)
            self.assertEqual(geometry.block_count(last), last_blocks)
            self.assertEqual(geometry.piece_offset(last) + last_size, total)
            if last:
                self.assertEqual(geometry.piece_size(0), piece_length)
                self.assertEqual(geometry.block_count(0), blocks)

    def test_blocks(self) -> None:
        geometry = Geometry(2 * BLOCK + 100, 2 * (2 * BLOCK + 100) + BLOCK + 40)
        sizes = [
            [geometry.block_size(piece, block) for block in range(geometry.block_count(piece))]
            for piece in range(geometry.piece_count)
        ]
        self.assertEqual(sizes, [[BLOCK, BLOCK, 100], [BLOCK, BLOCK, 100], [BLOCK, 40]])
        self.assertEqual(sum(map(sum, sizes)), geometry.total)

    def test_outside(self) -> None:
        geometry = Geometry(4 * BLOCK, 9 * BLOCK)
        for piece in (-1, 3, 4):
            for ask in (geometry.piece_size, geometry.piece_offset, geometry.block_count):
                with self.assertRaises(IndexError):
                    ask(piece)
        for piece, block in [(0, -1), (0, 4), (2, 1), (3, 0)]:
            with self.assertRaises(IndexError):
                geometry.block_size(piece, block)

    def test_an_empty_torrent_has_no_pieces(self) -> None:
        geometry = Geometry(BLOCK, 0)
        self.assertEqual(geometry.piece_count, 0)
        with self.assertRaises(IndexError):
            geometry.piece_size(0)
        with self.assertRaises(IndexError):
            geometry.piece_size(-1)

    def test_piece_range(self) -> None:
        geometry = Geometry(10, 35)
        rows = [
            (0, 1, range(1)),
            (0, 10, range(1)),
            (0, 11, range(2)),
            (9, 1, range(1)),
            (9, 2, range(2)),
            (10, 10, range(1, 2)),
            (0, 35, range(4)),
            (34, 1, range(3, 4)),
            (10, 0, range(0)),
            (35, 0, range(0)),
        ]
        for offset, length, pieces in rows:
            self.assertEqual(geometry.piece_range(offset, length), pieces, (offset, length))
        for offset, length in [(-1, 2), (0, 36), (35, 1), (5, -1)]:
            with self.assertRaises(ValueError):
                geometry.piece_range(offset, length)

    def test_impossible(self) -> None:
        for piece_length, total in [(0, 1), (-1, 1), (BLOCK, -1)]:
            with self.assertRaises(ValueError):
                Geometry(piece_length, total)

    def test_equality(self) -> None:
        self.assertEqual(Geometry(10, 35), Geometry(10, 35))
        self.assertNotEqual(Geometry(10, 35), Geometry(10, 36))
