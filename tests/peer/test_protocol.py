"""The life of a peer connection: handshakes, silence, keep-alives, ends."""

from twisted.internet.defer import Deferred

from tests.peer.case import DATA, METAINFO, OUR_ID, OURS, PORT, PeerCase
from tests.testing.fakepeer import PLAIN, Piece, Request
from txtorrent.address import Address
from txtorrent.peer.protocol import HANDSHAKE_TIMEOUT, SILENCE_TIMEOUT, STUCK_TIMEOUT
from txtorrent.wire import messages as m
from txtorrent.wire.handshake import LENGTH, PROTOCOL, Handshake


class Handshakes(PeerCase):
    def test_inbound_and_outbound(self):
        fake, inbound = self.connect()
        self.assertEqual(fake.handshake, Handshake(METAINFO.info_hash, OUR_ID))
        self.assertEqual((inbound.outbound, inbound.took_part), (False, True))
        listening = self.fake(PLAIN)
        outbound = self.dial(listening)
        self.assertEqual((outbound.outbound, outbound.took_part), (True, True))
        self.assertEqual((inbound.peer.fast, outbound.peer.fast), (True, False))
        self.assertEqual(listening.handshake.info_hash, METAINFO.info_hash)

    def test_cut_at_every_byte(self):
        """However it is cut, it is one handshake, and what stands behind it is not lost."""
        fake = self.fake()
        hello, fake.greeting = fake.greeting + m.Have(3).encode(), None
        for cut in range(len(hello)):
            fake.dial(Address(OURS, PORT))
            self.clock.advance(1)
            fake.say_bytes(hello[:cut])
            self.clock.advance(1)
            fake.say_bytes(hello[cut:])
            self.clock.advance(1)
            self.assertTold(("arrived",), ("has", 3))
            fake.hang_up()
            self.clock.advance(1)
            self.above.told.clear()

    def test_a_torrent_that_has_to_be_woken(self):
        """What came meanwhile is not lost; what comes is not read."""
        for cut in (48, 60, 68, 77):
            self.awake = Deferred()
            fake = self.fake()
            hello, fake.greeting = fake.greeting + m.Have(3).encode(), None
            fake.dial(Address(OURS, PORT))
            self.clock.advance(1)
            fake.say_bytes(hello[:cut])
            self.clock.advance(1)
            fake.say_bytes(hello[cut:] + m.Have(4).encode())
            self.clock.advance(1)
            self.assertEqual((self.above.told, fake.handshake), ([], None))
            self.awake.callback(None)
            self.clock.advance(1)
            self.assertTold(("arrived",), ("has", 3), ("has", 4))
            self.assertIsNotNone(fake.handshake)
            fake.stop()
            self.clock.advance(1)
            self.above.told.clear()

    def test_not_woken_in_time(self):
        self.awake = Deferred()
        fake = self.fake()
        fake.dial(Address(OURS, PORT))
        self.clock.advance(HANDSHAKE_TIMEOUT + 1)
        self.assertEqual(fake.closed, 1)
        self.assertTrue(self.awake.called, "the waking was cancelled")
        self.assertTold()

    def test_byte_by_byte(self):
        fake = self.fake()
        hello, fake.greeting = fake.greeting, None
        fake.dial(Address(OURS, PORT))
        self.clock.advance(1)
        for byte in hello:
            fake.say_bytes(bytes([byte]))
            self.clock.advance(0.1)
        self.assertEqual(len(self.above.links), 1)

    def test_answered_before_the_peer_id(self):
        """Some peers (and NAT checks of trackers) wait for us with their peer id."""
        fake = self.fake()
        hello, fake.greeting = fake.greeting, None
        fake.dial(Address(OURS, PORT))
        self.clock.advance(1)
        fake.say_bytes(hello[:47])
        self.clock.advance(1)
        self.assertEqual(fake.raw, b"")
        fake.say_bytes(hello[47:48])
        self.clock.advance(1)
        self.assertEqual(len(fake.raw), LENGTH)

    def test_no_byte_behind_ours_before_theirs(self):
        """aria2 bans a peer that says more before it has spoken itself."""
        fake = self.fake()
        fake.greeting = None
        self.above.joined = lambda link: (self.above.links.append(link), link.send(m.HaveAll()))
        self.dial(fake)
        self.clock.advance(5)
        self.assertEqual(len(fake.raw), LENGTH)
        fake.say_bytes(Handshake(METAINFO.info_hash, b"q" * 20).encode())
        self.clock.advance(1)
        self.assertEqual(fake.raw[LENGTH:], m.HaveAll().encode())

    def test_bad_ones_end_the_connection(self):
        hello = self.fake().greeting
        rows = [
            ("another protocol", b"GET / HTTP/1.1\r\n\r\n"),
            ("wrong in the last byte of the name", PROTOCOL[:-1] + b"X"),
            ("another torrent", Handshake(b"?" * 20, b"q" * 20).encode()),
            ("another torrent, without a peer id", Handshake(b"?" * 20, b"").encode()),
            ("a frame of 4 GiB behind it", hello + b"\xff\xff\xff\xff"),
        ]
        for what, said in rows:
            fake = self.fake()
            fake.greeting = said
            fake.dial(Address(OURS, PORT))
            self.clock.advance(1)
            self.assertEqual((fake.connected, fake.closed), (1, 1), what)

    def test_answers_for_another_torrent(self):
        fake = self.fake()
        fake.greeting = Handshake(b"?" * 20, b"q" * 20).encode()
        link = self.dial(fake)
        self.assertEqual((fake.closed, link.took_part), (1, False))
        self.assertEqual(self.above.gone, ["the peer answers for another torrent"])

    def test_refused(self):
        self.above.refuses = "too many peers"
        fake = self.fake()
        fake.dial(Address(OURS, PORT))
        self.clock.advance(1)
        self.assertEqual((fake.closed, self.above.gone), (1, ["too many peers"]))
        self.assertTold(("arrived",))

    def test_who_is_refused_hears_who_we_are(self):
        """It may be ourselves: whoever dialled has to see that, or will dial again and again."""
        self.above.refuses = "connected to ourselves"
        fake = self.fake()
        fake.dial(Address(OURS, PORT))
        self.clock.advance(1)
        self.assertEqual(fake.handshake, Handshake(METAINFO.info_hash, OUR_ID))
        self.assertEqual(fake.closed, 1)

    def test_an_error_of_ours_ends_one_connection(self):
        """It is logged, and the others do not notice (THREATS E13)."""
        _, other = self.connect()
        self.above.breaks = True
        fake = self.fake()
        fake.dial(Address(OURS, PORT))
        self.clock.advance(1)
        self.assertEqual((fake.closed, self.above.gone), (1, ["internal error"]))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertTrue(other.is_open)


