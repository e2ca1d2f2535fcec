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


def policy_of(config: TrackerConfig, random: Random, before: Policy | None = None) -> Policy:
    """What counts by these settings. Of users that were there `before` the counts stay."""
    return Policy(
        access=Access(config),
        fixed=FixedSwarms(config.torrents, random) if config.torrents else None,
        proxies=Proxies(config.proxies),
        stats=config.stats,
        passkeys=_passkeys(config, before.passkeys if before is not None else None),
        pace=Pace(
            config.interval,
            config.min_interval,
            config.max_interval,
            config.announces_per_second,
        ),
        numwant=config.numwant,
        max_numwant=config.max_numwant,
    )


def _passkeys(config: TrackerConfig, before: Passkeys | None) -> Passkeys | None:
    if config.passkeys is None:
        return None
    if before is None:
        return Passkeys(config.passkeys)
    before.replace(config.passkeys)
    return before
