"""What people write on the command line: rates, ratios, times, files, windows of the week.

Each is a click type, so that what is wrong is said with the option that it was given for.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

import click

from txtorrent.cli.errors import Misused
from txtorrent.units import parse_size

NONE: Final = "none"
SESSION: Final = "session"
KILO: Final = 1000
"""Bytes of the API's kB."""
_MINUTES: Final = {"": 1, "m": 1, "min": 1, "h": 60, "d": 1440, "w": 10080}
_DURATION: Final = re.compile(r"(\d+)\s*([a-z]*)", re.ASCII)
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK: Final = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_DAY_MINUTES: Final = 24 * 60


class Value(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.5 only
    """A click type made of one function that raises ValueError."""

    def parse(self, text: str) -> Any:
        raise NotImplementedError

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.parse(value.strip())
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Rate(Value):
    """kB/s from "5MB", "300k"; "none" for no limit. Never 0, which would be a stop."""

    name = "rate"

    def parse(self, text: str) -> int | str:
        if text == NONE:
            return NONE
        size = parse_size(text)
        if not size:
            raise ValueError("0 would let nothing through: write `none` for no limit")
        return max(1, round(size / KILO))


class Ratio(Value):
    """A number, "session" or "none"."""

    name = "ratio"

    def parse(self, text: str) -> float | str:
        if text in (NONE, SESSION):
            return text
        return _number(text, 0, 1e6, "a ratio such as 2 or 1.5, `session` or `none`")


class Share(Value):
    """A part of one from "0.1" or "10%"; "session"; "none", which is 0."""

    name = "share"

    def parse(self, text: str) -> float | str:
        if text == SESSION:
            return text
        if text == NONE:
            return 0.0
        wanted = "a share such as 10% or 0.1, `session` or `none`"
        if text.endswith("%"):
            return _number(text[:-1], 0, 100, wanted) / 100
        return _number(text, 0, 1, wanted)


class Duration(Value):
    """Minutes from "30m", "2h", "7d"; "session" or "none"."""

    name = "time"

    def parse(self, text: str) -> int | str:
        if text in (NONE, SESSION):
            return text
        match = _DURATION.fullmatch(text)
        factor = _MINUTES.get(match[2]) if match else None
        if match is None or factor is None or int(match[1]) == 0:
            raise ValueError(f"{text!r}: write a time such as 30m, 2h or 7d, `session` or `none`")
        return int(match[1]) * factor


def _number(text: str, least: float, most: float, wanted: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number <= most:
        raise ValueError(f"{text!r}: write {wanted}")
    return number


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


def choose_files(wanted: Iterable[str], paths: Sequence[str]) -> list[int]:
    """Indices of the files meant by numbers ("3"), ranges ("0-7"), "all" and patterns
    ("*.mkv", compared with the whole path and with its end). Misused when one fits none."""
    found: set[int] = set()
    for words in wanted:
        for each in words.split(","):
            found.update(_files(each.strip(), paths))
    return sorted(found)


def _files(text: str, paths: Sequence[str]) -> Iterable[int]:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", text, re.ASCII)
    if text == "all":
        return range(len(paths))
    if match:
        first, last = int(match[1]), int(match[2] or match[1])
        if first > last or last >= len(paths):
            raise Misused(f"files {text}: the torrent has 0 to {len(paths) - 1}")
        return range(first, last + 1)
    found = [index for index, path in enumerate(paths) if _fits(path, text)]
    if not found:
        raise Misused(f"no file fits {text!r}")
    return found


def _fits(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or fnmatchcase(path.rpartition("/")[2], pattern)


RATE: Final = Rate()
RATIO: Final = Ratio()
SHARE: Final = Share()
DURATION: Final = Duration()
WINDOW: Final = Window()
