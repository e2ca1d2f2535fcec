"""The one table of a torrent's fields: what `torrent_get` may be asked for.

The API's names, units and shapes are those of Transmission's RPC specification, section 3.3; what
begins with `tx_` is ours. `get` takes a torrent, or its details where `of_details` says so.
"""

from base64 import b64encode
from collections.abc import Callable
from itertools import groupby
from mimetypes import guess_type
from operator import attrgetter
from typing import Any, Final

from attrs import frozen

from txtorrent.control import nested
from txtorrent.control.dialect import Dialect
from txtorrent.control.magnet import magnet_link
from txtorrent.control.nested import Pairs, Table, objects, spelt, whole
from txtorrent.control.torrentview import Torrent
from txtorrent.control.views import Details

KILO: Final = 1000
"""Bytes of a kB, as `units` in `session_get` tells clients."""
MINUTE: Final = 60
NOT_AVAILABLE: Final = -1
UNKNOWN: Final = -2
"""A time or a ratio that makes no sense now, or that nobody can tell (a ratio: infinite)."""
NO_MIME_TYPE: Final = "application/octet-stream"


@frozen
class Field:
    """A field. Of a `table` it is a list of objects; `items` gives what they are made of.

    `told_by`: the attributes of a torrent whose change is this field's, of its own name if none."""

    name: str
    type: str
    doc: str
    get: Callable[[Any], Any]
    table: Table | None = None
    of_details: bool = False
    is_list: bool = False
    told_by: tuple[str, ...] = ()

    def reader(self, dialect: Dialect) -> Callable[[Any], Any]:
        """What reads it in a dialect, from the torrent or from its details.

        A list may be long: what it gives then is taken apart by `item_reader`."""
        if self.table is None or self.is_list:
            return self.get
        return _Object(self.get, spelt(self.table, dialect))

    def item_reader(self, dialect: Dialect) -> Callable[[Any], Any]:
        """What makes values of a slice of a list."""
        if self.table is not None:
            return _Objects(spelt(self.table, dialect))
        if self.name == "wanted" and dialect.is_legacy:
            return lambda items: [int(item) for item in items]
        return list


@frozen
class _Object:
    get: Callable[[Any], Any]
    pairs: Pairs

    def __call__(self, source: Any) -> dict[str, Any] | None:
        item = self.get(source)
        return None if item is None else {name: read(item) for name, read in self.pairs}


@frozen
class _Objects:
    pairs: Pairs

    def __call__(self, items: Any) -> list[dict[str, Any]]:
        return objects(items, self.pairs)


def _plain(name: str, type_: str, doc: str, attribute: str = "") -> Field:
    return Field(name, type_, doc, attrgetter(attribute or name), told_by=(attribute or name,))


def _whole(name: str, type_: str, doc: str) -> Field:
    return Field(name, type_, doc, whole(name), told_by=(name,))


