"""Peers that keep back what we need, or send what we do not: the others make up for it."""

from tests.peer.sessioncase import PIECE, SessionCase
from tests.testing.fakepeer import FAST, PLAIN, Piece, Request
from txtorrent.metainfo.pieces import BLOCK
from txtorrent.peer.protocol import MOST_OFFENCES
from txtorrent.swarm.window import START
from txtorrent.torrent.exchange import SNUBBED_AFTER
from txtorrent.wire import messages as m


class Leeching(SessionCase):
    def test_snubbing(self):
        """THREATS B6: it takes requests and answers none; others have the blocks in 20 s."""
        leecher = self.swarm.add_leecher()
        without_two = m.Bitfield(bytes([0x3F, 255, 255, 255, 255]))
        mute = self.fake(leecher, "20.60.0.1", without_two, m.Unchoke())
        self.run_until(lambda: len(mute.of(Request)) >= START)
        asked = self.clock.seconds()
        self.assertEqual(len(mute.of(Request)), START)
        # Nobody has those two, so this is no endgame.
        giving = self.fake(leecher, "20.61.0.1", without_two, m.Unchoke())
        giving.answers(0.01)
        self.run_until(lambda: leecher.torrent.progress.have.count == 38)
        self.assertLess(self.clock.seconds() - asked, SNUBBED_AFTER + 5)

    def test_snubbing_alone(self):
        """Who snubs us is asked for one block at a time from then on, and told what we gave up."""
        leecher = self.swarm.add_leecher()
        mute = self.fake(leecher, "20.60.0.1", m.HaveAll(), m.Unchoke())
        self.swarm.run(SNUBBED_AFTER + 5)
        self.assertEqual(len(mute.of(m.Cancel)), START)
        link = self.link(leecher, mute)
        self.assertTrue(link.peer.snubbed)
        self.assertEqual(len(link.peer.requests), 1)
        mute.forget()
        mute.answers(0.01)
        mute.say(mute.block(self.first_request(link)))
        self.run_until(lambda: leecher.is_complete)
        self.assertFalse(link.peer.snubbed)

    def first_request(self, link):
        per_piece = PIECE // BLOCK
        piece, block = divmod(next(iter(link.peer.requests)), per_piece)
        return Request(piece, block * BLOCK, BLOCK)

    def test_unsolicited_data(self):
        """THREATS B6: dropped and counted, and enough of it ends the connection."""
        leecher = self.swarm.add_leecher()
        fake = self.fake(leecher, "20.60.0.1", m.HaveNone())
        self.swarm.run(1)
        for number in range(MOST_OFFENCES - 1):
            fake.say(Piece(number % 40, 0, bytes(BLOCK)))
            self.swarm.run(0.1)
        self.assertEqual((fake.closed, leecher.downloaded), (0, 0))
        self.assertEqual(leecher.wasted, (MOST_OFFENCES - 1) * BLOCK)
        fake.say(Piece(1, 0, bytes(BLOCK)))
        self.swarm.run(1)
        self.assertEqual((fake.closed, leecher.parts.exchange.picker.partials), (1, {}))

    def test_blocks_of_no_request(self):
        """Wrong in size or place, in a torrent's order or beyond its end."""
        rows = [
            (0, 0, 1), (0, 1, BLOCK), (0, 0, BLOCK + 1), (0, PIECE, BLOCK), (40, 0, BLOCK),
            (0xFFFFFFFF, 0xFFFFFFFF, 5), (39, 0xFFFFC000, BLOCK), (0, 0, 0),
        ]  # fmt: skip
        leecher = self.swarm.add_leecher()
        for number, (index, begin, size) in enumerate(rows):
            fake = self.fake(leecher, f"20.60.{number}.1", m.HaveAll(), m.Unchoke())
            self.run_until(lambda fake=fake: fake.hears(m.Interested))
            self.swarm.run(1)
            fake.say(Piece(index, begin, bytes(size)))
            self.swarm.run(1)
            fake.stop()
        self.swarm.run(1)
        self.assertEqual((leecher.downloaded, leecher.linked), (0, []))

    def test_a_choke_gives_blocks_back(self):
        """With the fast extension when they are rejected, without it at once."""
        for number, reserved in enumerate((FAST, PLAIN)):
            leecher = self.swarm.add_leecher()
            has = m.Bitfield(b"\xff" * 5)
            fake = self.fake(leecher, f"20.60.{number}.1", has, m.Unchoke(), reserved=reserved)
            self.swarm.run(1)
            link = self.link(leecher, fake)
            asked = fake.of(Request)
            self.assertEqual((len(asked), len(link.peer.requests)), (START, START))
            fake.say(m.Choke())
            self.swarm.run(0.1)
            self.assertEqual(len(link.peer.requests), START if reserved is FAST else 0)
            if reserved is FAST:
                fake.say(*(m.Reject(each.index, each.begin, each.length) for each in asked))
            self.swarm.run(0.1)
            self.assertEqual((link.peer.requests, link.peer.offences), ({}, 0))
            self.swarm.run(5)
            self.assertEqual(len(fake.of(Request)), START)
            fake.answers()
            fake.say(m.Unchoke())
            self.run_until(lambda node=leecher: node.is_complete)

    def test_allowed_fast(self):
        """Pieces that a peer allows are fetched while it chokes us, and no others."""
        leecher = self.swarm.add_leecher()
        fake = self.fake(leecher, "20.60.0.1", m.HaveAll(), m.AllowedFast(3), m.AllowedFast(7))
        fake.answers()
        self.swarm.run(5)
        self.assertEqual({request.index for request in fake.of(Request)}, {3, 7})
        self.assertEqual(list(leecher.torrent.progress.have), [3, 7])

    def test_a_short_queue(self):
        """A peer that holds twenty requests and rejects the others is asked for twenty."""
        leecher = self.swarm.add_leecher()
        fake = self.fake(leecher, "20.60.0.1", m.HaveAll(), m.Unchoke())
        waiting = []

        def asked(request):
            if len(waiting) < 20:
                waiting.append(request)
            else:
                fake.say(m.Reject(request.index, request.begin, request.length))

        def answer():
            if waiting and fake.is_connected:
                fake.say(fake.block(waiting.pop(0)))
            if not leecher.is_complete:
                fake.host.soon(0.1, answer)

        fake.on(Request, asked)
        answer()
        self.run_until(lambda: leecher.is_complete, 120)
        self.assertEqual((fake.closed, fake.connected), (0, 1))
        self.assertLess(self.link(leecher, fake).peer.offences, 20)

    def test_last_blocks_are_asked_once_each(self):
        """In the endgame the same peer is not asked twice for a block."""
        leecher = self.swarm.add_leecher()
        slow = self.fake(leecher, "20.60.0.1", m.HaveAll(), m.Unchoke())
        self.swarm.run(2)
        slow.say(*(slow.block(request) for request in slow.of(Request)[:3]))
        quick = self.fake(leecher, "20.61.0.1", m.HaveAll(), m.Unchoke())
        quick.answers(0.05)
        self.run_until(lambda: leecher.is_complete)
        asked = [(each.index, each.begin) for each in quick.of(Request)]
        self.assertEqual(len(asked), len(set(asked)))
        self.assertEqual(leecher.data(), self.data)


