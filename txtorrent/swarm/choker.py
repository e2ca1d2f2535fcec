"""Whom to serve: tit for tat while leeching, turns while seeding (BEP 3, "choking").

Every 10 seconds the upload slots are dealt anew. Leeching, they go to the peers that give
us most; seeding, to those that waited longest, once a served peer had its turn. One slot
more goes to an optimistic unchoke, drawn every 30 seconds, new peers thrice as likely.
"""

from collections.abc import Sequence
from math import sqrt
from random import Random
from typing import Final, Generic, Protocol, TypeVar

ROUND: Final = 10.0
"""Seconds between deals: long enough for TCP to reach full speed."""
OPTIMISTIC_ROUND: Final = 30.0
"""Seconds that an optimistic unchoke lasts: three rounds to prove worth reciprocating."""
NEW_PEER: Final = 60.0
"""Seconds for which a peer counts as new."""
NEW_PEER_WEIGHT: Final = 3
TURN: Final = 60.0
"""Seconds that a leecher keeps a seed's slot before those who wait come first."""
SEEDING_SLOTS: Final = 32
"""Most slots of a seed: enough to fill any line, few enough that each is worth having."""
LEECHING_SLOTS: Final = 8
"""Most slots of a leecher: with more, those who give nothing would get as much as the others."""
FEWEST_SLOTS: Final = 4


class ChokePeer(Protocol):
    """What the choker asks of a peer."""

    interested: bool
    am_choking: bool
    snubbed: bool
    connected_at: float
    unchoked_at: float
    choked_at: float

    @property
    def download_rate(self) -> float:
        """Bytes/s that the peer gives us."""


def slots_for(upload_limit: float, seeding: bool) -> int:
    """Peers to serve at once under a limit in bytes/s (0: none); mainline's square root."""
    most = SEEDING_SLOTS if seeding else LEECHING_SLOTS
    if not upload_limit:
        return most
    return max(FEWEST_SLOTS, min(most, int(sqrt(upload_limit / 1000 * 0.6))))


P = TypeVar("P", bound=ChokePeer)


class Choker(Generic[P]):
    """Deals the slots of one torrent. `slots` may be changed at any time."""

    def __init__(self, slots: int, random: Random) -> None:
        self.slots = slots
        self._random = random
        self.optimistic: P | None = None
        self._drawn_at = float("-inf")

    def deal(self, peers: Sequence[P], seeding: bool, now: float) -> set[P]:
        """The peers to be unchoked from now on; all others are to be choked."""
        interested = [peer for peer in peers if peer.interested]
        chosen = set(self.first(interested, self.slots, seeding, now))
        optimistic = self._draw([p for p in interested if p not in chosen], now)
        if optimistic is not None:
            chosen.add(optimistic)
        return chosen

    def first(self, interested: Sequence[P], count: int, seeding: bool, now: float) -> list[P]:
        """At most so many of these peers, in the order in which they deserve a slot."""
        if count <= 0 or not interested:
            return []
        ordered = self._by_turn(interested, now) if seeding else self._by_worth(interested)
        return ordered[:count]

    def _by_worth(self, peers: Sequence[P]) -> list[P]:
        """Leeching: who gives most, equals in random order; who snubs us must be lucky."""
        giving = [peer for peer in peers if not peer.snubbed]
        self._random.shuffle(giving)
        return sorted(giving, key=lambda peer: -peer.download_rate)

    @staticmethod
    def _by_turn(peers: Sequence[P], now: float) -> list[P]:
        """Seeding: who is in mid-turn, then who waited longest."""

        def rank(peer: P) -> tuple[bool, float]:
            in_turn = not peer.am_choking and now - peer.unchoked_at < TURN
            waiting_since = peer.choked_at if peer.am_choking else now
            return not in_turn, peer.unchoked_at if in_turn else waiting_since

        return sorted(peers, key=rank)

    def _draw(self, candidates: Sequence[P], now: float) -> P | None:
        """Keep the optimistic unchoke for its round, then draw another."""
        due = now - self._drawn_at >= OPTIMISTIC_ROUND
        if self.optimistic is not None and self.optimistic in candidates and not due:
            return self.optimistic
        if not candidates:
            self.optimistic = None
            return None
        weights = [
            NEW_PEER_WEIGHT if now - peer.connected_at < NEW_PEER else 1 for peer in candidates
        ]
        self.optimistic = self._random.choices(candidates, weights)[0]
        self._drawn_at = now
        return self.optimistic
