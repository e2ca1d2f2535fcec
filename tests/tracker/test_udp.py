"""UDP trackers on the simulated network: who is believed, what is sent again and when."""

from itertools import pairwise
from random import Random
from struct import pack

from twisted.internet.defer import CancelledError
from twisted.internet.protocol import DatagramProtocol
from twisted.trial.unittest import SynchronousTestCase

from tests.tracker.trackers import PEERS, World, request
from txtorrent.address import Address
from txtorrent.tracker import udp
from txtorrent.tracker.errors import UnreachableError
from txtorrent.tracker.udp import UdpTrackers
from txtorrent.wire.announce import ScrapeResult, TrackerError

URL = "udp://tracker.example:6969/announce"
PEERS6 = bytes.fromhex("20010db8000000000000000000000055") + b"\x1a\xe1"


class UdpCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.begin(World())

    def begin(self, world: World, interface: str | None = None) -> None:
        self.world = world
        self.trackers = UdpTrackers(world.client, Random(7), interface)

    def tearDown(self) -> None:
        self.world.run(self.trackers.stop())
        self.assertEqual(self.world.leftovers(), [])

    def announce(self, url: str = URL, *, trusted: bool = False, limit: float = 60.0, **changes):
        deferred = self.trackers.announce(url, request(**changes), trusted=trusted)
        return self.world.run(deferred, limit)


class AnnounceTests(UdpCase):
    def test_answer(self) -> None:
        tracker = self.world.udp("203.0.113.1", "tracker.example")
        response = self.announce()
        self.assertEqual(response.peers, (Address("1.2.3.4", 6881), Address("5.6.7.8", 80)))
        self.assertEqual((response.interval, response.seeders, response.leechers), (1200, 3, 4))
        self.assertEqual(tracker.actions, [0, 1])
        self.assertEqual(tracker.seen[1][:8], pack("!Q", tracker.connection))

    def test_url_data(self) -> None:
        tracker = self.world.udp("203.0.113.1", "tracker.example")
        self.announce(URL + "?auth=0x00")
        self.assertEqual(tracker.seen[1][98:], b"\x02\x13/announce?auth=0x00")

    def test_ipv6(self) -> None:
        self.world.udp("2001:db8::9", "tracker.example", peers=PEERS6)
        self.assertEqual(self.announce().peers, (Address("2001:db8::55", 6881),))

    def test_ipv4_is_preferred(self) -> None:
        six = self.world.udp("2001:db8::9", "tracker.example", peers=PEERS6)
        four = self.world.udp("203.0.113.1", "tracker.example")
        self.announce()
        self.assertEqual((len(six.seen), len(four.seen)), (0, 2))

    def test_bound_to_the_interface(self) -> None:
        for interface, address in (("10.0.0.1", "203.0.113.1"), ("2001:db8::1", "2001:db8::9")):
            self.tearDown()
            self.begin(World(), interface)
            peers = PEERS if interface == "10.0.0.1" else PEERS6
            self.world.udp("203.0.113.7", "tracker.example")
            self.world.udp("2001:db8::7", "tracker.example", peers=PEERS6)
            tracker = self.world.udp(address, "other.example", peers=peers)
            self.announce("udp://other.example:6969/announce")
            self.announce()
            self.assertEqual({sender[0] for sender in tracker.senders}, {interface})

    def test_one_socket_per_family(self) -> None:
        trackers = [
            self.world.udp(f"203.0.113.{number}", f"t{number}.example") for number in range(5)
        ]
        for number in range(5):
            self.announce(f"udp://t{number}.example:6969")
        self.assertEqual(len({sender for each in trackers for sender in each.senders}), 1)

    def test_local_addresses_are_for_the_trusted(self) -> None:
        """D1."""
        tracker = self.world.udp("127.0.0.1")
        self.world.network.names["tracker.example"] = ["127.0.0.1"]
        for url in (URL, "udp://127.0.0.1:6969", "udp://[::ffff:7f00:1]:6969"):
            error = self.assertRaises(TrackerError, self.announce, url)
            self.assertIn("must not be", str(error))
        self.assertEqual(tracker.seen, [])
        self.announce(trusted=True)
        self.assertEqual(tracker.actions, [0, 1])

    def test_peers_on_this_machine_are_poison(self) -> None:
        """D5."""
        peers = bytes.fromhex("7f000001 1f90 01020304 1ae1")
        self.world.udp("203.0.113.1", "tracker.example", peers=peers)
        self.assertEqual(self.announce().peers, (Address("1.2.3.4", 6881),))

    def test_unknown_name(self) -> None:
        error = self.assertRaises(UnreachableError, self.announce)
        self.assertIn("cannot be resolved", str(error))


class SecretTests(UdpCase):
    """E14."""

    def test_passkey_is_not_in_the_error(self) -> None:
        url = "udp://tracker.example:6969/0123456789/announce?key=abcdef99"
        self.world.udp("203.0.113.1", "tracker.example", error=b"no 0123456789 abcdef99")
        for deferred in (
            self.trackers.announce(url, request()),
            self.trackers.scrape(url, [bytes(20)]),
        ):
            error = self.assertRaises(TrackerError, self.world.run, deferred)
            self.assertEqual(str(error), "the tracker refused: no *** ***")


