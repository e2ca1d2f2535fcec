from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.testing import torrents
from txtorrent.bencode import decode
from txtorrent.metainfo.infodict import PIECE, assemble, piece_count, piece_length
from txtorrent.metainfo.magnet import Magnet
from txtorrent.metainfo.torrentfile import parse

HASH = b"h" * 20


class PieceTests(SynchronousTestCase):
    def test_how_it_is_cut(self) -> None:
        """(size, bytes of each piece)"""
        for size, lengths in [
            (1, [1]),
            (PIECE - 1, [PIECE - 1]),
            (PIECE, [PIECE]),
            (PIECE + 1, [PIECE, 1]),
            (2 * PIECE, [PIECE, PIECE]),
        ]:
            found = [piece_length(size, piece) for piece in range(piece_count(size))]
            self.assertEqual(found, lengths, size)
            self.assertLessEqual(piece_length(size, len(lengths)), 0)


class AssembleTests(SynchronousTestCase):
    def test_the_torrent_again(self) -> None:
        metainfo = parse(torrents.make({"a": b"x" * 40_000, "b/c": b"y"}, name="dir"))
        tiers = (("http://a/", "http://b/"), ("udp://c:1",))
        again = parse(assemble(metainfo.info, Magnet(HASH, "other", tiers, ("http://w/",))))
        self.assertEqual(again.info_hash, metainfo.info_hash)
        self.assertEqual(again.info, metainfo.info)
        self.assertEqual(again.name, "dir")
        self.assertEqual(again.announce_tiers, tiers)
        self.assertEqual(again.url_list, ("http://w/",))

    def test_bytes(self) -> None:
        """(link, the file)"""
        one = Magnet(HASH, tiers=(("http://a/",),))
        seeds = Magnet(HASH, url_list=("http://w/",))
        for magnet, raw in [
            (Magnet(HASH), b"d4:infoINFOe"),
            (one, b"d8:announce9:http://a/13:announce-listll9:http://a/ee4:infoINFOe"),
            (seeds, b"d4:infoINFO8:url-listl9:http://w/ee"),
        ]:
            self.assertEqual(assemble(b"INFO", magnet), raw)

    @given(st.permutations([b"4:name1:x", b"6:lengthi1e", b"12:piece lengthi1e"]))
    @settings(deadline=None)
    def test_the_info_is_not_encoded_again(self, parts) -> None:
        """One whose keys are not sorted keeps its info-hash."""
        info = b"d" + b"".join(parts) + b"6:pieces20:" + HASH + b"e"
        metainfo = parse(assemble(info, Magnet(HASH, tiers=(("http://a/",),))))
        self.assertEqual(metainfo.info, info)
        keys = list(decode(metainfo.raw))
        self.assertEqual(keys, sorted(keys))
