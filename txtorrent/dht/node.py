"""One node of the DHT, of one family: hears and answers, asks, and keeps its table in order.

Everybody who answers us may get into the table; who only asks is asked back first. How the node
finds its way in at the start is in `bootstrap`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from random import Random
from typing import Final

from twisted.internet.interfaces import IReactorTime

from txtorrent.address import Address, is_dialable
from txtorrent.dht.answers import Answers, NodesOf
from txtorrent.dht.asking import Asker, Asking, Inquiry
from txtorrent.dht.budget import Budget
from txtorrent.dht.gate import Gate
from txtorrent.dht.itemstore import ItemStore
from txtorrent.dht.lookup import Candidate, Lookup
from txtorrent.dht.nodeid import fits, id_for, random_id
from txtorrent.dht.store import PeerStore
from txtorrent.dht.table import BUCKET_SIZE, RoutingTable
from txtorrent.dht.tokens import Tokens
from txtorrent.wire.krpc import Error, Query, Response, decode_message
from txtorrent.wire.krpcfields import Malformed
from txtorrent.wire.krpcnodes import NodeInfo
from txtorrent.wire.krpcqueries import FindNode, Ping, Question

STRANGERS: Final = 10
"""Nodes that asked us, or that somebody named, and that are asked back between two ticks."""
PINGS: Final = 4
"""Nodes of the table asked at a tick whether they are still there: 5 s apart, all of a large
table within FRESH."""

BEGIN_WITH: Final = 2 * BUCKET_SIZE
"""Nodes of the table that a lookup begins with: some of the closest may be gone."""

OURSELVES: Final = "127.0.0.1"
"""Who may know of peers in local networks."""


class Node:
    """`send` sends a datagram; `nodes_of` are the closest nodes of either family; `seen_as` is
    told as which host we are seen, and by whom (BEP 42)."""

    def __init__(
        self,
        reactor: IReactorTime,
        random: Random,
        send: Callable[[bytes, Address], None],
        budget: Budget,
        nodes_of: NodesOf,
        seen_as: Callable[[str, str], None],
        *,
        ipv6: bool,
        read_only: bool,
        own_id: bytes | None = None,
    ) -> None:
        now = reactor.seconds()
        self.ipv6 = ipv6
        self.host: str | None = None
        self.counts: Counter[str] = Counter()
        self.lookups: set[Lookup] = set()
        self.routers: set[Address] = set()
        self.table = RoutingTable(own_id or random_id(random), now)
        self.gate = Gate()
        self._reactor = reactor
        self._random = random
        self._send_datagram = send
        self._budget = budget
        self._seen_as = seen_as
        self._read_only = read_only
        self._strangers = 0
        self._stopped = False
        self.asking = Asking(
            reactor, random, self._send, budget, self._query, self._lost, self.counts
        )
        self.answers = Answers(
            ipv6,
            self.table.own_id,
            nodes_of,
            Tokens(random, now),
            PeerStore(random),
            ItemStore(),
        )

    @property
    def own_id(self) -> bytes:
        """Our id in this family's network."""
        return self.table.own_id

    @property
    def is_ready(self) -> bool:
        """Whether there is somebody to ask."""
        return len(self.table) > 0

    def know_ourselves(self, host: str) -> bool:
        """Take over our external address; whether our id had to change for it (BEP 42)."""
        self.host = host
        if fits(self.own_id, host):
            return False
        self.table = self.table.rebuilt(id_for(host, self._random), self._reactor.seconds())
        self.answers.own_id = self.own_id
        return True

    def closest(self, target: bytes) -> tuple[NodeInfo, ...]:
        """The nodes of the table closest to a target, as others are told."""
        return self._closest(target, BUCKET_SIZE)

    # -- asking ------------------------------------------------------------------------------

    def ask(
        self, address: Address, node_id: bytes | None, question: Question, asker: Asker
    ) -> Inquiry | None:
        """Ask a node as soon as it may be; None: nothing will come of it."""
        return self.asking.ask(address, node_id, question, asker)

    def look_up(
        self,
        question: Question,
        target: bytes,
        heard: Callable[[Candidate, Response], None],
        ended: Callable[[Lookup], None],
        more: Iterable[NodeInfo] = (),
        addresses: Iterable[Address] = (),
    ) -> Lookup:
        """Ask nodes closer and closer to a target, from our table, `more` nodes and `addresses` of
        nodes on. `ended` may be called at once, when there is nobody to ask."""
        lookup = Lookup(self, target, question, heard, ended, self._reactor.seconds())
        self.lookups.add(lookup)
        lookup.start([*self._closest(target, BEGIN_WITH), *more], addresses)
        return lookup

    def lookup_ended(self, lookup: Lookup) -> None:
        """Forget it."""
        self.lookups.discard(lookup)

    def meet(self, address: Address) -> None:
        """Ask a node that we do not know whether it is there; few of them, the rest is left."""
        is_ours = (":" in address.host) == self.ipv6 and is_dialable(address)
        if is_ours and address not in self.table and self._strangers < STRANGERS:
            self._strangers += 1
            self.ask(address, None, Ping(), self)

    def stored(self, info_hash: bytes, count: int) -> list[Address]:
        """At most so many of the peers that others have announced to us."""
        return self.answers.peers.peers(info_hash, OURSELVES, count, self._reactor.seconds())

    def tick(self) -> None:
        """Ask after those of whom nothing was heard, and renew what has not changed for long."""
        self._strangers = 0
        now = self._reactor.seconds()
        for contact in self.table.due(now, PINGS):
            self.ask(contact.address, contact.id, Ping(), self)
        target = self.table.stale_target(self._random, now) if self.is_ready else None
        if target is not None:
            self.look_up(FindNode(target), target, _nothing, _nothing)

    def stop(self) -> None:
        """Say and hear nothing any more."""
        self._stopped = True
        for lookup in tuple(self.lookups):
            lookup.cancel()
        self.asking.stop()

    # -- Asker, for pings: the table has been told already -------------------------------------

    def answered(self, inquiry: Inquiry, response: Response) -> None:
        """It is there."""

    def failed(self, inquiry: Inquiry) -> None:
        """It is not there."""

    def slow(self, inquiry: Inquiry) -> None:
        """It may still come."""

    # -- hearing -----------------------------------------------------------------------------

    def received(self, datagram: bytes, source: Address) -> None:
        """Take a datagram, whatever it is. What is malformed is counted and not answered."""
        if self._stopped:
            return
        self.counts["bytes in"] += len(datagram)
        try:
            message = decode_message(datagram)
        except Malformed as error:
            self.counts["malformed: " + error.reason] += 1
            self.gate.admits(source.host, self._reactor.seconds())
            return
        if isinstance(message, Query):
            self._queried(message, source)
        else:
            self._replied(message, source)

    def _queried(self, query: Query, source: Address) -> None:
        now = self._reactor.seconds()
        self.counts["queries in"] += 1
        if query.node_id == self.own_id:
            self.counts["dropped: our own id"] += 1
        elif not self.gate.admits(source.host, now):
            self.counts["dropped: too many"] += 1
        elif not source.port:
            self.counts["dropped: no port"] += 1
        elif not self._budget.may_reply(now):
            self.counts["dropped: no budget"] += 1
        elif not self._read_only:
            self._answer(query, source, now)

    def _answer(self, query: Query, source: Address, now: float) -> None:
        datagram = self.answers.answer(query, source, now)
        self._budget.pay_for_reply(len(datagram))
        self._send(datagram, source)
        self.counts["replies out"] += 1
        is_welcome = self.table.queried(NodeInfo(query.node_id, source), now)
        if is_welcome and not query.read_only and source not in self.routers:
            self.meet(source)

    def _replied(self, message: Response | Error, source: Address) -> None:
        now = self._reactor.seconds()
        inquiry = self.asking.answered(message, source)
        if inquiry is None:
            self.counts["dropped: nobody asked"] += 1
            self.gate.admits(source.host, now)
            return
        if message.our_address is not None and is_dialable(message.our_address):
            self._seen_as(message.our_address.host, source.host)
        if isinstance(message, Error):
            self.counts["refused by others"] += 1
            if inquiry.asker is not None:
                inquiry.asker.failed(inquiry)
            return
        self.counts["responses in"] += 1
        if source not in self.routers:
            node = NodeInfo(message.node_id, source)
            self.table.replied(node, now - inquiry.sent_at, now)
        if inquiry.asker is not None:
            inquiry.asker.answered(inquiry, message)

    def _lost(self, inquiry: Inquiry) -> None:
        self.counts["unanswered"] += 1
        self.table.failed(inquiry.address, self._reactor.seconds())
        if inquiry.asker is not None:
            inquiry.asker.failed(inquiry)

    def _closest(self, target: bytes, count: int) -> tuple[NodeInfo, ...]:
        near = self.table.closest(target, self._reactor.seconds(), count)
        return tuple(contact.info for contact in near)

    def _query(self, transaction: bytes, question: Question) -> Query:
        return Query(transaction, self.own_id, question, self._read_only)

    def _send(self, datagram: bytes, address: Address) -> None:
        self.counts["bytes out"] += len(datagram)
        self._send_datagram(datagram, address)


def _nothing(*_: object) -> None:
    """Nobody wants to know: the table has learned already."""
