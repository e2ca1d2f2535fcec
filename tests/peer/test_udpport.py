"""The UDP port: both families, who gets what, what cannot be sent, another port."""

import errno
import socket

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.testing.network import Network
from txtorrent.address import Address
from txtorrent.peer.udpport import RETRY, UdpPort, is_dht

FOUR, SIX = "203.0.113.1", "2001:db8::1"
THERE4, THERE6 = "203.0.113.2", "2001:db8::2"


class Peer(DatagramProtocol):
    """Somebody else, who keeps what comes."""

    noisy = False

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, tuple[str, int]]] = []

    def datagramReceived(self, datagram, addr) -> None:
        self.heard.append((datagram, addr))


class Simulated(SynchronousTestCase):
    def setUp(self) -> None:
        self.network = Network()
        self.us = self.network.host(FOUR, SIX)
        self.them = self.network.host(THERE4, THERE6)
        self.dht: list[tuple[bytes, Address]] = []
        self.rest: list[tuple[bytes, Address]] = []

    def begin(self, interface: str | None = None, port: int = 6881) -> UdpPort:
        udp = UdpPort(self.us, port, interface)
        udp.add_receiver(is_dht, lambda data, source: self.dht.append((data, source)))
        udp.add_receiver(lambda data: data[0] == 0x41, lambda *it: self.rest.append(it))
        udp.listen()
        self.addCleanup(lambda: self.network.clock.result_of(udp.stop()))
        return udp

    def peer(self, host: str, port: int = 7000):
        peer = Peer()
        self.them.listenUDP(port, peer, interface=host)
        return peer

    def run_for(self, seconds: float = 1.0) -> None:
        self.network.clock.advance(seconds)

    def test_both_families(self) -> None:
        udp = self.begin()
        for host, ours in ((THERE4, FOUR), (THERE6, SIX)):
            peer = self.peer(host)
            udp.send(b"hello", Address(host, 7000))
            self.run_for()
            self.assertEqual(peer.heard, [(b"hello", (ours, 6881))])
            peer.transport.write(b"d1", (ours, 6881))
            self.run_for()
            self.assertEqual(self.dht[-1], (b"d1", Address(host, 7000)))
        self.assertEqual(udp.lost, {})

    def test_who_gets_what(self) -> None:
        udp = self.begin()
        peer = self.peer(THERE4)
        for datagram in (b"d", b"\x41\x00", b"x", b"", b"dd"):
            peer.transport.write(datagram, (FOUR, 6881))
        self.run_for()
        source = Address(THERE4, 7000)
        self.assertEqual(sorted(self.dht), [(b"d", source), (b"dd", source)])
        self.assertEqual(self.rest, [(b"\x41\x00", source)])
        self.assertEqual(udp.lost, {"for nobody": 2})

    def test_an_interface(self) -> None:
        for interface, there, other in ((FOUR, THERE4, THERE6), (SIX, THERE6, THERE4)):
            udp = self.begin(interface, 0)
            peer = self.peer(there)
            udp.send(b"hello", Address(there, 7000))
            udp.send(b"hello", Address(other, 7000))
            self.run_for()
            self.assertEqual(peer.heard, [(b"hello", (interface, udp.port))])
            self.assertEqual(sum(udp.lost.values()), 1)

    def test_what_cannot_be_sent(self) -> None:
        udp = UdpPort(self.us, 6881)
        udp.send(b"early", Address(THERE4, 7000))
        udp = self.begin()
        udp.send(b"x" * 70_000, Address(THERE4, 7000))
        udp.send(b"x", Address(THERE4, 0))
        self.run_for()
        self.assertEqual(sum(udp.lost.values()), 2)

    def test_another_port(self) -> None:
        udp = self.begin()
        peer = self.peer(THERE4)
        udp.rebind(6999)
        self.assertEqual(udp.port, 6999)
        for port in (6881, 6999):
            peer.transport.write(b"d%d" % port, (FOUR, port))
        self.run_for()
        self.assertEqual([data for data, _ in self.dht], [b"d6999"])
        self.us.listenUDP(7100, Peer(), interface="::")
        self.assertRaises(CannotListenError, udp.rebind, 7100)
        self.assertEqual(udp.port, 6999)
        self.run_for(60.0)

    def test_stopped(self) -> None:
        udp = self.begin()
        self.network.clock.result_of(udp.stop())
        udp.send(b"late", Address(THERE4, 7000))
        self.run_for(60.0)
        self.assertEqual((udp.port, udp.lost), (0, {"no socket": 1}))


class Fallbacks(SynchronousTestCase):
    def test_without_ipv6(self) -> None:
        reactor = MemoryReactorClock()
        asked = []

        def listen(port, protocol, interface="", maxPacketSize=0):
            asked.append(interface)
            if interface == "::":
                error = OSError(errno.EAFNOSUPPORT, "no IPv6")
                raise CannotListenError(interface, port, error)

        reactor.listenUDP = listen
        UdpPort(reactor, 6881).listen()
        self.assertEqual(asked, ["::", "0.0.0.0"])
        reactor.listenUDP = self.refuse
        self.assertRaises(CannotListenError, UdpPort(reactor, 6881).listen)
        self.assertRaises(CannotListenError, UdpPort(reactor, 6881, "::1").listen)

    def refuse(self, port, protocol, interface="", maxPacketSize=0):
        raise CannotListenError(interface, port, OSError(errno.EADDRINUSE, "taken"))

    def test_a_socket_that_is_closed_on_us_is_opened_again(self) -> None:
        network = Network()
        udp = UdpPort(network.host(FOUR), 6881)
        udp.listen()
        udp._opening.transport.connectionLost()
        self.assertEqual(udp.port, 0)
        network.clock.advance(RETRY + 1)
        self.assertEqual(udp.port, 6881)
        network.clock.result_of(udp.stop())
        self.assertEqual(network.clock.timers(), [])


class Real(TestCase):
    """On the machine's own sockets, of which the simulated ones are a copy."""

    async def test_both_families(self) -> None:
        if not socket.has_ipv6:
            self.skipTest("no IPv6")
        one, two = UdpPort(reactor, 0), UdpPort(reactor, 0)
        heard = []
        for each in (one, two):
            each.add_receiver(is_dht, lambda *it: heard.append(it))
            each.listen()
        hosts = ["127.0.0.1"]
        one.send(b"d4", Address("127.0.0.1", two.port))
        if ":" in one._opening.transport.getHost().host:
            one.send(b"d6", Address("::1", two.port))
            hosts.append("::1")
        one.send(b"x" * 70_000, Address("127.0.0.1", two.port))
        for _ in range(100):
            if len(heard) == len(hosts):
                break
            await deferLater(reactor, 0.02)
        self.assertEqual([source.host for _, source in heard], hosts)
        self.assertEqual({source.port for _, source in heard}, {one.port})
        self.assertEqual(one.lost, {"EMSGSIZE": 1})
        await gatherResults([one.stop(), two.stop()])
