"""All torrents of a daemon, and whatever can be asked of them: what the control API talks to.

The governing rule: a change is made in memory at once and its Deferred fires when the state
database has it, so that what was acknowledged outlives a kill. Changes of several torrents are
one transaction.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from txtorrent.address import Address
from txtorrent.bitfield import Bitfield
from txtorrent.errors import Code, RequestError
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.seedbox.adding import Added, Adding
from txtorrent.seedbox.blocking import Blocking
from txtorrent.seedbox.brakes import Brakes
from txtorrent.seedbox.changing import changed
from txtorrent.seedbox.chatting import Chatting
from txtorrent.seedbox.details import Details, make_details
from txtorrent.seedbox.dhtaccess import DhtAccess
from txtorrent.seedbox.directory import check_directory, make_directory
from txtorrent.seedbox.entry import VERIFYING, Entry
from txtorrent.seedbox.fairshare import FairShare
from txtorrent.seedbox.finding import Finding
from txtorrent.seedbox.goals import Goals
from txtorrent.seedbox.groups import Group, groups, with_group
from txtorrent.seedbox.incomplete import Incomplete
from txtorrent.seedbox.limiting import Limiting
from txtorrent.seedbox.network import Ban, Bans
from txtorrent.seedbox.observers import Observer, Observers
from txtorrent.seedbox.order import Moved, Order
from txtorrent.seedbox.places import MOVE, REMOVE, Places
from txtorrent.seedbox.preferences import Preferences
from txtorrent.seedbox.queueing import Queueing
from txtorrent.seedbox.reach import PortTest, Reach
from txtorrent.seedbox.record import Record
from txtorrent.seedbox.runner import Runner
from txtorrent.seedbox.sources import Sources
from txtorrent.seedbox.sourceviews import SourcesView, sources_view
from txtorrent.seedbox.space import LOOK_EVERY, Space, Watcher
from txtorrent.seedbox.spaceguard import SpaceGuard
from txtorrent.seedbox.statistics import Statistics
from txtorrent.seedbox.trackerdefaults import TrackerDefaults
from txtorrent.seedbox.turns import Turns
from txtorrent.seedbox.web import Web
from txtorrent.session import Session
from txtorrent.settings.settings import Settings
from txtorrent.storage import listing
from txtorrent.storage.listing import Changes, Listing
from txtorrent.supervised import Supervised
from txtorrent.swarm.queue import Move
from txtorrent.swarm.share import Goal
from txtorrent.tracker.announcer import Announcer

LEARNT: Final = (
    "name", "total_size", "file_count", "piece_count", "piece_size", "is_private", "comment",
    "creator", "date_created", "size_when_done", "left_until_done", "metadata_percent_complete",
    "files", "status", "trackers",
)  # fmt: skip
"""What is known of a magnet link's torrent only with its metadata."""
WRITE_EVERY: Final = 30
"""Seconds between writes of what is counted all the time; every change is written at once."""

_log = Logger()


