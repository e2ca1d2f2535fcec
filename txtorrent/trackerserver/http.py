"""The tracker over HTTP: announce and scrape, and the pages of statistics (BEP 3, 48)."""

from __future__ import annotations

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txtorrent.address import packed
from txtorrent.trackerserver.interfaces import Reason, Refused
from txtorrent.trackerserver.pages import Pages
from txtorrent.trackerserver.paths import ANNOUNCE, SCRAPE, split_path
from txtorrent.trackerserver.tracker import Scraped, Tracker
from txtorrent.trackerserver.webrequest import WebRequest, WebResponse
from txtorrent.wire import httptrackerserver as wire
from txtorrent.wire.received import MalformedRequest, ReceivedAnnounce

Response = WebResponse | Deferred[WebResponse]
_ONLY_GET = b"announce and scrape with GET\n"


class TrackerSite:
    """Answers the tracker's requests."""

    def __init__(self, tracker: Tracker, pages: Pages) -> None:
        self._tracker = tracker
        self._pages = pages
        self._counts = tracker.statistics.http

    def respond(self, request: WebRequest, host: str) -> Response:
        """To a request that came from an IP address. A refusal is an answer too: clients read a
        failure reason only where the status is 200. To ask with HEAD is no announce: it must change
        nothing (RFC 9110 section 9.2.1)."""
        passkey, last = split_path(request.path)
        if request.is_head and last in (ANNOUNCE, SCRAPE):
            return WebResponse(_ONLY_GET, 405)
        try:
            if last == ANNOUNCE:
                return self._announce(request, host, passkey)
            if last == SCRAPE:
                return self._scrape(request, host, passkey)
            return self._pages.respond(request, self._asker(request, host))
        except (MalformedRequest, Refused) as error:
            return self._refused(error)

    def _announce(self, request: WebRequest, host: str, passkey: bytes | None) -> Response:
        asker = self._asker(request, host)
        asked = wire.read_announce(request.query, asker)
        first, *others = self._announces(asked, asker)
        for other in others:
            noted = self._tracker.announce(evolve(other, numwant=0), passkey)
            if isinstance(noted, Deferred):
                noted.addErrback(lambda failure: failure.trap(Refused) and None)
        answer = self._tracker.announce(first, passkey, asked.with_ids)
        if isinstance(answer, wire.Answer):
            return self._announced(answer, asked)
        answered = answer.addCallback(self._announced, asked)
        return answered.addErrback(self._failed)

    def _announces(self, asked: wire.HttpAnnounce, asker: bytes) -> list[ReceivedAnnounce]:
        """One for each address that the peer has, which is one unless a proxy says more."""
        if not asked.claimed:
            return [asked.announce]
        places = self._tracker.policy.proxies.places(asker, asked.claimed)
        return [
            evolve(asked.announce, host=place.host, port=place.port or asked.announce.port)
            for place in places
        ]

    def _scrape(self, request: WebRequest, host: str, passkey: bytes | None) -> Response:
        asked = wire.read_scrape(request.query)
        found = self._tracker.scrape(asked, self._asker(request, host), passkey)
        if isinstance(found, dict):
            return self._scraped(found)
        scraped = found.addCallback(self._scraped)
        return scraped.addErrback(self._failed)

    def _asker(self, request: WebRequest, host: str) -> bytes:
        """The address of who asks, through proxies that are believed."""
        forwarded = request.headers.get(b"x-forwarded-for")
        if forwarded is None:
            return packed(host)
        return self._tracker.policy.proxies.asker(packed(host), forwarded.decode("latin-1"))

    def _announced(self, answer: wire.Answer, asked: wire.HttpAnnounce) -> WebResponse:
        self._counts.announces[asked.announce.event] += 1
        return WebResponse(wire.announce_answer(answer, asked.is_compact, asked.with_ids))

    def _scraped(self, found: Scraped) -> WebResponse:
        self._counts.scrapes += 1
        min_interval = self._tracker.policy.pace.min_interval
        return WebResponse(wire.scrape_answer(found, min_interval))

    def _failed(self, failure: Failure) -> WebResponse:
        failure.trap(Refused)
        assert isinstance(failure.value, Refused)
        return self._refused(failure.value)

    def _refused(self, error: MalformedRequest | Refused) -> WebResponse:
        if isinstance(error, Refused):
            reason, retry_in = error.reason, error.retry_in
        else:
            reason, retry_in = Reason.MALFORMED, None
        self._counts.refused[reason] += 1
        return WebResponse(wire.failure(str(error), retry_in))
