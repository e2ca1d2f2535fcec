"""How many connections of one torrent a host and a network may have.

Counted as connections come and go, so that one more costs the same however many there are.
"""

from typing import Final

from txtorrent.address import Reach, network, reach
from txtorrent.swarm.tally import Tally

MOST_PER_HOST: Final = 4
"""Connections from one address: a few people behind one router, not one attacker."""
MOST_PER_NETWORK: Final = 40
"""Connections from one /24 or /64 of the Internet; local networks are not limited."""


class Crowding:
    """Where the connections of one torrent come from. A host is an IP address as text."""

    def __init__(self) -> None:
        self._hosts: Tally[str] = Tally()
        self._networks: Tally[str] = Tally()

    def entered(self, host: str) -> None:
        """There is a connection more."""
        self._hosts.add(host)
        if reach(host) is Reach.GLOBAL:
            self._networks.add(network(host))

    def left(self, host: str) -> None:
        """A connection that had entered is gone."""
        self._hosts.remove(host)
        if reach(host) is Reach.GLOBAL:
            self._networks.remove(network(host))

    def objection(self, host: str) -> str | None:
        """Why this host must have no connection more, or None."""
        if self._hosts[host] >= MOST_PER_HOST:
            return "too many connections from one address"
        if reach(host) is Reach.GLOBAL and self._networks[network(host)] >= MOST_PER_NETWORK:
            return "too many connections from one network"
        return None
