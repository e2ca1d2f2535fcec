"""What keeps a download from going on although it runs, and says why."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from txtorrent.seedbox.entry import Entry
from txtorrent.torrent.parts import Parts


class Brake(Protocol):
    """One reason for a download to wait."""

    def hold(self, entry: Entry, parts: Parts) -> str:
        """Hold the download or let it go on, as things stand; why it waits, or ""."""

    def tick(self, entries: Iterable[Entry]) -> None:
        """To be called every second, with the downloads that run."""


class Brakes:
    """All of them. `told` hears when a torrent waits for another reason than before, or none."""

    def __init__(
        self, brakes: Sequence[Brake], told: Callable[[Entry, Iterable[str]], None]
    ) -> None:
        self._brakes = brakes
        self._told = told

    def tick(self, entries: Iterable[Entry]) -> None:
        """To be called every second, with the torrents that run."""
        running = tuple(entries)
        loading = [entry for entry in running if _loads(entry)]
        for brake in self._brakes:
            brake.tick(loading)
        for entry in running:
            self.look(entry)

    def look(self, entry: Entry) -> None:
        """Hold its download, or let it go on; to be called as soon as it exchanges pieces."""
        parts, braked = entry.parts, ""
        if parts is not None and _loads(entry):
            reasons = [brake.hold(entry, parts) for brake in self._brakes]
            braked = next(filter(None, reasons), "")
        if braked != entry.braked:
            entry.braked = braked
            self._told(entry, ("waiting",))


def _loads(entry: Entry) -> bool:
    return not entry.record.is_complete
