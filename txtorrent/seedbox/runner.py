"""Has the engine run the torrents that need it, and no others.

What must stay true: of one torrent at most one start or stop is under way, and when it has ended
what is wanted by then is looked at again. So calls may come in any order and at any time.
"""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.errors import RequestError
from txtorrent.metainfo.magnet import parse as parse_magnet
from txtorrent.metainfo.torrentfile import Metainfo, MetainfoError, parse
from txtorrent.seedbox.entry import Entry
from txtorrent.seedbox.record import Record
from txtorrent.session import DuplicateTorrent, Session
from txtorrent.storage.listing import Listing
from txtorrent.swarm.rate import Rate
from txtorrent.swarm.selection import Priority
from txtorrent.torrent.choice import Choice
from txtorrent.torrent.fetch import Fetch
from txtorrent.torrent.life import State
from txtorrent.torrent.limits import Allowance
from txtorrent.torrent.shared import Allocation, TorrentOptions
from txtorrent.torrent.torrent import Torrent, TorrentEndedError
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.parting import stop_all

AWAKE_FOR: Final = 300.0
"""Seconds for which a complete torrent stays loaded after its last connection has ended."""
GREETING_TIME: Final = 30.0
"""Seconds for which a torrent that was woken stays loaded without a connection."""
MOST_AWAKE: Final = 1000
"""Torrents that the engine runs from which on trackers wake no more of those that sleep: peers who
want one of them will come by themselves."""
PARTS: Final = "parts"
"""The folder in the state directory for bytes of files that nobody wants."""
LOST_METAINFO: Final = "its metainfo is damaged in the state database: add the torrent again"

_log = Logger()


