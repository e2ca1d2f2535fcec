"""Lists of addresses to keep out, in all their formats."""

import gzip
import io
import sys

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm import blocklist
from txtorrent.swarm.blocklist import Blocklist, BlocklistError, load, parse

# (a line, addresses that it blocks, addresses that it does not block)
LINES = [
    ("001.002.003.010 - 001.002.003.020 , 000 , Some Org",
     ("1.2.3.10", "1.2.3.15", "1.2.3.20"), ("1.2.3.9", "1.2.3.21")),
    ("1.2.3.10 - 1.2.3.20 , 127 , a, b", ("1.2.3.10",), ()),
    ("1.2.3.10 - 1.2.3.20 , 128 , allowed", (), ("1.2.3.10",)),
    ("1.2.3.10-1.2.3.20,100", ("1.2.3.10",), ()),
    ("1.2.3.10 - 1.2.3.255 , 0", ("1.2.3.255",), ("1.2.4.0",)),
    ("0.0.0.0 - 0.0.0.0", ("0.0.0.0",), ("0.0.0.1",)),
    ("010.000.000.008 - 010.000.000.009", ("10.0.0.8", "10.0.0.9"), ("8.0.0.8",)),
    ("Some Org:1.2.3.10-1.2.3.20", ("1.2.3.10", "1.2.3.20"), ("1.2.3.21",)),
    ("Org: with: colons 10.0.0.0-10.1.1.1:1.2.3.10-1.2.3.20", ("1.2.3.10",), ("10.0.0.0",)),
    ("\xe4\xf6:1.2.3.10-1.2.3.20", ("1.2.3.10",), ()),
    (":1.2.3.10-1.2.3.20", ("1.2.3.10",), ()),
    ("1.2.3.0/24", ("1.2.3.0", "1.2.3.255"), ("1.2.2.255", "1.2.4.0")),
    ("1.2.3.77/24", ("1.2.3.0", "1.2.3.255"), ("1.2.2.255", "1.2.4.0")),
    ("1.2.3.4", ("1.2.3.4", "::ffff:1.2.3.4"), ("1.2.3.3", "1.2.3.5", "::1.2.3.4")),
    ("0.0.0.0/0", ("0.0.0.0", "255.255.255.255"), ("::1",)),
    ("  1.2.3.4\t\r", ("1.2.3.4",), ()),
    ("2001:db8::/32", ("2001:db8::", "2001:db8:ffff::1"), ("2001:db7::", "2001:db9::", "1.2.3.4")),
    ("2001:db8::5", ("2001:db8::5",), ("2001:db8::4", "2001:db8::6")),
    ("2001:db8::5 - 2001:db8::9", ("2001:db8::5", "2001:db8::9"), ("2001:db8::a",)),
    ("2001:db8::5-2001:db8::9 , 200 , x", (), ("2001:db8::5",)),
    ("::/0", ("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ("0.0.0.0",)),
    ("", (), ("1.2.3.4",)),
    ("# 1.2.3.4", (), ("1.2.3.4",)),
    ("// 1.2.3.4", (), ("1.2.3.4",)),
    ("; 1.2.3.4", (), ("1.2.3.4",)),
]  # fmt: skip

WRONG = [
    "1.2.3.256 - 1.2.3.257 , 000 , x",
    "1.2.3.20 - 1.2.3.10",
    "1.2.3.0/33",
    "1.2.3 - 1.2.4",
    "1.2.3.4 - 2001:db8::1",
    "2001:db8::9 - 2001:db8::5",
    "1.2.3.4.5",
    "1.2.3.4 , x",
    "an organisation",
    "<html>",
    "\u0661.2.3.4",
    "-",
]


def parsed(text):
    return parse(io.BytesIO(text.encode("utf-8")))


class Lines(SynchronousTestCase):
    def test_right(self):
        for line, blocked, free in LINES:
            with self.subTest(line):
                found, errors = parsed(line)
                self.assertEqual(errors.count, 0)
                self.assertEqual([host for host in blocked if not found.blocks(host)], [])
                self.assertEqual([host for host in free if found.blocks(host)], [])

    def test_wrong_ones_are_counted_and_the_others_count(self):
        for line in WRONG:
            with self.subTest(line):
                found, errors = parsed(f"5.5.5.5\n\n{line}\n6.6.6.6")
                self.assertEqual((errors.count, found.rules), (1, 2))
                self.assertTrue(errors.first[0].startswith("line 3: "))
                self.assertTrue(found.blocks("6.6.6.6"))

    def test_not_every_error_is_told(self):
        _, errors = parsed("1.2.3.4\n" + "x\x1b\n" * 100)
        self.assertEqual((errors.count, len(errors.first)), (100, 5))
        self.assertEqual(errors.first[0], "line 2: 'x\\x1b'")

    def test_a_line_without_end(self):
        _, errors = parsed("1.2.3.4\n" + "x" * 10_000)
        self.assertEqual(errors.count, 3)


class Files(SynchronousTestCase):
    def test_gzip(self):
        found, _ = parse(io.BytesIO(gzip.compress(b"1.2.3.4\n2001:db8::/32\n")))
        self.assertTrue(found.blocks("1.2.3.4"))
        self.assertEqual(found.rules, 2)

    def test_damaged_gzip(self):
        whole = gzip.compress(b"1.2.3.4\n" * 1000)
        for raw in (whole[:-9], whole[:30], whole[:15] + b"\xff" * 20, b"\x1f\x8b"):
            error = self.assertRaises(BlocklistError, parse, io.BytesIO(raw))
            self.assertIn("damaged", str(error))

    def test_load(self):
        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write("1.2.3.4\n")
        self.assertTrue(load(path)[0].blocks("1.2.3.4"))
        self.assertRaises(FileNotFoundError, load, self.mktemp())

    def test_what_is_no_list(self):
        error = self.assertRaises(BlocklistError, parsed, "\n<html>\nNot found\n")
        self.assertEqual(str(error), "there is no address range in it: line 2: '<html>'")

    def test_empty(self):
        found, errors = parsed("# nothing yet\n")
        self.assertEqual((found.rules, errors.count, found.blocks("1.2.3.4")), (0, 0, False))

    def test_bomb(self):
        self.patch(blocklist, "MAX_SIZE", 10_000)
        raw = gzip.compress(b"1.2.3.4\n" * 10_000)
        error = self.assertRaises(BlocklistError, parse, io.BytesIO(raw))
        self.assertEqual(str(error), "the list has more than 10000 bytes")

    def test_too_many(self):
        self.patch(blocklist, "MAX_RANGES", 2)
        error = self.assertRaises(BlocklistError, parsed, "1.1.1.1\n::5\n3.3.3.3\n")
        self.assertEqual(str(error), "the list has more than 2 ranges")


class Ranges(SynchronousTestCase):
    """Pictures: a character an address, '#' where it is blocked."""

    def picture(self, *ranges, version=4):
        begin = 0x01020300 if version == 4 else 0x20010DB8 << 96
        moved = [(begin + first, begin + last) for first, last in ranges]
        found = Blocklist(moved) if version == 4 else Blocklist((), moved)
        host = "1.2.3.{}" if version == 4 else "2001:db8::{:x}"
        return "".join(".#"[found.blocks(host.format(each))] for each in range(12))

    def test_merging(self):
        for ranges, picture in (
            ([], "............"),
            ([(2, 3)], "..##........"),
            ([(2, 3), (4, 5)], "..####......"),
            ([(2, 3), (5, 6)], "..##.##....."),
            ([(5, 6), (2, 3)], "..##.##....."),
            ([(2, 9), (3, 4)], "..########.."),
            ([(2, 9), (3, 4), (10, 10)], "..#########."),
            ([(2, 4), (3, 6), (2, 2)], "..#####....."),
            ([(0, 0), (11, 11)], "#..........#"),
            ([(4, 4), (4, 4)], "....#......."),
        ):
            for version in (4, 6):
                with self.subTest(f"{ranges} {version}"):
                    self.assertEqual(self.picture(*ranges, version=version), picture)

    def test_any_order(self):
        self.patch(blocklist, "SORTED_AT_ONCE", 2)
        for ranges in ([(9, 9), (2, 3), (7, 7), (4, 4), (0, 0)], [(0, 0), (9, 9), (2, 4), (7, 7)]):
            for version in (4, 6):
                self.assertEqual(self.picture(*ranges, version=version), "#.###..#.#..")

    def test_ends_of_the_address_space(self):
        found = Blocklist([(0, 0), (2**32 - 1, 2**32 - 1)], [(0, 0), (2**128 - 1, 2**128 - 1)])
        for host, blocked in (
            ("0.0.0.0", True),
            ("0.0.0.1", False),
            ("255.255.255.255", True),
            ("255.255.255.254", False),
            ("::", True),
            ("::2", False),
            ("ffff:" * 7 + "ffff", True),
            ("ffff:" * 7 + "fffe", False),
        ):
            self.assertEqual(found.blocks(host), blocked, host)

    def test_what_is_no_address(self):
        found = Blocklist([(0, 2**32 - 1)])
        for host in ("", "example.org", "1.2.3", "1.2.3.4.5"):
            self.assertFalse(found.blocks(host), host)

    def test_memory(self):
        """Half a million ranges take 20 MB at most."""
        found = Blocklist((each << 12, (each << 12) + 7) for each in range(500_000))
        self.assertEqual(found.rules, 500_000)
        size = sum(map(sys.getsizeof, (found._first4, found._last4)))
        self.assertLess(size, 8_000_000)
        self.assertTrue(found.blocks("1.2.0.7"))
        self.assertFalse(found.blocks("1.2.0.8"))
