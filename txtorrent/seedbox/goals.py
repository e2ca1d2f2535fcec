"""When torrents have been seeded enough: those that run are looked at each second, those that
sleep in turns."""

from collections.abc import Callable, Collection, Mapping
from itertools import islice
from typing import Final

from txtorrent.seedbox.entry import Entry
from txtorrent.settings.policy import seeding_goal
from txtorrent.settings.settings import Settings
from txtorrent.swarm.share import Goal, Limit

ROUND: Final = 60
"""Seconds in which each torrent that sleeps is looked at once: the shortest idle limit."""


class Goals:
    """What torrents are seeded for. `reached` is told of each that is there, and why."""

    def __init__(
        self,
        entries: Mapping[bytes, Entry],
        settings: Settings,
        now: Callable[[], float],
        reached: Callable[[Entry, str], None],
    ) -> None:
        self._entries = entries
        self._now = now
        self._reached = reached
        self._session = seeding_goal(settings.get)
        self._ticks = 0

        def settings_changed(names: Collection[str]) -> None:
            self._session = seeding_goal(settings.get)

        settings.listen(settings_changed)

    def of(self, entry: Entry) -> Goal:
        """When a torrent has been seeded enough."""
        record, session = entry.record, self._session
        if record.seed_ratio_mode == record.seed_idle_mode == Limit.SESSION:
            return session
        return Goal(
            Limit(record.seed_ratio_mode).choose(record.seed_ratio_limit, session.ratio),
            Limit(record.seed_idle_mode).choose(record.seed_idle_limit, session.idle),
        )

    def tick(self) -> None:
        """Look at some of those that sleep; to be called every second."""
        self._ticks += 1
        turns = islice(self._entries.values(), self._ticks % ROUND, None, ROUND)
        for entry in [each for each in turns if each.torrent is None]:
            entry.count_seconds(self._now())
            self.look(entry)

    def look(self, entry: Entry) -> None:
        """Whether it has been seeded enough."""
        record = entry.record
        if not record.is_complete or not record.running or entry.queued_in is None:
            return
        idle = self._now() - entry.progressed_at
        why = self.of(entry).reached(record.size_when_done, entry.uploaded_ever, idle)
        if why is not None:
            self._reached(entry, why)
