"""What a torrent has, moved and does: the numbers that are shown, saved and announced."""

from attrs import define, field

from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.swarm.rate import Rate
from txtorrent.swarm.selection import settle


@define
class Progress:
    """Counters of one torrent, in bytes. `checked` is the share of a check that is done.

    `downloaded` counts blocks that were asked for; `wasted` those of them that came twice or
    in pieces that failed their hash. All three go on over restarts.

    What is wanted is counted in whole pieces: a file that is not wanted may share one with a file
    that is.
    """

    metainfo: Metainfo
    have: Bitfield
    downloaded: Rate
    uploaded: Rate
    wasted: int = 0
    checked: float = 0.0
    corrupt: int = 0
    """Bytes of pieces that failed their hash since the start, for trackers."""
    priorities: bytes | None = field(init=False, default=None)
    """A `Priority` for each piece; None: all are NORMAL."""
    settled: Bitfield = field(init=False)
    """The pieces that are had or not wanted: `have` itself while all are wanted."""
    wanted_size: int = field(init=False)
    """Bytes of the pieces that are wanted."""

    def __attrs_post_init__(self) -> None:
        self.choose(None)

    def choose(self, priorities: bytes | None) -> None:
        """Want pieces as these priorities say."""
        self.priorities = priorities
        self.settled = settle(self.have, priorities)
        self.wanted_size = self._outside(settle(Bitfield(self.have.size), priorities))

    def restore(self, have: Bitfield) -> None:
        """These pieces are had, and no others."""
        self.have = have
        self.settled = settle(have, self.priorities)

    def found(self, piece: int) -> None:
        """A check shows that the piece is had."""
        self.have.add(piece)
        self.settled.add(piece)

    @property
    def is_complete(self) -> bool:
        """Whether every wanted piece is had."""
        return self.settled.is_full

    @property
    def size(self) -> int:
        """Bytes of the whole torrent."""
        return self.metainfo.geometry.total

    @property
    def had(self) -> int:
        """Verified bytes."""
        return self.size - self.missing

    @property
    def left(self) -> int:
        """Wanted bytes still to be had."""
        return self._outside(self.settled)

    @property
    def missing(self) -> int:
        """Bytes still to be had, wanted or not."""
        return self._outside(self.have)

    def _outside(self, pieces: Bitfield) -> int:
        """Bytes of all pieces but these."""
        geometry = self.metainfo.geometry
        others = (pieces.size - pieces.count) * geometry.piece_length
        last = geometry.piece_count - 1
        if others and last not in pieces:
            others -= geometry.piece_length - geometry.piece_size(last)
        return others

    @property
    def fraction(self) -> float:
        """Share of what is wanted that is had, 0 to 1."""
        return 1 - self.left / self.wanted_size if self.wanted_size else 1.0

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
