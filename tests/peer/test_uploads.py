"""The way of blocks to a peer: requests wait, data does not; cancel, choke, limits, the disk."""

from tests.peer.case import DATA, PIECE, PeerCase
from tests.testing.fakepeer import Piece, Request
from txtorrent.peer.uploads import MOST_QUEUED, READ_AHEAD
from txtorrent.wire import messages as m

BLOCK = 16 * 1024
MOST_WAITING = 512 * 1024
"""Bytes that may wait for one peer (THREATS B7)."""


def requests(*pieces, length=BLOCK):
    return [Request(p, at, length) for p in pieces for at in range(0, PIECE, length)]


def waiting(link):
    """Bytes that wait for the kernel to take them."""
    return link.outbox.size


class Uploading(PeerCase):
    def assertServed(self, fake, *asked):
        self.assertEqual([(p.index, p.begin, len(p.data)) for p in fake.of(Piece)], [
            (r.index, r.begin, r.length) for r in asked
        ])  # fmt: skip
        for piece in fake.of(Piece):
            at = piece.index * PIECE + piece.begin
            self.assertEqual(piece.data, DATA[at : at + len(piece.data)])


class Cached(Uploading):
    def test_every_size(self):
        fake, link = self.connect()
        sizes = (1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 32 * 1024, 128 * 1024)
        asked = [Request(1, 7, size) for size in sizes]
        fake.say(*asked)
        self.clock.advance(1)
        self.assertServed(fake, *asked)
        self.assertEqual(link.peer.uploaded.total, sum(sizes))

    def test_in_order(self):
        fake, _ = self.connect()
        asked = requests(3, 1, 2)
        fake.say(*asked)
        self.clock.advance(1)
        self.assertServed(fake, *asked)


class Eager(Uploading):
    """A kernel that takes everything at once."""

    def test_all_is_sent(self):
        """However much is asked at once, and although no send ever has to wait."""
        fake, link = self.connect()
        link.outbox._sendmsg = lambda buffers: sum(map(len, buffers))
        fake.say(*requests(*range(11)))
        self.clock.advance(1)
        self.assertEqual((len(link.uploads), link.peer.uploaded.total), (0, 11 * PIECE))


class NotRead(Uploading):
    """THREATS B7: requests, and never a read."""

    def test_what_waits_is_bounded(self):
        fake, link = self.connect()
        fake.pause()
        most = 0
        for piece in range(11):
            for request in requests(piece, length=128 * 1024) + requests(piece):
                fake.say(request)
                self.clock.advance(0.01)
                most = max(most, waiting(link))
        self.assertLessEqual(most, MOST_WAITING)
        self.assertGreater(len(link.uploads), 90)
        # The kernel's buffers and ours are all that was read for it.
        self.assertLessEqual(self.store.served, 2 * MOST_WAITING)

    def test_goes_on_when_it_reads(self):
        fake, _ = self.connect()
        fake.pause()
        asked = requests(*range(11))
        fake.say(*asked)
        self.clock.advance(20)
        self.assertEqual(fake.heard, [])
        fake.resume()
        self.clock.advance(5)
        self.assertServed(fake, *asked)

    def test_reads_from_disk_are_bounded(self):
        self.store.cached = False
        fake, link = self.connect()
        fake.pause()
        fake.say(*requests(*range(11)))
        read = 0
        while not self.store.reads and not read:
            self.clock.advance(1)
        while self.store.reads:
            self.assertEqual(len(self.store.reads), 1)
            self.store.finish()
            read += 1
            self.clock.advance(1)
            self.assertLessEqual(waiting(link), MOST_WAITING)
        self.assertLess(read * READ_AHEAD, 2 * MOST_WAITING)


