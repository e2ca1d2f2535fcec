"""The SHA-1s of the pieces of files on disk, by several threads: SHA-1 and reads release the GIL.

Each thread reads a stretch of pieces at a time, so that a disk is read nearly in order. Memory does
not depend on the size of pieces.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha1
from threading import Event
from typing import Final

from txtorrent.metainfo.contents import Found, changed, unreadable
from txtorrent.metainfo.files import File, spans
from txtorrent.metainfo.pieces import Geometry

CHUNK: Final = 1024 * 1024
"""Bytes that a thread holds: large enough for a disk, small enough for a processor's cache."""
STRETCH: Final = 8 * 1024 * 1024
"""Bytes of a thread's job, or one piece if that is more: files are opened again for each."""
MAX_THREADS: Final = 8
"""More do not help: eight hash faster than disks deliver."""
AHEAD: Final = 3
"""Jobs for each thread: the one it works on, one that waits for it, one that is done too early."""
_ZEROS: Final = memoryview(bytes(CHUNK))
"""Of a pad."""
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY

Progress = Callable[[int], object]
"""Told how many bytes of the torrent have been hashed, on the thread of the caller."""


def thread_count() -> int:
    """As many as there are processors for us, within MAX_THREADS."""
    return min(MAX_THREADS, len(os.sched_getaffinity(0)))


def hash_pieces(
    files: Sequence[File],
    sources: Sequence[Found | None],
    geometry: Geometry,
    progress: Progress,
    threads: int,
) -> bytes:
    """The SHA-1s of all pieces, end to end. Blocks until they are there.

    `sources` has for each of `files` where it is, or None for a pad. CreateError, naming the file,
    when one cannot be read or is not as it was found. However it ends, no thread is left.
    """
    hasher = _Hasher(files, sources, geometry)
    hashes = bytearray()
    with ThreadPoolExecutor(threads, "hash") as pool:
        try:
            for pieces, found in hasher.results(pool, threads * AHEAD):
                hashes += found
                progress(min(geometry.total, pieces.stop * geometry.piece_length))
        finally:
            # Ctrl-C, or a file that cannot be read: the others need not go on.
            hasher.ended.set()
            pool.shutdown(cancel_futures=True)
    return bytes(hashes)


class _Hasher:
    """The jobs of one torrent."""

    def __init__(
        self, files: Sequence[File], sources: Sequence[Found | None], geometry: Geometry
    ) -> None:
        self._files = files
        self._sources = sources
        self._geometry = geometry
        self.ended = Event()
        """Nobody waits for the rest."""

    def results(self, pool: ThreadPoolExecutor, most: int) -> Iterator[tuple[range, bytes]]:
        """The pieces of each job and their hashes, in order; `most` jobs are under way."""
        waiting: deque[tuple[range, Future[bytes]]] = deque()
        for pieces in self._stretches():
            waiting.append((pieces, pool.submit(self._hashes, pieces)))
            if len(waiting) == most:
                pieces, future = waiting.popleft()
                yield pieces, future.result()
        for pieces, future in waiting:
            yield pieces, future.result()

    def _stretches(self) -> Iterator[range]:
        count = self._geometry.piece_count
        step = max(1, STRETCH // self._geometry.piece_length)
        return (range(start, min(start + step, count)) for start in range(0, count, step))

    def _hashes(self, pieces: range) -> bytes:
        length = self._geometry.piece_length
        start = pieces.start * length
        end = min(pieces.stop * length, self._geometry.total)
        digests = _Digests(length)
        for data in self._data(start, end - start):
            digests.update(data)
        return digests.all()

    def _data(self, offset: int, length: int) -> Iterator[memoryview]:
        """The bytes of a part of the torrent; what was given is overwritten by the next."""
        buffer = memoryview(bytearray(min(CHUNK, length)))
        for index, begin, size in spans(self._files, offset, length):
            source = self._sources[index]
            if source is not None:
                yield from self._read(source, begin, size, buffer)
            else:
                yield from (_ZEROS[: size - at] for at in range(0, size, len(_ZEROS)))

    def _read(
        self, source: Found, offset: int, length: int, buffer: memoryview
    ) -> Iterator[memoryview]:
        try:
            descriptor = os.open(source.path, _FLAGS)
            try:
                if not source.is_as_found(os.fstat(descriptor)):
                    raise changed(source.path)
                end = offset + length
                while offset < end and not self.ended.is_set():
                    count = os.preadv(descriptor, [buffer[: end - offset]], offset)
                    if not count:
                        raise changed(source.path)
                    yield buffer[:count]
                    offset += count
            finally:
                os.close(descriptor)
        except OSError as error:
            raise unreadable(source.path, error) from error


class _Digests:
    """The SHA-1s of pieces whose bytes come in any portions."""

    def __init__(self, piece_length: int) -> None:
        self._piece_length = piece_length
        self._room = piece_length
        self._piece = sha1()
        self._done = bytearray()

    def update(self, data: memoryview) -> None:
        while data:
            part = data[: self._room]
            self._piece.update(part)
            data = data[len(part) :]
            self._room -= len(part)
            if not self._room:
                self._end_piece()

    def _end_piece(self) -> None:
        self._done += self._piece.digest()
        self._piece = sha1()
        self._room = self._piece_length

    def all(self) -> bytes:
        """Those of all pieces, the last of which may be short."""
        if self._room < self._piece_length:
            self._end_piece()
        return bytes(self._done)
