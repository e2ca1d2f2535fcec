"""The control API as the commands use it: methods, fields, and what of them is ours.

Transmission's (rpc-spec 6.0, JSON-RPC 2.0, snake_case) are used as specified there: torrent_get
(always in the `table` format), torrent_set, torrent_add, torrent_remove, torrent_start,
torrent_start_now, torrent_stop, torrent_verify, torrent_reannounce, torrent_set_location,
torrent_rename_path, queue_move_top, queue_move_up, queue_move_down, queue_move_bottom,
session_get, session_set, session_stats, session_close, free_space, port_test, blocklist_update,
group_get, group_set.

Ours, which no command needs to run against Transmission (what is missing is not shown, what
cannot be set is refused before anything is changed):

Torrent fields, of torrent_get; the first also of torrent_set
    `tx_min_share`: number 0..1, or null for the session's. 0 is off.
    `tx_waiting`: string; why a running torrent gets nothing done just now, for people ("disk
        full", "12.3 MB more to upload before the last piece is requested"); else "".
    `tx_move`: null, or the move of content under way: {"location": string, "step": string, one
        word ("copying", "syncing", "verifying", "deleting"), "bytes_done": number,
        "bytes_total": number}.

Session fields, of session_get and session_set
    `tx_min_share`: number 0..1; 0 is off.
    `tx_schedule`: array of weekly windows of the alternative limits: {"days": bit mask as in
        alt_speed_time_day (1 Sunday, 2 Monday, 4 Tuesday ... 64 Saturday), "begin": minutes after
        midnight, "end": minutes after midnight, earlier than "begin" when the window ends on the
        next day}. Windows hold while alt_speed_time_enabled.
    Any other setting of ours is `tx_` and its name in the configuration file; `settings` shows
    and sets whatever session_get answers.

Methods
    `tx_candidate_get` {"id": number or hash} -> {"candidates": [{"address": string, "port":
        number, "state": string, one word ("waiting", "dialling", "connected", "resting",
        "banned"), "source": string, one word ("tracker", "peer", "incoming", "dht", ...),
        "failures": number of failed attempts in a row, "next_attempt": epoch seconds, 0 when none
        is planned}]}
    `tx_ban_get` {} -> {"bans": [{"address": string, "until": epoch seconds, "reason": string}]}
    `tx_ban_add` {"address": string, "seconds": number, 24 hours when left out} -> {}
    `tx_ban_remove` {"addresses": array of strings} -> {"removed": number of bans lifted}
    `tx_log_get` {"limit": number of the newest entries} -> {"entries": [{"time": epoch seconds,
        "level": "debug", "info", "warn", "error" or "critical", "source": string, "message":
        string}]}, oldest first.

The stream: GET /events, beside /transmission/rpc, with the same authentication and the same 409.
    Server-sent events: `id: N`, a cursor; `event:` one of `torrent_added`, `torrent_changed`,
    `torrent_removed`, `session_changed`, `log`; `data:` a JSON object. Those of torrents have
    "id", "hash_string" and "name", and `torrent_changed` the fields that changed, in torrent_get's
    names; `session_changed` has the settings that changed; `log` an entry as in tx_log_get.
    With the header Last-Event-ID it goes on behind that event; without, with what comes. A cursor
    whose successor is no longer kept is answered with status 410. A comment at least every 30
    seconds says that the line lives. Other kinds of events are let pass.
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
