"""Turns to ask trackers: who waits for a host, in which order, and when a host is left alone.

It begins no request and knows no time of its own: that is `clients`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.tracker.errors import RestingError
from txtorrent.wire.announce import AnnounceRequest, AnnounceResponse, Event

MAX_PER_HOST = 4
"""Requests at once to one host: what a tracker may expect of a polite client."""
SILENCES = 3
"""Requests in a row without an answer until a host is left alone: two may be lost datagrams."""
FIRST_REST = 60.0
"""Seconds for which a silent host is left alone; doubled each time it is silent again."""
MAX_REST = 600.0
"""Seconds. If it was our own network that failed, its return is noticed after this long."""

_log = Logger()


class Rank(IntEnum):
    """Whose turn it is first, of those that wait for the same host."""

    ENDING = 0
    DOWNLOADS = 1
    OTHERS = 2


def rank_of(event: Event, complete: bool) -> Rank:
    """Give the rank of an announce: last words, then those who miss something."""
    if event in (Event.STOPPED, Event.COMPLETED):
        return Rank.ENDING
    return Rank.OTHERS if complete else Rank.DOWNLOADS


class Applicant(Protocol):
    """Somebody who waits for a turn to announce: there may be thousands, so that what an announce
    needs is made when it is their turn."""

    @property
    def url(self) -> str:
        """Whom to ask; stays what it is from `apply` to the answer."""

    @property
    def trusted(self) -> bool:
        """Whether that tracker may be at a private or loopback address."""

    def request(self) -> AnnounceRequest:
        """It is its turn: give what to announce, at once."""

    def answered(self, response: AnnounceResponse) -> None:
        """The tracker answered."""

    def failed(self, error: BaseException) -> None:
        """It did not: TrackerError; CancelledError when all is given up; else a fault of ours."""

    def turned_away(self) -> None:
        """Its turn does not come, since the host keeps silent. One of many: be quick."""


@define(eq=False)
class Turn:
    """One request: waiting for its turn, or under way (`asked`)."""

    host: Host
    ask: Callable[[], Deferred[Any]]
    result: Deferred[Any] | None = None
    applicant: Applicant | None = None
    asked: Deferred[Any] | None = field(default=None, init=False)

    def tell(self, outcome: Any) -> None:
        """Hand the outcome to whoever asked, unless he has left."""
        if self.applicant is not None:
            self._tell_applicant(self.applicant, outcome)
        elif self.result is None or self.result.called:
            return
        elif isinstance(outcome, Failure | Exception):
            self.result.errback(outcome)
        else:
            self.result.callback(outcome)

    def _tell_applicant(self, applicant: Applicant, outcome: Any) -> None:
        try:
            if isinstance(outcome, Failure) and outcome.value is not None:
                applicant.failed(outcome.value)
            elif isinstance(outcome, Exception):
                applicant.failed(outcome)
            else:
                applicant.answered(outcome)
        except Exception:
            _log.failure("an answer of {host} was not taken", host=self.host.name)

    def cancel(self) -> None:
        """Give up, for the one who asked has to."""
        if self.result is not None:
            self.result.cancel()
        elif self.asked is not None:
            self.asked.cancel()


class Line:
    """Who waits for a host: by rank, and within a rank in the order in which they came."""

    def __init__(self) -> None:
        self._ranks: tuple[OrderedDict[Turn | Applicant, None], ...]
        self._ranks = tuple(OrderedDict() for _ in Rank)

    def __bool__(self) -> bool:
        return any(self._ranks)

    def add(self, who: Turn | Applicant, rank: Rank) -> None:
        self._ranks[rank][who] = None

    def pop(self) -> Turn | Applicant:
        """Take the next one out."""
        who, _ = next(filter(None, self._ranks)).popitem(last=False)
        return who

    def remove(self, who: Turn | Applicant) -> bool:
        """Take one out; tells whether it was there."""
        rank = next((rank for rank in self._ranks if who in rank), None)
        if rank is not None:
            del rank[who]
        return rank is not None

    def clear(self) -> list[Turn | Applicant]:
        """Take all out."""
        everybody = [who for rank in self._ranks for who in rank]
        for rank in self._ranks:
            rank.clear()
        return everybody


@define(eq=False)
class Host:
    """One tracker's host: who is asking it, who waits, and whether it has been silent."""

    name: str
    most: int = MAX_PER_HOST
    """Requests at once."""
    waiting: Line = field(factory=Line, init=False)
    under_way: dict[Turn, None] = field(factory=dict, init=False)
    silences: int = field(default=0, init=False)
    _rests_until: float = field(default=0.0, init=False)

    @property
    def limit(self) -> int:
        """Requests at once: a single one finds out whether a silent host is back."""
        return self.most if self.silences < SILENCES else 1

    @property
    def is_idle(self) -> bool:
        return not self.waiting and not self.under_way

    def check_awake(self, now: float) -> None:
        """Raise RestingError when the host is to be left alone."""
        if now < self._rests_until:
            raise self.resting_error(now)

    def resting_error(self, now: float) -> RestingError:
        wait = max(self._rests_until - now, 1.0)
        return RestingError(f"{self.name} has not answered lately", wait)

    def answered(self) -> None:
        """Note a sign of life, be it a refusal."""
        self.silences = 0
        self._rests_until = 0.0

    def silent(self, now: float) -> bool:
        """Note that nothing came back; tell whether the host is left alone from now on."""
        if now < self._rests_until:
            return False
        self.silences += 1
        if self.silences < SILENCES:
            return False
        self._rests_until = now + min(FIRST_REST * 2 ** (self.silences - SILENCES), MAX_REST)
        return True
