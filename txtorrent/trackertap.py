"""The twistd plugin of the tracker: from the command line to a running tracker, and to its end."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve
from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import split_host_port
from txtorrent.config.document import ConfigError
from txtorrent.config.words import endpoint
from txtorrent.daemon import process
from txtorrent.daemon.commandline import DEFAULT_LOG_LEVEL, LOG_LEVELS, CommandLine, checked, whole
from txtorrent.daemon.errors import UserError
from txtorrent.daemon.notify import READY, STOPPING, ServiceManager
from txtorrent.trackerserver import words
from txtorrent.trackerserver.config import TrackerConfig, default, read
from txtorrent.trackerserver.server import CannotStart
from txtorrent.trackerserver.table import PORT
from txtorrent.trackerservice import TrackerPart

STATE_FILE: Final = "txtorrent/tracker.swarms"
"""In $XDG_STATE_HOME: what keeps swarms over a restart, unless the user says otherwise."""
RESERVED: Final = 64
"""Descriptors for all but the connections of HTTP."""

_log = Logger()


class Options(CommandLine):
    """Options of `twistd txtorrent-tracker` and `twist txtorrent-tracker`."""

    plugin = "txtorrent-tracker"
    synopsis = "Usage: twistd -n txtorrent-tracker [options]"
    description = """
A BitTorrent tracker: tells those who share a torrent of each other, over HTTP
and UDP, IPv4 and IPv6. Without options everybody may announce any torrent, at
port 6969: http://HOST:6969/announce and udp://HOST:6969/announce.

Examples:

  twistd -n txtorrent-tracker
  twistd -n txtorrent-tracker --http tcp:80 --udp 192.0.2.7:6969
  twistd -n txtorrent-tracker --config tracker.toml
  twistd -n txtorrent-tracker --store redis://10.0.0.5:6379/0

The settings file says which torrents are tracked and who is served, lists users
with passkeys, and names peers that are always handed out. It may be as short as

  torrentFile = "x.torrent"

  [[peers]]
  ip = "192.0.2.9"
  port = 6881

What is given here counts before the file. SIGHUP has the file, and all that it
names, read again; a file that is wrong then changes nothing.

What it does is shown at http://HOST:6969/stats and, for Prometheus, /metrics,
to addresses of the own network.

Ctrl-C, SIGINT or SIGTERM ends it in good order; what it knows of peers is kept
for the next start. Exit status: 0, or 1 when it could not start (one line on
standard error says why).

