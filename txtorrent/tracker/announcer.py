"""The announces of one torrent: one chain that goes from tracker to tracker (BEP 3, 12).

The governing rule: at most one announce is under way, and each tracker hears `started` first,
`completed` once if the download completed meanwhile, and `stopped` if it ever accepted `started`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import CancelledError, Deferred, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import Address
from txtorrent.swarm.peerbook import Source
from txtorrent.tracker.announcing import Announcing
from txtorrent.tracker.calendar import Booking
from txtorrent.tracker.errors import RestingError
from txtorrent.tracker.finders import Memberships
from txtorrent.tracker.interfaces import Owner
from txtorrent.tracker.notes import note, warn
from txtorrent.tracker.parting import STOP_LIMIT, after
from txtorrent.tracker.scraping import scrape
from txtorrent.tracker.tiers import Listing, Tiers
from txtorrent.tracker.tracker import Tracker, TrackerState
from txtorrent.tracker.turns import rank_of
from txtorrent.tracker.view import TrackerView, Trouble, next_announce, trouble, view
from txtorrent.wire.announce import (
    AnnounceRequest,
    AnnounceResponse,
    Event,
    ScrapeResult,
    TrackerError,
)

NUM_WANT = 200
"""Addresses asked for while downloading: more than is dialled until the next announce."""
NUM_WANT_SEEDING = 30
"""Addresses asked for while seeding: leechers come to us by themselves."""
SHORTEST_PAUSE = 1.0
"""Seconds between two announces, whatever the reason: no loop may spin."""
REPAIR_PAUSE = 300.0
"""Seconds until the chain goes on after all announces were given up."""
SCATTER = 10.0
"""Seconds over which those who waited for a silent host turn to their other trackers."""

_log = Logger()


class Announcer:
    """Announces one torrent for as long as it runs, and hands over the peers that trackers know.

    `owner` is asked and told; whoever takes over from it sets another, at any time, and the
    trackers notice nothing. `name` is what users call the torrent, for the log; without one it is
    part of the info-hash. A `private` torrent has its own trackers alone; others have the session's
    behind theirs. `trusted` trackers may be at private and loopback addresses. Can be started again
    after a stop. Idle, it takes about a kilobyte: what a round needs is made for it.
    """

    __slots__ = (
        "_asked",
        "_began_complete",
        "_completed",
        "_current",
        "_downloaded_before",
        "_key",
        "_memberships",
        "_over",
        "_parting",
        "_round",
        "_running",
        "_scraping",
        "_shared",
        "_telling",
        "_tiers",
        "_told_port",
        "_uploaded_before",
        "booking",
        "info_hash",
        "name",
        "owner",
        "private",
        "trusted",
    )

    def __init__(
        self,
        shared: Announcing,
        info_hash: bytes,
        tiers: Sequence[Sequence[str]],
        owner: Owner,
        name: str = "",
        *,
        private: bool = False,
        trusted: bool = False,
    ) -> None:
        self.info_hash = info_hash
        self.name = name
        self.owner = owner
        self.private = private
        self.trusted = trusted
        self.booking: Booking | None = None
        self._shared = shared
        self._key = shared.random.getrandbits(32)
        self._tiers = Tiers(tiers, self._defaults, shared.random)
        self._memberships = Memberships()
        self._running = False
        self._began_complete = False
        self._completed = False
        self._uploaded_before = 0
        self._downloaded_before = 0
        self._round: Iterator[Tracker] | None = None
        self._asked: Tracker | None = None
        self._telling = Event.NONE
        self._told_port = 0
        self._current: Tracker | None = None
        self._scraping: Deferred[Any] | None = None
        self._over: Deferred[None] | None = None
        self._parting: Deferred[None] | None = None

    def start(self) -> None:
        """Announce `started`, and go on from there: a download now, a seed when it is its turn."""
        if not self._running:
            self._running = True
            self._join_finders()
            if self._parting is None:
                self._begin()

    def completed(self) -> None:
        """The download has just completed: tell. Nothing to tell if it was complete at start."""
        if not self._is_active or self._began_complete or self._completed:
            return
        self._completed = True
        if self._round is None:
            self._begin_round()

    def want_peers(self) -> None:
        """Ask for more peers as soon as the tracker's minimum interval allows."""
        self._memberships.soon()
        tracker = self._current
        if not self._is_active or self._round is not None or tracker is None:
            return
        tracker.due_at = min(tracker.due_at, max(tracker.welcome_at, self._now))
        if tracker.due_at <= self._now:
            self._begin_round()
        else:
            self._schedule(tracker.due_at)

    def stop(self) -> Deferred[None]:
        """Tell `stopped` to those who heard `started`; fires within `STOP_LIMIT`, never fails.

        A `completed` that is under way, or still owed, goes before it: programs that end with
        their download are counted as well.
        """
        self._memberships.end()
        if self._parting is not None:
            self._running = False
            return after(self._parting)
        if not self._running:
            return succeed(None)
        self._running = False
        self._shared.calendar.cancel(self)
        self._stop_scraping()
        self._give_up_round()
        self._parting = parting = Deferred.fromCoroutine(self._part())
        parting.addTimeout(STOP_LIMIT, self._shared.clock)
        stopped = after(parting)
        parting.addErrback(lambda _: None).addCallback(self._parted)
        return stopped

    def quit(self) -> None:
        """End without a word to anybody."""
        self._memberships.end()
        self._running = False
        self._shared.calendar.cancel(self)
        self._stop_scraping()
        self._leave()
        self._forget_run()

    def soon(self) -> None:
        """Ask as soon as trackers allow, since the user wants it: failures count no longer.

        No sooner than the minimum interval of one that answered, nor than one that refused told;
        trackers ban clients that do not keep to it.
        """
        self._memberships.soon()
        if not self._is_active or self._round is not None:
            return
        for tracker in self._tiers.known():
            tracker.hurry(self._now)
        if self._current is not None:
            self.want_peers()
        elif self._tiers.next_chance(self._completed) <= self._now:
            self._begin_round()
        else:
            self._schedule(self._tiers.next_chance(self._completed))

    def turn_private(self) -> None:
        """The metadata has come, and says that nobody but the torrent's trackers may know of it."""
        self.private = True
        self._memberships.end()
        self.defaults_changed()

    def _join_finders(self) -> None:
        if not self.private:
            self._memberships.begin(
                self._shared.finders, self.info_hash, self._found, self._is_seeding
            )

    def _is_seeding(self) -> bool:
        return self.owner.totals().left == 0

    def _found(self, source: Source, addresses: Sequence[Address]) -> None:
        self.owner.found_peers(source, addresses)

    # -- which trackers ----------------------------------------------------------------------

    @property
    def tiers(self) -> Listing:
        """The torrent's own trackers, without those that all torrents have."""
        return self._tiers.own

    def replace(self, tiers: Sequence[Sequence[str]]) -> None:
        """Take these for its own from now on; those that stay go on as they were.

        Those that go are told `stopped`. A default tracker that was none of its own before does
        not become one by standing in the list: lists that are shown have both.
        """
        gone = self._tiers.replace(tiers, self._defaults, self._shared.random)
        if self._is_active:
            for tracker in gone:
                self._dismiss(tracker)
            self._turn_to_new(waits=not gone and not any(self._tiers.known()))
        self._tell_change()

    def defaults_changed(self) -> None:
        """The trackers of all torrents may be others now."""
        self.replace(self._tiers.own)

    def trackers(self, wall: float) -> list[TrackerView]:
        """Give each tracker as it stands, in the order of the list; `wall`: now, since 1970."""
        offset, at = wall - self._now, None if self.booking is None else self.booking[0]
        rows, current = self._tiers.rows(), self._current
        return [view(row, next_announce(row, current, at), offset) for row in rows]

    def trouble(self) -> Trouble | None:
        """Give what a user should know: no tracker works, or the one in use warns."""
        return trouble(self._tiers.known(), self._current)

    @property
    def _defaults(self) -> Listing:
        return () if self.private else self._shared.defaults

    def _dismiss(self, tracker: Tracker) -> None:
        """Have nothing more to do with it."""
        if tracker is self._asked:
            self._leave()
        if tracker is self._current:
            self._current = None
        if tracker.started:
            Deferred.fromCoroutine(self._farewell(tracker)).addErrback(self._note_fault)

    def _turn_to_new(self, waits: bool) -> None:
        """Ask new ones as soon as if they had been there before; `waits`: none was asked yet."""
        if self._asked is not None:
            self._round = iter(self._tiers)
        elif self.booking is None or (self._current is None and not waits):
            self._first_round()
        elif self._current is not None and self._tiers.comes_before(self._current):
            self._begin_round()

    # -- beginning and ending ----------------------------------------------------------------

    @property
    def _is_active(self) -> bool:
        return self._running and self._parting is None

    @property
    def _now(self) -> float:
        return self._shared.clock.seconds()

    def _begin(self) -> None:
        totals = self.owner.totals()
        self._completed = False
        self._began_complete = totals.left == 0
        self._uploaded_before, self._downloaded_before = totals.uploaded, totals.downloaded
        self._first_round()

    def _first_round(self) -> None:
        """Begin at once, or when it is the turn of a seed."""
        self._shared.calendar.cancel(self)
        if not self._tiers:
            return
        waits = self._began_complete or self._completed
        at = self._shared.calendar.next_start() if waits else self._now
        if at <= self._now:
            self._begin_round()
        else:
            self._shared.calendar.book(self, at)

    def _give_up_round(self) -> None:
        """End the round, but for a `completed` that is under way."""
        if self._asked is None:
            self._round = None
        elif self._asked.state is TrackerState.ANNOUNCING and self._telling is Event.COMPLETED:
            self._over = Deferred()
        else:
            self._leave()

    def _leave(self) -> None:
        """Wait for no answer."""
        if self._asked is not None:
            self._shared.trackers.leave(self)
        self._asked = self._round = None

    async def _part(self) -> None:
        if self._over is not None:
            await self._over
        partings = [self._farewell(each) for each in self._tiers.known() if each.started]
        await gatherResults(map(Deferred.fromCoroutine, partings), consumeErrors=True)

    def _parted(self, _: None) -> None:
        """Every tracker was told, or there was no time for it."""
        self._leave()
        self._forget_run()
        self._over = self._parting = None
        self._tell_change()
        if self._running:
            self._begin()

    def _forget_run(self) -> None:
        for tracker in self._tiers.known():
            tracker.reset()
        self._current = None

    # -- a round: one tracker after the other until one answers ------------------------------

    def due(self) -> None:
        """It is time for a round, says the calendar."""
        self._begin_round()

    def _begin_round(self) -> None:
        self._shared.calendar.cancel(self)
        self._round = iter(self._tiers)
        self._ask_next()

    def _ask_next(self) -> None:
        for tracker in self._round or ():
            if tracker.next_chance(self._completed) <= self._now and self._ask(tracker):
                return
        self._round = None
        self._schedule(self._tiers.next_chance(self._completed))

    def _ask(self, tracker: Tracker) -> bool:
        """Wait for a turn to ask it; tells whether that can be waited for."""
        self._asked, before = tracker, tracker.state
        tracker.state = TrackerState.QUEUED
        rank = rank_of(tracker.event(self._completed), self._completed or self._began_complete)
        try:
            self._shared.trackers.apply(self, rank)
        except TrackerError as error:
            self._asked, tracker.state = None, before
            self._failed(tracker, error)
            return False
        self._tell_change()
        return True

    # -- tracker.turns.Applicant

    @property
    def url(self) -> str:
        """Whom to ask."""
        assert self._asked is not None
        return self._asked.url

    def request(self) -> AnnounceRequest:
        """It is our turn."""
        tracker = self._asked
        assert tracker is not None
        tracker.state = TrackerState.ANNOUNCING
        tracker.asked_at = self._now
        self._telling = tracker.event(self._completed)
        self._tell_change()
        return self._request(tracker, self._telling)

    def answered(self, response: AnnounceResponse) -> None:
        """The tracker answered: plan the next announce, and hand over what it told."""
        tracker, self._asked, self._round = self._asked, None, None
        assert tracker is not None
        tracker.answered(response, self._telling, self._now, self._shared.random)
        self._tiers.promote(tracker)
        note(self._name, tracker, response)
        if self._over is not None:
            self._over.callback(None)
        else:
            self._go_on(tracker, response)

    def failed(self, error: BaseException) -> None:
        """It did not answer: another one will, or the same later."""
        tracker, self._asked = self._asked, None
        assert tracker is not None
        if isinstance(error, CancelledError):
            self._broken_off(tracker)
            return
        if not isinstance(error, TrackerError):
            self._note_fault(Failure(error))
            error = TrackerError("an error in txtorrent itself: see its log")
        self._failed(tracker, error)
        if self._over is not None:
            self._round = None
            self._over.callback(None)
        else:
            self._ask_next()

    def turned_away(self) -> None:
        """The host keeps silent: begin anew, when so many others do not."""
        tracker, self._asked, self._round = self._asked, None, None
        assert tracker is not None
        tracker.state = TrackerState.IDLE
        self._schedule(self._now + self._shared.random.uniform(0.0, SCATTER))
        self._tell_change()

    def _broken_off(self, tracker: Tracker) -> None:
        """All announces were given up: there is nothing to expect for a while."""
        tracker.state = TrackerState.IDLE
        self._round = None
        if self._over is not None:
            self._over.callback(None)
        else:
            self._schedule(self._now + REPAIR_PAUSE)
        self._tell_change()

    # -- inside ------------------------------------------------------------------------------

    def _failed(self, tracker: Tracker, error: TrackerError) -> None:
        tracker.failed(error, self._now, self._shared.random)
        self._tell_change()
        if not isinstance(error, RestingError):
            warn(self._name, tracker, str(error))

    def _request(self, tracker: Tracker, event: Event) -> AnnounceRequest:
        totals = self.owner.totals()
        self._told_port = self._shared.port
        numwant = NUM_WANT if totals.left else NUM_WANT_SEEDING
        return AnnounceRequest(
            info_hash=self.info_hash,
            peer_id=self._shared.peer_id,
            port=self._shared.port,
            uploaded=totals.uploaded - self._uploaded_before,
            downloaded=totals.downloaded - self._downloaded_before,
            left=totals.left,
            corrupt=totals.corrupt,
            event=event,
            key=self._key,
            numwant=0 if event is Event.STOPPED else numwant,
            tracker_id=tracker.tracker_id,
            hosts=self._shared.hosts(),
        )

    def _go_on(self, tracker: Tracker, response: AnnounceResponse) -> None:
        """Plan the next announce and hand over the peers, which may well stop or complete us."""
        self._current = tracker
        untold = tracker.event(self._completed) is not Event.NONE
        self._schedule(self._now if untold else tracker.due_at)
        if self._told_port != self._shared.port:
            self.want_peers()  # it has become another while that announce was under way
        if response.seeders is None or response.leechers is None:
            self._scrape(tracker)
        self._tell_change()
        try:
            if response.external_ip is not None:
                self._shared.seen_as(response.external_ip, urlsplit(tracker.url).netloc)
            self._tell_numbers(response)
            self.owner.found_peers(Source.TRACKER, response.peers)
        except Exception:
            _log.failure("{torrent}: its new peers were not taken", torrent=self._name)

    def _tell_change(self) -> None:
        try:
            self.owner.trackers_changed()
        except Exception:
            _log.failure("{torrent}: a change was not taken", torrent=self._name)

    def _tell_numbers(self, said: AnnounceResponse | ScrapeResult) -> None:
        if said.seeders is not None or said.leechers is not None:
            self.owner.counted(said.seeders, said.leechers)

    def _scrape(self, tracker: Tracker) -> None:
        """Ask for the numbers that an announce did not tell (BEP 48); we do as well without."""
        self._stop_scraping()
        asking = scrape(self._shared, self.info_hash, tracker, self.trusted)
        self._scraping = Deferred.fromCoroutine(asking)
        self._scraping.addCallback(self._scraped).addErrback(self._note_fault)

    def _scraped(self, result: ScrapeResult | None) -> None:
        self._scraping = None
        self._tell_change()
        if result is not None:
            self._tell_numbers(result)

    def _note_fault(self, failure: Failure) -> None:
        """What is called off is no fault."""
        if not failure.check(CancelledError):
            _log.failure("{torrent}: a fault of ours", failure, torrent=self._name)

    def _stop_scraping(self) -> None:
        scraping, self._scraping = self._scraping, None
        if scraping is not None:
            scraping.cancel()

    def _schedule(self, at: float) -> None:
        """Begin the next round at a time; infinity is never."""
        if not self._is_active:
            # Whoever was told of what happened has stopped us.
            return
        if at < math.inf:
            self._shared.calendar.book(self, max(at, self._now + SHORTEST_PAUSE))
        else:
            self._shared.calendar.cancel(self)

    async def _farewell(self, tracker: Tracker) -> None:
        owed = tracker.event(self._completed) is Event.COMPLETED
        for event in (Event.COMPLETED, Event.STOPPED) if owed else (Event.STOPPED,):
            request = self._request(tracker, event)
            with suppress(TrackerError):
                await self._shared.trackers.announce(tracker.url, request, trusted=self.trusted)

    @property
    def _name(self) -> str:
        return self.name or self.info_hash.hex()[:8]
