"""Applies the queues: which of the torrents that are to run may run now."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from txtorrent.seedbox.entry import Entry
from txtorrent.seedbox.runner import Runner
from txtorrent.swarm import queue
from txtorrent.swarm.queue import Queue, Rules

LOOK_EVERY: Final = 10
"""Seconds between looks for torrents that no longer make progress."""


class Queueing:
    """The download and the seed queue over all entries."""

    def __init__(
        self,
        entries: Mapping[bytes, Entry],
        runner: Runner,
        setting: Callable[[str], Any],
        now: Callable[[], float],
        told: Callable[[Entry, Iterable[str]], None],
    ) -> None:
        self._entries = entries
        self._runner = runner
        self._setting = setting
        self._now = now
        self._told = told
        self._is_due = True
        self._shorten = False

    def look(self, shorten: bool = False) -> None:
        """Something changed: decide anew within the second. `shorten`: also who is to wait."""
        self._is_due = True
        self._shorten = self._shorten or shorten

    def tick(self, seconds: int) -> None:
        """To be called every second."""
        rules = self.rules
        bounded = rules.downloads is not None or rules.seeds is not None
        if self._is_due or (bounded and seconds % LOOK_EVERY == 0):
            shorten, self._is_due, self._shorten = self._shorten, False, False
            self.decide(shorten)

    @property
    def rules(self) -> Rules:
        """As the settings say."""
        setting = self._setting
        return Rules(
            downloads=_if(setting("download_queue_enabled"), setting("download_queue_size")),
            seeds=_if(setting("seed_queue_enabled"), setting("seed_queue_size")),
            stalled=_if(setting("queue_stalled_enabled"), 60.0 * setting("queue_stalled_minutes")),
        )

    def decide(self, shorten: bool) -> None:
        """Have those run, and those wait, whose turn it is."""
        rules = self.rules
        decision = queue.decide(self._standing(rules), rules, shorten)
        for entry in decision.run:
            entry.queued_in = _needs(entry)
            entry.progressed_at = entry.counted_at = self._now()
            self._runner.mind(entry)
            self._told(entry, ("status",))
        for entry in decision.wait:
            entry.queued_in = None
            self._runner.mind(entry)
            self._told(entry, ("status",))

    def _standing(self, rules: Rules) -> list[queue.Entry[Entry]]:
        """Seeds that run where all may run are the most, and need no decision."""
        return [
            self._place(entry)
            for entry in self._entries.values()
            if entry.record.running
            and (
                entry.queued_in is not Queue.SEED
                or rules.seeds is not None
                or not entry.record.is_complete
            )
        ]

    def _place(self, entry: Entry) -> queue.Entry[Entry]:
        return queue.Entry(
            key=entry,
            position=entry.queue_position,
            needs=_needs(entry),
            runs_in=entry.queued_in,
            idle=self._now() - entry.progressed_at,
            forced=entry.forced,
        )


def _needs(entry: Entry) -> Queue:
    return Queue.SEED if entry.record.is_complete else Queue.DOWNLOAD


def _if(enabled: bool, value: Any) -> Any:
    return value if enabled else None
