"""What every test of whole swarms does: build one, and see that it leaves nothing behind."""

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import memory_folder
from tests.testing.network import Network
from tests.testing.swarm import Swarm, payload


class SwarmCase(SynchronousTestCase):
    """A test of swarms. Each is stopped at the end, which must leave nothing at all."""

    def setUp(self):
        self.swarms = []

    def tearDown(self):
        for swarm in self.swarms:
            self.assertEqual(swarm.stop(), [])

    def swarm(self, content=1_000_000, seed=1, tracker=None, **options):
        """A swarm without peers, of a torrent with this content."""
        network = Network(seed)
        made = Swarm(network, payload(content, **options), memory_folder(self), **(tracker or {}))
        self.swarms.append(made)
        return made

    def assertNear(self, value, expected, share):
        """It is off by at most this share."""
        self.assertLess(abs(value - expected), share * expected, value)

    def assertWhole(self, *nodes):
        """Each has every byte, on disk."""
        for node in nodes:
            self.assertTrue(node.is_complete, node.host)
            self.assertEqual(node.data(), node.payload.data, node.host)
