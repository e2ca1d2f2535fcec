"""One seed and one leecher: every kind of torrent arrives whole, over IPv4 and IPv6."""

from tests.swarms.case import SwarmCase


class Two(SwarmCase):
    def test_ipv4(self):
        swarm = self.swarm(1_000_000)
        seed, leecher = swarm.add_seed(up=500_000), swarm.add_leecher()
        took = swarm.run_until_complete()
        print("took", took, leecher.wasted, seed.uploaded)
        self.assertWhole(leecher)
