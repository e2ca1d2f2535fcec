"""The methods that Transmission lacks. Their names begin with `tx_`."""

from ipaddress import ip_address
from typing import Any, Final

from txtorrent.control.context import Call
from txtorrent.control.logtail import LEVELS, MAX_LINES
from txtorrent.control.method import IDS, Answer, Method, Result
from txtorrent.control.params import Kind, Param, choice, list_of, refuse, text, whole

DEFAULT_LINES: Final = 100
MAX_BAN: Final = 10 * 365 * 24 * 3600
"""Seconds: for good, as daemons go."""
DEFAULT_BAN: Final = 24 * 3600
"""Seconds: as long as for corrupt data."""
MAX_REASON: Final = 200

_DONE: dict[str, Any] = {}


async def candidates_get(call: Call) -> Answer:
    """The best first."""
    candidates = await call.only().candidates()
    return {
        "candidates": [
            {
                "address": each.address,
                "port": each.port,
                "source": each.source,
                "state": each.state,
                "failures": each.failures,
                call.dialect.key("next_try"): int(each.next_try),
            }
            for each in candidates
        ]
    }


def bans_get(call: Call) -> Answer:
    """Those in force."""
    bans = [
        {"host": each.host, "until": int(each.until), "reason": each.reason}
        for each in call.session.bans()
    ]
    return {"bans": bans}


async def ban(call: Call) -> Answer:
    """Closes its connections too."""
    params = call.params
    seconds = params.get("seconds", DEFAULT_BAN)
    await call.session.ban(params["host"], float(seconds), params.get("reason", "by hand"))
    return _DONE


async def unban(call: Call) -> Answer:
    """All of them without `hosts`."""
    await call.session.unban(call.params.get("hosts"))
    return _DONE


def log_get(call: Call) -> Answer:
    """The oldest first."""
    count, level = call.params.get("count", DEFAULT_LINES), call.params.get("level", "debug")
    lines = [
        {"time": round(each.time, 3), "level": each.level, "text": each.text}
        for each in call.context.log.last(count, level)
    ]
    return {"lines": lines}


def _host(name: str, value: Any) -> str:
    try:
        return str(ip_address(str(value)))
    except ValueError:
        raise refuse(name, "an IPv4 or IPv6 address", value) from None


OUR_METHODS: Final[tuple[Method, ...]] = (
    Method(
        "tx_candidates_get",
        "Tell the addresses that a torrent knows, connected or not.",
        (IDS,),
        (
            Result(
                "candidates",
                "list of objects",
                "With `address`, `port`, `source` (tracker, dht, pex, lpd, ltep, cache, incoming),"
                " `state` (waiting, dialling, connected, failing, banned), `failures` and"
                " `next_try` (epoch seconds).",
            ),
        ),
        candidates_get,
    ),
    Method(
        "tx_bans_get",
        "Tell the addresses that are banned.",
        (),
        (Result("bans", "list of objects", "With `host`, `until` (epoch seconds) and `reason`."),),
        bans_get,
    ),
    Method(
        "tx_ban",
        "Ban an address from all torrents, and close its connections.",
        (
            Param("host", Kind("IP address", _host), "Which.", required=True),
            Param("seconds", whole(1, MAX_BAN), "For how long; a day without it."),
            Param("reason", text(MAX_REASON), "Shown with the ban."),
        ),
        (),
        ban,
    ),
    Method(
        "tx_unban",
        "Lift bans.",
        (Param("hosts", list_of(text(100)), "As `tx_bans_get` has them; all without it."),),
        (),
        unban,
    ),
    Method(
        "tx_log_get",
        "Tell the last lines of the log.",
        (
            Param("count", whole(1, MAX_LINES), f"At most so many; {DEFAULT_LINES} without it."),
            Param("level", choice(*LEVELS), "That or above."),
        ),
        (Result("lines", "list of objects", "With `time` (epoch seconds), `level`, `text`."),),
        log_get,
    ),
)
