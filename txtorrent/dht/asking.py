"""Questions to other nodes: when they may be sent, which answer is whose, who does not answer.

An answer counts when it has the random id of a question and comes from where that was sent to.
Questions wait in one bounded line for the budget and for the pace of the node asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import Final, Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from txtorrent.address import Address
from txtorrent.dht.budget import Budget
from txtorrent.dht.pace import Pace
from txtorrent.wire.krpc import Error, Query, Response, encode_query
from txtorrent.wire.krpcqueries import Question

SLOW: Final = 1.5
"""Seconds after which a lookup asks somebody else as well; three of four nodes are faster."""
TIMEOUT: Final = 4.0
"""Seconds after which a question is as good as lost."""
LOOK_EVERY: Final = 0.5
"""Seconds between looks at who is slow."""
SHORTEST_PAUSE: Final = 0.05
"""Seconds between looks at the line."""
MOST_WAITING: Final = 512
"""Questions that wait to be sent: ten seconds' worth of the usual rate."""
MOST_UNDER_WAY: Final = 2048
"""Questions sent and not answered yet."""
TRANSACTION_SIZE: Final = 4
"""Bytes of the random id of a question, which a stranger has to guess within seconds."""


class Asker(Protocol):
    """Whoever asked. One of `answered` and `failed` is called, once, never from within `ask`."""

    def answered(self, inquiry: Inquiry, response: Response) -> None:
        """The answer has come."""

    def failed(self, inquiry: Inquiry) -> None:
        """None came in time, or a refusal."""

    def slow(self, inquiry: Inquiry) -> None:
        """It takes longer than usual."""


@define(eq=False)
class Inquiry:
    """A question to the node at `address`, which is said to have `node_id`."""

    address: Address
    node_id: bytes | None
    question: Question
    asker: Asker | None
    """None: nobody wants to know any more."""
    transaction: bytes = field(init=False, default=b"")
    sent_at: float = field(init=False, default=0.0)
    is_slow: bool = field(init=False, default=False)


class Asking:
    """Sends the questions of one node and finds the answers.

    `random` must not be guessable (random.SystemRandom)."""

    def __init__(
        self,
        reactor: IReactorTime,
        random: Random,
        send: Callable[[bytes, Address], None],
        budget: Budget,
        envelope: Callable[[bytes, Question], Query],
        lost: Callable[[Inquiry], None],
        counts: Counter[str],
    ) -> None:
        self._reactor = reactor
        self._random = random
        self._send = send
        self._budget = budget
        self._envelope = envelope
        self._lost = lost
        self._counts = counts
        self._pace = Pace()
        self._line: list[tuple[float, int, Inquiry]] = []
        self._number = 0
        self._under_way: dict[bytes, Inquiry] = {}
        self._pump_timer: IDelayedCall | None = None
        self._look_timer: IDelayedCall | None = None
        self._stopped = False

    @property
    def waiting(self) -> int:
        """How many questions wait to be sent."""
        return len(self._line)

    @property
    def is_full(self) -> bool:
        """Whether no more questions are taken."""
        return self._stopped or len(self._line) >= MOST_WAITING

    def ask(
        self, address: Address, node_id: bytes | None, question: Question, asker: Asker
    ) -> Inquiry | None:
        """Ask a node, as soon as it may be. None: too many wait already, nothing will come."""
        if self.is_full:
            self._counts["questions given up"] += 1
            return None
        inquiry = Inquiry(address, node_id, question, asker)
        at = self._pace.turn(address.host, self._reactor.seconds())
        self._number += 1
        heappush(self._line, (at, self._number, inquiry))
        self._pump()
        return inquiry

    def answered(self, message: Response | Error, source: Address) -> Inquiry | None:
        """The question that a message answers, which is under way no longer; None: it answers
        none of ours."""
        inquiry = self._under_way.get(message.transaction)
        if inquiry is None or inquiry.address != source:
            return None
        del self._under_way[message.transaction]
        return inquiry

    def stop(self) -> None:
        """Ask nothing any more; nobody is told."""
        self._stopped = True
        self._line.clear()
        self._under_way.clear()
        for timer in (self._pump_timer, self._look_timer):
            if timer is not None:
                timer.cancel()
        self._pump_timer = self._look_timer = None

    def _pump(self) -> None:
        """Send what may be sent, and come back for the rest."""
        now = self._reactor.seconds()
        while self._line and self._line[0][0] <= now and len(self._under_way) < MOST_UNDER_WAY:
            inquiry = self._line[0][2]
            if inquiry.asker is not None and not self._send_now(inquiry, now):
                break
            heappop(self._line)
        if self._line and self._pump_timer is None:
            pause = max(self._line[0][0] - now, self._budget.query_in(now), SHORTEST_PAUSE)
            self._pump_timer = self._reactor.callLater(pause, self._pump_again)

    def _pump_again(self) -> None:
        self._pump_timer = None
        self._pump()

    def _send_now(self, inquiry: Inquiry, now: float) -> bool:
        """Whether the budget allowed it."""
        transaction = self._transaction()
        datagram = encode_query(self._envelope(transaction, inquiry.question))
        if not self._budget.pay_for_query(len(datagram), now):
            return False
        inquiry.transaction, inquiry.sent_at = transaction, now
        self._under_way[transaction] = inquiry
        self._counts["queries out"] += 1
        self._send(datagram, inquiry.address)
        if self._look_timer is None:
            self._look_timer = self._reactor.callLater(LOOK_EVERY, self._look)
        return True

    def _transaction(self) -> bytes:
        while True:
            transaction = self._random.randbytes(TRANSACTION_SIZE)
            if transaction not in self._under_way:
                return transaction

    def _look(self) -> None:
        """Tell of those that are slow or lost. They lie in the order in which they were sent."""
        self._look_timer = None
        now = self._reactor.seconds()
        for inquiry in self._older_than(now - TIMEOUT):
            if self._under_way.pop(inquiry.transaction, None) is not None:
                self._lost(inquiry)
        for inquiry in self._older_than(now - SLOW):
            if not inquiry.is_slow:
                inquiry.is_slow = True
                if inquiry.asker is not None:
                    inquiry.asker.slow(inquiry)
        if self._under_way and self._look_timer is None:
            self._look_timer = self._reactor.callLater(LOOK_EVERY, self._look)
        self._pump()

    def _older_than(self, time: float) -> list[Inquiry]:
        older = []
        for inquiry in self._under_way.values():
            if inquiry.sent_at > time:
                break
            older.append(inquiry)
        return older
