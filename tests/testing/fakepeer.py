"""A scripted peer on the simulated network: it says what it is told to and notes what it hears.

    peer = FakePeer(network.host("20.9.0.1"), metainfo, data)
    peer.dial(Address("20.1.0.1", 6881))
    peer.say(HaveAll(), Interested())
    peer.answers()                       # requests are answered from now on, truthfully
    clock.run_until(lambda: peer.hears(Unchoke))

It keeps no rule of the protocol by itself: what it does is what the test says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from attrs import define
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ClientFactory, Factory, Protocol
from twisted.python.failure import Failure

from tests.testing.host import Host
from txtorrent.address import Address
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.wire import messages as m
from txtorrent.wire.handshake import Handshake, HandshakeDecoder
from txtorrent.wire.stream import StreamDecoder

M = TypeVar("M", bound=m.Message)
# Takes frames of up to 1 MiB: a fake peer judges nothing.
ANY_FRAME = 8 * 1024 * 1024

FAST = bytes(7) + b"\x04"
PLAIN = bytes(8)


@define
class Request(m.Message):
    """One block of `Requests`: what a peer says and hears is easier to read one by one."""

    index: int
    begin: int
    length: int

    def encode(self) -> bytes:
        return m.Requests([(self.index, self.begin, self.length)]).encode()


@define
class Piece(m.Message):
    """One block of `Pieces`."""

    index: int
    begin: int
    data: bytes

    def encode(self) -> bytes:
        return m.Pieces([(self.index, self.begin, self.data)]).encode()


def one_by_one(messages: Iterable[m.Message]) -> Iterator[m.Message]:
    """Messages as they came, with one for each request and each block."""
    for message in messages:
        if isinstance(message, m.Requests):
            yield from (Request(*block) for block in message.blocks)
        elif isinstance(message, m.Pieces):
            yield from (Piece(at[0], at[1], bytes(at[2])) for at in message.blocks)
        else:
            yield message


class FakePeer:
    """One peer with at most one connection at a time; a new one takes the place of the old.

    `greeting` is what it says first: on connecting when it dialled, else on hearing a handshake.
    None: it says nothing by itself. `heard` are the messages of all connections in order,
    `handshake` the last one heard, `raw` every byte of the present connection. `closed` counts
    connections that ended, `refused` attempts to dial that failed.
    """

    def __init__(
        self,
        host: Host,
        metainfo: Metainfo,
        data: bytes = b"",
        *,
        reserved: bytes = FAST,
        peer_id: bytes | None = None,
    ) -> None:
        self.host = host
        self.metainfo = metainfo
        self.data = data
        peer_id = peer_id or f"-FK0001-{host.name}".encode().ljust(20, b".")[:20]
        self.greeting: bytes | None = Handshake(metainfo.info_hash, peer_id, reserved).encode()
        self.after_greeting: Sequence[m.Message] = ()
        """Said behind the handshake, as soon as the other's handshake was heard."""
        self.heard: list[m.Message] = []
        self.heard_at: list[float] = []
        self.handshake: Handshake | None = None
        self.raw = bytearray()
        self.connected = 0
        self.closed = 0
        self.refused = 0
        self._wire: _Wire | None = None
        self._ports: list[IListeningPort] = []
        self._reactions: dict[type[m.Message], Callable[[Any], object]] = {}

    # -- connecting

    @property
    def is_connected(self) -> bool:
        return self._wire is not None

    @property
    def wire(self) -> Any:
        """The transport of the present connection."""
        assert self._wire is not None, "not connected"
        return self._wire.transport

    def dial(self, address: Address, source: str | None = None) -> None:
        """Connect to that address, from one of our own when it matters which."""
        bind = None if source is None else (source, 0)
        self.host.connectTCP(address.host, address.port, _Dialling(self), bindAddress=bind)

    def listen(self, port: int = 6881) -> Address:
        """Accept connections; gives the address."""
        self._ports.append(self.host.listenTCP(port, _Accepting(self)))
        return Address(self.host.addresses[0], port)

    def hang_up(self) -> None:
        """Close the connection in good order, once what was said is sent."""
        if self._wire is not None:
            self.wire.loseConnection()

    def stop(self) -> None:
        """Be gone: no port, no connection."""
        while self._ports:
            self._ports.pop().stopListening()
        if self._wire is not None:
            self.wire.abortConnection()

    # -- saying

    def say(self, *messages: m.Message) -> None:
        """Send these, in one write."""
        self.say_bytes(b"".join(message.encode() for message in messages))

    def say_bytes(self, data: bytes) -> None:
        """Send these bytes, whatever they mean."""
        self.wire.write(data)

    def pause(self) -> None:
        """Read nothing from now on."""
        self.wire.pauseProducing()

    def resume(self) -> None:
        """Read again."""
        self.wire.resumeProducing()

    # -- hearing

    def of(self, kind: type[M]) -> list[M]:
        """The messages of that kind so far."""
        return [message for message in self.heard if isinstance(message, kind)]

    def hears(self, kind: type[m.Message]) -> bool:
        """Whether one of that kind was heard."""
        return any(isinstance(message, kind) for message in self.heard)

    def forget(self) -> None:
        """Drop what was heard so far."""
        self.heard.clear()
        self.heard_at.clear()

    def on(self, kind: type[M], reaction: Callable[[M], object]) -> None:
        """Call this with every message of that kind, after it was noted."""
        self._reactions[kind] = reaction

    # -- serving

    def block(self, request: Request) -> Piece:
        """The truthful answer to a request."""
        start = self.metainfo.geometry.piece_offset(request.index) + request.begin
        return Piece(request.index, request.begin, self.data[start : start + request.length])

    def answers(self, seconds: float = 0.0, lies: bool = False) -> None:
        """Answer every request from now on, each after so long; `lies`: with wrong data."""

        def answer(request: Request) -> None:
            piece = self.block(request)
            if lies:
                piece.data = bytes(byte ^ 0xFF for byte in piece.data)
            self.later(seconds, piece)

        self.on(Request, answer)

    def later(self, seconds: float, *messages: m.Message) -> None:
        """Say these after so long, if the connection is still there."""
        if seconds:
            self.host.soon(seconds, lambda: self.later(0.0, *messages))
        elif self.is_connected:
            self.say(*messages)

    # -- for the wire

    def wire_made(self, wire: _Wire, dialled: bool) -> None:
        self._wire = wire
        self.connected += 1
        self.raw.clear()
        if dialled:
            self._greet()

    def wire_greeted(self, handshake: Handshake, dialled: bool) -> None:
        self.handshake = handshake
        if not dialled:
            self._greet()
        if self.after_greeting:
            self.say(*self.after_greeting)

    def wire_heard(self, message: m.Message) -> None:
        self.heard.append(message)
        self.heard_at.append(self.host.seconds())
        reaction = self._reactions.get(type(message))
        if reaction is not None:
            reaction(message)

    def wire_lost(self, wire: _Wire) -> None:
        self.closed += 1
        if self._wire is wire:
            self._wire = None

    def _greet(self) -> None:
        if self.greeting is not None:
            self.say_bytes(self.greeting)


