"""What a setting's value may be: from what users and clients write to the one form kept.

Each kind has `parse`, which gives the value in its units (bytes, bytes/s, seconds) or raises
ValueError with words for the user; `says`, which tells what may be written; and `show`, which
writes a value as TOML. A value that was parsed can be parsed again, and can be kept as JSON.
"""

import json
import os
import re
from collections.abc import Callable
from typing import Any, Final, Protocol

from attrs import frozen

from txtorrent.units import parse_size, parse_time

MOST_BYTES: Final = 1 << 53
"""Bytes: what JSON readers that know only doubles take without loss; more than any disk has."""
MAX_TEXT: Final = 65_536
"""Characters of a text: the longest, a list of default trackers, is far below."""
MAX_COMPLAINT: Final = 300
"""Characters of what is said about a wrong value."""
_WEB: Final = re.compile(r"https?://[^\s/]+(/\S*)?", re.ASCII | re.IGNORECASE)
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00", re.ASCII)


class Kind(Protocol):
    """What the table asks of a kind of value."""

    @property
    def says(self) -> str:
        """What may be written, as in "a whole number from 0 to 65535"."""

    def parse(self, value: Any) -> Any:
        """The value in the form that is kept. ValueError says what is wrong with it."""

    def show(self, value: Any) -> str:
        """A value that was parsed, as TOML."""


@frozen
class Flag:
    """Yes or no."""

    says: str = "true or false"

    def parse(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"{quoted(value)} is not true or false")
        return value

    def show(self, value: Any) -> str:
        return "true" if value else "false"


@frozen
class Whole:
    """A whole number. JSON clients may send one as 5.0."""

    least: int
    most: int
    unit: str = ""

    @property
    def says(self) -> str:
        unit = f" ({self.unit})" if self.unit else ""
        return f"a whole number from {self.least} to {self.most}{unit}"

    def parse(self, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is not int or not self.least <= value <= self.most:
            raise ValueError(f"{quoted(value)} is not {self.says}")
        return value

    def show(self, value: Any) -> str:
        return str(value)


@frozen
class Fraction:
    """A number that need not be whole."""

    least: float
    most: float

    @property
    def says(self) -> str:
        return f"a number from {self.least:.10g} to {self.most:.10g}"

    def parse(self, value: Any) -> float:
        if type(value) not in (int, float) or not self.least <= value <= self.most:
            raise ValueError(f"{quoted(value)} is not {self.says}")
        return float(value)

    def show(self, value: Any) -> str:
        return repr(float(value))


@frozen
class Amount:
    """Bytes, or bytes/s: a whole number, or text with a unit."""

    per_second: bool = False
    least: int = 0

    @property
    def says(self) -> str:
        if self.per_second:
            return 'bytes/s, as 500_000 or "500kB"'
        return 'bytes, as 500_000_000 or "500MB"'

    def parse(self, value: Any) -> int:
        if isinstance(value, str):
            value = parse_size(value)
        elif isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is not int or not self.least <= value <= MOST_BYTES:
            raise ValueError(f"{quoted(value)} is not {self.says}")
        return value

    def show(self, value: Any) -> str:
        for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 1000)):
            if value and value % factor == 0:
                return f'"{value // factor}{unit}"'
        return str(value)


@frozen
class Seconds:
    """A time: a number of seconds, or text with units."""

    least: float
    most: float

    @property
    def says(self) -> str:
        least, most = (show_span(each).strip('"') for each in (self.least, self.most))
        return f'a time from {least} to {most}, as 90 (seconds) or "1m30s"'

    def parse(self, value: Any) -> float:
        if isinstance(value, str):
            value = parse_time(value)
        if type(value) not in (int, float) or not self.least <= value <= self.most:
            raise ValueError(f"{quoted(value)} is not {self.says}")
        return float(value)

    def show(self, value: Any) -> str:
        return show_span(value)


def show_span(seconds: float) -> str:
    """Seconds as TOML text with the largest unit that divides them."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f'"{seconds / size:.0f}{unit}"'
    return f'"{seconds:g}s"'


@frozen
class Text:
    """Text; `check` raises ValueError, or gives it as it is to be kept."""

    says: str = "text"
    check: Callable[[str], str] = str

    def parse(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{quoted(value)} is not text in quotes")
        if len(value) > MAX_TEXT or "\0" in value:
            raise ValueError(f"the text is longer than {MAX_TEXT} characters or holds a NUL")
        return self.check(value)

    def show(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)


@frozen
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def says(self) -> str:
        return "one of " + ", ".join(f'"{word}"' for word in self.words)

    def parse(self, value: Any) -> str:
        if value not in self.words:
            raise ValueError(f"{quoted(value)} is not {self.says}")
        return str(value)

    def show(self, value: Any) -> str:
        return json.dumps(value)


@frozen
class Path:
    """A path of the daemon's machine: absolute, or from a home directory; kept normalised.

    ".." is refused, since what it means depends on links. `optional` allows "".
    """

    optional: bool = False

    @property
    def says(self) -> str:
        return 'an absolute path, or one that starts with "~/"' + ', or ""' * self.optional

    def parse(self, value: Any) -> str:
        if value == "" and self.optional:
            return ""
        path = os.path.expanduser(value) if isinstance(value, str) else ""
        if not os.path.isabs(path) or "\0" in path or len(path) > MAX_TEXT:
            raise ValueError(f"{quoted(value)} is not {self.says}")
        if ".." in path.split("/"):
            raise ValueError(f'{quoted(value)}: a path must not hold ".."')
        return "/" + os.path.normpath(path).lstrip("/")

    def show(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)


@frozen
class Source:
    """Where a list can be had: the URL of a web server, or a path; "" for nowhere."""

    says: str = 'an http or https URL, an absolute path, or ""'

    def parse(self, value: Any) -> str:
        if isinstance(value, str) and _WEB.fullmatch(value):
            return value
        try:
            return Path(optional=True).parse(value)
        except ValueError:
            raise ValueError(f"{quoted(value)} is not {self.says}") from None

    def show(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)


@frozen
class Clock:
    """A time of day; 24:00 is the end of the day."""

    says: str = 'a time of day, as "22:30"'

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or _CLOCK.fullmatch(value) is None:
            raise ValueError(f"{quoted(value)} is not {self.says}")
        return value

    def show(self, value: Any) -> str:
        return json.dumps(value)


def quoted(value: Any) -> str:
    """A value as the user wrote it, cut to what fits a line."""
    try:
        text = json.dumps(value, ensure_ascii=True, default=str)
    except ValueError:
        text = "the value"
    return text if len(text) <= 60 else f"{text[:57]}..."


def shortened(complaint: str) -> str:
    """A complaint that fits a log, whatever was quoted in it."""
    return complaint if len(complaint) <= MAX_COMPLAINT else f"{complaint[: MAX_COMPLAINT - 3]}..."