class Seedbox:
    """The list. `torrents` has the entries by info-hash, in the order of their ids.

    `end` is called when a client asks the daemon to end; `config_dir` is where its settings are.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        end: Callable[[], None],
        config_dir: str = "",
    ) -> None:
        self.torrents: dict[bytes, Entry] = {}
        self.close = end
        self.config_dir = config_dir or session.options.state
        self._settings = settings
        self._session = session
        self._by_id: dict[int, Entry] = {}
        self._listing = Listing(session.journal)
        self._bans = Bans(session)
        self._space = Watcher(session.disk)
        self._web = Web(session.reactor, session.options.interface)
        self._reach = Reach(session, settings, self._web, self._announcers)
        self._finding = Finding(session, settings)
        self.dht = DhtAccess(session, self.torrents)
        self._tracker_defaults = TrackerDefaults(session, settings, self._announcers)
        self.settings = Preferences(settings, self._listing, self._reach.prepare)
        self._blocking = Blocking(session, settings, self._web)
        self._observers = Observers()
        self.chat = Chatting(
            session,
            settings,
            self.settings,
            self.torrents,
            self._observers,
            lambda entry: self.runner.called_for(entry),
        )
        told = self._observers.changed
        self._limiting = Limiting(session, settings, self.torrents.values)
        guard = SpaceGuard(session.disk.read, settings.get, self._look_again)
        self._brakes = Brakes((guard, FairShare(settings.get)), told)
        self.runner = Runner(
            session,
            self._listing,
            settings.get,
            told,
            self._brakes.look,
            self._completed,
            self.torrents.values,
            self._limiting.allowance,
            lambda entry, metainfo: self._adding.learn(entry, metainfo),
        )
        self._order = Order()
        self._turns = Turns()
        self._queueing = Queueing(self.torrents, self.runner, settings.get, self.now, told)
        self._places = Places(session, self._listing, self.runner, told)
        self._incomplete = Incomplete(
            session.disk.read, settings.get, self._places, self.torrents.values
        )
        self._adding = Adding(
            self,
            self.torrents,
            self._listing,
            settings,
            session.disk,
            Sources(self._web, session.disk),
            self._turns,
            self.runner,
            self._places,
            self._incomplete,
            self._tracker_defaults,
            self._added,
            self._learnt,
        )
        self._goals = Goals(self.torrents, settings, self.now, self._seeded_enough)
        self._statistics = Statistics(self.runner, self.now)
        self._ticker = Supervised(session.reactor, 1.0, self._tick)
        self._ticks = 0

    # -- life --------------------------------------------------------------------------------

    async def open(self) -> None:
        """Read the list, when the session has been started, and begin what is to run. OSError."""
        self._statistics.restore(await self._listing.totals())
        for row in await self._listing.entries():
            try:
                record = Record.decode(row.data)
            except (ValueError, TypeError, KeyError) as error:
                _log.error("torrent {id} of the list is damaged: {why}", id=row.id, why=str(error))
                continue
            self._enlist(Entry(row.id, row.info_hash, record, self))
        self._order.restore(self.torrents.values())
        await self.chat.open(time.time)
        self._settings.listen(self._settings_changed)
        self._limiting.start()
        self._session.wake = self._wake
        self._reach.open()
        self._finding.open()
        self._tracker_defaults.open()
        self._blocking.open()
        await self._places.resume(self.torrents)
        self._incomplete.settle(self.torrents.values())
        self._queueing.decide(shorten=False)
        self._ticker.start()

    async def stop_all(self) -> None:
        """Write what is counted; to be called before the session is stopped."""
        self._ticker.stop()
        self._limiting.stop()
        await self._places.stop()
        await self._blocking.stop()
        await self._web.stop()
        told = self.runner.end_announces()
        for entry in self.torrents.values():
            if entry.queued_in is not None:
                entry.count_seconds(self.now())
                self.runner.dirty.add(entry)
        for entry in tuple(self.runner.active):
            self.runner.note_progress(entry)
        await self._write()
        await told

    def now(self) -> float:
        """The reactor's clock."""
        return float(self._session.reactor.seconds())

    def observe(self, observer: Observer) -> None:
        """Tell it of every change from now on."""
        self._observers.add(observer)

    # -- the session -------------------------------------------------------------------------

    @property
    def groups(self) -> Mapping[str, Group]:
        """Bandwidth groups, by name."""
        return groups(self._settings.get("groups"))

    def set_group(self, name: str, changes: Mapping[str, Any]) -> "Deferred[None]":
        """Make or change a bandwidth group. RequestError."""
        setting = with_group(self._settings.get("groups"), name, changes)
        return self.settings.change({"groups": setting})

    @property
    def roots(self) -> Sequence[str]:
        """Directories that content may lie in or below."""
        return self._settings.roots

    @property
    def port(self) -> int:
        """That peers reach us at."""
        return self._session.port

    @property
    def peer_sources(self) -> SourcesView:
        """How peers are found besides by trackers, and how they find us."""
        return sources_view(self._session)

    def test_port(self, family: str) -> "Deferred[PortTest]":
        """Ask somebody outside whether peers reach us. RequestError."""
        return Deferred.fromCoroutine(self._reach.test(family))

    @property
    def download_dir_free(self) -> int | None:
        """Bytes free in the download directory when last looked."""
        return self._space.free

    def free_space(self, path: str) -> "Deferred[Space]":
        """Of the file system of a path. RequestError."""
        return self._space.ask(path)

    @property
    def blocklist_size(self) -> int:
        """Rules in force."""
        return self._blocking.size

    def update_blocklist(self) -> "Deferred[int]":
        """Fetch the blocklist; its rules. RequestError."""
        return self._blocking.update()

    def bans(self) -> Sequence[Ban]:
        """Those in force."""
        return self._bans.all()

    def ban(self, host: str, seconds: float, reason: str) -> "Deferred[None]":
        """Keep a host out."""
        return self._bans.ban(host, seconds, reason)

    def unban(self, hosts: Collection[str] | None) -> "Deferred[None]":
        """Let these in again, or all."""
        return self._bans.lift(hosts)

    # -- finding -----------------------------------------------------------------------------

    def find(self, torrent_id: int) -> Entry | None:
        """The torrent of this id."""
        return self._by_id.get(torrent_id)

    def setting(self, name: str) -> Any:
        """A setting's value."""
        return self._settings.get(name)

    def wanted(self, entry: Entry) -> None:
        """A tracker knows of somebody who wants a torrent."""
        self.runner.called_for(entry)

    def name_peers(self, entry: Entry, addresses: Sequence[Address]) -> None:
        """Have these dialled in this run: the user named them. What sleeps wakes for it."""
        entry.named_peers = tuple(addresses)
        running = entry.torrent or entry.fetch
        if running is not None:
            running.name_peers(addresses)
        elif addresses:
            self.runner.called_for(entry)

    def trackers_changed(self, entry: Entry) -> None:
        """Something about a torrent's trackers is not what it was."""
        self._observers.changed(entry, ("trackers",))

    def _announcers(self) -> list[Announcer]:
        """Of those that announce."""
        return [each.announcer for each in self.torrents.values() if each.announcer is not None]

    def make_announcer(self, entry: Entry) -> Announcer:
        """One that does not run, which knows the trackers of a torrent."""
        return self.runner.make_announcer(entry)

    def statistics(self) -> Any:
        """What all torrents do together."""
        return self._statistics.snapshot()

    def goal(self, entry: Entry) -> Goal:
        """When it has been seeded enough."""
        return self._goals.of(entry)

    def read_details(self, entry: Entry) -> "Deferred[Details]":
        """Its files and pieces."""
        torrent = entry.torrent
        if torrent is None:
            return Deferred.fromCoroutine(self._read_details(entry))
        parts = entry.parts
        others = parts.exchange.picker.rarity.counts() if parts is not None else None
        return succeed(self._details(entry, torrent.metainfo, torrent.progress.have, others))

    async def _read_details(self, entry: Entry) -> Details:
        metainfo = await self.runner.metainfo(entry) if not entry.record.magnet else None
        if metainfo is None:
            return Details()
        resume = await self._session.journal.load(entry.info_hash)
        size = metainfo.geometry.piece_count
        have = Bitfield(size) if resume is None else Bitfield.from_wire(size, resume.have)
        return self._details(entry, metainfo, have, None)

    @staticmethod
    def _details(
        entry: Entry, metainfo: Metainfo, have: Bitfield, others: Sequence[int] | None
    ) -> Details:
        return make_details(metainfo, have, entry.record.wishes, entry.record.renamed, others)

    # -- the list ----------------------------------------------------------------------------

    def add(self, source: bytes | str, options: Mapping[str, Any]) -> "Deferred[Added]":
        """Add a torrent; see control's `Session.add` for the options. RequestError."""
        return Deferred.fromCoroutine(self._adding.add(source, options))

    def rank(self, record: Record) -> None:
        """Put a new one at the end of the queue."""
        record.queue_rank = self._order.next_rank()

    def _added(self, entry: Entry) -> None:
        self._enlist(entry)
        self._order.add(entry)
        self._statistics.files_added(entry.record.file_count)
        self._observers.added(entry)
        self._queueing.look()

    def _learnt(self, entry: Entry) -> None:
        """The metadata has come: nearly everything about it is new."""
        self._statistics.files_added(entry.record.file_count)
        self._observers.changed(entry, LEARNT)
        self.runner.mind(entry)

    def remove(self, torrents: Collection[Entry], delete_data: bool) -> "Deferred[None]":
        """Take torrents off the list; fires when that is recorded."""
        gone = [entry for entry in torrents if not entry.is_removed]
        for entry in gone:
            self.runner.note_progress(entry)
            entry.is_removed = True
            self.torrents.pop(entry.info_hash, None)
            self._by_id.pop(entry.id, None)
            self.chat.forget(entry)
            self._observers.removed(entry)
        self._order.remove(gone)
        done = Deferred.fromCoroutine(self._remove(gone, delete_data))
        self._queueing.look()
        return done

    async def _remove(self, gone: list[Entry], delete_data: bool) -> None:
        """Who adds one of them again waits: its removal is not to take what is new."""
        for entry in gone:
            await self._turns.begin(entry.info_hash)
        try:
            await self._remove_alone(gone, delete_data)
        finally:
            for entry in gone:
                self._turns.end(entry.info_hash)

    async def _remove_alone(self, gone: list[Entry], delete_data: bool) -> None:
        # The engine's torrent writes its last checkpoint first: nothing of it is to stay.
        for entry in gone:
            await self._places.forget(entry)
            await self.runner.mind(entry)
        removals = {e.info_hash: self._places.removal(e) for e in gone} if delete_data else {}
        tasks: dict[tuple[bytes, str], bytes | None] = {(e.info_hash, MOVE): None for e in gone}
        tasks |= {(info_hash, REMOVE): task for info_hash, task in removals.items()}
        hashes = [entry.info_hash for entry in gone]
        await self._listing.change(Changes(remove=hashes, tasks=tasks))
        for info_hash, task in removals.items():
            self._places.delete(info_hash, task)

    def _enlist(self, entry: Entry) -> None:
        self.torrents[entry.info_hash] = self._by_id[entry.id] = entry

    # -- what torrents do --------------------------------------------------------------------

    def start(self, torrents: Collection[Entry], now: bool) -> "Deferred[None]":
        """Have them run when it is their turn; `now`: whatever the queue says."""
        for entry in torrents:
            record = entry.record
            if not record.running:
                entry.reason = "" if record.is_finished else entry.reason
                record.running, record.is_finished = True, False
                record.start_date = time.time()
                entry.awake_until = 0.0
            entry.forced = entry.forced or now
        self._queueing.look()
        return self._put(torrents, ("status", "is_finished", "start_date"))

    def stop(self, torrents: Collection[Entry]) -> "Deferred[None]":
        """Have them rest."""
        for entry in torrents:
            entry.record.running, entry.forced, entry.queued_in = False, False, None
            entry.failure = entry.reason = ""
            self.runner.mind(entry)
        self._queueing.look()
        return self._put(torrents, ("status",))

    def verify(self, torrents: Collection[Entry]) -> "Deferred[None]":
        """Check their data."""
        for entry in torrents:
            if not entry.to_verify and not entry.record.magnet:
                entry.to_verify = True
                Deferred.fromCoroutine(self._verify(entry))
                self._observers.changed(entry, ("status",))
        return succeed(None)

    async def _verify(self, entry: Entry) -> None:
        await self.runner.mind(entry)
        await self.runner.halt(entry)
        await self.runner.mind(entry)

    def reannounce(self, torrents: Collection[Entry]) -> "Deferred[None]":
        """Ask their trackers soon."""
        for entry in torrents:
            if entry.announcer is not None:
                entry.announcer.soon()
        return succeed(None)

    def change(self, changes: Sequence[tuple[Entry, Mapping[str, Any]]]) -> "Deferred[None]":
        """Change torrents, all or none. RequestError."""
        records = [(entry, changed(entry, wanted)) for entry, wanted in changes]
        for entry, record in records:
            entry.record = record
            self.runner.choose(entry)
            if entry.announcer is not None and entry.announcer.tiers != record.trackers:
                entry.announcer.replace(record.trackers)
            self._limiting.apply(entry)
        touched = [entry for entry, _ in records]
        for entry, wanted in changes:
            if "queue_position" in wanted:
                touched += self._told(self._order.place(entry, wanted["queue_position"]))
            self.chat.apply(entry, wanted)
            self._observers.changed(entry, wanted)
        self._queueing.look()
        return self._put(touched, ())

    def set_location(
        self, torrents: Collection[Entry], directory: str, move: bool
    ) -> "Deferred[None]":
        """Have the content in `directory` from now on, moved there or looked for there."""
        return Deferred.fromCoroutine(self._set_location(torrents, directory, move))

    async def _set_location(self, torrents: Collection[Entry], directory: str, move: bool) -> None:
        """Of a magnet link nothing is anywhere yet: it will be in `directory`."""
        await self._on_disk(check_directory, directory)
        unknown = [entry for entry in torrents if entry.record.magnet]
        if unknown:
            await self._on_disk(make_directory, directory)
            await self._look_there(unknown, directory)
        known = [entry for entry in torrents if entry not in unknown]
        await (self._places.move if move else self._look_there)(known, directory)

    def _on_disk(self, do: Callable[[str, Sequence[str]], Any], path: str) -> "Deferred[Any]":
        return self._session.disk.read.run(do, path, self.roots)

    async def _look_there(self, torrents: Collection[Entry], directory: str) -> None:
        await self._listing.change(await self._places.look_there(torrents, directory))
        for entry in torrents:
            self._observers.changed(entry, ("directory",))
        self.verify(torrents)

    def rename_path(self, torrent: Entry, path: str, name: str) -> "Deferred[None]":
        """Give a file or folder of a torrent another name. RequestError."""
        return Deferred.fromCoroutine(self._rename_path(torrent, path, name))

    async def _rename_path(self, entry: Entry, path: str, name: str) -> None:
        if entry.record.magnet:
            raise RequestError(
                Code.INVALID_PARAMS,
                f"the files of {entry.record.name} are not known yet: it is a magnet link whose"
                " metadata has not come",
            )
        await self._places.rename(entry, path, name)
        entry.record.edit_date = time.time()
        await self._put([entry], ("name", "files", "edit_date"))

    def queue_move(self, torrents: Collection[Entry], where: str) -> "Deferred[None]":
        """`where`: top, up, down or bottom."""
        listed = [entry for entry in torrents if not entry.is_removed]
        self._queueing.look()
        return self._put(self._told(self._order.move(listed, Move(where))), ())

    def _told(self, moved: Moved) -> list[Entry]:
        """Tell who has another position; those that are to be written."""
        ranked, passed = moved
        for entry in passed:
            self._observers.changed(entry, ("queue_position",))
        return ranked

    def _put(self, entries: Collection[Entry], names: Sequence[str]) -> "Deferred[None]":
        """Write entries; tell that these attributes have changed."""
        self.runner.dirty.difference_update(entries)
        for entry in entries if names else ():
            self._observers.changed(entry, names)
        return self._listing.change(Changes(put=_rows(dict.fromkeys(entries))))

    # -- as time passes ----------------------------------------------------------------------

    def _settings_changed(self, names: Collection[str]) -> None:
        self._queueing.look(shorten=any("queue" in name for name in names))
        self._observers.settings_changed(names)

    def _completed(self, entry: Entry) -> None:
        self._queueing.look()
        self._put([entry], ("done_date",)).addErrback(self._not_written)
        self._incomplete.settle([entry])

    def _tick(self) -> None:
        if self._ticks % LOOK_EVERY == 0:
            self._space.look(self._settings.get("download_dir"))
        self._ticks += 1
        self._queueing.tick(self._ticks)
        for entry in tuple(self.runner.active):
            self._look_at(entry)
        self._brakes.tick(self.runner.active)
        self.chat.tick(self.runner.active)
        self._goals.tick()
        if self._ticks % WRITE_EVERY == 0:
            Deferred.fromCoroutine(self._write()).addErrback(self._not_written)

    def _look_again(self) -> None:
        """Perhaps a download may go on that was just begun."""
        for entry in self.runner.active:
            self._brakes.look(entry)

    def _look_at(self, entry: Entry) -> None:
        now, torrent = self.now(), entry.torrent
        if torrent is None:
            self._look_at_fetch(entry, now)
            return
        down, up = entry.rate_download, entry.rate_upload
        moving = down or up
        if moving:
            entry.record.activity_date = time.time()
            self.runner.dirty.add(entry)
        if (up if entry.record.is_complete else down) or entry.status == VERIFYING:
            entry.progressed_at = now
        entry.count_seconds(now)
        names = ("rate_download", "rate_upload", "left_until_done", "peers") if moving else ()
        if names:
            self._observers.changed(entry, names)
        self._goals.look(entry)
        self.runner.note_company(entry)
        if not self.runner.is_wanted(entry):
            self.runner.mind(entry)

    def _look_at_fetch(self, entry: Entry, now: float) -> None:
        entry.count_seconds(now)
        if entry.fetch is not None and entry.fetch.peers:
            self._observers.changed(entry, ("metadata_percent_complete", "peers"))
        if not self.runner.is_wanted(entry):
            self.runner.mind(entry)

    def _seeded_enough(self, entry: Entry, why: str) -> None:
        _log.info("{name}: {why}, stopped", name=entry.record.name, why=why)
        entry.record.is_finished = True
        self.stop([entry]).addErrback(self._not_written)
        entry.reason = why
        self._observers.changed(entry, ("is_finished", "waiting"))

    async def _write(self) -> None:
        """Write what changes all the time."""
        for entry in tuple(self.runner.active):
            self.runner.note_progress(entry)
        dirty = [entry for entry in self.runner.dirty if not entry.is_removed]
        self.runner.dirty.clear()
        totals = self._statistics.totals()
        await self._listing.change(Changes(put=_rows(dirty), totals=totals))

    def _not_written(self, failure: Any) -> None:
        _log.error("the state could not be written: {why}", why=failure.getErrorMessage())

    def _wake(self, info_hash: bytes) -> "Deferred[None]":
        """A peer asks for a torrent that the engine does not run."""
        entry = self.torrents.get(info_hash)
        return succeed(None) if entry is None else self.runner.wake(entry)


def _rows(entries: Collection[Entry]) -> list[Any]:
    return [listing.Entry(entry.id, entry.info_hash, entry.record.encode()) for entry in entries]
