"""Limits of torrents, of the session and of groups: from options to the API's fields, and back.

Pure. In options a rate is kB/s, as in the API; "none" is no limit and "session" the session's.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from txtorrent.cli.api import Torrent
from txtorrent.cli.columns import ratio as show_ratio
from txtorrent.cli.errors import Misused
from txtorrent.cli.values import KILO, NONE, SESSION
from txtorrent.units import show_size, show_time

FOLLOW, OWN, WITHOUT = range(3)
"""seed_ratio_mode and seed_idle_mode: the session's limit, the torrent's, none."""
_MINUTE: Final = 60
LIMIT_FIELDS: Final = (
    "download_limit", "download_limited", "upload_limit", "upload_limited", "peer_limit",
    "seed_ratio_limit", "seed_ratio_mode", "seed_idle_limit", "seed_idle_mode", "group",
    "honors_session_limits", "bandwidth_priority", "tx_min_share",
)  # fmt: skip
"""Of torrent_get."""
SESSION_FIELDS: Final = (
    "speed_limit_down", "speed_limit_down_enabled", "speed_limit_up", "speed_limit_up_enabled",
    "alt_speed_down", "alt_speed_up", "alt_speed_enabled", "alt_speed_time_enabled",
    "alt_speed_time_begin", "alt_speed_time_end", "alt_speed_time_day",
    "peer_limit_global", "peer_limit_per_torrent", "seed_ratio_limit", "seed_ratio_limited",
    "idle_seeding_limit", "idle_seeding_limit_enabled", "tx_min_share", "tx_schedule",
)  # fmt: skip
"""Of session_get."""
_PRIORITIES: Final = {-1: "low", 0: "normal", 1: "high"}


def of_torrent(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of torrent_set from options that were given (`None`: was not)."""
    given = {name: value for name, value in asked.items() if value is not None}
    changes: dict[str, Any] = {}
    for name, field in (("down", "download_limit"), ("up", "upload_limit")):
        if name in given:
            changes |= _limit(given[name], field, f"{field}ed")
    for name, field in (("ratio", "seed_ratio"), ("idle", "seed_idle")):
        if name in given:
            changes |= _moded(given[name], field)
    if "min_share" in given:
        changes["tx_min_share"] = None if given["min_share"] == SESSION else given["min_share"]
    if "priority" in given:
        changes["bandwidth_priority"] = _by_word(given["priority"])
    for name, field in _AS_THEY_ARE.items():
        if name in given:
            changes[field] = given[name]
    return changes


_AS_THEY_ARE: Final = {
    "peers": "peer_limit",
    "group": "group",
    "honor_session": "honors_session_limits",
}


def of_session(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of session_set. Misused for what only a torrent can have."""
    given = {name: value for name, value in asked.items() if value is not None}
    for name in ("group", "honor_session", "priority"):
        if name in given:
            raise Misused(f"--{name.replace('_', '-')} is for torrents: name some")
    if SESSION in given.values():
        raise Misused("`session` is for torrents: name some, or write a number or `none`")
    changes: dict[str, Any] = {}
    for name, field, enabled in (
        ("down", "speed_limit_down", "speed_limit_down_enabled"),
        ("up", "speed_limit_up", "speed_limit_up_enabled"),
        ("ratio", "seed_ratio_limit", "seed_ratio_limited"),
        ("idle", "idle_seeding_limit", "idle_seeding_limit_enabled"),
    ):
        if name in given:
            changes |= _limit(given[name], field, enabled)
    for name, field in (("peers", "peer_limit_global"), ("min_share", "tx_min_share")):
        if name in given:
            changes[field] = given[name]
    return changes


def _limit(value: Any, field: str, enabled: str) -> dict[str, Any]:
    return {enabled: False} if value == NONE else {field: value, enabled: True}


def _moded(value: Any, field: str) -> dict[str, Any]:
    modes = {SESSION: FOLLOW, NONE: WITHOUT}
    if value in modes:
        return {f"{field}_mode": modes[value]}
    return {f"{field}_mode": OWN, f"{field}_limit": value}


def _by_word(word: str) -> int:
    return next(number for number, name in _PRIORITIES.items() if name == word)


def describe_limits(torrent: Torrent) -> Iterable[tuple[str, str]]:
    """A torrent's own limits, those that it has."""
    for name, field in (("Down limit", "download_limit"), ("Up limit", "upload_limit")):
        yield name, kilo_rate(torrent[field]) if torrent.get(f"{field}ed") else ""
    yield "Ratio limit", _mode(torrent, "seed_ratio", lambda value: show_ratio(value))
    yield "Idle limit", _mode(torrent, "seed_idle", lambda value: show_time(value * _MINUTE))
    yield "Most peers", f"{torrent.get('peer_limit', '')}"
    share = torrent.get("tx_min_share")
    yield "Min-share", "" if share is None else _share(share)
    yield "Group", str(torrent.get("group") or "")
    yield "Session limits", "" if torrent.get("honors_session_limits", True) else "not honoured"
    priority = torrent.get("bandwidth_priority", 0)
    yield "Priority", _PRIORITIES.get(priority, "") if priority else ""


def _mode(torrent: Torrent, field: str, show: Any) -> str:
    mode = torrent.get(f"{field}_mode", FOLLOW)
    if mode == OWN:
        return str(show(torrent[f"{field}_limit"]))
    return NONE if mode == WITHOUT else ""


def describe_session(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The session's limits."""
    yield "Down limit", _either(settings, "speed_limit_down", "speed_limit_down_enabled", kilo_rate)
    yield "Up limit", _either(settings, "speed_limit_up", "speed_limit_up_enabled", kilo_rate)
    yield "Alternative limits", _alternative(settings)
    yield "Ratio limit", _either(settings, "seed_ratio_limit", "seed_ratio_limited", show_ratio)
    yield (
        "Idle limit",
        _either(
            settings,
            "idle_seeding_limit",
            "idle_seeding_limit_enabled",
            lambda minutes: show_time(minutes * _MINUTE),
        ),
    )
    yield "Most peers", f"{settings.get('peer_limit_global', '')}"
    yield "Most peers of a torrent", f"{settings.get('peer_limit_per_torrent', '')}"
    share = settings.get("tx_min_share")
    yield "Min-share", "" if share is None else _share(share)


def _alternative(settings: Mapping[str, Any]) -> str:
    if "alt_speed_down" not in settings:
        return ""
    down, up = kilo_rate(settings["alt_speed_down"]), kilo_rate(settings["alt_speed_up"])
    return f"{'on' if settings.get('alt_speed_enabled') else 'off'} (down {down}, up {up})"


def _either(settings: Mapping[str, Any], field: str, enabled: str, show: Any) -> str:
    return str(show(settings[field])) if settings.get(enabled) else NONE


def _share(share: float) -> str:
    return f"{share * 100:.3g}%" if share else NONE


def kilo_rate(kilobytes: float) -> str:
    """The API's kB/s as people read it."""
    return f"{show_size(kilobytes * KILO)}/s"
