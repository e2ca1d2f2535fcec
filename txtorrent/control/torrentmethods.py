"""The methods on torrents. Transmission's RPC specification, sections 3 and 4.6."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable, Collection, Sequence
from operator import attrgetter
from typing import Any, Final

from twisted.internet.defer import Deferred

from txtorrent.control.context import Call
from txtorrent.control.interfaces import Session
from txtorrent.control.magnet import from_info_hash
from txtorrent.control.method import IDS, PAUSED, Answer, Method, Result
from txtorrent.control.options import OPTIONS, check_indices, read_options
from txtorrent.control.params import FLAG, PATH, TEXT, Kind, Param, choice, list_of, text, whole
from txtorrent.control.rows import Rows, columns
from txtorrent.control.torrentview import Torrent
from txtorrent.control.trackeredits import edit
from txtorrent.errors import Code, RequestError

MAX_FIELDS: Final = 1000
"""Names in `fields`: far more than there are."""
MAX_METAINFO: Final = 16 * 1024 * 1024
"""Characters of base64, as many as fit into a request."""
MAX_LINK: Final = 64 * 1024
"""Characters of a magnet link or URL."""
MAX_TRACKER_LIST: Final = 1_100_000
"""Characters of a `tracker_list`: 500 URLs of 2 KB."""

_DONE: dict[str, Any] = {}
"""What methods answer that have nothing to say."""


def _act(
    on: Callable[[Session, Collection[Torrent]], "Deferred[None]"],
) -> Callable[[Call], Awaitable[Answer]]:
    """A method that does something with torrents and says nothing."""

    async def run(call: Call) -> Answer:
        torrents = call.chosen()
        if torrents:
            await on(call.session, torrents)
        return _DONE

    return run


def _in_queue_order(torrents: Collection[Torrent]) -> Sequence[Torrent]:
    return sorted(torrents, key=attrgetter("queue_position"))


def _start(now: bool) -> Callable[[Call], Awaitable[Answer]]:
    return _act(lambda session, torrents: session.start(_in_queue_order(torrents), now))


def _queue_move(where: str) -> Method:
    run = _act(lambda session, torrents: session.queue_move(torrents, where))
    doc = f"Move torrents {where} in the queue."
    return Method(f"queue_move_{where}", doc, (IDS,), (), run)


def torrent_get(call: Call) -> Answer:
    """Fields that we do not know are passed over; if none is left, that is an error."""
    chosen = columns([call.dialect.read(name) for name in call.params["fields"]], call.dialect)
    if not chosen:
        raise RequestError(Code.INVALID_PARAMS, "fields: none of them is known")
    rest = {}
    if call.is_recent:
        rest["removed"] = call.context.changes.recently_removed()
    is_table = call.params.get("format") == "table"
    return Rows(call.torrents(), chosen, is_table, rest)


async def torrent_set(call: Call) -> Answer:
    """All torrents or none: every change is checked against its torrent first."""
    options = read_options(call.params)
    torrents = call.chosen()
    changes = []
    for torrent in torrents:
        check_indices(torrent, options)
        trackers = edit(torrent, call.params)
        changes.append((torrent, options if trackers is None else options | {"trackers": trackers}))
    location = call.params.get("location")
    if location is not None:
        call.within_roots(location)
    if changes and changes[0][1]:
        await call.session.change(changes)
    if torrents and location is not None:
        await call.session.set_location(torrents, location, True)
    return _DONE


async def torrent_add(call: Call) -> Answer:
    """A torrent that is there already is no error."""
    params = call.params
    options: dict[str, Any] = read_options(params, on_add=True)
    if params.get("download_dir"):
        options["directory"] = call.within_roots(params["download_dir"])
    for name in ("paused", "cookies"):
        if name in params:
            options[name] = params[name]
    added = await call.session.add(_source(params), options)
    torrent, field = added.torrent, call.dialect.field
    told = {
        "id": torrent.id,
        "name": torrent.name,
        field("hash_string"): torrent.info_hash.hex(),
    }
    return {"torrent_duplicate" if added.is_duplicate else "torrent_added": told}


def _source(params: Any) -> bytes | str:
    """What `Session.add` takes, of `filename` or `metainfo`."""
    filename: str = params.get("filename", "").strip()
    if filename:
        return from_info_hash(filename) or filename
    if not params.get("metainfo"):
        raise RequestError(Code.INVALID_PARAMS, "no filename or metainfo specified")
    try:
        return b64decode("".join(params["metainfo"].split()), validate=True)
    except (Base64Error, ValueError):
        raise RequestError(Code.UNRECOGNIZED_INFO, "metainfo: this is no base64") from None


async def torrent_set_location(call: Call) -> Answer:
    """Answers when it has begun."""
    location = call.within_roots(call.params["location"])
    torrents = call.chosen()
    if torrents:
        await call.session.set_location(torrents, location, call.params.get("move", False))
    return _DONE


async def torrent_rename_path(call: Call) -> Answer:
    """Of one torrent."""
    torrent, path, name = call.only(), call.params["path"], call.params["name"]
    if not name or "/" in name or name in (".", ".."):
        raise RequestError(Code.INVALID_PARAMS, "name: one component of a path")
    await call.session.rename_path(torrent, path, name)
    return {"id": torrent.id, "path": path, "name": name}


async def torrent_remove(call: Call) -> Answer:
    """With their data if `delete_local_data`."""
    torrents = call.chosen()
    if torrents:
        await call.session.remove(torrents, call.params.get("delete_local_data", False))
    return _DONE


def _directory(name: str, value: Any) -> str:
    """Clients that have none to say send an empty one."""
    return "" if value == "" else str(PATH.read(name, value))


_ADDED = "With `id`, `name` and `hash_string`."
_TRACKER_PARAMS: Final = (
    Param("tracker_add", list_of(TEXT, 500), "Deprecated: URLs, each a tier.", is_field=True),
    Param("tracker_list", text(MAX_TRACKER_LIST), "URLs, tiers apart.", is_field=True),
    Param("tracker_remove", list_of(whole(0, 2**53)), "Deprecated: ids.", is_field=True),
    Param(
        "tracker_replace",
        Kind("list of ids and URLs in turns", lambda name, value: _list(name, value)),
        "Deprecated.",
        is_field=True,
    ),
)


def _list(name: str, value: Any) -> Any:
    return list_of(Kind("any", lambda _, each: each), 1000).read(name, value)


_NEW_OPTIONS = tuple(each.param for each in OPTIONS if each.on_add)

TORRENT_METHODS: Final[tuple[Method, ...]] = (
    Method("torrent_start", "Start torrents when it is their turn.", (IDS,), (), _start(False)),
    Method("torrent_start_now", "Start torrents, queue or not.", (IDS,), (), _start(True)),
    Method("torrent_stop", "Stop torrents.", (IDS,), (), _act(lambda s, some: s.stop(some))),
    Method(
        "torrent_verify",
        "Check the data of torrents, when it is their turn.",
        (IDS,),
        (),
        _act(lambda s, some: s.verify(some)),
    ),
    Method(
        "torrent_reannounce",
        "Ask trackers for peers now.",
        (IDS,),
        (),
        _act(lambda s, some: s.reannounce(some)),
    ),
    Method(
        "torrent_get",
        "Tell fields of torrents. A table has their names in its first row.",
        (
            IDS,
            Param("fields", list_of(TEXT, MAX_FIELDS), "Which; see below.", required=True),
            Param("format", choice("objects", "object", "table"), "Of `torrents`."),
        ),
        (
            Result("torrents", "list of objects or of lists", "In the order of the ids."),
            Result("removed", "list of integers", "Only with recently_active: those gone."),
        ),
        torrent_get,
    ),
    Method(
        "torrent_set",
        "Change torrents, all of them or none.",
        (
            IDS,
            *(each.param for each in OPTIONS),
            *_TRACKER_PARAMS,
            Param("location", PATH, "As `torrent_set_location`, moving."),
        ),
        (),
        torrent_set,
    ),
    Method(
        "torrent_add",
        "Add a torrent; `filename` or `metainfo` says which.",
        (
            Param(
                "filename", text(MAX_LINK), "URL, magnet link, info-hash, or path on the server."
            ),
            Param("metainfo", text(MAX_METAINFO), "The .torrent in base64."),
            Param("download_dir", Kind("absolute path", _directory), "Where its content goes."),
            Param("cookies", text(), "For the URL: name1=value1; name2=value2"),
            PAUSED,
            *_NEW_OPTIONS,
        ),
        (
            Result("torrent_added", "object", _ADDED),
            Result("torrent_duplicate", "object", f"If it is there already. {_ADDED}"),
        ),
        torrent_add,
    ),
    Method(
        "torrent_remove",
        "Remove torrents.",
        (IDS, Param("delete_local_data", FLAG, "Whether their data goes too; false.")),
        (),
        torrent_remove,
    ),
    Method(
        "torrent_set_location",
        "Say where the content of torrents is to be.",
        (
            IDS,
            Param("location", PATH, "Directory.", required=True),
            Param("move", FLAG, "Whether it is moved there, or looked for there; false."),
        ),
        (),
        torrent_set_location,
    ),
    Method(
        "torrent_rename_path",
        "Rename a file or folder of a torrent, or the torrent.",
        (
            IDS,
            Param("path", TEXT, "As in `files`.", required=True),
            Param("name", text(255), "Its new last component.", required=True),
        ),
        (
            Result("id", "integer", "The torrent's."),
            Result("path", "string", "As given."),
            Result("name", "string", "As given."),
        ),
        torrent_rename_path,
    ),
    *(_queue_move(where) for where in ("top", "up", "down", "bottom")),
)
