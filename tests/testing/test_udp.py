"""Simulated UDP: loss, order, groups, firewalls, and the errors of sendto."""

# mypy: ignore-errors
# trial's assertions have no types, so a test among the checked doubles cannot be strict.

from twisted.internet.defer import gatherResults
from twisted.internet.error import CannotListenError, InvalidAddressError, MessageLengthError
from twisted.internet.protocol import DatagramProtocol
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.network import Network
from tests.testing.pair import Pair, Server
from tests.testing.udp import RECEIVE_BUFFER, SEND_QUEUE


class Heard(DatagramProtocol):
    """Keeps what it hears."""

    def __init__(self):
        self.heard = []

    def datagramReceived(self, datagram, addr):
        self.heard.append((datagram, addr))


class Datagrams(Pair):
    def setUp(self):
        super().setUp()

        self.left, self.right = Heard(), Heard()
        self.a.listenUDP(1000, self.left)
        self.b.listenUDP(2000, self.right)

    def test_there_and_back(self):
        self.left.transport.write(b"ping", ("10.0.0.2", 2000))
        self.clock.advance(0.010)
        self.assertEqual(self.right.heard, [(b"ping", ("10.0.0.1", 1000))])
        self.right.transport.write(b"pong", self.right.heard[0][1])
        self.clock.advance(0.011)
        self.assertEqual(self.left.heard, [(b"pong", ("10.0.0.2", 2000))])

    def send_numbers(self, seed):
        network = Network(seed)
        network.loss, network.jitter = 0.3, 0.05
        left, right = network.host("10.0.0.1"), network.host("10.0.0.2")
        sender, heard = DatagramProtocol(), []
        receiver = DatagramProtocol()
        receiver.datagramReceived = lambda datagram, addr: heard.append(int(datagram))
        left.listenUDP(1, sender)
        right.listenUDP(1, receiver)
        for number in range(1000):
            sender.transport.write(b"%d" % number, ("10.0.0.2", 1))
            network.clock.advance(0.001)
        network.clock.advance(1)
        return heard

    def test_lost_and_out_of_order_by_seed(self):
        heard = self.send_numbers(1)
        self.assertTrue(600 < len(heard) < 800)
        self.assertNotEqual(heard, sorted(heard))
        self.assertEqual(heard, self.send_numbers(1))
        self.assertNotEqual(heard, self.send_numbers(2))

    def test_to_nobody(self):
        for target in (("10.0.0.2", 9), ("10.9.9.9", 2000)):
            self.left.transport.write(b"x", target)
        self.clock.advance(1)
        self.assertEqual(self.right.heard, [])

    def test_cut(self):
        self.network.cut(self.a, self.b)
        self.left.transport.write(b"x", ("10.0.0.2", 2000))
        self.clock.advance(1)
        self.network.heal(self.a, self.b)
        self.clock.advance(1)
        self.assertEqual(self.right.heard, [])

    def test_stopped(self):
        self.clock.result_of(
            gatherResults([self.left.transport.stopListening(), self.port.stopListening()])
        )
        self.right.transport.write(b"x", ("10.0.0.1", 1000))
        self.clock.advance(1)
        self.assertEqual(self.left.heard, [])

    def test_dual_stack(self):
        both = Heard()
        self.a.listenUDP(3000, both, interface="::")
        for source, target in [("10.0.0.2", "10.0.0.1"), ("2001:db8::2", "2001:db8::1")]:
            sender = DatagramProtocol()
            self.b.listenUDP(0, sender, interface=source)
            sender.transport.write(b"x", (target, 3000))
        self.clock.advance(1)
        self.assertEqual([addr[0] for _, addr in both.heard], ["::ffff:10.0.0.2", "2001:db8::2"])

    def test_refused_by_the_kernel(self):
        only4 = self.network.host("10.0.0.3")
        sender = DatagramProtocol()
        only4.listenUDP(0, sender, interface="::")
        for data, target, wrong in [
            (bytes(65508), ("::ffff:10.0.0.1", 1), MessageLengthError),
            (b"x", ("::ffff:10.0.0.1", 0), OSError),
            (b"x", ("2001:db8::1", 1000), OSError),
            (b"x", ("10.0.0.1", 1000), InvalidAddressError),
        ]:
            self.assertRaises(wrong, sender.transport.write, data, target)
        broadcast = ("255.255.255.255", 1000)
        self.assertRaises(PermissionError, self.right.transport.write, b"x", broadcast)

    def test_in_use(self):
        for interface in ("", "10.0.0.1", "::"):
            self.assertRaises(CannotListenError, self.a.listenUDP, 1000, Heard(), interface)
        self.a.listenTCP(1000, Server())

    def test_connected(self):
        self.left.transport.connect("10.0.0.2", 2000)
        self.left.transport.write(b"x")
        other = Heard()
        self.b.listenUDP(2001, other)
        other.transport.write(b"not from whom we talk to", ("10.0.0.1", 1000))
        self.clock.advance(1)
        self.assertEqual((len(self.right.heard), self.left.heard), (1, []))

    def test_connecting_fixes_where_it_talks_from(self):
        for host, own in (("10.0.0.2", "10.0.0.1"), ("2001:db8::2", "2001:db8::1")):
            sender = DatagramProtocol()
            port = self.a.listenUDP(0, sender, interface="::" if ":" in own else "")
            sender.transport.connect(host, 9)
            self.assertEqual(port.getHost().host, own)

    def test_behind_a_firewall(self):
        self.a.drops_incoming = True
        self.right.transport.write(b"unasked", ("10.0.0.1", 1000))
        self.clock.advance(1)
        self.left.transport.write(b"ping", ("10.0.0.2", 2000))
        self.right.transport.write(b"pong", ("10.0.0.1", 1000))
        self.clock.advance(1)
        self.assertEqual([data for data, _ in self.left.heard], [b"pong"])

    def test_cut_to_size(self):
        small = Heard()
        self.a.listenUDP(3000, small, maxPacketSize=100)
        self.right.transport.write(bytes(200), ("10.0.0.1", 3000))
        self.clock.advance(1)
        self.assertEqual(len(small.heard[0][0]), 100)

    def test_full_buffers_lose(self):
        self.left.transport.pauseProducing()
        for _ in range(1000):
            self.right.transport.write(bytes(1000), ("10.0.0.1", 1000))
        self.clock.advance(1)
        self.left.transport.resumeProducing()
        self.clock.advance(1)
        self.assertEqual(len(self.left.heard), RECEIVE_BUFFER // 1000)
        self.b.up_line.rate = 100_000
        for _ in range(1000):
            self.right.transport.write(bytes(1000), ("10.0.0.1", 1000))
        self.clock.advance(60)
        self.assertEqual(len(self.left.heard), RECEIVE_BUFFER // 1000 + SEND_QUEUE // 1000)


class Groups(SynchronousTestCase):
    GROUP = "239.192.152.143"

    def setUp(self):
        self.network = Network()
        self.clock = self.network.clock
        self.hosts = [self.network.host(f"10.0.0.{i}") for i in (1, 2, 3)]
        self.heard = [Heard() for _ in self.hosts]
        for host, heard in zip(self.hosts, self.heard, strict=True):
            host.listenMulticast(6771, heard, listenMultiple=True)

    def send(self, sender=0):
        for heard in self.heard:
            heard.heard.clear()
        self.heard[sender].transport.write(b"x", (self.GROUP, 6771))
        self.clock.advance(1)
        return [len(heard.heard) for heard in self.heard]

    def join(self, *members):
        for member in members:
            self.clock.result_of(self.heard[member].transport.joinGroup(self.GROUP))

    def test_only_who_has_joined(self):
        self.assertEqual(self.send(), [0, 0, 0])
        self.join(0, 2)
        self.assertEqual(self.send(), [1, 0, 1])
        self.assertEqual(self.send(1), [1, 0, 1])
        self.clock.result_of(self.heard[2].transport.leaveGroup(self.GROUP))
        self.assertEqual(self.send(1), [1, 0, 0])

    def test_bound_to_the_group(self):
        """It talks from its machine's address, and hears nothing that is sent to that."""
        bound = Heard()
        port = self.hosts[1].listenMulticast(6771, bound, self.GROUP, listenMultiple=True)
        self.clock.result_of(port.joinGroup(self.GROUP))
        self.join(0)
        bound.transport.write(b"x", (self.GROUP, 6771))
        self.clock.advance(1)
        self.assertEqual(self.heard[0].heard, [(b"x", ("10.0.0.2", 6771))])
        bound.heard.clear()
        self.heard[0].transport.write(b"y", ("10.0.0.2", 6771))
        self.clock.advance(1)
        self.assertEqual((len(self.heard[1].heard), bound.heard), (1, []))

    def test_without_loopback(self):
        self.join(0, 1)
        self.heard[0].transport.setLoopbackMode(False)
        self.assertEqual(self.send(), [0, 1, 0])

    def test_two_programs_of_a_host(self):
        second = Heard()
        self.hosts[0].listenMulticast(6771, second, listenMultiple=True)
        self.clock.result_of(second.transport.joinGroup(self.GROUP))
        self.join(0)
        self.assertEqual(self.send(1), [1, 0, 0])
        self.assertEqual(len(second.heard), 1)

    def test_broadcast(self):
        self.heard[0].transport.setBroadcastAllowed(True)
        self.GROUP = "255.255.255.255"
        self.assertEqual(self.send(), [1, 1, 1])
