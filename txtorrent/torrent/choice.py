"""What a user wants of a torrent: which files, how urgently, and in which order."""

from attrs import frozen

from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.swarm.selection import Priority


@frozen
class Choice:
    """What is wanted. It may be changed while the torrent runs: `attrs.evolve` one, and give it to
    `Torrent.choose`; it is the caller's to remember over restarts."""

    files: bytes | None = None
    """A `Priority` for each of `Metainfo.files`, pads included (what is said of a pad does not
    count); None: all are NORMAL."""
    sequential_from: int | None = None
    """Fetch the pieces in order, from this one on and then from 0 on; None: rarest first."""
    hold_last: bool = False
    """Do not fetch the last piece that is wanted, for a reason of the caller's. A piece that was
    begun already goes on."""

    def check(self, metainfo: Metainfo) -> None:
        """ValueError, in words for the user, if it does not fit the torrent."""
        files, start = len(metainfo.files), self.sequential_from
        if self.files is not None and len(self.files) != files:
            raise ValueError(f"{len(self.files)} priorities for {files} files")
        if self.files and max(self.files) > Priority.HIGH:
            raise ValueError(f"{max(self.files)} is no priority of a file")
        if start is not None and not 0 <= start < metainfo.geometry.piece_count:
            raise ValueError(f"there is no piece {start}")
