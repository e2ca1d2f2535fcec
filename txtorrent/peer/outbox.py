"""What waits to be sent on one connection: a list of buffers, handed to the kernel unjoined.

Twisted's own transport joins what waits into one string before each send: for a seed that is
a second copy of everything, and beyond 128 KiB glibc gives each such string fresh pages. A
third to a half of the CPU time of a seed goes there. So this takes over the one method of the
transport by which the reactor says "you may send", and sends with `sendmsg`.
"""

from collections.abc import Callable
from errno import EAGAIN, EINTR, ENOBUFS
from typing import Any, Final

from twisted.internet import main

MOST_BUFFERS: Final = 64
"""Buffers of one `sendmsg`, of those that waited."""
_LATER: Final = (EAGAIN, EINTR, ENOBUFS)


class Outbox:
    """The unsent bytes of a connected `twisted.internet.tcp.Connection`.

    `refill` is called on the reactor's word that the peer took everything. It may send, and tells
    whether it has still more: the reactor's next word then comes even if nothing waits.
    """

    __slots__ = ("_buffers", "_refill", "_sendmsg", "_transport", "size", "taken")

    def __init__(self, transport: Any, refill: Callable[[], bool]) -> None:
        self.size = 0
        """Bytes that wait."""
        self.taken = 0
        """Bytes that the kernel took, from the beginning."""
        # Buffers go from its front, but empty it is small: a deque has room for 64 from the start.
        self._buffers: list[bytes | memoryview] = []
        self._transport = transport
        self._sendmsg = transport.getHandle().sendmsg
        self._refill = refill
        transport.doWrite = self._may_send

    def send(self, buffers: list[bytes | memoryview], size: int) -> None:
        """Send buffers of `size` bytes together, which are good during this call only."""
        transport = self._transport
        if not transport.connected:
            return
        taken = 0 if self.size else max(0, self._hand_over(buffers))
        if taken < size:
            self._keep(buffers, taken)
            self.size += size - taken
            transport.startWriting()

    def want_refill(self) -> None:
        """Have `refill` called as soon as the kernel takes more."""
        if self._transport.connected:
            self._transport.startWriting()

    def add(self, data: bytes) -> None:
        """Put a small message behind what waits, to go with it or with the next `flush`."""
        self._buffers.append(data)
        self.size += len(data)

    def write(self, data: bytes) -> None:
        """Send a small message now, or as soon as what waits before it is gone."""
        self.add(data)
        if len(self._buffers) == 1:
            self.flush()

    def flush(self) -> None:
        """Send what the kernel takes without waiting; the rest when the reactor says so."""
        if self._transport.connected:
            self._send()
            if self.size:
                self._transport.startWriting()

    def clear(self) -> None:
        """The connection is gone."""
        self._buffers.clear()
        self.size = 0

    def _may_send(self) -> Any:
        """In place of the transport's doWrite; what it returns ends the connection."""
        if not self._send():
            return main.CONNECTION_LOST
        more = not self.size and self._refill()
        if not self.size and not more:
            self._transport.stopWriting()
            if self._transport.disconnecting:
                return main.CONNECTION_DONE
        return None

    def _send(self) -> bool:
        """Hand the kernel what it takes of what waits; False when the connection is broken."""
        if not self.size:
            return True
        taken = self._hand_over(self._buffers[:MOST_BUFFERS])
        if taken > 0:
            self.size -= taken
            self._drop(taken)
        return taken >= 0

    def _hand_over(self, buffers: list[bytes | memoryview]) -> int:
        """The bytes that the kernel takes of `buffers`; -1 when the connection is broken."""
        try:
            taken: int = self._sendmsg(buffers)
        except OSError as error:
            return 0 if error.errno in _LATER else -1
        self.taken += taken
        return taken

    def _keep(self, buffers: list[bytes | memoryview], taken: int) -> None:
        """Copy all but the first `taken` bytes, to be sent later."""
        for buffer in buffers:
            if taken < len(buffer):
                self._buffers.append(bytes(buffer[taken:]))
            taken = max(0, taken - len(buffer))

    def _drop(self, taken: int) -> None:
        """Forget the first `taken` bytes."""
        buffers, gone = self._buffers, 0
        if not self.size:
            buffers.clear()
            return
        while taken >= len(buffers[gone]):
            taken -= len(buffers[gone])
            gone += 1
        if taken:
            buffers[gone] = memoryview(buffers[gone])[taken:]
        del buffers[:gone]
