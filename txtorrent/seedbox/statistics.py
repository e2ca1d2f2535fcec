"""What all torrents do together: counters of this run and of all runs, and rates."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from attrs import define, frozen

from txtorrent.seedbox.entry import Entry
from txtorrent.seedbox.runner import Runner

_NAMES: Final = ("uploaded", "downloaded", "files_added", "seconds_active", "session_count")


@define
class Totals:
    """Counters: bytes, files of torrents that were added, seconds, and starts of the daemon."""

    uploaded: int = 0
    downloaded: int = 0
    files_added: int = 0
    seconds_active: float = 0.0
    session_count: int = 0


@frozen
class Snapshot:
    """Rates in bytes/s, and counters of this run and of all runs with this one."""

    rate_download: float
    rate_upload: float
    current: Totals
    cumulative: Totals


class Statistics:
    """Counts for as long as the daemon runs; what earlier runs counted is given to `restore`."""

    def __init__(self, runner: Runner, now: Callable[[], float]) -> None:
        self._runner = runner
        self._now = now
        self._began = now()
        self._before = Totals()
        self._ended = Totals(session_count=1)
        self._at_start: dict[Entry, tuple[int, int]] = {}

    def restore(self, totals: Mapping[str, int]) -> None:
        """Take over what earlier runs counted."""
        self._before = Totals(**{name: totals.get(name, 0) for name in _NAMES})

    def files_added(self, count: int) -> None:
        """A torrent of so many files was added."""
        self._ended.files_added += count

    def began(self, entry: Entry) -> None:
        """A torrent is known from now on: what it moved before does not count for this run."""
        self._at_start[entry] = entry.downloaded_ever, entry.uploaded_ever

    def removed(self, entry: Entry) -> None:
        """A torrent goes; what it moved in this run still counts."""
        downloaded, uploaded = self._moved(entry)
        self._ended.downloaded += downloaded
        self._ended.uploaded += uploaded
        self._at_start.pop(entry, None)

    def snapshot(self, entries: Iterable[Entry]) -> Snapshot:
        """How it stands."""
        active = tuple(self._runner.active)
        current = self._current(entries)
        return Snapshot(
            rate_download=sum(entry.rate_download for entry in active),
            rate_upload=sum(entry.rate_upload for entry in active),
            current=current,
            cumulative=Totals(
                *(getattr(self._before, name) + getattr(current, name) for name in _NAMES)
            ),
        )

    def totals(self, entries: Iterable[Entry]) -> dict[str, int]:
        """What is to be kept for later runs, by name."""
        cumulative = self.snapshot(entries).cumulative
        return {name: int(getattr(cumulative, name)) for name in _NAMES}

    def _current(self, entries: Iterable[Entry]) -> Totals:
        ended = self._ended
        moved = [self._moved(entry) for entry in entries]
        return Totals(
            uploaded=ended.uploaded + sum(up for _, up in moved),
            downloaded=ended.downloaded + sum(down for down, _ in moved),
            files_added=ended.files_added,
            seconds_active=self._now() - self._began,
            session_count=1,
        )

    def _moved(self, entry: Entry) -> tuple[int, int]:
        """Bytes down and up in this run."""
        downloaded, uploaded = self._at_start.get(entry, (0, 0))
        return entry.downloaded_ever - downloaded, entry.uploaded_ever - uploaded
