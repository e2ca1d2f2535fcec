"""Scripted peers against a whole session: what one of them does must cost the others nothing."""

from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import memory_folder
from tests.testing.fakepeer import FAST, PLAIN, FakePeer
from tests.testing.network import Network
from tests.testing.swarm import Swarm, payload
from txtorrent.metainfo.pieces import BLOCK
from txtorrent.peer.protocol import MOST_OFFENCES
from txtorrent.torrent.connections import MOST_PER_HOST, MOST_PER_NETWORK
from txtorrent.torrent.exchange import SNUBBED_AFTER
from txtorrent.wire import messages as m

PIECE = 65536
SIZE = 40 * PIECE


class HostileCase(SynchronousTestCase):
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

    def fake(self, node, host, *said, reserved=FAST, source=None):
        """A scripted peer that dialled the node and said this first."""
        if isinstance(host, str):
            host = self.network.host(host)
        fake = FakePeer(host, self.metainfo, self.data, reserved=reserved)
        fake.after_greeting = said
        fake.dial(node.address, source)
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


class Leeching(HostileCase):
    def test_snubbing(self):
        """THREATS B6: it takes requests and answers none; others have the blocks in 20 s."""
        leecher = self.swarm.add_leecher()
        mute = self.fake(leecher, "20.60.0.1", m.HaveAll(), m.Unchoke())
        self.run_until(lambda: len(mute.of(m.Request)) >= 16)
        asked = self.clock.seconds()
        self.assertEqual(len(mute.of(m.Request)), 16)
        giving = self.fake(leecher, "20.61.0.1", m.HaveAll(), m.Unchoke())
        giving.answers(0.01)
        self.run_until(lambda: leecher.is_complete)
        self.assertLess(self.clock.seconds() - asked, SNUBBED_AFTER + 5)
        self.assertEqual(leecher.data(), self.data)

    def test_snubbing_alone(self):
        """Who snubs us is asked for one block at a time from then on, and told what we gave up."""
        leecher = self.swarm.add_leecher()
        mute = self.fake(leecher, "20.60.0.1", m.HaveAll(), m.Unchoke())
        self.swarm.run(SNUBBED_AFTER + 5)
        self.assertEqual(len(mute.of(m.Cancel)), 16)
        link = self.link(leecher, mute)
        self.assertTrue(link.peer.snubbed)
        self.assertEqual(len(link.peer.requests), 1)
        mute.forget()
        mute.answers(0.01)
        mute.say(mute.block(self.first_request(link)))
        self.run_until(lambda: leecher.is_complete)
        self.assertFalse(link.peer.snubbed)

    def first_request(self, link):
        per_piece = PIECE // BLOCK
        piece, block = divmod(next(iter(link.peer.requests)), per_piece)
        return m.Request(piece, block * BLOCK, BLOCK)

    def test_unsolicited_data(self):
        """THREATS B6: dropped and counted, and enough of it ends the connection."""
        leecher = self.swarm.add_leecher()
        fake = self.fake(leecher, "20.60.0.1", m.HaveNone())
        self.swarm.run(1)
        for number in range(MOST_OFFENCES - 1):
            fake.say(m.Piece(number % 40, 0, bytes(BLOCK)))
            self.swarm.run(0.1)
        self.assertEqual((fake.closed, leecher.downloaded), (0, 0))
        self.assertEqual(leecher.wasted, (MOST_OFFENCES - 1) * BLOCK)
        fake.say(m.Piece(1, 0, bytes(BLOCK)))
        self.swarm.run(1)
        self.assertEqual((fake.closed, leecher.parts.exchange.picker.partials), (1, {}))

    def test_blocks_of_no_request(self):
        """Wrong in size or place, in a torrent's order or beyond its end."""
        rows = [
            (0, 0, 1), (0, 1, BLOCK), (0, 0, BLOCK + 1), (0, PIECE, BLOCK), (40, 0, BLOCK),
            (0xFFFFFFFF, 0xFFFFFFFF, 5), (39, 0xFFFFC000, BLOCK), (0, 0, 0),
        ]  # fmt: skip
        leecher = self.swarm.add_leecher()
        for number, (index, begin, size) in enumerate(rows):
            fake = self.fake(leecher, f"20.60.{number}.1", m.HaveAll(), m.Unchoke())
            self.run_until(lambda fake=fake: fake.hears(m.Interested))
            self.swarm.run(1)
            fake.say(m.Piece(index, begin, bytes(size)))
            self.swarm.run(1)
            fake.stop()
        self.swarm.run(1)
        self.assertEqual((leecher.downloaded, leecher.linked), (0, []))

    def test_a_choke_gives_blocks_back(self):
        """With the fast extension when they are rejected, without it at once."""
        for number, reserved in enumerate((FAST, PLAIN)):
            leecher = self.swarm.add_leecher()
            has = m.Bitfield(b"\xff" * 5)
            fake = self.fake(leecher, f"20.60.{number}.1", has, m.Unchoke(), reserved=reserved)
            self.swarm.run(1)
            link = self.link(leecher, fake)
            asked = fake.of(m.Request)
            self.assertEqual((len(asked), len(link.peer.requests)), (16, 16))
            fake.say(m.Choke())
            self.swarm.run(0.1)
            self.assertEqual(len(link.peer.requests), 16 if reserved is FAST else 0)
            if reserved is FAST:
                fake.say(*(m.Reject(each.index, each.begin, each.length) for each in asked))
            self.swarm.run(0.1)
            self.assertEqual((link.peer.requests, link.peer.offences), ({}, 0))
            self.swarm.run(5)
            self.assertEqual(len(fake.of(m.Request)), 16)
            fake.answers()
            fake.say(m.Unchoke())
            self.run_until(lambda node=leecher: node.is_complete)

    def test_allowed_fast(self):
        """Pieces that a peer allows are fetched while it chokes us, and no others."""
        leecher = self.swarm.add_leecher()
        fake = self.fake(leecher, "20.60.0.1", m.HaveAll(), m.AllowedFast(3), m.AllowedFast(7))
        fake.answers()
        self.swarm.run(5)
        self.assertEqual({request.index for request in fake.of(m.Request)}, {3, 7})
        self.assertEqual(list(leecher.torrent.progress.have), [3, 7])

    def test_last_blocks_are_asked_once_each(self):
        """In the endgame the same peer is not asked twice for a block."""
        leecher = self.swarm.add_leecher()
        slow = self.fake(leecher, "20.60.0.1", m.HaveAll(), m.Unchoke())
        slow.answers(3.0)
        self.swarm.run(2)
        quick = self.fake(leecher, "20.61.0.1", m.HaveAll(), m.Unchoke())
        quick.answers(0.05)
        self.run_until(lambda: leecher.is_complete)
        asked = [(each.index, each.begin) for each in quick.of(m.Request)]
        self.assertEqual(len(asked), len(set(asked)))
        self.assertEqual(leecher.data(), self.data)


