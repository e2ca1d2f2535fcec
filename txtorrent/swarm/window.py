"""How many requests to keep outstanding at one peer.

The rule: a deeper window is kept only while it brings a higher rate. A round is the time
in which a window's worth of blocks arrives; after each one the window is doubled if the
round was faster than the best before, and left alone otherwise. So it follows rate x RTT
without measuring an RTT, and does not starve on clients that answer in pulses.
"""

from typing import Final

from txtorrent.metainfo.pieces import BLOCK

START: Final = 16
"""Blocks: enough for a first estimate on any path, few enough to lose without regret."""
MOST: Final = 2000
"""Blocks, 32 MiB: 1 Gb/s over a quarter of a second. More costs memory at the other end."""
DEFAULT_REQQ: Final = 250
"""Blocks that a peer's queue holds when it does not say (libtorrent's old default)."""
SHORTEST_ROUND: Final = 0.25
"""Seconds. Shorter ones measure the scheduler, not the path."""
GAIN: Final = 1.1
"""A round this much faster than the best one pays for a deeper window."""
LONGEST_QUEUE: Final = 4.0
"""Seconds of data at the measured rate: what waits longer at the peer blocks others."""
PROBE_EVERY: Final = 20
"""Rounds after which a window that has settled is given another chance to grow."""


class RequestWindow:
    """`size` is the number of blocks to keep outstanding; 1 while the peer is snubbed."""

    __slots__ = ("_best", "_received", "_round_began", "_settled", "most", "size")

    def __init__(self, now: float, most: int = DEFAULT_REQQ) -> None:
        self.most = min(most, MOST)
        self.size = min(START, self.most)
        self._best = 0.0
        self._received = 0
        self._round_began = now
        self._settled = 0

    def received(self, blocks: int, now: float) -> None:
        """Tell that `blocks` arrived; may end a round and change `size`."""
        self._received += blocks
        elapsed = now - self._round_began
        if self._received >= self.size and elapsed >= SHORTEST_ROUND:
            self._end_round(self._received * BLOCK / elapsed)
            self._received = 0
            self._round_began = now

    def idle(self, now: float) -> None:
        """Nothing was outstanding: the time until now says nothing about the path."""
        self._received = 0
        self._round_began = now

    def snub(self) -> None:
        """The peer stopped answering: one request at a time until it answers again."""
        self.size = 1
        self._best = 0.0

    def _end_round(self, rate: float) -> None:
        if self.size < START:
            self.size = min(START, self.most)
        elif rate > self._best * GAIN:
            self._best, self._settled = rate, 0
            self.size = min(self.size * 2, self.most)
        else:
            self._settle(rate)

    def _settle(self, rate: float) -> None:
        self._settled += 1
        deepest = max(START, int(rate * LONGEST_QUEUE / BLOCK))
        if self.size > deepest:
            self.size = deepest
            self._best = rate
        if self._settled >= PROBE_EVERY:
            self._best = rate / GAIN
            self._settled = 0
