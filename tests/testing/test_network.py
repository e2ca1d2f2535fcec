"""The simulated network is faithful: Twisted's own clients, servers and failures run on it."""

# mypy: ignore-errors
# trial's assertions have no types, so a test among the checked doubles cannot be strict.

from twisted.internet import error
from twisted.internet.defer import gatherResults
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP4ServerEndpoint
from twisted.internet.error import (
    CannotListenError,
    ConnectBindError,
    ConnectionDone,
    ConnectionLost,
    DNSLookupError,
    NoRouteError,
)
from twisted.internet.interfaces import (
    IReactorFDSet,
    IReactorFromThreads,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    IReactorUDP,
    ITCPTransport,
)
from twisted.internet.protocol import ClientFactory, DatagramProtocol, Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.testing.network import Network
from tests.testing.tcp import SOCKET_BUFFER


class Notes(Protocol):
    """Writes down what happens to it."""

    def __init__(self):
        self.chunks = []
        self.made = 0
        self.lost = []

    @property
    def received(self):
        return b"".join(self.chunks)

    def connectionMade(self):
        self.made += 1

    def dataReceived(self, data):
        self.chunks.append(data)

    def connectionLost(self, reason):
        self.lost.append(reason.type)


class Server(Factory):
    protocol = Notes

    def __init__(self):
        self.built = []

    def buildProtocol(self, addr):
        built = super().buildProtocol(addr)
        self.built.append(built)
        return built


class Pair(SynchronousTestCase):
    """Two hosts, and a connection when asked for."""

    def setUp(self):
        self.network = Network()
        self.clock = self.network.clock
        self.a = self.network.host("10.0.0.1", "2001:db8::1")
        self.b = self.network.host("10.0.0.2", "2001:db8::2")
        self.server = Server()
        self.port = self.a.listenTCP(6881, self.server)

    def dial(self, host="10.0.0.1", port=6881, **options):
        endpoint = TCP4ClientEndpoint(self.b, host, port, **options)
        return endpoint.connect(Factory.forProtocol(Notes))

    def connect(self):
        """The client's protocol and the server's."""
        client = self.clock.result_of(self.dial())
        self.clock.advance(1)
        return client, self.server.built[-1]


class Connecting(Pair):
    def test_interfaces(self):
        for interface in (
            IReactorTime,
            IReactorTCP,
            IReactorUDP,
            IReactorFDSet,
            IReactorFromThreads,
            IReactorPluggableNameResolver,
        ):
            verifyObject(interface, self.a)
        client, served = self.connect()
        verifyObject(ITCPTransport, client.transport)
        verifyObject(ITCPTransport, served.transport)

    def test_one_round_trip(self):
        client = self.clock.result_of(self.dial())
        self.assertEqual(round(self.clock.seconds(), 9), 0.020)
        self.assertEqual(self.server.built, [])
        client.transport.write(b"hello")
        self.clock.advance(0.010)
        self.assertEqual(self.server.built[0].chunks, [b"hello"])

    def test_addresses(self):
        client, served = self.connect()
        self.assertEqual(client.transport.getPeer(), served.transport.getHost())
        self.assertEqual(client.transport.getHost(), served.transport.getPeer())
        self.assertEqual(client.transport.getPeer().host, "10.0.0.1")
        self.assertEqual(client.transport.getPeer().port, 6881)
        self.assertEqual(client.transport.getHost().host, "10.0.0.2")

    def test_refused(self):
        failed = self.dial(port=1)
        self.assertRaises(error.ConnectionRefusedError, self.clock.result_of, failed)
        self.assertEqual(round(self.clock.seconds(), 9), 0.020)
        self.a.refuse = True
        self.assertRaises(error.ConnectionRefusedError, self.clock.result_of, self.dial())

    def test_times_out(self):
        for host in ("10.9.9.9", "10.0.0.1"):
            self.a.drops_incoming = True
            start = self.clock.seconds()
            failed = self.dial(host, timeout=7)
            self.assertRaises(error.TimeoutError, self.clock.result_of, failed)
            self.assertEqual(round(self.clock.seconds() - start, 6), 7)
        self.assertEqual(self.server.built, [])

    def test_no_address_of_that_family(self):
        only4 = self.network.host("10.0.0.3")
        failed = HostnameEndpoint(only4, "2001:db8::1", 6881).connect(Server())
        self.assertRaises(NoRouteError, self.clock.result_of, failed)

    def test_bind_address(self):
        host = self.network.host("10.0.1.1", "10.0.1.2", "10.0.1.3")
        endpoint = TCP4ClientEndpoint(host, "10.0.0.1", 6881, bindAddress=("10.0.1.2", 4000))
        client = self.clock.result_of(endpoint.connect(Server()))
        self.clock.advance(1)
        peer = self.server.built[0].transport.getPeer()
        self.assertEqual((peer.host, peer.port), ("10.0.1.2", 4000))
        client.transport.loseConnection()
        failed = self.dial(bindAddress=("10.0.1.1", 0))
        self.assertRaises(ConnectBindError, self.clock.result_of, failed)

    def test_cancelled(self):
        attempt = self.dial()
        failures = []
        attempt.addErrback(lambda reason: failures.append(reason.type.__name__))
        attempt.cancel()
        self.clock.advance(1)
        self.assertEqual(failures, ["ConnectingCancelledError"])
        self.assertEqual(self.server.built, [])

    def test_client_factory(self):
        story = []

        class Story(ClientFactory):
            protocol = Notes

            def startedConnecting(self, connector):
                story.append("started")

            def clientConnectionFailed(self, connector, reason):
                story.append(reason.type)

            def clientConnectionLost(self, connector, reason):
                story.append(reason.type)

        connector = self.b.connectTCP("10.0.0.1", 6881, Story())
        self.clock.advance(1)
        connector.disconnect()
        self.clock.advance(1)
        self.b.connectTCP("10.0.0.1", 1, Story())
        self.clock.advance(1)
        self.assertEqual(
            story, ["started", ConnectionDone, "started", error.ConnectionRefusedError]
        )


