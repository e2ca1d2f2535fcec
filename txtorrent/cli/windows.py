"""Windows of the week, in which the alternative limits hold: as people write them, as the API has
them. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from txtorrent.cli.values import Value

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_DAY_MINUTES: Final = 24 * 60


class Window(Value):
    """A weekly window, as tx_schedule has it, from "mon-fri 08:00-17:30" or "22:00-06:00"."""

    name = "window"

    def parse(self, text: str) -> dict[str, Any]:
        *days, hours = text.lower().split() or [""]
        begin, dash, end = hours.partition("-")
        if not dash or len(days) > 1:
            raise ValueError(f"{text!r}: write a window such as `mon-fri 08:00-17:30`")
        chosen = _days(days[0]) if days else DAYS
        window = {"days": list(chosen), "begin": _clock(begin), "end": _clock(end)}
        if window["begin"] == window["end"]:
            raise ValueError(f"{text!r}: the window ends when it begins")
        return window


def _days(text: str) -> list[str]:
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"{part!r}: the days are {', '.join(DAYS)}")
        start, end = DAYS.index(first), DAYS.index(last or first)
        found.update(day % 7 for day in range(start, end + 1 + 7 * (end < start)))
    return [DAYS[day] for day in sorted(found)]


def _clock(text: str) -> str:
    match = _CLOCK.fullmatch(text)
    minutes = int(match[1]) * 60 + int(match[2]) if match and int(match[2]) < 60 else -1
    if not 0 <= minutes <= _DAY_MINUTES:
        raise ValueError(f"{text!r}: write a time of day from 00:00 to 24:00")
    return show_clock(minutes)


def show_clock(minutes: int) -> str:
    """Minutes after midnight as a time of day."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def show_window(window: Mapping[str, Any]) -> str:
    """A window as `Window` reads it."""
    days = sorted(map(DAYS.index, window["days"]))
    first = days[0] if days else 0
    if len(days) == len(DAYS):
        shown = ""
    elif len(days) > 2 and days == list(range(first, first + len(days))):
        shown = f"{DAYS[first]}-{DAYS[days[-1]]} "
    else:
        shown = ",".join(DAYS[day] for day in days) + " "
    return f"{shown}{window['begin']}-{window['end']}"


def transmission_window(begin: int, end: int, mask: int) -> dict[str, Any]:
    """Transmission's one window (alt_speed_time_...), in which the first bit is Sunday."""
    days = [day for index, day in enumerate(DAYS) if mask >> (index + 1) % 7 & 1]
    return {"days": days, "begin": show_clock(begin), "end": show_clock(end)}


WINDOW: Final = Window()
