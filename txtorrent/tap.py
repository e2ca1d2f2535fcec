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
from twisted.python import usage
from twisted.python.failure import Failure

from txtorrent.address import Address, canonical_host
from txtorrent.daemon import process
from txtorrent.daemon.console import Console, filtered, standard_console
from txtorrent.daemon.options import Options as _Options
from txtorrent.daemon.options import StopWhen
from txtorrent.daemon.report import describe_all, is_busy
from txtorrent.session import (
    DEFAULT_CONNECTIONS,
    DuplicateTorrent,
    Session,
    SessionOptions,
    Supervised,
)
from txtorrent.storage.filepool import default_limit
from txtorrent.storage.journal import StateInUse
from txtorrent.storage.lockfile import lock
from txtorrent.torrent.life import State
from txtorrent.torrent.shared import TorrentOptions

REPORT_EVERY: Final = 10
"""Seconds between progress lines in a log; a terminal's live line changes every second."""

_log = Logger()


class Options(_Options):
    """The command line; also tells twistd or twist where log lines go."""

    def postOptions(self) -> None:
        super().postOptions()
        self.console = standard_console(bool(self["log-json"]))
        if self.parent is not None:
            _redirect_log(self.parent, self)


def _redirect_log(parent: usage.Options, options: Options) -> None:
    """Have `twistd` or `twist` log to our console, unless told to log elsewhere."""
    global _observer
    _observer = filtered(options.console, options["log-level"])
    if "nodaemon" in parent:
        if not (parent.get("logger") or parent.get("logfile") or parent.get("syslog")):
            parent["logger"] = f"{__name__}.log_observer"
    else:
        parent["fileLogObserverFactory"] = lambda stream: log_observer()
        parent["logLevel"] = LogLevel.levelWithName(options["log-level"])


_observer: ILogObserver
"""twistd takes its observer by name only, so it has to be found here."""


def log_observer() -> ILogObserver:
    """The observer that the command line asked for, for twistd."""
    return _observer


class TorrentService(Service):
    """Runs one session for as long as the application runs."""

    def __init__(self, reactor: Any, options: Options) -> None:
        self._reactor = reactor
        self._options = options
        self._stop_when: StopWhen = options["stop-when"]
        self._console: Console = options.console
        self._session: Session | None = None
        self._reporter = Supervised(reactor, 1.0, self._report)
        self._reports = 0
        self._starting: Deferred[None] = succeed(None)

    def privilegedStartService(self) -> None:
        """Take the port while a port below 1024 may still be taken."""
        process.make_clock_monotonic(self._reactor)
        descriptors = process.raise_descriptor_limit()
        options = self._options
        connections = process.connections_within(descriptors, default_limit(), DEFAULT_CONNECTIONS)
        self._session = Session(
            self._reactor,
            SessionOptions(
                state=options["state"],
                port=options["port"],
                interface=options["interface"],
                download_rate=options["download-rate"],
                upload_rate=options["upload-rate"],
                connections=connections,
            ),
        )
        try:
            os.close(lock(options["state"]))
            self._session.listen()
        except (StateInUse, OSError, CannotListenError) as error:
            complain(_explain(error, options))
            raise SystemExit(1) from None

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        if self._session is None:
            self.privilegedStartService()  # twist leaves that out
        process.keep_freed_memory()
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._could_not_start)

    def stopService(self) -> "Deferred[None]":
        super().stopService()  # type: ignore[no-untyped-call]
        self._reporter.stop()
        self._console.show("")
        session, self._session = self._session, None
        if session is None:
            return succeed(None)
        _log.info("stopping: telling trackers, saving progress")
        process.leave_at_next_signal()
        return session.stop().addCallback(lambda _: _log.info("stopped"))

    async def _start(self) -> None:
        session, options = self._session, self._options
        assert session is not None
        await session.start()
        where = options["interface"] or "all addresses"
        _log.info("listening on port {port} of {where}", port=session.port, where=where)
        peers = await self._resolve(options.peers)
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
        """Too late for an exception to reach the command line: say it, and end with status 1."""
        error = failure.value
        if isinstance(error, (StateInUse, OSError, DuplicateTorrent)):
            complain(_explain(error, self._options))
        else:
            _log.failure("an error of ours while starting", failure)
        self._end(1)

    def _end(self, status: int) -> None:
        if status:
            atexit.register(_exit, status)
        self._reactor.callWhenRunning(self._reactor.stop)

    # -- reports -----------------------------------------------------------------------------

    def _report(self) -> None:
        assert self._session is not None
        torrents = list(self._session.torrents.values())
        self._reports += 1
        if self._console.is_live:
            self._console.show(describe_all(torrents, with_bar=True))
        elif self._reports % REPORT_EVERY == 0 and any(map(is_busy, torrents)):
            _log.info("{report}", report=describe_all(torrents))
        if self._stop_when.ratio is not None and all(map(self._is_done, torrents)):
            _log.info("done, as --stop-when says")
            self._end(0)

    def _is_done(self, torrent: Any) -> bool:
        ratio = self._stop_when.ratio
        return torrent.state is State.SEEDING and torrent.progress.ratio >= (ratio or 0.0)


def _explain(error: BaseException, options: Options) -> str:
    """Why it could not start, and what to do, in one line."""
    if isinstance(error, CannotListenError):
        where = f"{options['interface'] or ''}:{options['port']}".lstrip(":")
        why = error.socketError
        return f"port {where}: {getattr(why, 'strerror', why)}; choose another one with --port"
    if isinstance(error, StateInUse):
        return f"{error} (--state)"
    if isinstance(error, OSError):
        return f"--state {options['state']}: {error.strerror or error}"
    return str(error)


def complain(text: str) -> None:
    """One line on the real standard error: twistd has `sys.stderr` write to the log by now."""
    print(f"txtorrent: {text}", file=sys.__stderr__, flush=True)


def _exit(status: int) -> None:
    """twistd itself always ends with 0."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def makeService(options: Options) -> TorrentService:
    """For twistd and twist."""
    from twisted.internet import reactor

    return TorrentService(reactor, options)
