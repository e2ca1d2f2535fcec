"""Who is next where many wait: the more important first, equals in turns, and nobody never."""

from enum import IntEnum
from typing import Final, Generic, TypeVar

ONE_IN: Final = 10
"""Turns of which the less important get one however many more important ones wait. Their peers
were promised blocks, and hang up on who sends none for minutes."""


class Priority(IntEnum):
    """Whose turn it is first; the numbers are Transmission's."""

    LOW = -1
    NORMAL = 0
    HIGH = 1


T = TypeVar("T")


class WaitingLine(Generic[T]):
    """Each stands in it once; who comes again behind its turn comes behind its equals."""

    __slots__ = ("_lines", "_passed_over")

    def __init__(self) -> None:
        self._lines: tuple[dict[T, None], ...] = ({}, {}, {})
        self._passed_over = [0, 0, 0]

    def __bool__(self) -> bool:
        high, normal, low = self._lines
        return bool(normal or high or low)

    def join(self, who: T, priority: Priority = Priority.NORMAL) -> None:
        """Wait behind those of the same priority."""
        self._lines[Priority.HIGH - priority].setdefault(who)

    def leave(self, who: T) -> None:
        """Wait no longer; nothing happens if it does not."""
        for line in self._lines:
            line.pop(who, None)

    def next(self) -> T:
        """Take the one off whose turn it is. ValueError when nobody waits."""
        high, line, low = self._lines
        if high or low or not line:
            line = self._choose()
        first = next(iter(line))
        del line[first]
        return first

    def _choose(self) -> dict[T, None]:
        """The line of the highest priority, or a lower one that was passed over long enough."""
        passed_over = self._passed_over
        chosen, *others = (number for number, line in enumerate(self._lines) if line)
        for number in others:
            passed_over[number] += 1
            if passed_over[number] >= ONE_IN:
                chosen = number
        passed_over[chosen] = 0
        return self._lines[chosen]
