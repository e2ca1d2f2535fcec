"""What one peer has asked for, and the way of those blocks to its outbox.

What must stay true: the queue holds requests, never data; a block is read only while the outbox
has room, and one read is under way at a time, whatever is cancelled meanwhile. So a peer that
does not read costs one buffer, not its appetite.
"""

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txtorrent.peer.limiter import Limiter
from txtorrent.peer.outbox import Outbox
from txtorrent.wire.messages import PIECE_HEADER, Request, piece_header

MOST_QUEUED: Final = 2000
"""Requests. Clients that ignore `reqq` ask for thousands; behind this many we stop reading
from the peer and TCP makes it wait. Dropping them in silence would cost it 60 s a block."""
MOST_TOGETHER: Final = 32
"""Requests answered by one read; what is being read counts as queued."""
READ_AHEAD: Final = 128 * 1024
"""Bytes read at once, when the requests lie side by side: one system call for eight blocks."""


class BlockSource(Protocol):
    """Where blocks are read: the torrent's content, checked to be had."""

    def read_cached(self, piece: int, begin: int, length: int) -> bytes | None:
        """The bytes if they can be had without waiting for a disk."""

    def read(self, piece: int, begin: int, length: int) -> "Deferred[bytes]":
        """The bytes, from a disk thread."""


class Uploads:
    """The blocks that one peer is to get. `sent` is told how many bytes went to the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        source: BlockSource,
        limiter: Limiter,
        sent: Callable[[int], None],
        failed: Callable[[Failure], None],
    ) -> None:
        self._outbox = outbox
        self._source = source
        self._limiter = limiter
        self._sent = sent
        self._failed = failed
        self._queue: OrderedDict[tuple[int, int, int], Request] = OrderedDict()
        self._stopped = False
        self._reading: list[Request] | None = None

    def __len__(self) -> int:
        """Requests not yet answered."""
        return len(self._queue) + len(self._reading or ())

    @property
    def is_full(self) -> bool:
        """Whether no more requests should be read from the peer."""
        return len(self) >= MOST_QUEUED

    @property
    def is_half_empty(self) -> bool:
        """Whether reading requests may go on."""
        return len(self) <= MOST_QUEUED // 2

    def add(self, request: Request) -> None:
        """Queue a request that has been found valid, for the next `pump`; one that waits already
        waits once."""
        self._queue.setdefault((request.index, request.begin, request.length), request)

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

    def stop(self) -> None:
        """The connection is gone."""
        self._stopped = True
        self._limiter.leave(self._pump_one)
        self.clear()

    # -- the way of a block ------------------------------------------------------------

    def pump(self) -> None:
        """Answer requests; what the outbox has no room for waits until the peer took some."""
        more = self.fill()
        self._outbox.flush(more)

    def fill(self) -> bool:
        """Put blocks into the outbox while it has room; True if there will be more when the
        peer took these. To be followed by a flush."""
        while self._may_serve:
            if not self._limiter.take(self._next.length):
                self._limiter.wait(self._pump_one)
                return False
            self._serve(self._pop())
        return bool(self._queue) and self._reading is None

    def _pump_one(self) -> None:
        """Our turn of the limit: one block, then back in line if there are more."""
        if self._may_serve:
            self._limiter.spend(self._next.length)
            self._serve(self._pop())
            self._outbox.flush()
            if self._may_serve:
                self._limiter.wait(self._pump_one)

    @property
    def _may_serve(self) -> bool:
        return bool(self._queue) and not (
            self._outbox.is_full or self._reading is not None or self._stopped
        )

    @property
    def _next(self) -> Request:
        return next(iter(self._queue.values()))

    def _pop(self) -> Request:
        return self._queue.popitem(last=False)[1]

    def _serve(self, request: Request) -> None:
        """Read a block, with the queued ones that follow it on disk: at once if they are in
        memory, else on a disk thread."""
        run = [request, *self._followers(request)]
        whole = sum(part.length for part in run) if len(run) > 1 else request.length
        data = self._source.read_cached(request.index, request.begin, whole)
        if data is not None:
            self._send(run, data, request.begin)
            return
        self._reading = run
        reading = self._source.read(request.index, request.begin, whole)
        reading.addCallback(self._arrived, request.begin)
        reading.addErrback(self._read_failed)

    def _followers(self, request: Request) -> list[Request]:
        """Queued requests that continue `request`, taken from the queue's head."""
        queue, followers = self._queue, list[Request]()
        if self._limiter.rate:
            return followers
        index, end = request.index, request.begin + request.length
        furthest = request.begin + READ_AHEAD
        for where in tuple(islice(queue, MOST_TOGETHER - 1)):
            if where[0] != index or where[1] != end or end + where[2] > furthest:
                break
            end += where[2]
            followers.append(queue.pop(where))
        return followers

    def _arrived(self, data: bytes, base: int) -> None:
        """Send what was read, but what was cancelled meanwhile; that costs nobody's limit."""
        run, self._reading = self._reading or [], None
        self._limiter.give_back(len(data) - sum(request.length for request in run))
        self._send(run, data, base)
        self.pump()

    def _send(self, run: list[Request], data: bytes, base: int) -> None:
        """Put blocks into the outbox: views of `data`, which begins at `base` of the piece."""
        view, total, buffers = memoryview(data), 0, list[bytes | memoryview]()
        for request in run:
            at, length = request.begin - base, request.length
            buffers.append(piece_header(request.index, request.begin, length))
            buffers.append(view[at : at + length])
            total += length
        if total:
            self._outbox.add(buffers, total + PIECE_HEADER.size * len(run))
            self._sent(total)

    def _read_failed(self, failure: Failure) -> None:
        self._reading = None
        if not self._stopped:
            self._failed(failure)


def _key(request: Request) -> tuple[int, int, int]:
    return request.index, request.begin, request.length
