"""Who may stay connected, who is dialled again and when, seen from one session."""

from tests.peer.sessioncase import SessionCase
from tests.testing.fakepeer import FakePeer
from txtorrent.swarm.peer import LASTING
from txtorrent.swarm.peerbook import Source
from txtorrent.torrent.connections import HALF_DEAD
from txtorrent.torrent.saver import Saver
from txtorrent.wire import messages as m

PEER_ID = b"-FK0001-the same one"


class ConnectionsCase(SessionCase):
    def setUp(self):
        super().setUp()
        self.node = self.swarm.add_leecher()
        self.clock.advance(1)

    def peer(self, host, peer_id=PEER_ID):
        """A scripted peer of that id, which does nothing yet."""
        if isinstance(host, str):
            host = self.network.host(host)
        fake = FakePeer(host, self.metainfo, self.data, peer_id=peer_id)
        self.fakes.append(fake)
        return fake


class Redialling(ConnectionsCase):
    def dials(self, fake, seconds):
        before = fake.connected
        self.clock.advance(seconds)
        return fake.connected - before

    def listener(self):
        fake = self.peer("20.60.0.1")
        self.node.parts.connections.found([fake.listen()], Source.TRACKER)
        return fake

    def test_who_hangs_up_at_once_is_dialled_ever_less_often(self):
        fake = self.listener()
        fake.on(m.HaveNone, lambda message: fake.hang_up())
        self.assertEqual(self.dials(fake, 11), 1)
        self.assertLessEqual(self.dials(fake, 600), 6)
        self.assertLessEqual(self.dials(fake, 3600), 2)

    def test_who_stayed_a_while_is_dialled_again_soon(self):
        fake = self.listener()
        self.clock.advance(LASTING + 5)
        fake.hang_up()
        self.assertEqual(self.dials(fake, 20), 1)


class Named(SessionCase):
    def test_while_it_is_being_prepared(self):
        """The user names a peer, and changes a limit, in the last moment before it runs."""
        seed = self.swarm.add_seed()
        self.clock.advance(1)
        begin = Saver.begin

        def begin_late(saver):
            node.torrent.name_peers([seed.address])
            node.torrent.limit_peers(7)
            return begin(saver)

        node = self.swarm.add_leecher(start=False)
        self.patch(Saver, "begin", begin_late)
        node.start()
        self.swarm.run_until_complete(node, limit=60)
        self.assertEqual(node.parts.connections._max_peers, 7)


class Twins(ConnectionsCase):
    """Two connections with one peer id."""

    def test_one_that_has_left_is_no_twin(self):
        """Its next connection may come from anywhere."""
        first, second = self.peer("20.60.0.1"), self.peer("20.60.0.2")
        first.dial(self.node.address)
        self.clock.advance(5)
        first.hang_up()
        self.clock.advance(1)
        second.dial(self.node.address)
        self.clock.advance(5)
        self.assertTrue(second.is_connected)

    def test_one_that_is_alive_stays(self):
        first, second = self.peer("20.60.0.1"), None
        first.dial(self.node.address)
        self.clock.advance(5)
        second = self.peer(first.host)
        second.dial(self.node.address)
        self.clock.advance(5)
        self.assertEqual((first.is_connected, second.is_connected), (True, False))

    def test_one_that_fell_silent_gives_way(self):
        """The peer lost its old connection without a word, and is back."""
        first = self.peer("20.60.0.1")
        first.dial(self.node.address)
        self.clock.advance(HALF_DEAD + 5)
        second = self.peer(first.host)
        second.dial(self.node.address)
        self.clock.advance(5)
        self.assertEqual((first.is_connected, second.is_connected), (False, True))

    def test_a_copied_peer_id_pushes_nobody_out(self):
        """However silent the peer is, and whoever's id is higher."""
        for number, peer_id in enumerate((b"-AA0001-" + bytes(12), b"-zz0001-" + b"z" * 12)):
            first = self.peer(f"20.60.{number}.1", peer_id)
            first.dial(self.node.address)
            self.clock.advance(HALF_DEAD + 5)
            thief = self.peer(f"20.61.{number}.1", peer_id)
            thief.dial(self.node.address)
            self.clock.advance(5)
            self.assertEqual((first.is_connected, thief.is_connected), (True, False))


class Bans(ConnectionsCase):
    def test_a_ban_ends_the_connections_of_a_whole_ipv6_network(self):
        self.node.stop()
        node = self.swarm.add_leecher(addresses=["2001:db8:1::1"])
        guilty, neighbour, stranger = (
            self.peer(host, b"-FK0001-%012d" % number)
            for number, host in enumerate(["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"])
        )
        for fake in (guilty, neighbour, stranger):
            fake.dial(node.address)
        self.clock.advance(5)
        node.session._shared.ban("2001:db8::1", "a test")
        self.clock.advance(1)
        connected = [fake.is_connected for fake in (guilty, neighbour, stranger)]
        self.assertEqual(connected, [False, False, True])
        neighbour.dial(node.address)
        self.clock.advance(5)
        self.assertFalse(neighbour.is_connected)
