"""Peers that send bad data are found and banned, alone or among honest ones (THREATS B5)."""

from tests.swarms.case import SwarmCase
from tests.swarms.strange import corrupting, silent
from txtorrent.swarm.window import START
from txtorrent.torrent.torrent import State


class Corruption(SwarmCase):
    def banned(self, node):
        return sorted(node.session._shared.bans._until)

    def test_sole_source(self):
        """Whoever sent a whole bad piece alone is banned at once."""
        swarm = self.swarm(1_000_000)
        bad = swarm.add_seed(change=corrupting({2}))
        leecher = swarm.add_leecher()
        swarm.run_until(lambda: self.banned(leecher), 30)
        self.assertEqual(self.banned(leecher), [bad.host.name])
        swarm.run(60)
        self.assertEqual(leecher.linked, [])
        self.assertTrue(leecher.torrent.progress.have.is_empty)
        honest = swarm.add_seed()
        swarm.run_until_complete(leecher, limit=60)
        self.assertWhole(leecher)
        self.assertNotIn(honest.host.name, self.banned(leecher))

    def test_among_honest_peers(self):
        """Pieces come from several: the copy that passes tells whose blocks were bad."""
        swarm = self.swarm(8_000_000, piece_length=262144)
        honest = [swarm.add_seed(up=150_000) for _ in range(4)]
        bad = swarm.add_seed(up=150_000, change=corrupting({1, 5, 9, 13}))
        leecher = swarm.add_leecher()
        swarm.run_until_complete(limit=120)
        self.assertWhole(leecher)
        self.assertEqual(self.banned(leecher), [bad.host.name])
        # Of 31 pieces; about 9 on average, by which peers happen to serve which.
        self.assertLess(leecher.wasted, 18 * 262144)
        self.assertGreater(min(each.uploaded for each in honest), 0)

    def test_a_single_bad_block(self):
        """Its sender is good ever after; it is found by comparing with the copy that passes."""
        swarm = self.swarm(2_000_000, piece_length=524288)
        for _ in range(3):
            swarm.add_seed(up=100_000)
        bad = swarm.add_seed(up=100_000, change=corrupting({3, 7, 11}, most=1))
        leecher = swarm.add_leecher()
        swarm.run_until_complete(limit=120)
        swarm.run(1)
        self.assertWhole(leecher)
        self.assertEqual(self.banned(leecher), [bad.host.name])

    def test_a_ban_survives_a_restart(self):
        swarm = self.swarm(1_000_000)
        bad = swarm.add_seed(change=corrupting({0}))
        leecher = swarm.add_leecher()
        swarm.run_until(lambda: self.banned(leecher), 30)
        leecher.restart()
        self.assertEqual(self.banned(leecher), [bad.host.name])
        swarm.run(120)
        swarm.introduce(bad, leecher)
        swarm.introduce(leecher, bad)
        swarm.run(60)
        self.assertEqual((leecher.linked, bad.linked), ([], []))

    def test_a_ban_ends_after_a_day(self):
        swarm = self.swarm(1_000_000)
        bad = swarm.add_seed(change=corrupting({0}))
        leecher = swarm.add_leecher()
        swarm.run_until(lambda: self.banned(leecher), 30)
        bad.stop()
        now = leecher.host.seconds()
        self.assertTrue(leecher.session._shared.bans.is_banned(bad.host.name, now + 86_000))
        self.assertFalse(leecher.session._shared.bans.is_banned(bad.host.name, now + 86_401))


class Snubbing(SwarmCase):
    def test_others_take_the_blocks(self):
        """A peer that unchokes and sends nothing delays what it was asked for, no more (B6)."""
        swarm = self.swarm(1_500_000)
        swarm.add_seed(change=silent)
        swarm.add_seed(up=100_000)
        leecher = swarm.add_leecher()
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)
        self.assertLess(swarm.clock.seconds(), 25)

    def test_it_keeps_nothing_from_us(self):
        """Long before the endgame its blocks are free for others, but for one that it may try."""
        swarm = self.swarm(6_000_000)
        mute = swarm.add_seed(change=silent)
        swarm.add_seed(up=100_000)
        leecher = swarm.add_leecher()
        swarm.run(10)
        links = {link.address.host: link.peer for link in leecher.parts.exchange.links}
        peer = links[mute.host.name]
        self.assertEqual((peer.snubbed, len(peer.requests)), (False, START))
        swarm.run(15)
        self.assertTrue(peer.snubbed)
        self.assertLessEqual(len(peer.requests), 1)

    def test_a_bad_peer_that_falls_silent(self):
        """It spoils a piece, is then given it alone, and sends nothing more: others go on."""
        swarm = self.swarm(600_000, piece_length=262144)
        bad = swarm.add_seed(up=200_000, change=corrupting({0, 3, 7}))
        swarm.add_seed(up=100_000)
        leecher = swarm.add_leecher()
        swarm.run_until(lambda: leecher.torrent.progress.corrupt or self.failed(leecher), 60)
        silent(bad.parts)
        swarm.run_until_complete(limit=200)
        self.assertWhole(leecher)

    def failed(self, leecher):
        return leecher.torrent.state is State.FAILED
