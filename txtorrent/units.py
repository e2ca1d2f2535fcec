"""Sizes, rates and times as people write and read them."""

import re
from math import inf
from typing import Final

_FACTORS: Final = {
    "": 1, "b": 1,
    "k": 1000, "kb": 1000, "m": 10**6, "mb": 10**6, "g": 10**9, "gb": 10**9,
    "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30,
}  # fmt: skip
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)(?:/s)?\s*", re.IGNORECASE | re.ASCII)
_TIME: Final = re.compile(r"\s*(?:\d+(?:\.\d+)?\s*[smhd]\s*)+", re.IGNORECASE | re.ASCII)
_TIME_PART: Final = re.compile(r"([\d.]+)\s*([smhd])", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Bytes from "5MB", "512KiB", "1.5 GiB", "300k" or a plain number.

    ValueError with a message for the user.
    """
    match = _SIZE.fullmatch(text)
    factor = _FACTORS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"{text!r} is no size: write a number and a unit, as in 5MB or 512KiB")
    size = float(match[1]) * factor
    if size == inf:
        raise ValueError(f"{text[:20]!r}... is more than any size")
    return round(size)


def parse_time(text: str) -> float:
    """Seconds from "30s", "5m", "1h30m" or "2 d". ValueError with a message for the user."""
    if _TIME.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no time: write a number and s, m, h or d, as in 30m")
    return sum(float(part[1]) * _SECONDS[part[2].lower()] for part in _TIME_PART.finditer(text))


def show_size(size: float) -> str:
    """Bytes with a decimal unit and three digits: "1.23 GB"."""
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    digits = 0 if unit == "B" or size >= 99.95 else 1 if size >= 9.995 else 2
    return f"{size:.{digits}f} {unit}"


def show_time(seconds: float | None) -> str:
    """A duration in at most two units: "1h05m", "42s"; a dash when there is no telling."""
    if seconds is None or seconds > 100 * 86400:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"
