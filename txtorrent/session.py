"""All torrents of one process: the port, the limits, the disk and the state that they share.

session = Session(reactor, SessionOptions(state="/var/lib/x", port=6881))
await session.start()
torrent = session.add(load("x.torrent"), TorrentOptions(directory="/srv"))
...
await session.stop()
"""

import os
import time
from collections.abc import Callable, Sequence
from heapq import nsmallest
from operator import itemgetter
from random import Random, SystemRandom
from typing import Any, Final, cast

from attrs import field, frozen
from twisted.internet import defer
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, gatherResults, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import Address, canonical_host
from txtorrent.extension import donthave, metadata
from txtorrent.extension.interfaces import Kind
from txtorrent.extension.pex import pex_kind
from txtorrent.metainfo.errors import MetainfoError
from txtorrent.metainfo.magnet import Magnet
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.peer.factory import InboundFactory
from txtorrent.peer.interfaces import Refused, Swarm
from txtorrent.peer.udpport import ALL, ALL_IPV4, NO_IPV6
from txtorrent.peer.uploads import make_scratch
from txtorrent.peersources import PeerSources, SourceOptions
from txtorrent.storage.disk import Disk, ThreadLane
from txtorrent.storage.filepool import FilePool
from txtorrent.storage.journal import Journal
from txtorrent.storage.notes import Notes
from txtorrent.supervised import Supervised
from txtorrent.swarm.acceptrate import AcceptRate
from txtorrent.swarm.banlist import BanList
from txtorrent.swarm.blocklist import Blocklist
from txtorrent.swarm.buffers import BufferPool
from txtorrent.torrent.connections import Connections
from txtorrent.torrent.fetch import Fetch
from txtorrent.torrent.limits import CommonLimits
from txtorrent.torrent.reception import Handover
from txtorrent.torrent.shared import Budget, Shared, TorrentOptions
from txtorrent.torrent.torrent import Torrent
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.announcing import Announcing
from txtorrent.tracker.clients import MAX_UNDER_WAY, Trackers
from txtorrent.tracker.turns import MAX_PER_HOST
from txtorrent.wire.handshake import make_peer_id

DEFAULT_PORT: Final = 6881
TICK: Final = 1.0
"""Seconds between looks at time-outs, rates and candidates."""
STOP_LIMIT: Final = 8.5
"""Seconds for everything to end in good order; a stuck disk does not keep the process alive."""
DEFAULT_CONNECTIONS: Final = 4000
"""Connections of all torrents together, where the descriptors allow it."""
MOST_CONNECTIONS: Final = 1_000_000
"""What only the descriptors of the process limit: see `SessionOptions.most_connections`."""
BACKLOG: Final = 512
"""Connections that the kernel holds until they are accepted."""
ROUTER_THREADS: Final = 2
"""For calls to the router, which may block: one more while a slow one is given up."""

_log = Logger()


@frozen
class SessionOptions:
    """How a session is run. Rates are bytes/s, 0 for no limit; port 0 is any free one.

    `connections` are those of all torrents together, `most_connections` what they may be changed
    to while it runs."""

    state: str
    port: int = DEFAULT_PORT
    interface: str | None = None
    download_rate: int = 0
    upload_rate: int = 0
    connections: int = DEFAULT_CONNECTIONS
    most_connections: int = MOST_CONNECTIONS
    tracker_requests: int = MAX_UNDER_WAY
    """Under way at once."""
    tracker_requests_per_host: int = MAX_PER_HOST
    sources: SourceOptions = field(factory=SourceOptions)
    """Where peers are found besides trackers: nowhere, unless that is turned on."""
    extensions: Sequence[Kind] = ()
    """Of the peer wire, besides those that all sessions have: see `extension.interfaces`."""


class DuplicateTorrent(ValueError):
    """The session has this torrent already, or another one with the same files."""


