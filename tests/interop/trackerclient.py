"""A small client of trackers for tests: each question is one exchange, and it may be anybody."""

import os
from struct import pack
from typing import Any, Final

import treq
from attrs import frozen
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol
from twisted.web.client import Agent, HTTPConnectionPool

from tests.interop.case import InteropCase
from txtorrent.bencode import decode
from txtorrent.wire import httptracker, udptracker
from txtorrent.wire.announce import (
    AnnounceRequest,
    AnnounceResponse,
    Event,
    ScrapeResult,
    TrackerError,
    TrackerUrl,
)

PATIENCE: Final = 10.0
"""Seconds for one answer."""
NOBODY: Final = ScrapeResult(0, 0, 0)


@frozen
class Visitor:
    """One peer, at an address and with an id of its own, that only speaks to trackers."""

    host: str
    peer_id: bytes
    port: int = 6881

    @classmethod
    def of(cls, case: InteropCase) -> "Visitor":
        """A new one."""
        return cls(case.next_address(), b"-TX0000-" + os.urandom(6).hex().encode())

    def request(
        self,
        info_hash: bytes,
        left: int = 1,
        event: Event = Event.STARTED,
        uploaded: int = 0,
        downloaded: int = 0,
    ) -> AnnounceRequest:
        """What it tells a tracker."""
        return AnnounceRequest(
            info_hash, self.peer_id, self.port, uploaded, downloaded, left, 0, event, 77, 50
        )

    async def announce(self, url: str, info_hash: bytes, **fields: Any) -> AnnounceResponse:
        """Announce. TrackerError when it is refused."""
        request, parts = self.request(info_hash, **fields), TrackerUrl.parse(url)
        if parts.scheme == "http":
            body = await self.get(parts.origin + httptracker.announce_target(parts, request))
            return httptracker.decode_announce(body, request)
        answer = await self._ask(
            parts,
            lambda connection, transaction: udptracker.announce_request(
                connection, transaction, request, parts.target.encode()
            ),
        )
        return udptracker.decode_announce(answer, request, ipv6=":" in parts.host)

    async def scrape(self, url: str, info_hash: bytes) -> ScrapeResult:
        """How many there are; `NOBODY` of a torrent that is not known. TrackerError."""
        parts = TrackerUrl.parse(url)
        if parts.scheme == "http":
            body = await self.get(parts.origin + httptracker.scrape_target(parts, [info_hash]))
            return httptracker.decode_scrape(body, [info_hash]).get(info_hash, NOBODY)
        answer = await self._ask(
            parts,
            lambda connection, transaction: udptracker.scrape_request(
                connection, transaction, [info_hash]
            ),
        )
        return udptracker.decode_scrape(answer, [info_hash])[info_hash]

    async def refusal(self, url: str, info_hash: bytes) -> str:
        """Why an announce is refused; empty when it is not."""
        try:
            await self.announce(url, info_hash)
        except TrackerError as error:
            return str(error)
        return ""

    async def announced(self, url: str, info_hash: bytes, **fields: Any) -> dict[bytes, Any]:
        """Announce over HTTP; the answer as it is."""
        parts = TrackerUrl.parse(url)
        target = httptracker.announce_target(parts, self.request(info_hash, **fields))
        answer: dict[bytes, Any] = decode(await self.get(parts.origin + target))
        return answer

    async def get(self, url: str) -> bytes:
        """What is at a URL."""
        pool = HTTPConnectionPool(reactor, persistent=False)
        agent = Agent(reactor, pool=pool, bindAddress=(self.host, 0))
        response = await agent.request(b"GET", url.encode()).addTimeout(PATIENCE, reactor)
        body: bytes = await treq.content(response)
        return body

    async def _ask(self, url: TrackerUrl, question: Any) -> bytes:
        exchange = _Exchange((url.host, url.port))
        port = reactor.listenUDP(0, exchange, interface=self.host)
        try:
            transaction = int.from_bytes(os.urandom(4), "big")
            hello = await exchange.ask(udptracker.connect_request(transaction), transaction)
            connection = udptracker.decode_connect(hello)
            answer = await exchange.ask(question(connection, transaction), transaction)
        finally:
            await port.stopListening()
        if udptracker.reply_header(answer)[0] == udptracker.Action.ERROR:
            raise udptracker.decode_error(answer)
        return answer


class _Exchange(DatagramProtocol):
    """Questions to one address, each of which is waited for."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._waiting: Deferred[bytes] | None = None
        self._transaction = b""

    def ask(self, datagram: bytes, transaction: int) -> Deferred[bytes]:
        """Send it, and give what comes back."""
        self._waiting = Deferred()
        self._transaction = pack("!I", transaction)
        self.transport.write(datagram, self._address)
        return self._waiting.addTimeout(PATIENCE, reactor)

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        waiting = self._waiting
        if waiting is not None and addr[:2] == self._address and datagram[4:8] == self._transaction:
            self._waiting = None
            waiting.callback(datagram)
