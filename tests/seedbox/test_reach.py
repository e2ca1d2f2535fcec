"""The port that peers reach us at, and how many may: changed while it runs, and asked about."""

from twisted.internet.protocol import Factory

from tests.seedbox.case import SEEDING, SeedboxCase
from tests.seedbox.webserver import WebServer
from tests.testing.trackers import Register
from txtorrent.address import Address
from txtorrent.errors import Code, RequestError
from txtorrent.session import SessionOptions
from txtorrent.settings.settings import Settings
from txtorrent.storage.database import StateError
from txtorrent.swarm.peerbook import Source

OLD, NEW = 6881, 7000


class Case(SeedboxCase):
    def set(self, **changes):
        return self.result_of(self.box.settings.change(changes))

    def seeding(self, **options):
        made = self.payload(**options)
        self.write(made)
        entry = self.add(made)
        self.run_until(lambda: entry.status == SEEDING)
        return made, entry

    def leecher(self, made, port, **options):
        """A peer that was told that we are at this port."""
        if not self.swarms:
            self.swarm(made)
        node = self.swarms[0].add_leecher(**options)
        self.clock.advance(1)
        node.parts.connections.found([Address(self.host.addresses[0], port)], Source.USER)
        return node


class Port(Case):
    def test_changed(self):
        made, entry = self.seeding(pieces=200)
        before = self.leecher(made, OLD, down=100_000)
        self.run_until(lambda: entry.peers_connected)
        self.set(peer_port=NEW)
        self.assertEqual(self.box.port, NEW)
        self.clock.advance(5)
        self.assertEqual(entry.peers_connected, 1)
        before.stop()
        after = self.leecher(made, NEW)
        self.run_until(lambda: after.is_complete)

    def test_the_old_one_is_closed(self):
        made, entry = self.seeding()
        self.set(peer_port=NEW)
        leecher = self.leecher(made, OLD)
        self.clock.advance(30)
        self.assertEqual((leecher.linked, entry.peers_connected), ([], 0))

    def check_trackers_are_told(self, pause):
        tracker = Register(self.network.host("9.9.9.8"), min_interval=1)
        url = tracker.listen_http()
        made = self.payload()
        self.write(made)
        entry = self.add(made, trackers=((url,),))
        self.run_until(lambda: tracker.announces)
        self.assertEqual(tracker.announces[-1].address.port, OLD)
        self.clock.advance(pause)
        self.set(peer_port=NEW)
        self.run_until(lambda: tracker.announces[-1].address.port == NEW, 70)
        self.assertEqual(entry.status, SEEDING)
        self.stop()
        tracker.close()
        self.start()

    def test_trackers_are_told(self):
        self.check_trackers_are_told(pause=5)

    def test_trackers_are_told_although_they_are_being_told_the_old_one(self):
        self.check_trackers_are_told(pause=0)

    def test_taken(self):
        other = self.host.listenTCP(NEW, Factory())
        with self.assertRaises(RequestError) as caught:
            self.set(peer_port=NEW, peer_limit_global=10)
        self.assertEqual(caught.exception.code, Code.SYSTEM_ERROR)
        self.assertIn("7000 cannot be listened on: Address already in use", caught.exception.text)
        self.assertIn("6881", caught.exception.text)
        self.assertEqual(self.box.port, OLD)
        self.assertEqual(self.box.settings.get("peer_port"), OLD)
        self.assertEqual(self.box.settings.get("peer_limit_global"), 4000)
        other.stopListening()

    def test_not_stored(self):
        self.session.disk.state.fail_next(StateError(28, "No space left on device"))
        with self.assertRaises(StateError):
            self.set(peer_port=NEW)
        self.assertEqual((self.box.port, self.box.settings.get("peer_port")), (OLD, OLD))
        made, _ = self.seeding()
        leecher = self.leecher(made, OLD)
        self.run_until(lambda: leecher.is_complete)

    def test_the_same(self):
        self.set(peer_port=OLD)
        self.assertEqual(self.box.port, OLD)

    def test_any(self):
        self.set(peer_port=0)
        chosen = self.box.port
        self.assertNotIn(chosen, (0, OLD))
        self.set(peer_port=0)
        self.assertEqual(self.box.port, chosen)


