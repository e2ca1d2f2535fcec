"""What a user may ask for."""

from twisted.trial.unittest import SynchronousTestCase

from tests.testing import torrents
from txtorrent.metainfo.torrentfile import parse
from txtorrent.torrent.choice import Choice

FILES = {"a": bytes(20_000), "b": bytes(20_000)}


class Check(SynchronousTestCase):
    def setUp(self):
        self.metainfo = parse(torrents.make(FILES))

    def test_good(self):
        for choice in [
            Choice(),
            Choice(b"\0\3"),
            Choice(b"\0\0", 0, True),
            Choice(None, 2),
        ]:
            choice.check(self.metainfo)

    def test_bad(self):
        for choice, words in [
            (Choice(b""), "0 priorities for 2 files"),
            (Choice(b"\2\2\2"), "3 priorities for 2 files"),
            (Choice(b"\4\2"), "4 is no priority of a file"),
            (Choice(None, -1), "there is no piece -1"),
            (Choice(None, 3), "there is no piece 3"),
        ]:
            error = self.assertRaises(ValueError, choice.check, self.metainfo)
            self.assertEqual(str(error), words)
