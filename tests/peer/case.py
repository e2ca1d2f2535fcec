"""One real peer connection on the simulated network, between a scripted peer and doubles of all
that lies above it."""

from random import Random

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.fakepeer import FAST, FakePeer
from tests.testing.network import Network
from tests.testing.torrents import content, make
from txtorrent.address import Address
from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.torrentfile import parse
from txtorrent.peer.factory import InboundFactory, OutboundFactory
from txtorrent.peer.interfaces import Refused
from txtorrent.peer.limit import Limit
from txtorrent.peer.limiter import Limiter
from txtorrent.peer.rules import RULES
from txtorrent.peer.uploads import Uploads, make_scratch
from txtorrent.swarm.peer import Peer
from txtorrent.swarm.rate import Rate
from txtorrent.swarm.window import RequestWindow
from txtorrent.wire.handshake import reserved_bits

OURS, THEIRS, PORT = "20.1.0.1", "20.2.0.1", 6881
OUR_ID = b"-TX0100-ourselves..."
PIECE = 256 * 1024
DATA = content("peers", 12 * PIECE - 5000)
METAINFO = parse(make(DATA, piece_length=PIECE))


class Store:
    """The content. Where it is not cached, reads hang in `reads` until `finish`."""

    def __init__(self):
        self.cached = True
        self.reads = []
        self.served = 0

    def read_cached(self, piece, begin, into):
        if self.cached:
            into[:] = self._bytes(piece, begin, len(into))
        return self.cached

    def read(self, piece, begin, length):
        self.reads.append((Deferred(), piece, begin, length))
        return self.reads[-1][0]

    def finish(self, number=0):
        deferred, *where = self.reads.pop(number)
        deferred.callback(self._bytes(*where))

    def _bytes(self, piece, begin, length):
        self.served += length
        start = piece * PIECE + begin
        return DATA[start : start + length]


class Above:
    """The torrent as its connections see it: `peer.Swarm` and `peer.Exchange` in one.

    `told` has what it was told, in order; `have` the pieces that may be uploaded."""

    info_hash = METAINFO.info_hash
    peer_id = OUR_ID
    piece_count = METAINFO.geometry.piece_count
    reserved = reserved_bits(dht=False)
    rules = RULES

    def __init__(self, clock, store, limiter):
        self.clock = clock
        self.store = store
        self.limiter = limiter
        self.scratch = make_scratch()
        self.told = []
        self.links = []
        self.gone = []
        self.have = Bitfield.full(self.piece_count)
        self.refuses = None
        self.breaks = False
        self.read_failures = []

    # -- peer.Swarm

    def arrived(self, link):
        self.told.append(("arrived",))

    def greeted(self, link, handshake):
        if self.refuses:
            raise Refused(self.refuses)
        now = self.clock.seconds()
        link.peer = Peer(
            link.address,
            handshake.peer_id,
            Bitfield(self.piece_count),
            now,
            Rate(now),
            Rate(now),
            RequestWindow(now),
            fast=handshake.fast,
            choked_at=now,
        )
        link.uploads = Uploads(
            link.outbox,
            self.store,
            self.scratch,
            self.limiter,
            lambda size: self.sent(link, size),
            self.read_failures.append,
        )
        link.extensions = self
        return self

    def entered(self, link, handshake):
        """It has joined already."""

    def ended(self, link, reason):
        self.gone.append(reason)

    # -- peer.Exchange

    def joined(self, link):
        self.links.append(link)
        if self.breaks:
            raise RuntimeError("a bug of ours")

    def left(self, link):
        self.links.remove(link)
        self.told.append(("left",))

    def chunk_handled(self, link):
        pass

    def blocks(self, link, blocks):
        self.told += [("block", index, begin, bytes(data)) for index, begin, data in blocks]

    def has_pieces(self, link, pieces):
        self.told.append(("has pieces", list(pieces)))
        for piece in pieces:
            link.peer.have.add(piece)

    def has(self, link, piece):
        self.told.append(("has", piece))
        link.peer.have.add(piece)

    def uploadable(self, piece):
        return METAINFO.geometry.piece_size(piece) if piece in self.have else 0

    def sent(self, link, size):
        link.peer.uploaded.total += size
        link.mind_queue()

    def __getattr__(self, name):
        """The other calls of an exchange are just noted."""
        return lambda link, *args: self.told.append((name.replace("_", " "), *args))


class PeerCase(SynchronousTestCase):
    """A host of ours that listens and another on which scripted peers live."""

    def setUp(self):
        self.network = Network(seed=2)
        self.clock = self.network.clock
        self.ours, self.theirs = self.network.host(OURS), self.network.host(THEIRS)
        self.store = Store()
        self.limit = Limit(0, self.ours)
        self.above = Above(self.clock, self.store, Limiter(self.limit))
        self.random = Random(1)
        self.refusal = None
        self.awake = succeed(None)
        self.factory = InboundFactory(self.ours, self.find, lambda host: self.refusal)
        self.port = self.ours.listenTCP(PORT, self.factory)
        self.fakes = []
        self.dial_failures = []

    def tearDown(self):
        for fake in self.fakes:
            fake.stop()
        self.port.stopListening()
        self.factory.close_waiting()
        self.clock.advance(60)
        self.assertEqual(self.above.links, [])
        self.assertEqual(self.network.leftovers(), [])

    def find(self, info_hash, host):
        return Deferred.fromCoroutine(self._find(info_hash))

    async def _find(self, info_hash):
        await self.awake
        if info_hash != METAINFO.info_hash:
            raise Refused("no such torrent here")
        return self.above

    def fake(self, reserved=FAST, host=None):
        """A scripted peer that does nothing yet."""
        fake = FakePeer(host or self.theirs, METAINFO, DATA, reserved=reserved)
        self.fakes.append(fake)
        return fake

    def connect(self, reserved=FAST, unchoked=True):
        """A peer that dialled us and shook hands, and our end of the connection."""
        fake = self.fake(reserved)
        fake.dial(Address(OURS, PORT))
        self.clock.advance(1)
        link = self.above.links[-1]
        self.above.told.clear()
        if unchoked:
            link.unchoke(self.clock.seconds())
            self.clock.advance(1)
            fake.forget()
        return fake, link

    def dial(self, fake):
        """Dial a peer that listens; our end of the connection."""
        address, made = fake.listen(), []
        failed = lambda *args: self.dial_failures.append(args)  # noqa: E731
        self.ours.connectTCP(
            *address, OutboundFactory(self.ours, address, self.above, made.append, failed)
        )
        self.clock.advance(1)
        return made[0]

    def tick(self, seconds):
        """Let time pass as a torrent does, with a look at each connection every second."""
        for _ in range(seconds):
            self.clock.advance(1)
            for link in tuple(self.above.links):
                link.check(self.clock.seconds())

    def assertTold(self, *expected):
        self.assertEqual(self.above.told, list(expected))