class Slow(PeerCase):
    """THREATS B1."""

    def test_silent(self):
        fake = self.fake()
        fake.greeting = None
        fake.dial(Address(OURS, PORT))
        self.clock.advance(HANDSHAKE_TIMEOUT - 0.1)
        self.assertEqual(fake.closed, 0)
        self.clock.advance(0.2)
        self.assertEqual(fake.closed, 1)

    def test_a_byte_a_second(self):
        fake = self.fake()
        hello, fake.greeting = fake.greeting, None
        fake.dial(Address(OURS, PORT))
        for byte in hello[:12]:
            self.clock.advance(0.999)
            if fake.is_connected:
                fake.say_bytes(bytes([byte]))
        self.assertEqual(fake.closed, 1)

    def test_silent_after_the_info_hash(self):
        fake = self.fake()
        fake.greeting = fake.greeting[:48]
        fake.dial(Address(OURS, PORT))
        self.clock.advance(HANDSHAKE_TIMEOUT + 0.2)
        self.assertEqual((fake.closed, self.above.gone), (1, ["no handshake within 10 s"]))

    def test_silent_when_dialled(self):
        fake = self.fake()
        fake.greeting = None
        self.dial(fake)
        self.clock.advance(HANDSHAKE_TIMEOUT)
        self.assertEqual((fake.closed, self.above.gone), (1, ["no handshake within 10 s"]))


