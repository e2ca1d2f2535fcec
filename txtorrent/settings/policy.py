"""What several settings mean together, for those who act on them.

`get` gives a setting's value by its name: `Settings.get`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from txtorrent.settings.table import SETTINGS
from txtorrent.swarm.queue import Rules
from txtorrent.swarm.schedule import Window
from txtorrent.swarm.share import Goal

Get = Callable[[str], Any]


class Rates(NamedTuple):
    """The limits of all torrents together, in bytes/s; None: no limit, 0: nothing at all."""

    down: int | None
    up: int | None


def rates(get: Get) -> Rates:
    """The limits that count now, the alternative ones while those are on."""
    if get("alt_speed_enabled"):
        return Rates(get("alt_speed_down"), get("alt_speed_up"))
    return Rates(_if_on(get, "speed_limit_down"), _if_on(get, "speed_limit_up"))


def queue_rules(get: Get) -> Rules:
    """How many torrents run at once."""
    stalled = get("queue_stalled_minutes") * 60.0 if get("queue_stalled_enabled") else None
    return Rules(_if_on(get, "download_queue_size"), _if_on(get, "seed_queue_size"), stalled)


def windows(get: Get) -> list[Window]:
    """The hours of the alternative limits: Transmission's window and those of `schedule`."""
    found = [Window.between(**record) for record in get("schedule")]
    if get("alt_speed_time_enabled"):
        begin, end, days = (get(f"alt_speed_time_{name}") for name in ("begin", "end", "day"))
        found.append(Window.of_transmission(begin, end, days))
    return found


def seeding_goal(get: Get) -> Goal:
    """When torrents without limits of their own have been seeded enough."""
    return Goal(_if_on(get, "seed_ratio_limit"), _if_on(get, "idle_seeding_limit"))


def incomplete_directory(get: Get) -> str | None:
    """Where content is until it is complete; None: where it is afterwards too."""
    return _if_on(get, "incomplete_dir") or None


def _if_on(get: Get, name: str) -> Any:
    """The setting's value while its switch is on, else None."""
    return get(name) if get(SETTINGS[name].switch) else None
