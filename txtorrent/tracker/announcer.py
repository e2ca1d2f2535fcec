"""The announces of one torrent: one chain that goes from tracker to tracker (BEP 3, 12).

The governing rule: at most one announce is under way, and each tracker hears `started` first,
`completed` once if the download completed meanwhile, and `stopped` if it ever accepted `started`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any, Protocol

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred, gatherResults, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import Address
from txtorrent.tracker.clients import Trackers
from txtorrent.tracker.errors import RestingError
from txtorrent.tracker.tiers import Tiers, Tracker, TrackerState, TrackerStatus
from txtorrent.wire.announce import (
    AnnounceRequest,
    AnnounceResponse,
    Event,
    ScrapeResult,
    TrackerError,
    redacted,
)

NUM_WANT = 200
"""Addresses asked for while downloading: more than is dialled until the next announce."""
NUM_WANT_SEEDING = 30
"""Addresses asked for while seeding: leechers come to us by themselves."""
STOP_LIMIT = 5.0
"""Seconds for all `stopped` together: a daemon has to be gone within ten (THREATS E12)."""
SHORTEST_PAUSE = 1.0
"""Seconds between two announces, whatever the reason: no loop may spin."""
REPAIR_PAUSE = 300.0
"""Seconds until the chain goes on after a fault of our own in it."""

_log = Logger()


@frozen
class Totals:
    """What was ever moved, what is missing, and what failed its hash in this run: bytes."""

    uploaded: int
    downloaded: int
    left: int
    corrupt: int


@frozen
class Identity:
    """Who announces: the torrent, and ourselves in its swarm. `key`: 32 random bits.

    `name` is what users call the torrent, for the log; without one it is part of the info-hash.
    """

    info_hash: bytes
    peer_id: bytes
    port: int
    key: int
    name: str = ""


class Owner(Protocol):
    """The torrent, as its announcer sees it. What it raises is logged, and changes nothing."""

    def totals(self) -> Totals:
        """How it stands. What was moved only grows, from one owner to the next too."""

    def found_peers(self, url: str, addresses: Sequence[Address]) -> None:
        """A tracker told of peers; `url` is its whole URL, not for logs."""

    def seen_as(self, host: str) -> None:
        """A tracker saw us at this address (BEP 24)."""


class Announcer:
    """Announces one torrent for as long as it runs, and hands over the peers that trackers know.

    `owner` is asked and told; whoever takes over from it sets another, at any time, and the
    trackers notice nothing. `trusted` trackers may be at private and loopback addresses. Can be
    started again after a stop.
    """

    def __init__(
        self,
        tiers: Sequence[Sequence[str]],
        trackers: Trackers,
        clock: IReactorTime,
        random: Random,
        owner: Owner,
        identity: Identity,
        trusted: bool = False,
    ) -> None:
        self.owner = owner
        self._tiers = Tiers(tiers, random)
        self._trackers = trackers
        self._clock = clock
        self._random = random
        self._identity = identity
        self._trusted = trusted
        self._running = False
        self._uploaded_before = 0
        self._downloaded_before = 0
        self._began_complete = False
        self._completed = False
        self._asking = False
        self._telling = Event.NONE
        self._round: Deferred[Any] = succeed(None)
        self._scraping: Deferred[None] = succeed(None)
        self._timer: IDelayedCall | None = None
        self._current: Tracker | None = None

    def start(self) -> None:
        """Announce `started` now, and go on from there."""
        if self._running:
            return
        self._running = True
        self._completed = False
        totals = self.owner.totals()
        self._began_complete = totals.left == 0
        self._uploaded_before, self._downloaded_before = totals.uploaded, totals.downloaded
        self._begin_round()

    def completed(self) -> None:
        """The download has just completed: tell. Nothing to tell if it was complete at start."""
        if not self._running or self._began_complete or self._completed:
            return
        self._completed = True
        if not self._asking:
            self._begin_round()

    def want_peers(self) -> None:
        """Ask for more peers as soon as the tracker's minimum interval allows."""
        tracker = self._current
        if not self._running or self._asking or tracker is None:
            return
        tracker.due_at = min(tracker.due_at, max(tracker.welcome_at, self._clock.seconds()))
        if tracker.due_at <= self._clock.seconds():
            self._begin_round()
        else:
            self._schedule(tracker.due_at)

    def stop(self) -> Deferred[None]:
        """Tell `stopped` to those who heard `started`; fires within `STOP_LIMIT`, never fails.

        A `completed` that is under way, or still owed, goes before it: programs that end with
        their download are counted as well.
        """
        if not self._running:
            return succeed(None)
        self._running = False
        self._cancel_timer()
        self._scraping.cancel()
        if self._asking and self._telling is not Event.COMPLETED:
            self._round.cancel()
        parting = Deferred.fromCoroutine(self._part())
        parting.addTimeout(STOP_LIMIT, self._clock)
        return parting.addErrback(lambda _: None)

    async def _part(self) -> None:
        try:
            if self._asking:
                await self._round
            partings = [self._farewell(tracker) for tracker in self._tiers if tracker.started]
            await gatherResults(map(Deferred.fromCoroutine, partings), consumeErrors=True)
        finally:
            for tracker in self._tiers:
                tracker.reset()
            self._current = None

    def status(self) -> list[TrackerStatus]:
        """Give the state of each tracker, in the order they are asked in."""
        now = self._clock.seconds()
        return [tracker.status(now) for tracker in self._tiers]

    def _begin_round(self) -> None:
        self._cancel_timer()
        self._asking = True
        self._round = Deferred.fromCoroutine(self._ask_around())
        self._round.addBoth(self._round_ended)

    async def _ask_around(self) -> tuple[Tracker, AnnounceResponse] | None:
        """Ask one tracker after the other until one answers."""
        for tracker in self._tiers:
            if tracker.next_chance(self._completed) <= self._clock.seconds():
                response = await self._ask(tracker)
                if response is not None:
                    return tracker, response
        return None

    async def _ask(self, tracker: Tracker) -> AnnounceResponse | None:
        event = tracker.event(self._completed)
        request = self._request(tracker, event)
        self._telling = event
        tracker.state = TrackerState.ANNOUNCING
        try:
            response = await self._trackers.announce(tracker.url, request, trusted=self._trusted)
        except TrackerError as error:
            self._failed(tracker, error)
            return None
        except CancelledError:
            raise
        except Exception:
            _log.failure("{torrent}: an announce went wrong here", torrent=self._name)
            self._failed(tracker, TrackerError("an error in txtorrent itself: see its log"))
            return None
        tracker.answered(response, event, self._clock.seconds(), self._random)
        self._tiers.promote(tracker)
        self._note(tracker, response)
        return response

    def _failed(self, tracker: Tracker, error: TrackerError) -> None:
        tracker.failed(error, self._clock.seconds(), self._random)
        if not isinstance(error, RestingError):
            self._warn(tracker, str(error))

    def _request(self, tracker: Tracker, event: Event) -> AnnounceRequest:
        totals = self.owner.totals()
        numwant = NUM_WANT if totals.left else NUM_WANT_SEEDING
        return AnnounceRequest(
            info_hash=self._identity.info_hash,
            peer_id=self._identity.peer_id,
            port=self._identity.port,
            uploaded=totals.uploaded - self._uploaded_before,
            downloaded=totals.downloaded - self._downloaded_before,
            left=totals.left,
            corrupt=totals.corrupt,
            event=event,
            key=self._identity.key,
            numwant=0 if event is Event.STOPPED else numwant,
            tracker_id=tracker.tracker_id,
        )

    def _round_ended(self, outcome: tuple[Tracker, AnnounceResponse] | Failure | None) -> None:
        self._asking = False
        if not self._running:
            return
        if isinstance(outcome, Failure):
            if not isinstance(outcome.value, CancelledError):
                _log.failure("{torrent}: its announces stumbled", outcome, torrent=self._name)
            self._schedule(self._clock.seconds() + REPAIR_PAUSE)
        elif outcome is None:
            self._schedule(
                min((each.next_chance(self._completed) for each in self._tiers), default=math.inf)
            )
        else:
            self._go_on(*outcome)

    def _go_on(self, tracker: Tracker, response: AnnounceResponse) -> None:
        """Plan the next announce and hand over the peers, which may well stop or complete us."""
        self._current = tracker
        untold = tracker.event(self._completed) is not Event.NONE
        self._schedule(self._clock.seconds() if untold else tracker.due_at)
        if response.seeders is None or response.leechers is None:
            self._scrape(tracker)
        try:
            if response.external_ip is not None:
                self.owner.seen_as(response.external_ip)
            self.owner.found_peers(tracker.url, response.peers)
        except Exception:
            _log.failure("{torrent}: its new peers were not taken", torrent=self._name)

    def _scrape(self, tracker: Tracker) -> None:
        """Ask for the numbers that an announce did not tell (BEP 48); we do as well without."""
        self._scraping.cancel()
        asked = self._trackers.scrape(
            tracker.url, [self._identity.info_hash], trusted=self._trusted
        )
        self._scraping = asked.addCallbacks(self._scraped, lambda _: None, callbackArgs=(tracker,))

    def _scraped(self, results: dict[bytes, ScrapeResult], tracker: Tracker) -> None:
        result = results.get(self._identity.info_hash)
        if result is not None:
            tracker.seeders, tracker.leechers = result.seeders, result.leechers

    def _schedule(self, at: float) -> None:
        """Begin the next round at a time; infinity is never."""
        self._cancel_timer()
        if at < math.inf:
            pause = max(at - self._clock.seconds(), SHORTEST_PAUSE)
            self._timer = self._clock.callLater(pause, self._begin_round)

    def _cancel_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    async def _farewell(self, tracker: Tracker) -> None:
        owed = tracker.event(self._completed) is Event.COMPLETED
        for event in (Event.COMPLETED, Event.STOPPED) if owed else (Event.STOPPED,):
            request = self._request(tracker, event)
            with suppress(TrackerError):
                await self._trackers.announce(tracker.url, request, trusted=self._trusted)

    @property
    def _name(self) -> str:
        return self._identity.name or self._identity.info_hash.hex()[:8]

    def _note(self, tracker: Tracker, response: AnnounceResponse) -> None:
        _log.info(
            "{torrent}: {tracker} answered: {peers} peers, {seeders} seeders, {leechers} leechers",
            torrent=self._name,
            tracker=redacted(tracker.url),
            peers=len(response.peers),
            seeders=_known(response.seeders),
            leechers=_known(response.leechers),
        )
        if response.warning is None:
            tracker.warned = None
        else:
            self._warn(tracker, response.warning)

    def _warn(self, tracker: Tracker, complaint: str) -> None:
        """Log a complaint, once until it changes."""
        if complaint != tracker.warned:
            tracker.warned = complaint
            _log.warn(
                "{torrent}: {tracker}: {complaint}",
                torrent=self._name,
                tracker=redacted(tracker.url),
                complaint=complaint,
            )


def _known(count: int | None) -> int | str:
    return "?" if count is None else count
