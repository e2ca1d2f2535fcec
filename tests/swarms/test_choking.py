"""Who gives, gets: free riders come last while there is something to trade (THREATS B9)."""

from random import Random

from tests.swarms.case import SwarmCase
from tests.swarms.strange import free_riding

PIECE = 32768


def half(data, seed):
    """The content without half of its pieces, which ones is a matter of chance."""
    holes = bytearray(data)
    count = len(data) // PIECE
    for piece in Random(seed).sample(range(count), count // 2):
        holes[piece * PIECE : (piece + 1) * PIECE] = bytes(PIECE)
    return bytes(holes)


class FreeRiders(SwarmCase):
    def test_givers_are_served_first(self):
        """Eight peers have a half each and trade; three take and give nothing."""
        swarm = self.swarm(192 * PIECE, piece_length=PIECE)
        line = {"settings": {"upload_rate": 50_000}}
        data = swarm.payload.data
        givers = [swarm.add(half(data, seed), **line) for seed in range(8)]
        riders = [swarm.add_leecher(change=free_riding, **line) for _ in range(3)]
        swarm.run(20)  # until each knows who gives
        before = self.mean(givers), self.mean(riders)
        swarm.run(30)
        given, taken = self.mean(givers) - before[0], self.mean(riders) - before[1]
        self.assertGreater(given, 2 * taken)
        self.assertEqual([each.uploaded for each in riders], [0, 0, 0])

    def mean(self, nodes):
        return sum(each.downloaded for each in nodes) / len(nodes)

    def test_a_seed_serves_all_in_turn(self):
        """With a few slots and one at random, twelve leechers get alike, be they free riders."""
        swarm = self.swarm(128 * PIECE, piece_length=PIECE)
        swarm.add_seed(settings={"upload_rate": 50_000})
        riders = [swarm.add_leecher(change=free_riding) for _ in range(12)]
        swarm.run(800)
        got = [each.downloaded for each in riders]
        self.assertGreater(min(got), max(got) / 2)
