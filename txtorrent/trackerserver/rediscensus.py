"""How much there is in a Redis, counted a few swarms at a time, again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater

from txtorrent.trackerserver.interfaces import Totals, size_class
from txtorrent.trackerserver.redisreplies import ErrorReply, Lost
from txtorrent.trackerserver.redisscripts import count_command, read_counts

STEP_PAUSE: Final = 0.05
"""Seconds between two steps, which take Redis a millisecond or two each. A million swarms take a
quarter of an hour, half the time after which a peer announces again."""
PASS_PAUSE: Final = 30.0
"""Seconds from the end of one count of everything to the begin of the next."""
LOST_PAUSE: Final = 1.0
"""Seconds until the next try after Redis was lost, which costs nothing while it is."""
NOTHING: Final = Totals(0, 0, 0)


@define(eq=False)
class Census:
    """Counts all swarms, from `start` to `stop`. `_connection` gives one that is ready, or None."""

    _clock: Any
    _connection: Callable[[], Any]
    _last: Totals | None = field(default=None, init=False)
    _counted: Totals = field(default=NOTHING, init=False)
    _running: Deferred[None] | None = field(default=None, init=False)

    @property
    def totals(self) -> Totals:
        """Those of the last count, or of the first one, as far as it is."""
        return self._counted if self._last is None else self._last

    def start(self) -> None:
        """Begin to count."""
        self._running = Deferred.fromCoroutine(self._keep_counting())

    async def stop(self) -> None:
        """Count no more."""
        if self._running is not None:
            running, self._running = self._running, None
            running.addErrback(lambda failure: failure.trap(CancelledError) and None)
            running.cancel()
            await running

    async def _keep_counting(self) -> None:
        while True:
            self._counted = NOTHING
            try:
                await self._count()
            except (ErrorReply, Lost, ValueError):
                pause = LOST_PAUSE  # what was lost is said in the log by those who lost it
            else:
                self._last = self._counted
                pause = PASS_PAUSE
            await deferLater(self._clock, pause)

    async def _count(self) -> None:
        """One pass. What comes or goes meanwhile may be counted or not."""
        cursor = b"0"
        while True:
            connection = self._connection()
            if connection is None:
                raise Lost
            cursor, swarms = await connection.swarms(cursor)
            if swarms:
                self._add(await connection.ask(count_command(swarms)))
            if cursor == b"0":
                return
            await deferLater(self._clock, STEP_PAUSE)

    def _add(self, reply: bytes) -> None:
        torrents, seeders, leechers, sizes = self._counted
        counts = list(sizes)
        for each in read_counts(reply):
            if each.seeders or each.leechers:
                torrents += 1
                seeders += each.seeders
                leechers += each.leechers
                counts[size_class(each.seeders + each.leechers)] += 1
        self._counted = Totals(torrents, seeders, leechers, tuple(counts))
