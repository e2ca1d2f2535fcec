"""What one peer has asked for, and the way of those blocks to its outbox.

What must stay true: the queue holds requests, never data; a block is read only while the outbox
has room, and one read is under way at a time, whatever is cancelled meanwhile. So a peer that
does not read costs one buffer, not its appetite.
"""

from collections.abc import Callable
from itertools import islice
from typing import Final, Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txtorrent.peer.limiter import Limiter
from txtorrent.peer.outbox import Outbox
from txtorrent.wire.messages import PIECE_HEADER, Block, Pieces

MOST_QUEUED: Final = 2000
"""Requests. Clients that ignore `reqq` ask for thousands; behind this many we stop reading
from the peer and TCP makes it wait. Dropping them in silence would cost it 60 s a block."""
SCRATCH: Final = 384 * 1024
"""Bytes read and sent at once: each send wakes the other end, so that large ones cost less. Also
the most that a peer which reads nothing costs us, but for the kernel's buffer."""
MOST_TOGETHER: Final = 32
"""Blocks read and sent at once."""
MOST_PER_TURN: Final = 2 * SCRATCH
"""Bytes sent to one peer before others have their turn: half a millisecond."""
READ_AHEAD: Final = 128 * 1024
"""Bytes read by one job of a disk thread, of requests that lie side by side."""


class BlockSource(Protocol):
    """Where blocks are read: the torrent's content, checked to be had."""

    def read_cached(self, piece: int, begin: int, into: memoryview) -> bool:
        """Fill `into`, if that can be done without waiting for a disk."""

    def read(self, piece: int, begin: int, length: int) -> "Deferred[bytes]":
        """The bytes, from a disk thread."""


def make_scratch() -> memoryview:
    """The memory through which the blocks for all peers of a session pass, one peer at a time.

    Always the same, it stays in the processor's cache: a block is then read from the page cache
    and copied into the socket, and touches no other memory.
    """
    return memoryview(bytearray(SCRATCH))


