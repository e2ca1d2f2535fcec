"""Simulated TCP sockets: connecting, accepting, closing, and the errors of each.

The bytes are stream.py's concern. Not simulated: TIME_WAIT, half-open connections on the
listening side, urgent data.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Iterable
from struct import unpack
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IWriteDescriptor
from twisted.internet.main import CONNECTION_LOST

from tests.testing.line import Path
from tests.testing.sockets import (
    ANY4,
    ANY6,
    LOOPBACK,
    SimSocket,
    SockAddr,
    canonical,
    is_group,
    os_error,
)
from tests.testing.stream import ROOM, Inflow, Outflow

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from tests.testing.host import Host

# Seconds until an unanswered SYN is sent again, doubling; the tries until the kernel gives up.
SYN_RETRY = 1.0
SYN_TRIES = 7
# The linger that makes close() a reset.
ABORTIVE = (1, 0)


class StreamSocket(SimSocket):
    """One end of a TCP connection, or a listening socket."""

    kind = socket.SOCK_STREAM
    path: Path

    def __init__(self, host: Host, family: socket.AddressFamily) -> None:
        super().__init__(host, family)
        self.clock = host.clock
        self.listening = False
        self.connecting = False
        self.peer: StreamSocket | None = None
        self.remote: tuple[str, int] = ("", 0)
        self.inflow = Inflow(self)
        self.outflow: Outflow | None = None
        self._error = 0
        self._backlog = 0
        self._accepted: deque[StreamSocket] = deque()

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
        if self.outflow is not None:
            return errno.EISCONN
        if self.connecting:
            return errno.EALREADY
        host = canonical(name[0])
        self.remote = LOOPBACK.get(host, host), name[1]
        source = self.host.source_for(self.remote[0])
        if source is None or is_group(host):
            return errno.ENETUNREACH
        if self.address in (None, ANY4, ANY6):
            self.address = source
        self.port = self.port or self.host.ports.free(self.kind)
        self.connecting = True
        self._send_syn(1)
        return errno.EINPROGRESS

    def getpeername(self) -> SockAddr:
        if self.outflow is None:
            raise os_error(errno.ENOTCONN)
        return self._name(*self.remote)

    def getsockopt(self, level: int, option: int, buflen: int = 0) -> int | bytes:
        if (level, option) != (socket.SOL_SOCKET, socket.SO_ERROR):
            return super().getsockopt(level, option, buflen)
        error, self._error = self._error, 0
        return error

    def send(self, data: Buffer) -> int:
        """Take as much as there is room for. OSError: EWOULDBLOCK, EPIPE, ECONNRESET."""
        self._raise_error()
        if self.outflow is None or self.outflow.finished:
            raise os_error(errno.EPIPE)
        room = self.outflow.room()
        if room <= 0:
            raise os_error(errno.EWOULDBLOCK)
        view = memoryview(data)[:room]
        whole = view.obj
        kept = whole if type(whole) is bytes and len(whole) == view.nbytes else bytes(view)
        self.outflow.send(kept)
        return len(kept)

    def sendmsg(self, buffers: Iterable[Buffer]) -> int:
        """As `send`, of several buffers one after the other."""
        return self.send(b"".join(buffers))

    def recv(self, size: int) -> bytes:
        """At most `size` bytes of what has arrived; b"" at the end of the stream.

        OSError: EWOULDBLOCK, or what broke the connection, once all that arrived is read."""
        data = self.inflow.read(size)
        if data:
            if self.peer is not None and self.peer.outflow is not None:
                self.peer.outflow.was_read(len(data))
            return data
        if self.inflow.ended:
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
        if self.outflow is None:
            raise os_error(errno.ENOTCONN)
        if how != socket.SHUT_RD:
            self.outflow.finish()

    def close(self) -> None:
        """Close as the kernel does: what was sent still goes, unless something arrived unread."""
        if self.closed:
            return
        if self.outflow is not None:
            if self.inflow.unread or self._is_abortive():
                self.send_reset()
            else:
                self.outflow.finish()
        super().close()
        self.inflow.discard()
        for accepted in self._accepted:
            accepted.send_reset()
            accepted.close()
        self._accepted.clear()
        self.connecting = self.listening = False
        self.host.network.streams.pop(self.serial, None)

    # -- for the host

    @property
    def can_read(self) -> bool:
        return bool(self.inflow or self._error or self._accepted)

    @property
    def can_write(self) -> bool:
        return bool(self._error or (self.outflow is not None and self.outflow.room() >= ROOM))

    def watch_write(self, writer: IWriteDescriptor) -> None:
        super().watch_write(writer)
        if self.outflow is not None:
            self.outflow.await_room()

    def write_if_possible(self) -> None:
        super().write_if_possible()
        if self.outflow is not None:
            self.outflow.await_room()

    def listens_to(self, name: tuple[str, int]) -> bool:
        """Whether connections to that address are ours to accept."""
        return self.listening and self.covers(name[0])

    # -- opening

    def _send_syn(self, attempt: int) -> None:
        """One try; it is lost when the path is cut or nobody has that address."""
        if self.connecting:
            target = self.host.network.find(self.host, self.remote[0])
            self.path = self.host.network.path(self.host, target)
            self._post(self.path.latency, self._syn_arrives, target, attempt)

    def _syn_arrives(self, target: Host, attempt: int) -> None:
        listener = target.ports.listener(self.remote)
        if not self.path.is_open or target.drops_incoming:
            self._retry_syn(attempt)
        elif listener is None or target.refuse:
            self._post(self.path.latency, self.broken, errno.ECONNREFUSED)
        elif len(listener._accepted) >= listener._backlog:
            self._retry_syn(attempt)
        else:
            self._post(self.path.latency, self._established, listener, attempt)

    def _retry_syn(self, attempt: int) -> None:
        wait = SYN_RETRY * 2 ** (attempt - 1)
        if attempt < SYN_TRIES:
            self._post(wait, self._send_syn, attempt + 1)
        else:
            self._post(wait, self.broken, errno.ETIMEDOUT)

    def _established(self, listener: StreamSocket, attempt: int) -> None:
        """The answer to our SYN is here: connected, and the other side learns it next."""
        if not self.connecting:
            return
        if not self.path.is_open:
            self._retry_syn(attempt)
            return
        other = StreamSocket(listener.host, listener.family)
        other.host.forget(other)  # nobody's descriptor until it is accepted
        other.address, other.port = self.remote
        other.remote = self.address or "", self.port
        other.path = self.path
        other._join(self)
        self._join(other).signal(lambda: other._opened(listener))
        self.connecting = False
        self._ask_write()

    def _join(self, peer: StreamSocket) -> Outflow:
        self.peer = peer
        self.outflow = Outflow(self, peer)
        self.host.network.streams[self.serial] = self
        return self.outflow

    def _opened(self, listener: StreamSocket) -> None:
        """Our side of an incoming connection is complete."""
        if not listener.listening:
            self.send_reset()
            self.close()
            return
        self.host.sockets[self.serial] = self
        listener._accepted.append(self)
        listener.read_if_possible()

    # -- breaking

    def send_reset(self) -> None:
        """Break the connection from our side: what still waits for our line is lost."""
        peer = self.peer
        if peer is not None and self.outflow is not None:
            self.outflow.stop()
            self.outflow.signal(lambda: peer.broken(errno.ECONNRESET))

    def broken(self, error: int) -> None:
        """The connection, or the attempt at one, is over for this reason."""
        if self.closed or not (self.outflow or self.connecting):
            return
        self._error = error
        self.connecting = False
        if self.outflow is not None:
            self.outflow.stop()
        if self.reader is not None:
            self._ask_read()
        elif self.writer is not None:
            self.host.disconnect(self.writer, CONNECTION_LOST, False)

    def _raise_error(self) -> None:
        """Tell once what broke the connection; after that it has merely ended."""
        if self._error:
            error, self._error = self._error, 0
            self.inflow.ended = True
            raise os_error(error)

    def _is_abortive(self) -> bool:
        lingers = self._options.get((socket.SOL_SOCKET, socket.SO_LINGER))
        return isinstance(lingers, bytes) and unpack("ii", lingers) == ABORTIVE
