"""The methods on the session. Transmission's RPC specification, section 4."""

from typing import Any, Final

from twisted.logger import Logger

from txtorrent.control import preferences
from txtorrent.control.context import Call
from txtorrent.control.fields import KILO
from txtorrent.control.interfaces import Group, Totals
from txtorrent.control.method import Answer, Method, Result
from txtorrent.control.options import MAX_LIMIT
from txtorrent.control.params import FLAG, PATH, TEXT, Kind, Param, choice, list_of, rate, text
from txtorrent.errors import Code, RequestError

MAX_FIELDS: Final = 1000
MAX_GROUP: Final = 256
"""Characters of a group's name."""

_DONE: dict[str, Any] = {}
_log = Logger()


def session_get(call: Call) -> Answer:
    """Names that we do not know are passed over; without `fields`, all are told."""
    wanted = [call.dialect.read(name) for name in call.params.get("fields", ())]
    found = {}
    for name in dict.fromkeys(wanted) or preferences.names(call):
        try:
            found[name] = preferences.get(call, name)
        except KeyError:
            continue
    return found


async def session_set(call: Call) -> Answer:
    """All or none."""
    changes = preferences.read_changes(call, call.params)
    if changes:
        await call.session.settings.change(changes)
    return _DONE


def session_stats(call: Call) -> Answer:
    """What all torrents do together."""
    statistics = call.session.statistics()
    torrents = call.session.torrents
    active = sum(1 for torrent in torrents.values() if torrent.status)
    return {
        "active_torrent_count": active,
        "paused_torrent_count": len(torrents) - active,
        "torrent_count": len(torrents),
        "download_speed": int(statistics.rate_download),
        "upload_speed": int(statistics.rate_upload),
        "current_stats": _totals(call, statistics.current),
        "cumulative_stats": _totals(call, statistics.cumulative),
    }


def _totals(call: Call, totals: Totals) -> dict[str, int]:
    field = call.dialect.field
    return {
        field("uploaded_bytes"): totals.uploaded,
        field("downloaded_bytes"): totals.downloaded,
        field("files_added"): totals.files_added,
        field("seconds_active"): int(totals.seconds_active),
        field("session_count"): totals.session_count,
    }


def session_close(call: Call) -> Answer:
    """The answer still goes out."""
    _log.info("asked over the control API to end")
    call.session.close()
    return _DONE


async def blocklist_update(call: Call) -> Answer:
    """Answers when it has been fetched."""
    return {"blocklist_size": await call.session.update_blocklist()}


async def port_test(call: Call) -> Answer:
    """Answers when somebody outside has tried."""
    result = await call.session.test_port(call.params.get("ip_protocol", ""))
    told: dict[str, Any] = {"port_is_open": result.is_open}
    if result.family:
        told["ip_protocol"] = result.family
    return told


async def free_space(call: Call) -> Answer:
    """The path comes back as it was given: clients compare."""
    space = await call.session.free_space(PATH.read("path", call.params["path"]))
    return {"path": call.params["path"], "size_bytes": space.free, "total_size": space.total}


def group_get(call: Call) -> Answer:
    """Those of `name`, or all."""
    names = call.params.get("name")
    chosen = [each for name, each in call.session.groups.items() if not names or name in names]
    return {"group": [_group(call, each) for each in chosen]}


def _group(call: Call, group: Group) -> dict[str, Any]:
    key = call.dialect.key
    return {
        "name": group.name,
        key("honors_session_limits"): group.honors_session_limits,
        key("speed_limit_down"): group.download_limit // KILO,
        key("speed_limit_down_enabled"): group.download_limited,
        key("speed_limit_up"): group.upload_limit // KILO,
        key("speed_limit_up_enabled"): group.upload_limited,
    }


