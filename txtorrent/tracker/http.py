"""The client of HTTP and HTTPS trackers: one announce or scrape is one GET (BEP 3, 48).

Redirects are followed here, hop by hop under the rules of `guard` (THREATS D2). There is no limit
of time: whoever asks cancels the Deferred.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import treq
from attrs import evolve, frozen
from hyperlink import EncodedURL
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, succeed
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IPolicyForHTTPS

from txtorrent import __version__
from txtorrent.tracker.body import Body, UndecodedAgent
from txtorrent.tracker.connect import CheckedEndpoints
from txtorrent.tracker.errors import explained
from txtorrent.tracker.guard import Guard, plausible_peers
from txtorrent.wire import httptracker
from txtorrent.wire.announce import AnnounceRequest, AnnounceResponse, ScrapeResult, TrackerUrl

MAX_SCRAPED = 64
"""Torrents in one scrape: their hashes make a request line that web servers still take."""

_USER_AGENT = f"txtorrent/{__version__}"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_T = TypeVar("_T")


class HttpTrackers:
    """Asks HTTP trackers. Keeps no connection and no cookie from one request to the next.

    `reactor` provides IReactorTCP, IReactorTime and IReactorPluggableNameResolver; `interface`
    is the IP address to connect from; `tls` says which certificates are good.
    """

    def __init__(
        self, reactor: Any, interface: str | None = None, tls: IPolicyForHTTPS | None = None
    ) -> None:
        self._reactor = reactor
        self._interface = interface
        self._tls = BrowserLikePolicyForHTTPS() if tls is None else tls
        self._under_way: set[Deferred[Any]] = set()

    def announce(
        self, url: str, request: AnnounceRequest, *, trusted: bool = False
    ) -> Deferred[AnnounceResponse]:
        """Announce; fails with TrackerError. `trusted` trackers may be at local addresses."""
        return self._begin(self._announce(url, request, self._guard(trusted)))

    def scrape(
        self, url: str, info_hashes: Sequence[bytes], *, trusted: bool = False
    ) -> Deferred[dict[bytes, ScrapeResult]]:
        """Scrape, in as many requests as it takes; fails with TrackerError."""
        return self._begin(self._scrape(url, info_hashes, trusted))

    async def _announce(self, url: str, request: AnnounceRequest, guard: Guard) -> AnnounceResponse:
        parts = TrackerUrl.parse(url)
        answer = await self._get(parts, httptracker.announce_target(parts, request), guard)
        response = httptracker.decode_announce(
            answer.body, request, status=answer.status, secrets=parts.secrets
        )
        return evolve(response, peers=plausible_peers(response.peers, guard.address))

    async def _scrape(
        self, url: str, info_hashes: Sequence[bytes], trusted: bool
    ) -> dict[bytes, ScrapeResult]:
        parts = TrackerUrl.parse(url)
        found: dict[bytes, ScrapeResult] = {}
        for start in range(0, len(info_hashes), MAX_SCRAPED):
            some = info_hashes[start : start + MAX_SCRAPED]
            target = httptracker.scrape_target(parts, some)
            answer = await self._get(parts, target, self._guard(trusted))
            found |= httptracker.decode_scrape(
                answer.body, some, status=answer.status, secrets=parts.secrets
            )
        return found

    def stop(self) -> Deferred[None]:
        """Give up whatever is under way; fires when nothing is left of it."""
        for deferred in list(self._under_way):
            deferred.cancel()
        return succeed(None)

    def _guard(self, trusted: bool) -> Guard:
        return Guard(trusted=trusted, interface=self._interface)

    def _begin(self, work: Coroutine[Deferred[Any], Any, _T]) -> Deferred[_T]:
        deferred = Deferred.fromCoroutine(work)
        self._under_way.add(deferred)

        def ended(result: _T) -> _T:
            self._under_way.discard(deferred)
            return result

        return deferred.addBoth(ended)

    async def _get(self, url: TrackerUrl, target: str, guard: Guard) -> _Answer:
        answer = await self._hop(url, target, guard)
        while answer.location is not None:
            url = guard.redirect(url, answer.location)
            answer = await self._hop(url, url.target, guard)
        return answer

    async def _hop(self, url: TrackerUrl, target: str, guard: Guard) -> _Answer:
        """Make one request, on a connection of its own that ends with it."""
        endpoints = CheckedEndpoints(self._reactor, guard, self._tls)
        try:
            return await self._request(url, target, endpoints)
        except Exception as error:
            raise explained(error) from None
        finally:
            endpoints.close()

    async def _request(self, url: TrackerUrl, target: str, endpoints: CheckedEndpoints) -> _Answer:
        response = await self._client(endpoints).get(
            _AsWritten.from_text(url.origin + target),
            headers=Headers({"User-Agent": [_USER_AGENT]}),
            auth=url.credentials,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )
        locations = response.headers.getRawHeaders(b"location", [])
        if response.code in _REDIRECTS and locations:
            return _Answer(response.code, b"", locations[0].decode("utf-8", "replace"))
        body = Body(response)
        await treq.collect(response, body.feed)
        return _Answer(response.code, body.content)

    def _client(self, endpoints: CheckedEndpoints) -> HTTPClient:
        # A pooled connection would be handed to requests that other rules apply to.
        pool = HTTPConnectionPool(self._reactor, persistent=False)
        agent = Agent.usingEndpointFactory(self._reactor, endpoints, pool)
        # The client keeps cookies: one for each request keeps none.
        return HTTPClient(UndecodedAgent(agent))


@frozen
class _Answer:
    status: int
    body: bytes
    location: str | None = None


class _AsWritten(EncodedURL):
    """A URL that treq sends as it is: it is in ASCII already, and IPv6 hosts break in `to_uri`."""

    __slots__ = ()

    def to_uri(self) -> EncodedURL:
        return self
