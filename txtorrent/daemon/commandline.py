"""What the command lines of our twistd plugins share: help, mistakes, and where log lines go."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

from twisted.logger import ILogObserver, Logger, LogLevel
from twisted.python import usage

from txtorrent import __version__
from txtorrent.daemon.console import Console, both, filtered, log_file
from txtorrent.daemon.errors import UserError

T = TypeVar("T")

DEFAULT_LOG_LEVEL: Final = "info"
LOG_LEVELS: Final = ("debug", "info", "warn", "error", "critical")

_log = Logger()


class CommandLine(usage.Options):
    """Options of a plugin, which have "log-level" and "log-json" among them.

    A mistake is a `UserError` that begins with the plugin's name. `description` is the text above
    the options in the help, `plugin` the word behind twistd, `synopsis` the first line.
    """

    description: str
    plugin: str
    synopsis: str
    parent: Any
    console: Console
    """Standard output: the live line if that is a terminal, and log lines unless told otherwise."""
    log: Console
    """Where log lines go; often the console."""
    _log_path: str | None = None
    _also: ILogObserver | None = None

    def getUsage(self, width: int | None = None) -> str:
        """The whole help; the description keeps its lines."""
        table = super().getUsage(width).partition("Options:\n")[2]
        return f"{self.description}\n\nOptions:\n{table.rstrip()}\n"

    def getSynopsis(self) -> str:
        """The first line of the help."""
        return self.synopsis

    def opt_help(self) -> None:
        """Display this help and exit."""
        _print_and_exit(str(self).rstrip("\n"))

    def opt_version(self) -> None:
        """Show the version and exit."""
        _print_and_exit(f"txtorrent {__version__}")

    def parseOptions(self, options: Any = None) -> None:
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except usage.UsageError as error:
            text = f"{error} (see twistd {self.plugin} --help)"
            raise UserError(text, self.plugin) from None
        except UserError as error:
            raise UserError(error.text, self.plugin) from None

    def direct_log(self, also: ILogObserver | None = None) -> None:
        """Tell the program that runs us, once all options are known. `also` gets every line."""
        parent = self.parent if self.parent is not None else {}
        background = "nodaemon" in parent and not parent["nodaemon"]
        self._also = also
        self.console = Console(sys.stdout, self._logs_json(), live=not background)
        self.log = self.console
        if "nodaemon" in parent:
            self._log_under_twistd(parent, background)
        elif parent:
            self._log_under_twist(parent)

    def complain(self, text: str) -> None:
        """Why it could not start: one line on the real standard error, for twistd has `sys.stderr`
        write to the log by now."""
        if self.log is not self.console:
            _log.critical("could not start: {why}", why=text)
        print(f"{self.plugin}: {text}", file=sys.__stderr__, flush=True)

    def log_observer(self) -> ILogObserver:
        """To be called once the process is in the background, if that is where it goes."""
        if self._log_path is not None:
            self.log = Console(log_file(self._log_path), self._logs_json(), live=False)
        shown = filtered(self.log, self["log-level"])
        return shown if self._also is None else both(shown, self._also)

    def _logs_json(self) -> bool:
        return bool(self["log-json"])

    def _log_under_twistd(self, twistd: Any, background: bool) -> None:
        """twistd takes an observer by name only, and its own options come first."""
        global _chosen
        path = twistd.get("logfile")
        to_file = background if path is None else path != "-"
        if twistd.get("logger") or twistd.get("syslog") or (background and path == "-"):
            return
        self._log_path = (path or "twistd.log") if to_file else None
        _chosen = self
        twistd["logger"] = f"{__name__}.log_observer"

    def _log_under_twist(self, twist: Any) -> None:
        """twist opens its --log-file itself, and has a level and a format of its own."""
        json = self._logs_json() or twist.get("logFormat") == "json"
        if self["log-level"] == DEFAULT_LOG_LEVEL:
            self["log-level"] = twist["logLevel"].name
        if twist["logFile"] is not sys.stdout:
            self.log = Console(twist["logFile"], json, live=False)
        elif json:
            self.log = self.console = Console(sys.stdout, json)
        twist["fileLogObserverFactory"] = lambda stream: self.log_observer()
        twist["logLevel"] = LogLevel.levelWithName(self["log-level"])


_chosen: CommandLine


def log_observer() -> ILogObserver:
    """The observer that the command line asked for, by a name that twistd can find."""
    return _chosen.log_observer()


def checked(option: str, parse: Callable[[str], T], text: str) -> T:
    """An option's value, as `parse` gives it. UserError, from its ValueError."""
    try:
        return parse(text)
    except ValueError as error:
        raise UserError(f"{option}: {error}") from None


def whole(text: str, least: int, most: int) -> int:
    """The whole number that an option says. ValueError with words for the user."""
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ValueError(f"{text!r} is no whole number from {least} to {most}")
    return int(text)


def _print_and_exit(text: str) -> NoReturn:
    """Also where the reader goes away before the end, as in `--help | head`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)
