"""From the settings to what the tracker asks while it runs."""

from __future__ import annotations

from random import Random

from txtorrent.trackerserver.access import Access
from txtorrent.trackerserver.config import TrackerConfig
from txtorrent.trackerserver.fixed import FixedSwarms
from txtorrent.trackerserver.intervals import Pace
from txtorrent.trackerserver.passkeys import Passkeys
from txtorrent.trackerserver.proxies import Proxies
from txtorrent.trackerserver.tracker import Policy


def policy_of(config: TrackerConfig, random: Random, passkeys: Passkeys) -> Policy:
    """What counts by these settings. `passkeys` are those of the process, through all settings."""
    passkeys.replace(config.passkeys or {})
    return Policy(
        access=Access(config),
        fixed=FixedSwarms(config.torrents, random) or None,
        proxies=Proxies(config.proxies),
        stats=config.stats,
        passkeys=passkeys if config.passkeys is not None else None,
        pace=Pace(
            config.interval,
            config.min_interval,
            config.max_interval,
            config.announces_per_second,
        ),
        numwant=config.numwant,
        max_numwant=config.max_numwant,
    )
