"""What people write on the command line: rates, ratios, shares, times.

Each is a click type, so that what is wrong is said with the option that it was given for.
"""

import re
from typing import Any, Final

import click

from txtorrent.units import parse_size

NONE: Final = "none"
SESSION: Final = "session"
KILO: Final = 1000
"""Bytes of the API's kB."""
_MINUTES: Final = {"": 1, "m": 1, "min": 1, "h": 60, "d": 1440, "w": 10080}
_DURATION: Final = re.compile(r"(\d+)\s*([a-z]*)", re.ASCII)


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


RATE: Final = Rate()
RATIO: Final = Ratio()
SHARE: Final = Share()
DURATION: Final = Duration()
