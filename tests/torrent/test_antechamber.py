"""Peers of a torrent whose metadata is not known: what they say is kept in bounds, and heard later;
what some of them say of the metadata is wrong (THREATS B10)."""

from tests.swarms.test_magnets import MagnetCase
from tests.testing.fakepeer import FAST, FakePeer, Request
from txtorrent.bencode import decode_prefix, encode
from txtorrent.metainfo.infodict import PIECE
from txtorrent.torrent.antechamber import MOST_KEPT
from txtorrent.torrent.life import State
from txtorrent.wire import messages as m
from txtorrent.wire.handshake import reserved_bits

BLOCK = 16384
PIECES = 12
OURS = 7
"""The id under which the scripted peers take ut_metadata."""
SPEAKS = reserved_bits(dht=False)


class AntechamberCase(MagnetCase):
    def setUp(self):
        super().setUp()
        self.net = self.swarm(PIECES * 32768, piece_length=32768, announce="")
        self.node = self.session(self.net)
        self.metainfo, self.data = self.net.payload.metainfo, self.net.payload.data
        self.fetching = self.fetch(self.node, self.magnet(self.net))
        self.fakes = []

    def tearDown(self):
        for fake in self.fakes:
            fake.stop()
        if not self.fetching.called:
            self.fetching.cancel()
            self.net.run(10)
            self.failureResultOf(self.fetching)
        super().tearDown()

    def fake(self, *said, reserved=SPEAKS):
        """A scripted peer that dialled us and said this."""
        number = len(self.fakes) + 1
        host = self.net.network.host(f"20.60.{number}.1")
        peer = FakePeer(
            host, self.metainfo, self.data, reserved=reserved, peer_id=b"-FK0001-%012d" % number
        )
        peer.after_greeting = said
        peer.dial(self.node.address)
        self.fakes.append(peer)
        self.net.run(0.5)
        return peer

    def speaks(self, size=None, **more):
        """Its extension handshake."""
        said = {b"m": {b"ut_metadata": OURS}, b"metadata_size": size or len(self.metainfo.info)}
        return m.Extended(0, encode(said | more))

    def serve(self, peer, info=None):
        """It answers requests for metadata with this, or with what is right."""
        info = info or self.metainfo.info

        def answer(message):
            asked, _ = decode_prefix(message.payload) if message.number else ({}, 0)
            if asked.get(b"msg_type") == 0:
                at = asked[b"piece"] * PIECE
                head = {b"msg_type": 1, b"piece": asked[b"piece"], b"total_size": len(info)}
                peer.say(m.Extended(1, encode(head) + info[at : at + PIECE]))

        peer.on(m.Extended, answer)

    def has_all(self):
        return m.Bitfield(b"\xff\xf0")


class Kept(AntechamberCase):
    def test_what_it_had_and_allowed_is_known_at_once(self):
        fake = self.fake(self.has_all(), m.Unchoke(), self.speaks())
        self.serve(fake)
        fake.answers()
        self.net.run(3)
        torrent = self.follow(self.net, self.node, self.fetching)
        self.net.run_until(lambda: torrent.state is State.SEEDING, 20)
        self.assertEqual((fake.connected, self.node.data()), (1, self.data))

    def test_what_makes_no_sense_ends_the_connection_when_that_is_known(self):
        wrong = [
            (m.Bitfield(b"\xff\xff"),),
            (m.Have(PIECES),),
            (m.Bitfield(b"\xff"),),
            (m.AllowedFast(PIECES),),
        ]
        fakes = [self.fake(*said) for said in wrong]
        right = self.fake(m.Have(PIECES - 1), self.speaks())
        self.assertTrue(all(each.is_connected for each in fakes))
        self.serve(right)
        self.follow(self.net, self.node, self.fetching)
        self.net.run(1)
        self.assertEqual([each.is_connected for each in fakes], [False] * len(wrong))
        self.assertTrue(right.is_connected)

    def test_no_more_than_so_much(self):
        """Of one peer; others stay."""
        other = self.fake(self.has_all())
        for fake in (self.fake(), self.fake()):
            haves = MOST_KEPT // 64 - 1
            fake.say_bytes(m.Have(0).encode() * haves)
            self.net.run(1)
            self.assertTrue(fake.is_connected)
            fake.say(m.Bitfield(bytes(1000)))
            self.net.run(1)
            self.assertFalse(fake.is_connected)
        self.assertTrue(other.is_connected)

    def test_no_more_than_so_much_of_all(self):
        said = m.Bitfield(bytes(250_000))
        fakes = [self.fake(said) for _ in range(36)]
        left = sum(each.is_connected for each in fakes)
        self.assertTrue(30 <= left <= 34, left)
        for each in fakes[:10]:
            each.hang_up()
        self.net.run(1)
        self.assertTrue(self.fake(said).is_connected)

    def test_nothing_can_be_had_of_us(self):
        fake = self.fake(m.Interested(), Request(0, 0, BLOCK))
        self.assertEqual(fake.of(m.Reject), [m.Reject(0, 0, BLOCK)])
        self.assertFalse(fake.hears(m.Unchoke))
        fake.say_bytes(Request(0, 0, BLOCK).encode() * 400)
        self.net.run(1)
        self.assertFalse(fake.is_connected)

    def test_who_knows_no_extensions_stays(self):
        fake = self.fake(self.has_all(), reserved=FAST)
        self.assertEqual(fake.of(m.Extended), [])
        seed = self.fake(self.speaks())
        self.serve(seed)
        self.follow(self.net, self.node, self.fetching)
        self.net.run(1)
        self.assertTrue(fake.hears(m.Interested))


class Wrong(AntechamberCase):
    def test_bytes_of_one_peer(self):
        """It is known for a liar, and the next one is believed."""
        liar = self.fake(self.speaks())
        self.serve(liar, bytes(len(self.metainfo.info)))
        self.net.run(30)
        self.assertFalse(liar.is_connected)
        honest = self.fake(self.speaks())
        self.serve(honest)
        self.follow(self.net, self.node, self.fetching)

    def test_size(self):
        """2^31 bytes, 0 or a number that is not true: none of them keeps us from the right one."""
        for size in (2**31, 0, -1, 5):
            fake = self.fake(m.Extended(0, encode({b"m": {b"ut_metadata": OURS},
                                                   b"metadata_size": size})))  # fmt: skip
            self.serve(fake)
        honest = self.fake(self.speaks())
        self.serve(honest)
        self.follow(self.net, self.node, self.fetching, 120)

    def test_what_is_no_extension_message(self):
        for payload in (b"", b"i1e", b"d", b"l" * 5000, b"d1:md1:ai1eee" * 100, b"\xff" * 60_000):
            bomb = self.fake(m.Extended(0, payload))
            if bomb.is_connected:
                bomb.say(m.Extended(1, payload))
                self.net.run(1)
        self.assertFalse(any(fake.is_connected for fake in self.fakes))
