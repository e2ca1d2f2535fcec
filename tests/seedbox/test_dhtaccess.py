"""What users are told of the sources of peers, and their searches of the DHT."""

import time
from random import Random

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol

from tests.seedbox.case import PIECE, SEEDING, SeedboxCase
from tests.testing.disk import inline_disk
from tests.testing.swarm import PORT
from tests.testing.udp import sent_datagrams
from txtorrent.dht.dht import MOST_SEARCHES
from txtorrent.discovery.mapping import Protocol
from txtorrent.discovery.portline import PortStatus, State
from txtorrent.errors import Code, RequestError
from txtorrent.peersources import SourceOptions
from txtorrent.seedbox import dhtaccess
from txtorrent.seedbox.finding import dht_options
from txtorrent.seedbox.seedbox import Seedbox
from txtorrent.seedbox.sourceviews import MappingView
from txtorrent.session import Session, SessionOptions
from txtorrent.settings.settings import Settings

SEED, OTHER = b"\x01" * 32, b"\x02" * 20


class Case(SeedboxCase):
    """A seedbox whose DHT is on, and a few sessions elsewhere that have nothing but a node."""

    settings = {"dht_enabled": True, "dht_routers": ["20.201.0.1:6881"]}
    others = 4

    def setUp(self):
        self.sessions = []
        super().setUp()
        for number in range(1, self.others + 1):
            self.sessions.append(self.elsewhere(number))
        self.clock.advance(60)

    def elsewhere(self, number):
        host = self.network.host(f"20.{200 + number}.0.1")
        settings = Settings({"dht_routers": ["20.201.0.1:6881"] if number > 1 else []})
        options = SessionOptions(
            state=f"{self.folder}/other{number}",
            port=PORT,
            sources=SourceOptions(dht=True, nodes=dht_options(settings)),
        )
        session = Session(host, options, inline_disk(host), Random(number))
        self.result_of(session.start())
        return session

    def tearDown(self):
        for session in self.sessions:
            self.result_of(session.stop())
        super().tearDown()

    def start(self):
        file = {"download_dir": self.downloads, "trust_local_trackers": True, **self.settings}
        settings = Settings(file)
        options = SessionOptions(
            state=f"{self.folder}/state",
            port=PORT,
            sources=SourceOptions(nodes=dht_options(settings)),
        )
        self.session = Session(self.host, options, inline_disk(self.host), Random(3))
        self.result_of(self.session.start())
        self.box = Seedbox(self.session, settings, lambda: None)
        self.result_of(self.box.open())

    def refused(self, search, *words, code=Code.SYSTEM_ERROR):
        """That it is, with these words."""
        with self.assertRaises(RequestError) as caught:
            result = search()
            if isinstance(result, Deferred):
                self.result_of(result, 100)
        self.assertEqual(caught.exception.code, code)
        for each in words:
            self.assertIn(each, caught.exception.text)

    def set(self, **changes):
        self.result_of(self.box.settings.change(changes))

    def seeding(self, **options):
        made = self.payload(**options)
        self.write(made)
        entry = self.add(made)
        self.run_until(lambda: entry.status == SEEDING)
        self.clock.advance(60)
        return entry


