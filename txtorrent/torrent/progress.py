"""What a torrent has, moved and does: the numbers that are shown, saved and announced."""

from attrs import define

from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.swarm.rate import Rate


@define
class Progress:
    """Counters of one torrent, in bytes. `checked` is the share of a check that is done.

    `downloaded` counts blocks that were asked for; `wasted` those of them that came twice or
    in pieces that failed their hash. All three go on over restarts.
    """

    metainfo: Metainfo
    have: Bitfield
    downloaded: Rate
    uploaded: Rate
    wasted: int = 0
    checked: float = 0.0
    corrupt: int = 0
    """Bytes of pieces that failed their hash since the start, for trackers."""

    @property
    def is_complete(self) -> bool:
        """Whether every piece is had."""
        return self.have.is_full

    @property
    def size(self) -> int:
        """Bytes of the whole torrent."""
        return self.metainfo.geometry.total

    @property
    def had(self) -> int:
        """Verified bytes."""
        return self.size - self.left

    @property
    def left(self) -> int:
        """Bytes still to be had."""
        geometry = self.metainfo.geometry
        missing = (self.have.size - self.have.count) * geometry.piece_length
        last = geometry.piece_count - 1
        if missing and last not in self.have:
            missing -= geometry.piece_length - geometry.piece_size(last)
        return missing

    @property
    def fraction(self) -> float:
        """Share that is had, 0 to 1."""
        return 1 - self.left / self.size if self.size else 1.0

    @property
    def ratio(self) -> float:
        """Uploaded bytes for each byte of the torrent."""
        return self.uploaded.total / self.size if self.size else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds until complete at the present rate, or None when there is no telling."""
        if not self.left:
            return 0.0
        return self.left / self.downloaded.rate if self.downloaded.rate else None

    def sample(self, now: float) -> None:
        """Take the last second into the rates."""
        self.downloaded.sample(now)
        self.uploaded.sample(now)
