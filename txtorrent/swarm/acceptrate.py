"""How fast one network of the Internet may open connections to us (THREATS B8)."""

from typing import Final

from txtorrent.address import Reach, network, reach

PER_SECOND: Final = 5.0
"""Connections that a /24 or /64 may open on average: far more than a swarm's peers there need."""
BURST: Final = 50.0
"""Connections at once, as after a restart, when everybody comes back."""
MOST_NETWORKS: Final = 4096
"""Networks remembered; the one that came least lately is forgotten."""


class AcceptRate:
    """A bucket of `BURST` connections for each network, refilled by `PER_SECOND`.

    Local networks are not limited: they are the user's own.
    """

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, float]] = {}

    def allows(self, host: str, now: float) -> bool:
        """Whether a connection from this host may be accepted; one that may is counted."""
        if reach(host) is not Reach.GLOBAL:
            return True
        key = network(host)
        tokens, then = self._buckets.pop(key, (BURST, now))
        tokens = min(BURST, tokens + (now - then) * PER_SECOND)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - allowed, now)
        if len(self._buckets) > MOST_NETWORKS:
            del self._buckets[next(iter(self._buckets))]
        return allowed
