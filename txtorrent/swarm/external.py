"""Who we are as others see us: their votes on our external address, one poll for each family.

Peers say it in their extension handshake (`yourip`, BEP 10), trackers in their answers (BEP 24),
DHT nodes in theirs (`ip`, BEP 42), and the router when it maps a port. Any of them may lie. So a
voter has one vote and a network no more than two, votes go stale, and what is believed changes only
when many speak for something else and few for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

from attrs import define, field, frozen

from txtorrent.address import Reach, canonical_host, network, reach

WINDOW: Final = 2400.0
"""Seconds that a vote counts. Addresses of home lines change once a day, or less often; a router's
word is renewed every half hour."""
MOST_VOTES: Final = 500
"""Votes of a family that are kept; the oldest goes."""
MOST_OF_NETWORK: Final = 2
"""Votes of one /24 or /64: who owns a network has no more say than who has two machines."""
ENOUGH_TO_BELIEVE: Final = 3
"""Weight that makes us believe something while we know nothing: three peers, or one tracker."""
ENOUGH_TO_CHANGE: Final = 8
"""Weight without which no other address is believed: more than a few liars, no more than what a
busy daemon hears in minutes."""
LEAD: Final = 2
"""How many times the weight of what is believed another address needs."""


class Source(Enum):
    """Who says it."""

    PEER = auto()
    DHT = auto()
    TRACKER = auto()
    ROUTER = auto()


_WEIGHTS: Final = {
    Source.PEER: 1,
    Source.DHT: 1,
    Source.TRACKER: 3,  # the user chose it
    Source.ROUTER: 8,  # it is the user's own, and has the address
}


@frozen
class Count:
    """What speaks for an address: how many votes, and their weight."""

    host: str
    votes: int
    weight: int
    is_believed: bool


@frozen
class _Vote:
    host: str
    network: str
    weight: int
    when: float


@define
class _Poll:
    """The votes on our address of one family, the oldest first."""

    believed: str | None = None
    _votes: dict[str, _Vote] = field(factory=dict)
    _of_network: dict[str, list[str]] = field(factory=dict)
    _weights: dict[str, int] = field(factory=dict)

    def vote(self, voter: str, vote: _Vote) -> bool:
        """Count a vote in place of the voter's last one; whether another address is believed."""
        self._withdraw(voter)
        neighbours = self._of_network.setdefault(vote.network, [])
        neighbours.append(voter)
        self._votes[voter] = vote
        self._weights[vote.host] = self._weights.get(vote.host, 0) + vote.weight
        if len(neighbours) > MOST_OF_NETWORK:
            self._withdraw(neighbours[0])
        self._forget(vote.when - WINDOW)
        return self._decide()

    def counts(self, now: float) -> Iterator[Count]:
        """What there are votes for."""
        self._forget(now - WINDOW)
        for host, weight in self._weights.items():
            votes = sum(each.host == host for each in self._votes.values())
            yield Count(host, votes, weight, host == self.believed)

    def _decide(self) -> bool:
        leader = max(self._weights, key=self._weights.__getitem__)
        weight = self._weights[leader]
        has_majority = 2 * weight > sum(self._weights.values())
        if leader == self.believed or not has_majority or weight < self._needed():
            return False
        self.believed = leader
        return True

    def _needed(self) -> int:
        """The weight that another address needs to be believed."""
        if self.believed is None:
            return ENOUGH_TO_BELIEVE
        return max(ENOUGH_TO_CHANGE, LEAD * self._weights.get(self.believed, 0))

    def _forget(self, before: float) -> None:
        while self._votes:
            voter, vote = next(iter(self._votes.items()))
            if vote.when > before and len(self._votes) <= MOST_VOTES:
                return
            self._withdraw(voter)

    def _withdraw(self, voter: str) -> None:
        vote = self._votes.pop(voter, None)
        if vote is None:
            return
        self._weights[vote.host] -= vote.weight
        if not self._weights[vote.host]:
            del self._weights[vote.host]
        neighbours = self._of_network[vote.network]
        neighbours.remove(voter)
        if not neighbours:
            del self._of_network[vote.network]


class ExternalAddress:
    """Our addresses as others see them. Times are in seconds of one clock that runs forwards."""

    def __init__(self) -> None:
        self._polls = {4: _Poll(), 6: _Poll()}

    @property
    def ipv4(self) -> str | None:
        """Our external IPv4 address, None as long as too few have spoken."""
        return self._polls[4].believed

    @property
    def ipv6(self) -> str | None:
        """Our external IPv6 address, None as long as too few have spoken."""
        return self._polls[6].believed

    def vote(self, host: str, voter: str, source: Source, now: float) -> bool:
        """Count that `voter` (an IP address, or a tracker's name) sees us as `host`.

        Gives True when what we believe has changed. What is no global IP address does not count.
        """
        try:
            seen = canonical_host(host)
            if reach(seen) is not Reach.GLOBAL:
                return False
        except ValueError:
            return False
        poll = self._polls[6 if ":" in seen else 4]
        voter, of_network = _who(voter)
        return poll.vote(voter, _Vote(seen, of_network, _WEIGHTS[source], now))

    def counts(self, now: float) -> list[Count]:
        """What there are votes for, of both families; the weightiest first."""
        found = [count for poll in self._polls.values() for count in poll.counts(now)]
        return sorted(found, key=lambda count: -count.weight)


def _who(voter: str) -> tuple[str, str]:
    """The voter in its one spelling, and its network; a name is a network of its own."""
    try:
        return canonical_host(voter), network(voter)
    except ValueError:
        return voter, voter
