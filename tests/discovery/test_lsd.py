"""Local service discovery on the simulated network: who finds whom, and what is not believed."""

from random import Random

from twisted.internet.protocol import DatagramProtocol
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.network import Network
from txtorrent.address import Address
from txtorrent.discovery.floodlimit import BURST
from txtorrent.discovery.lsd import RETRY, LocalDiscovery
from txtorrent.discovery.rota import EVERY
from txtorrent.wire import lsd
from txtorrent.wire.lsd import GROUP4, GROUP6, PORT, Announce

A, B, SECRET = b"a" * 20, b"b" * 20, b"private torrent 1234"


class Ear(DatagramProtocol):
    """Somebody else on the network, who hears both groups and says what he is told to."""

    def __init__(self, host, group: str) -> None:
        self.heard: list[bytes] = []
        host.listenMulticast(PORT, self, interface=group, listenMultiple=True)
        self.group = group
        self.transport.joinGroup(group)

    def datagramReceived(self, datagram: bytes, addr) -> None:
        self.heard.append(datagram)

    def say(self, datagram: bytes) -> None:
        self.transport.write(datagram, (self.group, PORT))


class Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.network = Network(1)
        self.clock = self.network.clock
        self.found: dict[str, list[tuple[bytes, Address]]] = {}
        self.running: list[LocalDiscovery] = []
        self.ears: list[Ear] = []

    def tearDown(self) -> None:
        for each in self.running:
            self.clock.result_of(each.stop())
        for ear in self.ears:
            ear.transport.stopListening()
        self.clock.advance(1)
        # A socket without a port could not be bound; the real one goes with its last reference.
        left = [each for each in self.network.leftovers() if not each.endswith("port 0>")]
        self.assertEqual(left, [])

    def run_at(self, *addresses: str, port: int = 6881, interface=None, host=None, **options):
        """A machine with local discovery."""
        host = host or self.network.host(*addresses)
        found = self.found.setdefault(addresses[0], [])
        made = LocalDiscovery(
            host,
            Random(addresses[0]),
            lambda: port,
            lambda info_hash, address: found.append((info_hash, address)),
            interface,
            **options,
        )
        self.running.append(made)
        made.start()
        return made

    def ear(self, *addresses: str, group: str = GROUP4) -> Ear:
        self.ears.append(Ear(self.network.host(*addresses), group))
        return self.ears[-1]

    def said(self, needle: str) -> list[str]:
        """The lines of the log that have this, from now on."""
        lines: list[str] = []

        def observe(event) -> None:
            text = (event.get("log_format") or "").format(**event)
            if needle in text:
                lines.append(text)

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        return lines


class FindingTests(Case):
    def test_two_find_each_other(self) -> None:
        one, two = self.run_at("192.168.0.1"), self.run_at("192.168.0.2", port=7000)
        one.join(A)
        two.join(A)
        self.clock.advance(5)
        self.assertEqual(self.found["192.168.0.1"], [(A, Address("192.168.0.2", 7000))])
        self.assertEqual(self.found["192.168.0.2"], [(A, Address("192.168.0.1", 6881))])
        self.assertEqual(one.status.dropped, {"our own": 1})
        self.assertEqual((one.status.sent, one.status.received), (1, 2))
        self.assertEqual(one.status.torrents, 1)

    def test_by_both_families(self) -> None:
        for number in (1, 2):
            self.run_at(f"192.168.0.{number}", f"fd00::{number}").join(A)
        self.clock.advance(5)
        self.assertEqual(
            {address.host for _, address in self.found["192.168.0.1"]}, {"192.168.0.2", "fd00::2"}
        )
        self.assertEqual(self.running[0].status.listening, (GROUP4, GROUP6))

    def test_two_programs_of_a_machine(self) -> None:
        one = self.run_at("192.168.0.1")
        host = self.network.hosts[0]
        two = self.run_at("192.168.0.1", port=7000, host=host)
        two._cookie = b"another"
        one.join(A)
        two.join(A)
        self.clock.advance(5)
        self.assertEqual(
            sorted(self.found["192.168.0.1"]),
            [(A, Address("192.168.0.1", 6881)), (A, Address("192.168.0.1", 7000))],
        )

    def test_again_and_again(self) -> None:
        self.run_at("192.168.0.1").join(A)
        self.run_at("192.168.0.2").join(A)
        self.clock.advance(3 * EVERY)
        self.assertEqual(len(self.found["192.168.0.1"]), 3)

    def test_many_torrents_share_datagrams(self) -> None:
        one, two = self.run_at("192.168.0.1"), self.run_at("192.168.0.2")
        for number in range(120):
            one.join(number.to_bytes(20, "big"))
            two.join(number.to_bytes(20, "big"))
        self.clock.advance(EVERY)
        self.assertEqual(len({info_hash for info_hash, _ in self.found["192.168.0.1"]}), 120)
        self.assertEqual(one.status.sent, 5)

    def test_what_libtorrent_and_transmission_write(self) -> None:
        us, other = self.run_at("192.168.0.1"), self.ear("192.168.0.9")
        us.join(A)
        for text in (
            f"Port: 51413\r\nInfohash: {A.hex()}\r\ncookie: 5f3a\r\n\r\n\r\n",
            f"Port: 6881\r\nInfohash: {A.hex().upper()}\r\n\r\n\r\n",
        ):
            head = f"BT-SEARCH * HTTP/1.1\r\nHost: {GROUP4}:6771\r\n"
            other.say((head + text).encode())
        self.clock.advance(1)
        ports = [address.port for _, address in self.found["192.168.0.1"]]
        self.assertEqual(ports, [51413, 6881])


