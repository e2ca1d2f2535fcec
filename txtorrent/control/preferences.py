"""The one table of what `session_get` tells and `session_set` takes.

Names, units and shapes are those of Transmission's RPC specification, section 4.1. A setting that
the session lacks is answered with what is true without it, and setting it changes nothing.
Settings of ours that Transmission has no name for are `tx_` and their name.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen

from txtorrent import __version__
from txtorrent.control.context import Call
from txtorrent.control.fields import KILO, MINUTE
from txtorrent.control.params import (
    FLAG,
    MAX_INTEGER,
    PATH,
    TEXT,
    Kind,
    choice,
    list_of,
    number,
    rate,
    text,
    whole,
)
from txtorrent.errors import Code, RequestError

RPC_VERSION: Final = 19
RPC_VERSION_MINIMUM: Final = 14
RPC_VERSION_SEMVER: Final = "6.0.1"
VERSION: Final = f"4.1.3 (txtorrent {__version__})"
"""Clients look for a number of Transmission's in it and use what that one can do."""
OURS: Final = "tx_"
MAX_RATE: Final = 2**31 - 1
"""kB/s."""
MAX_TRACKERS_TEXT: Final = 100_000
"""Characters of the default trackers' list."""
UNITS: Final = {
    "memory_bytes": 1024,
    "memory_units": ["B", "KiB", "MiB", "GiB", "TiB"],
    "size_bytes": KILO,
    "size_units": ["B", "kB", "MB", "GB", "TB"],
    "speed_bytes": KILO,
    "speed_units": ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"],
}


@frozen
class Preference:
    """One name. `scale`: how many of the session's units are one of the API's. `tell`: what
    answers instead of a setting, which cannot be set then; `show`: what is true rather than the
    setting, which still can. `default`: without that setting."""

    name: str
    kind: Kind
    doc: str
    default: Any = None
    scale: int = 1
    tell: Callable[[Call], Any] | None = None
    show: Callable[[Call], Any] | None = None
    file_only: bool = False

    def get(self, call: Call) -> Any:
        """What `session_get` tells."""
        answer = self.tell or self.show
        if answer is not None:
            return answer(call)
        try:
            value = call.session.settings.get(self.name)
        except KeyError:
            return self.default
        if self.name == "encryption" and value == "allowed" and call.dialect.is_legacy:
            return "tolerated"
        return value if self.scale == 1 else int(value) // self.scale

    def read(self, call: Call, value: Any) -> Any:
        """A value of `session_set`, as the session has it. RequestError if it cannot be."""
        if self.file_only:
            if value == self.get(call):
                return value
            raise RequestError(
                Code.INVALID_PARAMS, f"{self.name}: can be set in the configuration file only"
            )
        value = self.kind.read(self.name, value)
        if self.kind is PATH:
            call.within_roots(value)
        if value == "tolerated":
            return "allowed"
        return value if self.scale == 1 else value * self.scale

    @property
    def is_settable(self) -> bool:
        """Whether `session_set` takes it."""
        return self.tell is None and not self.file_only


def _rate(name: str, doc: str) -> Preference:
    return Preference(name, rate(MAX_RATE), doc, 0, KILO)


def _flag(name: str, doc: str, default: bool = False) -> Preference:
    return Preference(name, FLAG, doc, default)


def _count(name: str, doc: str, default: int = 0, low: int = 0) -> Preference:
    return Preference(name, whole(low, MAX_INTEGER), doc, default)


def _minutes(name: str, doc: str) -> Preference:
    return Preference(name, whole(0, 24 * 60 - 1, "after midnight"), doc, 0)


def _told(name: str, kind: Kind, doc: str, tell: Callable[[Call], Any]) -> Preference:
    return Preference(name, kind, doc, tell=tell)


def _script(name: str) -> tuple[Preference, ...]:
    doc = "Set in the configuration file only: what is run is not for callers to say."
    return (
        Preference(f"script_torrent_{name}_enabled", FLAG, doc, False, file_only=True),
        Preference(f"script_torrent_{name}_filename", TEXT, doc, "", file_only=True),
    )


def _free(call: Call) -> int:
    free = call.session.download_dir_free
    return -1 if free is None else free


def _units(call: Call) -> Mapping[str, Any]:
    return {call.dialect.key(name): value for name, value in UNITS.items()}


_BYTES: Final = whole(-1, MAX_INTEGER, "bytes")

