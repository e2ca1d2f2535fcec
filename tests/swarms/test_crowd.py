"""Many leechers and one seed: the crowd serves itself; the same chance gives the same swarm."""

from tests.swarms.case import SwarmCase
from tests.testing.torrents import content

CONTENT = content("crowd", 8_000_000)


class Crowd(SwarmCase):
    def crowd(self, count, seed=1, piece_length=131072):
        """A seed with 1 MB/s and leechers with as much each."""
        swarm = self.swarm(CONTENT, seed=seed, piece_length=piece_length)
        seed = swarm.add_seed(up=1_000_000)
        leechers = [swarm.add_leecher(up=1_000_000, down=4_000_000) for _ in range(count)]
        return swarm, seed, leechers

    def test_flash_crowd(self):
        """30 leechers at once, for whom the seed alone would need 240 s. Twice the same."""
        outcomes = []
        for _ in range(2):
            swarm, seed, leechers = self.crowd(30)
            swarm.run_until_complete(limit=60)
            self.assertLess(swarm.copies(seed), 4)
            self.assertLess(swarm.waste(), 0.07)
            outcomes.append([(each.completed_at, each.uploaded) for each in swarm.nodes])
        self.assertWhole(*leechers)
        self.assertEqual(*outcomes)

    def test_seeds_part(self):
        """They have nothing to say to each other, once the last of them is complete."""
        swarm, *_ = self.crowd(5)
        swarm.run_until_complete(limit=60)
        swarm.run(1)
        self.assertEqual([node.linked for node in swarm.nodes if node.linked], [])

    def test_the_seed_leaves(self):
        """As soon as every piece is somewhere; the eight leechers have what they need."""
        swarm, seed, leechers = self.crowd(8, piece_length=32768)
        pieces = swarm.payload.metainfo.geometry.piece_count

        def all_given():
            given = 0
            for each in leechers:
                given |= int.from_bytes(each.torrent.progress.have.to_wire(), "big")
            return given.bit_count() == pieces

        swarm.run_until(all_given)
        self.assertFalse(all(each.is_complete for each in leechers))
        seed.kill()
        swarm.run_until_complete(*leechers, limit=60)
        self.assertWhole(*leechers)