class Silence(PeerCase):
    def test_dropped(self):
        fake, _ = self.connect()
        self.tick(int(SILENCE_TIMEOUT) - 5)
        self.assertEqual(fake.closed, 0)
        self.tick(10)
        self.assertEqual((fake.closed, self.above.gone), (1, ["silent for too long"]))

    def test_a_keep_alive_every_two_minutes_is_enough(self):
        """Two minutes is what BEP 3 names, and aria2's habit to the second."""
        fake, _ = self.connect()
        for _ in range(4):
            self.tick(120)
            fake.say(m.KeepAlive())
        self.assertEqual(fake.closed, 0)

    def test_we_say_something_within_two_minutes(self):
        fake, _ = self.connect()
        fake.forget()
        for _ in range(5):
            self.tick(60)
            fake.say(m.KeepAlive())
        self.assertEqual(fake.heard, [m.KeepAlive()] * 2)

    def test_no_keep_alive_while_blocks_go_out(self):
        fake, _ = self.connect()
        for piece in range(10):
            fake.say(Request(piece, 0, 16384))
            self.tick(60)
        self.assertEqual({type(message) for message in fake.heard}, {Piece})

    def test_reads_nothing(self):
        """THREATS B7: a peer that requests and never reads is gone after two minutes."""
        fake, _ = self.connect()
        fake.pause()
        for piece in range(10):
            for begin in range(0, 256 * 1024, 16384):
                fake.say(Request(piece, begin, 16384))
        for _ in range(int(STUCK_TIMEOUT) - 2):
            self.tick(1)
            fake.say(m.KeepAlive())
        self.assertEqual(self.above.gone, [])
        self.tick(5)
        self.assertEqual(self.above.gone, ["reads nothing for two minutes"])

    def test_slow_is_not_stuck(self):
        """A peer whose line takes 3 KB/s stays."""
        self.theirs.down_line.rate = 3_000
        fake, _ = self.connect()
        fake.say(*(Request(0, begin, 16384) for begin in range(0, 256 * 1024, 16384)))
        for _ in range(10):
            self.tick(30)
            fake.say(m.KeepAlive())
        self.assertEqual((fake.closed, len(fake.of(Piece))), (0, 16))
        self.assertEqual(b"".join(piece.data for piece in fake.of(Piece)), DATA[: 256 * 1024])


class Ends(PeerCase):
    def test_nothing_is_told_behind_the_end(self):
        """What came in one chunk with what ended the connection is dropped."""
        fake, _ = self.connect()
        fake.say(m.Have(1), m.Have(99), m.Have(2))
        self.clock.advance(1)
        self.assertTold(("has", 1), ("left",))
        self.assertEqual(self.above.gone, ["piece 99 in a torrent of 12"])

    def test_close_is_told_once(self):
        fake, link = self.connect()
        link.close("first")
        link.close("second")
        self.clock.advance(1)
        self.assertTold(("left",))
        self.assertEqual((self.above.gone, fake.closed), (["first"], 1))

    def test_the_peer_hangs_up(self):
        fake, link = self.connect()
        fake.hang_up()
        self.clock.advance(1)
        self.assertTold(("left",))
        self.assertFalse(link.is_open)
        self.assertEqual(len(self.above.gone), 1)

    def test_is_receiving(self):
        """A message that arrives in bits is a sign of life, for a while."""
        fake, link = self.connect()
        now = self.clock.seconds
        self.assertFalse(link.is_receiving(now()))
        fake.say_bytes(Piece(0, 0, bytes(16384)).encode()[:100])
        self.clock.advance(1)
        self.assertTrue(link.is_receiving(now()))
        self.clock.advance(15)
        self.assertFalse(link.is_receiving(now()))