Options of twistd itself, such as --logfile, --pidfile and --uid, come before
the word txtorrent-tracker: see twistd --help."""

    optFlags = [
        ["log-json", None, "Log one JSON object a line, for machines."],
    ]

    optParameters = [
        ["config", "c", None, "Settings file, TOML or JSON by its ending."],
        ["port", "p", None, "TCP and UDP port, unless --http or --udp says where. "
         f"[default: {PORT}]"],
        ["store", None, None, "Where swarms are kept: memory, or redis://HOST:PORT/DB for several "
         "trackers together. [default: memory]"],
        ["state", "s", None, "File in which what the memory holds outlives a restart; none for "
         "none. [default: $XDG_STATE_HOME/txtorrent/tracker.swarms or ~/.local/state/...]"],
        ["log-level", None, DEFAULT_LOG_LEVEL, f"Least severity to log: {', '.join(LOG_LEVELS)}."],
    ]  # fmt: skip

    config: TrackerConfig

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._http: list[str] = []
        self._udp: list[str] = []

    def opt_http(self, text: str) -> None:
        """A Twisted server endpoint for HTTP, such as tcp:80 or unix:/run/tracker.sock (repeatable); or none. [default: TCP, at --port of all addresses]"""  # noqa: E501 - one line of the help
        self._http.append(text if text == "none" else checked("--http", endpoint, text))

    def opt_udp(self, text: str) -> None:
        """ADDRESS:PORT for UDP (repeatable); or none. [default: --port of all addresses]"""
        self._udp.append(text if text == "none" else checked("--udp", words.udp_address, text))

    def parseArgs(self, *args: str) -> None:
        if args:
            raise UserError(f"{args[0]!r} is no option (see twistd {self.plugin} --help)")

    def postOptions(self) -> None:
        if self["log-level"] not in LOG_LEVELS:
            known = ", ".join(LOG_LEVELS)
            raise UserError(f"--log-level: {self['log-level']!r}: write one of {known}")
        self._make_paths_absolute()
        self.config = self.read_config()
        self.direct_log()

    def read_config(self) -> TrackerConfig:
        """The settings, with those of the command line. UserError. Reads files."""
        path = self["config"]
        try:
            config = read(path) if path is not None else default()
        except ConfigError as error:
            raise UserError(str(error)) from None
        given = self._given(config)
        if "port" in given:
            self._check_port_counts(config, given)
        config = evolve(config, **given)
        if config.http == () and config.udp == ():
            raise UserError(f"nowhere to listen: leave out {self._nowhere()}")
        return config

    def _make_paths_absolute(self) -> None:
        """They are needed again at SIGHUP, when twistd has gone to its --rundir."""
        if self["state"] == "":
            raise UserError("--state: write a path, or none")
        if self["state"] not in (None, "none"):
            self["state"] = os.path.abspath(self["state"])
        if self["config"] is not None:
            self["config"] = os.path.abspath(self["config"])

    def _check_port_counts(self, config: TrackerConfig, given: Mapping[str, Any]) -> None:
        """It would not where the file says more exactly where to listen. UserError."""
        names = [name for name in ("http", "udp") if name not in given and getattr(config, name)]
        if names:
            instead = " and ".join(f"--{name}" for name in names)
            raise UserError(
                f"--port: {self['config']} says where with {' and '.join(names)}: change that, or"
                f" write {instead}"
            )

    def _nowhere(self) -> str:
        """What says that there is no HTTP, and what that there is no UDP."""
        return " or ".join(
            f"--{name} none" if said else f"the empty {name} of {self['config']}"
            for name, said in (("http", self._http), ("udp", self._udp))
        )

    def _given(self, config: TrackerConfig) -> dict[str, Any]:
        """What the command line says, and what follows from where we are."""
        given: dict[str, Any] = {}
        if self["port"] is not None:
            given["port"] = checked("--port", lambda text: whole(text, 1, 65535), self["port"])
        if self["store"] is not None:
            given["store"] = checked("--store", words.store, self["store"])
        if self._http:
            given["http"] = tuple(each for each in self._http if each != "none")
        if self._udp:
            given["udp"] = tuple(split_host_port(each) for each in self._udp if each != "none")
        if self["state"] is not None:
            given["state_file"] = "" if self["state"] == "none" else self["state"]
        elif config.state_file is None:
            given["state_file"] = default_state()
        return given


class TrackerService(Service):
    """Runs one tracker for as long as the application runs."""

    def __init__(self, reactor: Any, options: Options) -> None:
        self._reactor = reactor
        self._options = options
        self._manager = ServiceManager(os.environ)
        self._tracker: TrackerPart | None = None
        self._starting: Deferred[None] = succeed(None)
        self._has_failed = False

    def privilegedStartService(self) -> None:
        """Take ports below 1024 while that is still possible."""
        room = process.raise_descriptor_limit() - RESERVED
        options = self._options
        self._tracker = TrackerPart(self._reactor, options.config, options.read_config, room)
        self._starting = Deferred.fromCoroutine(self._tracker.listen())
        self._starting.addErrback(self._could_not_start)

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        if self._tracker is None:
            self.privilegedStartService()  # twist leaves that out
        process.collect_seldom()
        self._starting.addCallback(lambda _: Deferred.fromCoroutine(self._start()))
        self._starting.addErrback(self._could_not_start)

    def stopService(self) -> Deferred[None]:
        super().stopService()  # type: ignore[no-untyped-call]
        tracker, self._tracker = self._tracker, None
        if tracker is None or self._has_failed:
            return succeed(None)
        self._manager.tell(STOPPING)
        return self._starting.addCallback(lambda _: Deferred.fromCoroutine(self._stop(tracker)))

    async def _start(self) -> None:
        if self._tracker is None or self._has_failed:
            return
        process.call_at_hangup(self._reactor, self._tracker.reload)
        await self._tracker.start()
        process.freeze_what_is_loaded()
        self._manager.tell(READY)

    async def _stop(self, tracker: TrackerPart) -> None:
        _log.info("stopping")
        await tracker.stop()
        _log.info("stopped")

    def _could_not_start(self, failure: Failure) -> None:
        """Too late for the command line to refuse it: say it, and end with status 1."""
        self._has_failed = True
        if isinstance(failure.value, CannotStart):
            self._options.complain(str(failure.value))
        else:
            _log.failure("an error of ours while starting", failure)
        process.end(self._reactor, 1)


def default_state() -> str:
    """Where what the memory holds is kept, unless the user says otherwise."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(base, STATE_FILE)


def makeService(options: Options) -> TrackerService:
    """For twistd and twist."""
    from twisted.internet import reactor

    process.make_clock_monotonic(reactor)
    reactor.callWhenRunning(process.end_at_signals, reactor)
    return TrackerService(reactor, options)
