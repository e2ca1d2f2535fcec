"""What one peer has asked for, and the way of those blocks to its transport.

What must stay true: the queue holds requests, never data; a block is read only while the
transport wants more, so a peer that does not read costs one buffer, not its appetite.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer, ITransport
from twisted.python.failure import Failure
from zope.interface import implementer

from txtorrent.peer.limiter import Limiter
from txtorrent.wire.messages import Request, piece_header

MOST_QUEUED: Final = 2000
"""Requests. Clients that ignore `reqq` ask for thousands; behind this many we stop reading
from the peer and TCP makes it wait. Dropping them in silence would cost it 60 s a block."""
READ_AHEAD: Final = 128 * 1024
"""Bytes read in one disk job, when the requests lie side by side."""


class BlockSource(Protocol):
    """Where blocks are read: the torrent's content, checked to be had."""

    def read_cached(self, piece: int, begin: int, length: int) -> bytes | None:
        """The bytes if they can be had without waiting for a disk."""

    def read(self, piece: int, begin: int, length: int) -> "Deferred[bytes]":
        """The bytes, from a disk thread."""


@implementer(IPushProducer)
class Uploads:
    """The producer of one peer connection. `sent` is told the size of each block written."""

    def __init__(
        self,
        transport: Any,
        source: BlockSource,
        limiter: Limiter,
        sent: Callable[[int], None],
        failed: Callable[[Failure], None],
    ) -> None:
        self._transport: ITransport = transport
        self._source = source
        self._limiter = limiter
        self._sent = sent
        self._failed = failed
        self._queue: deque[Request] = deque()
        self._paused = False
        self._stopped = False
        self._reading: list[Request] = []

    def __len__(self) -> int:
        """Requests not yet answered."""
        return len(self._queue) + len(self._reading)

    @property
    def is_full(self) -> bool:
        """Whether no more requests should be read from the peer."""
        return len(self._queue) >= MOST_QUEUED

    @property
    def is_half_empty(self) -> bool:
        """Whether reading requests may go on."""
        return len(self._queue) <= MOST_QUEUED // 2

    @property
    def is_blocked(self) -> bool:
        """Whether something is to be sent and the transport takes nothing."""
        return self._paused and not self._stopped

    def add(self, request: Request) -> None:
        """Queue a request that has been found valid."""
        self._queue.append(request)
        self._pump()

    def cancel(self, request: Request) -> bool:
        """Take a request back; True if it will not be answered."""
        for waiting in (self._queue, self._reading):
            if request in waiting:
                waiting.remove(request)
                return True
        return False

    def clear(self) -> list[Request]:
        """Take every unanswered request back, and return them."""
        dropped = [*self._reading, *self._queue]
        self._reading.clear()
        self._queue.clear()
        return dropped

    # -- IPushProducer ---------------------------------------------------------------

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        self._paused = False
        self._pump()

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._paused = True

    def stopProducing(self) -> None:
        """The connection is gone."""
        self._stopped = True
        self._limiter.leave(self._pump_one)
        self.clear()

    # -- the way of a block ------------------------------------------------------------

    @property
    def _may_serve(self) -> bool:
        return bool(self._queue) and not (self._paused or self._reading or self._stopped)

    def _pump(self) -> None:
        while self._may_serve:
            if not self._limiter.take(self._queue[0].length):
                self._limiter.wait(self._pump_one)
                return
            self._serve(self._queue.popleft())

    def _pump_one(self) -> None:
        """Our turn of the limit: one block, then back in line if there are more."""
        if self._may_serve:
            self._limiter.spend(self._queue[0].length)
            self._serve(self._queue.popleft())
            if self._may_serve:
                self._limiter.wait(self._pump_one)

    def _serve(self, request: Request) -> None:
        data = self._source.read_cached(request.index, request.begin, request.length)
        if data is None:
            self._read(request)
        else:
            self._send(request, data)

    def _read(self, request: Request) -> None:
        """Read the block on a disk thread, with the queued ones that follow it on disk."""
        run = self._reading = [request, *self._followers(request)]
        whole = sum(part.length for part in run)
        reading = self._source.read(request.index, request.begin, whole)
        reading.addCallback(self._arrived, run, request.begin)
        reading.addErrback(self._read_failed, run)

    def _followers(self, request: Request) -> list[Request]:
        """Queued requests that continue `request`, taken from the queue's head."""
        followers: list[Request] = []
        end, whole = request.begin + request.length, request.length
        while self._queue and not self._limiter.rate:
            after = self._queue[0]
            whole += after.length
            if (after.index, after.begin) != (request.index, end) or whole > READ_AHEAD:
                break
            followers.append(self._queue.popleft())
            end += after.length
        return followers

    def _arrived(self, data: bytes, run: list[Request], base: int) -> None:
        """Send what was read, but what was cancelled meanwhile: that has left `run`."""
        self._forget(run)
        for request in run:
            at = request.begin - base
            self._send(request, data[at : at + request.length])
        self._pump()

    def _forget(self, run: list[Request]) -> None:
        """A read has ended; if it was cancelled, another one may be under way by now."""
        if run is self._reading:
            self._reading = []

    def _send(self, request: Request, data: bytes) -> None:
        self._transport.write(piece_header(request.index, request.begin, len(data)) + data)
        self._sent(len(data))

    def _read_failed(self, failure: Failure, run: list[Request]) -> None:
        self._forget(run)
        if not self._stopped:
            self._failed(failure)
