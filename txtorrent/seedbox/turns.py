"""One after the other: whatever has to be alone with the thing that a key names."""

from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from twisted.internet.defer import Deferred, DeferredLock

T = TypeVar("T")


class Turns:
    """A lock for each key that somebody uses or waits for."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, DeferredLock] = {}

    async def run(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Do the work when all that came before for this key is done."""
        await self.begin(key)
        try:
            return await work()
        finally:
            self.end(key)

    def begin(self, key: Hashable) -> "Deferred[DeferredLock]":
        """Fires when it is the caller's turn, which lasts until `end`."""
        return self._locks.setdefault(key, DeferredLock()).acquire()

    def end(self, key: Hashable) -> None:
        """Let the next one have its turn."""
        lock = self._locks[key]
        if not lock.waiting:
            del self._locks[key]
        lock.release()
