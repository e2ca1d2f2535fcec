"""The twistd plugin of the seedbox: from the command line to a running session, and to its end.

Only here, in `trackertap` and in the command is the reactor taken from where Twisted keeps it.
"""

import os
from typing import Any, Final, cast

from attrs import evolve
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.defer import TimeoutError as OutOfTimeError
from twisted.internet.error import CannotListenError
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import Address
from txtorrent.config.document import ConfigError
from txtorrent.control.access import Credentials
from txtorrent.control.interfaces import Session as ControlledSession
from txtorrent.control.logtail import LogTail
from txtorrent.control.server import Control, ControlOptions, default_endpoint, shown_address
from txtorrent.daemon import process
from txtorrent.daemon.checks import explain_port
from txtorrent.daemon.console import Console, filtered
from txtorrent.daemon.errors import UserError
from txtorrent.daemon.hooks import Hooks
from txtorrent.daemon.intake import Intake
from txtorrent.daemon.notify import READY, STOPPING, ServiceManager
from txtorrent.daemon.options import Options as _Options
from txtorrent.daemon.options import StopWhen
from txtorrent.daemon.report import describe_all, is_busy
from txtorrent.daemon.scripts import EVENTS, Scripts
from txtorrent.daemon.watch import WatchDirectories, Watched
from txtorrent.errors import RequestError
from txtorrent.peersources import SourceOptions
from txtorrent.seedbox.entry import SEEDING, Entry
from txtorrent.seedbox.finding import dht_options
from txtorrent.seedbox.preferences import stored_settings
from txtorrent.seedbox.seedbox import Seedbox
from txtorrent.session import MOST_CONNECTIONS, Session, SessionOptions
from txtorrent.settings.settings import Settings
from txtorrent.settings.table import TRACKER_PORT
from txtorrent.storage.disk import Disk
from txtorrent.storage.filepool import default_limit
from txtorrent.storage.journal import StateInUse
from txtorrent.storage.listing import Listing
from txtorrent.supervised import Supervised
from txtorrent.tracker.guard import look_up
from txtorrent.trackerserver.config import TrackerConfig, default, read
from txtorrent.trackerserver.server import CannotStart
from txtorrent.trackerservice import TrackerPart

REPORT_EVERY: Final = 10
"""Seconds between progress lines in a log; a terminal's live line changes every second."""

SURROUNDINGS_LIMIT: Final = 8.0
"""Seconds for scripts and looks at watched directories to end, while the session stops: all has to
be over within ten."""
TRACKER_SHARE: Final = 4
"""A tracker beside the seedbox has one of so many descriptors for its connections."""
TRACKER_STATE: Final = "tracker.swarms"
"""What keeps its swarms over a restart, in the state directory."""
START_LIMIT: Final = 1.0
"""Seconds that a start under way is given to end by itself before everything is stopped."""

_log = Logger()


class Options(_Options):
    """The command line; also tells twistd or twist where log lines go."""

    log_tail: LogTail
    """The last lines, for the control API."""

    tracker: TrackerConfig | None = None
    """Of the tracker that runs beside the seedbox, if one is to."""

    def read_tracker_config(self) -> TrackerConfig:
        """That tracker's settings. UserError. Reads files."""
        path, port = (self.settings.get(f"trackerserver_{name}") for name in ("config", "port"))
        try:
            config = read(path) if path else default()
        except ConfigError as error:
            raise UserError(str(error)) from None
        if config.http == () and config.udp == ():
            raise UserError(f"{path}: nowhere to listen: leave out the empty http, or udp")
        if config.state_file is None:
            config = evolve(config, state_file=os.path.join(self["state"], TRACKER_STATE))
        return config if path and port == TRACKER_PORT else evolve(config, port=port)

    def _check_surroundings(self) -> None:
        if self.settings.get("trackerserver_enabled"):
            self.tracker = self.read_tracker_config()
        super()._check_surroundings()

    def postOptions(self) -> None:
        super().postOptions()
        self.log_tail = LogTail()
        self.direct_log(filtered(self.log_tail, "info"))


