"""The daemon's command line: every option, checked before anything is begun.

A mistake raises `UserError`: one line that says what is wrong and what to do.
"""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from attrs import frozen

from txtorrent.address import canonical_host, split_host_port
from txtorrent.config import words
from txtorrent.config.document import ConfigError
from txtorrent.daemon import checks
from txtorrent.daemon.commandline import DEFAULT_LOG_LEVEL, LOG_LEVELS, CommandLine, checked, whole
from txtorrent.daemon.errors import UserError
from txtorrent.metainfo.magnet import Magnet
from txtorrent.metainfo.magnet import parse as parse_magnet
from txtorrent.metainfo.torrentfile import Metainfo, MetainfoError, load
from txtorrent.session import DEFAULT_CONNECTIONS, DEFAULT_PORT
from txtorrent.settings.file import default_path, read
from txtorrent.settings.settings import SettingError, Settings
from txtorrent.torrent.shared import DEFAULT_MAX_PEERS, Allocation
from txtorrent.units import parse_size

T = TypeVar("T")
NO_CONTROL: Final = "none"
"""In place of an endpoint: nobody can control this daemon."""


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


SETTINGS_OF: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "directory": ("download_dir", os.path.abspath),
    "state": ("state_dir", os.path.abspath),
    "port": ("peer_port", lambda text: whole(text, 0, 65535)),
    "interface": ("interface", lambda text: _interface(text)),
    "max-peers": ("peer_limit_per_torrent", lambda text: whole(text, 1, 100_000)),
    "max-connections": ("peer_limit_global", lambda text: whole(text, 1, 1_000_000)),
    "allocation": ("allocation", lambda text: _allocation(text)),
    "log-level": ("log_level", lambda text: _log_level(text)),
    "log-json": ("log_json", bool),
    "no-dht": ("dht_enabled", lambda given: not given),
}
"""Options that are settings too."""
RATES: Final = {"download-rate": "speed_limit_down", "upload-rate": "speed_limit_up"}


