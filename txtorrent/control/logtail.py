"""The last lines of the log, for those who cannot reach the log itself."""

from collections import deque
from collections.abc import Callable
from typing import Final

from attrs import frozen
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

MAX_LINES: Final = 1000
"""Lines that are kept."""
MAX_LINE: Final = 1000
"""Characters of a line that are kept; 1 MB of lines in all."""
LEVELS: Final = ("debug", "info", "warn", "error", "critical")


@frozen
class Line:
    """One event. `time` is in seconds since 1970, `level` one of `LEVELS`."""

    time: float
    level: str
    text: str


@implementer(ILogObserver)
class LogTail:
    """Keeps the last lines. Give it to the log's publisher behind whatever takes secrets out.

    `format_event` makes text of an event."""

    def __init__(self, format_event: Callable[[LogEvent], str] = formatEvent) -> None:
        self._format = format_event
        self._lines: deque[Line] = deque(maxlen=MAX_LINES)

    def __call__(self, event: LogEvent) -> None:
        """Keep an event. Control characters become spaces: one event is one line."""
        level = event.get("log_level", LogLevel.info).name
        text = self._format(event)[:MAX_LINE]
        if not text.isprintable():
            text = "".join(each if each.isprintable() else " " for each in text)
        self._lines.append(Line(event.get("log_time", 0.0), level, text))

    def last(self, count: int, level: str = "debug") -> list[Line]:
        """At most so many, of that level or above, the oldest first."""
        enough = LEVELS[LEVELS.index(level) :]
        found = [line for line in self._lines if line.level in enough]
        return found[-count:]