class Seeding(HostileCase):
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
        return [m.Request(p, at, size) for p in range(40) for at in range(0, PIECE, size)]

    def test_everything_at_once(self):
        """THREATS B4: asked for the whole torrent in bits, we answer every one of them."""
        fake = self.greedy()
        asked = self.everything(512)
        fake.say(*asked)
        self.run_until(lambda: len(fake.of(m.Piece)) == len(asked))
        self.assertEqual(b"".join(piece.data for piece in fake.of(m.Piece)), self.data)

    def test_requests_and_reads_nothing(self):
        """THREATS B7: little is read for it, it is dropped in two minutes, others are served."""
        stuck = self.greedy()
        stuck.pause()
        stuck.say(*self.everything())
        other = self.greedy("20.61.0.1")
        other.say(*self.everything())
        self.run_until(lambda: len(other.of(m.Piece)) == 160, 10)
        link = self.link(self.seed, stuck)
        self.assertGreater(len(link.uploads), 100)
        self.assertLess(link.peer.uploaded.total, 1024 * 1024)
        self.run_until(lambda: not link.is_open, 180)

    def test_small_peers_may_ask_while_choked(self):
        """BEP 6: a peer with few pieces is told which it may ask for, and gets those."""
        fake = self.fake(self.seed, "20.60.0.1", m.HaveNone())
        self.swarm.run(2)
        allowed = {message.index for message in fake.of(m.AllowedFast)}
        self.assertEqual((len(allowed), fake.hears(m.Unchoke)), (10, False))
        fake.say(*(m.Request(piece, 0, BLOCK) for piece in range(40)))
        self.swarm.run(2)
        self.assertEqual({piece.index for piece in fake.of(m.Piece)}, allowed)
        rejected = {reject.index for reject in fake.of(m.Reject)}
        self.assertEqual(rejected, set(range(40)) - allowed)

    def test_no_more_than_a_few_from_one_address(self):
        """THREATS B8. Nor does their going leave their places taken."""
        host = self.network.host("20.60.0.1")
        for _ in range(2):
            crowd = [self.fake(self.seed, host) for _ in range(3 * MOST_PER_HOST)]
            self.swarm.run(2)
            self.assertLessEqual(sum(fake.is_connected for fake in crowd), MOST_PER_HOST)
            self.assertGreater(sum(fake.is_connected for fake in crowd), 0)
            for fake in crowd:
                fake.stop()
            self.swarm.run(2)
        self.assertEqual((len(self.seed.parts.connections), self.seed.linked), (0, []))

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