class Toggling(SessionCase):
    def test_requests_that_nobody_reads_are_bounded(self):
        """Each unchoke makes us ask anew: ten bytes for three hundred (THREATS B7)."""
        leecher = self.swarm.add_leecher()
        fake = self.fake(leecher, "20.60.0.1", m.Bitfield(b"\xff" * 5), reserved=PLAIN)
        self.swarm.run(1)
        outbox, most = self.link(leecher, fake).outbox, 0
        fake.pause()
        toggles = (m.Unchoke().encode() + m.Choke().encode()) * 100
        for _ in range(600):
            fake.say_bytes(toggles)
            self.swarm.run(0.1)
            most = max(most, outbox.size)
        self.assertLess(most, 512 * 1024)


class Hoarding(SessionCase):
    """Peers that fill our memory with half pieces (THREATS B6, A5)."""

    def leecher(self, pieces):
        """One whose memory holds so many pieces."""
        leecher = self.swarm.add_leecher()
        leecher.session._shared.buffers._limit = pieces * PIECE
        return leecher

    def test_half_pieces_go_to_disk(self):
        """Two hold all memory with pieces that only they have, and fall silent."""
        leecher = self.leecher(4)
        for number, bits in enumerate((0xC0, 0x30)):
            hoarder = self.fake(
                leecher, f"20.60.{number}.1", m.Bitfield(bytes([bits, 0, 0, 0, 0])), m.Unchoke()
            )
            self.swarm.run(1)
            first = [each for each in hoarder.of(Request) if not each.begin]
            hoarder.say(*map(hoarder.block, first))
            self.swarm.run(1)
        self.assertEqual(leecher.session._shared.buffers.lent, 4 * PIECE)
        giving = self.fake(leecher, "20.61.0.1", m.Bitfield(b"\x0f\xff\xff\xff\xff"), m.Unchoke())
        giving.answers(0.01)
        self.run_until(lambda: leecher.torrent.progress.have.count == 36, 120)
        for fake in self.fakes[:2]:
            fake.forget()
            fake.answers()
            fake.say(fake.block(Request(0 if fake is self.fakes[0] else 2, BLOCK, BLOCK)))
        self.run_until(lambda: leecher.is_complete, 120)
        self.assertEqual(leecher.data(), self.data)

    def test_many_peers_share_little_memory(self):
        leecher = self.leecher(2)
        for number in range(10):
            giving = self.fake(leecher, f"20.61.{number}.1", m.HaveAll(), m.Unchoke())
            giving.answers(0.05)
        self.run_until(lambda: leecher.is_complete, 30)
        self.assertEqual(leecher.data(), self.data)
        self.assertEqual(leecher.session._shared.buffers.lent, 0)