def _scaled(name: str, type_: str, doc: str, scale: int) -> Field:
    get = attrgetter(name)
    return Field(name, type_, doc, lambda torrent: int(get(torrent)) // scale, told_by=(name,))


def _list(name: str, table: Table, doc: str, get: Callable[[Any], Any], told_by: str) -> Field:
    return Field(name, "list of objects", doc, get, table, is_list=True, told_by=(told_by,))


def _of_files(name: str, type_: str, doc: str, table: Table | None, attribute: str = "") -> Field:
    """A value for each file."""

    def get(details: Details) -> Any:
        if not attribute:
            return details.files
        read = attrgetter(attribute)
        return [read(file) for file in details.files]

    return Field(name, f"list of {type_}", doc, get, table, True, True, ("files",))


def _eta(torrent: Torrent) -> int:
    if torrent.eta is None:
        return UNKNOWN if torrent.status else NOT_AVAILABLE
    return int(torrent.eta)


def _eta_idle(torrent: Torrent) -> int:
    return NOT_AVAILABLE if torrent.eta_idle is None else int(torrent.eta_idle)


def _percent_complete(torrent: Torrent) -> float:
    return torrent.have_valid / torrent.total_size if torrent.total_size else 0.0


def _percent_done(torrent: Torrent) -> float:
    """A torrent without metadata has no size yet, and is not done."""
    if not torrent.size_when_done:
        return 1.0 if torrent.metadata_percent_complete >= 1 else 0.0
    return 1 - torrent.left_until_done / torrent.size_when_done


def _ratio(torrent: Torrent) -> float:
    """Against what was downloaded, or what was there already."""
    base = torrent.downloaded_ever or torrent.have_valid
    if base:
        return torrent.uploaded_ever / base
    return float(UNKNOWN if torrent.uploaded_ever else NOT_AVAILABLE)


def _mime_type(details: Details) -> str:
    """What most of it is, by the name of the largest file."""
    largest = max(details.files, key=attrgetter("length"), default=None)
    return (largest and guess_type(largest.name, strict=False)[0]) or NO_MIME_TYPE


def tracker_list(torrent: Torrent) -> str:
    """Announce URLs, one on a line, an empty line between tiers."""
    tiers = groupby(torrent.trackers, attrgetter("tier"))
    return "\n\n".join("\n".join(each.announce for each in tier) for _, tier in tiers)


_RATE, _BYTES, _TIME = "bytes/s", "bytes", "epoch seconds, 0 for never"
_SHARE, _MODE = "number 0 to 1", "integer 0 to 2"

_ALL: tuple[Field, ...] = (
    _whole("activity_date", _TIME, "When payload last went either way."),
    _whole("added_date", _TIME, "When it was added."),
    Field(
        "availability",
        "list of integers",
        "For each piece, how many connected peers have it; -1 where we have it.",
        attrgetter("availability"),
        None,
        True,
        True,
        ("availability",),
    ),
    _plain("bandwidth_priority", "-1, 0 or 1", "How it stands against other torrents."),
    _of_files("bytes_completed", "bytes", "What is had of each file.", None, "completed"),
    _plain("comment", "string", "The metainfo's."),
    _plain("corrupt_ever", _BYTES, "Received in pieces that failed their hash."),
    _plain("creator", "string", "Program that made the metainfo."),
    _whole("date_created", _TIME, "When it did, by its own account."),
    _plain("desired_available", _BYTES, "Missing and wanted, but had by connected peers."),
    _whole("done_date", _TIME, "When it was complete."),
    _plain("download_dir", "string", "Where its content belongs.", "directory"),
    _plain("downloaded_ever", _BYTES, "Received payload."),
    _scaled("download_limit", "kB/s", "Its own limit, if `download_limited`.", KILO),
    _plain("download_limited", "boolean", "Whether `download_limit` counts."),
    _whole("edit_date", _TIME, "When its name, files, trackers or directory last changed."),
    _plain("error", "integer 0 to 3", "0 none, 1 tracker warns, 2 tracker fails, 3 trouble here."),
    _plain("error_string", "string", "What is wrong, in words."),
    Field("eta", "seconds", "Until it is complete, or reached its ratio; -1, -2.", _eta),
    Field("eta_idle", "seconds", "Until the idle limit stops it; -1: never.", _eta_idle),
    _plain("file_count", "integer", "How many files; 0 while the metadata is not known."),
    _of_files("files", "objects", "Its files.", nested.FILE),
    _of_files("file_stats", "objects", "The changing part of `files`.", nested.FILE_STATS),
    _plain("group", "string", "Its bandwidth group."),
    Field("hash_string", "string", "Info-hash in hexadecimal.", lambda each: each.info_hash.hex()),
    _plain("have_unchecked", _BYTES, "Of pieces that are not whole."),
    _plain("have_valid", _BYTES, "Of verified pieces."),
    _plain("honors_session_limits", "boolean", "Whether the session's limits count for it."),
    _plain("id", "integer", "Names it while the daemon runs."),
    _plain("is_finished", "boolean", "Stopped, having reached its ratio or idle limit."),
    _plain("is_private", "boolean", "Whether only its trackers may name peers."),
    _plain("is_stalled", "boolean", "Running, but nothing has moved for long."),
    Field("labels", "list of strings", "Its labels.", lambda each: list(each.labels)),
    _plain("left_until_done", _BYTES, "Wanted and missing."),
    Field("magnet_link", "string", "A link to it.", magnet_link, told_by=("name",)),
    Field("manual_announce_time", _TIME, "Always 0: announce whenever you like.", lambda _: 0),
    _plain("max_connected_peers", "integer", "The same as `peer_limit`.", "peer_limit"),
    _plain("metadata_percent_complete", _SHARE, "How much of the metadata is known."),
    _plain("name", "string", "Its name."),
    _plain("peer_limit", "integer", "At most so many connections."),
    _list("peers", nested.PEER, "Its connections.", lambda each: each.peers(), "peers"),
    _plain("peers_connected", "integer", "How many connections."),
    Field("peers_from", "object", "By source.", attrgetter("peers_from"), nested.PEERS_FROM),
    _plain("peers_getting_from_us", "integer", "Peers that we upload to."),
    _plain("peers_sending_to_us", "integer", "Peers that we download from."),
    Field(
        "percent_complete",
        _SHARE,
        "Verified share of all files.",
        _percent_complete,
        told_by=("have_valid", "total_size"),
    ),
    Field(
        "percent_done",
        _SHARE,
        "Verified share of the wanted files.",
        _percent_done,
        told_by=("left_until_done", "size_when_done", "metadata_percent_complete"),
    ),
    Field(
        "pieces",
        "base64",
        "Bitfield of verified pieces.",
        lambda details: b64encode(details.have).decode(),
        of_details=True,
        told_by=("have_valid",),
    ),
    _plain("piece_count", "integer", "How many pieces."),
    _plain("piece_size", _BYTES, "Of each but the last."),
    _of_files("priorities", "-1, 0 or 1", "Of each file.", None, "priority"),
    Field(
        "primary_mime_type",
        "string",
        "What most of it is.",
        _mime_type,
        of_details=True,
        told_by=("files",),
    ),
    _plain("queue_position", "integer", "From 0."),
    _whole("rate_download", _RATE, "Payload in."),
    _whole("rate_upload", _RATE, "Payload out."),
    _plain("recheck_progress", _SHARE, "How much of a verification is done."),
    _whole("seconds_downloading", "seconds", "Spent so."),
    _whole("seconds_seeding", "seconds", "Spent so."),
    _scaled("seed_idle_limit", "minutes", "Its own limit, by `seed_idle_mode`.", MINUTE),
    _plain("seed_idle_mode", _MODE, "0 the session's limit, 1 its own, 2 none."),
    _plain("seed_ratio_limit", "number", "Its own limit, by `seed_ratio_mode`."),
    _plain("seed_ratio_mode", _MODE, "0 the session's limit, 1 its own, 2 none."),
    _plain("sequential_download", "boolean", "Whether pieces are requested in their order."),
    _plain("sequential_download_from_piece", "integer", "Where that order begins."),
    _plain("size_when_done", _BYTES, "Of the wanted files."),
    _plain("source", "string", "The metainfo's, which private trackers use."),
    _whole("start_date", _TIME, "When it was last started."),
    _plain(
        "status",
        "integer 0 to 6",
        "0 stopped, 1 queued to verify, 2 verifying, 3 queued to download, 4 downloading,"
        " 5 queued to seed, 6 seeding.",
    ),
    _plain("torrent_file", "string", "Where its metainfo is."),
    _plain("total_size", _BYTES, "Of all files."),
    _list("trackers", nested.TRACKER, "Its trackers.", attrgetter("trackers"), "trackers"),
    Field(
        "tracker_list",
        "string",
        "Announce URLs in lines, an empty line between tiers.",
        tracker_list,
        told_by=("trackers",),
    ),
    _list(
        "tracker_stats",
        nested.TRACKER_STATS,
        "How they answer.",
        attrgetter("trackers"),
        "trackers",
    ),
    _plain("uploaded_ever", _BYTES, "Sent payload."),
    _scaled("upload_limit", "kB/s", "Its own limit, if `upload_limited`.", KILO),
    _plain("upload_limited", "boolean", "Whether `upload_limit` counts."),
    Field(
        "upload_ratio",
        "number",
        "Uploaded for each byte downloaded; -1 nothing yet, -2 infinite.",
        _ratio,
        told_by=("uploaded_ever", "downloaded_ever"),
    ),
    _of_files("wanted", "boolean", "Of each file.", None, "wanted"),
    Field(
        "webseeds", "list of strings", "URLs.", lambda each: [seed.url for seed in each.webseeds]
    ),
    _list("webseeds_ex", nested.WEBSEED, "Web seeds.", attrgetter("webseeds"), "webseeds"),
    _plain("webseeds_sending_to_us", "integer", "Web seeds that we download from."),
    _plain("tx_chat", "boolean", "Whether its swarm can be talked to.", "chat"),
    _plain(
        "tx_chat_in_private",
        "boolean",
        "Whether also if it is private; until its metadata is known it may be.",
        "chat_in_private",
    ),
    Field(
        "tx_chat_speakers",
        "integer",
        "Connected peers that can be talked to.",
        attrgetter("chat_speakers"),
        told_by=("chat_speakers",),
    ),
    _plain("tx_min_share", "number 0 to 1, or null", "Its fair share; null: ours.", "min_share"),
    Field(
        "tx_move",
        "object or null",
        "Its content on the way to another directory.",
        attrgetter("move"),
        nested.MOVE,
        told_by=("move",),
    ),
    _plain("tx_waiting", "string", "Why it does not go on although it runs.", "waiting"),
)

FIELDS: Final[dict[str, Field]] = {field.name: field for field in _ALL}

TOLD_BY: Final[dict[str, list[str]]] = {}
"""For each attribute of a torrent, the fields that change with it."""
for _field in _ALL:
    for _attribute in _field.told_by or (_field.name,):
        TOLD_BY.setdefault(_attribute, []).append(_field.name)
