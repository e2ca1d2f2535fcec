"""How many there are of each kind, for limits that are checked at every connection."""

from typing import Generic, TypeVar

K = TypeVar("K")


class Tally(Generic[K]):
    """A count for each key; a key that counts nothing takes no memory."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[K, int] = {}

    def __getitem__(self, key: K) -> int:
        """How many there are; 0 of what was never added."""
        return self._counts.get(key, 0)

    def add(self, key: K) -> None:
        """There is one more."""
        self._counts[key] = self._counts.get(key, 0) + 1

    def remove(self, key: K) -> None:
        """There is one less. KeyError when there is none."""
        if self._counts[key] == 1:
            del self._counts[key]
        else:
            self._counts[key] -= 1
