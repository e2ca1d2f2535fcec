"""The two halves of one end of a simulated TCP connection: what goes out and what comes in.

In order and never lost, with a bounded buffer: a receiver that does not read stops the sender.
What a cut path swallows is kept and comes when it is healed, as retransmission would bring it.
Sockets are in tcp.py; congestion is not simulated.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.testing.tcp import StreamSocket

# Bytes written and not yet read by the other side's program: both kernels' buffers together.
SOCKET_BUFFER = 256 * 1024
# Room that makes a full socket writable again, bytes: waking a sender for less is a waste.
ROOM = SOCKET_BUFFER // 4
# Seconds of retransmitting into silence until the kernel gives a connection up (Linux: 15 min).
GIVE_UP = 924.6

Piece = bytes | memoryview


def cut(piece: Piece, limit: int) -> Iterator[Piece]:
    """Pieces of at most `limit` bytes, without a copy."""
    if len(piece) <= limit:
        yield piece
    else:
        view = memoryview(piece)
        for start in range(0, len(piece), limit):
            yield view[start : start + limit]


class Packet:
    """What arrives at one instant at an end of a connection: data, or a signal without a size."""

    __slots__ = ("due", "fin", "pieces", "signal", "size")

    def __init__(self, due: float, signal: Callable[[], object] | None = None) -> None:
        self.due = due
        self.pieces: list[Piece] = []
        self.size = 0
        self.fin = False
        self.signal = signal

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.size += len(piece)

    def cut(self, limit: int) -> Iterator[Packet]:
        """Packets of at most `limit` bytes that together are this one."""
        for piece in self.pieces:
            for part in cut(piece, limit):
                packet = Packet(self.due)
                packet.add(part)
                yield packet
        if self.fin or self.signal is not None:
            packet = Packet(self.due, self.signal)
            packet.fin = self.fin
            yield packet


class Outflow:
    """From one end to the other: what was sent and is not yet read there."""

    def __init__(self, end: StreamSocket, peer: StreamSocket) -> None:
        self.finished = False
        self._end = end
        self._peer = peer
        self._outstanding = 0
        # When news of bytes read over there reaches us, and how many.
        self._news: deque[tuple[float, int]] = deque()
        self._waits_for_news = False
        self._last: Packet | None = None

    def room(self) -> int:
        """Bytes that may be sent now."""
        now, news = self._end.clock.seconds(), self._news
        while news and news[0][0] <= now:
            self._outstanding -= news.popleft()[1]
        return SOCKET_BUFFER - self._outstanding

    def send(self, data: bytes) -> None:
        """Onto our line, in pieces that leave other flows their turns."""
        if not data:
            return
        self._outstanding += len(data)
        line = self._end.path.line_out(self._end.host)
        for piece in cut(data, line.segment):
            line.carry(self._end.serial, len(piece), self._launch, piece)

    def finish(self) -> None:
        """No more comes; what was sent still arrives first."""
        if not self.finished:
            self.finished = True
            line = self._end.path.line_out(self._end.host)
            line.carry(self._end.serial, 0, self._launch, None)

    def stop(self) -> None:
        """No more comes, nor what still waits for our line."""
        self.finished = True
        self._end.path.line_out(self._end.host).drop(self._end.serial)

    def signal(self, signal: Callable[[], object]) -> None:
        """Have this called over there, after what is under way."""
        due = self._due()
        self._end.clock.post(due, self._peer.inflow.arrives, Packet(due, signal))

    def was_read(self, size: int) -> None:
        """The other program has read this much; we learn it one latency later."""
        self._news.append((self._end.clock.seconds() + self._end.path.latency, size))
        self.await_room()

    def await_room(self) -> None:
        """While there is a writer that waits for room: look again at the next news."""
        if self._news and not self._waits_for_news and self._end.writer_waits:
            self._waits_for_news = True
            self._end.clock.post(self._news[0][0], self._news_arrived)

    def _news_arrived(self) -> None:
        self._waits_for_news = False
        self._end.write_if_possible()

    def _launch(self, piece: Piece | None) -> None:
        """A segment (None: the end of the stream) leaves our line for the other host."""
        due = self._due()
        last = self._last
        if last is None or due > last.due:
            self._last = last = Packet(due)
            self._end.clock.post(due, self._peer.inflow.arrives, last)
        if piece is None:
            last.fin = True
        else:
            last.add(piece)

    def _due(self) -> float:
        """When what leaves now arrives: never before what left earlier."""
        due = self._end.clock.seconds() + self._end.path.latency
        return due if self._last is None or due > self._last.due else self._last.due


class Inflow:
    """What has reached an end and is not yet read by its program."""

    def __init__(self, end: StreamSocket) -> None:
        self.ended = False
        self._end = end
        self._pieces: deque[Piece] = deque()
        self._held: list[Packet] = []
        self._holds = 0

    def __bool__(self) -> bool:
        """Whether there is something to read, if only the end."""
        return bool(self._pieces) or self.ended

    @property
    def unread(self) -> bool:
        return bool(self._pieces)

    def read(self, size: int) -> bytes:
        """At most `size` bytes; b"" when there is nothing."""
        taken: list[Piece] = []
        room = size
        while self._pieces and room:
            piece = self._pieces.popleft()
            if len(piece) > room:
                view = memoryview(piece)
                self._pieces.appendleft(view[room:])
                piece = view[:room]
            taken.append(piece)
            room -= len(piece)
        if len(taken) == 1 and type(taken[0]) is bytes:
            return taken[0]
        return b"".join(taken)

    def discard(self) -> None:
        self._pieces.clear()

    def arrives(self, packet: Packet) -> None:
        """A packet reaches our host, or does not: then it comes when the path is healed."""
        if self._end.path.is_open:
            line = self._end.path.line_in(self._end.host)
            for part in [packet] if line.rate is None else packet.cut(line.segment):
                line.carry(self._end.serial, part.size, self._landed, part)
        else:
            self._hold(packet)

    def release(self) -> None:
        """The path may be healed: then what was sent into the cut arrives."""
        if self._end.path.is_open:
            held, self._held = self._held, []
            for packet in held:
                self.arrives(packet)

    def _hold(self, packet: Packet) -> None:
        self._held.append(packet)
        if len(self._held) == 1:
            self._holds += 1
            clock = self._end.clock
            clock.post(clock.seconds() + GIVE_UP, self._unheard, self._holds)

    def _unheard(self, hold: int) -> None:
        """What has not arrived for so long is given up by the one who sends it."""
        peer = self._end.peer
        if self._held and hold == self._holds and peer is not None:
            self._held.clear()
            peer.broken(errno.ETIMEDOUT)

    def _landed(self, packet: Packet) -> None:
        if packet.signal is not None:
            packet.signal()
        elif not self._end.closed:
            self._pieces.extend(packet.pieces)
            self.ended = self.ended or packet.fin
            self._end.read_if_possible()
        elif packet.size:
            self._end.send_reset()
