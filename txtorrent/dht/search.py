"""What is looked for in the networks of both families at once: peers and items; and storing them.

A search asks its nodes, tells what it finds, and ends once when all lookups have; then it knows
who is to store something.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from attrs import define, field, frozen

from txtorrent.address import Address
from txtorrent.dht.lookup import Candidate, Lookup
from txtorrent.dht.node import Node
from txtorrent.dht.nodeid import may_teach
from txtorrent.wire.bloom import EMPTY, bloom_filter, estimate, union
from txtorrent.wire.dhtitem import Item
from txtorrent.wire.krpc import Response
from txtorrent.wire.krpcqueries import Get, GetPeers, Question, SampleInfohashes

MOST_PEERS: Final = 2000
"""Peers that one search takes; a swarm's candidates are no more than 3,000."""
MOST_SAMPLES: Final = 5000
"""Info-hashes that one search takes."""


@frozen
class LookupResult:
    """What a search for peers found. `hops` are the answers between our table and the farthest
    node that answered; `seeds` and `leeches` are estimates (BEP 33), where they were asked for."""

    peers: tuple[Address, ...]
    asked: int
    answered: int
    hops: int
    seeds: float | None = None
    leeches: float | None = None


@frozen
class SampleResult:
    """Info-hashes that nodes have peers of, and how many those nodes have in all (BEP 51)."""

    samples: tuple[bytes, ...]
    num: int
    asked: int
    answered: int


@define(eq=False)
class Search:
    """One question to the nodes closest to `target`, by several nodes of ours.

    `ended` is called once, perhaps from within `start`, unless the search is cancelled."""

    nodes: Sequence[Node]
    target: bytes
    ended: Callable[[], None]
    is_over: bool = field(init=False, default=False)
    lookups: list[tuple[Node, Lookup]] = field(init=False, factory=list)
    _pending: int = field(init=False, default=0)

    def start(self) -> None:
        """Begin."""
        ready = [node for node in self.nodes if node.is_ready]
        self._pending = len(ready) + 1
        for node in ready:
            lookup = node.look_up(self.question(), self.target, self.heard, self._lookup_ended)
            self.lookups.append((node, lookup))
        self._one_less()

    def question(self) -> Question:
        """What is asked."""
        raise NotImplementedError

    def heard(self, candidate: Candidate, response: Response) -> None:
        """Take an answer."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Ask no more, and call nobody."""
        self.is_over = True
        for _, lookup in self.lookups:
            lookup.cancel()

    def finish(self) -> None:
        """Enough was found."""
        for _, lookup in self.lookups:
            lookup.finish()

    @property
    def asked(self) -> int:
        """Nodes asked so far."""
        return sum(lookup.asked for _, lookup in self.lookups)

    @property
    def answered(self) -> int:
        """Nodes that have answered."""
        return sum(lookup.answered_by for _, lookup in self.lookups)

    @property
    def hops(self) -> int:
        """Answers between our table and the farthest node that answered."""
        return max((lookup.hops for _, lookup in self.lookups), default=0)

    def _lookup_ended(self, lookup: Lookup) -> None:
        self._one_less()

    def _one_less(self) -> None:
        self._pending -= 1
        if not self._pending and not self.is_over:
            self.is_over = True
            self.ended()


@define(eq=False)
class PeerSearch(Search):
    """For the peers of a torrent; `took` is given each peer once, as they come."""

    took: Callable[[list[Address]], None]
    scrape: bool = False
    peers: dict[Address, None] = field(init=False, factory=dict)
    _seeds: list[bytes] = field(init=False, factory=list)
    _leeches: list[bytes] = field(init=False, factory=list)
    _uncounted: set[str] = field(init=False, factory=set)

    def start(self) -> None:
        """Begin, with those that were announced to ourselves."""
        stored = [peer for node in self.nodes for peer in node.stored(self.target, MOST_PEERS)]
        self.peers.update(dict.fromkeys(stored[:MOST_PEERS]))
        self._uncounted.update(peer.host for peer in self.peers)
        if self.peers:
            self.took(list(self.peers))
        super().start()

    def question(self) -> Question:
        """For peers."""
        return GetPeers(self.target, scrape=self.scrape)

    def heard(self, candidate: Candidate, response: Response) -> None:
        """Take the peers that this node can know of."""
        teacher = candidate.address.host
        fresh = [
            peer
            for peer in response.values or ()
            if peer not in self.peers and may_teach(teacher, peer)
        ][: MOST_PEERS - len(self.peers)]
        self.peers.update(dict.fromkeys(fresh))
        if response.seeds is not None and response.peers is not None:
            self._seeds.append(response.seeds)
            self._leeches.append(response.peers)
        else:
            self._uncounted.update(peer.host for peer in fresh)
        if fresh:
            self.took(fresh)

    def result(self) -> LookupResult:
        """What was found."""
        seeds, leeches = self._estimates() if self.scrape else (None, None)
        return LookupResult(tuple(self.peers), self.asked, self.answered, self.hops, seeds, leeches)

    def _estimates(self) -> tuple[float, float]:
        """Peers that came without filters count as no seeds, unless a filter says that they are
        (BEP 33, "Handling legacy responses")."""
        seeds = union([EMPTY, *self._seeds])
        others = [host for host in self._uncounted if union([seeds, bloom_filter([host])]) != seeds]
        leeches = union([*self._leeches, bloom_filter(others)])
        return estimate(seeds), estimate(leeches)


@define(eq=False)
class ItemSearch(Search):
    """For an item; `best` is the one with the highest number whose hash and signature are right.

    `suffices`: the first item found ends it, unless it is mutable."""

    salt: bytes = b""
    suffices: bool = False
    best: Item | None = field(init=False, default=None)

    def question(self) -> Question:
        """For the item."""
        return Get(self.target)

    def heard(self, candidate: Candidate, response: Response) -> None:
        """Take the item if it is better than what was found before."""
        candidate.seq = response.seq
        if response.item is None:
            return
        item = self._checked(response.item)
        if item is None:
            return
        candidate.has_value = True
        if self.best is None or item.seq > self.best.seq:
            self.best = item
        if self.suffices and not item.is_mutable:
            self.finish()

    def _checked(self, found: Item) -> Item | None:
        """The item with its salt, which is not sent; None when it is not what was asked for."""
        item = found
        if found.is_mutable:
            item = Item(found.value, found.key, found.signature, found.seq, self.salt)
        if item.target != self.target or not item.is_canonical:
            return None
        is_known = self.best is not None and (item.value, item.seq, item.signature) == (
            self.best.value,
            self.best.seq,
            self.best.signature,
        )
        return item if is_known or not item.is_mutable or item.is_signed else None


@define(eq=False)
class SampleSearch(Search):
    """For info-hashes that nodes on the way to a target have peers of."""

    samples: dict[bytes, None] = field(init=False, factory=dict)
    num: int = field(init=False, default=0)

    def question(self) -> Question:
        """For a sample."""
        return SampleInfohashes(self.target)

    def heard(self, candidate: Candidate, response: Response) -> None:
        """Take the samples, up to a limit."""
        room = MOST_SAMPLES - len(self.samples)
        self.samples.update(dict.fromkeys((response.samples or ())[:room]))
        self.num += response.num

    def result(self) -> SampleResult:
        """What was found."""
        return SampleResult(tuple(self.samples), self.num, self.asked, self.answered)