class Options(CommandLine):
    """Options of `twistd txtorrent` and `twist txtorrent`."""

    plugin = "txtorrent"
    synopsis = "Usage: twistd -n txtorrent [options] [--torrent FILE_OR_MAGNET ...]"

    description = """
A BitTorrent seedbox. Runs the torrents of its list: downloads their content,
verifies every piece, and seeds until it is told otherwise. The list, and what
was verified, outlive restarts and crashes. It is controlled over a local
socket, by the command txtorrent and by every program that can control
Transmission.

--torrent adds a torrent to the list. Content that is there already is checked
and kept.

Examples:

  twistd -n txtorrent
  twistd -n txtorrent --torrent debian.torrent
  twistd -n txtorrent --torrent 'magnet:?xt=urn:btih:...'
  twistd -n txtorrent --torrent a.torrent --torrent b.torrent \\
      --directory /srv/seed --upload-rate 5MB
  twistd -n txtorrent --torrent x.torrent --stop-when complete

What is given here counts before the settings file (--config), and that before
the defaults, until it is changed over the control socket.

Ctrl-C, SIGINT or SIGTERM ends it in good order, within ten seconds: trackers
are told, progress is saved; a second one ends it at once. Exit status: 0, or 1
when it could not start (one line on standard error says why).

Without -n, twistd puts it into the background and logs to twistd.log. Options
of twistd itself, such as --logfile, --pidfile and --uid, come before the word
txtorrent: see twistd --help."""

    optFlags = [
        ["recheck", None, "Hash all content again, whatever the saved state says."],
        ["no-dht", None, "Have no node of the DHT, which finds peers without a tracker."],
        ["log-json", None, "Log one JSON object a line, for machines."],
    ]

    optParameters = [
        ["config", "c", None, "Settings file. "
         "[default: $XDG_CONFIG_HOME/txtorrent/config.toml or ~/.config/...]"],
        ["directory", "d", None, "Directory for the content; made if missing. "
         "[default: ~/Downloads]"],
        ["state", "s", None, "Directory for the list of torrents and their progress; each daemon "
         "needs its own. [default: $XDG_STATE_HOME/txtorrent or ~/.local/state/txtorrent]"],
        ["port", "p", None, "TCP port for peers, and UDP port of the DHT; 0 takes any free one. "
         f"[default: {DEFAULT_PORT}]"],
        ["interface", "i", None, "IP address to listen on and connect from. [default: all]"],
        ["max-peers", None, None, "Most peers of one torrent. "
         f"[default: {DEFAULT_MAX_PEERS}]"],
        ["max-connections", None, None, "Most connections of all torrents together; fewer where "
         f"open files are limited. [default: {DEFAULT_CONNECTIONS}]"],
        ["download-rate", None, None, "Most bytes a second that all torrents together download, "
         "as in 5MB or 512KiB; 0 is no limit."],
        ["upload-rate", None, None, "The same for what they upload."],
        ["allocation", None, None, "sparse takes disk space as pieces come; full takes all of it "
         "first. [default: sparse]"],
        ["stop-when", None, "never", "End when every torrent given by --torrent (without one: of "
         "the list) is complete (complete) or has uploaded so many times its size (ratio:1.5); "
         "or seed on (never)."],
        ["log-level", None, None, f"Least severity to log: {', '.join(LOG_LEVELS)}. "
         f"[default: {DEFAULT_LOG_LEVEL}]"],
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.metainfos: list[Metainfo] = []
        self.sources: list[bytes | str] = []
        """The torrents to add: what a .torrent file holds, or a magnet link."""
        self.peers: list[tuple[str, int]] = []
        self.endpoints: list[str] = []
        self.settings = Settings()
        self.config_dir = ""
        self._file: dict[str, Any] = {}
        self._command_line: dict[str, Any] = {}
        self._files: list[str] = []

    def opt_torrent(self, source: str) -> None:
        """A .torrent file or a magnet link to download and seed (repeatable)."""
        self._files.append(source)

    opt_t = opt_torrent

    def opt_control(self, endpoint: str) -> None:
        """A Twisted server endpoint to be controlled at, such as unix:/run/x.sock or tcp:9091:interface=127.0.0.1 (repeatable); or none. [default: the UNIX socket $XDG_RUNTIME_DIR/txtorrent/control.sock or /run/txtorrent/control.sock]"""  # noqa: E501 - one line of the help
        self.endpoints.append(checked("--control", _endpoint, endpoint))

    def opt_peer(self, text: str) -> None:
        """HOST:PORT of a peer to try beside those that trackers know (repeatable)."""
        self.peers.append(checked("--peer", _peer, text))

    def parseArgs(self, *args: str) -> None:
        if args:
            raise UserError(f"{args[0]!r} is no option; to add a torrent write --torrent {args[0]}")

    def postOptions(self) -> None:
        self._convert("stop-when", StopWhen.parse)
        self._read_settings()
        get = self.settings.get
        self["directory"] = get("download_dir")
        self["state"] = get("state_dir") or default_state()
        self["port"] = 0 if get("peer_port_random_on_start") else get("peer_port")
        self["interface"] = get("interface") or None
        self["allocation"] = Allocation(get("allocation"))
        self["log-level"], self["log-json"] = get("log_level"), get("log_json")
        self._load_torrents()
        self._check_surroundings()
        directories = {"--directory": self["directory"], "--state": self["state"]}
        checks.make_directories(directories)

    def settings_with(self, stored: Mapping[str, Any]) -> Settings:
        """The settings, with what was changed while earlier runs lasted."""
        return Settings(self._file, stored, self._command_line)

    def _read_settings(self) -> None:
        path = self["config"] or default_path()
        self.config_dir = os.path.dirname(os.path.abspath(path))
        try:
            self._file = read(path)
        except ConfigError as error:
            raise UserError(str(error)) from None
        except OSError as error:
            if self["config"] is not None or not isinstance(error, FileNotFoundError):
                raise UserError(f"--config {path}: {error.strerror or error}") from None
        for option, (name, parse) in SETTINGS_OF.items():
            if self[option] not in (None, 0):  # a flag that is not given is 0
                self._command_line[name] = checked(f"--{option}", parse, self[option])
        for option, name in RATES.items():
            if self[option] is not None:
                rate = checked(f"--{option}", parse_size, self[option])
                self._command_line |= {name: rate, f"{name}_enabled": rate > 0}
        if self.endpoints:
            self._command_line["control_endpoints"] = [e for e in self.endpoints if e != NO_CONTROL]
        try:
            self.settings = self.settings_with({})
        except SettingError as error:
            raise UserError(str(error)) from None

    def _convert(self, name: str, parse: Callable[[str], Any]) -> None:
        self[name] = checked(f"--{name}", parse, str(self[name]))

    def _check_surroundings(self) -> None:
        """What can be found wrong only now, while nothing has been made yet."""
        checks.check_directory("--directory", self["directory"])
        checks.check_directory("--state", self["state"])
        if self["allocation"] is Allocation.FULL:
            checks.check_space(self["directory"], self.metainfos)
        checks.check_state(self["state"])
        checks.check_port(self["interface"], self["port"])

    def _load_torrents(self) -> None:
        loaded: dict[bytes, str] = {}
        for path in self._files:
            try:
                given = parse_magnet(path) if path[:7].lower() == "magnet:" else load(path)
            except MetainfoError as error:
                raise UserError(str(error)) from None
            if given.info_hash not in loaded:
                loaded[given.info_hash] = path
                self._take(given)

    def _take(self, given: Metainfo | Magnet) -> None:
        if isinstance(given, Magnet):
            self.sources.append(given.link)
        else:
            self.metainfos.append(given)
            self.sources.append(given.raw)


def _peer(text: str) -> tuple[str, int]:
    host, port = split_host_port(text)
    if not port:
        raise ValueError(f"{text!r}: nobody can be reached at port 0")
    return host, port


def _endpoint(text: str) -> str:
    return text if text == NO_CONTROL else words.endpoint(text)


def _interface(text: str) -> str:
    try:
        return canonical_host(text)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address: write one that this machine has") from None


def _allocation(text: str) -> str:
    try:
        return Allocation(text).value
    except ValueError:
        raise ValueError(f"{text!r}: write sparse or full") from None


def _log_level(text: str) -> str:
    if text not in LOG_LEVELS:
        raise ValueError(f"{text!r}: write one of {', '.join(LOG_LEVELS)}")
    return text
