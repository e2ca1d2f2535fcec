"""The simulated network: connecting, ports, names, and the same order every time."""

# mypy: ignore-errors
# trial's assertions have no types, so a test among the checked doubles cannot be strict.

from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
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
    IHostnameResolver,
    IHostResolution,
    IReactorFDSet,
    IReactorFromThreads,
    IReactorMulticast,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    IReactorUDP,
    IResolutionReceiver,
    ITCPTransport,
)
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.testing.network import Network
from tests.testing.pair import Notes, Pair, Server
from tests.testing.ports import FIRST_FREE


class Connecting(Pair):
    def test_interfaces(self):
        for interface in (
            IReactorTime,
            IReactorTCP,
            IReactorUDP,
            IReactorMulticast,
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

    def test_no_address_of_one_host(self):
        for group in ("239.1.2.3", "255.255.255.255"):
            self.assertRaises(NoRouteError, self.clock.result_of, self.dial(group))

    def test_port_closed_before_we_are_accepted(self):
        client = self.clock.result_of(self.dial())
        self.port.stopListening()
        self.clock.advance(1)
        self.assertEqual((client.lost, self.server.built), ([ConnectionLost], []))

    def test_port_closed_that_did_not_accept(self):
        self.port.stopReading()
        client = self.clock.result_of(self.dial())
        self.clock.advance(1)
        self.assertEqual(client.lost, [])
        self.port.stopListening()
        self.clock.advance(1)
        self.assertEqual((client.lost, self.server.built), ([ConnectionLost], []))

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
        self.a.listenTCP(FIRST_FREE + 1, Server())
        ports = [self.a.listenTCP(0, Server()).getHost().port for _ in range(3)]
        self.assertEqual(len({0, FIRST_FREE + 1, *ports}), 5)
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


class Names(Pair):
    def test_hostname_endpoint(self):
        self.network.names["seed.example"] = ["10.0.0.1"]
        endpoint = HostnameEndpoint(self.b, "seed.example", 6881)
        self.clock.result_of(endpoint.connect(Factory.forProtocol(Notes)))

    def test_unknown(self):
        endpoint = HostnameEndpoint(self.b, "nobody.example", 6881)
        failed = endpoint.connect(Factory.forProtocol(Notes))
        self.assertRaises(DNSLookupError, self.clock.result_of, failed)

    def test_literals(self):
        """What getaddrinfo takes for an address, the guards of addresses must see as one."""
        for name, address in [
            ("10.0.0.1", "10.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("::1", "::1"),
        ]:
            self.assertEqual(self.lookup(name), [address])
        self.assertEqual(self.lookup("localhost"), ["127.0.0.1", "::1"])

    def test_kinds(self):
        self.network.names["seed.example"] = ["10.0.0.1", "2001:db8::1"]
        self.assertEqual(self.lookup("Seed.Example", [IPv6Address]), ["2001:db8::1"])
        self.assertEqual(self.lookup("seed.example", [IPv4Address]), ["10.0.0.1"])

    def lookup(self, name, kinds=None):
        found, done = [], []

        @implementer(IResolutionReceiver)
        class Receiver:
            def resolutionBegan(self, resolution):
                verifyObject(IHostResolution, resolution)

            def addressResolved(self, address):
                found.append(address.host)

            def resolutionComplete(self):
                done.append(True)

        verifyObject(IHostnameResolver, self.b.nameResolver)
        self.b.nameResolver.resolveHostName(Receiver(), name, addressTypes=kinds)
        self.assertEqual(done, [])
        self.clock.run_until(lambda: done)
        return found

    def test_another_resolver(self):
        class Nobody:
            pass

        nobody = Nobody()
        previous = self.b.installNameResolver(nobody)
        self.assertIs(self.b.nameResolver, nobody)
        self.assertIs(self.b.installNameResolver(previous), nobody)

    def test_server_endpoint(self):
        listening = TCP4ServerEndpoint(self.a, 7000).listen(self.server)
        self.clock.result_of(listening)
        self.clock.result_of(self.dial(port=7000))


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
