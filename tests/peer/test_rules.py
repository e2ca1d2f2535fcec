"""What a peer may say and when: a row a message; the pair (said, what came of it)."""

from tests.peer.case import METAINFO, PIECE, PeerCase
from tests.testing.fakepeer import FAST, PLAIN, Piece, Request
from txtorrent.peer.protocol import MOST_OFFENCES
from txtorrent.peer.rules import CHOKE_GRACE, LARGEST_REQUEST, MOST_ALLOWED_FAST, MOST_BITFIELDS
from txtorrent.wire import messages as m

BLOCK = 16 * 1024
COUNT = METAINFO.geometry.piece_count
LAST = METAINFO.geometry.piece_size(COUNT - 1)
FULL = b"\xff\xf0"
TWO = b"\xa0\x00"
ENDS = "the connection ends"

BOTH = [
    # said, told
    ([m.Choke()], [("choked",)]),
    ([m.Unchoke()], [("unchoked",)]),
    ([m.Unchoke(), m.Choke(), m.Choke()], [("unchoked",), ("choked",), ("choked",)]),
    ([m.Interested()], [("interest changed",)]),
    ([m.NotInterested()], [("interest changed",)]),
    ([m.Have(0), m.Have(COUNT - 1)], [("has", 0), ("has", COUNT - 1)]),
    ([m.Have(3), m.Have(3)], [("has", 3), ("has", 3)]),
    ([m.Have(COUNT)], ENDS),
    ([m.Have(0xFFFFFFFF)], ENDS),
    ([m.Bitfield(TWO)], [("has pieces", [0, 2])]),
    ([m.Bitfield(FULL)], [("has pieces", list(range(12)))]),
    ([m.Have(1), m.Bitfield(TWO)], [("has", 1), ("has pieces", [0, 2])]),
    ([m.Bitfield(TWO)] * MOST_BITFIELDS, [("has pieces", [0, 2])] * MOST_BITFIELDS),
    ([m.Bitfield(TWO)] * (MOST_BITFIELDS + 1), ENDS),
    ([m.Bitfield(b"")], ENDS),
    ([m.Bitfield(b"\xff")], ENDS),
    ([m.Bitfield(FULL + b"\0")], ENDS),
    ([m.Bitfield(b"\xff\xf8")], ENDS),
    ([m.Bitfield(b"\x00\x01")], ENDS),
    ([Piece(1, 0, b"abc")], [("block", 1, 0, b"abc")]),
    ([m.KeepAlive()] * 100, []),
    ([m.Port(6881)], [("dht node", 6881)]),
    ([m.Extended(0, b"de"), m.Extended(9, b"")], [("received", 0, b"de"), ("received", 9, b"")]),
    ([m.Unknown(21, b"\0"), m.Unknown(255, b"")], []),
    ([m.Cancel(1, 0, BLOCK), m.Cancel(99, 5, 7)], []),
    ([Request(0, 0, 0)], ENDS),
    ([Request(0, 0, LARGEST_REQUEST + 1)], ENDS),
]
WITH_FAST = [
    ([m.HaveAll()], [("has pieces", list(range(12)))]),
    ([m.HaveNone()], [("has pieces", [])]),
    ([m.HaveNone(), m.Have(1)], [("has pieces", []), ("has", 1)]),
    ([m.HaveNone(), m.Bitfield(TWO)], [("has pieces", []), ("has pieces", [0, 2])]),
    ([m.Bitfield(TWO), m.HaveAll()], [("has pieces", [0, 2]), ("has pieces", list(range(12)))]),
    ([m.HaveNone()] * (MOST_BITFIELDS + 1), ENDS),
    ([m.HaveAll()] * (MOST_BITFIELDS + 1), ENDS),
    ([m.Reject(1, BLOCK, BLOCK)], [("rejected", 1, BLOCK)]),
    ([m.Reject(COUNT, 0, BLOCK)], ENDS),
    ([m.AllowedFast(5)], [("fast allowed", 5)]),
    ([m.AllowedFast(COUNT)], ENDS),
    ([m.Suggest(5)], []),
    ([m.Suggest(COUNT)], ENDS),
]
WITHOUT_FAST = [
    ([m.HaveAll()], ENDS),
    ([m.HaveNone()], ENDS),
    ([m.Reject(1, 0, BLOCK)], ENDS),
    ([m.AllowedFast(1)], ENDS),
    ([m.Suggest(1)], ENDS),
]


class Rows(PeerCase):
    """THREATS B3 among them: lying, late and doubled bitfields, indices out of range."""

    def check(self, reserved, rows):
        for said, expected in rows:
            fake, link = self.connect(reserved)
            fake.say(*said)
            self.clock.advance(1)
            if expected is ENDS:
                self.assertFalse(link.is_open, said)
                self.assertEqual(fake.closed, 1, said)
            else:
                self.assertTold(*expected)
                self.assertTrue(link.is_open, said)
            fake.stop()
            self.clock.advance(1)

    def test_with_fast(self):
        self.check(FAST, BOTH + WITH_FAST)

    def test_without_fast(self):
        self.check(PLAIN, BOTH + WITHOUT_FAST)

    def test_the_four_booleans(self):
        fake, link = self.connect()
        peer = link.peer
        for said, name, value in [
            (m.Unchoke(), "choking", False),
            (m.Choke(), "choking", True),
            (m.Interested(), "interested", True),
            (m.NotInterested(), "interested", False),
        ]:
            fake.say(said)
            self.clock.advance(1)
            self.assertIs(getattr(peer, name), value, said)

    def test_allowed_fast_is_bounded(self):
        fake, link = self.connect()
        link.peer.allowed_fast = frozenset(range(1000, 1000 + MOST_ALLOWED_FAST))
        fake.say(m.AllowedFast(1))
        self.clock.advance(1)
        self.assertTold()