class SilenceTests(Case):
    """D8, F4."""

    def test_nothing_is_said_of_what_has_not_joined(self) -> None:
        us, other = self.run_at("192.168.0.1"), self.ear("192.168.0.9")
        self.clock.advance(1000)
        self.assertEqual((other.heard, us.status.sent), ([], 0))

    def test_nothing_is_said_after_leaving(self) -> None:
        us, other = self.run_at("192.168.0.1"), self.ear("192.168.0.9")
        us.join(A)
        us.join(SECRET)
        us.leave(SECRET)
        self.clock.advance(1000)
        self.assertEqual(len(other.heard), 4)
        self.assertFalse(any(SECRET.hex().encode() in each for each in other.heard))
        us.leave(A)
        self.clock.advance(1000)
        self.assertEqual(len(other.heard), 4)

    def test_nobody_is_found_for_what_has_not_joined(self) -> None:
        us, other = self.run_at("192.168.0.1"), self.ear("192.168.0.9")
        us.join(A)
        us.join(B)
        us.leave(B)
        other.say(lsd.encode(GROUP4, Announce(1, (SECRET, B))))
        self.clock.advance(1)
        self.assertEqual(self.found["192.168.0.1"], [])
        self.assertEqual(us.status.dropped, {"not wanted": 1})

    def test_nothing_without_a_port(self) -> None:
        port = 0
        us, other = self.run_at("192.168.0.1"), self.ear("192.168.0.9")
        us._port = lambda: port
        us.join(A)
        self.clock.advance(50)
        self.assertEqual(other.heard, [])
        port = 4000
        self.clock.advance(RETRY)
        self.assertEqual([lsd.decode(each).port for each in other.heard], [4000])

    def test_one_family_of_a_bound_one(self) -> None:
        for number, (interface, groups) in enumerate(
            (("192.168.0.10", (GROUP4,)), ("fd00::11", (GROUP6,)))
        ):
            addresses = (f"192.168.0.1{number}", f"fd00::1{number}")
            us = self.run_at(*addresses, interface=interface, index_of=lambda host: 3)
            self.assertEqual(us.status.listening, groups)

    def test_nothing_after_the_end(self) -> None:
        us, other = self.run_at("192.168.0.1"), self.ear("192.168.0.9")
        us.join(A)
        self.clock.result_of(us.stop())
        us.join(B)
        other.say(lsd.encode(GROUP4, Announce(1, (A,))))
        self.clock.advance(1000)
        self.assertEqual((other.heard[1:], us.status.received), ([], 0))