_GROUP_NAMES: Final = {
    "honors_session_limits": ("honors_session_limits", 1),
    "speed_limit_down": ("download_limit", KILO),
    "speed_limit_down_enabled": ("download_limited", 1),
    "speed_limit_up": ("upload_limit", KILO),
    "speed_limit_up_enabled": ("upload_limited", 1),
}
"""What the session calls it, and its scale."""


async def group_set(call: Call) -> Answer:
    """Makes the group if it is not there."""
    name = call.params["name"].strip()
    if not name:
        raise RequestError(Code.INVALID_PARAMS, "name: wants the name of a group")
    changes = {}
    for param, (attribute, scale) in _GROUP_NAMES.items():
        if param in call.params:
            value = call.params[param]
            changes[attribute] = value if scale == 1 else value * scale
    await call.session.set_group(name, changes)
    return _DONE


def _names(name: str, value: Any) -> tuple[str, ...]:
    return tuple(list_of(text(MAX_GROUP)).read(name, [value] if isinstance(value, str) else value))


_RATE = rate(MAX_LIMIT)
_STATS = (
    "With `uploaded_bytes`, `downloaded_bytes`, `files_added`, `seconds_active` and"
    " `session_count`."
)

SESSION_METHODS: Final[tuple[Method, ...]] = (
    Method(
        "session_get",
        "Tell settings and facts of the session.",
        (Param("fields", list_of(TEXT, MAX_FIELDS), "Which, of those below; all without it."),),
        (Result("...", "", "What was asked for."),),
        session_get,
    ),
    Method(
        "session_set",
        "Change settings, all of those given or none; see below for their names.",
        (),
        (),
        session_set,
        takes_all=True,
    ),
    Method(
        "session_stats",
        "Tell what all torrents do together.",
        (),
        (
            Result("active_torrent_count", "integer", "Not stopped.", True),
            Result("paused_torrent_count", "integer", "Stopped.", True),
            Result("torrent_count", "integer", "All.", True),
            Result("download_speed", "bytes/s", "Payload in.", True),
            Result("upload_speed", "bytes/s", "Payload out.", True),
            Result("current_stats", "object", f"Since the start. {_STATS}", True),
            Result("cumulative_stats", "object", f"Of all runs. {_STATS}", True),
        ),
        session_stats,
    ),
    Method("session_close", "End the daemon in good order.", (), (), session_close),
    Method(
        "blocklist_update",
        "Fetch the blocklist from `blocklist_url`.",
        (),
        (Result("blocklist_size", "integer", "Rules in it."),),
        blocklist_update,
    ),
    Method(
        "port_test",
        "Ask somebody outside whether our port can be reached.",
        (Param("ip_protocol", choice("ipv4", "ipv6"), "By which; either without it."),),
        (
            Result("port_is_open", "boolean", "Whether it can."),
            Result("ip_protocol", "string", "By which, if it is known."),
        ),
        port_test,
    ),
    Method(
        "free_space",
        "Tell the space of the file system that a directory is on.",
        (Param("path", TEXT, "Absolute.", required=True),),
        (
            Result("path", "string", "As given."),
            Result("size_bytes", "bytes", "Free."),
            Result("total_size", "bytes", "Free or not."),
        ),
        free_space,
    ),
    Method(
        "group_get",
        "Tell bandwidth groups.",
        (Param("name", Kind("string or list of strings", _names), "Which; all without it."),),
        (Result("group", "list of objects", "With the parameters of `group_set`."),),
        group_get,
    ),
    Method(
        "group_set",
        "Make or change a bandwidth group.",
        (
            Param("name", text(MAX_GROUP), "Which.", required=True),
            Param("honors_session_limits", FLAG, "Whether the session's limits count for it."),
            Param("speed_limit_down", _RATE, "Limit of all its torrents together."),
            Param("speed_limit_down_enabled", FLAG, "Whether it is in force."),
            Param("speed_limit_up", _RATE, "Limit of all its torrents together."),
            Param("speed_limit_up_enabled", FLAG, "Whether it is in force."),
        ),
        (),
        group_set,
    ),
)
