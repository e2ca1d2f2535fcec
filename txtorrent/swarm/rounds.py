"""Who is looked at every second, and who takes turns: thousands that do nothing cost little."""

from math import ceil
from typing import Final, Generic, TypeVar

QUIET_ROUND: Final = 10
"""Seconds in which every connection where nothing moves is looked at: a keep-alive that is due
after 100 s still comes within two minutes."""

T = TypeVar("T")


class Rounds(Generic[T]):
    """Each that joined is either in `busy`, to be looked at every second, or in `quiet`, which
    has when it was looked at last and is in that order. Times are seconds of one clock."""

    __slots__ = ("busy", "quiet")

    def __init__(self) -> None:
        self.busy: dict[T, None] = {}
        self.quiet: dict[T, float] = {}

    def leave(self, each: T) -> None:
        """It is gone."""
        self.busy.pop(each, None)
        self.quiet.pop(each, None)

    def wake(self, each: T) -> None:
        """Something moves at one that was quiet."""
        del self.quiet[each]
        self.busy[each] = None

    def rest(self, each: T, now: float) -> None:
        """It joined, was looked at, or nothing moves any more: it comes behind all others."""
        self.leave(each)
        self.quiet[each] = now

    def due(self, now: float) -> list[T]:
        """Of the quiet ones a tenth, so that no second has most of the work; and who is due."""
        turns: list[T] = []
        least = ceil(len(self.quiet) / QUIET_ROUND)
        for each, looked_at in self.quiet.items():
            if len(turns) >= least and now - looked_at < QUIET_ROUND:
                break
            turns.append(each)
        return turns