class Ports(Pair):
    def test_in_use(self):
        for interface in ("", "10.0.0.1", "::"):
            self.assertRaises(CannotListenError, self.a.listenTCP, 6881, Server(), 50, interface)
        self.assertRaises(CannotListenError, self.a.listenTCP, 1, Server(), 50, "10.0.0.2")

    def test_free_again(self):
        self.clock.result_of(self.port.stopListening())
        self.assertEqual(self.network.leftovers(), [])
        self.a.listenTCP(6881, Server())

    def test_port_0(self):
        ports = [self.a.listenTCP(0, Server()).getHost().port for _ in range(3)]
        self.assertEqual(len({0, *ports}), 4)
        self.clock.result_of(self.dial(port=ports[1]))

    def test_one_interface(self):
        self.a.listenTCP(7000, Server(), interface="127.0.0.1")
        self.assertRaises(error.ConnectionRefusedError, self.clock.result_of, self.dial(port=7000))
        own = TCP4ClientEndpoint(self.a, "127.0.0.1", 7000).connect(Factory.forProtocol(Notes))
        self.assertEqual(self.clock.result_of(own).transport.getHost().host, "127.0.0.1")

    def test_dual_stack(self):
        self.a.listenTCP(7000, self.server, interface="::")
        for host in ("10.0.0.1", "2001:db8::1"):
            endpoint = HostnameEndpoint(self.b, host, 7000)
            self.clock.result_of(endpoint.connect(Factory.forProtocol(Notes)))
        self.clock.advance(1)
        peers = [built.transport.getPeer().host for built in self.server.built]
        self.assertEqual(peers, ["::ffff:10.0.0.2", "2001:db8::2"])


