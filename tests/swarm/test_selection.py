"""From files to pieces, and searches in order: pictures of digits and bits."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.swarm.pictures import bitfield
from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.files import File
from txtorrent.metainfo.pieces import Geometry
from txtorrent.swarm.selection import (
    RUN,
    Priority,
    first_from,
    levels,
    piece_priorities,
    settle,
)

PIECE = 4


def files_of(picture):
    """Files as letters, a byte each: "aab" is one of two bytes and one of one. '_' is a pad, and
    '!' a file without bytes."""
    files, offset = [], 0
    for name in sorted(set(picture), key=picture.index):
        length = 0 if name == "!" else picture.count(name)
        files.append(File((name,), length, offset, pad=name == "_"))
        offset += length
    return files, Geometry(PIECE, offset)


def digits(text):
    return None if text is None else bytes(map(int, text))


class Pieces(SynchronousTestCase):
    def test_of_files(self):
        for picture, wishes, expected in [
            # One file a piece; several in one; one in several.
            ("aaaabbbbcccc", "012", "012"),
            ("abcd", "0123", "3"),
            ("abcd", "1110", "1"),
            ("aaaaaaaaaa", "1", "111"),
            # A piece is as urgent as the most urgent file in it.
            ("aaaaabbb", "30", "33"),
            ("aaaabbbbb", "03", "033"),
            ("aaabbbbbbccc", "101", "101"),
            ("aaaaaabbbbbb", "01", "011"),
            # Files without bytes are in no piece.
            ("aaaa!bbbb", "030", "00"),
            # A pad goes with the file before it, whatever is said of it.
            ("aa__bbbb", "030", "00"),
            ("aa__bbbb", "101", "11"),
            ("aaaa!____bbbb", "0330", "000"),
            ("a_______bbbb", "130", "110"),
            ("_____aaa", "31", "11"),
            ("aaaa", "0", "0"),
            # All normal.
            ("aabb", "22", None),
            ("aabb", "02", None),
            ("", "", None),
        ]:
            files, geometry = files_of(picture)
            found = piece_priorities(files, geometry, digits(wishes))
            self.assertEqual(found, digits(expected), (picture, wishes))

    def test_nothing_said(self):
        self.assertIsNone(piece_priorities(*files_of("aabb"), None))


class Settled(SynchronousTestCase):
    def test_pictures(self):
        for had, priorities, expected in [
            ("#..", "012", "#.."),
            (".#.", "012", "##."),
            ("...", "000", "###"),
            (".........", "102110101", ".#...#.#."),
        ]:
            settled = settle(bitfield(had), digits(priorities))
            self.assertEqual(settled, bitfield(expected), (had, priorities))
            self.assertEqual(settled.count, expected.count("#"))

    def test_while_all_are_wanted(self):
        have = bitfield("#..")
        for priorities in (None, "123"):
            self.assertIs(settle(have, digits(priorities)), have)


class Levels(SynchronousTestCase):
    def test_bits(self):
        pictures = ["001000010", "100010000", "010000001"]
        expected = [bitfield(picture).to_wire() for picture in pictures]
        self.assertEqual(levels(digits("213020031")), expected)

    def test_only_what_there_is(self):
        self.assertEqual(levels(digits("0131")), [b"\x20", b"\x50"])
        for priorities in (None, "000", "111", "2022"):
            self.assertIsNone(levels(digits(priorities)))


class InOrder(SynchronousTestCase):
    def test_pictures(self):
        for one, other, start, expected in [
            ("1111", "1111", 0, 0),
            ("1111", "1111", 2, 2),
            ("0110", "1010", 0, 2),
            ("0110", "1010", 3, 2),
            ("0110", "1001", 0, None),
            ("1" + "0" * 15, "1" * 16, 1, 0),
            ("0" * 9 + "11" + "0" * 9, "1" * 20, 10, 10),
            ("0" * 9 + "11" + "0" * 9, "1" * 20, 11, 9),
        ]:
            fields = [bitfield(one).bits, bitfield(other).bits]
            self.assertEqual(first_from(start, fields), expected, (one, other, start))

    def test_far_away(self):
        size = 8 * (2 * RUN + 3)
        for place in (0, 7, 8 * RUN - 1, 8 * RUN, size - 1):
            field = Bitfield(size)
            field.add(place)
            for start in (0, 1, place, (place + 1) % size, 8 * RUN, 16 * RUN + 3, size - 1):
                self.assertEqual(first_from(start, [field.bits]), place, (place, start))

    def test_same_as_one_by_one(self):
        random = Random(1)
        for _ in range(300):
            picture = "".join(random.choice("0001") for _ in range(20))
            start = random.randrange(20)
            around = [*range(start, 20), *range(start)]
            expected = next((piece for piece in around if picture[piece] == "1"), None)
            self.assertEqual(first_from(start, [bitfield(picture).bits]), expected)


class Names(SynchronousTestCase):
    def test_numbers(self):
        """They are stored: to be changed never."""
        self.assertEqual(
            [(each.name, int(each)) for each in Priority],
            [("UNWANTED", 0), ("LOW", 1), ("NORMAL", 2), ("HIGH", 3)],
        )
