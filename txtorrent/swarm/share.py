"""How much of a torrent is given back: when seeding is enough, and the fair share before its end.

All of it is decided from plain numbers, with the reason in words for the user.
"""

from enum import IntEnum
from math import ceil

from attrs import frozen

from txtorrent.units import show_size, show_time


class Limit(IntEnum):
    """Whose limit counts for a torrent: Transmission's seed_ratio_mode and seed_idle_mode."""

    SESSION = 0
    OWN = 1
    NONE = 2

    def choose(self, own: float, session: float | None) -> float | None:
        """The limit that counts; `session` is None when the session has none."""
        if self is Limit.OWN:
            return own
        return session if self is Limit.SESSION else None


@frozen
class Goal:
    """When a torrent has been seeded enough. None: no such limit.

    `ratio` is bytes uploaded for each byte that is wanted of the torrent; `idle` is seconds since
    a block was last uploaded, or since seeding began.
    """

    ratio: float | None = None
    idle: float | None = None

    def reached(self, wanted: int, uploaded: int, idle: float) -> str | None:
        """Why a complete torrent has been seeded enough, or None. `wanted` is in bytes."""
        if self.ratio is not None and wanted and not self.left(wanted, uploaded):
            return f"uploaded {self.ratio:.10g} times its size"
        if self.idle is not None and idle >= self.idle:
            return f"nobody wanted a piece for {show_time(self.idle)}"
        return None

    def left(self, wanted: int, uploaded: int) -> int | None:
        """Bytes still to be uploaded for the ratio; None without one."""
        if self.ratio is None:
            return None
        return max(0, ceil(round(wanted * self.ratio, 3)) - uploaded)

    def idle_left(self, idle: float) -> float | None:
        """Seconds until idle seeding ends; None without such a limit."""
        return None if self.idle is None else max(0.0, self.idle - idle)


def fair_share_left(size: int, uploaded: int, share: float) -> int:
    """Bytes still to be uploaded before the last piece may be requested; 0: it may.

    `share` is the part of `size`, the bytes wanted of the torrent, that has to be given first.
    """
    return max(0, ceil(round(size * share, 3)) - uploaded)


def withholds_last_piece(unrequested: int, others: int, left: int) -> bool:
    """Whether the last piece has to wait for the fair share, of which `left` bytes are left.

    `unrequested` are wanted pieces of which no block was asked for; `others` those had or under
    way. To be asked before each piece is begun: several under way may not be the last ones
    together. The only piece of a torrent is not held back, as there is nothing to give before it.
    """
    return unrequested == 1 and others > 0 and left > 0


def fair_share_reason(left: int, share: float) -> str:
    """Why a torrent waits before its last piece."""
    return (
        f"fair share: {show_size(left)} to be uploaded before the last piece is requested"
        f" (min_share {share:.10g})"
    )