class Closing(Pair):
    def test_done_on_both_sides_once(self):
        client, served = self.connect()
        client.transport.loseConnection()
        client.transport.loseConnection()
        self.assertEqual(client.lost, [])
        self.clock.advance(1)
        self.assertEqual((client.lost, served.lost), ([ConnectionDone], [ConnectionDone]))

    def test_what_was_written_arrives(self):
        client, served = self.connect()
        data = bytes(1_000_000)
        client.transport.write(data)
        client.transport.loseConnection()
        self.clock.advance(10)
        self.assertEqual(served.received, data)
        self.assertEqual((client.lost, served.lost), ([ConnectionDone], [ConnectionDone]))

    def test_abort(self):
        client, served = self.connect()
        client.transport.write(b"never sent")
        client.transport.abortConnection()
        self.assertEqual(client.lost, [])
        self.clock.advance(1)
        self.assertEqual(served.chunks, [])
        self.assertEqual([kind.__name__ for kind in client.lost], ["ConnectionAborted"])
        self.assertEqual(served.lost, [ConnectionLost])

    def test_reset(self):
        client, served = self.connect()
        self.network.reset(self.a)
        self.assertEqual((client.lost, served.lost), ([], []))
        self.clock.advance(1)
        self.assertEqual((client.lost, served.lost), ([ConnectionLost], [ConnectionLost]))

    def test_never_inside_write(self):
        client, served = self.connect()
        served.dataReceived = lambda data: served.transport.abortConnection()
        for _ in range(3):
            client.transport.write(b"x")
            self.assertEqual((client.lost, served.lost), ([], []))
        self.clock.advance(1)
        client.transport.write(b"x")
        self.assertEqual(client.lost, [ConnectionLost])

    def test_an_error_in_the_protocol_ends_its_connection(self):
        client, served = self.connect()
        served.dataReceived = lambda data: 1 // 0
        client.transport.write(b"x")
        self.clock.advance(1)
        self.assertEqual(served.lost, [ZeroDivisionError])
        self.assertEqual(len(client.lost), 1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_closed_with_something_unread(self):
        client, served = self.connect()
        served.transport.pauseProducing()
        client.transport.write(b"unread")
        self.clock.advance(1)
        served.transport.loseConnection()
        self.clock.advance(1)
        self.assertEqual((client.lost, served.lost), ([ConnectionDone], [ConnectionDone]))

    def test_writing_to_the_closed(self):
        client, served = self.connect()
        client.transport.pauseProducing()
        served.transport.loseConnection()
        self.clock.advance(1)
        client.transport.write(b"x")
        self.clock.advance(1)
        self.assertEqual(client.lost, [])
        client.transport.write(b"x")
        self.clock.advance(1)
        self.assertEqual(client.lost, [ConnectionLost])


class Data(Pair):
    def test_bytes_only(self):
        client, _ = self.connect()
        for wrong in (bytearray(b"x"), memoryview(b"x"), "x", None):
            self.assertRaises(TypeError, client.transport.write, wrong)

    def test_written_at_once_arrives_at_once(self):
        client, served = self.connect()
        for piece in (b"a", b"b", b"c"):
            client.transport.write(piece)
        client.transport.writeSequence([b"d", b"e"])
        self.clock.advance(1)
        self.assertEqual(served.chunks, [b"abcde"])

    def test_chunks_of_buffer_size(self):
        client, served = self.connect()
        served.transport.bufferSize = 100_000
        client.transport.write(bytes(250_000))
        self.clock.advance(1)
        self.assertEqual(len(served.received), 250_000)
        self.assertLessEqual(max(map(len, served.chunks)), 100_000)

    def test_a_paused_receiver_stops_the_sender(self):
        client, served = self.connect()
        served.transport.pauseProducing()
        data = bytes(range(256)) * 4096
        client.transport.write(data)
        self.clock.advance(60)
        self.assertEqual(served.chunks, [])
        waiting = len(client.transport.dataBuffer) + client.transport._tempDataLen
        self.assertEqual(waiting - client.transport.offset, len(data) - SOCKET_BUFFER)
        served.transport.resumeProducing()
        self.assertEqual(served.chunks, [])
        self.clock.advance(60)
        self.assertEqual(served.received, data)

    def test_push_producer(self):
        client, served = self.connect()
        story = []

        class Push:
            def pauseProducing(self):
                story.append("pause")

            def resumeProducing(self):
                story.append("resume")

            def stopProducing(self):
                story.append("stop")

        client.transport.registerProducer(Push(), True)
        client.transport.write(bytes(client.transport.bufferSize))
        self.assertEqual(story, [])
        client.transport.write(b"x")
        self.assertEqual(story, ["pause"])
        self.clock.advance(1)
        self.assertEqual(story, ["pause", "resume"])
        served.transport.loseConnection()
        self.clock.advance(1)
        self.assertEqual(story, ["pause", "resume", "stop"])

    def test_pull_producer(self):
        client, served = self.connect()
        served.transport.pauseProducing()
        given = []

        class Pull:
            def resumeProducing(self):
                given.append(16384)
                client.transport.write(bytes(16384))

            def stopProducing(self):
                pass

        client.transport.registerProducer(Pull(), False)
        self.clock.advance(60)
        self.assertLessEqual(sum(given), SOCKET_BUFFER + 16384)
        self.assertGreater(sum(given), SOCKET_BUFFER // 2)
        served.transport.resumeProducing()
        self.clock.advance(1)
        self.assertGreater(sum(given), 4 * SOCKET_BUFFER)
        client.transport.abortConnection()
        self.clock.advance(1)

    def test_tcp_options_are_remembered(self):
        client, _ = self.connect()
        client.transport.setTcpNoDelay(True)
        client.transport.setTcpKeepAlive(True)
        self.assertTrue(client.transport.getTcpNoDelay() and client.transport.getTcpKeepAlive())


class Speed(Pair):
    def transfer(self, up=None, down=None, size=1_000_000):
        sender = self.network.host("10.0.2.1", up=up)
        receiver = self.network.host("10.0.2.2", down=down)
        server = Server()
        receiver.listenTCP(1, server)
        endpoint = TCP4ClientEndpoint(sender, "10.0.2.2", 1)
        client = self.clock.result_of(endpoint.connect(Factory.forProtocol(Notes)))
        start = self.clock.seconds()
        client.transport.write(bytes(size))
        self.clock.run_until(lambda: server.built and len(server.built[0].received) == size)
        return self.clock.seconds() - start

    def test_up(self):
        self.assertEqual(round(self.transfer(up=100_000)), 10)

    def test_down(self):
        self.assertEqual(round(self.transfer(down=100_000)), 10)

    def test_shared_fairly(self):
        sender = self.network.host("10.0.2.1", up=100_000)
        clients = []
        for _ in range(4):
            endpoint = TCP4ClientEndpoint(sender, "10.0.0.1", 6881)
            clients.append(self.clock.result_of(endpoint.connect(Factory.forProtocol(Notes))))
        self.clock.advance(1)
        for client in clients[:3]:
            client.transport.write(bytes(1_000_000))
        self.clock.advance(10)
        shares = [len(served.received) for served in self.server.built[:3]]
        self.assertLess(max(shares) - min(shares), 20_000)
        clients[3].transport.write(b"x")
        self.assertLess(self.clock.run_until(lambda: self.server.built[3].received), 0.2)


class Faults(Pair):
    def test_cut_and_healed(self):
        client, served = self.connect()
        self.network.cut(self.a, self.b)
        client.transport.write(b"one ")
        self.clock.advance(10)
        client.transport.write(b"two")
        self.clock.advance(10)
        self.assertEqual((served.chunks, served.lost, client.lost), ([], [], []))
        self.network.heal(self.a, self.b)
        self.clock.advance(1)
        self.assertEqual(served.received, b"one two")

    def test_cut_for_good(self):
        client, served = self.connect()
        self.network.cut(self.a, self.b)
        client.transport.write(b"x")
        self.clock.advance(1000)
        self.assertEqual((client.lost, served.lost), ([ConnectionLost], []))

    def test_connecting_across_a_cut(self):
        self.network.cut(self.b, self.a)
        attempt = self.dial()
        self.clock.advance(5)
        self.network.heal(self.a, self.b)
        self.clock.result_of(attempt)

    def test_vanish_and_appear(self):
        client, served = self.connect()
        self.a.vanish()
        client.transport.write(b"x")
        self.clock.advance(60)
        self.assertEqual((served.chunks, client.lost), ([], []))
        self.a.appear()
        self.clock.advance(1)
        self.assertEqual(served.chunks, [b"x"])

    def test_leftovers(self):
        self.assertEqual(self.network.leftovers(), ["<listening port of 10.0.0.1: port 6881>"])
        client, _ = self.connect()
        self.b.callLater(5, self.connect)
        self.assertEqual(len(self.network.leftovers()), 4)
        self.b.getDelayedCalls()[0].cancel()
        client.transport.loseConnection()
        self.port.stopListening()
        self.clock.advance(1)
        self.assertEqual(self.network.leftovers(), [])


class Names(Pair):
    def test_hostname_endpoint(self):
        self.network.names["seed.example"] = ["10.0.0.1"]
        endpoint = HostnameEndpoint(self.b, "seed.example", 6881)
        self.clock.result_of(endpoint.connect(Factory.forProtocol(Notes)))

    def test_unknown(self):
        endpoint = HostnameEndpoint(self.b, "nobody.example", 6881)
        failed = endpoint.connect(Factory.forProtocol(Notes))
        self.assertRaises(DNSLookupError, self.clock.result_of, failed)

    def test_server_endpoint(self):
        listening = TCP4ServerEndpoint(self.a, 7000).listen(self.server)
        self.clock.result_of(listening)
        self.clock.result_of(self.dial(port=7000))


class Datagrams(Pair):
    def setUp(self):
        super().setUp()

        class Heard(DatagramProtocol):
            def __init__(self):
                self.heard = []

            def datagramReceived(self, datagram, addr):
                self.heard.append((datagram, addr))

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


class Deterministic(SynchronousTestCase):
    def story(self):
        network = Network(5)
        hosts = [network.host(f"10.0.0.{i}", up=50_000, latency=i / 1000) for i in range(1, 9)]
        log = []

        class Talk(Protocol):
            def connectionMade(self):
                self.transport.write(bytes(30_000))

            def dataReceived(self, data):
                here = self.transport.getHost()
                log.append((network.clock.seconds(), here.host, here.port, len(data)))

        talk = Factory.forProtocol(Talk)
        for host in hosts:
            host.listenTCP(1, talk)
            for other in hosts:
                TCP4ClientEndpoint(host, other.name, 1).connect(talk)
        network.clock.advance(60)
        return log

    def test_twice_the_same(self):
        self.assertEqual(self.story(), self.story())
