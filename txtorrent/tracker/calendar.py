"""When it is whose time: one timer for the announces of all torrents of a session.

A thousand torrents have a thousand entries in one heap, and not a timer of the reactor's each.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Final, Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

STARTS_PER_SECOND: Final = 40.0
"""Torrents that begin to announce, where they can wait: 10,000 in four minutes, so that neither
trackers nor the machine notice the start of a daemon."""
MOST_AT_ONCE: Final = 20
"""Torrents whose time has come and that are called before the reactor has its turn again."""
FEW_DEAD: Final = 1000
"""Entries that were cancelled and may stay in the heap until their time comes."""

_log = Logger()


class Bookable(Protocol):
    """Whoever has a time to wait for, one at most."""

    booking: Booking | None
    """The calendar's; None: it waits for nothing."""

    def due(self) -> None:
        """Its time has come."""


Booking = tuple[float, int, Bookable]
"""When, a number that tells those of the same time apart, and who: an entry of the heap."""


class Calendar:
    """Calls each at its time. Times are those of `clock`, in seconds."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._heap: list[Booking] = []
        self._number = 0
        self._live = 0
        self._next_start = 0.0
        self._timer: IDelayedCall | None = None
        self._ringing = False

    def __len__(self) -> int:
        """How many wait for their time."""
        return self._live

    def book(self, who: Bookable, at: float) -> None:
        """Call at this time, instead of any other that was booked."""
        if who.booking is not None:
            if who.booking[0] == at:
                return
            self._take_off(who)
        self._number += 1
        who.booking = at, self._number, who
        heappush(self._heap, who.booking)
        self._live += 1
        self._set_timer()

    def cancel(self, who: Bookable) -> None:
        """Do not call, if it was booked."""
        if who.booking is not None:
            self._take_off(who)
            self._set_timer()

    def next_start(self) -> float:
        """Give the time at which one more torrent may start, if it can wait."""
        at = max(self._clock.seconds(), self._next_start)
        self._next_start = at + 1 / STARTS_PER_SECOND
        return at

    def _take_off(self, who: Bookable) -> None:
        """Leave the entry dead where it lies; clean up when most of them are."""
        who.booking = None
        self._live -= 1
        if len(self._heap) - self._live > max(FEW_DEAD, self._live):
            self._heap = [entry for entry in self._heap if entry[2].booking is entry]
            heapify(self._heap)

    def _set_timer(self) -> None:
        if self._ringing:
            return
        heap = self._heap
        while heap and heap[0][2].booking is not heap[0]:
            heappop(heap)
        if not heap:
            self._stop_timer()
        elif self._timer is None or self._timer.getTime() != heap[0][0]:
            self._stop_timer()
            pause = max(heap[0][0] - self._clock.seconds(), 0.0)
            self._timer = self._clock.callLater(pause, self._ring)

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _ring(self) -> None:
        self._timer = None
        self._ringing = True
        try:
            for _ in range(MOST_AT_ONCE):
                if not self._heap or self._heap[0][0] > self._clock.seconds():
                    break
                self._call(heappop(self._heap))
        finally:
            self._ringing = False
        self._set_timer()

    def _call(self, entry: Booking) -> None:
        who = entry[2]
        if who.booking is not entry:
            return
        who.booking = None
        self._live -= 1
        try:
            who.due()
        except Exception:
            _log.failure("an announce stumbled when its time had come")
