"""How fast bytes flow: a counter that costs an addition, sampled once a second."""

from typing import Final

SMOOTHING: Final = 0.3
"""Weight of the newest sample: a step shows to 90 % after about seven samples."""


class Rate:
    """Bytes counted in `total`; `rate` in bytes/s, as of the last `sample`."""

    __slots__ = ("_sampled_at", "_sampled_total", "rate", "total")

    def __init__(self, now: float, total: int = 0) -> None:
        self.total = total
        self.rate = 0.0
        self._sampled_at = now
        self._sampled_total = total

    def resume(self, now: float) -> None:
        """It was not sampled while no byte came, and might have been at `now`."""
        self._sampled_at = now

    def sample(self, now: float) -> None:
        """Take the bytes since the last sample into the rate; to be called every second."""
        elapsed = now - self._sampled_at
        if elapsed <= 0:
            return
        newest = (self.total - self._sampled_total) / elapsed
        self.rate += (newest - self.rate) * SMOOTHING
        if self.rate < 1:
            self.rate = 0.0
        self._sampled_at = now
        self._sampled_total = self.total
