"""The peer wire as a Twisted Protocol (BEP 3, BEP 6): one connection to one peer.

Here a message is checked against the rules of the wire and turned into one call; what it
means is decided by the torrent's `Exchange`. A broken rule ends this connection alone,
with the reason. After connectionLost no call is made any more.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import Address
from txtorrent.peer.interfaces import Conversation, Extensions, Lobby, Refused, Swarm
from txtorrent.peer.outbox import Outbox
from txtorrent.peer.uploads import Uploads
from txtorrent.swarm.peer import Peer
from txtorrent.wire import messages as m
from txtorrent.wire.handshake import Handshake, HandshakeDecoder, HandshakeError
from txtorrent.wire.stream import ProtocolError, StreamDecoder

HANDSHAKE_TIMEOUT: Final = 10.0
"""Seconds from connecting to a whole handshake."""
SILENCE_TIMEOUT: Final = 150.0
"""Seconds without a byte from the peer before it is dropped: many send a keep-alive every two
minutes, to the second (BEP 3), and it may be late."""
STUCK_TIMEOUT: Final = 120.0
"""Seconds without the peer taking a byte of what waits for it, before it is dropped."""
KEEP_ALIVE_AFTER: Final = 100.0
"""Seconds without a byte to the peer before a keep-alive: well below its two minutes."""
SLOW_BLOCK: Final = 10.0
"""Seconds between bytes of one message, within which a peer counts as slow, not dead."""
MOST_OFFENCES: Final = 300
"""Invalid requests and unsolicited blocks before the peer is dropped."""
MOST_UNREAD: Final = 416 * 1024
"""Bytes that may wait for a peer before we stop reading from it. Blocks alone never are so many:
what it says makes us write, and it must not do so without reading."""
SMALL_READ: Final = 64 * 1024
LARGE_READ: Final = 256 * 1024
"""Bytes of one read: large ones halve the cost of a block at full rate, and cost memory at
thousands of slow peers."""

NO_IDS: Final[Mapping[bytes, int]] = MappingProxyType({})
"""Of a peer that has not said which extensions it speaks."""

_log = Logger()


class PeerProtocol(Protocol):
    """One connection. `address` is the peer's; `swarm` is known from the start when we dialled.

    Once the exchange has begun, `peer` holds the state of the peer and `uploads` what it
    asked for.
    """

    transport: Any
    factory: Any
    peer: Peer
    uploads: Uploads
    outbox: Outbox
    extensions: Extensions
    extension_ids: Mapping[bytes, int]
    handshakes: int

    # There may be thousands: slots for what the bases have, too, or each gets a dictionary.
    __slots__ = (
        "_clock", "_closed_because", "_decoder", "_exchange", "_finding", "_lobby", "_progress",
        "_reading_paused", "_receive", "_received_at", "_sent_at", "_shaken", "_shaking",
        "_swarm", "_timeout", "address", "connected", "extension_ids", "extensions", "factory",
        "handshakes", "outbound", "outbox", "peer", "transport", "uploads",
    )  # fmt: skip

    def __init__(
        self,
        clock: IReactorTime,
        address: Address,
        *,
        swarm: Swarm | None = None,
        lobby: Lobby | None = None,
    ) -> None:
        self.connected = 0
        self.transport = None
        self.address = address
        self.outbound = swarm is not None
        self.extension_ids = NO_IDS
        self.handshakes = 0
        self._clock = clock
        self._swarm = swarm
        self._lobby = lobby
        self._exchange: Conversation | None = None
        self._shaking: HandshakeDecoder | None = HandshakeDecoder()
        self._receive: Callable[[bytes], None] = self._shake_hands
        self._decoder: StreamDecoder | None = None
        self._timeout: IDelayedCall | None = None
        self._shaken: tuple[Handshake, bytes] | None = None
        self._finding: Deferred[None] | None = None
        self._closed_because: str | None = None
        self._received_at = self._sent_at = clock.seconds()
        self._progress = (0, self._sent_at)
        self._reading_paused = False

    def __repr__(self) -> str:
        return f"<PeerProtocol {self.address} {'out' if self.outbound else 'in'}>"

    # -- life ------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        self.transport.bufferSize = SMALL_READ
        self.outbox = Outbox(self.transport, self._refill)
        self._timeout = self._clock.callLater(
            HANDSHAKE_TIMEOUT, self.close, "no handshake within 10 s"
        )
        if self._swarm is not None:
            self._greet(self._swarm)
            self.outbox.flush()

    def dataReceived(self, data: bytes) -> None:
        self._received_at = self._clock.seconds()
        try:
            self._receive(data)
        except Exception:
            self._ended_by(Failure())

    def _ended_by(self, failure: Failure) -> None:
        """What was raised ends the connection."""
        error = failure.value
        if isinstance(error, Refused):
            self.close(str(error), after_greeting=True)
        elif isinstance(error, (HandshakeError, ProtocolError)):
            self.close(str(error))
        elif self.is_open:
            _log.failure("{link!r}: an error of ours ends this connection", failure, link=self)
            self.close("internal error")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._receive = _ignore
        self._stop_timeout()
        why = self._closed_because or reason.getErrorMessage()
        self._closed_because = why
        self._leave_lobby()
        if self._finding is not None:
            self._finding.cancel()
        self.outbox.clear()
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            self._leave(exchange)
        if self._swarm is not None:
            self._swarm.ended(self, why)

    def _leave(self, exchange: Conversation) -> None:
        """Whatever goes wrong here, the swarm must hear that the connection is gone."""
        try:
            self.uploads.stop()
            exchange.left(self)
        except Exception:
            _log.failure("{link!r}: an error of ours at its end", link=self)

    @property
    def took_part(self) -> bool:
        """Whether the handshakes were completed and the exchange began."""
        return self._decoder is not None

    @property
    def is_open(self) -> bool:
        """False once the connection was closed by either side."""
        return self._closed_because is None

    def close(self, reason: str, after_greeting: bool = False) -> None:
        """End the connection at once; what was not sent is dropped.

        `after_greeting`: our handshake is sent first. Whom we refuse may be ourselves, who
        dialled an address that a tracker gave: only by the answer do we know it for our own.
        """
        if self._closed_because is not None:
            return
        self._closed_because = reason
        self._receive = _ignore
        self._stop_timeout()
        _log.debug("{link!r} closed: {reason}", link=self, reason=reason)
        if after_greeting:
            self.transport.loseConnection()
        else:
            self.transport.abortConnection()

    def is_receiving(self, now: float) -> bool:
        """Whether a message is on its way and bytes of it came lately: slow, but alive."""
        arriving = self._decoder is not None and self._decoder.inside_frame
        return arriving and now - self._received_at < SLOW_BLOCK

    @property
    def is_reading_paused(self) -> bool:
        """Whether the peer has to read, or to have its requests answered, before we read on."""
        return self._reading_paused

    @property
    def silent_for(self) -> float:
        """Seconds since the last byte came."""
        return self._clock.seconds() - self._received_at

    @property
    def choked_for(self) -> float:
        """Seconds since we last choked the peer."""
        return self._clock.seconds() - self.peer.choked_at

    def check(self, now: float) -> None:
        """Silence ends the connection, keep-alives prevent that. To be called every second, or
        every ten while nothing moves."""
        if now - self._received_at > SILENCE_TIMEOUT and not self._reading_paused:
            self.close("silent for too long")
        elif self._is_stuck(now):
            self.close("reads nothing for two minutes")
        elif now - self._sent_at > KEEP_ALIVE_AFTER:
            self._write(m.KEEP_ALIVE_FRAME)
        elif self._reading_paused:
            self.mind_queue()

    def _is_stuck(self, now: float) -> bool:
        """Whether bytes have waited, and the peer took none, for too long."""
        taken, since = self._progress
        if taken != self.outbox.taken:
            self._sent_at = now
        if taken != self.outbox.taken or not self.outbox.size:
            self._progress = (self.outbox.taken, now)
            return False
        return now - since > STUCK_TIMEOUT

    # -- sending -----------------------------------------------------------------------------

    def send(self, message: m.Message) -> None:
        """Write one message."""
        self._write(message.encode())

    def extend(self, name: bytes, payload: bytes) -> bool:
        """Send a message of an extension (BEP 10), if the peer speaks it and is there."""
        number = self.extension_ids.get(name)
        if number is None or not self.is_open:
            return False
        self._write(m.Extended(number, payload).encode())
        return True

    def dht_node(self, port: int) -> None:
        """The peer has a DHT node at this UDP port."""
        if self._swarm is not None:
            self._swarm.dht_node(self, port)

    def send_frames(self, frames: bytes) -> None:
        """Write messages that are encoded already, as one write."""
        self._write(frames)

    def take_turn(self) -> None:
        """The download limit has come to this connection: ask for one block."""
        if self._exchange is not None:
            self._exchange.take_turn(self)

    def choke(self, now: float) -> None:
        """Choke the peer and drop its requests, but those for pieces it was granted (BEP 6)."""
        peer = self.peer
        peer.am_choking, peer.choked_at = True, now
        self.send(m.Choke())
        for block in self.uploads.clear():
            if block[0] in peer.granted_fast:
                self.uploads.add(block)
            else:
                self.reject(block)
        self.uploads.pump()
        self.mind_queue()

    def unchoke(self, now: float) -> None:
        """Let the peer request."""
        self.peer.am_choking, self.peer.unchoked_at = False, now
        self.send(m.Unchoke())

    def sent(self, size: int) -> None:
        """A block went out."""
        if self._exchange is not None:
            self._exchange.sent(self, size)

    def reject(self, block: m.Block) -> None:
        """Say that a request will not be answered; without BEP 6 there are no words for it."""
        if self.peer.fast:
            self.send(m.Reject(*block))

    def offend(self, what: str) -> None:
        """Count something that a sane peer does not do; enough of it ends the connection."""
        self.peer.offences += 1
        if self.peer.offences >= MOST_OFFENCES:
            self.close(f"too many offences, the last: {what}")

    # -- handshake ---------------------------------------------------------------------------

    def _shake_hands(self, data: bytes) -> None:
        assert self._shaking is not None
        self._shaken = self._shaking.feed(data)
        info_hash = self._shaking.info_hash
        if self._swarm is None and info_hash is not None and self._finding is None:
            self._find_torrent(info_hash)
        elif self._swarm is not None and self._shaken is not None:
            self._begin(*self._shaken)

    def _find_torrent(self, info_hash: bytes) -> None:
        """Nothing more is read until the torrent is found: it may have to be woken first."""
        assert self._lobby is not None
        finding = self._lobby.torrent_for(info_hash, self.address.host)
        found = finding.addCallback(self._found).addErrback(self._ended_by)
        if not found.called:
            self._finding = found
            self.transport.pauseProducing()

    def _found(self, swarm: Swarm) -> None:
        if not self.is_open:
            return
        if self._finding is not None:
            self._finding = None
            self.transport.resumeProducing()
        self._swarm = swarm
        self._leave_lobby()
        swarm.arrived(self)
        self._greet(swarm)
        if self._shaken is not None:
            self._begin(*self._shaken)
        self.outbox.flush()

    def _greet(self, swarm: Swarm) -> None:
        """To be followed by a flush: often what we have goes with it."""
        self.outbox.add(Handshake(swarm.info_hash, swarm.peer_id, swarm.reserved).encode())

    def _begin(self, handshake: Handshake, rest: bytes) -> None:
        swarm, self._shaken = self._swarm, None
        assert swarm is not None
        if handshake.info_hash != swarm.info_hash:
            raise HandshakeError("the peer answers for another torrent")
        self._stop_timeout()
        exchange = swarm.greeted(self, handshake)
        self._shaking = None
        self._decoder = StreamDecoder(swarm.piece_count)
        self._receive = self._converse
        self._exchange = exchange
        exchange.joined(self)
        swarm.entered(self, handshake)
        if rest and self.is_open:
            self._receive(rest)

    def take_part(self, exchange: Conversation, kept: Iterable[m.Message]) -> None:
        """Go over to another exchange, of as many pieces as the swarm now says. What the peer said
        before that has to do with it is `kept`."""
        assert self._swarm is not None and self._decoder is not None
        self._decoder.allow(self._swarm.piece_count)
        self._exchange = exchange
        exchange.joined(self)
        try:
            for message in kept:
                exchange.rules[type(message)](self, exchange, message)
        except Exception:
            self._ended_by(Failure())

    def _leave_lobby(self) -> None:
        lobby, self._lobby = self._lobby, None
        if lobby is not None:
            lobby.left_lobby(self)

    def _stop_timeout(self) -> None:
        timeout, self._timeout = self._timeout, None
        if timeout is not None and timeout.active():
            timeout.cancel()

    # -- messages ----------------------------------------------------------------------------

    def _converse(self, data: bytes) -> None:
        exchange, decoder = self._exchange, self._decoder
        assert exchange is not None and decoder is not None
        rules = exchange.rules
        for message in decoder.feed(data):
            rules[type(message)](self, exchange, message)
            if self._closed_because is not None:
                return
        if len(data) >= self.transport.bufferSize:
            self.transport.bufferSize = LARGE_READ
        self.uploads.pump()
        self.mind_queue()
        exchange.chunk_handled(self)

    def _refill(self) -> bool:
        """The outbox has room."""
        return self._exchange is not None and self.uploads.fill()

    def mind_queue(self) -> None:
        """Stop reading from a peer whose queue of requests is full; go on when it is half empty."""
        if self.uploads.is_full:
            self._pause_reading()
        elif self._reading_paused and self.uploads.is_half_empty and not self._hears_nothing:
            self._reading_paused = False
            self._received_at = self._clock.seconds()
            self.transport.resumeProducing()

    def _pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self.transport.pauseProducing()

    def _write(self, data: bytes) -> None:
        self._sent_at = self._clock.seconds()
        self.outbox.write(data)
        if self._hears_nothing:
            self._pause_reading()

    @property
    def _hears_nothing(self) -> bool:
        return self.outbox.size > MOST_UNREAD


def _ignore(data: bytes) -> None:
    """What arrives behind the end of a connection is nobody's."""