_ALL: tuple[Preference, ...] = (
    _rate("alt_speed_down", "Alternative limit."),
    _flag("alt_speed_enabled", "Whether the alternative limits are in force."),
    _minutes("alt_speed_time_begin", "When they begin."),
    Preference("alt_speed_time_day", whole(0, 127), "Days: 1 Sunday, 2 Monday, ... added.", 127),
    _flag("alt_speed_time_enabled", "Whether they follow the clock."),
    _minutes("alt_speed_time_end", "When they end."),
    _rate("alt_speed_up", "Alternative limit."),
    _flag("anti_brute_force_enabled", "Guessing passwords is always made slow.", True),
    _count("anti_brute_force_threshold", "Unused: nobody is locked out.", 100),
    _flag("blocklist_enabled", "Whether the blocklist is used."),
    _told(
        "blocklist_size", whole(0, MAX_INTEGER), "Rules in it.", lambda c: c.session.blocklist_size
    ),
    Preference("blocklist_url", text(), "Where `blocklist_update` fetches it.", ""),
    _count("cache_size_mib", "Deprecated; unused."),
    _told("config_dir", PATH, "Where settings and state are.", lambda c: c.session.config_dir),
    Preference(
        "default_trackers",
        text(MAX_TRACKERS_TEXT),
        "Trackers of every public torrent: URLs in lines, an empty line between tiers.",
        "",
    ),
    _flag("dht_enabled", "Distributed hash table."),
    Preference("download_dir", PATH, "Where content goes unless told.", ""),
    _told("download_dir_free_space", _BYTES, "Deprecated: `free_space`; -1 unknown.", _free),
    _flag("download_queue_enabled", "Whether so many torrents may download at once."),
    _count("download_queue_size", "So many."),
    Preference(
        "encryption",
        choice("required", "preferred", "allowed", "tolerated"),
        'Of connections; `allowed` is "tolerated" in the legacy dialect.',
        "allowed",
    ),
    Preference(
        "idle_seeding_limit",
        whole(0, MAX_RATE, "minutes"),
        "Seeding ends after so long without payload.",
        0,
        MINUTE,
    ),
    _flag("idle_seeding_limit_enabled", "Whether it does."),
    Preference("incomplete_dir", PATH, "Where incomplete content is.", ""),
    _flag("incomplete_dir_enabled", "Whether it is there."),
    _flag("lpd_enabled", "Local peer discovery."),
    _count("peer_limit_global", "Connections of all torrents.", 0, 1),
    _count("peer_limit_per_torrent", "Connections of a torrent, unless told.", 0, 1),
    Preference("peer_port", whole(0, 65535), "Port for peers.", show=lambda c: c.session.port),
    _flag("peer_port_random_on_start", "Whether it is another one at each start."),
    _flag("pex_enabled", "Peer exchange."),
    _flag("port_forwarding_enabled", "Whether the router is asked to forward the port."),
    Preference("preferred_transports", list_of(choice("utp", "tcp"), 2), "In this order.", ["tcp"]),
    _flag("queue_stalled_enabled", "Whether torrents that move nothing leave the queue's count."),
    _count("queue_stalled_minutes", "After so long."),
    _flag("rename_partial_files", "Whether incomplete files are called .part."),
    _count("reqq", "Requests that a peer may have waiting.", 500, 1),
    _told("rpc_version", whole(0, 99), "Of this API.", lambda _: RPC_VERSION),
    _told("rpc_version_minimum", whole(0, 99), "Oldest known.", lambda _: RPC_VERSION_MINIMUM),
    _told("rpc_version_semver", TEXT, "Of this API.", lambda _: RPC_VERSION_SEMVER),
    *_script("added"),
    *_script("done"),
    *_script("done_seeding"),
    _flag("seed_queue_enabled", "Whether so many torrents may seed at once."),
    _count("seed_queue_size", "So many."),
    Preference("seed_ratio_limit", number(0, MAX_RATE), "Seeding ends at this ratio.", 0.0),
    _flag("seed_ratio_limited", "Whether it does."),
    _flag("sequential_download", "Whether added torrents request pieces in order."),
    _told("session_id", TEXT, "As in the header.", lambda call: call.context.session_id),
    _rate("speed_limit_down", "Limit of all torrents together."),
    _flag("speed_limit_down_enabled", "Whether it is in force."),
    _rate("speed_limit_up", "Limit of all torrents together."),
    _flag("speed_limit_up_enabled", "Whether it is in force."),
    _flag("start_added_torrents", "Whether added torrents start.", True),
    _told("tcp_enabled", FLAG, "Deprecated: `preferred_transports`.", lambda _: True),
    _flag("trash_original_torrent_files", "Whether watched .torrent files are deleted."),
    _told("units", Kind("object", TEXT.read), "Of `session_get` and its like.", _units),
    _flag("utp_enabled", "Deprecated: `preferred_transports`."),
    _told(
        "version", TEXT, "Ours, after the one of Transmission it compares to.", lambda _: VERSION
    ),
)

PREFERENCES: Final[dict[str, Preference]] = {each.name: each for each in _ALL}


def wire_name(setting: str) -> str:
    """The API's name of a setting."""
    return setting if setting in PREFERENCES else OURS + setting


def get(call: Call, wanted: str) -> Any:
    """The value of a preference or of a setting of ours. KeyError: no such name."""
    if wanted in PREFERENCES:
        return PREFERENCES[wanted].get(call)
    if not wanted.startswith(OURS) or wanted[len(OURS) :] in PREFERENCES:
        raise KeyError(wanted)
    return call.session.settings.get(wanted[len(OURS) :])


def names(call: Call) -> list[str]:
    """All that can be asked for."""
    return sorted({*PREFERENCES, *map(wire_name, call.session.settings.names())})


def read_changes(call: Call, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the session is to be told of what `session_set` was given."""
    changes: dict[str, Any] = {}
    known = call.session.settings.names()
    for name, value in given.items():
        preference = PREFERENCES.get(name)
        if preference is None:
            if name.startswith(OURS) and name[len(OURS) :] not in PREFERENCES:
                changes[name[len(OURS) :]] = value
        elif preference.tell is None:
            value = preference.read(call, value)
            if name in known and not preference.file_only:
                changes[name] = list(value) if isinstance(value, tuple) else value
    return changes
