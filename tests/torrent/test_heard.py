"""What peers say of themselves (BEP 10, 21, 5), what we say of ourselves, and what comes of it."""

from tests.peer.sessioncase import PIECE, SIZE, SessionCase
from tests.testing.fakepeer import FAST
from txtorrent import __version__
from txtorrent.address import Address, packed
from txtorrent.bencode import decode, encode
from txtorrent.peersources import SourceOptions
from txtorrent.swarm.peerbook import Source
from txtorrent.wire import messages as m
from txtorrent.wire.handshake import reserved_bits

EXTENDED = reserved_bits(dht=False)
WITH_DHT = reserved_bits(dht=True)
HAS_ALL = m.Bitfield(b"\xff" * 5)


def says(**said):
    """An extension handshake."""
    named = {key.encode(): value for key, value in said.items()}
    return m.Extended(0, encode({b"m": {}} | named))


class HeardCase(SessionCase):
    def greeted(self, node, *said, host="20.60.0.1", reserved=EXTENDED):
        fake = self.fake(node, host, *said, reserved=reserved)
        self.clock.advance(2)
        return fake

    def handshakes(self, fake):
        """What we said of ourselves, one dict a handshake."""
        return [decode(each.payload) for each in fake.of(m.Extended) if each.number == 0]


class Ours(HeardCase):
    def test_of_a_leecher(self):
        leecher = self.swarm.add_leecher()
        [said] = self.handshakes(self.greeted(leecher))
        self.assertEqual(sorted(said.pop(b"m")), [b"lt_donthave", b"ut_metadata", b"ut_pex"])
        self.assertEqual(
            said,
            {
                b"p": 6881,
                b"v": f"txtorrent {__version__}".encode(),
                b"yourip": packed("20.60.0.1"),
                b"reqq": 2000,
                b"metadata_size": len(self.metainfo.info),
            },
        )

    def test_a_seed_says_so(self):
        [said] = self.handshakes(self.greeted(self.swarm.add_seed()))
        self.assertEqual(said[b"upload_only"], 1)

    def test_who_becomes_a_seed_says_so(self):
        leecher, seed = self.swarm.add_leecher(), self.swarm.add_seed()
        fake = self.greeted(leecher)
        self.swarm.introduce(leecher, seed)
        self.run_until(lambda: leecher.is_complete)
        self.clock.advance(1)
        self.assertEqual(self.handshakes(fake)[-1], {b"m": {}, b"upload_only": 1})

    def test_not_to_those_who_would_not_understand(self):
        fake = self.greeted(self.swarm.add_seed(), reserved=FAST)
        self.assertEqual(fake.of(m.Extended), [])

    def test_behind_what_we_have(self):
        """A bitfield, or what stands for it, comes first of all (BEP 3, BEP 6)."""
        fake = self.greeted(self.swarm.add_seed())
        self.assertIsInstance(fake.heard[0], m.HaveAll)
        self.assertIsInstance(fake.heard[1], m.Extended)


