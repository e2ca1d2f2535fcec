"""All trackers of a session: which client asks whom, and how many are asked at once (THREATS D7).

The governing rule: a tracker that is slow or dead holds its own few slots and nobody else's time.
A host that keeps silent is left alone for a while, and those who wait for it are told at once, so
that they can go on to their next tracker.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, fail, gatherResults
from twisted.internet.defer import TimeoutError as OutOfTimeError
from twisted.python.failure import Failure

from txtorrent.tracker.errors import RestingError, UnreachableError
from txtorrent.tracker.http import HttpTrackers
from txtorrent.tracker.udp import UdpTrackers
from txtorrent.wire.announce import (
    AnnounceRequest,
    AnnounceResponse,
    Event,
    ScrapeResult,
    TrackerError,
    TrackerUrl,
)

MAX_UNDER_WAY = 50
"""Requests at once, over all hosts: sockets and names to resolve."""
MAX_PER_HOST = 4
"""Requests at once to one host: what a tracker may expect of a polite client."""
MAX_WAITING = 100_000
"""Requests that wait for their turn: an announce for each torrent of the largest session."""
TIME_LIMIT = 30.0
"""Seconds for one request, from its turn to its answer (THREATS D3)."""
SILENCES = 3
"""Requests in a row without an answer until a host is left alone: two may be lost datagrams."""
FIRST_REST = 60.0
"""Seconds for which a silent host is left alone; doubled each time it is silent again."""
MAX_REST = 600.0
"""Seconds. If it was our own network that failed, its return is noticed after this long."""
MAX_HOSTS = 4096
"""Silent hosts remembered. Forgetting one costs a few requests that come to nothing."""

_T = TypeVar("_T")


class Trackers:
    """Asks any tracker, in turn. One for a session.

    `reactor` provides IReactorTCP, IReactorUDP, IReactorTime and IReactorPluggableNameResolver;
    `random` must not be guessable (random.SystemRandom): it makes the ids that keep strangers
    from answering in a tracker's place. `interface` is the IP address to ask from.
    """

    def __init__(self, reactor: Any, random: Random, interface: str | None = None) -> None:
        self._reactor = reactor
        http, udp = HttpTrackers(reactor, interface), UdpTrackers(reactor, random, interface)
        self._clients: dict[str, HttpTrackers | UdpTrackers]
        self._clients = {"http": http, "https": http, "udp": udp}
        self._hosts: dict[str, _Host] = {}
        self._ready: dict[_Host, None] = {}
        self._under_way = 0
        self._waiting = 0
        self._beginning = False

    def announce(
        self, url: str, request: AnnounceRequest, *, trusted: bool = False
    ) -> Deferred[AnnounceResponse]:
        """Announce when it is this one's turn; cancel the Deferred to give up.

        Fails with TrackerError: UnreachableError when nothing came back, RestingError when the
        host was not even asked. `trusted` trackers may be at private and loopback addresses.
        A `stopped` goes before all that wait for the same host.
        """
        return self._submit(
            url,
            lambda client: client.announce(url, request, trusted=trusted),
            first=request.event is Event.STOPPED,
        )

    def scrape(
        self, url: str, info_hashes: Sequence[bytes], *, trusted: bool = False
    ) -> Deferred[dict[bytes, ScrapeResult]]:
        """Ask for the numbers of some torrents; those the tracker does not know are left out."""
        return self._submit(url, lambda client: client.scrape(url, info_hashes, trusted=trusted))

    def stop(self) -> Deferred[None]:
        """Give up all that waits or is under way; fires when the sockets are closed."""
        for host in list(self._hosts.values()):
            for turn in [*host.waiting, *host.under_way]:
                turn.result.cancel()
        stopped = gatherResults([self._clients["http"].stop(), self._clients["udp"].stop()])
        return stopped.addCallback(lambda _: None)

    def _submit(
        self, url: str, ask: Callable[[Any], Deferred[_T]], *, first: bool = False
    ) -> Deferred[_T]:
        try:
            parts = TrackerUrl.parse(url)
            if self._waiting >= MAX_WAITING:
                raise RestingError("too many announces are waiting", FIRST_REST)
            host = self._host(parts.host)
            host.check_awake(self._reactor.seconds())
        except TrackerError as error:
            return fail(error)
        client = self._clients[parts.scheme]
        result: Deferred[_T] = Deferred(lambda _: self._withdraw(turn))
        turn = _Turn(host, lambda: ask(client), result)
        host.waiting[turn] = None
        host.waiting.move_to_end(turn, last=not first)
        self._waiting += 1
        self._note_ready(host)
        self._begin_next()
        return result

    def _host(self, name: str) -> _Host:
        if name not in self._hosts:
            self._make_room()
            self._hosts[name] = _Host(name)
        return self._hosts[name]

    def _make_room(self) -> None:
        if len(self._hosts) >= MAX_HOSTS:
            idle = next((host for host in self._hosts.values() if host.is_idle), None)
            if idle is not None:
                del self._hosts[idle.name]

    def _note_ready(self, host: _Host) -> None:
        if host.waiting and len(host.under_way) < host.limit:
            self._ready[host] = None
        else:
            self._ready.pop(host, None)

    def _begin_next(self) -> None:
        """Fill the free slots, one host after the other.

        A turn may end as soon as it begins, which leads back here: then the outer call goes on.
        """
        if self._beginning:
            return
        self._beginning = True
        try:
            while self._ready and self._under_way < MAX_UNDER_WAY:
                self._begin(next(iter(self._ready)))
        finally:
            self._beginning = False

    def _begin(self, host: _Host) -> None:
        del self._ready[host]
        turn, _ = host.waiting.popitem(last=False)
        self._waiting -= 1
        self._under_way += 1
        host.under_way[turn] = None
        self._note_ready(host)
        turn.asked = turn.ask()
        turn.asked.addTimeout(TIME_LIMIT, self._reactor)
        turn.asked.addBoth(self._ended, turn)

    def _withdraw(self, turn: _Turn) -> None:
        """Whoever asked does not want to know any more."""
        if turn in turn.host.waiting:
            del turn.host.waiting[turn]
            self._waiting -= 1
            self._note_ready(turn.host)
            self._forget(turn.host)
        elif turn.asked is not None:
            turn.asked.cancel()

    def _ended(self, outcome: Any, turn: _Turn) -> None:
        host, error = turn.host, outcome.value if isinstance(outcome, Failure) else None
        del host.under_way[turn]
        self._under_way -= 1
        if isinstance(error, OutOfTimeError):
            outcome = error = UnreachableError(
                f"the tracker did not answer within {TIME_LIMIT:.0f} seconds"
            )
        dismissed = self._judge(host, error)
        self._note_ready(host)
        self._forget(host)
        turn.tell(outcome)
        for other in dismissed:
            other.tell(host.resting_error(self._reactor.seconds()))
        self._begin_next()

    def _judge(self, host: _Host, error: BaseException | None) -> list[_Turn]:
        """Note whether the host answered; give those who need not wait for it any longer."""
        if isinstance(error, CancelledError):
            return []
        if not isinstance(error, UnreachableError):
            host.answered()
        elif host.silent(self._reactor.seconds()):
            dismissed = list(host.waiting)
            self._waiting -= len(dismissed)
            host.waiting.clear()
            return dismissed
        return []

    def _forget(self, host: _Host) -> None:
        if host.is_idle and not host.silences:
            self._hosts.pop(host.name, None)


@define(eq=False)
class _Turn:
    """One request: waiting for its turn, or under way (`asked`)."""

    host: _Host
    ask: Callable[[], Deferred[Any]]
    result: Deferred[Any]
    asked: Deferred[Any] | None = field(default=None, init=False)

    def tell(self, outcome: Any) -> None:
        """Hand the outcome to whoever asked, unless he has left."""
        if self.result.called:
            return
        if isinstance(outcome, Failure | Exception):
            self.result.errback(outcome)
        else:
            self.result.callback(outcome)


@define(eq=False)
class _Host:
    """One tracker's host: who is asking it, who waits, and whether it has been silent."""

    name: str
    waiting: OrderedDict[_Turn, None] = field(factory=OrderedDict, init=False)
    under_way: dict[_Turn, None] = field(factory=dict, init=False)
    silences: int = field(default=0, init=False)
    _rests_until: float = field(default=0.0, init=False)

    @property
    def limit(self) -> int:
        """Requests at once: a single one finds out whether a silent host is back."""
        return MAX_PER_HOST if self.silences < SILENCES else 1

    @property
    def is_idle(self) -> bool:
        return not self.waiting and not self.under_way

    def check_awake(self, now: float) -> None:
        """Raise RestingError when the host is to be left alone."""
        if now < self._rests_until:
            raise self.resting_error(now)

    def resting_error(self, now: float) -> RestingError:
        wait = max(self._rests_until - now, 1.0)
        return RestingError(f"{self.name} has not answered lately", wait)

    def answered(self) -> None:
        """Note a sign of life, be it a refusal."""
        self.silences = 0
        self._rests_until = 0.0

    def silent(self, now: float) -> bool:
        """Note that nothing came back; tell whether the host is left alone from now on."""
        if now < self._rests_until:
            return False
        self.silences += 1
        if self.silences < SILENCES:
            return False
        self._rests_until = now + min(FIRST_REST * 2 ** (self.silences - SILENCES), MAX_REST)
        return True
