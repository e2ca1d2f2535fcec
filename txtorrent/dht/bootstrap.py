"""How a node finds its way into the network, and again when it has lost it (BEP 5, BEP 32).

First by the nodes that it knew last time and that it was told of; only when that is not enough by
routers, which are in the table only where there are hardly any other nodes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txtorrent.address import Address
from txtorrent.dht.lookup import Candidate, Lookup
from txtorrent.dht.node import Node
from txtorrent.dht.nodeid import may_teach
from txtorrent.wire.krpc import Response
from txtorrent.wire.krpcfields import Want
from txtorrent.wire.krpcnodes import NodeInfo
from txtorrent.wire.krpcqueries import FindNode

ENOUGH: Final = 4
"""Good nodes from which a node finds its way without routers."""
FIRST_PAUSE: Final = 15.0
"""Seconds until the next try when nobody was found; doubled each time."""
LONGEST_PAUSE: Final = 300.0
"""Seconds: how long after an outage we are back at the latest."""
NEIGHBOURHOOD: Final = 900.0
"""Seconds between looks for the nodes closest to ourselves, which store with us."""
MOST_HINTS: Final = 200
"""Nodes to begin with: those of a saved table, or that the other family's network tells of."""


class Bootstrap:
    """Brings one node in and keeps it there. `routers` gives addresses to begin with, when it is
    called; `told` is given nodes of the other family that we hear of."""

    def __init__(
        self,
        reactor: IReactorTime,
        node: Node,
        routers: Callable[[], Deferred[list[Address]]],
        told: Callable[[Iterable[NodeInfo]], None],
        *,
        both: bool,
    ) -> None:
        self._reactor = reactor
        self._node = node
        self._routers = routers
        self._told = told
        self._both = both
        self._hints: deque[NodeInfo] = deque(maxlen=MOST_HINTS)
        self._next_try = 0.0
        self._pause = FIRST_PAUSE
        self._looked_at: float | None = None
        self._lookup: Lookup | None = None
        self._resolving: Deferred[list[Address]] | None = None
        self._stopped = False
        self._is_small = False

    def hint(self, nodes: Iterable[NodeInfo]) -> None:
        """Begin with these as well, unless we are in already."""
        now = self._reactor.seconds()
        if not self._is_in(now):
            if not self._hints:
                self._next_try = min(self._next_try, now)
            self._hints.extend(nodes)

    def tick(self) -> None:
        """Do what is due."""
        now = self._reactor.seconds()
        if self._lookup is not None or self._resolving is not None:
            return
        if not self._is_in(now):
            if now >= self._next_try:
                self._next_try = now + self._pause
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
                self._look(self._try_routers)
        elif self._looked_at is None or now - self._looked_at > NEIGHBOURHOOD:
            self._look(self._arrived)

    def restart(self) -> None:
        """Look for the nodes closest to ourselves anew: we have another id."""
        if self._lookup is not None:
            self._lookup.cancel()
            self._lookup = None
        self.met()

    def met(self) -> None:
        """There is somebody to ask now: do not wait for the next try."""
        self._next_try, self._pause, self._looked_at = 0.0, FIRST_PAUSE, None
        self.tick()

    def stop(self) -> None:
        """Try no more."""
        self._stopped = True
        if self._resolving is not None:
            self._resolving.cancel()

    def _is_in(self, now: float) -> bool:
        return self._node.table.has_good(ENOUGH, now)

    def _look(self, ended: Callable[[Lookup], None], routers: Iterable[Address] = ()) -> None:
        """Look for ourselves. The lookup may end before `look_up` returns."""
        own = self._node.own_id
        is_first = self._looked_at is None
        question = FindNode(own, Want(True, True) if self._both and is_first else None)
        everybody = [contact.info for contact in self._node.table]
        more = [*everybody, *self._hints]
        lookup = self._node.look_up(question, own, self._heard, ended, more, routers)
        if not lookup.is_over:
            self._lookup = lookup

    def _heard(self, candidate: Candidate, response: Response) -> None:
        others = (response.nodes if self._node.ipv6 else response.nodes6) or ()
        teacher = candidate.address.host
        self._told(node for node in others if may_teach(teacher, node.address))

    def _try_routers(self, lookup: Lookup) -> None:
        """The nodes that we knew have been asked: was it enough?"""
        if self._is_in(self._reactor.seconds()):
            self._arrived(lookup)
            return
        self._lookup = None
        self._resolving = self._routers()
        self._resolving.addBoth(self._resolved)

    def _resolved(self, found: list[Address] | Failure) -> None:
        self._resolving = None
        if self._stopped or isinstance(found, Failure) or not found:
            return
        self._node.routers = set() if self._is_small else set(found)
        self._look(self._arrived, found)

    def _arrived(self, lookup: Lookup) -> None:
        """The first time, the rest of the table is filled as well."""
        self._lookup = None
        now = self._reactor.seconds()
        if self._is_in(now) and self._looked_at is None:
            self._node.table.grow_stale()
            self._hints.clear()
        if self._node.is_ready:
            self._looked_at = now
        if self._is_in(now):
            self._pause, self._is_small = FIRST_PAUSE, False
        elif self._node.routers and lookup.answered_by:
            self._take_routers()

    def _take_routers(self) -> None:
        """A network of few, one's own perhaps: its routers are nodes like the others."""
        routers, self._node.routers = self._node.routers, set()
        self._is_small = True
        self._look(self._arrived, routers)
