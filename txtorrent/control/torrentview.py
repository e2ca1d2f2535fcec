"""What the control API asks of a torrent; `interfaces` has the rules and the units.

Attributes may be plain ones or properties: they answer at once, from memory, and raise nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from txtorrent.control.views import Candidate, Details, Move, Peer, Tracker, WebSeed


class Torrent(Protocol):
    """One torrent. Names in the second half, from `bandwidth_priority` on, can be changed with
    `Session.change` under the same names; all of these names are those that observers are told."""

    @property
    def id(self) -> int:
        """From 1; never given to another torrent while the process lives, better never at all."""

    @property
    def info_hash(self) -> bytes:
        """20 bytes: SHA-1 of the info dictionary; of version 2 alone, the start of its SHA-256."""

    @property
    def name(self) -> str:
        """May be anything that is valid text; control characters have been replaced."""

    @property
    def status(self) -> int:
        """0 stopped, 1 queued to verify, 2 verifying, 3 queued to download, 4 downloading,
        5 queued to seed, 6 seeding. A failed torrent is 0 with `error`; one that waits for space or
        for its share is 4 with `waiting`."""

    @property
    def error(self) -> int:
        """0 none, 1 a tracker warns, 2 a tracker fails, 3 trouble here (disk, missing storage)."""

    @property
    def error_string(self) -> str:
        """Empty when `error` is 0."""

    @property
    def waiting(self) -> str:
        """Why it does not go on although it runs, in words ("disk full: ...", "has to upload 1.2 GB
        first", "moving: 40 %"); "" when it does."""

    @property
    def move(self) -> Move | None:
        """Not None from when `set_location` with `move` is answered until `directory` is the new
        place, or until it has failed, which `error` tells."""

    @property
    def is_private(self) -> bool: ...

    @property
    def is_finished(self) -> bool:
        """Stopped because it reached its ratio or idle limit."""

    @property
    def is_stalled(self) -> bool:
        """Running, but nothing has moved for the time of `queue_stalled_minutes`."""

    @property
    def comment(self) -> str: ...

    @property
    def creator(self) -> str: ...

    @property
    def date_created(self) -> float:
        """As its metainfo says, 0 if it does not."""

    @property
    def source(self) -> str:
        """The metainfo's `source` field, which private trackers use; "" without."""

    @property
    def directory(self) -> str:
        """Absolute: where its content belongs, whatever incomplete directory it is in now."""

    @property
    def torrent_file(self) -> str:
        """Absolute path of its metainfo, "" if there is none."""

    @property
    def added_date(self) -> float: ...

    @property
    def start_date(self) -> float: ...

    @property
    def done_date(self) -> float: ...

    @property
    def activity_date(self) -> float:
        """When payload last went either way."""

    @property
    def edit_date(self) -> float:
        """When a name, the trackers, files' paths or the directory last changed."""

    @property
    def total_size(self) -> int: ...

    @property
    def size_when_done(self) -> int:
        """Bytes of the wanted files."""

    @property
    def left_until_done(self) -> int:
        """Wanted bytes that are not verified yet."""

    @property
    def have_valid(self) -> int:
        """Verified bytes, wanted or not."""

    @property
    def have_unchecked(self) -> int:
        """Bytes of pieces that are not whole."""

    @property
    def desired_available(self) -> int:
        """Wanted bytes that are missing but that connected peers or web seeds have."""

    @property
    def downloaded_ever(self) -> int: ...

    @property
    def uploaded_ever(self) -> int: ...

    @property
    def corrupt_ever(self) -> int: ...

    @property
    def seconds_downloading(self) -> float: ...

    @property
    def seconds_seeding(self) -> float: ...

    @property
    def rate_download(self) -> float:
        """Bytes/s of payload."""

    @property
    def rate_upload(self) -> float: ...

    @property
    def eta(self) -> float | None:
        """Seconds until it is complete, or seeding until its ratio; None: no telling."""

    @property
    def eta_idle(self) -> float | None:
        """Seconds until the idle limit stops it; None when none applies."""

    @property
    def recheck_progress(self) -> float:
        """Share of a verification that is done, 0 to 1."""

    @property
    def metadata_percent_complete(self) -> float:
        """0 to 1; 1 once the metadata is known."""

    @property
    def file_count(self) -> int:
        """0 while the metadata is not known."""

    @property
    def piece_count(self) -> int: ...

    @property
    def piece_size(self) -> int: ...

    @property
    def peers_connected(self) -> int: ...

    @property
    def peers_getting_from_us(self) -> int: ...

    @property
    def peers_sending_to_us(self) -> int: ...

    @property
    def webseeds_sending_to_us(self) -> int: ...

    @property
    def chat_speakers(self) -> int:
        """Connected peers that can be talked to."""

    @property
    def peers_from(self) -> Mapping[str, int]:
        """Connected peers by `Peer.source`; what is missing is 0."""

    @property
    def trackers(self) -> Sequence[Tracker]:
        """In the order of their tiers."""

    @property
    def webseeds(self) -> Sequence[WebSeed]: ...

    @property
    def bandwidth_priority(self) -> int:
        """-1 low, 0 normal, 1 high."""

    @property
    def download_limit(self) -> int:
        """Bytes/s, honoured if `download_limited`."""

    @property
    def download_limited(self) -> bool: ...

    @property
    def upload_limit(self) -> int: ...

    @property
    def upload_limited(self) -> bool: ...

    @property
    def honors_session_limits(self) -> bool: ...

    @property
    def group(self) -> str:
        """Its bandwidth group, "" for none. One that is not there yet is made, without limits."""

    @property
    def peer_limit(self) -> int: ...

    @property
    def labels(self) -> Sequence[str]: ...

    @property
    def queue_position(self) -> int:
        """From 0, without gaps. Changing it shifts the others; too large means last."""

    @property
    def seed_ratio_limit(self) -> float: ...

    @property
    def seed_ratio_mode(self) -> int:
        """0 the session's limit, 1 its own, 2 none."""

    @property
    def seed_idle_limit(self) -> float:
        """Seconds."""

    @property
    def seed_idle_mode(self) -> int:
        """As `seed_ratio_mode`."""

    @property
    def sequential_download(self) -> bool: ...

    @property
    def sequential_download_from_piece(self) -> int: ...

    @property
    def min_share(self) -> float | None:
        """The share of its size that it must upload before its last piece is requested, 0 to 1;
        None: the session's. 0: it need not."""

    @property
    def chat(self) -> bool:
        """Whether its swarm can be talked to."""

    @property
    def chat_in_private(self) -> bool:
        """Whether also if it is private, or its metadata is not known."""

    def details(self) -> "Deferred[Details]":
        """Its files and pieces. Has fired already when they are in memory. Control lets go of
        them before it asks for the next torrent's."""

    def peers(self) -> Sequence[Peer]:
        """Its connections now."""

    def candidates(self) -> "Deferred[Sequence[Candidate]]":
        """The addresses that it knows, the best first; at most a few thousand."""