class Theirs(HeardCase):
    def test_client(self):
        seed = self.swarm.add_seed()
        for said, shown in [
            ("Fake 1.0", "Fake 1.0"),
            ("\x1b[31mred\u202e\n", "[31mred"),
            ("x" * 1000, "x" * 64),
            ("", "FK0001"),
        ]:
            fake = self.greeted(seed, says(v=said.encode()))
            self.assertEqual(self.link(seed, fake).peer.client, shown)
            fake.stop()
            self.clock.advance(1)
            self.network_host_is_free(fake)

    def network_host_is_free(self, fake):
        """The next peer comes from there, too."""
        self.network._by_address.pop(fake.host.addresses[0])

    def test_requests_that_it_queues(self):
        """No more than that are outstanding, however fast it is."""
        leecher = self.swarm.add_leecher()
        most = 0

        def count(request):
            nonlocal most
            most = max(most, len(self.link(leecher, fake).peer.requests))

        fake = self.greeted(leecher, HAS_ALL, says(reqq=7))
        fake.answers(0.01)
        answer = fake._reactions.copy()
        for kind, reaction in answer.items():
            fake.on(kind, lambda message, reaction=reaction: (count(message), reaction(message)))
        fake.say(m.Unchoke())
        self.run_until(lambda: leecher.is_complete, 200)
        self.assertEqual(most, 7)

    def test_where_it_listens(self):
        """Who came to us can be found again."""
        leecher = self.swarm.add_leecher()
        fake = self.greeted(leecher, says(p=7000))
        contact = Address("20.60.0.1", 7000)
        self.assertEqual(leecher.parts.connections.book.source(contact), Source.INCOMING)
        fake.listen(7000)
        self.clock.advance(70)
        self.assertEqual(fake.connected, 1)
        fake.wire.abortConnection()
        self.run_until(lambda: fake.connected == 2)

    def test_of_no_use_and_gone(self):
        """It is looked for less and less, and then not at all: nobody fills our book so."""
        leecher = self.swarm.add_leecher()
        fake = self.greeted(leecher, says(p=7000))
        fake.hang_up()
        self.clock.advance(4 * 3600)
        self.assertIsNone(leecher.parts.connections.book.source(Address("20.60.0.1", 7000)))

    def test_two_that_want_nothing(self):
        seed = self.swarm.add_seed()
        fake = self.greeted(seed, m.Have(1), says(upload_only=0))
        self.assertTrue(fake.is_connected)
        fake.say(says(upload_only=1))
        self.clock.advance(1)
        self.assertFalse(fake.is_connected)

    def test_a_leecher_keeps_who_downloads_nothing(self):
        leecher = self.swarm.add_leecher()
        fake = self.greeted(leecher, m.Have(1), says(upload_only=1))
        self.assertTrue(fake.is_connected)
        self.assertTrue(fake.hears(m.Interested))

    def test_how_it_sees_us(self):
        """Three that agree are believed, and then candidates are ranked by it (BEP 40)."""
        seed = self.swarm.add_seed()
        for number in range(3):
            self.assertIsNone(seed.session.sources.host)
            said = says(yourip=packed("44.5.6.7"))
            self.greeted(seed, said, host=f"20.6{number}.0.1")
        self.assertEqual(seed.session.sources.host, "44.5.6.7")
        book = seed.parts.connections.book
        self.assertEqual(book._ourselves, Address("44.5.6.7", 6881))

    def test_messages_without_a_handshake(self):
        """INTEROP: some send them all the same."""
        seed = self.swarm.add_seed()
        fake = self.greeted(seed, m.Extended(3, b"\0\0\0\1"), m.Extended(99, b"?"), reserved=FAST)
        self.assertTrue(fake.is_connected)

    def test_a_handshake_a_hundred_times(self):
        seed = self.swarm.add_seed()
        fake = self.greeted(seed, *[says(p=7000)] * 100)
        self.assertTrue(fake.is_connected)
        fake.say(says(p=7000))
        self.clock.advance(1)
        self.assertFalse(fake.is_connected)


class Nodes(HeardCase):
    def test_ports_are_exchanged(self):
        """Each hears where the other's DHT node is, and asks it."""
        settings = {"sources": SourceOptions(dht=True)}
        seed = self.swarm.add_seed(settings=settings)
        fake = self.greeted(seed, m.Port(7001), reserved=WITH_DHT)
        self.assertEqual(fake.of(m.Port), [m.Port(6881)])
        self.assertTrue(fake.handshake.dht)
        self.clock.advance(10)
        self.assertEqual(seed.session.sources.dht.status.ipv4.queries_out, 1)

    def test_without_a_node(self):
        seed = self.swarm.add_seed()
        fake = self.greeted(seed, m.Port(7001), reserved=WITH_DHT)
        self.assertEqual((fake.of(m.Port), fake.handshake.dht), ([], False))
        self.assertTrue(fake.is_connected)

    def test_of_a_private_torrent(self):
        """Nobody is told of our node, and we ask nobody for theirs."""
        settings = {"sources": SourceOptions(dht=True)}
        seed = self.swarm.add_seed(settings=settings)
        self.clock.advance(0.1)
        seed.parts.connections.is_private = True
        fake = self.greeted(seed, m.Port(7001), reserved=WITH_DHT)
        self.clock.advance(10)
        self.assertEqual((fake.of(m.Port), fake.handshake.dht), ([], False))
        self.assertEqual(seed.session.sources.dht.status.ipv4.queries_out, 0)

    def test_no_port(self):
        settings = {"sources": SourceOptions(dht=True)}
        seed = self.swarm.add_seed(settings=settings)
        fake = self.greeted(seed, m.Port(0), reserved=WITH_DHT)
        self.clock.advance(10)
        self.assertTrue(fake.is_connected)
        self.assertEqual(seed.session.sources.dht.status.ipv4.queries_out, 0)


assert SIZE == 40 * PIECE
