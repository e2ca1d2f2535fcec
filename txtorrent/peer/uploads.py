"""What one peer has asked for, and the way of those blocks to its transport.

What must stay true: the queue holds requests, never data; a block is read only while the
transport wants more, and one read is under way at a time, whatever is cancelled meanwhile. So a
peer that does not read costs one buffer, not its appetite.
"""

from collections import OrderedDict
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
        self._queue: OrderedDict[tuple[int, int, int], Request] = OrderedDict()
        self._paused = False
        self._stopped = False
        self._reading: list[Request] | None = None

    def __len__(self) -> int:
        """Requests not yet answered."""
        return len(self._queue) + len(self._reading or ())

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
        """Queue a request that has been found valid; one that waits already waits once."""
        self._queue.setdefault(_key(request), request)
        self._pump()

    def cancel(self, request: Request) -> bool:
        """Take a request back; True if it will not be answered."""
        if self._queue.pop(_key(request), None) is not None:
            return True
        if self._reading is not None and request in self._reading:
            self._reading.remove(request)
            return True
        return False

    def clear(self) -> list[Request]:
        """Take every unanswered request back, and return them."""
        reading = self._reading or []
        dropped = [*reading, *self._queue.values()]
        reading.clear()
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
        return bool(self._queue) and not (
            self._paused or self._stopped or self._reading is not None
        )

    @property
    def _next(self) -> Request:
        return next(iter(self._queue.values()))

    def _pump(self) -> None:
        while self._may_serve:
            if not self._limiter.take(self._next.length):
                self._limiter.wait(self._pump_one)
                return
            self._serve(self._pop())

    def _pump_one(self) -> None:
        """Our turn of the limit: one block, then back in line if there are more."""
        if self._may_serve:
            self._limiter.spend(self._next.length)
            self._serve(self._pop())
            if self._may_serve:
                self._limiter.wait(self._pump_one)

    def _pop(self) -> Request:
        return self._queue.popitem(last=False)[1]

    def _serve(self, request: Request) -> None:
        data = self._source.read_cached(request.index, request.begin, request.length)
        if data is None:
            self._read(request)
        else:
            self._send(request, data)

    def _read(self, request: Request) -> None:
        """Read the block on a disk thread, with the queued ones that follow it on disk."""
        self._reading = [request, *self._followers(request)]
        whole = sum(part.length for part in self._reading)
        reading = self._source.read(request.index, request.begin, whole)
        reading.addCallback(self._arrived, request.begin)
        reading.addErrback(self._read_failed)

    def _followers(self, request: Request) -> list[Request]:
        """Queued requests that continue `request`, taken from the queue's head."""
        followers: list[Request] = []
        end, whole = request.begin + request.length, request.length
        while self._queue and not self._limiter.rate:
            after = self._next
            whole += after.length
            if (after.index, after.begin) != (request.index, end) or whole > READ_AHEAD:
                break
            followers.append(self._pop())
            end += after.length
        return followers

    def _arrived(self, data: bytes, base: int) -> None:
        """Send what was read, but what was cancelled meanwhile; that costs nobody's limit."""
        run, self._reading = self._reading or [], None
        self._limiter.give_back(len(data) - sum(request.length for request in run))
        for request in run:
            at = request.begin - base
            self._send(request, data[at : at + request.length])
        self._pump()

    def _send(self, request: Request, data: bytes) -> None:
        self._transport.write(piece_header(request.index, request.begin, len(data)) + data)
        self._sent(len(data))

    def _read_failed(self, failure: Failure) -> None:
        self._reading = None
        if not self._stopped:
            self._failed(failure)


def _key(request: Request) -> tuple[int, int, int]:
    return request.index, request.begin, request.length
