"""Gives torrents that run their limits: what their records, their groups and the settings say.

A limit that is on and 0 lets nothing pass. The alternative limits take the place of the session's
while the setting `alt_speed_enabled` is on, which the schedule turns on and off.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import frozen
from twisted.internet.interfaces import IDelayedCall

from txtorrent.seedbox.entry import Entry
from txtorrent.session import Session
from txtorrent.settings.policy import rates, windows
from txtorrent.settings.settings import Settings
from txtorrent.swarm.ratelimit import NOTHING
from txtorrent.swarm.schedule import Scheduler
from txtorrent.swarm.waitingline import Priority
from txtorrent.torrent.limits import Allowance, CommonLimits

_RATES: Final = frozenset((
    "speed_limit_down", "speed_limit_down_enabled", "speed_limit_up", "speed_limit_up_enabled",
    "alt_speed_down", "alt_speed_up", "alt_speed_enabled",
))  # fmt: skip
_HOURS: Final = frozenset((
    "schedule", "alt_speed_time_enabled", "alt_speed_time_begin", "alt_speed_time_end",
    "alt_speed_time_day",
))  # fmt: skip
_TORRENTS: Final = frozenset(("groups", "peer_limit_per_torrent"))


@frozen
class _Group:
    limits: CommonLimits
    honors_session: bool


class Limiting:
    """The limits of a session, of its groups, and by them of each torrent.

    `entries` gives all torrents; `wall_clock` the local time, by which the schedule goes.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        entries: Callable[[], Iterable[Entry]],
        wall_clock: Callable[[], time.struct_time] = time.localtime,
    ) -> None:
        self._session = session
        self._settings = settings
        self._entries = entries
        self._wall_clock = wall_clock
        self._groups: dict[str, _Group] = {}
        self._scheduler = Scheduler()
        self._timer: IDelayedCall | None = None
        self._end_listening: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Limit what the settings say, from now on, and follow the schedule."""
        self._end_listening = self._settings.listen(self._settings_changed)
        self._find_groups()
        self._scheduler.windows = windows(self._settings.get)
        self._limit_session()
        self._every_minute()

    def stop(self) -> None:
        """Follow neither the settings nor the schedule any more."""
        self._end_listening()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def allowance(self, entry: Entry) -> Allowance:
        """What a torrent may, now."""
        record = entry.record
        group = self._groups.get(record.group)
        return Allowance(
            download=_rate(record.download_limit if record.download_limited else None),
            upload=_rate(record.upload_limit if record.upload_limited else None),
            honors_session=record.honors_session_limits and (group is None or group.honors_session),
            group=None if group is None else group.limits,
            priority=Priority(record.bandwidth_priority),
        )

    def apply(self, entry: Entry) -> None:
        """Its record was changed: if it runs, let that count."""
        torrent = entry.torrent
        if torrent is not None:
            torrent.limits.set(self.allowance(entry))
            torrent.limit_peers(entry.peer_limit)

    # -- the settings ------------------------------------------------------------------------

    def _settings_changed(self, names: frozenset[str]) -> None:
        if names & _RATES:
            self._limit_session()
        if names & _TORRENTS:
            self._find_groups()
            for entry in tuple(self._entries()):
                self.apply(entry)
        if names & _HOURS:
            self._scheduler.windows = windows(self._settings.get)
            self._look()

    def _limit_session(self) -> None:
        now = rates(self._settings.get)
        self._session.limits.set(_rate(now.down), _rate(now.up))

    def _find_groups(self) -> None:
        """Those that are there already keep their limits, and what is owed to them."""
        setting, before = self._settings.get("groups"), self._groups
        self._groups = {
            name: self._group(before.get(name), values) for name, values in setting.items()
        }

    def _group(self, before: _Group | None, values: Any) -> _Group:
        limits = CommonLimits.of(self._session.reactor) if before is None else before.limits
        down, up = (
            _rate(values[name] if values[f"{name}_enabled"] else None)
            for name in ("speed_limit_down", "speed_limit_up")
        )
        limits.set(down, up)
        return _Group(limits, values["honors_session_limits"])

    # -- the schedule ------------------------------------------------------------------------

    def _every_minute(self) -> None:
        """As the wall clock's minutes begin: it may be set, and some days have other hours."""
        seconds_left = max(1, 60 - self._wall_clock().tm_sec)
        self._timer = self._session.reactor.callLater(seconds_left, self._every_minute)
        self._look()

    def _look(self) -> None:
        now = self._wall_clock()
        on = self._scheduler.look(now.tm_wday, now.tm_hour * 60 + now.tm_min)
        if on is not None:
            self._settings.set("alt_speed_enabled", on)


def _rate(limit: int | None) -> float:
    """As the engine has it, to whom 0 is no limit; None is none here."""
    return 0 if limit is None else limit or NOTHING