class TorrentService(Service):
    """Runs one seedbox for as long as the application runs.

    `disk` is given by tests only; otherwise the session makes its own.
    """

    def __init__(self, reactor: Any, options: Options, disk: Disk | None = None) -> None:
        self._reactor = reactor
        self._disk = disk
        self._options = options
        self._manager = ServiceManager(os.environ)
        self._stop_when: StopWhen = options["stop-when"]
        self._console: Console = options.console
        self._session: Session | None = None
        self._seedbox: Seedbox | None = None
        self._control: Control | None = None
        self._watching: WatchDirectories | None = None
        self._scripts: Scripts | None = None
        self._tracker: TrackerPart | None = None
        self._tracker_listens: Deferred[None] = succeed(None)
        self._named: list[Entry] = []
        self._reporter = Supervised(reactor, 1.0, self._report)
        self._reports = 0
        self._starting: Deferred[None] = succeed(None)
        self._failed = False
        self._is_stopping = False

    def privilegedStartService(self) -> None:
        """Take the ports while those below 1024 may still be taken."""
        descriptors = process.raise_descriptor_limit()
        config = self._options.tracker
        if config is not None:
            share = descriptors // TRACKER_SHARE
            descriptors -= share
            read_again = self._options.read_tracker_config
            self._tracker = TrackerPart(self._reactor, config, read_again, share)
            self._tracker_listens = Deferred.fromCoroutine(self._tracker.listen())
        self._session = self._make_session(descriptors)
        try:
            self._session.listen()
        except CannotListenError:
            self._could_not_start(Failure())

    def _make_session(self, descriptors: int) -> Session:
        options, get = self._options, self._options.settings.get
        most = process.connections_within(descriptors, default_limit(), MOST_CONNECTIONS)
        return Session(
            self._reactor,
            SessionOptions(
                state=options["state"],
                port=options["port"],
                interface=options["interface"],
                connections=min(get("peer_limit_global"), most),
                most_connections=most,
                tracker_requests=get("tracker_requests_at_once"),
                tracker_requests_per_host=get("tracker_requests_per_host"),
                sources=SourceOptions(nodes=dht_options(options.settings)),
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
        self._is_stopping = True
        self._reporter.stop()
        self._console.show("")
        session, self._session = self._session, None
        if session is None:
            return succeed(None)
        self._manager.tell(STOPPING)
        if not self._failed:
            _log.info("stopping: telling trackers, saving progress")
        self._starting.addTimeout(START_LIMIT, self._reactor)
        return self._starting.addCallback(lambda _: Deferred.fromCoroutine(self._stop(session)))

    async def _stop(self, session: Session) -> None:
        said = not self._failed
        control, self._control = self._control, None
        seedbox, self._seedbox = self._seedbox, None
        if control is not None:
            await control.stop()
        surroundings = Deferred.fromCoroutine(self._stop_surroundings())
        if seedbox is not None:
            await seedbox.stop_all()
        await session.stop()
        await surroundings
        self._tracker_listens.addErrback(lambda _: None)  # it has been said, or does not matter
        tracker, self._tracker = self._tracker, None
        if tracker is not None:  # the last one: our own torrents tell it that they stop
            await tracker.stop()
        if said:
            _log.info("stopped")

    async def _stop_surroundings(self) -> None:
        """What brings torrents in, and what is run for them. A directory that hangs does not keep
        us."""
        surroundings = [each for each in (self._watching, self._scripts) if each is not None]
        stopping = gatherResults([each.stop() for each in surroundings])
        stopping.addTimeout(SURROUNDINGS_LIMIT, self._reactor)
        try:
            await stopping
        except OutOfTimeError:
            _log.error("watched directories or scripts hang: leaving them")

    async def _start(self) -> None:
        session, options = self._session, self._options
        assert session is not None
        await self._tracker_listens
        await session.start()
        await self._start_tracker()
        settings = options.settings_with(await stored_settings(Listing(session.journal)))
        for name in settings.overridden:
            _log.info("{name} is as it was changed at run time, not as in the file", name=name)
        seedbox = Seedbox(session, settings, lambda: self._end(0), options.config_dir)
        await seedbox.open()
        self._seedbox = seedbox
        if not self.running:
            return
        self._begin_surroundings(session, seedbox, settings)
        where = options["interface"] or "all addresses"
        _log.info("listening on port {port} of {where}", port=session.port, where=where)
        await self._listen_for_control(seedbox, settings)
        await self._add_named(seedbox)
        process.freeze_what_is_loaded()
        self._manager.tell(READY)
        self._reporter.start()

    async def _start_tracker(self) -> None:
        if self._tracker is not None and self.running:
            process.call_at_hangup(self._reactor, self._tracker.reload)
            await self._tracker.start()

    def _begin_surroundings(self, session: Session, seedbox: Seedbox, settings: Settings) -> None:
        get = settings.get
        commands = {event: get(f"scripts_{event}") for event in EVENTS}
        self._scripts = Scripts(
            self._reactor, commands, get("scripts_at_once"), get("scripts_time_limit")
        )
        seedbox.observe(Hooks(self._scripts.run, seedbox.torrents.values()))
        watched = [Watched.of(record) for record in get("watch")]
        self._watching = WatchDirectories(
            self._reactor, session.disk.read, watched, Intake(seedbox).add
        )
        self._watching.start()

    async def _listen_for_control(self, seedbox: Seedbox, settings: Settings) -> None:
        """Where the user named no endpoint another daemon may have the usual one already."""
        named: list[str] = settings.get("control_endpoints")
        if self._options.endpoints == ["none"]:
            return
        name, password = settings.get("control_username"), settings.secret("control_password")
        control = Control(
            self._reactor,
            # Its methods take entries of its own: those are what control has from it.
            cast(ControlledSession, seedbox),
            named or [default_endpoint(os.environ)],
            ControlOptions(
                credentials=Credentials(name, password) if name else None,
                hosts=settings.get("control_hosts"),
            ),
            self._options.log_tail,
        )
        try:
            await control.start()
        except RequestError as error:
            if named:
                raise
            _log.warn("nobody can control this daemon: {why}", why=error.text)
            return
        self._control = control
        for address in control.addresses:
            _log.info("controlled at {address}", address=shown_address(address))

    async def _add_named(self, seedbox: Seedbox) -> None:
        """The torrents of the command line, and the peers named for them."""
        peers = await self._resolve(self._options.peers)
        for source in self._options.sources:
            if not self.running:
                return
            directory = self._options["directory"]
            wanted = {"directory": directory, "paused": False, "trusted": True}
            added = await seedbox.add(source, wanted)
            entry = added.torrent
            seedbox.name_peers(entry, peers)
            self._named.append(entry)
            if added.is_duplicate:
                await seedbox.start([entry], now=False)
                if self._options["recheck"]:
                    await seedbox.verify([entry])

    async def _resolve(self, peers: list[tuple[str, int]]) -> tuple[Address, ...]:
        """The addresses of the peers that the user named; a name that is none is only logged."""
        addresses: list[Address] = []
        for host, port in peers:
            found = await look_up(self._reactor, host, port)
            if not found:
                _log.error("--peer {host}: the name cannot be resolved", host=host)
            addresses += found
        return tuple(addresses)

    def _could_not_start(self, failure: Failure) -> None:
        """Too late for the command line to refuse it: say it, and end with status 1."""
        error = failure.value
        if self._is_stopping:
            return  # it was to be stopped before it had begun
        self._failed = True
        if isinstance(error, (StateInUse, OSError, RequestError, CannotListenError, CannotStart)):
            self._options.complain(_explain(error, self._options))
        else:
            _log.failure("an error of ours while starting", failure)
        self._end(1)

    def _end(self, status: int) -> None:
        process.end(self._reactor, status)

    # -- reports -----------------------------------------------------------------------------

    def _report(self) -> None:
        assert self._seedbox is not None
        entries = self._seedbox.torrents.values()
        self._reports += 1
        console, busy = self._console, self._seedbox.runner.active
        if console.is_live:
            console.show(describe_all(tuple(entries), console.width))
        shown = console.is_live and self._options.log is console
        if not shown and self._reports % REPORT_EVERY == 0 and any(map(is_busy, busy)):
            _log.info("{report}", report=describe_all(tuple(entries)))
        waited_for = self._named or entries
        if self._stop_when.ratio is not None and all(map(self._is_done, waited_for)):
            _log.info("done, as --stop-when says")
            self._reporter.stop()
            self._end(0)

    def _is_done(self, entry: Entry) -> bool:
        """What a limit of the list has stopped has been seeded enough, too."""
        ratio = self._stop_when.ratio
        return entry.is_finished or (entry.status == SEEDING and entry.ratio >= (ratio or 0.0))


def _explain(error: Exception, options: Options) -> str:
    """Why it could not start, and what to do, in one line."""
    if isinstance(error, CannotListenError):
        return explain_port(options["interface"], options["port"], error.socketError)
    if isinstance(error, StateInUse):
        return f"--state: {error}"
    if isinstance(error, OSError):
        return f"--state {options['state']}: {error.strerror or error}"
    if isinstance(error, CannotStart):
        return f"the tracker: {error}"
    return error.text if isinstance(error, RequestError) else str(error)


def makeService(options: Options) -> TorrentService:
    """For twistd and twist."""
    from twisted.internet import reactor

    process.make_clock_monotonic(reactor)
    reactor.callWhenRunning(process.end_at_signals, reactor)
    return TorrentService(reactor, options)
