"""The daemon's command line: every option, checked before anything is begun.

A mistake raises `UserError`: one line that says what is wrong and what to do.
"""

import os
import re
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeVar

from attrs import frozen
from twisted.python import usage

from txtorrent import __version__
from txtorrent.address import canonical_host, split_host_port
from txtorrent.daemon import checks
from txtorrent.daemon.errors import UserError
from txtorrent.metainfo.torrentfile import Metainfo, MetainfoError, load
from txtorrent.session import DEFAULT_CONNECTIONS, DEFAULT_PORT
from txtorrent.torrent.shared import DEFAULT_MAX_PEERS, Allocation
from txtorrent.units import parse_size

T = TypeVar("T")
SYNOPSIS: Final = "Usage: twistd -n txtorrent [options] --torrent FILE [--torrent FILE ...]"
DEFAULT_LOG_LEVEL: Final = "info"
LOG_LEVELS: Final = ("debug", "info", "warn", "error", "critical")


@frozen
class StopWhen:
    """When the daemon ends by itself: `ratio` is None for never, 0 for "complete"."""

    ratio: float | None = None

    @classmethod
    def parse(cls, text: str) -> "StopWhen":
        """From "never", "complete" or "ratio:1.5"; ValueError."""
        if text == "never":
            return cls(None)
        if text == "complete":
            return cls(0.0)
        match = re.fullmatch(r"ratio:(\d+(?:\.\d+)?)", text)
        if match is None:
            raise ValueError(f"{text!r}: write complete, never, or ratio: and a number")
        return cls(float(match[1]))


def default_state() -> str:
    """`$XDG_STATE_HOME/txtorrent`, or `~/.local/state/txtorrent`."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(base, "txtorrent")


class Options(usage.Options):
    """Options of `twistd txtorrent` and `twist txtorrent`."""

    description = """
Downloads the content of the given torrents, verifies every piece, and seeds it
until it is stopped. Content that is there already is checked and kept; what was
verified once is not hashed or downloaded again after a restart, not even after
a crash.

Examples:

  twistd -n txtorrent --torrent debian.torrent
  twistd -n txtorrent --torrent a.torrent --torrent b.torrent \\
      --directory /srv/seed --upload-rate 5MB
  twistd -n txtorrent --torrent x.torrent --stop-when complete

Ctrl-C, SIGINT or SIGTERM ends it in good order, within ten seconds: trackers
are told, progress is saved; a second one ends it at once. Exit status: 0, or 1
when it could not start (one line on standard error says why).

