"""The free-space guard: downloads to a file system with too little room pause, and go on by
themselves."""

from collections.abc import Callable, Iterable
from math import inf
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txtorrent.seedbox.entry import Entry
from txtorrent.seedbox.space import Space, measure
from txtorrent.storage.disk import Lane, LaneStopped
from txtorrent.torrent.parts import Parts
from txtorrent.units import show_size

LOOK_EVERY: Final = 10
"""Seconds between looks at the file systems that downloads go to."""
_WHY: Final = "space"


class SpaceGuard:
    """A brake: holds downloads to where less than `free_space_floor` is free.

    Each directory is looked at by a job of its own on `lane`, one at a time: a file system that
    hangs holds up its own downloads only. Until one has been looked at its downloads wait; then
    `known` is called.
    """

    def __init__(
        self, lane: Lane, setting: Callable[[str], Any], known: Callable[[], object]
    ) -> None:
        self._lane = lane
        self._setting = setting
        self._known = known
        self._free: dict[str, float] = {}
        self._looking: dict[str, Deferred[None]] = {}
        self._ticks = 0

    def tick(self, entries: Iterable[Entry]) -> None:
        """Look at the directories in use when it is time."""
        self._ticks += 1
        if self._ticks % LOOK_EVERY:
            return
        used = {entry.torrent.directory for entry in entries if entry.torrent}
        self._free = {path: free for path, free in self._free.items() if path in used}
        if self._floor:
            for directory in used:
                self._look(directory)

    def hold(self, entry: Entry, parts: Parts) -> str:
        """Hold the download or let it go on; why it waits, or ""."""
        assert entry.torrent is not None
        directory, floor = entry.torrent.directory, self._floor
        free = self._free.get(directory) if floor else inf
        if free is None:
            self._look(directory)
        is_low = free is not None and free < floor
        parts.exchange.hold(free is None or is_low, _WHY)
        if not is_low:
            return ""
        return f"less than {show_size(floor)} is free in {directory} (free_space_floor)"

    @property
    def _floor(self) -> int:
        floor: int = self._setting("free_space_floor")
        return floor

    def _look(self, directory: str) -> None:
        if directory not in self._looking:
            looking = self._lane.run(measure, directory)
            self._looking[directory] = looking.addCallbacks(
                self._seen, self._not_seen, callbackArgs=(directory,), errbackArgs=(directory,)
            )

    def _seen(self, space: Space, directory: str) -> None:
        self._note(directory, space.free)

    def _not_seen(self, failure: Failure, directory: str) -> None:
        """Whoever writes there finds out what is wrong."""
        if not failure.check(LaneStopped):
            self._note(directory, inf)

    def _note(self, directory: str, free: float) -> None:
        del self._looking[directory]
        is_new = directory not in self._free
        self._free[directory] = free
        if is_new:
            self._known()
