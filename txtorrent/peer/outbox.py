"""What waits to be sent on one connection: a list of buffers, handed to the kernel unjoined.

Twisted's own transport joins what waits into one string before each send: for a seed that is
a second copy of everything, and beyond 128 KiB glibc gives each such string fresh pages. A
third to a half of the CPU time of a seed goes there. So this takes over the one method of the
transport by which the reactor says "you may send", and sends with `sendmsg`.
"""

from collections import deque
from collections.abc import Callable, Iterable
from errno import EAGAIN, EINTR, ENOBUFS
from itertools import islice
from typing import Any, Final

from twisted.internet import main

MOST_BUFFERS: Final = 64
"""Buffers of one `sendmsg`: 32 blocks with their headers, 512 KiB."""
HIGH_WATER: Final = 256 * 1024
"""Bytes from which on no more blocks are added; with one disk read more the most that a peer
which reads nothing costs us."""
LOW_WATER: Final = 64 * 1024
"""Bytes below which blocks are added again: the kernel's own buffer bridges the gap."""

_LATER: Final = (EAGAIN, EINTR, ENOBUFS)


class Outbox:
    """The unsent bytes of a connected `twisted.internet.tcp.Connection`.

    `refill` is called on the reactor's word that the peer took what was sent, when there is
    room for more. It may add, and tells whether it has still more: the reactor's next word
    then comes even if the kernel took everything at once.
    """

    __slots__ = ("_buffers", "_refill", "_sendmsg", "_transport", "size", "taken")

    def __init__(self, transport: Any, refill: Callable[[], bool]) -> None:
        self.size = 0
        """Bytes that wait."""
        self.taken = 0
        """Bytes that the kernel took, from the beginning."""
        self._buffers: deque[bytes | memoryview] = deque()
        self._transport = transport
        self._sendmsg = transport.getHandle().sendmsg
        self._refill = refill
        transport.doWrite = self._may_send

    @property
    def is_full(self) -> bool:
        """Whether blocks should wait; small messages are always taken."""
        return self.size >= HIGH_WATER

    def add(self, buffers: Iterable[bytes | memoryview], size: int) -> None:
        """Put buffers of `size` bytes together at the end; nothing is sent before `flush`."""
        self._buffers.extend(buffers)
        self.size += size

    def write(self, data: bytes) -> None:
        """Send a small message now, or as soon as what waits before it is gone."""
        self._buffers.append(data)
        self.size += len(data)
        if len(self._buffers) == 1:
            self.flush()

    def flush(self, more: bool = False) -> None:
        """Send what the kernel takes without waiting; the rest when the reactor says so.

        `more`: have `refill` called although nothing may be left to send.
        """
        if self._transport.connected:
            self._send()
            if self.size or more:
                self._transport.startWriting()

    def clear(self) -> None:
        """The connection is gone."""
        self._buffers.clear()
        self.size = 0

    def _may_send(self) -> Any:
        """In place of the transport's doWrite; what it returns ends the connection."""
        if not self._send():
            return main.CONNECTION_LOST
        more = False
        if self.size < LOW_WATER:
            more = self._refill()
            self._send()
        if not self.size and not more:
            self._transport.stopWriting()
            if self._transport.disconnecting:
                return main.CONNECTION_DONE
        return None

    def _send(self) -> bool:
        """Hand the kernel what it takes; False when the connection is broken."""
        if not self.size:
            return True
        try:
            taken = self._sendmsg(list(islice(self._buffers, MOST_BUFFERS)))
        except OSError as error:
            return error.errno in _LATER
        self.size -= taken
        self.taken += taken
        self._drop(taken)
        return True

    def _drop(self, taken: int) -> None:
        """Forget the first `taken` bytes."""
        buffers = self._buffers
        while taken:
            first = buffers[0]
            if taken < len(first):
                buffers[0] = memoryview(first)[taken:]
                return
            taken -= len(first)
            buffers.popleft()
