"""Whether a router has forgotten its mappings: its epoch does not go on as time does.

Both protocols send the seconds since the router began to remember with every reply.
"""

from __future__ import annotations

from typing import Final

SLACK: Final = 2.0
"""Seconds that a reply may be late (RFC 6886, section 3.6; RFC 6887, section 8.5)."""
BACKWARDS: Final = 1.0
"""Seconds that replies which overtake each other may go back (RFC 6887, section 8.5)."""
_SLOW4, _SLOW6 = 7 / 8, 15 / 16


class NatPmpEpoch:
    """NAT-PMP's rule: an epoch may not be behind by an eighth of the time (section 3.6)."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def is_reset(self, epoch: int, now: float) -> bool:
        """Whether the router has forgotten since the last reply; each reply is given here once."""
        last, self._last = self._last, (epoch, now)
        if last is None:
            return False
        return epoch < last[0] + (now - last[1]) * _SLOW4 - SLACK


class PcpEpoch:
    """PCP's rule: an epoch may be neither behind nor ahead by a sixteenth (section 8.5)."""

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None

    def is_reset(self, epoch: int, now: float) -> bool:
        """Whether the router has forgotten since the last reply; each reply is given here once."""
        last, self._last = self._last, (epoch, now)
        if last is None:
            return False
        theirs, ours = epoch - last[0], now - last[1]
        if theirs < -BACKWARDS:
            return True
        return ours + SLACK < theirs * _SLOW6 or theirs + SLACK < ours * _SLOW6
