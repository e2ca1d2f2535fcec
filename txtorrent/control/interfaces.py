"""What the control API asks of a session and of its torrents.

Units: bytes, bytes/s, seconds; times are seconds since 1970 (int or float), 0 for never. Rates
in kB/s, minutes of idling and the like are the wire's and do not come past this room.

`torrentview` and `views` go on with what a torrent is. The rules for whoever provides these:

* All is called on the reactor's thread. An attribute answers at once, from memory, and raises
  nothing: 10,000 torrents are asked for thirty of them in half a second. What needs a disk or the
  network is a method that returns a Deferred.
* A Deferred of a change fires when the change would survive a kill. Changes of several torrents
  are one transaction: all or none.
* What cannot be granted is `txtorrent.errors.RequestError`, raised or as the Deferred's failure,
  and nothing has been changed then. Any other exception is a bug, and the client is told
  "Internal error".
* A torrent that was removed can still be asked; it answers what it last knew.
* What is passed to a change has the right types and has been checked against what is said here
  (ranges, indices, URLs, allowed roots); what only the session can know, it checks itself.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from txtorrent.control.chatview import Chat, ChatMessage
from txtorrent.control.dhtview import Dht, PeerSources
from txtorrent.control.torrentview import Torrent


class Added(Protocol):
    """What came of adding."""

    @property
    def torrent(self) -> Torrent:
        """The new one, or the one that was there already."""

    @property
    def is_duplicate(self) -> bool: ...


class Group(Protocol):
    """A bandwidth group: limits that its torrents share. The names can be changed."""

    @property
    def name(self) -> str: ...

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


class Totals(Protocol):
    """Counters of this run or of all runs."""

    @property
    def uploaded(self) -> int: ...

    @property
    def downloaded(self) -> int: ...

    @property
    def files_added(self) -> int: ...

    @property
    def seconds_active(self) -> float: ...

    @property
    def session_count(self) -> int: ...


class Statistics(Protocol):
    """What all torrents do together."""

    @property
    def rate_download(self) -> float: ...

    @property
    def rate_upload(self) -> float: ...

    @property
    def current(self) -> Totals: ...

    @property
    def cumulative(self) -> Totals: ...


class Space(Protocol):
    """Of a file system, in bytes; `free` is what an unprivileged user may still write."""

    @property
    def free(self) -> int: ...

    @property
    def total(self) -> int: ...


class PortTest(Protocol):
    """Whether peers reach us."""

    @property
    def is_open(self) -> bool: ...

    @property
    def family(self) -> str:
        """ipv4 or ipv6, "" unknown."""


class Ban(Protocol):
    """An address that is not talked to."""

    @property
    def host(self) -> str:
        """An IPv4 address, or an IPv6 network (/64)."""

    @property
    def until(self) -> float: ...

    @property
    def reason(self) -> str: ...


class Settings(Protocol):
    """The session's settings, by the names of Transmission's `session_get` where it has one, by
    ours (without prefix) where it has none.

    Units: limits of rates (`speed_limit_down`, `speed_limit_up`, `alt_speed_down`,
    `alt_speed_up`) are bytes/s, `idle_seeding_limit` seconds; what names its unit has it
    (`queue_stalled_minutes`), `alt_speed_time_begin` and `_end` are minutes after midnight. Values
    are what JSON has: bool, int, float, str, lists and dicts of these.

    What of Transmission's is missing here is answered with what is true of a session that lacks
    the feature, and setting it is ignored."""

    def names(self) -> Collection[str]:
        """All settings that may be read."""

    def get(self, name: str) -> Any:
        """KeyError: no such setting."""

    def change(self, changes: Mapping[str, Any]) -> "Deferred[None]":
        """Set several, or none: RequestError (INVALID_PARAMS, PATH_NOT_ABSOLUTE) names the first
        that is wrong, of the wrong type, out of range, unknown, or to be set in the file only."""


class Observer(Protocol):
    """Provided by control, called by the session, on the reactor's thread, behind each change.

    It is quick and raises nothing. `names` are names of attributes of `Torrent` or of settings.
    Counters and rates that move all the time (rate_download, downloaded_ever, left_until_done,
    peers_connected, ...) are told at most once a second for a torrent, in one call; for "peers",
    "files" and "trackers" (the state of any of them) the same."""

    def torrent_added(self, torrent: Torrent) -> None:
        """It can be found and asked."""

    def torrent_removed(self, torrent: Torrent) -> None:
        """It is no longer found."""

    def torrent_changed(self, torrent: Torrent, names: Iterable[str]) -> None:
        """These are not what they were."""

    def settings_changed(self, names: Iterable[str]) -> None:
        """These are not what they were."""

    def chat_message(self, torrent: Torrent, message: ChatMessage) -> None:
        """Something was said in its swarm, by others or by us."""


class Session(Protocol):
    """All torrents of one daemon."""

    @property
    def chat(self) -> Chat: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def torrents(self) -> Mapping[bytes, Torrent]:
        """By 20-byte info-hash, in the order of their ids."""

    @property
    def groups(self) -> Mapping[str, Group]:
        """By name."""

    @property
    def roots(self) -> Sequence[str]:
        """Absolute directories that content may lie in or below; none: anywhere. Control compares
        text; the session looks at links where it opens the directory."""

    @property
    def config_dir(self) -> str:
        """Absolute: where settings and state are."""

    @property
    def port(self) -> int:
        """That peers reach us at."""

    @property
    def blocklist_size(self) -> int:
        """Rules in force."""

    @property
    def download_dir_free(self) -> int | None:
        """Bytes free in the setting `download_dir` when last looked, within a minute or so; None:
        not known."""

    @property
    def peer_sources(self) -> PeerSources:
        """How peers are found besides by trackers, and how they find us, just now."""

    @property
    def dht(self) -> Dht:
        """The distributed hash table, whether it is on or not."""

    def find(self, torrent_id: int) -> Torrent | None:
        """The torrent of this id."""

    def add(self, source: bytes | str, options: Mapping[str, Any]) -> "Deferred[Added]":
        """Add a torrent; the Deferred fires when it is recorded, before it is checked or begun.

        `source`: the bytes of a .torrent; or a magnet link; or an http or https URL of a
        .torrent; or an absolute path of one on this machine. `options`, each of them optional:
        `directory` (absolute, within `roots`); `paused` (bool; without it the setting
        `start_added_torrents` decides); `cookies` (the value of a Cookie header for the URL); and
        of `Torrent`: `bandwidth_priority`, `labels`, `peer_limit`, `sequential_download`,
        `sequential_download_from_piece`, `group`, `min_share`, `chat`, `chat_in_private`; and of
        `change`: `files_wanted`, `files_unwanted`, `priority_high`, `priority_low`,
        `priority_normal`, where indices have not been checked yet (FILE_INDEX, PIECE_INDEX).

        RequestError: UNRECOGNIZED_INFO (not a torrent, no such file), CORRUPT_TORRENT,
        HTTP_ERROR, SYSTEM_ERROR, INVALID_PARAMS."""

    def remove(self, torrents: Collection[Torrent], delete_data: bool) -> "Deferred[None]":
        """Fires when they are off the list for good; their data is deleted behind that."""

    def start(self, torrents: Collection[Torrent], now: bool) -> "Deferred[None]":
        """Those that are stopped, in the order given; `now`: whatever the queue says."""

    def stop(self, torrents: Collection[Torrent]) -> "Deferred[None]":
        """Fires when that is recorded; they end behind that."""

    def verify(self, torrents: Collection[Torrent]) -> "Deferred[None]":
        """Check their data when it is their turn; seen in `status`."""

    def reannounce(self, torrents: Collection[Torrent]) -> "Deferred[None]":
        """Ask their trackers soon, however short the time since the last announce."""

    def change(self, changes: Sequence[tuple[Torrent, Mapping[str, Any]]]) -> "Deferred[None]":
        """Change torrents, all or none. Keys are the changeable names of `Torrent`, and:

        `files_unwanted`, `files_wanted`, `priority_high`, `priority_low`, `priority_normal`
        (a tuple of file indices, () for all files; applied in this order), and `trackers`: a tuple
        of tiers, each a tuple of URLs, what they are from now on."""

    def set_location(
        self, torrents: Collection[Torrent], directory: str, move: bool
    ) -> "Deferred[None]":
        """Their content belongs in `directory` from now on (absolute, within `roots`). `move`: it
        is moved there, otherwise looked for there and verified. Fires when it has been begun."""

    def rename_path(self, torrent: Torrent, path: str, name: str) -> "Deferred[None]":
        """Give the file or folder at `path` (as in `File.name`, or the torrent's name) the last
        component `name`. RequestError: INVALID_PARAMS (no such path; `name` is empty, has a
        slash, or is . or ..), SYSTEM_ERROR (taken, no permission)."""

    def queue_move(self, torrents: Collection[Torrent], where: str) -> "Deferred[None]":
        """`where`: top, up, down or bottom. They keep their order among themselves."""

    def set_group(self, name: str, changes: Mapping[str, Any]) -> "Deferred[None]":
        """Make or change a bandwidth group; keys are names of `Group` but `name`."""

    def statistics(self) -> Statistics:
        """At once."""

    def free_space(self, path: str) -> "Deferred[Space]":
        """Of the file system of an absolute path; SYSTEM_ERROR if it cannot be told."""

    def test_port(self, family: str) -> "Deferred[PortTest]":
        """`family`: ipv4, ipv6, or "" for either. HTTP_ERROR if nobody could be asked."""

    def update_blocklist(self) -> "Deferred[int]":
        """Fetch `blocklist_url`; the number of its rules. HTTP_ERROR, BLOCKLIST."""

    def bans(self) -> Sequence[Ban]:
        """Those in force."""

    def ban(self, host: str, seconds: float, reason: str) -> "Deferred[None]":
        """Ban an IP address and close its connections."""

    def unban(self, hosts: Collection[str] | None) -> "Deferred[None]":
        """Lift these bans, as `Ban.host` has them, or all."""

    def observe(self, observer: Observer) -> None:
        """Tell it of every change from now on."""

    def close(self) -> None:
        """Ask the daemon to end in good order, soon: the answer still goes out."""
