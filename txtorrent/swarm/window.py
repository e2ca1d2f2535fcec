"""How many requests to keep outstanding at one peer.

The rule: a deeper window is kept only while it brings a higher rate. A round is the time
in which a window's worth of blocks arrives; after each one the window is doubled if the
round was faster than the best before, and left alone otherwise. Now and then one round is
tried with twice the window. So it follows rate x RTT without measuring an RTT, and does not
starve on clients that answer in pulses. It never holds more than a few seconds of data.
"""

from collections.abc import Iterable
from typing import Final

from txtorrent.metainfo.pieces import BLOCK

START: Final = 4
"""Blocks: enough for a first estimate on any path, few enough to lose without regret."""
FEWEST: Final = 2
"""Blocks: one is on its way while the next is asked for."""
MOST: Final = 2000
"""Blocks, 32 MiB: 1 Gb/s over a quarter of a second. More costs memory at the other end."""
DEFAULT_REQQ: Final = 250
"""Blocks that a peer's queue holds when it does not say (libtorrent's old default)."""
SHORTEST_ROUND: Final = 0.25
"""Seconds. Shorter ones measure the scheduler, not the path."""
PLAINLY_ENOUGH: Final = 64
"""Blocks up to which a window is doubled as soon as it arrives within less than a round: it was
plainly too small. Requests are sent for a quarter of it at a time, so this also keeps the number
of small writes down: each costs some 30 us on loopback, at both ends together."""
GAIN: Final = 1.1
"""A round this much faster than the best one pays for a deeper window."""
LONGEST_QUEUE: Final = 2.0
"""Seconds of data at the measured rate, and the longest round: what waits longer at a slow
peer blocks others, and is given up before it comes."""
PROBE_EVERY: Final = 20
"""Rounds after which a window that has settled is doubled for one round, to see."""


def fair_share(wanted: Iterable[int], capacity: int) -> int:
    """The most blocks for one, so that all together get `capacity` when nobody gets more than that
    or than is `wanted` (max-min fairness); `MOST` where everybody may have all."""
    windows = sorted(wanted)
    for served, window in enumerate(windows):
        share = capacity // (len(windows) - served)
        if window > share:
            return share
        capacity -= window
    return MOST


class RequestWindow:
    """`size` is the number of blocks to keep outstanding; 1 while the peer is snubbed."""

    __slots__ = ("_before", "_best", "_received", "_round_began", "_settled", "most", "size")

    def __init__(self, now: float, most: int = DEFAULT_REQQ) -> None:
        self.most = min(most, MOST)
        self.size = min(START, self.most)
        self._before = 0
        self._best = 0.0
        self._received = 0
        self._round_began = now
        self._settled = 0

    def received(self, blocks: int, now: float) -> None:
        """Tell that `blocks` arrived; may end a round and change `size`."""
        self._received += blocks
        elapsed = now - self._round_began
        whole = self._received >= self.size
        if whole and elapsed < SHORTEST_ROUND and self.size < PLAINLY_ENOUGH:
            self.size = min(self.size * 2, PLAINLY_ENOUGH, self.most)
            self.idle(now)
        elif (whole and elapsed >= SHORTEST_ROUND) or elapsed >= LONGEST_QUEUE:
            self._end_round(self._received * BLOCK / elapsed)
            self._received = 0
            self._round_began = now

    def idle(self, now: float) -> None:
        """Nothing was outstanding: the time until now says nothing about the path."""
        self._received = 0
        self._round_began = now

    def refused(self, outstanding: int) -> None:
        """The peer rejected a request although it lets us ask: its queue holds so many blocks."""
        self.most = max(min(START, self.most), min(outstanding, self.most))
        self.size = min(self.size, self.most)

    def limit(self, queue: int) -> None:
        """The peer says how many requests its queue holds. That it would take more than most do is
        no reason to send them: 4 MiB under way are 40 MB/s over a tenth of a second, and at ten
        peers more than that would hold all memory that there is for pieces."""
        self.most = min(queue, DEFAULT_REQQ)
        self.size = min(self.size, self.most)

    def snub(self) -> None:
        """The peer stopped answering: one request at a time until it answers again."""
        self.size = 1
        self._best, self._before = 0.0, 0

    def _end_round(self, rate: float) -> None:
        if rate > self._best * GAIN:
            self._best, self._settled, self._before = rate, 0, 0
            self.size = min(self.size * 2, self.most)
        else:
            self._settle(rate)
        deepest = max(FEWEST, int(rate * LONGEST_QUEUE / BLOCK))
        if self.size > deepest:
            self.size, self._best, self._before = deepest, rate, 0

    def _settle(self, rate: float) -> None:
        """The round brought nothing: nor did a window that was doubled for it."""
        if self._before:
            self.size, self._before = self._before, 0
        self._settled += 1
        if self._settled >= PROBE_EVERY:
            self._settled, self._best, self._before = 0, rate, self.size
            self.size = min(self.size * 2, self.most)
