"""One lookup: asks nodes closer and closer to a target until the closest have answered (BEP 5).

What makes it hard to capture (THREATS C2): of each network of the Internet one node takes part;
nodes whose id does not fit their address (BEP 42) never stand in the way of those whose does;
one answer teaches few nodes, and who taught several that are not there is not believed.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Final, Protocol

from attrs import define, field

from txtorrent.address import Address, Reach, network, reach
from txtorrent.dht.asking import Asker, Inquiry
from txtorrent.dht.nodeid import BITS, fits, may_teach, number
from txtorrent.wire.krpc import Response
from txtorrent.wire.krpcnodes import NodeInfo
from txtorrent.wire.krpcqueries import Question

AT_ONCE: Final = 4
"""Nodes asked at the same time, not counting those that are slow."""
CLOSEST: Final = 8
"""Nodes that have to answer, and that something is stored at (BEP 5)."""
MOST_TAUGHT: Final = 8
"""Nodes taken from one answer: the closest to the target."""
MOST_CANDIDATES: Final = 200
"""Nodes considered; the farthest are forgotten."""
MOST_ASKED: Final = 120
"""Nodes asked in all: an honest network needs 20 to 40."""
DOUBT_AFTER: Final = 3
"""Nodes that one taught and that did not answer, while none did: the rest is not asked."""


class Standing(Enum):
    """How far a lookup has come with a node."""

    NEW = auto()
    ASKED = auto()
    SLOW = auto()
    ANSWERED = auto()
    FAILED = auto()


@define(eq=False)
class Candidate:
    """A node that a lookup knows of. `id` is None of one that only an address is known of."""

    id: bytes | None
    address: Address
    distance: int
    fits: bool
    teacher: Candidate | None
    hops: int
    """Answers that lie between our own table and this node."""
    standing: Standing = Standing.NEW
    token: bytes | None = None
    seq: int | None = None
    """The number of the item that it has."""
    has_value: bool = False
    taught_well: int = 0
    taught_badly: int = 0

    def __lt__(self, other: Candidate) -> bool:
        return self.distance < other.distance

    @property
    def is_out(self) -> bool:
        """Whether it does not count: it failed, or who told of it is not to be believed."""
        if self.standing is Standing.FAILED:
            return True
        teacher = self.teacher
        if teacher is None or self.standing is not Standing.NEW:
            return False
        return teacher.taught_badly >= DOUBT_AFTER and not teacher.taught_well


class LookupNode(Protocol):
    """What a lookup needs of the node that it runs on."""

    @property
    def ipv6(self) -> bool:
        """The family."""

    @property
    def own_id(self) -> bytes:
        """Our id."""

    def ask(
        self, address: Address, node_id: bytes | None, question: Question, asker: Asker
    ) -> Inquiry | None:
        """Ask a node; None: nothing will come of it."""

    def lookup_ended(self, lookup: Lookup) -> None:
        """It is under way no longer."""


@define(eq=False)
class Lookup:
    """Asks `question` of the nodes closer and closer to `target`.

    `heard` is called with each answer, and `ended` once, unless it is cancelled.
    """

    node: LookupNode
    target: bytes
    question: Question
    heard: Callable[[Candidate, Response], None]
    ended: Callable[[Lookup], None]
    started_at: float = 0.0
    asked: int = field(init=False, default=0)
    answered_by: int = field(init=False, default=0)
    hops: int = field(init=False, default=0)
    is_over: bool = field(init=False, default=False)
    _number: int = field(init=False)
    _candidates: list[Candidate] = field(init=False, factory=list)
    _known: dict[bytes, Candidate] = field(init=False, factory=dict)
    _places: set[str | Address] = field(init=False, factory=set)
    _under_way: dict[Inquiry, Candidate] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._number = number(self.target)

    def start(self, nodes: Iterable[NodeInfo], addresses: Iterable[Address] = ()) -> None:
        """Begin with these nodes, and with those of which only the address is known."""
        for node in nodes:
            self._add(node, None)
        for address in addresses:
            if address not in self._places:
                self._places.add(address)
                self._candidates.append(Candidate(None, address, 1 << BITS, True, None, 0))
        self._go_on()

    def cancel(self) -> None:
        """Ask nobody any more; `ended` is not called."""
        if not self.is_over:
            self._over()

    def finish(self) -> None:
        """End before the closest have answered: what was looked for has been found."""
        if not self.is_over:
            self._over()
            self.ended(self)

    def closest(self) -> list[Candidate]:
        """Who answered and is to store something: the closest whose ids fit, and of the closest
        at all those whose do not (BEP 42, "Enforcement")."""
        there = [c for c in self._candidates if c.standing is Standing.ANSWERED and c.id]
        fitting = [c for c in there if c.fits][:CLOSEST]
        return sorted({*fitting, *there[:CLOSEST]})

    # -- Asker -------------------------------------------------------------------------------

    def answered(self, inquiry: Inquiry, response: Response) -> None:
        """Take over the nodes that it teaches."""
        candidate = self._under_way.pop(inquiry, None)
        if candidate is None or self.is_over:
            return
        if candidate.id is not None and candidate.id != response.node_id:
            self._fail(candidate)
        else:
            self._take(candidate, response)
        self._go_on()

    def failed(self, inquiry: Inquiry) -> None:
        """Do without this node."""
        candidate = self._under_way.pop(inquiry, None)
        if candidate is not None and not self.is_over:
            self._fail(candidate)
            self._go_on()

    def slow(self, inquiry: Inquiry) -> None:
        """Ask one more meanwhile."""
        candidate = self._under_way.get(inquiry)
        if candidate is not None and candidate.standing is Standing.ASKED:
            candidate.standing = Standing.SLOW
            self._go_on()

    # -- inside ------------------------------------------------------------------------------

    def _take(self, candidate: Candidate, response: Response) -> None:
        candidate.standing = Standing.ANSWERED
        candidate.token = response.token
        if candidate.teacher is not None:
            candidate.teacher.taught_well += 1
        self.answered_by += 1
        self.hops = max(self.hops, candidate.hops)
        taught = (response.nodes6 if self.node.ipv6 else response.nodes) or ()
        near = sorted(taught, key=lambda node: number(node.id) ^ self._number)
        for node in near[:MOST_TAUGHT]:
            if may_teach(candidate.address.host, node.address):
                self._add(node, candidate)
        self.heard(candidate, response)

    def _add(self, node: NodeInfo, teacher: Candidate | None) -> None:
        if node.id == self.node.own_id or (":" in node.address.host) != self.node.ipv6:
            return
        known = self._known.get(node.id)
        if known is not None:
            if known.address == node.address and known.teacher is not teacher:
                known.teacher = None  # two say so
            return
        place = _place(node.address)
        if place in self._places or node.address in self._places:
            return
        distance = number(node.id) ^ self._number
        if len(self._candidates) >= MOST_CANDIDATES and not self._forget_beyond(distance):
            return
        fitting, hops = fits(node.id, node.address.host), teacher.hops + 1 if teacher else 0
        candidate = Candidate(node.id, node.address, distance, fitting, teacher, hops)
        self._places.add(place)
        self._known[node.id] = candidate
        insort(self._candidates, candidate)

    def _forget_beyond(self, distance: int) -> bool:
        """Whether there was somebody farther, who is not considered any more."""
        last = self._candidates[-1]
        if last.standing in (Standing.ASKED, Standing.SLOW) or last.distance <= distance:
            return False
        self._candidates.pop()
        self._leave(last)
        if last.id is not None:
            del self._known[last.id]
        return True

    def _leave(self, candidate: Candidate) -> None:
        """Make room for others of the same network."""
        self._places.discard(_place(candidate.address))

    def _fail(self, candidate: Candidate) -> None:
        candidate.standing = Standing.FAILED
        self._leave(candidate)
        if candidate.teacher is not None:
            candidate.teacher.taught_badly += 1

    def _go_on(self) -> None:
        """Ask whoever is next; end when nobody is, and none of the closest still has to answer."""
        while not self.is_over:
            candidate, is_waited_for = self._next()
            if self.asked >= MOST_ASKED:
                candidate, is_waited_for = None, bool(self._under_way)
            if candidate is None:
                if not is_waited_for:
                    self.finish()
                return
            busy = sum(c.standing is Standing.ASKED for c in self._under_way.values())
            if busy >= AT_ONCE:
                return
            self._ask(candidate)

    def _ask(self, candidate: Candidate) -> None:
        inquiry = self.node.ask(candidate.address, candidate.id, self.question, self)
        if inquiry is None:
            self._fail(candidate)
            return
        self.asked += 1
        candidate.standing = Standing.ASKED
        self._under_way[inquiry] = candidate

    def _next(self) -> tuple[Candidate | None, bool]:
        """The closest that has not been asked, of the eight closest at all and of the eight
        closest whose ids fit; and whether an answer of one of these is waited for."""
        fitting = total = 0
        is_waited_for = False
        for candidate in self._candidates:
            if candidate.is_out:
                continue
            if total < CLOSEST or (candidate.fits and fitting < CLOSEST):
                if candidate.standing is Standing.NEW:
                    return candidate, True
                is_waited_for |= candidate.standing in (Standing.ASKED, Standing.SLOW)
            total += 1
            fitting += candidate.fits
            if fitting >= CLOSEST:
                break
        return None, is_waited_for

    def _over(self) -> None:
        self.is_over = True
        for inquiry in self._under_way:
            inquiry.asker = None
        self._under_way.clear()
        self.node.lookup_ended(self)


def _place(address: Address) -> str | Address:
    """What one node of a lookup has to itself."""
    return network(address.host) if reach(address.host) is Reach.GLOBAL else address
