"""Where log lines go, and the live line below them on a terminal.

What must stay true: the live line is the last thing on the screen, a log line never begins
behind it, and where the output is no terminal not one control character is written.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from typing import Any, Final, cast

from twisted.logger import (
    ILogObserver,
    LogEvent,
    LogLevel,
    formatEvent,
    formatTime,
)
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile
from zope.interface import implementer, provider

from txtorrent.daemon.cells import fit

LOG_FILE_SIZE: Final = 10_000_000
"""Bytes after which a log file is put aside as *.1 and a fresh one begun."""
LOG_FILES: Final = 9
"""Log files put aside that are kept."""
_CLEAR: Final = "\r\x1b[K"
_RANKS: Final = {level: rank for rank, level in enumerate(LogLevel.iterconstants())}
_QUIET: Final = ("twisted.", "log_legacy", "treq")
"""Namespaces whose remarks about starting and stopping say nothing to a user."""
_IN_ASCII: Final = str.maketrans(
    {"↓": "down", "↑": "up", "…": "...", "█": "#", **dict.fromkeys("▏▎▍▌▋▊▉", "-")}
)


@implementer(ILogObserver)
class Console:
    """Writes log events to a stream, as text or as one JSON object a line.

    `live` says whether a live line may be shown, if the stream is a terminal at all.
    """

    def __init__(self, stream: Any, as_json: bool = False, live: bool = True) -> None:
        self._stream = stream
        self._as_json = as_json
        self._line = ""
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self.is_live = live and not as_json and _is_terminal(stream)

    @property
    def width(self) -> int:
        """Cells of the live line. The last column stays free: some terminals wrap there."""
        return shutil.get_terminal_size().columns - 1

    def __call__(self, event: LogEvent) -> None:
        text = _as_json(event) if self._as_json else self._format(event)
        if text:
            self._write(text.rstrip("\n") + "\n")

    def show(self, line: str) -> None:
        """Replace the live line; '' removes it. Only where `is_live`."""
        if self.is_live:
            self._line = fit(escape(line), self.width)
            self._put(_CLEAR + self._line)

    def _write(self, text: str) -> None:
        self._put(_CLEAR + text + self._line if self.is_live else text)

    def _put(self, text: str) -> None:
        try:
            self._stream.write(encodable(text, self._encoding))
            self._stream.flush()
        except (OSError, ValueError):
            pass  # whoever read our output is gone; that is no reason to stop

    def _format(self, event: LogEvent) -> str:
        message = escape(formatEvent(event))
        if not message:
            return ""
        level = event.get("log_level", LogLevel.info)
        mark = "" if level is LogLevel.info else f"{level.name}: "
        text = f"{self._when(event)} {mark}{message}"
        failure = event.get("log_failure")
        if isinstance(failure, Failure):
            text += "\n" + failure.getTraceback()
        return text

    def _when(self, event: LogEvent) -> str:
        at = event.get("log_time", time.time())
        return formatTime(at, "%H:%M:%S" if self.is_live else "%Y-%m-%dT%H:%M:%S%z")


def _as_json(event: LogEvent) -> str:
    """One flat object: time (ISO 8601), level, source, message, and a traceback if there is one."""
    row = {
        "time": formatTime(event.get("log_time", time.time())),
        "level": event.get("log_level", LogLevel.info).name,
        "source": event.get("log_namespace", ""),
        # Lone surrogates are no text: many a JSON parser refuses them.
        "message": formatEvent(event).encode("utf-8", "backslashreplace").decode(),
    }
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        row["traceback"] = failure.getTraceback()
    return json.dumps(row) if row["message"] or failure else ""


def escape(text: str) -> str:
    """Control characters made visible: names and messages come from strangers."""
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def encodable(text: str, encoding: str) -> str:
    """The text with what the encoding lacks put into words, or else escaped."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        plain = text.translate(_IN_ASCII).encode(encoding, "backslashreplace")
        return plain.decode(encoding)
    return text


def _is_terminal(stream: Any) -> bool:
    """Whether the stream is a terminal that knows how to clear a line."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def is_wanted(event: LogEvent) -> bool:
    """Whether an event below a warning says anything to a user."""
    warns = _rank(event) > _RANKS[LogLevel.info]
    return warns or not str(event.get("log_namespace", "")).startswith(_QUIET)


def _rank(event: LogEvent) -> int:
    """How severe an event is; less than any if it does not say."""
    return _RANKS.get(event.get("log_level"), -1)


def both(one: ILogObserver, other: ILogObserver) -> ILogObserver:
    """An observer that tells two."""

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        one(event)
        other(event)

    return cast(ILogObserver, observe)


def filtered(console: Callable[[LogEvent], None], level: str) -> ILogObserver:
    """An observer, told only events of `level` ("debug", "info", ...) and above."""
    least = _RANKS[LogLevel.levelWithName(level)]

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        if _rank(event) >= least and is_wanted(event):
            console(event)

    return cast(ILogObserver, observe)


def log_file(path: str) -> LogFile:
    """A file to log to, kept to a size."""
    name = os.path.abspath(path)
    return LogFile(
        os.path.basename(name),
        os.path.dirname(name),
        rotateLength=LOG_FILE_SIZE,
        maxRotatedFiles=LOG_FILES,
    )
