"""What torrents get besides what is said of them: the trackers that all have, and what a tracker's
torrents have in common."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from txtorrent.session import Session
from txtorrent.settings.settings import Settings
from txtorrent.swarm.share import Limit
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.tiers import listed
from txtorrent.wire.announce import TrackerError, TrackerUrl

Tiers = Sequence[Sequence[str]]


class TrackerDefaults:
    """Follows the setting `default_trackers`, and looks at `trackers` when a torrent is added."""

    def __init__(
        self,
        session: Session,
        settings: Settings,
        announcers: Callable[[], Iterable[Announcer]],
    ) -> None:
        self._session = session
        self._settings = settings
        self._announcers = announcers

    def open(self) -> None:
        """Take the settings over, and follow them."""
        self._settings.listen(self._settings_changed)
        self._settings_changed(["default_trackers"])

    def options(self, tiers: Tiers) -> dict[str, Any]:
        """Options for a torrent with these trackers: those of the first that is in the table."""
        table: Mapping[str, Mapping[str, Any]] = self._settings.get("trackers")
        if not table:
            return {}
        hosts = (_host(url) for tier in tiers for url in tier)
        known = next((table[host] for host in hosts if host in table), {})
        return _options(known)

    def _settings_changed(self, names: Collection[str]) -> None:
        """Public torrents have the default trackers from now on: their announcers see to it."""
        if "default_trackers" not in names:
            return
        self._session.announcing.defaults = listed(tiers(self._settings.get("default_trackers")))
        for announcer in self._announcers():
            announcer.defaults_changed()


def tiers(text: str) -> list[list[str]]:
    """URLs, one a line, an empty line between tiers."""
    return [tier.split() for tier in text.split("\n\n") if tier.strip()]


def _options(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the table as options for adding."""
    names = {"download_dir": "directory", "idle_seeding_limit": "seed_idle_limit"}
    options = {names.get(name, name): value for name, value in record.items()}
    if "labels" in options:
        options["labels"] = tuple(options["labels"])
    for limit, mode in (
        ("seed_ratio_limit", "seed_ratio_mode"),
        ("seed_idle_limit", "seed_idle_mode"),
    ):
        if limit in options:
            options[mode] = int(Limit.OWN)
    return options


def _host(url: str) -> str:
    try:
        return TrackerUrl.parse(url).host
    except TrackerError:
        return ""