class Searches(Case):
    def test_peers(self):
        entry = self.seeding()
        found = self.result_of(self.box.dht.find_peers(entry.info_hash, True))
        self.assertEqual(found.peers, (self.address,))
        self.assertEqual((round(found.seeds), round(found.leeches)), (1, 0))
        found = self.result_of(self.box.dht.find_peers(OTHER, False))
        self.assertEqual((found.peers, found.seeds), ((), None))
        self.assertGreater(found.answered, 1)

    def test_an_immutable_item(self):
        stored = self.result_of(self.box.dht.put([b"x", 1]))
        self.assertEqual((stored.public_key, stored.seq), (b"", 0))
        self.assertGreater(stored.stored, 1)
        item = self.result_of(self.box.dht.get(stored.target, b""))
        self.assertEqual((item.value, item.is_mutable), (b"l1:xi1ee", False))
        self.assertIsNone(self.result_of(self.box.dht.get(OTHER, b"")))

    def test_a_mutable_item(self):
        dht = self.box.dht
        for number, value in ((1, b"one"), (2, b"two")):
            stored = self.result_of(dht.put_mutable(SEED, value, b"salt", None, None))
            self.assertEqual(stored.seq, number)
        item = self.result_of(dht.get_mutable(stored.public_key, b"salt"))
        self.assertEqual((item.value, item.seq, item.salt), (b"3:two", 2, b"salt"))
        self.assertEqual(self.result_of(dht.get(stored.target, b"salt")), item)
        self.assertIsNone(self.result_of(dht.get_mutable(stored.public_key, b"")))

    def test_numbers_of_items(self):
        dht = self.box.dht
        self.result_of(dht.put_mutable(SEED, b"one", b"", 5, None))
        for seq, cas, is_taken in ((4, None, False), (6, 4, False), (6, 5, True)):
            stored = self.result_of(dht.put_mutable(SEED, b"new", b"", seq, cas))
            self.assertEqual(stored.stored > 0, is_taken, (seq, cas))

    def test_a_sample(self):
        entry = self.seeding()
        found = self.result_of(self.box.dht.sample(OTHER))
        self.assertEqual(found.samples, (entry.info_hash,))
        self.assertGreater(found.num, 0)

    def test_too_long(self):
        for search in (
            lambda: self.box.dht.put(b"x" * 1000),
            lambda: self.box.dht.put_mutable(SEED, b"x" * 1000, b"", None, None),
        ):
            self.refused(search, "at most 1000 bytes", code=Code.INVALID_PARAMS)


class Refused(Case):
    def searches(self):
        dht = self.box.dht
        return (
            lambda: dht.find_peers(OTHER, False),
            lambda: dht.get(OTHER, b""),
            lambda: dht.get_mutable(SEED, b""),
            lambda: dht.put(b"x"),
            lambda: dht.put_mutable(SEED, b"x", b"", None, None),
            lambda: dht.sample(OTHER),
        )

    def test_off(self):
        self.set(dht_enabled=False)
        for search in (*self.searches(), self.box.dht.nodes, self.box.dht.lookups):
            self.refused(search, "the DHT is off: turn dht_enabled on")

    def test_turned_off_meanwhile(self):
        for search in self.searches():
            searching = search()
            self.set(dht_enabled=False)
            self.refused(lambda later=searching: later, "turned off meanwhile")
            self.set(dht_enabled=True)
            self.clock.advance(30)

    def test_nobody_known(self):
        self.set(dht_enabled=False)
        for session in self.sessions:
            self.result_of(session.stop())
        self.sessions = []
        self.result_of(self.session.notes.put({"dht": b""}))
        self.restart()
        for search in self.searches():
            self.refused(search, "knows nobody to ask")

    def test_nobody_answers_any_more(self):
        for session in self.sessions:
            self.result_of(session.stop())
        self.sessions = []
        self.run_until(lambda: all(each.state == "bad" for each in self.box.dht.nodes()), 7200)
        self.assertTrue(self.box.dht.nodes())
        self.refused(lambda: self.box.dht.sample(OTHER), "knows nobody to ask")

    def test_too_many(self):
        searching = [self.box.dht.sample(OTHER) for _ in range(MOST_SEARCHES)]
        self.refused(lambda: self.box.dht.sample(OTHER), "too many searches are under way")
        for each in searching:
            self.result_of(each)
        self.result_of(self.box.dht.sample(OTHER))

    def test_no_end(self):
        """Whoever waits is not left waiting, and the search is given up."""
        self.patch(dhtaccess, "SEARCH_LIMIT", 0.01)
        self.refused(lambda: self.box.dht.sample(OTHER), "no end of the search within")
        self.assertNotIn(OTHER, [each.target for each in self.box.dht.lookups()])

    def test_private_torrents(self):
        """Not a packet (THREATS D8)."""
        entry = self.seeding(private=True)
        sent = sent_datagrams(self)
        for search in (
            lambda: self.box.dht.find_peers(entry.info_hash, False),
            lambda: self.box.dht.get(entry.info_hash, b""),
            lambda: self.box.dht.sample(entry.info_hash),
        ):
            self.refused(search, "t0.bin is private", code=Code.INVALID_PARAMS)
        self.clock.advance(2000)
        self.assertTrue(sent)
        self.assertEqual([data for data in sent if entry.info_hash in data], [])


