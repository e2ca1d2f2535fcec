"""When which torrent is announced: thousands of them, one lookup each about every 15 minutes.

The governing rule: a few lookups at a time, and the next when one has ended. When there are more
torrents than the rate allows for, the interval stretches and all have turns; what was just
joined, and downloads, go first, yet seeds get a share whatever there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heappush
from random import Random
from typing import Final, Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from txtorrent.address import Address

INTERVAL: Final = 900.0
"""Seconds between announces of a torrent: nodes forget a peer after 30 minutes."""
JITTER: Final = 0.1
"""Share of the interval by which it varies, so that what began together does not stay so."""
RETRY: Final = 60.0
"""Seconds until a torrent of which nobody answered is tried again."""
AT_ONCE: Final = 8
"""Lookups under way: with 2 to 6 s each, as many as the usual rate pays for."""
PAUSE: Final = 1.0
"""Seconds until the next look when there is nobody to ask, or too much waits to be sent."""
BATCH: Final = 1.0
"""Seconds for which peers that were found are gathered."""
FEW_DEAD: Final = 1000
"""Entries of torrents that have left, or were booked anew, that may stay in a lane."""

NEW_DOWNLOADS, DOWNLOADS, NEW_SEEDS, SEEDS = range(4)
_USUAL: Final = (NEW_DOWNLOADS, DOWNLOADS, NEW_SEEDS, SEEDS)
ORDERS: Final = (*(_USUAL,) * 3, (NEW_SEEDS, SEEDS, DOWNLOADS, NEW_DOWNLOADS))
"""Which lane is asked first, turn by turn."""

_log = Logger()

Found = Callable[[Sequence[Address]], None]


class Announcing(Protocol):
    """One lookup and the announces after it, under way."""

    def cancel(self) -> None:
        """Go on no longer, and call nobody."""


class AnnounceNodes(Protocol):
    """What the schedule needs of the DHT."""

    @property
    def can_announce(self) -> bool:
        """Whether there is somebody to ask, and room in the line."""

    def announce(
        self,
        info_hash: bytes,
        seed: bool,
        took: Callable[[list[Address]], None],
        ended: Callable[[bool], None],
    ) -> Announcing:
        """Find peers and announce; `ended` is told whether anybody answered, and is never called
        from within."""


@define(eq=False)
class Membership:
    """A torrent that has joined. `found` is given peers; `seeding` says what it is."""

    info_hash: bytes
    found: Found
    seeding: Callable[[], bool]
    _announces: Announces
    booking: int = field(init=False, default=0)
    """The number of its entry in a lane; 0: it is in none."""

    def leave(self) -> None:
        """Announce it no more, and tell nothing of what is found."""
        self._announces.leave(self)

    def soon(self) -> None:
        """Look for peers as soon as others let it, as if it had just joined."""
        self._announces.soon(self)


_Entry = tuple[float, int, Membership]


class Announces:
    """The torrents that have joined, each waiting for its time in one of four lanes."""

    def __init__(self, reactor: IReactorTime, random: Random, nodes: AnnounceNodes) -> None:
        self._reactor = reactor
        self._random = random
        self._nodes = nodes
        self._lanes: tuple[list[_Entry], ...] = ([], [], [], [])
        self._joined: dict[bytes, Membership] = {}
        self._under_way: dict[Membership, _Batch] = {}
        self._number = 0
        self._turn = 0
        self._timer: IDelayedCall | None = None
        self._stopped = False

    def __len__(self) -> int:
        """How many torrents have joined."""
        return len(self._joined)

    @property
    def under_way(self) -> int:
        """How many are being announced."""
        return len(self._under_way)

    @property
    def next_at(self) -> float | None:
        """When the next is due; None: none waits."""
        return min((lane[0][0] for lane in self._lanes if lane), default=None)

    def join(self, info_hash: bytes, found: Found, seeding: Callable[[], bool]) -> Membership:
        """Announce a torrent from now on. ValueError when it has joined already."""
        if info_hash in self._joined:
            raise ValueError("the torrent has joined already")
        membership = Membership(info_hash, found, seeding, self)
        self._joined[info_hash] = membership
        self.soon(membership)
        return membership

    def leave(self, membership: Membership) -> None:
        """Announce a torrent no more."""
        if self._joined.get(membership.info_hash) is not membership:
            return
        del self._joined[membership.info_hash]
        membership.booking = 0
        batch = self._under_way.pop(membership, None)
        if batch is not None:
            batch.cancel()
            self._set_timer()

    def soon(self, membership: Membership) -> None:
        """Announce it as soon as others let it, unless that is being done."""
        if self._joined.get(membership.info_hash) is membership and not self._stopped:
            if membership not in self._under_way:
                lane = NEW_SEEDS if membership.seeding() else NEW_DOWNLOADS
                self._book(membership, self._reactor.seconds(), lane)
            self._set_timer()

    def stop(self) -> None:
        """Announce nothing any more."""
        self._stopped = True
        for batch in self._under_way.values():
            batch.cancel()
        self._under_way.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- inside ------------------------------------------------------------------------------

    def _book(self, membership: Membership, at: float, lane: int) -> None:
        self._number += 1
        membership.booking = self._number
        heappush(self._lanes[lane], (at, self._number, membership))
        if sum(map(len, self._lanes)) > 2 * len(self._joined) + FEW_DEAD:
            for each in self._lanes:
                each[:] = [entry for entry in each if entry[2].booking == entry[1]]
                heapify(each)

    def _set_timer(self) -> None:
        """Look again when the next is due; while lookups are under way, also when one ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = self.next_at
        if self._stopped or at is None or len(self._under_way) >= AT_ONCE:
            return
        pause = max(0.0, at - self._reactor.seconds())
        if not self._nodes.can_announce:
            pause = max(pause, PAUSE)
        self._timer = self._reactor.callLater(pause, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._reactor.seconds()
        while len(self._under_way) < AT_ONCE and self._nodes.can_announce:
            membership = self._next(now)
            if membership is None:
                break
            self._begin(membership)
        self._set_timer()

    def _next(self, now: float) -> Membership | None:
        """Whose turn it is."""
        order = ORDERS[self._turn % len(ORDERS)]
        for lane in map(self._lanes.__getitem__, order):
            while lane and lane[0][2].booking != lane[0][1]:
                heappop(lane)
            if lane and lane[0][0] <= now:
                self._turn += 1
                membership = heappop(lane)[2]
                membership.booking = 0
                return membership
        return None

    def _begin(self, membership: Membership) -> None:
        batch = _Batch(self._reactor, membership)
        self._under_way[membership] = batch
        batch.announcing = self._nodes.announce(
            membership.info_hash,
            membership.seeding(),
            batch.took,
            lambda answered: self._ended(membership, answered),
        )

    def _ended(self, membership: Membership, answered: bool) -> None:
        self._under_way.pop(membership).flush()
        if self._joined.get(membership.info_hash) is membership and not membership.booking:
            pause = INTERVAL if answered else RETRY
            pause *= 1 + JITTER * self._random.uniform(-1, 1)
            lane = SEEDS if membership.seeding() else DOWNLOADS
            self._book(membership, self._reactor.seconds() + pause, lane)
        self._set_timer()


@define(eq=False)
class _Batch:
    """The peers found for a torrent that it has not been told of yet."""

    _reactor: IReactorTime
    _membership: Membership
    announcing: Announcing | None = None
    _peers: list[Address] = field(init=False, factory=list)
    _timer: IDelayedCall | None = field(init=False, default=None)

    def took(self, peers: list[Address]) -> None:
        self._peers += peers
        if self._timer is None:
            self._timer = self._reactor.callLater(BATCH, self._due)

    def flush(self) -> None:
        self._stop_timer()
        peers, self._peers = self._peers, []
        if peers:
            try:
                self._membership.found(peers)
            except Exception:
                _log.failure("a torrent stumbled over peers from the DHT")

    def cancel(self) -> None:
        self._stop_timer()
        if self.announcing is not None:
            self.announcing.cancel()

    def _due(self) -> None:
        self._timer = None
        self.flush()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
