"""A peer that takes back a piece while we download (BEP 54)."""

from tests.peer.sessioncase import SessionCase
from tests.testing.fakepeer import Request
from txtorrent.wire import messages as m
from txtorrent.wire.stream import ProtocolError


class Lost(SessionCase):
    def setUp(self):
        super().setUp()
        self.leecher = self.swarm.add_leecher()
        self.clock.advance(1)
        self.exchange = self.leecher.parts.exchange

    def asked(self, host):
        """A peer that has everything, and was asked for some of it; it answers nothing."""
        peer = self.fake(self.leecher, host, m.HaveAll(), m.Unchoke())
        self.run_until(lambda: peer.of(Request))
        return peer

    def test_others_are_asked_at_once(self):
        """And the peer is asked for something else."""
        one = self.asked("20.60.0.1")
        piece = one.of(Request)[0].index
        two = self.fake(self.leecher, "20.60.0.2", m.HaveNone(), m.Have(piece), m.Unchoke())
        self.clock.advance(1)
        own = {request.begin for request in one.of(Request) if request.index == piece}
        before = len(one.of(Request))
        self.assertFalse(own & {request.begin for request in two.of(Request)})
        link = self.link(self.leecher, one)
        self.exchange.lost(link, piece)
        self.clock.advance(0.5)
        self.assertLessEqual(own, {request.begin for request in two.of(Request)})
        more = [request.index for request in one.of(Request)[before:]]
        self.assertTrue(more and piece not in more)

    def test_what_comes_of_it_all_the_same_is_no_offence(self):
        one = self.asked("20.60.0.1")
        link, asked = self.link(self.leecher, one), one.of(Request)
        piece = asked[0].index
        self.exchange.lost(link, piece)
        one.say(*(one.block(request) for request in asked if request.index == piece))
        self.clock.advance(1)
        self.assertEqual((link.peer.offences, link.is_open), (0, True))

    def test_nothing_that_we_want_is_left(self):
        one = self.asked("20.60.0.1")
        link = self.link(self.leecher, one)
        for piece in range(link.peer.have.size):
            self.exchange.lost(link, piece)
        self.clock.advance(0.2)
        self.assertFalse(link.peer.am_interested)
        self.assertEqual(len(one.of(m.NotInterested)), 1)
        self.assertEqual(link.peer.requests, {})

    def test_a_seed_that_is_none_any_more_is_told_that_we_have_it(self):
        """While it was one it was not."""
        one = self.asked("20.60.0.1")
        one.answers()
        one.say(*map(one.block, one.of(Request)))
        self.run_until(lambda: self.exchange.progress.have.count)
        one.on(Request, lambda request: None)
        self.clock.advance(1)
        self.assertEqual(one.of(m.Have), [])
        link, piece = self.link(self.leecher, one), next(iter(self.exchange.progress.have))
        for _ in range(2):
            self.exchange.lost(link, piece)
        self.clock.advance(1)
        self.assertEqual(one.of(m.Have), [m.Have(piece)])

    def test_no_such_piece(self):
        link = self.link(self.leecher, self.asked("20.60.0.1"))
        for piece in (link.peer.have.size, 2**32 - 1):
            with self.assertRaises(ProtocolError):
                self.exchange.lost(link, piece)
        self.assertTrue(link.peer.is_seed)

    def test_the_download_ends(self):
        """Whatever one peer loses, another has."""
        one = self.asked("20.60.0.1")
        one.answers()
        one.say(*map(one.block, one.of(Request)))
        link = self.link(self.leecher, one)
        for piece in range(0, link.peer.have.size, 2):
            self.exchange.lost(link, piece)
        other = self.asked("20.60.0.2")
        other.answers()
        other.say(*map(other.block, other.of(Request)))
        self.run_until(lambda: self.leecher.is_complete)
        self.assertTrue(other.of(Request))