class DisbeliefTests(Case):
    """C1, D5: who may say something, and what."""

    def heard_from(self, *addresses: str, group: str = GROUP4):
        us = self.run_at("192.168.0.1", "fd00::1")
        us.join(A)
        self.ear(*addresses, group=group).say(lsd.encode(group, Announce(5, (A,))))
        self.clock.advance(0.1)
        return self.found["192.168.0.1"], us.status.dropped

    def test_near(self) -> None:
        for address, group in (
            ("10.1.2.3", GROUP4),
            ("172.16.0.9", GROUP4),
            ("169.254.3.3", GROUP4),
            ("100.64.0.1", GROUP4),
            ("fd12::9", GROUP6),
        ):
            found, _ = self.heard_from(address, group=group)
            self.assertEqual(found, [(A, Address(address, 5))], address)
            self.tearDown()
            self.setUp()

    def test_far(self) -> None:
        for address, group in (
            ("8.8.8.8", GROUP4),
            ("2001:db8::1", GROUP6),
            ("2002:808:808::1", GROUP6),
        ):
            found, dropped = self.heard_from(address, group=group)
            self.assertEqual((found, dropped), ([], {"not from here": 1}), address)
            self.tearDown()
            self.setUp()

    def test_an_address_that_nobody_can_dial(self) -> None:
        found, dropped = self.heard_from("fe80::9", group=GROUP6)
        self.assertEqual((found, dropped), ([], {"no scope": 1}))

    def test_made_up_senders(self) -> None:
        us = self.run_at("192.168.0.1")
        us.join(A)
        for host, port in (
            ("127.0.0.1", 5),
            ("::1", 5),
            ("0.0.0.0", 5),
            ("255.255.255.255", 5),
            (GROUP4, 5),
            ("192.168.0.5", 0),
        ):
            us._heard(lsd.encode(GROUP4, Announce(5, (A,))), Address(host, port))
        self.assertEqual(self.found["192.168.0.1"], [])
        self.assertEqual(us.status.dropped, {"not from here": 6})

    def test_loopback_is_for_those_who_are_bound_to_it(self) -> None:
        us = self.run_at("192.168.0.1", interface="127.0.0.1")
        us.join(A)
        us._heard(lsd.encode(GROUP4, Announce(5, (A,))), Address("127.0.0.2", 5))
        self.assertEqual(self.found["192.168.0.1"], [(A, Address("127.0.0.2", 5))])

    def test_what_is_sent_to_us_alone(self) -> None:
        """C1: only the group is heard, which routers keep the Internet out of."""
        us, other = self.run_at("192.168.0.1"), self.ear("192.168.0.9")
        us.join(A)
        other.transport.write(lsd.encode(GROUP4, Announce(5, (A,))), ("192.168.0.1", PORT))
        self.clock.advance(0.1)
        self.assertEqual((us.status.received, self.found["192.168.0.1"]), (0, []))

    def test_malformed(self) -> None:
        us, other = self.run_at("192.168.0.1"), self.ear("192.168.0.9")
        us.join(A)
        for datagram in (b"", b"?", b"BT-SEARCH * HTTP/1.1\r\n\r\n", bytes(5000)):
            other.say(datagram)
        self.clock.advance(0.1)
        self.assertEqual(us.status.dropped, {"malformed": 4})

    def test_a_flood(self) -> None:
        us, other = self.run_at("192.168.0.1"), self.ear("192.168.0.9")
        us.join(A)
        for port in range(1, 101):
            other.say(lsd.encode(GROUP4, Announce(port, (A,))))
        self.clock.advance(0.5)
        self.assertEqual(len(self.found["192.168.0.1"]), BURST)
        self.assertEqual(us.status.dropped, {"too many": 100 - BURST})

    def test_a_fault_of_whoever_is_told(self) -> None:
        us, other = self.run_at("192.168.0.1"), self.ear("192.168.0.9")
        us._found = lambda *_: 1 / 0
        us.join(A)
        other.say(lsd.encode(GROUP4, Announce(1, (A,))))
        self.clock.advance(0.1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(us.status.received, 1)


class TroubleTests(Case):
    def test_without_ipv6(self) -> None:
        lines = self.said("does not work at ff15::")
        us = self.run_at("192.168.0.1")
        us.join(A)
        self.clock.advance(1000)
        self.assertEqual(us.status.sent, 4)
        self.assertIn(GROUP6, us.status.errors)
        self.assertEqual(len(lines), 1)

    def test_the_port_is_taken(self) -> None:
        lines = self.said("local discovery")
        host = self.network.host("192.168.0.1", "fd00::1")
        taken = host.listenUDP(PORT, DatagramProtocol())
        us = self.run_at("192.168.0.1", host=host)
        us.join(A)
        self.clock.advance(10 * RETRY)
        self.assertEqual(us.status.listening, (GROUP6,))
        self.assertEqual(len([line for line in lines if GROUP4 in line]), 1)
        self.assertIn("Address already in use", lines[0])
        taken.stopListening()
        self.clock.advance(RETRY + 1)
        self.assertEqual(us.status.listening, (GROUP4, GROUP6))
        self.clock.advance(EVERY)
        self.assertIn(f"local discovery works at {GROUP4} again", lines)

    def test_the_interface_is_not_there(self) -> None:
        """Nothing is sent elsewhere, and it goes on when the interface is back (F4)."""
        lines, there = self.said("local discovery"), False
        other = self.ear("fd00::9", group=GROUP6)

        def index_of(host: str) -> int:
            if not there:
                raise OSError(19, "No such device")
            return 3

        us = self.run_at("fd00::1", interface="fd00::1", index_of=index_of)
        us.join(A)
        self.clock.advance(1000)
        self.assertEqual((other.heard, us.status.listening), ([], ()))
        self.assertEqual(len(lines), 1)
        self.assertIn("No such device", lines[0])
        there = True
        self.clock.advance(RETRY + 2)
        self.assertEqual(len(other.heard), 1)

    def test_a_socket_that_is_closed_under_us(self) -> None:
        """As reactors do after errors."""
        us = self.run_at("192.168.0.1", "fd00::1")
        us._sockets[0]._listening.transport.stopListening()
        self.clock.advance(1)
        self.assertEqual(us.status.listening, (GROUP6,))
        self.assertEqual(us.status.errors, {GROUP4: "the socket was closed"})
        self.clock.advance(RETRY)
        self.assertEqual(us.status.listening, (GROUP4, GROUP6))

    def test_a_host_with_nothing(self) -> None:
        us = self.run_at("2001:db8::1")
        us.join(A)
        self.clock.advance(1000)
        self.assertIn("Network is unreachable", us.status.errors[GROUP4])
