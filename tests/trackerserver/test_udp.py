"""The tracker's datagrams: who is answered, and who is not."""

from random import Random
from struct import pack, unpack

from tests.trackerserver.case import HASH, OTHER, TrackerCase
from txtorrent.address import Address
from txtorrent.address import pack as compact
from txtorrent.trackerserver.connectlimit import PER_WINDOW
from txtorrent.trackerserver.interfaces import Reason, Refused


class Announces(TrackerCase):
    def test_peers_find_each_other(self):
        self.make()
        self.announce_udp(1, left=1)
        (answer,) = self.announce_udp(2, left=0)
        action, transaction, interval, leechers, seeders = unpack("!IIIII", answer[:20])
        self.assertEqual((action, transaction, leechers, seeders), (1, 7, 1, 1))
        self.assertGreaterEqual(interval, 1800)
        self.assertEqual(answer[20:], compact(Address("192.0.2.1", 6001)))

    def test_with_http(self):
        """Both ways lead to one swarm, and the same key makes the same peer."""
        self.make()
        self.announce(1, left=1)
        (answer,) = self.announce_udp(1, left=1)
        self.assertEqual(unpack("!II", answer[12:20]), (0 + 1, 0))

    def test_ipv6(self):
        self.make()
        self.announce_udp(1, left=1, host="2001:db8::1")
        (answer,) = self.announce_udp(2, left=1, host="2001:db8::2")
        self.assertEqual(answer[20:], compact(Address("2001:db8::1", 6001)))
        (answer,) = self.announce_udp(3, left=1)
        self.assertEqual(answer[20:], b"")

    def test_stopped(self):
        self.make()
        self.announce_udp(1, left=1)
        self.announce_udp(1, left=1, event=3)
        (answer,) = self.announce_udp(2, left=1)
        self.assertEqual(answer[20:], b"")

    def test_late_answers(self):
        self.make(late=True)
        self.assertEqual(self.announce_udp(1, left=1), [])
        self.store.answer()
        self.clock.advance(0)
        self.assertEqual(self.socket.sent[-1][0][:8], b"\0\0\0\1\0\0\0\7")
        self.assertEqual(self.announce_udp(1, left=1), [])
        self.store.answer(Refused(Reason.STORE, "away", 60.0))
        self.clock.advance(0)
        self.assertEqual(self.socket.sent[-1][0], b"\0\0\0\3\0\0\0\7away")

    def test_scrape(self):
        self.make()
        self.announce_udp(1, left=1)
        self.announce_udp(1, left=0, event=1)
        head = self.connect() + pack("!II", 2, 9)
        (answer,) = self.send(head + OTHER + HASH)
        self.assertEqual(answer[:8], pack("!II", 2, 9))
        self.assertEqual(unpack("!6I", answer[8:]), (0, 0, 0, 1, 1, 0))

    def test_late_scrape(self):
        self.make(late=True)
        self.assertEqual(self.send(self.connect() + pack("!II", 2, 9) + HASH), [])
        self.store.answer()
        self.clock.advance(0)
        self.assertEqual(unpack("!3I", self.socket.sent[-1][0][8:]), (0, 0, 0))

    def test_malformed_scrape(self):
        self.make()
        (answer,) = self.send(self.connect() + pack("!II", 2, 9))
        self.assertEqual(answer[:8], pack("!II", 3, 9))
        self.assertIn(b"info-hash", answer)


class Silence(TrackerCase):
    """Nobody is sent more than he sent, before he has shown where he is (C1, C6)."""

    def test_an_answer_to_connect_is_as_long_as_the_question(self):
        self.make()
        question = pack("!QII", 0x41727101980, 0, 7)
        for more in (b"", b"x" * 500):
            (answer,) = self.send(question + more)
            self.assertEqual(len(answer), len(question))

    def test_wrong_connection_ids(self):
        self.make()
        here = self.connect("192.0.2.1")
        flipped = bytes([here[0], here[1], here[2] ^ 1, *here[3:]])
        for connection in (bytes(8), b"\xff" * 8, flipped, self.connect("192.0.2.9")):
            self.assertEqual(self.announce_udp(1, connection), [])
        self.assertEqual(self.store.totals().torrents, 0)
        self.assertEqual(self.tracker.statistics.udp.dropped["connection id"], 4)
        self.assertEqual(len(self.announce_udp(1, here)), 1)

    def test_a_connection_id_lives_two_minutes(self):
        self.make()
        connection = self.connect()
        self.clock.advance(120)
        self.assertEqual(len(self.announce_udp(1, connection)), 1)
        self.clock.advance(1)
        self.assertEqual(self.announce_udp(1, connection), [])
        self.clock.advance(65536 - 121)  # when its stamp comes again
        self.assertEqual(self.announce_udp(1, connection), [])

    def test_rubbish(self):
        """10,000 datagrams of all lengths from everywhere: nothing is sent, nothing is kept."""
        self.make()
        random = Random(5)
        for _ in range(10_000):
            action = random.choice((0, 1, 2, 3, random.getrandbits(32)))
            body = random.randbytes(random.randrange(200))
            datagram = random.randbytes(8) + action.to_bytes(4, "big") + body
            host = f"198.51.{random.randrange(256)}.{random.randrange(256)}"
            self.assertEqual(self.send(datagram[: random.randrange(212)], host), [])
        self.assertEqual(self.store.totals().torrents, 0)
        self.assertEqual(sum(self.tracker.statistics.udp.dropped.values()), 10_000)

    def test_many_connects_of_one_address(self):
        self.make()
        question = pack("!QII", 0x41727101980, 0, 7)
        answered = sum(len(self.send(question)) for _ in range(PER_WINDOW + 500))
        self.assertEqual(answered, PER_WINDOW)
        self.assertEqual(len(self.send(question, "192.0.2.2")), 1)
        self.clock.advance(10)
        self.assertEqual(len(self.send(question)), 1)

    def test_what_cannot_be_sent_is_lost(self):
        self.make()
        connection = self.connect()
        self.socket.refuses = OSError("no route")
        self.assertEqual(self.announce_udp(1, connection), [])
        self.assertEqual(self.tracker.statistics.udp.dropped["not sent"], 1)
        self.socket.refuses = None
        self.assertEqual(len(self.announce_udp(1, connection)), 1)