class Session:
    """The torrents of one process. `torrents` has them by info-hash.

    `reactor` provides TCP, UDP, time, names and threads; `disk` and `random` are made unless
    given. `limits` hold for all torrents together, but those that are not to honour them, and
    may be changed. `port` is the port that peers reach us at, known after `listen`. `wake` is
    asked for a torrent that a peer wants and that is not running: it may add it before its
    Deferred fires. `kinds` are the extensions that torrents may have; more may be appended until
    the first torrent is added. When what they apply to has changed, `pex_enabled` say:
    `refresh_extensions`.
    """

    def __init__(
        self,
        reactor: Any,
        options: SessionOptions,
        disk: Disk | None = None,
        random: Random | None = None,
    ) -> None:
        self.torrents: dict[bytes, Torrent] = {}
        self.fetches: dict[bytes, Fetch] = {}
        self.options = options
        self.reactor = reactor
        self.limits = CommonLimits.of(reactor, options.download_rate, options.upload_rate)
        self._random = random or SystemRandom()
        self.disk = disk or Disk.threaded(reactor, os.cpu_count() or 1)
        self.journal = Journal(self.disk.state, options.state)
        self.notes = Notes(self.journal)
        self.sources = PeerSources(
            reactor,
            self._random,
            options.sources,
            self.notes,
            lambda: self.port,
            options.interface,
            self._moved,
            lambda: ThreadLane(reactor, ROUTER_THREADS, "router"),
        )
        self._trackers = Trackers(
            reactor,
            self._random,
            options.interface,
            options.tracker_requests,
            options.tracker_requests_per_host,
        )
        self._factory = InboundFactory(reactor, self._torrent_for, self._refuse)
        self._accept_rate = AcceptRate()
        self._listening: IListeningPort | None = None
        self._shared: Shared | None = None
        self.wake: Callable[[bytes], Deferred[None]] | None = None
        self.pex_enabled = True
        self.kinds: list[Kind] = [
            metadata.KIND,
            pex_kind(lambda: self.pex_enabled),
            donthave.KIND,
            *options.extensions,
        ]
        self._ticker = Supervised(reactor, TICK, self._tick)

    @property
    def port(self) -> int:
        """The TCP port that we listen on."""
        assert self._listening is not None
        return cast(IPv4Address, self._listening.getHost()).port

    def listen(self) -> None:
        """Take the port, of IPv4 and IPv6 alike. CannotListenError when another program has it."""
        self._listening = self._listen_on(self.options.port)

    def relisten(self, port: int) -> None:
        """Have peers reach us at another port from now on; 0 is any free one.

        CannotListenError when another program has it: then nothing was changed. Connections stay.
        """
        before, self._listening = self._listening, self._listen_on(port)
        if before is not None:
            maybeDeferred(before.stopListening)
        self.announcing.port = self.port
        self.sources.port_changed()

    def limit_connections(self, wanted: int) -> None:
        """Have at most so many connections from now on, or as many as are possible; those of least
        use have to go."""
        budget = self._started.budget
        budget.most = min(wanted, self.options.most_connections)
        if budget.used > budget.most:
            swarms = self._connections()
            links = [(swarm.worth(link), link) for swarm in swarms for link in swarm.links()]
            for _, link in nsmallest(budget.used - budget.most, links, key=itemgetter(0)):
                link.close("fewer connections are allowed now")

    async def start(self) -> None:
        """Open the state and begin. StateInUse, OSError: nothing was begun then.

        Connections that came since `listen` find no torrent until one is added.
        """
        if self._listening is None:
            self.listen()
        self.disk.start()
        try:
            await self.journal.open()
            self._shared = self._make_shared()
            await self._restore_bans(self._shared)
            await self.sources.start()
        except BaseException:
            await self._close()
            raise
        self._ticker.start()

    def add(
        self,
        metainfo: Metainfo,
        options: TorrentOptions,
        watcher: Callable[[Torrent], None] | None = None,
        announcer: Announcer | None = None,
        handover: Handover | None = None,
    ) -> Torrent:
        """Add a torrent and start it. DuplicateTorrent.

        `watcher` is called with it soon after its state has become another; for a borrowed
        `announcer`, and for `handover`, see `Torrent`.
        """
        self._refuse_twice(metainfo.info_hash, metainfo.name)
        self._refuse_shared_files(metainfo, options.directory)
        shared = self._started
        torrent = Torrent(metainfo, options, shared, announcer, watcher, handover)
        self.torrents[metainfo.info_hash] = torrent
        torrent.start()
        return torrent

    def add_magnet(
        self,
        magnet: Magnet,
        options: TorrentOptions,
        fetched: Callable[[Fetch], None],
        announcer: Announcer | None = None,
    ) -> Fetch:
        """Look for the metadata of a torrent. DuplicateTorrent.

        `fetched` is called when `Fetch.metainfo` is there, and then mostly wants to `follow` the
        fetch with the torrent; or when `Fetch.error` says why it cannot be used.
        """
        self._refuse_twice(magnet.info_hash, magnet.name or magnet.info_hash.hex())
        fetch = Fetch(magnet, options, self._started, fetched, announcer)
        self.fetches[magnet.info_hash] = fetch
        fetch.start()
        return fetch

    def follow(
        self,
        fetch: Fetch,
        options: TorrentOptions,
        watcher: Callable[[Torrent], None] | None = None,
        announcer: Announcer | None = None,
    ) -> Torrent:
        """Add the torrent whose metadata has come: as `add`, with the connections of the fetch.
        DuplicateTorrent: another torrent has its files; the fetch is there as before."""
        assert fetch.metainfo is not None, "its metadata has not come"
        self._refuse_shared_files(fetch.metainfo, options.directory)
        del self.fetches[fetch.info_hash]
        return self.add(fetch.metainfo, options, watcher, announcer, fetch.release())

    async def fetch(
        self,
        magnet: Magnet,
        options: TorrentOptions,
        watcher: Callable[[Torrent], None] | None = None,
    ) -> Torrent:
        """The torrent of a magnet link, once its metadata has come. DuplicateTorrent;
        MetainfoError: there is none that can be used. Cancelled: the fetch ends."""
        done: Deferred[Fetch] = Deferred()
        fetch = self.add_magnet(magnet, options, done.callback)
        try:
            await done
            if fetch.error is not None:
                raise MetainfoError(fetch.error)
            return self.follow(fetch, options, watcher)
        except BaseException:
            await self.drop(fetch)
            raise

    async def drop(self, fetch: Fetch) -> None:
        """End a fetch."""
        await fetch.stop()
        if self.fetches.get(fetch.info_hash) is fetch:
            del self.fetches[fetch.info_hash]

    async def remove(self, torrent: Torrent) -> None:
        """End a torrent in good order; what is known of its progress stays in the state."""
        await torrent.stop()
        if self.torrents.get(torrent.metainfo.info_hash) is torrent:
            del self.torrents[torrent.metainfo.info_hash]

    @property
    def announcing(self) -> Announcing:
        """What the announcers of all torrents share."""
        return self._started.announcing

    @property
    def files(self) -> FilePool:
        """The open files of all torrents."""
        return self._started.files

    @property
    def bans(self) -> BanList:
        """Who is kept out of every torrent."""
        return self._started.bans

    def stop(self) -> "Deferred[None]":
        """End every torrent in good order, then the rest; fires within ten seconds."""
        stopping = Deferred.fromCoroutine(self._stop())
        stopping.addTimeout(STOP_LIMIT, self.reactor)
        return stopping.addErrback(self._stopped_badly)

    # -- inside ------------------------------------------------------------------------------

    def _listen_on(self, port: int) -> IListeningPort:
        try:
            return self._listen_at(self.options.interface or ALL, port)
        except CannotListenError as error:
            if self.options.interface or _errno(error) not in NO_IPV6:
                raise
            return self._listen_at(ALL_IPV4, port)

    def _listen_at(self, interface: str, port: int) -> IListeningPort:
        listening: IListeningPort = self.reactor.listenTCP(
            port, self._factory, backlog=BACKLOG, interface=interface
        )
        return listening

    def _make_shared(self) -> Shared:
        options, now = self.options, self.reactor
        peer_id = make_peer_id(self._random)
        return Shared(
            reactor=self.reactor,
            random=self._random,
            disk=self.disk,
            files=FilePool(),
            journal=self.journal,
            announcing=Announcing(
                self._trackers,
                now,
                self._random,
                peer_id,
                self.port,
                finders=[self.sources],
                seen_as=self.sources.tracker_saw,
                hosts=lambda: self.sources.hosts,
            ),
            buffers=BufferPool(),
            scratch=make_scratch(),
            limits=self.limits,
            bans=BanList(),
            budget=Budget(options.connections),
            close_host=self.close_host,
            peer_id=peer_id,
            interface=None if options.interface is None else canonical_host(options.interface),
            kinds=self.kinds,
            outside=self.sources,
        )

    @property
    def _started(self) -> Shared:
        assert self._shared is not None, "the session has not been started"
        return self._shared

    def _all(self) -> "tuple[Torrent | Fetch, ...]":
        return (*self.torrents.values(), *self.fetches.values())

    def _connections(self) -> list[Connections]:
        """Of all that runs."""
        return [each.connections for each in self._all() if each.connections is not None]

    def _refuse_twice(self, info_hash: bytes, name: str) -> None:
        if info_hash in self.torrents or info_hash in self.fetches:
            raise DuplicateTorrent(f"{name} is there already")

    def _refuse_shared_files(self, metainfo: Metainfo, directory: str) -> None:
        """Two torrents that write to one file would undo each other's work."""
        for other in self.torrents.values():
            if other.directory == directory and other.name == metainfo.name:
                shared = _paths(metainfo) & _paths(other.metainfo)
                if shared:
                    raise DuplicateTorrent(
                        f"{metainfo.name}: {'/'.join(min(shared))} belongs to another torrent"
                        f" already ({other.metainfo.info_hash.hex()}): give this one a directory"
                        " of its own"
                    )

    async def _restore_bans(self, shared: Shared) -> None:
        now = time.time()
        bans = await self.journal.bans()
        shared.bans.restore(((host, until - now) for host, until in bans), self.reactor.seconds())

    def _torrent_for(self, info_hash: bytes, host: str) -> "Deferred[Swarm]":
        if self.wake is not None and not (info_hash in self.torrents or info_hash in self.fetches):
            woken = self.wake(info_hash)
            return woken.addCallback(lambda _: self._admit(info_hash, host))
        try:
            return succeed(self._admit(info_hash, host))
        except Refused:
            return fail()

    def _admit(self, info_hash: bytes, host: str) -> Swarm:
        wanted = self.torrents.get(info_hash) or self.fetches.get(info_hash)
        connections = wanted.connections if wanted is not None else None
        if connections is None:
            raise Refused("no such torrent here")
        connections.admit(host)
        return connections

    def close_host(self, host: str, reason: str) -> None:
        """End every connection with a host."""
        for connections in self._connections():
            connections.close_host(host, reason)

    def refresh_extensions(self) -> None:
        """Have every torrent look again which extensions apply to it."""
        for each in self._all():
            each.refresh_extensions()

    def block(self, blocklist: Blocklist) -> None:
        """Have no connection with who is on the list, from now on; the list before counts no
        longer."""
        self.bans.blocklist = blocklist
        for connections in self._connections():
            connections.close_blocked()

    def _refuse(self, host: str) -> str | None:
        shared = self._shared
        if shared is None or shared.budget.is_spent:
            return "no more connections"
        now = self.reactor.seconds()
        objection = shared.bans.objection(host, now)
        if objection is not None:
            return objection
        return None if self._accept_rate.allows(host, now) else "too many at once"

    def _moved(self, host: str) -> None:
        """Others see us at another address: candidates are ranked by it (BEP 40)."""
        for connections in self._connections():
            connections.book.know_ourselves(Address(host, self.port))

    def _tick(self) -> None:
        now = self.reactor.seconds()
        for each in self._all():
            try:
                each.tick(now)
            except Exception:
                _log.failure("{name}: an error of ours in its periodic work", name=each.name)

    async def _stop(self) -> None:
        self._ticker.stop()
        await self._stop_listening()
        stopping = [each.stop() for each in self._all()]
        await gatherResults(stopping, consumeErrors=True)
        await self.sources.stop()
        await self._close()

    async def _stop_listening(self) -> None:
        if self._listening is not None:
            listening, self._listening = self._listening, None
            await maybeDeferred(listening.stopListening)
        self._factory.close_waiting()

    async def _close(self) -> None:
        await self._stop_listening()
        await self._trackers.stop()
        await self.journal.close()
        await self.disk.stop()

    def _stopped_badly(self, failure: Failure) -> None:
        if isinstance(failure.value, defer.FirstError):
            failure = failure.value.subFailure
        if failure.check(defer.TimeoutError, defer.CancelledError):
            _log.error("not everything ended within {limit} s, leaving it", limit=STOP_LIMIT)
        else:
            _log.failure("an error of ours while stopping", failure)


def _paths(metainfo: Metainfo) -> set[tuple[str, ...]]:
    return {file.path for file in metainfo.files if not file.pad}


def _errno(error: CannotListenError) -> int | None:
    return getattr(error.socketError, "errno", None)