class Told(Case):
    def test_nodes(self):
        nodes = self.box.dht.nodes()
        self.assertGreater(len(nodes), 1)
        for each in nodes:
            self.assertEqual((each.family, each.port, each.state), ("ipv4", PORT, "good"))
            self.assertLess(abs(time.time() - each.last_seen), 120)

    def test_lookups(self):
        searching = self.box.dht.find_peers(OTHER, False)
        (lookup,) = [each for each in self.box.dht.lookups() if each.target == OTHER]
        self.assertEqual((lookup.family, lookup.method), ("ipv4", "get_peers"))
        self.assertLess(abs(time.time() - lookup.started), 5)
        self.result_of(searching)
        self.assertNotIn(OTHER, [each.target for each in self.box.dht.lookups()])

    def test_the_dht(self):
        self.seeding()
        told = self.box.peer_sources
        self.assertEqual((told.tcp_port, told.udp_port), (PORT, PORT))
        self.assertEqual((told.dht.is_on, told.dht.trouble, told.dht.joined), (True, "", 1))
        self.assertGreater(told.dht.next_announce, time.time())
        ipv4 = told.dht.families[0]
        self.assertEqual(ipv4.family, "ipv4")
        self.assertGreater(ipv4.status.good, 1)

    def test_our_address(self):
        (ours,) = self.box.peer_sources.external
        self.assertEqual((ours.host, ours.is_believed), (self.host.addresses[0], True))
        self.assertGreater(ours.votes, 1)

    def test_off(self):
        self.set(dht_enabled=False, pex_enabled=False)
        told = self.box.peer_sources
        self.assertEqual((told.dht.is_on, told.dht.trouble, told.udp_port), (False, "", 0))
        self.assertEqual((told.pex_enabled, told.local, told.mappings), (False, None, []))

    def test_a_port_that_is_taken(self):
        self.set(dht_enabled=False)
        self.clock.advance(1)
        other = self.host.listenUDP(PORT, DatagramProtocol())
        self.set(dht_enabled=True)
        told = self.box.peer_sources
        self.assertFalse(told.dht.is_on)
        self.assertIn("in use", told.dht.trouble)
        self.refused(self.box.dht.nodes, "in use")
        other.stopListening()
        self.clock.advance(40)
        self.assertTrue(self.box.peer_sources.dht.is_on)

    def test_local_discovery(self):
        self.set(lpd_enabled=True)
        self.seeding()
        self.assertEqual(self.box.peer_sources.local.torrents, 1)

    def test_port_mapping(self):
        mapped = PortStatus(State.MAPPED, PORT, "PCP", "203.0.113.9", 7000, 3600.0)
        failed = PortStatus(State.FAILED, PORT, error="no answer")
        status = {Protocol.TCP: mapped, Protocol.UDP: failed}
        self.session.sources.mappings["ipv6"] = Mapped(status)
        told = self.box.peer_sources.mappings
        self.session.sources.mappings.clear()
        self.assertEqual(
            told,
            [MappingView("ipv6", "tcp", "mapped", PORT, "PCP", "203.0.113.9", 7000, 3600.0, ""),
             MappingView("ipv6", "udp", "failed", PORT, "", "", 0, 0.0, "no answer")],
        )  # fmt: skip


@frozen
class Mapped:
    """In place of a port mapping, which would ask the router of this machine."""

    status: dict


class Peers(Case):
    def test_where_they_come_from(self):
        """As Transmission's clients are told: `peers_from`, and the source of each."""
        made = self.payload(pieces=100)
        swarm = self.swarm(made)
        swarm.add_seed(
            up=PIECE,
            addresses=("20.99.0.1",),
            settings={"sources": self.sessions[1].options.sources},
        )
        self.clock.advance(60)
        entry = self.add(made)
        self.run_until(lambda: entry.peers_connected, 300)
        self.assertEqual(entry.peers_from, {"dht": 1})
        (peer,) = entry.peers()
        self.assertEqual((peer.source, peer.is_incoming, peer.is_utp), ("dht", False, False))


class Families(SeedboxCase):
    def test_those_of_the_interface(self):
        for interface, ipv6, expected in (
            ("", True, (True, True)),
            ("", False, (True, False)),
            ("192.0.2.1", True, (True, False)),
            ("2001:db8::1", True, (False, True)),
        ):
            options = dht_options(Settings({"interface": interface, "ipv6": ipv6}))
            self.assertEqual((options.ipv4, options.ipv6), expected)
