"""How often somebody may do something: so many at once, then so many a second.

`ratelimit` counts bytes and lets a whole block pass into debt; this counts single acts, which are
asked for before they happen.
"""

from attrs import frozen


@frozen
class Pace:
    """`burst` acts at once, then `per_second`.

    It may be overdrawn by `debt` acts: who goes on in spite of it waits longer.
    """

    per_second: float
    burst: float
    debt: float = 0.0


class Allowance:
    """What one party has left of a pace; `now` is in seconds of one clock."""

    __slots__ = ("_left", "_pace", "_updated_at")

    def __init__(self, pace: Pace, now: float) -> None:
        self._pace = pace
        self._left = pace.burst
        self._updated_at = now

    def has_one(self, now: float) -> bool:
        """Whether an act would be within it now."""
        return self._now_left(now) >= 1

    def spend(self, now: float, count: float = 1.0) -> None:
        """Take it off, as far as the debt goes, whether it is there or not."""
        self._left = max(-self._pace.debt, self._now_left(now) - count)

    def is_overdrawn(self, now: float) -> bool:
        """Whether another act would not even fit in the debt."""
        return self._now_left(now) < 1 - self._pace.debt

    def ready_in(self, now: float) -> float:
        """Seconds until an act is within it."""
        return max(0.0, (1 - self._now_left(now)) / self._pace.per_second)

    def _now_left(self, now: float) -> float:
        gained = (now - self._updated_at) * self._pace.per_second
        self._left = min(self._pace.burst, self._left + gained)
        self._updated_at = now
        return self._left
