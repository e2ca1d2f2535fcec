"""Peers found without a tracker: by the DHT, by other peers, on the local network."""

from twisted.internet.protocol import DatagramProtocol

from tests.swarms.test_magnets import MagnetCase
from tests.testing.swarm import PORT
from tests.testing.tcp import StreamSocket
from tests.testing.udp import sent_datagrams
from txtorrent.dht.dht import DhtOptions
from txtorrent.peersources import SOONEST, SourceOptions
from txtorrent.swarm.peerbook import Source
from txtorrent.wire.handshake import reserved_bits
from txtorrent.wire.messages import Port

ROUTER = "20.200.0.1"


def dht(*routers):
    return SourceOptions(dht=True, nodes=DhtOptions(routers=tuple((r, PORT) for r in routers)))


class SourcesCase(MagnetCase):
    def quiet(self, pieces=10):
        """A swarm whose torrent names no tracker."""
        return self.swarm(pieces * 32768, piece_length=32768, announce="")

    def network(self, swarm):
        """Some nodes of the DHT that have no torrent; the first, and where it is found."""
        first = self.session(swarm, sources=dht())
        for _ in range(3):
            self.session(swarm, sources=dht(first.host.addresses[0]))
        swarm.run(60)
        return first, first.host.addresses[0]


class Dht(SourcesCase):
    def test_a_magnet_link_alone(self):
        """Nothing but an info-hash, and one node that everybody knows."""
        swarm = self.quiet()
        _, router = self.network(swarm)
        others = dht(router)
        swarm.add_seed(settings={"sources": others})
        swarm.run(60)
        node = self.session(swarm, sources=others)
        self.follow(swarm, node, self.fetch(node, self.magnet(swarm)), 120)
        swarm.run_until_complete(node, limit=60)
        self.assertWhole(node)

    def test_what_it_knew_is_kept(self):
        """After a restart it needs no router."""
        swarm = self.quiet()
        _, router = self.network(swarm)
        seed = swarm.add_seed(settings={"sources": dht(router)})
        swarm.run(60)
        seed.settings["sources"] = dht()
        seed.restart()
        swarm.run(60)
        status = seed.session.sources.dht.status
        self.assertGreater(status.ipv4.good, 0)

    def test_peers_are_wanted(self):
        """Asked for once, they are looked for as soon as is decent."""
        swarm = self.quiet()
        first, router = self.network(swarm)
        found = []
        member = first.session.sources.join(
            swarm.payload.metainfo.info_hash, lambda source, peers: found.extend(peers), bool
        )
        swarm.run(30)
        seed = swarm.add_seed(settings={"sources": dht(router)})
        swarm.run(30)
        self.assertEqual(found, [])
        member.soon()
        member.soon()
        swarm.run(SOONEST)
        self.assertIn(seed.address, found)
        member.soon()
        member.leave()

    def test_turned_off_and_on(self):
        swarm = self.quiet()
        _, router = self.network(swarm)
        seed = swarm.add_seed(settings={"sources": dht(router)})
        swarm.run(60)
        sources = seed.session.sources
        sources.turn_dht(False)
        self.assertEqual((sources.dht, sources.udp, sources.dht_port), (None, None, None))
        sources.turn_dht(True)
        swarm.run(60)
        self.assertEqual(sources.dht.status.joined, 1)

    def test_a_port_that_is_taken(self):
        """Told, and tried again until it is free."""
        swarm = self.quiet()
        node = self.session(swarm)
        port = node.host.listenUDP(PORT, DatagramProtocol())
        node.session.sources.turn_dht(True)
        self.assertIn("in use", node.session.sources.trouble)
        port.stopListening()
        swarm.run(40)
        self.assertEqual(node.session.sources.trouble, "")
        self.assertEqual(node.session.sources.dht_port, PORT)


class Private(SourcesCase):
    """Everything is on, and nobody but the tracker hears of a private torrent (THREATS D8)."""

    def capture(self, private):
        """What a swarm with everything on sends: datagrams, and what goes over TCP."""
        streams, send = [], StreamSocket.send

        def note_stream(socket, data):
            streams.append(bytes(data))
            return send(socket, data)

        datagrams = sent_datagrams(self)
        self.patch(StreamSocket, "send", note_stream)
        swarm = self.swarm(30 * 32768, piece_length=32768, private=private)
        _, router = self.network(swarm)
        nodes = DhtOptions(routers=((router, PORT),))
        settings = {"sources": SourceOptions(dht=True, local=True, nodes=nodes)}
        swarm.add_seed(settings=settings, up=50_000)
        leechers = [swarm.add_leecher(settings=settings) for _ in range(3)]
        swarm.run_until_complete(*leechers, limit=300)
        swarm.run(400)
        return swarm.payload.metainfo.info_hash, datagrams, b"|".join(streams)

    def said(self, private):
        """Which of those that give a torrent away were heard."""
        info_hash, datagrams, stream = self.capture(private)
        self.assertIn(info_hash, stream)
        dht = any(info_hash in each for each in datagrams)
        local = any(info_hash.hex().encode() in each.lower() for each in datagrams)
        names = [name for name in (b"ut_pex", b"ut_metadata") if name in stream]
        bit = reserved_bits(dht=True) + info_hash in stream
        port = Port(PORT).encode() in stream
        return dht, local, names, bit, port

    def test_not_a_word(self):
        self.assertEqual(self.said(True), (False, False, [], False, False))

    def test_of_a_public_one(self):
        """What the test above would see."""
        self.assertEqual(self.said(False), (True, True, [b"ut_pex", b"ut_metadata"], True, True))


class Exchanged(SourcesCase):
    def test_by_other_peers(self):
        """Two leechers know the seed alone, and learn of each other from it."""
        swarm = self.quiet(100)
        seed = swarm.add_seed(up=20_000)
        first, second = swarm.add_leecher(), swarm.add_leecher()
        swarm.run(1)
        swarm.introduce(first, seed)
        swarm.introduce(second, seed)
        swarm.run(30)
        self.assertIn(second.host.addresses[0], first.linked)
        [link] = [each for each in first.parts.exchange.links
                  if each.address.host == second.host.addresses[0]]  # fmt: skip
        book = first.parts.connections.book
        self.assertIn(book.source(link.peer.contact), (Source.PEX, Source.INCOMING, None))

    def test_not_of_private_torrents(self):
        swarm = self.swarm(100 * 32768, piece_length=32768, announce="", private=True)
        seed = swarm.add_seed(up=20_000)
        first, second = swarm.add_leecher(), swarm.add_leecher()
        swarm.run(1)
        swarm.introduce(first, seed)
        swarm.introduce(second, seed)
        swarm.run(100)
        self.assertEqual(first.linked, [seed.host.addresses[0]])
        self.assertEqual(second.linked, [seed.host.addresses[0]])