class AfterARestart(Case):
    """The session listens before it can read what was changed."""

    def test_changed_in_an_earlier_run(self):
        self.settings = {"peer_port": NEW}
        self.restart()
        self.assertEqual(self.box.port, NEW)

    def test_taken_meanwhile(self):
        other = self.host.listenTCP(NEW, Factory())
        self.settings = {"peer_port": NEW}
        self.restart()
        self.assertEqual(self.box.port, OLD)
        other.stopListening()

    def test_random(self):
        self.settings = {"peer_port": NEW, "peer_port_random_on_start": True}
        self.restart()
        self.assertEqual(self.box.port, OLD)


class Limit(Case):
    def crowd(self, made, count):
        swarm = self.swarm(made)
        nodes = [swarm.add_leecher(down=20_000) for _ in range(count)]
        self.clock.advance(1)
        for node in nodes:
            node.parts.connections.found([Address(self.host.addresses[0], OLD)], Source.USER)
        self.clock.advance(10)
        return nodes

    def ours(self, nodes):
        return sum(self.host.addresses[0] in node.linked for node in nodes)

    def test_changed(self):
        made, entry = self.seeding(pieces=200)
        nodes = self.crowd(made, 6)
        self.assertEqual(entry.peers_connected, 6)
        self.set(peer_limit_global=4)
        self.clock.advance(30)
        self.assertEqual((entry.peers_connected, self.ours(nodes)), (4, 4))
        self.set(peer_limit_global=100)
        self.run_until(lambda: entry.peers_connected == 6)

    def test_from_the_start(self):
        self.settings = {"peer_limit_global": 2}
        self.restart()
        made, entry = self.seeding(pieces=200)
        self.crowd(made, 4)
        self.assertEqual(entry.peers_connected, 2)

    def test_no_more_than_possible(self):
        self.session.options = SessionOptions(state="", most_connections=3)
        self.session.limit_connections(1000)
        self.assertEqual(self.session._shared.budget.most, 3)


class Test(Case):
    server_addresses = ("30.0.0.1", "2001:470::30")

    def setUp(self):
        self.settings = {"port_check_url": "http://check.example/{port}"}
        super().setUp()
        self.server = WebServer(self.network, *self.server_addresses)
        self.network.names["check.example"] = self.server_addresses

    def tearDown(self):
        self.server.close()
        super().tearDown()

    def start(self):
        if not hasattr(self, "dual"):
            self.dual = self.host = self.network.host("20.200.1.1", "2001:470::200")
        super().start()

    def answers(self, body, status=200):
        self.server.pages[f"/{OLD}"] = status, body

    def ask(self, family=""):
        return self.result_of(self.box.test_port(family), 100)

    def refused(self, words):
        with self.assertRaises(RequestError) as caught:
            self.ask()
        self.assertEqual(caught.exception.code, Code.HTTP_ERROR)
        self.assertIn(words, caught.exception.text)

    def test_open_and_closed(self):
        for body, is_open in ((b"1", True), (b"0\n", False)):
            self.answers(body)
            result = self.ask()
            self.assertEqual((result.is_open, result.family), (is_open, ""))

    def test_by_one_family(self):
        self.answers(b"1")
        for family, ours in (("ipv4", "20.200.1.1"), ("ipv6", "2001:470::200")):
            self.assertEqual(self.ask(family).family, family)
            self.assertEqual(self.server.asked[-1], (f"/{OLD}", ours))

    def test_no_such_family_there(self):
        self.answers(b"1")
        self.network.names["check.example"] = self.server_addresses[:1]
        with self.assertRaises(RequestError) as caught:
            self.ask("ipv6")
        self.assertEqual(caught.exception.code, Code.HTTP_ERROR)

    def test_an_answer_without_sense(self):
        self.answers(b"<html>")
        self.refused("neither 0 nor 1")

    def test_an_error(self):
        self.answers(b"", 503)
        self.refused("check.example: the answer is 503")

    def test_too_long_an_answer(self):
        self.answers(b"1" * 10_000)
        self.refused("more than 1,024 bytes")

    def test_nobody_there(self):
        self.server.host.vanish()
        self.refused("check.example: no answer within 30 s")
        self.server.host.appear()

    def test_nobody_to_be_asked(self):
        self.box._settings = self.box._reach._settings = Settings({"port_check_url": ""})
        self.refused("port_check_url is empty")
