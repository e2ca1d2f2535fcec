"""The twistd plugin: from the command line to a running session, and to its end.

This is the one place that takes the reactor from where Twisted keeps it.
"""

import atexit
import os
import sys
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import ILogObserver, Logger, LogLevel
from twisted.python.failure import Failure

from txtorrent.address import Address, canonical_host
from txtorrent.daemon import process
from txtorrent.daemon.checks import explain_port
from txtorrent.daemon.console import Console, filtered, log_file
from txtorrent.daemon.options import DEFAULT_LOG_LEVEL, StopWhen
from txtorrent.daemon.options import Options as _Options
from txtorrent.daemon.report import describe_all, is_busy
from txtorrent.session import DuplicateTorrent, Session, SessionOptions, Supervised
from txtorrent.storage.disk import Disk
from txtorrent.storage.filepool import default_limit
from txtorrent.storage.journal import StateInUse
from txtorrent.torrent.life import State
from txtorrent.torrent.shared import TorrentOptions

REPORT_EVERY: Final = 10
"""Seconds between progress lines in a log; a terminal's live line changes every second."""

START_LIMIT: Final = 1.0
"""Seconds that a start under way is given to end by itself before everything is stopped."""

_log = Logger()


class Options(_Options):
    """The command line; also tells twistd or twist where log lines go."""

    console: Console
    """Standard output: the live line if that is a terminal, and log lines unless told otherwise."""
    log: Console
    """Where log lines go; often the console."""
    _log_path: str | None = None

    def postOptions(self) -> None:
        super().postOptions()
        parent = self.parent if self.parent is not None else {}
        background = "nodaemon" in parent and not parent["nodaemon"]
        self.console = Console(sys.stdout, self._logs_json(), live=not background)
        self.log = self.console
        if "nodaemon" in parent:
            self._log_under_twistd(parent, background)
        elif parent:
            self._log_under_twist(parent)

    def _logs_json(self) -> bool:
        return bool(self["log-json"])

    def _log_under_twistd(self, twistd: Any, background: bool) -> None:
        """twistd takes an observer by name only, and its own options come first."""
        global _options
        path = twistd.get("logfile")
        to_file = background if path is None else path != "-"
        if twistd.get("logger") or twistd.get("syslog") or (background and path == "-"):
            return
        self._log_path = (path or "twistd.log") if to_file else None
        _options = self
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

    def log_observer(self) -> ILogObserver:
        """To be called once the process is in the background, if that is where it goes."""
        if self._log_path is not None:
            self.log = Console(log_file(self._log_path), self._logs_json(), live=False)
        return filtered(self.log, self["log-level"])


_options: Options


def log_observer() -> ILogObserver:
    """The observer that the command line asked for, by a name that twistd can find."""
    return _options.log_observer()


