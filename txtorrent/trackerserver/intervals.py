"""How long peers wait until they announce again: the longer the more of them there are.

A tracker that cannot keep up would answer nobody. So when more announces come than it is meant for,
it asks for fewer: as the answers spread, so does the load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import frozen

MEASURED: Final = 10.0
"""Seconds over which announces are counted."""
WEIGHT: Final = 0.2
"""Of the last count in the average: it follows within a minute."""
SPREAD: Final = 0.1
"""Part of an interval that is drawn, so that peers that came together do not come again so."""
GENTLY: Final = 0.003
"""Part of the excess by which intervals are stretched when it is measured: twice the load that the
tracker is meant for, or more, doubles them in forty minutes."""
LATE: Final = 60
"""Seconds by which an announce may be late: its answer, and all tries before it, take a while."""


@frozen
class Pace:
    """Seconds between two announces of a peer: usually `interval`, never asked for less than
    `min_interval`, at most `longest`; and for how many announces a second the tracker is meant."""

    interval: int = 1800
    min_interval: int = 300
    longest: int = 7200
    announces_per_second: float = 10_000.0


class Intervals:
    """Counts announces, and says when the next one of a peer is due. `draw` gives numbers from 0 to
    1, which it never reaches; `pace` may be replaced.

    Peers that are all asked to wait four times as long come as thick as before, only later; and
    what is asked for now shows after an interval. So it is stretched little by little, which
    spreads them, and does not go back while they are away.
    """

    def __init__(self, pace: Pace, draw: Callable[[], float]) -> None:
        self.pace = pace
        self.rate = 0.0
        """Announces a second, on average."""
        self.current = pace.interval
        """What is asked for now, without the part that is drawn."""
        self._draw = draw
        self._counted = 0
        self._stretch = 1.0
        self.lifetime = self._lifetime()
        """Seconds for which a peer is believed to be there: it may miss one announce."""

    def next(self) -> int:
        """Seconds until the next announce of the peer that is answered."""
        self._counted += 1
        return int(self.current * (1.0 + SPREAD * self._draw()))

    def measure(self) -> None:
        """To be called every `MEASURED` seconds."""
        self.rate += WEIGHT * (self._counted / MEASURED - self.rate)
        self._counted = 0
        pace = self.pace
        excess = min(1.0, self.rate / pace.announces_per_second - 1.0)
        most = max(1.0, pace.longest / pace.interval)
        self._stretch = max(1.0, min(self._stretch * (1.0 + GENTLY * excess), most))
        self.current = round(pace.interval * self._stretch)
        self.lifetime = self._lifetime()

    def _lifetime(self) -> int:
        return round(2 * (1.0 + SPREAD) * self.current) + LATE
