"""A seed on the real reactor that writes down what it is asked for, and can be slow."""

from collections.abc import Callable

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol

from tests.testing.fakepeer import Piece, Request, one_by_one
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.wire import messages as m
from txtorrent.wire.handshake import Handshake, HandshakeDecoder
from txtorrent.wire.stream import StreamDecoder


class RecordingSeed(Factory):
    """Serves `content` to everyone, `rate` bytes/s; `asked` are the pieces it was asked for."""

    noisy = False

    def __init__(self, reactor, metainfo: Metainfo, content: bytes, rate: int) -> None:
        self.reactor = reactor
        self.metainfo = metainfo
        self.content = content
        self.rate = rate
        self.asked: set[int] = set()
        self.on_block: Callable[[], None] = lambda: None
        self.links: set[SeedLink] = set()

    def buildProtocol(self, addr: IAddress | None) -> "SeedLink":
        assert isinstance(addr, IPv4Address)
        return SeedLink(self)

    def block(self, request: Request) -> bytes:
        """The bytes that a request asks for."""
        at = request.index * self.metainfo.geometry.piece_length + request.begin
        return self.content[at : at + request.length]

    def close(self) -> None:
        """End every connection."""
        for link in tuple(self.links):
            link.transport.abortConnection()


class SeedLink(Protocol):
    """One connection: answers requests in order, no faster than the seed's rate."""

    def __init__(self, seed: RecordingSeed) -> None:
        self.seed = seed
        self.shaking = HandshakeDecoder()
        self.decoder: StreamDecoder | None = None
        self.due = 0.0
        self.timers = set()

    def connectionMade(self) -> None:
        self.seed.links.add(self)

    def connectionLost(self, reason) -> None:
        self.seed.links.discard(self)
        for timer in self.timers:
            if timer.active():
                timer.cancel()

    def dataReceived(self, data: bytes) -> None:
        if self.decoder is None:
            done = self.shaking.feed(data)
            if done is None:
                return
            metainfo = self.seed.metainfo
            self.decoder, data = StreamDecoder(metainfo.geometry.piece_count), done[1]
            self.transport.write(Handshake(metainfo.info_hash, b"-RS0001-" + b"r" * 12).encode())
            self.transport.write(m.HaveAll().encode() + m.Unchoke().encode())
        for message in one_by_one(self.decoder.feed(data)):
            if isinstance(message, Request):
                self.answer(message)

    def answer(self, request: Request) -> None:
        self.seed.asked.add(request.index)
        now = self.seed.reactor.seconds()
        self.due = max(self.due, now) + request.length / self.seed.rate
        self.timers.add(self.seed.reactor.callLater(self.due - now, self.send, request))

    def send(self, request: Request) -> None:
        self.timers = {timer for timer in self.timers if timer.active()}
        block = self.seed.block(request)
        self.transport.write(Piece(request.index, request.begin, block).encode())
        self.seed.on_block()
