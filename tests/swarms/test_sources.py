"""Peers found without a tracker: by the DHT, by other peers, on the local network."""

from twisted.internet.protocol import DatagramProtocol

from tests.swarms.test_magnets import MagnetCase
from tests.testing.swarm import PORT
from tests.testing.udp import sent_datagrams
from txtorrent.dht.dht import DhtOptions
from txtorrent.peersources import SourceOptions
from txtorrent.swarm.peerbook import Source

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
    def test_not_a_word(self):
        """Everything is on, and nobody but the tracker hears of the torrent (THREATS D8)."""
        swarm = self.swarm(10 * 32768, piece_length=32768, private=True)
        router = self.session(swarm, sources=dht())
        options = SourceOptions(
            dht=True, local=True, nodes=DhtOptions(routers=((router.host.addresses[0], PORT),))
        )
        sent = sent_datagrams(self)
        seed = swarm.add_seed(settings={"sources": options})
        leecher = swarm.add_leecher(settings={"sources": options})
        swarm.run_until_complete(leecher, limit=60)
        swarm.run(1000)
        self.assertGreater(seed.session.sources.dht.status.ipv4.queries_out, 0)
        info_hash = swarm.payload.metainfo.info_hash
        for form in (info_hash, info_hash.hex().encode(), info_hash.hex().upper().encode()):
            self.assertEqual([data for data in sent if form in data], [])


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
