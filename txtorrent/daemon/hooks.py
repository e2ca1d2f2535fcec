"""When the user's scripts are run: an observer of the seedbox that knows added, done and seeded."""

from collections.abc import Callable, Iterable

from txtorrent.daemon.scripts import Details
from txtorrent.seedbox.entry import Entry
from txtorrent.seedbox.incomplete import is_elsewhere


class Hooks:
    """Calls `run` with "added", "done" or "seeded", and the torrent's details.

    What was there already when a torrent was added was not done by us. A torrent that goes to
    another directory when it is complete is done when it is there, or cannot go there; `entries`,
    those that there are, may be on their way since an earlier run.
    """

    def __init__(self, run: Callable[[str, Details], None], entries: Iterable[Entry] = ()) -> None:
        self._run = run
        self._moving = {each for each in entries if is_elsewhere(each) and each.downloaded_ever}

    def torrent_added(self, torrent: Entry) -> None:
        """It is on the list."""
        self._run("added", details(torrent))

    def torrent_removed(self, torrent: Entry) -> None:
        """It is no longer on the list."""
        self._moving.discard(torrent)

    def torrent_changed(self, torrent: Entry, names: Iterable[str]) -> None:
        """Perhaps it is complete, where it belongs, or seeded enough."""
        if "done_date" in names and torrent.downloaded_ever:
            if torrent.record.place:
                self._moving.add(torrent)
            else:
                self._run("done", details(torrent))
        arrived = not torrent.record.place or torrent.failure
        if "directory" in names and torrent in self._moving and arrived:
            self._moving.discard(torrent)
            self._run("done", details(torrent))
        if "is_finished" in names and torrent.is_finished:
            self._run("seeded", details(torrent))

    def settings_changed(self, names: Iterable[str]) -> None:
        """Scripts are set in the file only."""

    def chat_message(self, torrent: Entry, message: object) -> None:
        """No script is for that: anybody in a swarm could have it run."""


def details(torrent: Entry) -> Details:
    """What a script is told."""
    record = torrent.record
    return Details(
        id=torrent.id,
        info_hash=torrent.info_hash,
        name=record.name,
        directory=record.place or record.directory,
        size=record.total_size,
        downloaded=torrent.downloaded_ever,
        uploaded=torrent.uploaded_ever,
        labels=record.labels,
        trackers=[url for tier in record.trackers for url in tier],
        priority=record.bandwidth_priority,
        reason=torrent.reason if record.is_finished else "",
    )
