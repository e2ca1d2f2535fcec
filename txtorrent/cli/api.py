"""The control API as the commands use it: methods, fields, and what of them is ours.

Transmission's (rpc-spec 6.0, JSON-RPC 2.0, snake_case) are used as specified there: torrent_get
(always in the `table` format), torrent_set, torrent_add, torrent_remove, torrent_start,
torrent_start_now, torrent_stop, torrent_verify, torrent_reannounce, torrent_set_location,
torrent_rename_path, queue_move_top, queue_move_up, queue_move_down, queue_move_bottom,
session_get, session_set, session_stats, session_close, free_space, port_test, blocklist_update,
group_get, group_set.

Ours. Where a daemon lacks a field (Transmission does), there is less to show, no more; where it
lacks a method, the command that needs it says so.

Torrent fields, of torrent_get; the first also of torrent_set
    `tx_min_share`: number 0..1, or null for the session's. 0 is off.
    `tx_waiting`: string; why a running torrent gets nothing done just now, for people ("disk
        full", "12.3 MB more to upload before the last piece is requested"); else "".
    `tx_move`: null, or the move of content under way: {"location": string, "step": string, one
        word ("copying", "syncing", "verifying", "deleting"), "bytes_done": number,
        "bytes_total": number}. Not null from when torrent_set_location is answered until
        `download_dir` is the new place, or the move has failed. Without this field `move --wait`
        waits for `download_dir` alone, and sees a failure only as `error` 3.
    `tx_chat`, `tx_chat_in_private`: whether the torrent's swarm can be talked to, and whether also
        if it is private; of torrent_set, too.

Session fields, of session_get and session_set
    `tx_min_share`: number 0..1; 0 is off.
    `tx_schedule`: array of weekly windows of the alternative limits: {"days": array of "mon",
        "tue" ... "sun", "begin": "HH:MM", "end": "HH:MM"}, the end on the next day when it is not
        after the beginning. They hold beside that of alt_speed_time_..., whether that is on or not.
    Any other setting of ours is `tx_` and its name in the configuration file; `settings` shows
    and sets whatever session_get answers.

Methods
    `tx_candidates_get` {"ids": of one torrent} -> {"candidates": [{"address": string, "port":
        number, "state": string, one word, "source": string, one word, "failures": number of failed
        attempts in a row, "next_try": epoch seconds, 0 when none is planned}]}
    `tx_bans_get` {} -> {"bans": [{"host": string, "until": epoch seconds, "reason": string}]}
    `tx_ban` {"host": string, "seconds": number, a day when left out} -> {}
    `tx_unban` {"hosts": array of strings} -> {}
    `tx_log_get` {"count": number of the newest lines, at most 1000; "level": that or worse} ->
        {"lines": [{"time": epoch seconds, "level": "debug", "info", "warn", "error" or
        "critical", "text": string}]}, oldest first.
    `tx_chat_send` {"ids": of one torrent, "text": string} -> {"message": M}, where M is {"id":
        string, "author": the key in hex, "fingerprint": string, "nickname": string, "text": string,
        "time": epoch seconds, "is_ours": boolean}; refused when nobody can hear it
    `tx_chat_get` {"ids": of one torrent, "since": id of a message, when left out all that are kept}
        -> {"messages": [M], "speakers": [{"address": string, "port": number, "client_name":
        string}], "muted": [{"author", "fingerprint"}], "nickname": ours, "fingerprint": ours}
    `tx_chat_mute`, `tx_chat_unmute` {"author": fingerprint or key} -> {}
    `tx_sources_get`, `tx_dht_table_get`, `tx_dht_lookups_get`, `tx_dht_find_peers`, `tx_dht_get`,
        `tx_dht_put`, `tx_dht_sample`: how peers are found besides by trackers, and the DHT; what
        they take and answer is in docs/control-api.rst.

The stream: GET /events, beside /transmission/rpc, with the same authentication; a 409 is answered
    as everywhere, but need not be. Server-sent events: `id:` is a cursor; `event:` one of
    `torrent_added`, `torrent_changed`, `torrent_removed`, `settings_changed`, `chat_message` ("id",
    "hash_string", "message": M), `reset`; `data:` a JSON object. Those of torrents have "id" and
    "hash_string", and those that are added or changed "fields" (new values by torrent_get's names;
    with "name" when added or renamed) and perhaps "lists" (names of those fields that changed and
    are long). `settings_changed` has "fields" too.
    With the header Last-Event-ID the stream goes on behind that event; without, with what comes.
    `reset` ("reason": string) says that what followed the cursor is not known any more: events
    are missed. At least every 30 seconds something comes, if only a comment. Kinds of events that
    are not known are shown as they are, but for `hello`, which only brings a cursor.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from txtorrent.cli.client import Client

Torrent = Mapping[str, Any]
"""Fields of torrent_get by name, those that were asked for and that the daemon knows."""
Id = int | str
"""A torrent's number, or its info-hash in hex."""

NAMES: Final = ("id", "hash_string", "name")
STOPPED, CHECK_QUEUED, CHECKING, QUEUED, DOWNLOADING, SEED_QUEUED, SEEDING = range(7)
"""`status` of a torrent."""
LOCAL_ERROR: Final = 3
"""`error` of a torrent that cannot go on; 1 and 2 are a tracker's warning and error."""


@frozen
class Api:
    """Methods as functions. Each may raise Refused or Unreachable."""

    client: Client

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Any method."""
        return self.client.call(method, params)

    def torrents(
        self, fields: Iterable[str], ids: Sequence[Id] | None = None
    ) -> list[dict[str, Any]]:
        """These torrents, or all; those that there are not are left out."""
        return self.changes(fields, ids)[0]

    def changes(
        self, fields: Iterable[str], ids: Sequence[Id] | str | None
    ) -> tuple[list[dict[str, Any]], list[int]]:
        """Torrents, and with ids "recently_active" also the numbers of those lately removed."""
        params: dict[str, Any] = {"fields": list(fields), "format": "table"}
        if ids is not None:
            params["ids"] = ids
        result = self.call("torrent_get", **params)
        table = result.get("torrents") or [[]]
        keys = table[0]
        return [dict(zip(keys, row, strict=False)) for row in table[1:]], list(
            result.get("removed") or ()
        )

    def on(self, method: str, torrents: Iterable[Torrent], **params: Any) -> dict[str, Any]:
        """A method on torrents, none of which is meant when there are none."""
        ids = [torrent["hash_string"] for torrent in torrents]
        return self.call(method, ids=ids, **params) if ids else {}

    def settings(self, *names: str) -> dict[str, Any]:
        """Session settings by name; all without names."""
        return self.call("session_get", **({"fields": list(names)} if names else {}))
