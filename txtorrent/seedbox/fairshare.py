"""The fair share: the last piece of a torrent waits until enough of it has been uploaded."""

from collections.abc import Callable, Iterable
from typing import Any

from attrs import evolve

from txtorrent.seedbox.entry import Entry
from txtorrent.swarm.share import fair_share_left, fair_share_reason
from txtorrent.torrent.parts import Parts


class FairShare:
    """A brake: holds the last piece of those that have to give first. Uploads of all runs count."""

    def __init__(self, setting: Callable[[str], Any]) -> None:
        self._setting = setting

    def tick(self, entries: Iterable[Entry]) -> None:
        """Nothing to find out."""

    def hold(self, entry: Entry, parts: Parts) -> str:
        """Hold the last piece, or let it be begun; why the torrent waits for it, or ""."""
        share, left = self._share(entry), 0
        if share:
            left = fair_share_left(entry.record.size_when_done, entry.uploaded_ever, share)
        torrent = entry.torrent
        assert torrent is not None
        if torrent.choice.hold_last != (left > 0):
            torrent.choose(evolve(torrent.choice, hold_last=left > 0))
        return fair_share_reason(left, share) if left and torrent.is_holding_last else ""

    def _share(self, entry: Entry) -> float:
        own = entry.record.min_share
        return float(self._setting("min_share") if own is None else own)
