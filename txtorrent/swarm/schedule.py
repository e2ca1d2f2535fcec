"""Hours of the week: when the alternative limits count by themselves.

All is reckoned by the wall clock (`weekday`, 0 is Monday, and `minute` after midnight): on the
day that clocks change, an hour between is shorter or longer, and the ends stay where the user put
them. So whoever asks does so every minute, and does not sleep until the next change.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import define, field, frozen

DAY: Final = 1440
"""Minutes."""
WEEK: Final = 7 * DAY
SUNDAY: Final = 6
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""As days are written, in the order of their numbers."""


@frozen
class Window:
    """A span of `length` minutes, at most a day, that begins `begin` minutes after the midnight
    of each of `days`; it may reach into the next day."""

    days: frozenset[int]
    begin: int
    length: int

    @classmethod
    def between(cls, days: Iterable[str], begin: str, end: str) -> "Window":
        """From days as in `DAYS` and times as in "22:30", the end up to "24:00". An end that is
        not after the beginning is on the next day. ValueError."""
        first = _minute(begin)
        length = (_minute(end) - first) % DAY or DAY
        return cls(frozenset(map(DAYS.index, days)), first % DAY, length)

    @classmethod
    def of_transmission(cls, begin: int, end: int, days: int) -> "Window":
        """From minutes after midnight and a sum of days in which 1 is Sunday and 64 Saturday
        (alt_speed_time_...). If both ends are the same it is never, as there."""
        chosen = (bit for bit in range(7) if days >> bit & 1)
        return cls(frozenset((bit + SUNDAY) % 7 for bit in chosen), begin, (end - begin) % DAY)

    def covers(self, weekday: int, minute: int) -> bool:
        """Whether it is within the span."""
        since = minute - self.begin
        if since >= 0:
            return weekday in self.days and since < self.length
        return (weekday - 1) % 7 in self.days and since + DAY < self.length

    def ends(self) -> Iterable[int]:
        """Minutes of the week (0: Monday 0:00) where it begins or ends."""
        for day in self.days:
            begin = day * DAY + self.begin
            yield begin
            yield (begin + self.length) % WEEK


def is_on(windows: Iterable[Window], weekday: int, minute: int) -> bool:
    """Whether any of the windows covers this minute."""
    return any(window.covers(weekday, minute) for window in windows)


def next_change(windows: Sequence[Window], weekday: int, minute: int) -> tuple[int, int] | None:
    """Weekday and minute when `is_on` next gives something else; None: never.

    One that lies a week ahead is on the same weekday.
    """
    now, before = weekday * DAY + minute, is_on(windows, weekday, minute)
    ends = {end for window in windows for end in window.ends()}
    for end in sorted(ends, key=lambda end: (end - now - 1) % WEEK):
        if is_on(windows, *divmod(end, DAY)) != before:
            return divmod(end, DAY)
    return None


@define
class Scheduler:
    """Turns something on and off when the windows say so, and only then: what the user does by
    hand in between holds until the next change."""

    windows: Sequence[Window] = ()
    _was_on: bool | None = field(default=None, init=False)

    def look(self, weekday: int, minute: int) -> bool | None:
        """To be called every minute, and when the windows have changed. Gives what it is to be
        from now on; None when there is nothing to do, as without any window."""
        now_on = is_on(self.windows, weekday, minute)
        if now_on is self._was_on or (self._was_on is None and not self.windows):
            return None
        self._was_on = now_on if self.windows else None
        return now_on


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)
