"""The tracker over HTTP: announce and scrape, and the pages of statistics (BEP 3, 48)."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txtorrent.address import packed
from txtorrent.trackerserver.interfaces import Reason, Refused
from txtorrent.trackerserver.pages import Pages
from txtorrent.trackerserver.paths import ANNOUNCE, SCRAPE, split_path
from txtorrent.trackerserver.tracker import Scraped, Tracker
from txtorrent.trackerserver.webrequest import WebRequest, WebResponse
from txtorrent.wire import httptrackerserver as wire
from txtorrent.wire.received import MalformedRequest

Response = WebResponse | Deferred[WebResponse]


class TrackerSite:
    """Answers the tracker's requests."""

    def __init__(self, tracker: Tracker, pages: Pages) -> None:
        self._tracker = tracker
        self._pages = pages
        self._counts = tracker.statistics.http

    def respond(self, request: WebRequest, host: str) -> Response:
        """To a request that came from an IP address. A refusal is an answer too: clients read a
        failure reason only where the status is 200."""
        passkey, last = split_path(request.path)
        try:
            if last == ANNOUNCE:
                return self._announce(request, host, passkey)
            if last == SCRAPE:
                return self._scrape(request, host, passkey)
            return self._pages.respond(request, packed(host))
        except (MalformedRequest, Refused) as error:
            return self._refused(error)

    def _announce(self, request: WebRequest, host: str, passkey: bytes | None) -> Response:
        proxies = self._tracker.policy.proxies
        forwarded = request.headers.get(b"x-forwarded-for")
        address = proxies.client(packed(host), forwarded)
        asked = wire.read_announce(request.query, address)
        announce = asked.announce
        if asked.claimed:
            claimed = proxies.claimed(packed(host), asked.claimed)
            if claimed is not None:
                announce = announce._replace(host=claimed)
        with_ids = asked.with_ids and not asked.is_compact
        answer = self._tracker.announce(announce, passkey, with_ids)
        if isinstance(answer, Deferred):
            answer.addCallback(self._announced, asked)
            return answer.addErrback(self._failed)
        return self._announced(answer, asked)

    def _scrape(self, request: WebRequest, host: str, passkey: bytes | None) -> Response:
        forwarded = request.headers.get(b"x-forwarded-for")
        address = self._tracker.policy.proxies.client(packed(host), forwarded)
        found = self._tracker.scrape(wire.read_scrape(request.query), address, passkey)
        if isinstance(found, Deferred):
            return found.addCallback(self._scraped).addErrback(self._failed)
        return self._scraped(found)

    def _announced(self, answer: wire.Answer, asked: wire.HttpAnnounce) -> WebResponse:
        self._counts.announces[asked.announce.event.value] += 1
        with_ids = asked.with_ids and not asked.is_compact
        return WebResponse(wire.announce_answer(answer, asked.is_compact, with_ids))

    def _scraped(self, found: Scraped) -> WebResponse:
        self._counts.scrapes += 1
        min_interval = self._tracker.policy.pace.min_interval
        return WebResponse(wire.scrape_answer(found, min_interval))

    def _failed(self, failure: Failure) -> WebResponse:
        failure.trap(Refused)
        return self._refused(failure.value)

    def _refused(self, error: MalformedRequest | Refused) -> WebResponse:
        malformed = isinstance(error, MalformedRequest)
        self._counts.refused[Reason.MALFORMED if malformed else error.reason] += 1
        return WebResponse(wire.failure(str(error), None if malformed else error.retry_in))