class TorrentService(Service):
    """Runs one session for as long as the application runs.

    `disk` is given by tests only; otherwise the session makes its own.
    """

    def __init__(self, reactor: Any, options: Options, disk: Disk | None = None) -> None:
        self._reactor = reactor
        self._disk = disk
        self._options = options
        self._stop_when: StopWhen = options["stop-when"]
        self._console: Console = options.console
        self._session: Session | None = None
        self._reporter = Supervised(reactor, 1.0, self._report)
        self._reports = 0
        self._starting: Deferred[None] = succeed(None)
        self._failed = False

    def privilegedStartService(self) -> None:
        """Take the port while a port below 1024 may still be taken."""
        self._session = self._make_session()
        try:
            self._session.listen()
        except CannotListenError:
            self._could_not_start(Failure())

    def _make_session(self) -> Session:
        descriptors = process.raise_descriptor_limit()
        options = self._options
        wanted = options["max-connections"]
        connections = process.connections_within(descriptors, default_limit(), wanted)
        return Session(
            self._reactor,
            SessionOptions(
                state=options["state"],
                port=options["port"],
                interface=options["interface"],
                download_rate=options["download-rate"],
                upload_rate=options["upload-rate"],
                connections=connections,
            ),
            self._disk,
        )

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        if self._session is None and not self._failed:
            self.privilegedStartService()  # twist leaves that out
        if self._failed:
            return
        process.keep_freed_memory()
        process.collect_seldom()
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._could_not_start)

    def stopService(self) -> "Deferred[None]":
        super().stopService()  # type: ignore[no-untyped-call]
        self._reporter.stop()
        self._console.show("")
        session, self._session = self._session, None
        if session is None:
            return succeed(None)
        if not self._failed:
            _log.info("stopping: telling trackers, saving progress")
        self._starting.addTimeout(START_LIMIT, self._reactor)
        return self._starting.addCallback(lambda _: self._stop(session))

    def _stop(self, session: Session) -> "Deferred[None]":
        said = not self._failed
        return session.stop().addCallback(lambda _: _log.info("stopped") if said else None)

    async def _start(self) -> None:
        session, options = self._session, self._options
        assert session is not None
        await session.start()
        if not self.running:
            return
        where = options["interface"] or "all addresses"
        _log.info("listening on port {port} of {where}", port=session.port, where=where)
        peers = await self._resolve(options.peers)
        if not self.running:
            return
        for metainfo in options.metainfos:
            session.add(
                metainfo,
                TorrentOptions(
                    directory=options["directory"],
                    max_peers=options["max-peers"],
                    allocation=options["allocation"],
                    peers=peers,
                    trust_trackers=True,
                    recheck=bool(options["recheck"]),
                ),
            )
        process.freeze_what_is_loaded()
        self._reporter.start()

    async def _resolve(self, peers: list[tuple[str, int]]) -> tuple[Address, ...]:
        """The addresses of the peers that the user named; a name that is none is only logged."""
        addresses = []
        for host, port in peers:
            try:
                numeric = await self._reactor.resolve(host) if ":" not in host else host
                addresses.append(Address(canonical_host(numeric), port))
            except Exception as error:
                _log.error("--peer {host}: {error}", host=host, error=str(error))
        return tuple(addresses)

    def _could_not_start(self, failure: Failure) -> None:
        """Too late for the command line to refuse it: say it, and end with status 1."""
        error = failure.value
        if not self.running:
            return  # it was to be stopped before it had begun
        self._failed = True
        if isinstance(error, (StateInUse, OSError, DuplicateTorrent, CannotListenError)):
            self._complain(_explain(error, self._options))
        else:
            _log.failure("an error of ours while starting", failure)
        self._end(1)

    def _complain(self, text: str) -> None:
        """One line on the real standard error: twistd has `sys.stderr` write to the log by now."""
        if self._options.log is not self._console:
            _log.critical("could not start: {why}", why=text)
        print(f"txtorrent: {text}", file=sys.__stderr__, flush=True)

    def _end(self, status: int) -> None:
        if status:
            atexit.register(_exit, status)
        self._reactor.callWhenRunning(self._reactor.stop)

    # -- reports -----------------------------------------------------------------------------

    def _report(self) -> None:
        assert self._session is not None
        torrents = list(self._session.torrents.values())
        self._reports += 1
        console = self._console
        if console.is_live:
            console.show(describe_all(torrents, console.width))
        shown = console.is_live and self._options.log is console
        if not shown and self._reports % REPORT_EVERY == 0 and any(map(is_busy, torrents)):
            _log.info("{report}", report=describe_all(torrents))
        if self._stop_when.ratio is not None and all(map(self._is_done, torrents)):
            _log.info("done, as --stop-when says")
            self._reporter.stop()
            self._end(0)

    def _is_done(self, torrent: Any) -> bool:
        ratio = self._stop_when.ratio
        return torrent.state is State.SEEDING and torrent.progress.ratio >= (ratio or 0.0)


def _explain(error: Exception, options: Options) -> str:
    """Why it could not start, and what to do, in one line."""
    if isinstance(error, CannotListenError):
        return explain_port(options["interface"], options["port"], error.socketError)
    if isinstance(error, StateInUse):
        return f"--state: {error}"
    if isinstance(error, OSError):
        return f"--state {options['state']}: {error.strerror or error}"
    return str(error)


def _exit(status: int) -> None:
    """twistd itself always ends with 0."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def makeService(options: Options) -> TorrentService:
    """For twistd and twist."""
    from twisted.internet import reactor

    process.make_clock_monotonic(reactor)
    reactor.callWhenRunning(process.end_at_signals, reactor)
    return TorrentService(reactor, options)