class Runner:
    """The engine's side of the list, `entries`.

    `told` hears which attributes of an entry have changed; `began` of every torrent that begins to
    exchange pieces; `completed` of every one that has just got its last piece; `allowance` tells
    how fast one may be; `learn` records the metainfo of what was a magnet link.
    """

    def __init__(
        self,
        session: Session,
        listing: Listing,
        setting: Callable[[str], Any],
        told: Callable[[Entry, Iterable[str]], None],
        began: Callable[[Entry], None],
        completed: Callable[[Entry], None],
        entries: Callable[[], Iterable[Entry]],
        allowance: Callable[[Entry], Allowance],
        learn: Callable[[Entry, Metainfo], "Deferred[None]"],
    ) -> None:
        self._entries = entries
        self.active: dict[Entry, None] = {}
        """Those that the engine runs, or is about to."""
        self.dirty: set[Entry] = set()
        """Those whose record has changed and is still to be written."""
        self.downloaded = self.uploaded = 0
        """Bytes that records have taken from the engine in this run."""
        self._session = session
        self._listing = listing
        self._setting = setting
        self._told = told
        self._began = began
        self._completed = completed
        self._allowance = allowance
        self._learn = learn
        self._is_silent = False
        self._under_way: dict[Entry, Deferred[None]] = {}

    def mind(self, entry: Entry) -> "Deferred[None]":
        """Bring the engine to what is wanted; fires when it is so."""
        under_way = self._under_way.get(entry)
        if under_way is None:
            under_way = Deferred.fromCoroutine(self._bring(entry))
            if under_way.called:
                return under_way
            self._under_way[entry] = under_way
        after: Deferred[None] = Deferred()
        under_way.addCallback(after.callback)  # it never fails
        return after

    def wake(self, entry: Entry) -> "Deferred[None]":
        """A peer asks for a complete torrent that sleeps: fires when it can be served, or not."""
        return Deferred.fromCoroutine(self._wake(entry))

    async def _wake(self, entry: Entry) -> None:
        entry.awake_until = max(entry.awake_until, self._now() + GREETING_TIME)
        await self.mind(entry)
        if entry.torrent is not None and entry.record.is_complete:
            with suppress(TorrentEndedError):
                await entry.torrent.when_complete()

    def is_wanted(self, entry: Entry) -> bool:
        """Whether the engine has to run it."""
        if entry.is_removed or entry.failure == LOST_METAINFO:
            return False
        if entry.record.magnet and entry.failure:
            return False
        if entry.is_held and entry.torrent is None:
            return False
        if entry.to_verify:
            return True
        if not entry.record.running or entry.queued_in is None:
            return False
        return not entry.record.is_complete or self._is_awake(entry)

    async def halt(self, entry: Entry) -> None:
        """End the engine's torrent, if there is one; it may be started again after that."""
        torrent = entry.torrent
        if entry.fetch is not None:
            await self._drop_fetch(entry)
        if torrent is None:
            return
        await self._session.remove(torrent)
        self.note_progress(entry)
        entry.torrent, entry.corrupt_counted, entry.braked = None, 0, ""
        self.active.pop(entry, None)
        self._told(entry, ("status", "peers"))

    def note_progress(self, entry: Entry) -> None:
        """Take what the engine counted into the record."""
        torrent, record = entry.torrent, entry.record
        if torrent is None or torrent.state in (State.NEW, State.LOADING):
            return
        progress = torrent.progress
        self.downloaded += max(0, progress.downloaded.total - record.downloaded)
        self.uploaded += max(0, progress.uploaded.total - record.uploaded)
        record.downloaded, record.uploaded = progress.downloaded.total, progress.uploaded.total
        record.have_valid = progress.had
        record.left_until_done, record.size_when_done = progress.left, progress.wanted_size
        record.corrupt += progress.corrupt - entry.corrupt_counted
        entry.corrupt_counted = progress.corrupt
        self.dirty.add(entry)

    # -- inside ------------------------------------------------------------------------------

    def _is_awake(self, entry: Entry) -> bool:
        return entry.peers_connected > 0 or self._now() < entry.awake_until

    def _now(self) -> float:
        return float(self._session.reactor.seconds())

    def note_company(self, entry: Entry) -> None:
        """To be called now and then: what has connections stays awake for a while after them."""
        if entry.peers_connected:
            entry.awake_until = max(entry.awake_until, self._now() + AWAKE_FOR)

    def called_for(self, entry: Entry) -> None:
        """A tracker knows of somebody who wants a torrent that sleeps."""
        if entry.torrent is None and len(self.active) < MOST_AWAKE:
            entry.awake_until = self._now() + AWAKE_FOR
            self.mind(entry)

    def mind_announces(self, entry: Entry) -> "Deferred[None]":
        """Announce what runs, and nothing else; fires when trackers were told of an end.

        What the engine is to run is announced by it, when it knows what is on disk.
        """
        record = entry.record
        if self._is_silent:
            return succeed(None)
        if not record.running or entry.queued_in is None or entry.is_removed or entry.failure:
            announcer = entry.announcer
            if entry.torrent is None:
                entry.announcer = None
            return announcer.stop() if announcer is not None else succeed(None)
        if entry.announcer is None:
            entry.announcer = self.make_announcer(entry)
        if record.is_complete and not entry.to_verify:
            entry.announcer.start()
        return succeed(None)

    def _trusts(self, entry: Entry) -> bool:
        return entry.record.trusted or bool(self._setting("trust_local_trackers"))

    def make_announcer(self, entry: Entry) -> Announcer:
        """One that does not run yet."""
        return Announcer(
            self._session.announcing,
            entry.info_hash,
            entry.record.trackers,
            entry,
            entry.record.name,
            trusted=self._trusts(entry),
            private=entry.record.is_private,
        )

    def end_announces(self) -> "Deferred[None]":
        """Tell trackers that everything stops, and nothing after that."""
        self._is_silent = True
        announcers = [entry.announcer for entry in self._entries() if entry.announcer is not None]
        return stop_all(announcers, self._session.reactor)

    async def _bring(self, entry: Entry) -> None:
        try:
            self.mind_announces(entry)
            while not self._is_right(entry):
                if self.is_wanted(entry):
                    await self._launch(entry)
                    if entry.failure and not self._is_right(entry):
                        break  # it would fail again
                else:
                    await self.halt(entry)
        except Exception as error:
            _log.failure("{name}: an error of ours", name=entry.record.name)
            entry.failure = f"internal error: {error}"
            self._told(entry, ("status", "error"))
        finally:
            self._under_way.pop(entry, None)

    def _is_right(self, entry: Entry) -> bool:
        """Whether what is wanted is what is."""
        if not self.is_wanted(entry):
            return entry.torrent is None and entry.fetch is None
        return (entry.fetch if entry.record.magnet else entry.torrent) is not None

    async def _launch(self, entry: Entry) -> None:
        self.active[entry] = None
        if entry.record.magnet:
            self._fetch(entry)
        elif entry.fetch is not None and entry.fetch.metainfo is not None:
            self._follow(entry, entry.fetch, entry.fetch.metainfo)
        else:
            if entry.fetch is not None:
                await self._drop_fetch(entry)
            await self._load(entry)

    def _fetch(self, entry: Entry) -> None:
        options = TorrentOptions(
            directory=entry.record.directory,
            max_peers=entry.peer_limit,
            trust_trackers=self._trusts(entry),
            peers=entry.named_peers,
        )
        entry.fetch = self._session.add_magnet(
            parse_magnet(entry.record.magnet),
            options,
            lambda fetch: self._fetched(entry, fetch),
            entry.announcer,
        )
        entry.counted_at = entry.progressed_at = self._now()
        self._told(entry, ("status", "error"))

    async def _drop_fetch(self, entry: Entry) -> None:
        fetch, entry.fetch = entry.fetch, None
        if fetch is not None:
            await self._session.drop(fetch)
        if entry.torrent is None:
            self.active.pop(entry, None)
        self._told(entry, ("status", "peers"))

    def _fetched(self, entry: Entry, fetch: Fetch) -> None:
        """Its metadata has come, or will never do."""
        if fetch is not entry.fetch:
            return
        if fetch.metainfo is None:
            self._fetch_failed(entry, fetch.error or "failed")
        else:
            learnt = self._learn(entry, fetch.metainfo)
            learnt.addErrback(lambda failure: self._fetch_failed(entry, _explain(failure)))

    def _fetch_failed(self, entry: Entry, why: str) -> None:
        entry.failure = why
        self.mind(entry)
        self._told(entry, ("status", "error"))

    def _follow(self, entry: Entry, fetch: Fetch, metainfo: Metainfo) -> None:
        """The fetch becomes the torrent; it keeps its connections."""
        try:
            entry.torrent = torrent = self._session.follow(
                fetch,
                self._options(entry, metainfo),
                lambda torrent: self._changed(entry, torrent),
                entry.announcer,
            )
            entry.fetch = None
            self._give_totals(entry, torrent)
        except DuplicateTorrent as error:
            entry.failure = str(error)
        self._told(entry, ("status", "error"))

    async def _load(self, entry: Entry) -> None:
        metainfo = await self.metainfo(entry)
        if metainfo is None or not self.is_wanted(entry):
            self.active.pop(entry, None)
            return
        try:
            entry.torrent = torrent = self._session.add(
                metainfo,
                self._options(entry, metainfo),
                lambda torrent: self._changed(entry, torrent),
                entry.announcer,
            )
            self._give_totals(entry, torrent)
        except DuplicateTorrent as error:
            entry.failure = str(error)
            self.active.pop(entry, None)
        self._told(entry, ("status", "error"))

    def _give_totals(self, entry: Entry, torrent: Torrent) -> None:
        """What is known of its progress may have been lost; what was uploaded still counts."""
        now, record, progress = self._now(), entry.record, torrent.progress
        progress.downloaded = Rate(now, record.downloaded)
        progress.uploaded = Rate(now, record.uploaded)

    async def metainfo(self, entry: Entry) -> Metainfo | None:
        """Read from the state database; None, and noted as its failure, if it is damaged."""
        raw = await self._listing.metainfo(entry.info_hash)
        if raw is not None:
            try:
                metainfo: Metainfo = await self._session.disk.read.run(parse, raw)
            except MetainfoError:
                raw = None
            else:
                return metainfo
        entry.failure = LOST_METAINFO
        return None

    def choose(self, entry: Entry) -> None:
        """What is wanted of a torrent is another than before."""
        torrent = entry.torrent
        if torrent is not None:
            wanted = choice(entry.record, torrent.metainfo)
            torrent.choose(evolve(wanted, hold_last=torrent.choice.hold_last))

    def _options(self, entry: Entry, metainfo: Metainfo) -> TorrentOptions:
        record = entry.record
        return TorrentOptions(
            directory=record.place or record.directory,
            max_peers=entry.peer_limit,
            allowance=self._allowance(entry),
            allocation=Allocation(self._setting("allocation")),
            trust_trackers=self._trusts(entry),
            choice=choice(record, metainfo),
            parts_file=os.path.join(self._session.options.state, PARTS, entry.info_hash.hex()),
            renamed=record.renamed,
            recheck=entry.to_verify,
            peers=entry.named_peers,
        )

    def _changed(self, entry: Entry, torrent: Torrent) -> None:
        """The engine's torrent is in another state."""
        if torrent is not entry.torrent:
            return
        state = torrent.state
        entry.failure = torrent.error or "failed" if state is State.FAILED else ""
        self.mind_announces(entry)
        if state in (State.DOWNLOADING, State.SEEDING):
            self._settled(entry, state is State.SEEDING)
        self._told(entry, ("status", "error", "left_until_done"))

    def _settled(self, entry: Entry, complete: bool) -> None:
        """It is known what is on disk, or everything has just come."""
        was_complete, entry.record.is_complete = entry.record.is_complete, complete
        verified, entry.to_verify = entry.to_verify, False
        entry.counted_at = self._now()
        if not (complete and was_complete):  # waking up is no progress
            entry.progressed_at = self._now()
        entry.awake_until = self._now() + AWAKE_FOR
        self.note_progress(entry)
        self._began(entry)
        if complete and not was_complete:
            entry.record.done_date = entry.record.done_date or time.time()
            self._completed(entry)
        if verified:
            self.mind(entry)


def choice(record: Record, metainfo: Metainfo) -> Choice:
    """What is wanted, as the engine has it: its file indices count pads."""
    wishes = iter(record.wishes)
    order = record.sequential_download_from_piece if record.sequential_download else None
    if not record.wishes:
        return Choice(None, order)
    files = (Priority.NORMAL if file.pad else int(next(wishes)) for file in metainfo.files)
    return Choice(bytes(files), order)


def _explain(failure: Failure) -> str:
    """Why metadata could not be recorded, in words for the user."""
    error = failure.value
    if isinstance(error, RequestError):
        return error.text
    if not isinstance(error, OSError):
        _log.failure("an error of ours", failure)
    return failure.getErrorMessage()