class Requests(PeerCase):
    """THREATS B4."""

    def assertAnswer(self, fake, *expected):
        self.clock.advance(1)
        self.assertEqual([_short(message) for message in fake.heard], list(expected))
        fake.forget()

    def test_table(self):
        self.above.have.discard(5)
        rows = [
            (Request(1, 0, BLOCK), "piece"),
            (Request(1, PIECE - 1, 1), "piece"),
            (Request(1, 3, LARGEST_REQUEST), "piece"),
            (Request(COUNT - 1, LAST - 100, 100), "piece"),
            (Request(COUNT - 1, LAST - 100, 101), "reject"),
            (Request(1, PIECE - 1, 2), "reject"),
            (Request(1, 0xFFFFFFFF, BLOCK), "reject"),
            (Request(5, 0, BLOCK), "reject"),
            (Request(COUNT, 0, BLOCK), "reject"),
            (Request(0xFFFFFFFF, 0, BLOCK), "reject"),
        ]
        for reserved in (FAST, PLAIN):
            fake, link = self.connect(reserved)
            for request, answer in rows:
                fake.say(request)
                where = (request.index, request.begin, request.length)
                rejected = answer == "reject"
                answered = reserved is FAST or not rejected
                self.assertAnswer(fake, *[(answer, *where)] * answered)
            self.assertEqual(link.peer.offences, 6)

    def test_three_hundred_invalid_ones(self):
        fake, _ = self.connect()
        for _ in range(MOST_OFFENCES - 1):
            fake.say(Request(COUNT, 0, BLOCK))
        self.clock.advance(1)
        self.assertEqual(fake.closed, 0)
        fake.say(Request(COUNT, 0, BLOCK))
        self.clock.advance(1)
        self.assertEqual(fake.closed, 1)
        self.assertIn("too many offences", self.above.gone[0])

    def test_while_choked(self):
        """Rejected by name; no offence while they may have crossed our choke on the way."""
        for reserved in (FAST, PLAIN):
            fake, link = self.connect(reserved)
            link.choke(self.clock.seconds())
            self.clock.advance(CHOKE_GRACE - 1)
            fake.forget()
            fake.say(Request(1, 0, BLOCK))
            self.assertAnswer(fake, *[("reject", 1, 0, BLOCK)] * (reserved is FAST))
            self.assertEqual(link.peer.offences, 0)
            self.clock.advance(2)
            fake.say(Request(1, 0, BLOCK))
            self.assertAnswer(fake, *[("reject", 1, 0, BLOCK)] * (reserved is FAST))
            self.assertEqual(link.peer.offences, 1)

    def test_flood_while_choked(self):
        fake, _ = self.connect(unchoked=False)
        self.clock.advance(CHOKE_GRACE)
        fake.say(*[Request(1, 0, BLOCK)] * MOST_OFFENCES)
        self.clock.advance(1)
        self.assertEqual(fake.closed, 1)

    def test_allowed_fast_while_choked(self):
        fake, link = self.connect(unchoked=False)
        link.peer.granted_fast += (3,)
        fake.forget()
        fake.say(Request(3, 0, BLOCK), Request(4, 0, BLOCK))
        self.assertAnswer(fake, ("reject", 4, 0, BLOCK), ("piece", 3, 0, BLOCK))

    def test_choke_ends_what_waits(self):
        """With the fast extension each is rejected by name, after the choke; granted ones stay."""
        for reserved in (FAST, PLAIN):
            self.store.cached = False
            fake, link = self.connect(reserved)
            link.peer.granted_fast += (3,)
            asked = [(piece, begin, BLOCK) for piece in (2, 3, 4) for begin in (0, BLOCK)]
            fake.say(*(Request(*each) for each in asked))
            self.clock.advance(1)
            link.choke(self.clock.seconds())
            rejected = [each for each in asked if each[0] != 3] * (reserved is FAST)
            self.assertAnswer(fake, ("choke",), *(("reject", *each) for each in rejected))
            self.store.cached = True
            self.store.finish()
            self.assertAnswer(fake, ("piece", 3, 0, BLOCK), ("piece", 3, BLOCK, BLOCK))

    def test_cancel(self):
        """Answered once all the same (BEP 6): with a reject, or with the block if it was sent."""
        for reserved in (FAST, PLAIN):
            self.store.cached = False
            fake, _ = self.connect(reserved)
            for piece in (1, 2, 3):
                fake.say(Request(piece, 0, BLOCK))
            self.clock.advance(1)
            fake.say(m.Cancel(2, 0, BLOCK), m.Cancel(2, 0, BLOCK), m.Cancel(3, 0, 1))
            self.assertAnswer(fake, *[("reject", 2, 0, BLOCK)] * (reserved is FAST))
            self.store.cached = True
            self.store.finish()
            self.assertAnswer(fake, ("piece", 1, 0, BLOCK), ("piece", 3, 0, BLOCK))
            fake.say(m.Cancel(1, 0, BLOCK))
            self.assertAnswer(fake)


def _short(message):
    if isinstance(message, Piece):
        return "piece", message.index, message.begin, len(message.data)
    if isinstance(message, m.Reject):
        return "reject", message.index, message.begin, message.length
    return (type(message).__name__.lower(),)
