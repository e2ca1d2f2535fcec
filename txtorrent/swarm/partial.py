"""One piece under way: which of its blocks are free, requested, in memory or on disk.

A piece is assembled in chunks of at most 1 MiB, each in a buffer of its own, so that a
512 MiB piece needs no more memory at a time than a small one. A chunk is opened (takes a
buffer) when its first block is requested and closed when its blocks went to disk.
"""

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from txtorrent.metainfo.pieces import BLOCK, Geometry
from txtorrent.swarm.buffers import BufferPool

if TYPE_CHECKING:
    from txtorrent.swarm.peer import Peer

CHUNK_BLOCKS: Final = 64
"""Blocks of a chunk: 1 MiB, the size at which hashing and writing stop gaining."""

FREE: Final = 0
RECEIVED: Final = 254
"""In memory; below this and above FREE: how many peers the block was requested from."""
ON_DISK: Final = 255
MOST_REQUESTED: Final = 2
"""Peers that one block is requested from at the same time, in the endgame: a third wastes as
much again and ends no download sooner."""


class Chunk:
    """An open chunk: its buffer, and how many blocks in it are still to come."""

    __slots__ = ("buffer", "missing", "touched_at", "view")

    def __init__(self, buffer: bytearray, missing: int) -> None:
        self.buffer = buffer
        self.view = memoryview(buffer)
        self.missing = missing
        self.touched_at = 0.0


