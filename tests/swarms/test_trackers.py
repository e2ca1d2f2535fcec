"""What trackers are asked, and when: no sooner than they allow, and when peers run out."""

from itertools import pairwise

from tests.swarms.case import SwarmCase
from txtorrent.address import Address
from txtorrent.wire.announce import Event


class Asking(SwarmCase):
    def test_again_when_half_of_the_peers_are_gone(self):
        """At the next moment that the tracker allows, long before its interval is over."""
        swarm = self.swarm(1_000_000, tracker={"interval": 1800, "min_interval": 120})
        others = [swarm.add_leecher() for _ in range(8)]
        node = swarm.add_leecher()
        swarm.run(300)
        self.assertEqual(len(node.linked), 8)
        self.assertEqual(len(swarm.tracker.from_host(node.host.name)), 1)
        for other in others[:6]:
            other.kill()
        swarm.run(100)
        self.assertEqual(len(swarm.tracker.from_host(node.host.name)), 2)
        swarm.run(1000)
        times = [each.at for each in swarm.tracker.from_host(node.host.name)]
        pauses = [after - before for before, after in pairwise(times)]
        self.assertGreaterEqual(min(pauses), 120)
        self.assertLessEqual(len(times), 2 + 1000 / 120)

    def test_not_while_they_are_dialled(self):
        """Peers that are being dialled are not gone."""
        silent = [Address(f"40.{n}.0.1", 6881) for n in range(20)]
        swarm = self.swarm(1_000_000, tracker={"extra": silent})
        node = swarm.add_leecher()
        swarm.run(5)
        self.assertEqual(len(node.parts.connections._dialling), 20)
        self.assertFalse(node.parts.connections.is_thin)
        swarm.run(15)
        self.assertTrue(node.parts.connections.is_thin)

    def test_a_seed_keeps_to_the_interval(self):
        """Leechers come to it by themselves: it need not ask for them, be there none at all."""
        swarm = self.swarm(1_000_000, tracker={"interval": 1800, "min_interval": 60})
        seed = swarm.add_seed()
        swarm.run(1700)
        self.assertEqual(len(swarm.tracker.from_host(seed.host.name)), 1)
        swarm.run(300)
        self.assertEqual(len(swarm.tracker.from_host(seed.host.name)), 2)

    def test_the_story_of_a_download(self):
        swarm = self.swarm(1_000_000)
        seed, leecher = swarm.add_seed(), swarm.add_leecher()
        swarm.run_until_complete()
        swarm.run(2)
        leecher.stop()
        story = [
            (each.event, each.left, each.downloaded)
            for each in swarm.tracker.from_host(leecher.host.name)
        ]
        self.assertEqual(
            story,
            [
                (Event.STARTED, 1_000_000, 0),
                (Event.COMPLETED, 0, 1_000_000),
                (Event.STOPPED, 0, 1_000_000),
            ],
        )
        seed.stop()
        events = [each.event for each in swarm.tracker.from_host(seed.host.name)]
        self.assertEqual(events, [Event.STARTED, Event.STOPPED])

    def test_a_second_tier_when_the_first_is_dead(self):
        tiers = [["http://8.8.8.8/announce"], ["http://9.9.9.9/announce"]]
        swarm = self.swarm(300_000, announce=tiers)
        swarm.add_seed()
        leecher = swarm.add_leecher()
        swarm.run_until_complete(limit=120)
        self.assertWhole(leecher)
