"""What all torrents do together: counters of this run and of all runs, and rates."""

from collections.abc import Callable, Mapping
from typing import Final

from attrs import define, frozen

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
        self._files_added = 0

    def restore(self, totals: Mapping[str, int]) -> None:
        """Take over what earlier runs counted."""
        self._before = Totals(**{name: totals.get(name, 0) for name in _NAMES})

    def files_added(self, count: int) -> None:
        """A torrent of so many files was added."""
        self._files_added += count

    def snapshot(self) -> Snapshot:
        """How it stands. Torrents that sleep move nothing, so they need not be looked at."""
        active = tuple(self._runner.active)
        current = Totals(
            uploaded=self._runner.uploaded + sum(entry.uploaded_since for entry in active),
            downloaded=self._runner.downloaded + sum(entry.downloaded_since for entry in active),
            files_added=self._files_added,
            seconds_active=self._now() - self._began,
            session_count=1,
        )
        return Snapshot(
            rate_download=sum(entry.rate_download for entry in active),
            rate_upload=sum(entry.rate_upload for entry in active),
            current=current,
            cumulative=Totals(
                *(getattr(self._before, name) + getattr(current, name) for name in _NAMES)
            ),
        )

    def totals(self) -> dict[str, int]:
        """What is to be kept for later runs, by name."""
        cumulative = self.snapshot().cumulative
        return {name: int(getattr(cumulative, name)) for name in _NAMES}
