"""The numbers of a torrent of which some pieces are wanted: a digit is a piece's priority."""

from twisted.trial.unittest import SynchronousTestCase

from tests.swarm.pictures import bitfield
from tests.testing import torrents
from txtorrent.metainfo.pieces import BLOCK
from txtorrent.metainfo.torrentfile import parse
from txtorrent.swarm.rate import Rate
from txtorrent.torrent.progress import Progress

SHORT = 1000
"""Bytes of the last piece."""


def progress(had, priorities=None):
    size = (len(had) - 1) * BLOCK + SHORT
    made = Progress(parse(torrents.make(bytes(size))), bitfield(had), Rate(0.0), Rate(0.0))
    if priorities:
        made.choose(bytes(map(int, priorities)))
    return made


class Numbers(SynchronousTestCase):
    def test_table(self):
        for had, priorities, wanted, left, missing, complete in [
            ("...", None, 2 * BLOCK + SHORT, 2 * BLOCK + SHORT, 2 * BLOCK + SHORT, False),
            ("#..", None, 2 * BLOCK + SHORT, BLOCK + SHORT, BLOCK + SHORT, False),
            ("###", None, 2 * BLOCK + SHORT, 0, 0, True),
            ("#..", "120", 2 * BLOCK, BLOCK, BLOCK + SHORT, False),
            ("##.", "120", 2 * BLOCK, 0, SHORT, True),
            ("#..", "022", BLOCK + SHORT, BLOCK + SHORT, BLOCK + SHORT, False),
            ("..#", "003", SHORT, 0, 2 * BLOCK, True),
            ("...", "000", 0, 0, 2 * BLOCK + SHORT, True),
        ]:
            made = progress(had, priorities)
            found = made.wanted_size, made.left, made.missing, made.is_complete
            self.assertEqual(found, (wanted, left, missing, complete), (had, priorities))
            self.assertEqual(made.fraction, 1 - left / wanted if wanted else 1.0)
            self.assertEqual(made.size, 2 * BLOCK + SHORT)

    def test_what_a_check_finds(self):
        made = progress("#..", "202")
        made.restore(bitfield("..."))
        self.assertEqual((made.left, made.is_complete), (BLOCK + SHORT, False))
        for piece in (0, 1, 2):
            made.found(piece)
        self.assertEqual((made.left, made.have, made.is_complete), (0, bitfield("###"), True))
        self.assertEqual((made.have.count, made.settled.count), (3, 3))

    def test_all_normal_again(self):
        made = progress("#..", "200")
        made.choose(None)
        self.assertIs(made.settled, made.have)
        self.assertEqual((made.wanted_size, made.is_complete), (made.size, False))
