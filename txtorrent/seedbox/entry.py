"""A listed torrent: what is known of it at any time, whether it runs or sleeps.

Most of thousands of torrents are complete and nobody asks for them: such a one is this object, a
record and an announcer. What moves pieces, the engine's `Torrent`, is there only while it is used.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Protocol

from attrs import define
from twisted.internet.defer import Deferred, succeed

from txtorrent.address import Address
from txtorrent.extension.chat import Chat
from txtorrent.seedbox.details import Details
from txtorrent.seedbox.record import Record
from txtorrent.seedbox.views import (
    CandidateView,
    MoveView,
    PeerView,
    candidate_views,
    peer_views,
    source_of,
)
from txtorrent.swarm.peerbook import Source
from txtorrent.swarm.queue import Queue
from txtorrent.swarm.share import Goal
from txtorrent.torrent.fetch import UNKNOWN_SIZE, Fetch
from txtorrent.torrent.life import State
from txtorrent.tracker.interfaces import Totals
from txtorrent.wire.chat import NAME as CHAT

if TYPE_CHECKING:
    from txtorrent.torrent.connections import Connections
    from txtorrent.torrent.parts import Parts
    from txtorrent.torrent.progress import Progress
    from txtorrent.torrent.torrent import Torrent
    from txtorrent.tracker.announcer import Announcer
    from txtorrent.tracker.view import Trouble

STOPPED, VERIFY_QUEUED, VERIFYING, DOWNLOAD_QUEUED, DOWNLOADING, SEED_QUEUED, SEEDING = range(7)
NO_ERROR, TRACKER_WARNING, TRACKER_ERROR, LOCAL_ERROR = range(4)
_RUNNING: Final = {
    State.CHECKING: VERIFYING,
    State.DOWNLOADING: DOWNLOADING,
    State.SEEDING: SEEDING,
}


class Owner(Protocol):
    """What an entry asks of the seedbox."""

    def now(self) -> float:
        """The reactor's clock."""

    def read_details(self, entry: Entry) -> Deferred[Details]:
        """Its files and pieces."""

    def goal(self, entry: Entry) -> Goal:
        """When it has been seeded enough."""

    def setting(self, name: str) -> Any:
        """A setting of the session."""

    def wanted(self, entry: Entry) -> None:
        """A tracker knows of somebody who wants it."""

    def trackers_changed(self, entry: Entry) -> None:
        """Something about its trackers is not what it was."""

    def rank(self, record: Record) -> None:
        """Put a new one at the end of the queue."""

    def change(self, changes: Sequence[tuple[Entry, Mapping[str, Any]]]) -> Deferred[None]:
        """Change torrents, all or none. RequestError."""

    def make_announcer(self, entry: Entry) -> Announcer:
        """One that does not run, which knows the trackers."""


