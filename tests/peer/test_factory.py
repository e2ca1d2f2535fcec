"""Who may come in, and how many wait without a handshake (THREATS B1, B8)."""

from twisted.internet.address import IPv4Address, IPv6Address

from tests.peer.case import OURS, PORT, PeerCase
from txtorrent.address import Address
from txtorrent.peer.factory import MOST_WAITING, MOST_WAITING_FROM_ONE, OutboundFactory


class Lobby(PeerCase):
    def silent(self, host=None):
        """A peer that connects and says nothing."""
        fake = self.fake(host=host)
        fake.greeting = None
        fake.dial(Address(OURS, PORT))
        return fake

    def hosts(self, count):
        return [self.network.host(f"30.{n // 250}.{n % 250}.1") for n in range(count)]

    def test_the_oldest_makes_room(self):
        fakes = []
        for host in self.hosts(MOST_WAITING + 3):
            fakes.append(self.silent(host))
            self.clock.advance(0.04)
        self.clock.advance(0.1)
        self.assertEqual([fake.closed for fake in fakes[:4]], [1, 1, 1, 0])
        self.assertEqual(sum(fake.is_connected for fake in fakes), MOST_WAITING)

    def test_all_at_once(self):
        """Accepted in one go, before any of them could be closed."""
        fakes = [self.silent(host) for host in self.hosts(2 * MOST_WAITING)]
        self.clock.advance(1)
        self.assertEqual(sum(fake.is_connected for fake in fakes), MOST_WAITING)

    def test_few_from_one_host(self):
        """One host cannot push everyone else out."""
        others = [self.silent(host) for host in self.hosts(20)]
        self.clock.advance(1)
        crowd = [self.silent() for _ in range(2 * MOST_WAITING)]
        self.clock.advance(1)
        self.assertEqual(sum(fake.is_connected for fake in crowd), MOST_WAITING_FROM_ONE)
        self.assertEqual(sum(fake.is_connected for fake in others), 20)

    def test_room_is_given_back(self):
        """By those that found their torrent, and by those that are gone."""
        for _ in range(2 * MOST_WAITING_FROM_ONE):
            self.connect()
        crowd = [self.silent() for _ in range(MOST_WAITING_FROM_ONE)]
        self.clock.advance(1)
        for fake in crowd:
            fake.stop()
        self.clock.advance(1)
        again = [self.silent() for _ in range(MOST_WAITING_FROM_ONE)]
        self.clock.advance(1)
        self.assertEqual(sum(fake.is_connected for fake in again), MOST_WAITING_FROM_ONE)

    def test_turned_away(self):
        self.refusal = "banned"
        fake = self.silent()
        self.clock.advance(1)
        self.assertEqual((fake.connected, fake.closed), (1, 1))

    def test_close_waiting(self):
        waiting = self.silent()
        taking_part, _ = self.connect()
        self.factory.close_waiting()
        self.clock.advance(1)
        self.assertEqual((waiting.closed, taking_part.closed), (1, 0))

    def test_addresses(self):
        rows = [
            (IPv4Address("TCP", "1.2.3.4", 5), Address("1.2.3.4", 5)),
            (IPv6Address("TCP", "::ffff:1.2.3.4", 5), Address("1.2.3.4", 5)),
            (IPv6Address("TCP", "2001:DB8::0:1", 5), Address("2001:db8::1", 5)),
            (IPv6Address("TCP", "fe80::1%eth0", 5, 0, 2), Address("fe80::1", 5)),
        ]
        for seen, address in rows:
            link = self.factory.buildProtocol(seen)
            self.factory.left_lobby(link)
            self.assertEqual(link.address, address)


class Dialling(PeerCase):
    def test_refused(self):
        failed = []
        address = Address("20.2.0.1", 1)
        made = []
        factory = OutboundFactory(
            self.ours, address, self.above, made.append, lambda *why: failed.append(why)
        )
        self.ours.connectTCP(*address, factory)
        self.clock.advance(1)
        [(where, why)] = failed
        self.assertEqual((where, made), (address, []))
        self.assertIn("refused", why)

    def test_told_before_the_connection_is_made(self):
        made = []
        factory = OutboundFactory(self.ours, Address("1.2.3.4", 5), self.above, made.append, None)
        link = factory.buildProtocol(None)
        self.assertEqual(made, [link])
