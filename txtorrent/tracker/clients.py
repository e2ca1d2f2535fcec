"""All trackers of a session: which client asks whom, and how many are asked at once (THREATS D7).

The governing rule: a tracker that is slow or dead holds its own few slots and nobody else's time.
A host that keeps silent is left alone for a while, and those who wait for it are told at once, so
that they can go on to their next tracker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, fail, gatherResults, maybeDeferred
from twisted.internet.defer import TimeoutError as OutOfTimeError
from twisted.python.failure import Failure

from txtorrent.tracker.errors import RestingError, TimedOutError, UnreachableError
from txtorrent.tracker.http import HttpTrackers
from txtorrent.tracker.turns import FIRST_REST, MAX_PER_HOST, Applicant, Host, Rank, Turn, rank_of
from txtorrent.tracker.udp import UdpTrackers
from txtorrent.wire.announce import (
    AnnounceRequest,
    AnnounceResponse,
    ScrapeResult,
    TrackerError,
    TrackerUrl,
)

MAX_UNDER_WAY = 50
"""Requests at once, over all hosts: sockets and names to resolve."""
MAX_WAITING = 100_000
"""Requests that wait for their turn: an announce for each torrent of the largest session."""
TIME_LIMIT = 30.0
"""Seconds for one request, from its turn to its answer (THREATS D3)."""
MAX_HOSTS = 4096
"""Silent hosts remembered. Forgetting one costs a few requests that come to nothing."""

_T = TypeVar("_T")
_parsed = lru_cache(maxsize=1024)(TrackerUrl.parse)


class Trackers:
    """Asks any tracker, in turn. One for a session.

    `reactor` provides IReactorTCP, IReactorUDP, IReactorTime and IReactorPluggableNameResolver;
    `random` must not be guessable (random.SystemRandom): it makes the ids that keep strangers
    from answering in a tracker's place. `interface` is the IP address to ask from. `at_once`
    requests may be under way, `per_host` of them to one host.
    """

    def __init__(
        self,
        reactor: Any,
        random: Random,
        interface: str | None = None,
        at_once: int = MAX_UNDER_WAY,
        per_host: int = MAX_PER_HOST,
    ) -> None:
        self._reactor = reactor
        self._at_once = at_once
        self._per_host = per_host
        http, udp = HttpTrackers(reactor, interface), UdpTrackers(reactor, random, interface)
        self._clients: dict[str, HttpTrackers | UdpTrackers]
        self._clients = {"http": http, "https": http, "udp": udp}
        self._hosts: dict[str, Host] = {}
        self._ready: dict[Host, None] = {}
        self._under_way = 0
        self._waiting = 0
        self._beginning = False

    def announce(
        self, url: str, request: AnnounceRequest, *, trusted: bool = False
    ) -> Deferred[AnnounceResponse]:
        """Announce when it is this one's turn; cancel the Deferred to give up.

        Fails with TrackerError: UnreachableError when nothing came back, RestingError when the
        host was not even asked. `trusted` trackers may be at private and loopback addresses.
        What is told last goes before all that wait for the same host, downloads before seeds.
        """
        return self._submit(
            url,
            lambda client: client.announce(url, request, trusted=trusted),
            rank_of(request.event, request.left == 0),
        )

    def scrape(
        self, url: str, info_hashes: Sequence[bytes], *, trusted: bool = False
    ) -> Deferred[dict[bytes, ScrapeResult]]:
        """Ask for the numbers of some torrents; those the tracker does not know are left out."""
        return self._submit(url, lambda client: client.scrape(url, info_hashes, trusted=trusted))

    def stop(self) -> Deferred[None]:
        """Give up all that waits or is under way; fires when the sockets are closed."""
        for host in list(self._hosts.values()):
            waiting = host.waiting.clear()
            self._waiting -= len(waiting)
            for who in [*waiting, *host.under_way]:
                who.cancel() if isinstance(who, Turn) else who.failed(CancelledError())
        stopped = gatherResults([self._clients["http"].stop(), self._clients["udp"].stop()])
        return stopped.addCallback(lambda _: None)

    def apply(self, applicant: Applicant, rank: Rank) -> None:
        """Have an applicant announce when it is its turn; until then it costs next to nothing.

        TrackerError: it cannot even wait. RestingError: the host is left alone for now.
        """
        parts = _parsed(applicant.url)
        self._line_up(self._open_host(parts), applicant, rank)

    def leave(self, applicant: Applicant) -> None:
        """The applicant does not want to announce any more: it is told nothing."""
        host = self._hosts.get(_parsed(applicant.url).host)
        if host is None:
            return
        if host.waiting.remove(applicant):
            self._left(host)
        for turn in list(host.under_way):
            if turn.applicant is applicant:
                turn.applicant = None
                turn.cancel()

    def _submit(
        self, url: str, ask: Callable[[Any], Deferred[_T]], rank: Rank = Rank.OTHERS
    ) -> Deferred[_T]:
        try:
            parts = _parsed(url)
            host = self._open_host(parts)
        except TrackerError as error:
            return fail(error)
        client = self._clients[parts.scheme]
        result: Deferred[_T] = Deferred(lambda _: self._withdraw(turn))
        turn = Turn(host, lambda: ask(client), result)
        self._line_up(host, turn, rank)
        return result

    def _open_host(self, parts: TrackerUrl) -> Host:
        """Give a host that can be waited for; RestingError when it is to be left alone."""
        if self._waiting >= MAX_WAITING:
            raise RestingError("too many announces are waiting", FIRST_REST)
        host = self._host(parts.host)
        host.check_awake(self._reactor.seconds())
        return host

    def _line_up(self, host: Host, who: Turn | Applicant, rank: Rank) -> None:
        host.waiting.add(who, rank)
        self._waiting += 1
        self._note_ready(host)
        self._begin_next()

    def _host(self, name: str) -> Host:
        if name not in self._hosts:
            self._make_room()
            self._hosts[name] = Host(name, self._per_host)
        return self._hosts[name]

    def _make_room(self) -> None:
        if len(self._hosts) >= MAX_HOSTS:
            idle = next((host for host in self._hosts.values() if host.is_idle), None)
            if idle is not None:
                del self._hosts[idle.name]

    def _note_ready(self, host: Host) -> None:
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
            while self._ready and self._under_way < self._at_once:
                self._begin(next(iter(self._ready)))
        finally:
            self._beginning = False

    def _begin(self, host: Host) -> None:
        del self._ready[host]
        who = host.waiting.pop()
        turn = who if isinstance(who, Turn) else self._turn_of(host, who)
        self._waiting -= 1
        self._under_way += 1
        host.under_way[turn] = None
        self._note_ready(host)
        turn.asked = maybeDeferred(turn.ask)
        turn.asked.addTimeout(TIME_LIMIT, self._reactor)
        turn.asked.addBoth(self._ended, turn)

    def _turn_of(self, host: Host, applicant: Applicant) -> Turn:
        client = self._clients[_parsed(applicant.url).scheme]

        def ask() -> Deferred[Any]:
            url, trusted = applicant.url, applicant.trusted
            return client.announce(url, applicant.request(), trusted=trusted)

        return Turn(host, ask, applicant=applicant)

    def _withdraw(self, turn: Turn) -> None:
        """Whoever asked does not want to know any more."""
        if turn.host.waiting.remove(turn):
            self._left(turn.host)
        elif turn.asked is not None:
            turn.asked.cancel()

    def _left(self, host: Host) -> None:
        self._waiting -= 1
        self._note_ready(host)
        self._forget(host)

    def _ended(self, outcome: Any, turn: Turn) -> None:
        host, error = turn.host, outcome.value if isinstance(outcome, Failure) else None
        del host.under_way[turn]
        self._under_way -= 1
        if isinstance(error, OutOfTimeError):
            outcome = error = TimedOutError(
                f"the tracker did not answer within {TIME_LIMIT:.0f} seconds"
            )
        dismissed = self._judge(host, error)
        self._note_ready(host)
        self._forget(host)
        turn.tell(outcome)
        for other in dismissed:
            if isinstance(other, Turn):
                other.tell(host.resting_error(self._reactor.seconds()))
            else:
                other.turned_away()
        self._begin_next()

    def _judge(self, host: Host, error: BaseException | None) -> list[Turn | Applicant]:
        """Note whether the host answered; give those who need not wait for it any longer."""
        if isinstance(error, CancelledError):
            return []
        if not isinstance(error, UnreachableError):
            host.answered()
        elif host.silent(self._reactor.seconds()):
            dismissed = host.waiting.clear()
            self._waiting -= len(dismissed)
            return dismissed
        return []

    def _forget(self, host: Host) -> None:
        if host.is_idle and not host.silences:
            self._hosts.pop(host.name, None)
