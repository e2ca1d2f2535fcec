"""Memory for pieces that are being assembled: reused, and bounded for the whole session.

The bound is what keeps the network from outrunning the disk: where no buffer is left,
nothing new is requested.
"""

from collections.abc import Callable
from typing import Final

DEFAULT_LIMIT: Final = 24 * 1024 * 1024
"""Bytes. 24 pieces of 1 MiB: with 48 a download cost 4 % more CPU (colder caches), with 16 as much
or more (the disk threads run dry)."""


class BufferPool:
    """Byte arrays by size; at most `limit` bytes lent out and kept together.

    One buffer is always lent, however small the limit, so that progress is possible.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._lent = 0
        self._kept = 0
        self._free: dict[int, list[bytearray]] = {}
        self._waiting: dict[Callable[[], None], None] = {}

    @property
    def limit(self) -> int:
        """Bytes that may be in use."""
        return self._limit

    @property
    def lent(self) -> int:
        """Bytes in use."""
        return self._lent

    def take(self, size: int) -> bytearray | None:
        """A buffer of `size` bytes with any content, or None when the bound is reached."""
        if self._lent and self._lent + size > self._limit:
            return None
        self._lent += size
        free = self._free.get(size)
        if free:
            self._kept -= size
            return free.pop()
        self._drop_kept()
        return bytearray(size)

    def give_back(self, buffer: bytearray) -> None:
        """Return what `take` lent; the caller holds no view of it any more."""
        size = len(buffer)
        self._lent -= size
        if self._lent + self._kept + size <= self._limit:
            self._kept += size
            self._free.setdefault(size, []).append(buffer)

    def wait(self, waiter: Callable[[], None]) -> None:
        """Call `waiter` once when buffers have been given back; each waits in line once."""
        self._waiting.setdefault(waiter)

    def leave(self, waiter: Callable[[], None]) -> None:
        """Do not call `waiter` any more."""
        self._waiting.pop(waiter, None)

    def wake(self) -> None:
        """Call those who wait, in order, until somebody waits again."""
        for waiter in tuple(self._waiting):
            if self._waiting.pop(waiter, waiter) is None:
                waiter()
                if waiter in self._waiting:
                    return

    def _drop_kept(self) -> None:
        """Let go of kept buffers, of other sizes than the one just lent, until the bound holds."""
        while self._free and self._lent + self._kept > self._limit:
            other, buffers = next(iter(self._free.items()))
            if buffers:
                buffers.pop()
                self._kept -= other
            else:
                del self._free[other]