Without -n, twistd puts it into the background and logs to twistd.log. Options
of twistd itself, such as --logfile, --pidfile and --uid, come before the word
txtorrent: see twistd --help."""

    optFlags = [
        ["recheck", None, "Hash all content again, whatever the saved state says."],
        ["log-json", None, "Log one JSON object a line, for machines."],
    ]

    optParameters = [
        ["directory", "d", "downloads", "Directory for the content; made if missing."],
        ["state", "s", None, "Directory for progress; each daemon needs its own. "
         "[default: $XDG_STATE_HOME/txtorrent or ~/.local/state/txtorrent]"],
        ["port", "p", DEFAULT_PORT, "TCP port for peers; 0 takes any free one."],
        ["interface", "i", None, "IP address to listen on and connect from. [default: all]"],
        ["max-peers", None, DEFAULT_MAX_PEERS, "Most peers of one torrent."],
        ["max-connections", None, DEFAULT_CONNECTIONS, "Most connections of all torrents "
         "together; fewer where open files are limited."],
        ["download-rate", None, "0", "Most bytes a second that all torrents "
         "together download, as in 5MB or 512KiB; 0 is no limit."],
        ["upload-rate", None, "0", "The same for what they upload."],
        ["allocation", None, "sparse", "sparse takes disk space as pieces come; "
         "full takes all of it first."],
        ["stop-when", None, "never", "End when every torrent is complete (complete) or has "
         "uploaded so many times its size (ratio:1.5); or seed on (never)."],
        ["log-level", None, DEFAULT_LOG_LEVEL, f"Least severity to log: {', '.join(LOG_LEVELS)}."],
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.metainfos: list[Metainfo] = []
        self.peers: list[tuple[str, int]] = []
        self._files: list[str] = []

    def getUsage(self, width: int | None = None) -> str:
        """The whole help; the description keeps its lines."""
        table = super().getUsage(width).partition("Options:\n")[2]
        return f"{self.description}\n\nOptions:\n{table.rstrip()}\n"

    def getSynopsis(self) -> str:
        """The first line of the help."""
        return SYNOPSIS

    def opt_help(self) -> None:
        """Display this help and exit."""
        _print_and_exit(str(self).rstrip("\n"))

    def opt_version(self) -> None:
        """Show the version and exit."""
        _print_and_exit(f"txtorrent {__version__}")

    def opt_torrent(self, path: str) -> None:
        """A .torrent file to download and seed (repeatable)."""
        self._files.append(path)

    opt_t = opt_torrent

    def opt_peer(self, text: str) -> None:
        """HOST:PORT of a peer to try beside those that trackers know (repeatable)."""
        self.peers.append(_checked("--peer", _peer, text))

    def parseOptions(self, options: Any = None) -> None:
        try:
            super().parseOptions(options)  # type: ignore[no-untyped-call]
        except usage.UsageError as error:
            raise UserError(f"{error} (see twistd txtorrent --help)") from None

    def parseArgs(self, *args: str) -> None:
        if args:
            raise UserError(f"{args[0]!r} is no option; to add a torrent write --torrent {args[0]}")

    def postOptions(self) -> None:
        self._convert("download-rate", parse_size)
        self._convert("upload-rate", parse_size)
        self._convert("stop-when", StopWhen.parse)
        self._convert("port", lambda text: _number(text, 0, 65535))
        self._convert("max-peers", lambda text: _number(text, 1, 100_000))
        self._convert("max-connections", lambda text: _number(text, 1, 1_000_000))
        self._convert("allocation", _allocation)
        self._convert("log-level", _log_level)
        if self["interface"] is not None:
            self._convert("interface", _interface)
        self["state"] = os.path.abspath(self["state"] or default_state())
        self["directory"] = os.path.abspath(self["directory"])
        self._load_torrents()
        self._check_surroundings()
        directories = {"--directory": self["directory"], "--state": self["state"]}
        checks.make_directories(directories)

    def _convert(self, name: str, parse: Callable[[str], Any]) -> None:
        self[name] = _checked(f"--{name}", parse, str(self[name]))

    def _check_surroundings(self) -> None:
        """What can be found wrong only now, while nothing has been made yet."""
        checks.check_directory("--directory", self["directory"])
        checks.check_directory("--state", self["state"])
        if self["allocation"] is Allocation.FULL:
            checks.check_space(self["directory"], self.metainfos)
        checks.check_state(self["state"])
        checks.check_port(self["interface"], self["port"])

    def _load_torrents(self) -> None:
        if not self._files:
            raise UserError("no torrent given: add --torrent FILE (see twistd txtorrent --help)")
        loaded: dict[bytes, str] = {}
        for path in self._files:
            try:
                metainfo = load(path)
            except MetainfoError as error:
                raise UserError(str(error)) from None
            if metainfo.info_hash not in loaded:
                loaded[metainfo.info_hash] = path
                self.metainfos.append(metainfo)


def _print_and_exit(text: str) -> NoReturn:
    """Also where the reader goes away before the end, as in `--help | head`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(0)


def _checked(option: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise UserError(f"{option}: {error}") from None


def _number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ValueError(f"{text!r} is no whole number from {least} to {most}")
    return int(text)


def _peer(text: str) -> tuple[str, int]:
    host, port = split_host_port(text)
    if not port:
        raise ValueError(f"{text!r}: nobody can be reached at port 0")
    return host, port


def _interface(text: str) -> str:
    try:
        return canonical_host(text)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address: write one that this machine has") from None


def _allocation(text: str) -> Allocation:
    try:
        return Allocation(text)
    except ValueError:
        raise ValueError(f"{text!r}: write sparse or full") from None


def _log_level(text: str) -> str:
    if text not in LOG_LEVELS:
        raise ValueError(f"{text!r}: write one of {', '.join(LOG_LEVELS)}")
    return text