class ScrapeTests(UdpCase):
    def test_in_several_datagrams(self) -> None:
        tracker = self.world.udp("203.0.113.1", "tracker.example")
        hashes = [bytes([number]) * 20 for number in range(80)]
        found = self.world.run(self.trackers.scrape(URL, hashes))
        self.assertEqual(list(found), hashes)
        self.assertEqual(found[hashes[75]], ScrapeResult(11, 31, 21))
        self.assertEqual(tracker.actions, [0, 2, 2])


class ConnectionTests(UdpCase):
    def test_id_is_used_for_a_minute(self) -> None:
        tracker = self.world.udp("203.0.113.1", "tracker.example")
        self.announce()
        self.world.clock.advance(59)
        self.announce()
        self.assertEqual(tracker.actions, [0, 1, 1])
        self.world.clock.advance(2)
        self.announce()
        self.assertEqual(tracker.actions, [0, 1, 1, 0, 1])

    def test_id_is_for_one_tracker(self) -> None:
        self.world.udp("203.0.113.1", "tracker.example")
        other = self.world.udp("203.0.113.2", "other.example", connection=99)
        self.announce()
        self.announce("udp://other.example:6969")
        self.assertEqual((other.actions, other.seen[1][:8]), ([0, 1], pack("!Q", 99)))

    def test_error_makes_a_new_one(self) -> None:
        tracker = self.world.udp("203.0.113.1", "tracker.example")
        self.announce()
        tracker.error = b"bad connection id"
        error = self.assertRaises(TrackerError, self.announce)
        self.assertEqual(str(error), "the tracker refused: bad connection id")
        self.assertNotIsInstance(error, UnreachableError)
        tracker.error = None
        self.announce()
        self.assertEqual(tracker.actions, [0, 1, 1, 0, 1])

    def test_bounded(self) -> None:
        self.patch(udp, "MAX_CONNECTIONS", 3)
        for number in range(5):
            self.world.udp(f"203.0.113.{number}", f"t{number}.example")
            self.announce(f"udp://t{number}.example:6969")
        self.assertEqual(len(self.trackers._connections), 3)


class RetransmissionTests(UdpCase):
    """C6, BEP 15: 15 * 2^n seconds."""

    def times(self, deaf: int, limit: float):
        tracker = self.world.udp("203.0.113.1", "tracker.example", deaf=deaf)
        came = []
        real = tracker.datagramReceived

        def timed(datagram, addr):
            came.append(round(self.world.clock.seconds()))
            real(datagram, addr)

        tracker.datagramReceived = timed
        self.announce(limit=limit)
        return came, tracker.actions

    def test_connect(self) -> None:
        came, actions = self.times(3, 200)
        self.assertEqual((came, actions), ([0, 15, 45, 105, 105], [0, 0, 0, 0, 1]))

    def test_announce_until_the_connection_is_too_old(self) -> None:
        """The example of BEP 15: "Announce times out"."""
        tracker = self.world.udp("203.0.113.1", "tracker.example")
        tracker.mangle = lambda datagram, action: [datagram] if action == 0 else []
        deferred = self.trackers.announce(URL, request())
        self.world.clock.advance(100)
        self.assertEqual(tracker.actions, [0, 1, 1, 1])
        self.world.clock.advance(10)
        self.assertEqual(tracker.actions, [0, 1, 1, 1, 0, 1])
        transactions = {datagram[12:16] for datagram in tracker.seen if datagram[8:12] != bytes(4)}
        self.assertEqual(len(transactions), 1)
        deferred.cancel()
        self.failureResultOf(deferred, CancelledError)

    def test_gives_up_after_eight(self) -> None:
        tracker = self.world.udp("203.0.113.1", "tracker.example", deaf=100)
        deferred = self.trackers.announce(URL, request())
        self.world.clock.advance(15 * (2**9 - 1) - 1)
        self.assertNoResult(deferred)
        self.world.clock.advance(2)
        self.failureResultOf(deferred, UnreachableError)
        self.assertEqual(len(tracker.seen), 9)

    def test_late_answer_counts(self) -> None:
        tracker = self.world.udp("203.0.113.1", "tracker.example")
        tracker.mangle = lambda datagram, action: [datagram] if action == 0 else []
        deferred = self.trackers.announce(URL, request())
        self.world.clock.advance(20)
        self.assertEqual(tracker.actions, [0, 1, 1])
        transaction = int.from_bytes(tracker.seen[1][12:16], "big")
        tracker.transport.write(tracker.reply(1, transaction, b""), tracker.senders[0])
        self.world.clock.advance(1)
        self.assertEqual(self.successResultOf(deferred).interval, 1200)

    def test_lossy_network(self) -> None:
        self.world.udp("203.0.113.1", "tracker.example")
        self.world.network.loss = 0.2
        for _ in range(20):
            self.announce(limit=8000)