class Uploads:
    """The blocks that one peer is to get. `sent` is told how many bytes went to the outbox."""

    __slots__ = (
        "_failed", "_limiter", "_outbox", "_queue", "_reading", "_scratch", "_sent", "_source",
        "_stopped",
    )  # fmt: skip

    def __init__(
        self,
        outbox: Outbox,
        source: BlockSource,
        scratch: memoryview,
        limiter: Limiter,
        sent: Callable[[int], None],
        failed: Callable[[Failure], None],
    ) -> None:
        self._outbox = outbox
        self._source = source
        self._scratch = scratch
        self._limiter = limiter
        self._sent = sent
        self._failed = failed
        self._queue: dict[Block, None] = {}
        self._stopped = False
        self._reading: list[Block] | None = None

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

    def add(self, block: Block) -> None:
        """Queue a request that has been found valid, for the next `pump`; one that waits already
        waits once."""
        self._queue[block] = None

    def cancel(self, block: Block) -> bool:
        """Take a request back; True if it will not be answered."""
        if block in self._queue:
            del self._queue[block]
            return True
        if self._reading is not None and block in self._reading:
            self._reading.remove(block)
            return True
        return False

    def clear(self) -> list[Block]:
        """Take every unanswered request back, and return them."""
        reading = self._reading or []
        dropped = [*reading, *self._queue]
        reading.clear()
        self._queue.clear()
        return dropped

    def stop(self) -> None:
        """The connection is gone."""
        self._stopped = True
        self._limiter.leave(self._take_turn)
        self.clear()

    # -- the way of a block ------------------------------------------------------------

    def pump(self) -> None:
        """Answer requests; what the peer does not take at once waits until it does."""
        if self.fill():
            self._outbox.want_refill()

    def fill(self) -> bool:
        """Send blocks while the peer takes them; True if there are more, for another turn."""
        done = 0
        while self._may_serve:
            if done >= MOST_PER_TURN:
                return True
            size = self._serve(self._allowed())
            if not size:
                break
            done += size
        return False

    def _take_turn(self) -> None:
        """Our turn of the limit: one block, then back in line if there are more."""
        if self._may_serve:
            block = next(iter(self._queue))
            self._limiter.spend(block[2])
            self._serve([block])
            if self._may_serve:
                self._limiter.wait(self._take_turn)

    @property
    def _may_serve(self) -> bool:
        return bool(self._queue) and not (
            self._outbox.size or self._reading is not None or self._stopped
        )

    def _allowed(self) -> list[Block]:
        """The next blocks, as far as the limit lets them pass."""
        blocks, limiter = list(islice(self._queue, MOST_TOGETHER)), self._limiter
        if limiter.rate:
            for number, block in enumerate(blocks):
                if not limiter.take(block[2]):
                    limiter.wait(self._take_turn)
                    return blocks[:number]
        return blocks

    def _serve(self, blocks: list[Block]) -> int:
        """Send the first of `blocks`, or have a disk thread read them. The bytes that were sent."""
        if not blocks:
            return 0
        count, size = self._read_cached(blocks)
        if count:
            self._take(blocks, count)
            self._send(blocks[:count], self._scratch)
        else:
            self._read(blocks)
        return size

    def _take(self, blocks: list[Block], count: int) -> None:
        """Take the first `count` off the queue; what passed the limit in vain is given back."""
        queue = self._queue
        for block in islice(blocks, count):
            del queue[block]
        if self._limiter.rate:
            self._limiter.give_back(sum(block[2] for block in islice(blocks, count, None)))

    def _read_cached(self, blocks: list[Block]) -> tuple[int, int]:
        """Read the first of `blocks` that are in memory: how many, and their bytes."""
        scratch, source = self._scratch, self._source
        done = filled = 0
        while done < len(blocks):
            count, size = _side_by_side(blocks, done, len(scratch) - filled)
            index, begin, _ = blocks[done]
            if not count or not source.read_cached(index, begin, scratch[filled : filled + size]):
                break
            done, filled = done + count, filled + size
        return done, filled

    def _read(self, blocks: list[Block]) -> None:
        count, size = _side_by_side(blocks, 0, READ_AHEAD)
        index, begin, _ = blocks[0]
        self._take(blocks, count)
        self._reading = blocks[:count]
        reading = self._source.read(index, begin, size)
        reading.addCallback(self._arrived, begin)
        reading.addErrback(self._read_failed)

    def _arrived(self, data: bytes, base: int) -> None:
        """Send what was read, but what was cancelled meanwhile; that costs nobody's limit."""
        blocks, self._reading = self._reading or [], None
        wanted = b"".join(
            [data[begin - base : begin - base + length] for _, begin, length in blocks]
        )
        self._limiter.give_back(len(data) - len(wanted))
        self._send(blocks, memoryview(wanted))
        self.pump()

    def _send(self, blocks: list[Block], data: memoryview) -> None:
        """Send blocks, whose bytes stand in `data` one behind the other."""
        buffers, at, header = list[bytes | memoryview](), 0, PIECE_HEADER.pack
        for index, begin, length in blocks:
            buffers.append(header(9 + length, Pieces.id, index, begin))
            buffers.append(data[at : at + length])
            at += length
        if at:
            self._outbox.send(buffers, at + PIECE_HEADER.size * len(blocks))
            self._sent(at)

    def _read_failed(self, failure: Failure) -> None:
        self._reading = None
        if not self._stopped:
            self._failed(failure)


def _side_by_side(blocks: list[Block], first: int, most: int) -> tuple[int, int]:
    """How many blocks, from the one numbered `first` on, follow each other on disk within `most`
    bytes; and their bytes."""
    piece, end, _ = blocks[first]
    count = size = 0
    for index, begin, length in islice(blocks, first, None):
        if index != piece or begin != end or size + length > most:
            break
        end, size, count = end + length, size + length, count + 1
    return count, size
