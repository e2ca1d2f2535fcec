"""The end of many announces at once: a seedbox stops, and thousands of trackers are to be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

STOP_LIMIT: Final = 5.0
"""Seconds for all `stopped` together: a daemon has to be gone within ten (THREATS E12)."""
AT_ONCE: Final = 50
"""Torrents whose trackers are told at the same time: as many as requests are under way."""


class Stoppable(Protocol):
    """An announcer."""

    def stop(self) -> Deferred[None]:
        """Tell the trackers, and end."""

    def quit(self) -> None:
        """End without a word."""


def stop_all(announcers: Iterable[Stoppable], clock: IReactorTime) -> Deferred[None]:
    """Stop all of them; fires within `STOP_LIMIT`, never fails.

    Those for whom there is no time end without a word: their trackers will miss them.
    """
    waiting = iter(tuple(announcers))
    stopping = gatherResults(
        [Deferred.fromCoroutine(_stop_each(waiting)) for _ in range(AT_ONCE)], consumeErrors=True
    )
    stopping.addTimeout(STOP_LIMIT, clock)

    def quit_others(_: object) -> None:
        for announcer in waiting:
            announcer.quit()

    return stopping.addBoth(quit_others)


async def _stop_each(waiting: Iterator[Stoppable]) -> None:
    for announcer in waiting:
        await announcer.stop()


def after(ending: Deferred[None]) -> Deferred[None]:
    """Give a Deferred that fires when the other one has, whatever comes of it."""
    ended: Deferred[None] = Deferred()

    def tell(outcome: object) -> object:
        ended.callback(None)
        return outcome

    ending.addBoth(tell)
    return ended