class Floods(Uploading):
    """THREATS B4, and INTEROP: deep queues are served, behind them reading stops."""

    def test_thousands_at_once_are_all_answered(self):
        fake, _ = self.connect()
        asked = [Request(p, at, 16) for p in range(11) for at in range(0, 16 * 300, 16)]
        self.assertGreater(len(asked), MOST_QUEUED)
        fake.pause()
        self.ours.up_line.rate = 10_000
        fake.say(*asked)
        self.clock.advance(5)
        self.ours.up_line.rate = None
        fake.resume()
        self.clock.advance(30)
        self.assertServed(fake, *asked)

    def test_reading_stops_and_goes_on(self):
        """What the queue cannot hold stays with the peer."""
        self.store.cached = False
        fake, link = self.connect()
        flood = [Request(p, at, 16) for p in range(11) for at in range(0, 16 * 4000, 16)]
        fake.say(*flood)
        self.clock.advance(5)
        held = len(link.uploads)
        self.assertTrue(link.uploads.is_full)
        # A chunk that was read whole is kept whole; all behind it was not read.
        self.assertLess(held, MOST_QUEUED + 256 * 1024 // 17)
        fake.say(m.Have(1))
        self.clock.advance(5)
        self.assertTold()
        self.store.cached = True
        self.store.finish()
        self.clock.advance(5)
        self.assertTold(("has", 1))
        self.assertEqual(len(fake.of(Piece)), len(flood))

    def test_not_silent_while_we_do_not_read(self):
        self.store.cached = False
        fake, _ = self.connect()
        fake.say(*[Request(0, at, 16) for at in range(0, 16 * 3000, 16)])
        self.tick(200)
        self.assertEqual(fake.closed, 0)
        self.store.cached = True
        self.store.finish()
        self.tick(5)
        self.assertEqual(len(fake.of(Piece)), 3000)

    def test_requests_and_cancels_read_the_disk_once_at_a_time(self):
        """A peer cannot have us read what it takes back: no second read before the first ends."""
        self.store.cached = False
        fake, link = self.connect()
        for request in requests(1, 2, 3):
            fake.say(request)
            self.clock.advance(1)
            fake.say(m.Cancel(request.index, request.begin, request.length))
            self.clock.advance(1)
        self.assertEqual(len(self.store.reads), 1)
        self.assertEqual(len(fake.of(m.Reject)), 48)
        self.store.finish()
        self.clock.advance(1)
        self.assertEqual((fake.of(Piece), self.store.reads, len(link.uploads)), ([], [], 0))

    def test_asked_twice_is_answered_once(self):
        self.store.cached = False
        fake, link = self.connect()
        fake.say(*requests(2), *requests(1), *requests(1))
        self.clock.advance(1)
        self.assertEqual(len(link.uploads), 32)

    def test_rejects_that_nobody_reads_are_bounded(self):
        """While choked; the offences end it when the grace is over."""
        fake, link = self.connect(unchoked=False)
        fake.pause()
        flood = b"".join(request.encode() for request in requests(*range(11)))
        most = 0
        for _ in range(400):
            if fake.is_connected:
                fake.say_bytes(flood * 10)
            self.clock.advance(0.05)
            most = max(most, waiting(link))
        self.assertLessEqual(most, MOST_WAITING)


class Disk(Uploading):
    def setUp(self):
        super().setUp()
        self.store.cached = False
        self.fake, self.link = self.connect()

    def say(self, *messages):
        self.fake.say(*messages)
        self.clock.advance(1)

    def finish(self):
        self.store.finish()
        self.clock.advance(1)

    def test_neighbours_are_read_together(self):
        asked = requests(1, 2)
        self.say(*asked)
        # What stands alone was read before the others had arrived.
        while self.store.reads:
            [(_, _, begin, length)] = self.store.reads
            self.assertLessEqual(length, READ_AHEAD)
            self.assertLessEqual(begin + length, PIECE)
            self.finish()
        self.assertServed(self.fake, *asked)

    def test_cancelled_while_it_is_read(self):
        """The next block is not answered with the bytes of the one taken back."""
        self.say(Request(1, 0, BLOCK))
        self.say(m.Cancel(1, 0, BLOCK), Request(2, BLOCK, BLOCK))
        self.assertEqual(self.fake.heard, [m.Reject(1, 0, BLOCK)])
        self.finish()
        self.finish()
        self.assertServed(self.fake, Request(2, BLOCK, BLOCK))

    def test_choked_while_it_is_read(self):
        self.say(*requests(1))
        self.link.choke(self.clock.seconds())
        self.link.unchoke(self.clock.seconds())
        self.say(Request(2, 0, BLOCK))
        while self.store.reads:
            self.finish()
        self.assertServed(self.fake, Request(2, 0, BLOCK))
        self.assertEqual(len(self.fake.of(m.Reject)), 16)

    def test_gone_while_it_is_read(self):
        self.say(*requests(1))
        self.fake.stop()
        self.clock.advance(1)
        self.store.finish()
        self.assertEqual((self.store.reads, len(self.link.uploads)), ([], 0))

    def test_failed(self):
        """Whose fault it is is for the torrent to find out."""
        self.say(Request(1, 0, BLOCK))
        self.store.reads.pop()[0].errback(OSError(5, "Input/output error"))
        [failure] = self.above.read_failures
        failure.trap(OSError)
        self.assertTrue(self.link.is_open)


class Limited(Uploading):
    def test_what_was_taken_back_costs_nothing(self):
        """Else a peer could use up our upload with requests that it cancels while we read."""
        self.store.cached = False
        self.limit.rate = 10 * BLOCK
        greedy, _ = self.connect()
        modest, _ = self.connect()
        modest.say(*requests(2, 3, 4))
        for _ in range(30):
            greedy.say(Request(1, 0, BLOCK))
            self.clock.advance(0.09)
            greedy.say(m.Cancel(1, 0, BLOCK))
            self.clock.advance(0.01 + 0.01)
            while self.store.reads:
                self.store.finish()
        self.assertEqual(greedy.of(Piece), [])
        self.assertGreater(len(modest.of(Piece)), 25)

    def test_shared_fairly(self):
        self.limit.rate = 100_000
        fakes = [self.connect()[0] for _ in range(3)]
        for fake in fakes:
            fake.say(*requests(*range(11)))
        self.clock.advance(20)
        served = [len(fake.of(Piece)) for fake in fakes]
        self.assertLessEqual(max(served) - min(served), 2)
        self.assertLess(abs(sum(served) * BLOCK / 20 - 100_000), 3_000)