@define(eq=False, repr=False)
class Entry:
    """One torrent of the list; `record` is what is kept of it over restarts.

    `queued_in` is the queue that lets it run, None while it waits for a place. `failure` is what
    keeps it from running, `reason` what is done to it just now, `braked` why its download does not
    go on although it runs; in words, or "".
    Names of properties are those of the control API.
    """

    id: int
    info_hash: bytes
    record: Record
    _owner: Owner
    torrent: Torrent | None = None
    fetch: Fetch | None = None
    """Looks for the metadata of a magnet link."""
    announcer: Announcer | None = None
    """There while it is to run, whether the engine's torrent is there or not."""
    queued_in: Queue | None = None
    forced: bool = False
    to_verify: bool = False
    failure: str = ""
    reason: str = ""
    move: MoveView | None = None
    """How far its content is on its way to another directory."""
    braked: str = ""
    is_removed: bool = False
    named_peers: tuple[Address, ...] = ()
    """Addresses that the user named for this run."""
    awake_until: float = 0.0
    """On the reactor's clock: until then it does not fall asleep."""
    progressed_at: float = 0.0
    """On the reactor's clock: when it last made progress of the kind that it is there for."""
    counted_at: float = 0.0
    """On the reactor's clock: until when its seconds are counted."""
    corrupt_counted: int = 0
    """Of the engine's count, what is in the record already."""
    queue_position: int = 0
    """From 0, without gaps."""
    is_held: bool = False
    """Whether its content is being moved about: the engine is not to touch it."""

    def __repr__(self) -> str:
        return f"<Entry {self.id} {self.record.name!r}>"

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What is just kept is answered from the record: see the end of this module."""

    # -- tracker.announcer.Owner: while the engine's torrent is not there --------------------

    def totals(self) -> Totals:
        """How it stands."""
        record = self.record
        missing = UNKNOWN_SIZE if record.magnet else record.total_size - record.have_valid
        return Totals(record.uploaded, record.downloaded, missing, 0)

    def counted(self, seeders: int | None, leechers: int | None) -> None:
        """Somebody wants what sleeps here."""
        if leechers:
            self._owner.wanted(self)

    def found_peers(self, source: Source, addresses: Sequence[Address]) -> None:
        """A tracker told of peers: they are dialled if it wakes."""
        running = self.torrent or self.fetch
        if running is not None:
            running.found_peers(source, addresses)

    def trackers_changed(self) -> None:
        """Something about its trackers is not what it was."""
        self._owner.trackers_changed(self)

    # -- time --------------------------------------------------------------------------------

    def count_seconds(self, now: float) -> None:
        """Count the time since the last call, of a torrent that runs."""
        passed, self.counted_at = now - self.counted_at, now
        if self.status == DOWNLOADING:
            self.record.seconds_downloading += passed
        elif self.status == SEEDING:
            self.record.seconds_seeding += passed

    # -- how it stands -----------------------------------------------------------------------

    @property
    def connections(self) -> Connections | None:
        """Those to its peers, while there may be any."""
        running = self.torrent or self.fetch
        return running.connections if running is not None else None

    @property
    def parts(self) -> Parts | None:
        """What runs while pieces are exchanged."""
        return self.torrent.swarm if self.torrent is not None else None

    @property
    def status(self) -> int:
        """0 stopped ... 6 seeding, as control's `Torrent` says."""
        torrent = self.torrent
        if torrent is not None and torrent.state in _RUNNING:
            return _RUNNING[torrent.state]
        if self.to_verify:
            return VERIFY_QUEUED
        if not self.record.running or self.failure:
            return STOPPED
        if self.queued_in is None:
            return SEED_QUEUED if self.record.is_complete else DOWNLOAD_QUEUED
        return SEEDING if self.record.is_complete else DOWNLOADING

    @property
    def error(self) -> int:
        """0 none, 1 and 2 a tracker, 3 trouble here."""
        if self.failure:
            return LOCAL_ERROR
        trouble = self._trouble
        if trouble is None:
            return NO_ERROR
        return TRACKER_ERROR if trouble.is_error else TRACKER_WARNING

    @property
    def error_string(self) -> str:
        """What is wrong, in words."""
        if self.failure:
            return self.failure
        trouble = self._trouble
        return "" if trouble is None else trouble.text

    @property
    def _trouble(self) -> Trouble | None:
        return self.announcer.trouble() if self.announcer is not None else None

    @property
    def waiting(self) -> str:
        """Why it does not go on although it runs."""
        torrent = self.torrent
        trouble = torrent.error if torrent is not None else None
        return self.reason or self.braked or trouble or ""

    @property
    def is_stalled(self) -> bool:
        """Running, and nothing has moved for long."""
        if self.queued_in is None or not self._owner.setting("queue_stalled_enabled"):
            return False
        longest = 60.0 * float(self._owner.setting("queue_stalled_minutes"))
        return self._owner.now() - self.progressed_at >= longest

    @property
    def recheck_progress(self) -> float:
        """Share of a verification that is done."""
        torrent = self.torrent
        checking = torrent is not None and torrent.state is State.CHECKING
        return torrent.progress.checked if torrent is not None and checking else 0.0

    @property
    def is_fetching(self) -> bool:
        """Whether it is a magnet link whose metadata is looked for."""
        return bool(self.record.magnet) and self.status == DOWNLOADING

    @property
    def metadata_percent_complete(self) -> float:
        """How much of the metadata there is, 0 to 1."""
        if not self.record.magnet:
            return 1.0
        return self.fetch.progress if self.fetch is not None else 0.0

    @property
    def torrent_file(self) -> str:
        """Metainfo is in the state database."""
        return ""

    # -- what it has and moves ---------------------------------------------------------------

    @property
    def left_until_done(self) -> int:
        """Wanted bytes that are not verified yet."""
        progress = self._progress
        return self.record.left_until_done if progress is None else progress.left

    @property
    def have_valid(self) -> int:
        """Verified bytes."""
        progress = self._progress
        return self.record.have_valid if progress is None else progress.had

    @property
    def have_unchecked(self) -> int:
        """Bytes of pieces that are not whole."""
        parts = self.parts
        return parts.exchange.picker.bytes_under_way if parts is not None else 0

    @property
    def desired_available(self) -> int:
        """Wanted bytes that are missing but that connected peers have."""
        parts = self.parts
        if parts is None or not any(link.peer.wanted is not None for link in self._links):
            return 0
        if any(link.peer.is_seed for link in self._links):
            return self.left_until_done
        have, picker = parts.exchange.progress.have, parts.exchange.picker
        offered = sum(1 for piece in have.missing() if picker.rarity.availability(piece))
        return min(self.left_until_done, offered * self.record.piece_size)

    @property
    def _progress(self) -> Progress | None:
        """What the engine counts, once it knows what is on disk."""
        torrent = self.torrent
        return torrent.progress if torrent is not None and torrent.state in _RUNNING else None

    @property
    def downloaded_ever(self) -> int:
        """Bytes of blocks that were asked for."""
        progress = self._progress
        return self.record.downloaded if progress is None else progress.downloaded.total

    @property
    def uploaded_ever(self) -> int:
        """Bytes of blocks."""
        progress = self._progress
        return self.record.uploaded if progress is None else progress.uploaded.total

    @property
    def downloaded_since(self) -> int:
        """Bytes since the record took them over."""
        return max(0, self.downloaded_ever - self.record.downloaded)

    @property
    def uploaded_since(self) -> int:
        """Bytes since the record took them over."""
        return max(0, self.uploaded_ever - self.record.uploaded)

    @property
    def corrupt_ever(self) -> int:
        """Bytes of pieces that failed their hash."""
        progress = self._progress
        fresh = 0 if progress is None else progress.corrupt - self.corrupt_counted
        return self.record.corrupt + fresh

    @property
    def fraction(self) -> float:
        """Share of what is wanted that is had, 0 to 1."""
        wanted = self.record.size_when_done
        if not wanted:
            return 0.0 if self.record.magnet else 1.0
        return 1 - self.left_until_done / wanted

    @property
    def ratio(self) -> float:
        """Uploaded bytes for each byte of the torrent."""
        size = self.record.total_size
        return self.uploaded_ever / size if size else 0.0

    @property
    def rate_download(self) -> float:
        """Bytes/s."""
        return self.torrent.progress.downloaded.rate if self.torrent is not None else 0.0

    @property
    def rate_upload(self) -> float:
        """Bytes/s."""
        return self.torrent.progress.uploaded.rate if self.torrent is not None else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds until it is complete, or seeding until its ratio."""
        if self.status == DOWNLOADING and self.torrent is not None:
            return self.torrent.progress.eta
        if self.status != SEEDING:
            return None
        left = self._owner.goal(self).left(self.record.size_when_done, self.uploaded_ever)
        if left is None:
            return None
        if not left:
            return 0.0
        return left / self.rate_upload if self.rate_upload else None

    @property
    def eta_idle(self) -> float | None:
        """Seconds until the idle limit stops it."""
        if self.status != SEEDING:
            return None
        return self._owner.goal(self).idle_left(self._owner.now() - self.progressed_at)

    # -- who is there ------------------------------------------------------------------------

    @property
    def peers_connected(self) -> int:
        """Connections that take part."""
        running = self.torrent or self.fetch
        return running.peers if running is not None else 0

    @property
    def peers_getting_from_us(self) -> int:
        """Peers that blocks go to."""
        return sum(bool(link.peer.uploaded.rate) for link in self._links)

    @property
    def peers_sending_to_us(self) -> int:
        """Peers that blocks come from."""
        return sum(bool(link.peer.downloaded.rate) for link in self._links)

    @property
    def webseeds_sending_to_us(self) -> int:
        """There are none."""
        return 0

    @property
    def webseeds(self) -> Sequence[Any]:
        """There are none."""
        return ()

    @property
    def chat_room(self) -> Chat | None:
        """The talk in its swarm, while it is on and there may be connections."""
        if not self.record.chat:
            return None
        running = self.parts or self.fetch
        found = running.extensions[CHAT] if running is not None else None
        return found if isinstance(found, Chat) else None

    @property
    def chat_speakers(self) -> int:
        """Connected peers that can be talked to."""
        room = self.chat_room
        return len(room.speakers) if room is not None else 0

    @property
    def peers_from(self) -> Mapping[str, int]:
        """Connected peers by how we learnt of them."""
        connections = self.connections
        if connections is None:
            return {}
        return Counter(source_of(connections, link) for link in self._links)

    @property
    def _links(self) -> Sequence[Any]:
        connections = self.connections
        return tuple(connections.stage.exchange.links) if connections is not None else ()

    def peers(self) -> Sequence[PeerView]:
        """Its connections now."""
        connections, parts = self.connections, self.parts
        if connections is None:
            return ()
        optimistic = parts.choking.optimistic if parts is not None else None
        return peer_views(connections, optimistic, self._owner.now())

    def candidates(self) -> Deferred[Sequence[CandidateView]]:
        """The addresses that it knows."""
        connections = self.connections
        if connections is None:
            return succeed(())
        return succeed(tuple(candidate_views(connections, self._owner.now())))

    @property
    def trackers(self) -> Sequence[Any]:
        """What its trackers said."""
        return (self.announcer or self._owner.make_announcer(self)).trackers(time.time())

    def details(self) -> Deferred[Details]:
        """Its files and pieces."""
        return self._owner.read_details(self)

    @property
    def peer_limit(self) -> int:
        """Most connections."""
        return self.record.peer_limit or int(self._owner.setting("peer_limit_per_torrent"))


_KEPT: Final = (
    "name", "directory", "total_size", "piece_count", "piece_size", "file_count", "is_private",
    "comment", "creator", "source", "date_created", "is_finished", "size_when_done",
    "seconds_downloading", "seconds_seeding", "added_date", "start_date", "done_date",
    "activity_date", "edit_date", "labels", "group", "bandwidth_priority",
    "download_limit", "download_limited", "upload_limit", "upload_limited",
    "honors_session_limits", "seed_ratio_limit", "seed_ratio_mode", "seed_idle_limit",
    "seed_idle_mode", "min_share", "sequential_download", "sequential_download_from_piece",
    "chat", "chat_in_private",
)  # fmt: skip
"""Names of the record that are asked for under the same name."""
for _name in _KEPT:  # properties without a Python function: thirty are read of each of thousands
    setattr(Entry, _name, property(attrgetter(f"record.{_name}")))