class Partial:
    """Piece `piece` under way. `missing` counts its blocks that have not arrived.

    `sources[block]` is who sent the block. `spilled` tells that blocks are on disk already,
    `writing` how many chunks are on their way there. `sole` is the only peer that may serve this
    piece, set after a failed hash so that the next failure names the guilty; a right that others
    need not respect from `sole_until` (seconds) on.
    """

    __slots__ = (
        "_next", "_pool", "_released", "_size", "blocks", "chunks", "missing", "piece",
        "sole", "sole_until", "sources", "spilled", "state", "writing",
    )  # fmt: skip

    def __init__(self, piece: int, geometry: Geometry, pool: BufferPool) -> None:
        self.piece = piece
        self._size = geometry.piece_size(piece)
        self.blocks = (self._size + BLOCK - 1) // BLOCK
        self.missing = self.blocks
        self.state = bytearray(self.blocks)
        self.sources: list[Peer | None] = [None] * self.blocks
        self.chunks: dict[int, Chunk] = {}
        self.sole: Peer | None = None
        self.sole_until = 0.0
        self.spilled = False
        self.writing = 0
        self._pool = pool
        self._next = 0
        self._released: list[int] = []

    @property
    def one_chunk(self) -> bool:
        """Whether the whole piece fits one buffer."""
        return self.blocks <= CHUNK_BLOCKS

    @property
    def has_free(self) -> bool:
        """Whether some block is requested from nobody and has not arrived."""
        return bool(self._released) or self._next < self.blocks

    def take(self, count: int = 1) -> list[range]:
        """Up to `count` free blocks in runs, lowest first, now requested once; fewer where fewer
        are free or no buffer is."""
        taken: list[range] = []
        released = self._released
        while released and count and self._open(released[0] // CHUNK_BLOCKS):
            block = heappop(released)
            self.state[block] = 1
            taken.append(range(block, block + 1))
            count -= 1
        while not released and count and (run := self._run(count)):
            self.state[run.start : run.stop] = b"\1" * len(run)
            self._next = run.stop
            taken.append(run)
            count -= len(run)
        return taken

    def _run(self, count: int) -> range:
        """Blocks never requested, in one chunk, which is open now."""
        number = self._next // CHUNK_BLOCKS
        if self._next == self.blocks or not self._open(number):
            return range(0)
        end = min(self._next + count, (number + 1) * CHUNK_BLOCKS, self.blocks)
        return range(self._next, end)

    def take_again(self, block: int) -> None:
        """Request a block from one more peer (endgame)."""
        self.state[block] += 1

    def requested_blocks(self) -> list[int]:
        """Blocks that one more peer may be asked for."""
        return [block for block, state in enumerate(self.state) if FREE < state < MOST_REQUESTED]

    def release(self, block: int) -> bool:
        """One request for the block ended without data; True if it is free again."""
        if not FREE < self.state[block] < RECEIVED:
            return False
        self.state[block] -= 1
        if self.state[block]:
            return False
        heappush(self._released, block)
        return True

    def asked(self, block: int) -> int:
        """How many peers the block is requested from; 0 if nobody waits for it any more."""
        state = self.state[block]
        return state if state < RECEIVED else 0

    def store(
        self, block: int, data: bytes | bytearray | memoryview, source: "Peer", now: float
    ) -> int:
        """File a block that was requested; how many blocks its chunk still lacks."""
        chunk = self.chunks[block // CHUNK_BLOCKS]
        begin = (block % CHUNK_BLOCKS) * BLOCK
        chunk.view[begin : begin + len(data)] = data
        chunk.missing = missing = chunk.missing - 1
        chunk.touched_at = now
        self.state[block] = RECEIVED
        self.sources[block] = source
        self.missing -= 1
        return missing

    def runs(self, number: int) -> list[tuple[int, memoryview]]:
        """What a chunk holds in memory: (byte offset in the piece, data), joined up."""
        chunk, base = self.chunks[number], number * CHUNK_BLOCKS
        end = min(base + CHUNK_BLOCKS, self.blocks)
        runs: list[tuple[int, int]] = []
        for block in range(base, end):
            if self.state[block] == RECEIVED:
                if runs and runs[-1][1] == block:
                    runs[-1] = (runs[-1][0], block + 1)
                else:
                    runs.append((block, block + 1))
        return [
            (first * BLOCK, chunk.view[(first - base) * BLOCK : self._end_of(last) - base * BLOCK])
            for first, last in runs
        ]

    def detach(self, number: int) -> tuple[Chunk, list[tuple[int, memoryview]]]:
        """Take a chunk out to be written, with its `runs`; its blocks count as on disk.

        To be followed by `give_back` when the write has ended.
        """
        runs = self.runs(number)
        base = number * CHUNK_BLOCKS
        for block in range(base, min(base + CHUNK_BLOCKS, self.blocks)):
            if self.state[block] == RECEIVED:
                self.state[block] = ON_DISK
        self.spilled = True
        self.writing += 1
        return self.chunks.pop(number), runs

    def give_back(self, chunk: Chunk) -> None:
        """A detached chunk is written: its buffer returns to the pool."""
        self.writing -= 1
        self._pool.give_back(chunk.buffer)

    def discard(self) -> None:
        """Give every buffer back; the partial is not used any more."""
        while self.chunks:
            self._pool.give_back(self.chunks.popitem()[1].buffer)

    def idle_chunk(self, before: float) -> int | None:
        """A chunk that still lacks blocks, while nothing is requested in it and nothing arrived
        since `before`. One that lacks nothing is on its way to disk already."""
        for number, chunk in self.chunks.items():
            idle = chunk.missing and chunk.touched_at < before
            if idle and not self._anything_requested(number):
                return number
        return None

    def _anything_requested(self, number: int) -> bool:
        base = number * CHUNK_BLOCKS
        return any(FREE < state < RECEIVED for state in self.state[base : base + CHUNK_BLOCKS])

    def _open(self, number: int) -> bool:
        if number in self.chunks:
            return True
        base = number * CHUNK_BLOCKS
        end = min(base + CHUNK_BLOCKS, self.blocks)
        buffer = self._pool.take(self._end_of(end) - base * BLOCK)
        if buffer is None:
            return False
        missing = end - base
        if self.spilled:
            missing -= self.state.count(ON_DISK, base, end)
        self.chunks[number] = Chunk(buffer, missing)
        return True

    def _end_of(self, block: int) -> int:
        """Byte offset in the piece behind the blocks below `block`."""
        return min(block * BLOCK, self._size)