class _Wire(Protocol):
    """One connection of a fake peer."""

    transport: Any

    def __init__(self, peer: FakePeer, dialled: bool) -> None:
        self._peer = peer
        self._dialled = dialled
        self._shaking: HandshakeDecoder | None = HandshakeDecoder()
        self._stream = StreamDecoder(ANY_FRAME)

    def connectionMade(self) -> None:
        self._peer.wire_made(self, self._dialled)

    def dataReceived(self, data: bytes) -> None:
        self._peer.raw += data
        if self._shaking is not None:
            done = self._shaking.feed(data)
            if done is None:
                return
            self._shaking = None
            handshake, data = done
            self._peer.wire_greeted(handshake, self._dialled)
        for message in one_by_one(self._stream.feed(data)):
            self._peer.wire_heard(message)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self._peer.wire_lost(self)


class _Dialling(ClientFactory[_Wire]):
    noisy = False

    def __init__(self, peer: FakePeer) -> None:
        self._peer = peer

    def buildProtocol(self, addr: object) -> _Wire:
        return _Wire(self._peer, True)

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self._peer.refused += 1


class _Accepting(Factory[_Wire]):
    noisy = False

    def __init__(self, peer: FakePeer) -> None:
        self._peer = peer

    def buildProtocol(self, addr: object) -> _Wire:
        return _Wire(self._peer, False)
