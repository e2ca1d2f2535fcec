"""Who sent the bad block: copies as strings, a character a block, with the senders below."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.swarm.smartban import MOST_COPIES, MOST_PIECES, BadCopy, SmartBan


def digests(blocks):
    return [block.encode() for block in blocks]


def address(letter):
    return Address(f"10.0.0.{ord(letter)}", 6881)


def copy(blocks, senders):
    return BadCopy(digests(blocks), [None if s == "?" else address(s) for s in senders])


class Guilty(SynchronousTestCase):
    def setUp(self):
        self.ban = SmartBan()

    def failed(self, blocks, senders, piece=7):
        found = self.ban.failed(piece, copy(blocks, senders))
        return "".join(sorted(chr(int(each.host.split(".")[3])) for each in found))

    def passed(self, blocks, piece=7):
        found = self.ban.passed(piece, digests(blocks))
        return "".join(sorted(chr(int(each.host.split(".")[3])) for each in found))

    def test_one_sender(self):
        for senders in ("aaaa", "a???", "?a?a"):
            self.assertEqual(self.failed("XXXX", senders), "a")
        self.assertFalse(self.ban.remembers(7))

    def test_the_blocks_that_differ(self):
        for bad, senders, guilty in [
            ("goXd", "abca", "c"),
            ("XXod", "abca", "ab"),
            ("good", "abca", ""),
            ("XooX", "?bc?", ""),
            ("XXXX", "abab", "ab"),
        ]:
            self.assertEqual(self.failed(bad, senders), "")
            self.assertTrue(self.ban.remembers(7))
            self.assertEqual(self.passed("good"), guilty, bad)
            self.assertFalse(self.ban.remembers(7))

    def test_nobody_known(self):
        self.assertEqual((self.failed("XXXX", "????"), self.passed("good")), ("", ""))

    def test_several_copies(self):
        self.failed("Xood", "abbb")
        self.failed("gXod", "acbb")
        self.assertTrue(self.ban.remembers(7))
        self.assertEqual(self.passed("good"), "ac")
        self.assertFalse(self.ban.remembers(7))

    def test_pieces_apart(self):
        self.failed("Xood", "abbb", piece=1)
        self.failed("gXod", "abbb", piece=2)
        self.assertEqual((self.passed("good", 2), self.passed("good", 3)), ("b", ""))
        self.assertEqual(self.passed("good", 1), "a")

    def test_bounded(self):
        """The oldest go: of the pieces, and of the copies of one piece."""
        for piece in range(MOST_PIECES + 1):
            self.failed("Xood", "abbb", piece)
        self.assertEqual([self.ban.remembers(p) for p in (0, 1, MOST_PIECES)], [False, True, True])
        for _ in range(100):
            self.failed("gXod", "acbb", 1)
        self.assertEqual(len(self.ban._copies[1]), MOST_COPIES)
