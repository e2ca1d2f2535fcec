"""Simulated TCP sockets: the kernel's side of a connection.

In order, never lost, with a bounded buffer: a receiver that does not read stops the sender. What
a cut path swallows is kept and comes when it is healed, as retransmission would bring it.
Not simulated: congestion control, half-open handshakes, TIME_WAIT.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from struct import unpack
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IWriteDescriptor
from twisted.internet.main import CONNECTION_LOST

from tests.testing.line import Path
from tests.testing.sockets import (
    ANY4,
    ANY6,
    SimSocket,
    SockAddr,
    canonical,
    os_error,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from tests.testing.host import Host

# Bytes written and not yet read by the other side's program: both kernels' buffers together.
SOCKET_BUFFER = 256 * 1024
# Room that makes a full socket writable again, bytes: waking a sender for less is a waste.
ROOM = SOCKET_BUFFER // 4
# Seconds until an unanswered SYN is sent again, doubling; the tries until the kernel gives up.
SYN_RETRY = 1.0
SYN_TRIES = 7
# Seconds of retransmitting into silence until the kernel gives a connection up (Linux: 15 min).
GIVE_UP = 924.6

Piece = bytes | memoryview


class Packet:
    """What arrives at one instant at an end of a connection: data, or a signal without a size."""

    __slots__ = ("due", "fin", "pieces", "signal", "size")

    def __init__(self, due: float, signal: Callable[[], object] | None = None) -> None:
        self.due = due
        self.pieces: list[Piece] = []
        self.size = 0
        self.fin = False
        self.signal = signal


class StreamSocket(SimSocket):
    """One end of a TCP connection, or a listening socket."""

    kind = socket.SOCK_STREAM

    def __init__(self, host: Host, family: socket.AddressFamily) -> None:
        super().__init__(host, family)
        self.listening = False
        self.connecting = False
        self.connected = False
        self.peer: StreamSocket | None = None
        self.remote: tuple[str, int] = ("", 0)
        self.path: Path
        self._error = 0
        # listening
        self._backlog = 0
        self._accepted: deque[StreamSocket] = deque()
        # sending
        self._outstanding = 0
        self._credits: deque[tuple[float, int]] = deque()
        self._credit_wake = False
        self._burst: Packet | None = None
        self._fin_sent = False
        # receiving
        self._inbox: deque[Piece] = deque()
        self._ended = False
        self._held: list[Packet] = []
        self._holds = 0

    # -- the calls of socket.socket

    def listen(self, backlog: int) -> None:
        self._backlog = backlog
        self.listening = True

    def accept(self) -> tuple[StreamSocket, SockAddr]:
        if not self._accepted:
            raise os_error(errno.EWOULDBLOCK)
        accepted = self._accepted.popleft()
        return accepted, accepted.getpeername()

    def connect_ex(self, name: SockAddr) -> int:
        """Start to connect, or tell how it went: EISCONN when it is connected."""
        if self.connected:
            return errno.EISCONN
        if self.connecting:
            return errno.EALREADY
        self.remote = canonical(name[0]), name[1]
        source = self.host.source_for(self.remote[0])
        if source is None:
            return errno.ENETUNREACH
        if self.address in (None, ANY4, ANY6):
            self.address = source
        self.port = self.port or self.host.free_port(self.kind)
        self.connecting = True
        self._send_syn(1)
        return errno.EINPROGRESS

    def getpeername(self) -> SockAddr:
        if not self.connected:
            raise os_error(errno.ENOTCONN)
        return self._name(*self.remote)

    def getsockopt(self, level: int, option: int) -> int | bytes:
        if (level, option) != (socket.SOL_SOCKET, socket.SO_ERROR):
            return super().getsockopt(level, option)
        error, self._error = self._error, 0
        return error

    def send(self, data: Buffer) -> int:
        """Take as much as there is room for. OSError: EWOULDBLOCK, EPIPE, ECONNRESET."""
        view = memoryview(data)
        room = self._room_to_send()
        if view.nbytes > room:
            view = view[:room]
        size = view.nbytes
        whole = view.obj
        if type(whole) is bytes and len(whole) == size:
            self._submit(whole)
        else:
            self._submit(bytes(view))
        return size

    def sendmsg(self, buffers: list[Buffer]) -> int:
        """As `send`, of several buffers one after the other."""
        data = b"".join(buffers)
        return self.send(data) if data else 0

    def recv(self, size: int) -> bytes:
        """At most `size` bytes of what has arrived; b"" at the end of the stream.

        OSError: EWOULDBLOCK, or what broke the connection, once all that arrived is read."""
        if self._inbox:
            data = self._take(size)
            if self.peer is not None:
                self.peer._read_by_peer(len(data))
            return data
        if self._ended:
            return b""
        self._raise_error()
        raise os_error(errno.EWOULDBLOCK)

    def recv_into(self, buffer: Buffer, nbytes: int = 0) -> int:
        """As `recv`, into a buffer."""
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or view.nbytes)
        view[: len(data)] = data
        return len(data)

    def shutdown(self, how: int) -> None:
        if not self.connected:
            raise os_error(errno.ENOTCONN)
        if how != socket.SHUT_RD:
            self._send_fin()

    def close(self) -> None:
        """Close as the kernel does: what was sent still goes, unless something arrived unread."""
        if self.closed:
            return
        lingers = self._options.get((socket.SOL_SOCKET, socket.SO_LINGER))
        if self.connected and self.peer is not None:
            if self._inbox or (isinstance(lingers, bytes) and unpack("ii", lingers) == (1, 0)):
                self._send_reset()
            else:
                self._send_fin()
        super().close()
        self._inbox.clear()
        for accepted in self._accepted:
            accepted._send_reset()
            accepted.close()
        self._accepted.clear()
        self.connecting = self.listening = False
        self.host.network.streams.pop(self.serial, None)

    # -- for the host

    @property
    def can_read(self) -> bool:
        return bool(self._inbox or self._ended or self._error or self._accepted)

    @property
    def can_write(self) -> bool:
        if self._error:
            return True
        if not self.connected:
            return False
        self._collect_credits()
        return SOCKET_BUFFER - self._outstanding >= ROOM

    def watch_write(self, writer: IWriteDescriptor) -> None:
        super().watch_write(writer)
        self._await_credit()

    def _write(self) -> None:
        super()._write()
        self._await_credit()

    # -- opening

    def _send_syn(self, attempt: int) -> None:
        """One try; it is lost when the path is cut or nobody has that address."""
        if not self.connecting:
            return
        target = self.host.network.find(self.host, self.remote[0])
        clock = self.host.clock
        self.path = self.host.network.path(self.host, target)
        clock.post(clock.seconds() + self.path.latency, self._syn_arrives, target, attempt)

    def _retry_syn(self, attempt: int) -> None:
        if attempt < SYN_TRIES:
            self._send_syn(attempt + 1)
        else:
            self._break(errno.ETIMEDOUT)

    def _syn_arrives(self, target: Host, attempt: int) -> None:
        clock = self.host.clock
        if not self.path.is_open or target.drops_incoming:
            wait = SYN_RETRY * 2 ** (attempt - 1)
            clock.post(clock.seconds() + wait, self._retry_syn, attempt)
            return
        listener = target.listener(self.remote)
        back = clock.seconds() + self.path.latency
        if listener is None or target.refuse:
            clock.post(back, self._break, errno.ECONNREFUSED)
        elif len(listener._accepted) >= listener._backlog:
            clock.post(clock.seconds() + SYN_RETRY, self._retry_syn, attempt)
        else:
            clock.post(back, self._established, listener, attempt)

    def _established(self, listener: StreamSocket, attempt: int) -> None:
        """The answer to our SYN is here: connected, and the other side learns it next."""
        if not self.connecting:
            return
        if not self.path.is_open:
            self._retry_syn(attempt)
            return
        other = StreamSocket(listener.host, listener.family)
        del other.host.sockets[other.serial]  # nobody's descriptor until it is accepted
        other.address, other.port = self.remote
        assert self.address is not None
        other.remote = self.address, self.port
        for end, peer in ((self, other), (other, self)):
            end.peer, end.path, end.connected = peer, self.path, True
            self.host.network.streams[end.serial] = end
        self.connecting = False
        self._signal(lambda: other._opened(listener))
        self._ask_write()

    def _opened(self, listener: StreamSocket) -> None:
        """Our side of an incoming connection is complete."""
        if not listener.listening:
            self._send_reset()
            self.close()
            return
        self.host.sockets[self.serial] = self
        listener._accepted.append(self)
        listener._read()

    # -- sending

    def _room_to_send(self) -> int:
        self._raise_error()
        if not self.connected or self._fin_sent or self.peer is None:
            raise os_error(errno.EPIPE)
        self._collect_credits()
        room = SOCKET_BUFFER - self._outstanding
        if room <= 0:
            raise os_error(errno.EWOULDBLOCK)
        return room

    def _submit(self, data: bytes) -> None:
        """Cut into segments, onto our line. Nothing is no segment: it would read as the end."""
        size = len(data)
        if not size:
            return
        self._outstanding += size
        line = self.path.line_out(self.host)
        limit = line.segment
        if size <= limit or line.rate is None:
            line.carry(self.serial, size, self._launch, data)
            return
        view = memoryview(data)
        for start in range(0, size, limit):
            piece = view[start : start + limit]
            line.carry(self.serial, piece.nbytes, self._launch, piece)

    def _launch(self, piece: Piece | None) -> None:
        """A segment (None: the end of the stream) leaves our line for the other host."""
        now = self.host.clock.seconds()
        burst = self._burst
        due = now + self.path.latency
        if burst is None or due > burst.due or burst.due <= now:
            self._burst = burst = Packet(due)
            assert self.peer is not None
            self.host.clock.post(due, self.peer._arrives, burst)
        if piece is None:
            burst.fin = True
        else:
            burst.pieces.append(piece)
            burst.size += len(piece)

    def _send_fin(self) -> None:
        if not self._fin_sent and self.peer is not None:
            self._fin_sent = True
            self.path.line_out(self.host).carry(self.serial, 0, self._launch, None)

    def _send_reset(self) -> None:
        """Break the connection from our side: what still waits for our line is lost."""
        peer = self.peer
        if peer is not None:
            self.path.line_out(self.host).drop(self.serial)
            self._fin_sent = True
            self._signal(lambda: peer._break(errno.ECONNRESET))

    def _signal(self, signal: Callable[[], object]) -> None:
        """Tell the other end something that has no size, in order after what is under way."""
        assert self.peer is not None
        due = self.host.clock.seconds() + self.path.latency
        self.host.clock.post(due, self.peer._arrives, Packet(due, signal))

    def _raise_error(self) -> None:
        """Tell once what broke the connection; after that it has merely ended."""
        if self._error:
            error, self._error = self._error, 0
            self._ended = True
            raise os_error(error)

    def _read_by_peer(self, size: int) -> None:
        """The other program has read this much; we learn it one latency later."""
        self._credits.append((self.host.clock.seconds() + self.path.latency, size))
        if self.writer is not None and not self._write_asked:
            self._await_credit()

    def _await_credit(self) -> None:
        """While a full socket has a writer: come back when news of room arrives."""
        if self.writer is None or self._credit_wake or self._write_asked or not self._credits:
            return
        self._credit_wake = True
        self.host.clock.post(self._credits[0][0], self._credit_arrives)

    def _credit_arrives(self) -> None:
        self._credit_wake = False
        if self.writer is not None and not self._write_asked:
            if self.can_write:
                self._write()
            else:
                self._await_credit()

    def _collect_credits(self) -> None:
        now, news = self.host.clock.seconds(), self._credits
        while news and news[0][0] <= now:
            self._outstanding -= news.popleft()[1]

    # -- receiving

    def _arrives(self, packet: Packet) -> None:
        """A packet reaches our host, or does not: then it comes when the path is healed."""
        if self._held or not self.path.is_open:
            self._hold(packet)
        else:
            line = self.path.line_in(self.host)
            line.carry(self.serial, packet.size, self._landed, packet)

    def _hold(self, packet: Packet) -> None:
        self._held.append(packet)
        if len(self._held) == 1:
            self._holds += 1
            clock = self.host.clock
            clock.post(clock.seconds() + GIVE_UP, self._unheard, self._holds)

    def release(self) -> None:
        """The path is healed: what was sent into the cut arrives."""
        if self.path.is_open:
            held, self._held = self._held, []
            for packet in held:
                self._arrives(packet)

    def _unheard(self, hold: int) -> None:
        if self._held and hold == self._holds and self.peer is not None:
            self._held.clear()
            self.peer._break(errno.ETIMEDOUT)

    def _landed(self, packet: Packet) -> None:
        if packet.signal is not None:
            packet.signal()
        elif not self.closed:
            self._inbox.extend(packet.pieces)
            self._ended = self._ended or packet.fin
            if not self._read_asked:
                self._read()
        elif packet.size:
            self._send_reset()

    def _take(self, size: int) -> bytes:
        inbox = self._inbox
        first = inbox.popleft()
        if len(first) >= size or not inbox:
            if len(first) > size:
                view = memoryview(first)
                inbox.appendleft(view[size:])
                first = view[:size]
            return first if type(first) is bytes else bytes(first)
        taken, room = [first], size - len(first)
        while inbox and room:
            piece = inbox.popleft()
            if len(piece) > room:
                view = memoryview(piece)
                inbox.appendleft(view[room:])
                piece = view[:room]
            taken.append(piece)
            room -= len(piece)
        return b"".join(taken)

    def broken(self) -> None:
        """Something on the way resets this end."""
        self.host.clock.post(self.host.clock.seconds(), self._break, errno.ECONNRESET)

    def _break(self, error: int) -> None:
        """The connection, or the attempt at one, is over for this reason."""
        if self.closed or not (self.connected or self.connecting):
            return
        self._error = error
        self.path.line_out(self.host).drop(self.serial)
        self._fin_sent = True
        self.connecting = False
        if self.reader is not None:
            self._ask_read()
        elif self.writer is not None:
            self.host.disconnect(self.writer, CONNECTION_LOST, False)
