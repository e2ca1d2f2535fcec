"""Pieces that peers have no longer (BEP 54)."""

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.extensions import FakeSwarm
from txtorrent.extension.donthave import KIND
from txtorrent.wire.stream import ProtocolError


class DontHaveTests(SynchronousTestCase):
    def setUp(self):
        self.swarm = FakeSwarm()
        self.extension = KIND.make(self.swarm)
        self.link = self.swarm.connect("20.0.0.1")

    def test_told(self):
        for piece in (0, 7):
            self.extension.received(self.link, piece.to_bytes(4, "big"))
        self.assertEqual(self.swarm.taken_back, [(self.link, 0), (self.link, 7)])

    def test_wrong(self):
        for payload in (b"", b"\0", b"\0\0\0", bytes(5), bytes(3) + b"\x08", b"\xff" * 4):
            with self.assertRaises(ProtocolError, msg=payload):
                self.extension.received(self.link, payload)
        self.assertEqual(self.swarm.taken_back, [])

    def test_for_all_torrents(self):
        self.swarm.is_private = True
        self.assertEqual((KIND.name, KIND.applies(self.swarm)), (b"lt_donthave", True))
