"""Peers that want too much of a seed: it serves what it can and costs the others nothing."""

from tests.peer.sessioncase import PIECE, SessionCase
from tests.testing.fakepeer import FAST, Piece, Request
from txtorrent.metainfo.pieces import BLOCK
from txtorrent.swarm.crowding import MOST_PER_HOST, MOST_PER_NETWORK
from txtorrent.wire import messages as m


class Seeding(SessionCase):
    def setUp(self):
        super().setUp()
        self.seed = self.swarm.add_seed()
        self.swarm.run(5)

    def greedy(self, host="20.60.0.1", reserved=FAST):
        """An interested peer that has been unchoked."""
        fake = self.fake(self.seed, host, m.Interested(), reserved=reserved)
        self.run_until(lambda: fake.hears(m.Unchoke))
        return fake

    def everything(self, size=BLOCK):
        return [Request(p, at, size) for p in range(40) for at in range(0, PIECE, size)]

    def test_everything_at_once(self):
        """THREATS B4: asked for the whole torrent in bits, we answer every one of them."""
        fake = self.greedy()
        asked = self.everything(512)
        fake.say(*asked)
        self.run_until(lambda: len(fake.of(Piece)) == len(asked))
        self.assertEqual(b"".join(piece.data for piece in fake.of(Piece)), self.data)

    def test_requests_and_reads_nothing(self):
        """THREATS B7: little is read for it, it is dropped in two minutes, others are served."""
        stuck = self.greedy()
        stuck.pause()
        stuck.say(*self.everything())
        other = self.greedy("20.61.0.1")
        other.say(*self.everything())
        self.run_until(lambda: len(other.of(Piece)) == 160, 10)
        link = self.link(self.seed, stuck)
        self.assertGreater(len(link.uploads), 100)
        self.assertLess(link.peer.uploaded.total, 1024 * 1024)
        for _ in range(13):
            self.swarm.run(10)
            if stuck.is_connected:
                stuck.say(m.KeepAlive())
        self.assertFalse(link.is_open)

    def test_small_peers_may_ask_while_choked(self):
        """BEP 6: a peer with few pieces is told which it may ask for, and gets those."""
        fake = self.fake(self.seed, "20.60.0.1", m.HaveNone())
        self.swarm.run(2)
        allowed = {message.index for message in fake.of(m.AllowedFast)}
        self.assertEqual((len(allowed), fake.hears(m.Unchoke)), (10, False))
        fake.say(*(Request(piece, 0, BLOCK) for piece in range(40)))
        self.swarm.run(2)
        self.assertEqual({piece.index for piece in fake.of(Piece)}, allowed)
        rejected = {reject.index for reject in fake.of(m.Reject)}
        self.assertEqual(rejected, set(range(40)) - allowed)

    def test_no_more_than_a_few_from_one_address(self):
        """THREATS B8. Nor does their going leave their places taken."""
        host = self.network.host("20.60.0.1")
        for _ in range(2):
            crowd = [self.fake(self.seed, host) for _ in range(3 * MOST_PER_HOST)]
            self.swarm.run(2)
            self.assertEqual(sum(fake.is_connected for fake in crowd), MOST_PER_HOST)
            for fake in crowd:
                fake.stop()
            self.swarm.run(2)
        self.assertEqual((len(self.seed.parts.connections), self.seed.linked), (0, []))

    def test_who_leaves_makes_room(self):
        host = self.network.host("20.60.0.1")
        crowd = [self.fake(self.seed, host) for _ in range(MOST_PER_HOST)]
        self.clock.advance(2)
        for fake in crowd:
            fake.hang_up()
        self.clock.advance(2)
        again = [self.fake(self.seed, host) for _ in range(MOST_PER_HOST + 1)]
        self.clock.advance(2)
        self.assertEqual(sum(fake.is_connected for fake in again), MOST_PER_HOST)

    def test_no_more_than_some_from_one_network(self):
        """THREATS B8."""
        crowd = []
        for number in range(1, 2 * MOST_PER_NETWORK):
            crowd.append(self.fake(self.seed, f"20.60.0.{number}"))
            self.swarm.run(0.3)
        stranger = self.fake(self.seed, "20.61.0.1")
        self.swarm.run(1)
        self.assertEqual(sum(fake.is_connected for fake in crowd), MOST_PER_NETWORK)
        self.assertTrue(stranger.is_connected)