class Stranger(DatagramProtocol):
    """Somebody who can send datagrams from where he is."""


class SpoofTests(UdpCase):
    """C6: nobody but the tracker answers, and only what was asked."""

    def mangled(self, mangle) -> None:
        """An answer that is changed is no answer; the true one behind it is."""
        for action in (0, 1):
            self.tearDown()
            self.begin(World())
            tracker = self.world.udp("203.0.113.1", "tracker.example")

            def only(datagram, kind, action=action):
                return [*mangle(datagram), datagram] if kind == action else [datagram]

            tracker.mangle = only
            self.assertEqual(self.announce().seeders, 3)
            self.assertEqual(self.world.clock.seconds() < 1, True)

    def test_short(self) -> None:
        self.mangled(lambda datagram: [datagram[:cut] for cut in range(min(len(datagram), 16))])

    def test_short_announce(self) -> None:
        tracker = self.world.udp("203.0.113.1", "tracker.example")
        tracker.mangle = lambda datagram, action: (
            [datagram] if action == 0 else [*(datagram[:cut] for cut in range(20)), datagram]
        )
        self.assertEqual(self.announce().seeders, 3)

    def test_wrong_transaction(self) -> None:
        def other(datagram):
            wrong = datagram[:4] + pack("!I", int.from_bytes(datagram[4:8], "big") ^ 1)
            return [wrong + bytes(12), b"\0\0\0\3" + wrong[4:] + b"go away"]

        self.mangled(other)

    def test_wrong_action(self) -> None:
        self.mangled(
            lambda datagram: [
                pack("!I", action) + datagram[4:8] + b"\x07" * len(datagram[8:])
                for action in (0, 1, 2, 4, 2**32 - 1)
                if action != int.from_bytes(datagram[:4], "big")
            ]
        )

    def test_from_elsewhere(self) -> None:
        """The id is right, the sender is not: another host, or another port of the tracker's."""
        for address, port in (("203.0.113.66", 6969), ("203.0.113.1", 6970)):
            self.tearDown()
            self.begin(World())
            tracker = self.world.udp("203.0.113.1", "tracker.example", deaf=1)
            stranger = Stranger()
            host = self.world.at(address)
            self.world.ports.append(host.listenUDP(port, stranger, interface=address))
            deferred = self.trackers.announce(URL, request())
            self.world.clock.advance(1)
            transaction = int.from_bytes(tracker.seen[0][12:16], "big")
            stranger.transport.write(pack("!IIQ", 0, transaction, 666), tracker.senders[0])
            stranger.transport.write(pack("!II", 3, transaction) + b"no", tracker.senders[0])
            self.world.clock.advance(1)
            self.assertEqual(self.trackers._connections, {})
            self.assertNoResult(deferred)
            self.assertEqual(self.world.run(deferred).seeders, 3)

    def test_ids_are_random(self) -> None:
        tracker = self.world.udp("203.0.113.1", "tracker.example")
        for _ in range(20):
            self.world.clock.advance(61)
            self.announce()
        ids = [int.from_bytes(datagram[12:16], "big") for datagram in tracker.seen]
        self.assertEqual(len(set(ids)), 40)
        self.assertGreater(max(ids), 2**31)
        self.assertGreater(len({b - a for a, b in pairwise(ids)}), 35)

    def test_garbage(self) -> None:
        """Bytes from anybody at any time are passed over."""
        self.world.udp("203.0.113.1", "tracker.example")
        self.announce()
        random = Random(5)
        for length in range(64):
            self.trackers._ipv4.received(random.randbytes(length), Address("203.0.113.1", 6969))


class SocketTests(UdpCase):
    def test_opened_again_after_it_failed(self) -> None:
        tracker = self.world.udp("203.0.113.1", "tracker.example")
        self.announce()
        port = self.trackers._ipv4._port
        port.transport.connectionLost(None)
        self.announce()
        self.assertEqual(tracker.actions, [0, 1, 1])

    def test_opened_again_after_nothing_could_be_sent(self) -> None:
        self.world.udp("203.0.113.1", "tracker.example")
        self.announce()

        def unreachable(datagram, address):
            raise OSError(101, "Network is unreachable")

        self.trackers._ipv4._port.transport.write = unreachable
        error = self.assertRaises(UnreachableError, self.announce)
        self.assertIn("Network is unreachable", str(error))
        self.announce()

    def test_interface_that_is_not_there(self) -> None:
        """F4: an error each time, until the address is back."""
        self.begin(World(), "10.9.9.9")
        self.world.udp("203.0.113.1", "tracker.example")
        error = self.assertRaises(UnreachableError, self.announce)
        self.assertIn("no UDP socket can be opened", str(error))
        # Twisted leaves a socket that could not be bound to the garbage collector.
        self.world.client.sockets.clear()

    def test_stop(self) -> None:
        self.world.udp("203.0.113.1", "tracker.example", deaf=100)
        deferred = self.trackers.announce(URL, request())
        self.world.clock.advance(1)
        self.world.run(self.trackers.stop())
        self.failureResultOf(deferred, CancelledError)
