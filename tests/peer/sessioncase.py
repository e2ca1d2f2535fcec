"""Scripted peers against a whole session, on the simulated network."""

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import memory_folder
from tests.testing.fakepeer import FAST, FakePeer
from tests.testing.network import Network
from tests.testing.swarm import Swarm, payload

PIECE = 65536
SIZE = 40 * PIECE


class SessionCase(SynchronousTestCase):
    def setUp(self):
        self.network = Network(seed=4)
        self.clock = self.network.clock
        self.swarm = Swarm(
            self.network, payload(SIZE, piece_length=PIECE, announce=""), memory_folder(self)
        )
        self.metainfo, self.data = self.swarm.payload.metainfo, self.swarm.payload.data
        self.fakes = []

    def tearDown(self):
        for fake in self.fakes:
            fake.stop()
        self.assertEqual(self.swarm.stop(), [])

    def fake(self, node, host, *said, reserved=FAST):
        """A scripted peer that dialled the node and said this first."""
        if isinstance(host, str):
            host = self.network.host(host)
        peer_id = b"-FK0001-%012d" % len(self.fakes)
        fake = FakePeer(host, self.metainfo, self.data, reserved=reserved, peer_id=peer_id)
        fake.after_greeting = said
        fake.dial(node.address)
        self.fakes.append(fake)
        return fake

    def run_until(self, happened, limit=60.0):
        return self.clock.run_until(happened, limit)

    def link(self, node, fake):
        [link] = [
            each
            for each in node.parts.exchange.links
            if each.address.host in fake.host.addresses
        ]  # fmt: skip
        return link
