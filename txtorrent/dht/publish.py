"""What is stored at the nodes closest to a target: announces (BEP 5) and items (BEP 44)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txtorrent.address import Address
from txtorrent.dht.asking import Inquiry
from txtorrent.dht.lookup import Candidate, Lookup
from txtorrent.dht.node import Node
from txtorrent.dht.search import ItemSearch, PeerSearch
from txtorrent.wire.dhtitem import Item
from txtorrent.wire.krpc import Response
from txtorrent.wire.krpcqueries import AnnouncePeer, Put, Question


@define(eq=False)
class Storing:
    """Has the nodes that a search ended with store something; `ended` is called once with how
    many did, perhaps from within `start`. `question` is what a node is asked to store, if
    anything."""

    question: Callable[[Candidate], Question | None]
    ended: Callable[[int], None]
    stored: int = field(init=False, default=0)
    _pending: int = field(init=False, default=1)
    _cancelled: bool = field(init=False, default=False)

    def start(self, lookups: Sequence[tuple[Node, Lookup]]) -> None:
        """Ask those that gave a token."""
        for node, lookup in lookups:
            for candidate in lookup.closest():
                asked = self.question(candidate) if candidate.token is not None else None
                if asked is not None and node.ask(candidate.address, candidate.id, asked, self):
                    self._pending += 1
        self._one_less()

    def cancel(self) -> None:
        """Call nobody any more; what was asked stays asked."""
        self._cancelled = True

    def answered(self, inquiry: Inquiry, response: Response) -> None:
        """One more has it."""
        self.stored += 1
        self._one_less()

    def failed(self, inquiry: Inquiry) -> None:
        """One has not, or did not say."""
        self._one_less()

    def slow(self, inquiry: Inquiry) -> None:
        """It may still come."""

    def _one_less(self) -> None:
        self._pending -= 1
        if not self._pending and not self._cancelled:
            self.ended(self.stored)


class Announce:
    """One lookup for peers, and the announces to the nodes that it ended with."""

    def __init__(
        self,
        reactor: IReactorTime,
        nodes: Sequence[Node],
        info_hash: bytes,
        question: Callable[[Candidate], Question],
        took: Callable[[list[Address]], None],
        ended: Callable[[bool], None],
    ) -> None:
        self._ended = ended
        self._search = PeerSearch(nodes, info_hash, self._searched, took)
        self._storing = Storing(question, self._stored)
        self._timer: IDelayedCall | None = reactor.callLater(0, self._start)

    def cancel(self) -> None:
        """Go on no longer, and call nobody."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._search.cancel()
        self._storing.cancel()

    def _start(self) -> None:
        self._timer = None
        self._search.start()

    def _searched(self) -> None:
        self._storing.start(self._search.lookups)

    def _stored(self, count: int) -> None:
        self._ended(self._search.answered > 0)


def announce_peer(
    info_hash: bytes, candidate: Candidate, *, port: int, implied: bool, seed: bool
) -> Question:
    """What a node is asked that gave a token."""
    assert candidate.token is not None
    return AnnouncePeer(info_hash, candidate.token, port, implied, seed)


@frozen
class PutResult:
    """An item was put at `target` with the number `seq` (0: it is immutable) on `stored` nodes."""

    target: bytes
    seq: int
    stored: int


@define(eq=False)
class PutItem:
    """A search for the nodes closest to a target, which are then given an item."""

    target: bytes
    item_for: Callable[[Item | None], Item]
    cas: int | None
    search: ItemSearch | None = field(init=False, default=None)
    result: Deferred[PutResult] = field(init=False)
    _storing: Storing | None = field(init=False, default=None)
    _item: Item | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.result = Deferred(lambda _: self._cancel())

    def searched(self) -> None:
        """Give it to those that the search ended with."""
        assert self.search is not None
        self._item = self.item_for(self.search.best)
        self._storing = Storing(self._question, self._stored)
        self._storing.start(self.search.lookups)

    def _question(self, candidate: Candidate) -> Question:
        """`cas` is for those that have something to compare it with (BEP 44)."""
        assert self._item is not None and candidate.token is not None
        has_one = candidate.has_value or candidate.seq is not None
        return Put(self._item, candidate.token, self.cas if has_one else None)

    def _stored(self, count: int) -> None:
        assert self._item is not None
        self.result.callback(PutResult(self.target, self._item.seq, count))

    def _cancel(self) -> None:
        if self.search is not None:
            self.search.cancel()
        if self._storing is not None:
            self._storing.cancel()
