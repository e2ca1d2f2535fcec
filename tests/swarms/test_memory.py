"""When memory is short it is shared: many slow peers bring all that they can."""

from tests.swarms.case import SwarmCase
from txtorrent.swarm.window import MOST
from txtorrent.torrent.exchange import LEAST_SHARE

MIB = 1024 * 1024
SEEDS, LINE = 30, 500_000
"""Seeds, and bytes/s of each: 30 blocks. Each is worth a window of 16 blocks, half a second."""
BUFFERS = 4 * MIB
"""Bytes: what half of these windows would fill, if a few seeds had them."""


class ShortOfMemory(SwarmCase):
    def seeds(self, swarm, *rates):
        """Seeds that upload so many bytes/s, all of the same files: they take memory as well."""
        first = swarm.add_seed(up=rates[0])
        for rate in rates[1:]:
            swarm.add_leecher(up=rate, directory=first.directory)

    def test_nobody_sits_on_what_others_could_fill(self):
        swarm = self.swarm(64 * MIB, piece_length=MIB)
        self.seeds(swarm, *[LINE] * SEEDS)
        leecher = swarm.add_leecher()
        leecher.session._shared.buffers._limit = BUFFERS
        swarm.run(2)
        before = leecher.downloaded
        swarm.run(2)
        rate = (leecher.downloaded - before) / 2
        self.assertGreater(rate, 0.75 * SEEDS * LINE)
        self.assertLessEqual(leecher.session._shared.buffers.lent, BUFFERS)

    def test_who_is_fast_may_have_more(self):
        """What it sends in a moment holds nobody up."""
        swarm = self.swarm(72 * MIB, piece_length=MIB)
        self.seeds(swarm, 16 * LINE, *[LINE] * (SEEDS - 1))
        leecher = swarm.add_leecher()
        leecher.session._shared.buffers._limit = BUFFERS
        swarm.run(3)
        shares = sorted(link.peer.share for link in leecher.parts.exchange.links)
        self.assertLess(shares[-2], 2 * LEAST_SHARE)
        self.assertGreater(shares[-1], 2 * LEAST_SHARE)

    def test_nobody_is_held_back_once_there_is_enough_again(self):
        swarm = self.swarm(80 * MIB, piece_length=MIB // 4)
        self.seeds(swarm, *[LINE] * 10)
        leecher = swarm.add_leecher()
        buffers = leecher.session._shared.buffers
        enough, buffers._limit = buffers.limit, MIB
        swarm.run(3)
        peers = [link.peer for link in leecher.parts.exchange.links]
        self.assertLess(max(peer.share for peer in peers), MOST)
        buffers._limit = enough
        swarm.run(9)  # what is allowed doubles every second
        self.assertGreaterEqual(min(peer.share for peer in peers), MOST)
