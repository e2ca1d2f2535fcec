"""The client of UDP trackers: connect, then announce or scrape, sent again until answered (BEP 15).

Connection ids are kept for a minute. The sockets, and what counts as an answer, are in
`udpsocket`. There is no limit of time short of BEP 15's: whoever asks cancels the Deferred.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from random import Random
from typing import Any, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, gatherResults

from txtorrent.address import Address
from txtorrent.tracker.errors import UnreachableError
from txtorrent.tracker.guard import Guard, plausible_peers, resolve
from txtorrent.tracker.udpsocket import TrackerSocket
from txtorrent.wire import udptracker
from txtorrent.wire.announce import (
    AnnounceRequest,
    AnnounceResponse,
    ScrapeResult,
    TrackerError,
    TrackerUrl,
)
from txtorrent.wire.udptracker import MAX_SCRAPED, Action

FIRST_TIMEOUT = 15.0
"""Seconds until a datagram is sent again; doubled each time (BEP 15)."""
MAX_RETRIES = 8
"""How often a datagram is sent again (BEP 15): the last waits 3840 s."""
CONNECTION_LIFE = 60.0
"""Seconds for which a connection id may be used after it came (BEP 15)."""
MAX_CONNECTIONS = 1000
"""Connection ids kept; announcing again costs one more exchange."""

_T = TypeVar("_T")
_ANY4, _ANY6 = "0.0.0.0", "::"  # noqa: S104 - a tracker may be asked through any interface


class UdpTrackers:
    """Asks UDP trackers, all of one family through one socket.

    `reactor` provides IReactorUDP, IReactorTime and IReactorPluggableNameResolver; `random` must
    not be guessable (random.SystemRandom); `interface` is the IP address to send from.
    """

    def __init__(self, reactor: Any, random: Random, interface: str | None = None) -> None:
        self._reactor = reactor
        self._interface = interface
        self._ipv4 = TrackerSocket(reactor, random, interface or _ANY4)
        self._ipv6 = TrackerSocket(reactor, random, interface or _ANY6)
        self._connections: dict[Address, tuple[int, float]] = {}
        self._under_way: set[Deferred[Any]] = set()

    def announce(
        self, url: str, request: AnnounceRequest, *, trusted: bool = False
    ) -> Deferred[AnnounceResponse]:
        """Announce; fails with TrackerError. `trusted` trackers may be at local addresses."""
        return self._begin(self._announce(url, request, trusted))

    def scrape(
        self, url: str, info_hashes: Sequence[bytes], *, trusted: bool = False
    ) -> Deferred[dict[bytes, ScrapeResult]]:
        """Scrape, in as many datagrams as it takes; fails with TrackerError."""
        return self._begin(self._scrape(url, info_hashes, trusted))

    def stop(self) -> Deferred[None]:
        """Give up whatever is under way; fires when the sockets are closed."""
        for deferred in list(self._under_way):
            deferred.cancel()
        stopped = gatherResults([self._ipv4.stop(), self._ipv6.stop()])
        return stopped.addCallback(lambda _: None)

    def _begin(self, work: Coroutine[Deferred[Any], Any, _T]) -> Deferred[_T]:
        deferred = Deferred.fromCoroutine(work)
        self._under_way.add(deferred)

        def ended(result: _T) -> _T:
            self._under_way.discard(deferred)
            return result

        return deferred.addBoth(ended)

    async def _announce(
        self, url: str, request: AnnounceRequest, trusted: bool
    ) -> AnnounceResponse:
        parts = TrackerUrl.parse(url)
        address = await self._address(parts, trusted)
        target = parts.target.encode("ascii")
        response = await self._ask(
            address,
            Action.ANNOUNCE,
            partial(udptracker.announce_request, request=request, url_data=target),
            partial(udptracker.decode_announce, request=request, ipv6=":" in address.host),
            parts.secrets,
        )
        return evolve(response, peers=plausible_peers(response.peers, address.host))

    async def _scrape(
        self, url: str, info_hashes: Sequence[bytes], trusted: bool
    ) -> dict[bytes, ScrapeResult]:
        parts = TrackerUrl.parse(url)
        address = await self._address(parts, trusted)
        found: dict[bytes, ScrapeResult] = {}
        for start in range(0, len(info_hashes), MAX_SCRAPED):
            some = info_hashes[start : start + MAX_SCRAPED]
            found |= await self._ask(
                address,
                Action.SCRAPE,
                partial(udptracker.scrape_request, info_hashes=some),
                partial(udptracker.decode_scrape, info_hashes=some),
                parts.secrets,
            )
        return found

    async def _address(self, url: TrackerUrl, trusted: bool) -> Address:
        """Resolve the tracker's name. IPv4 first: that is where most peers are."""
        guard = Guard(trusted=trusted, interface=self._interface)
        addresses = await resolve(self._reactor, guard, url.host, url.port, "UDP")
        return min(addresses, key=lambda address: ":" in address.host)

    async def _ask(
        self,
        address: Address,
        action: Action,
        question: Callable[[int, int], bytes],
        decode: Callable[[bytes], _T],
        secrets: tuple[str, ...],
    ) -> _T:
        socket, patience = self._socket(address), _Patience()
        with socket.transaction(address, action, decode, secrets) as transaction:
            while True:
                connection = await self._connect(socket, address, patience)
                socket.send(question(connection, transaction.id), address)
                try:
                    answer = await transaction.wait(self._reactor, patience.seconds)
                except TrackerError:
                    # It may be the connection id that was refused: ask for another next time.
                    self._connections.pop(address, None)
                    raise
                if answer is not None:
                    return answer
                patience.lose()

    async def _connect(self, socket: TrackerSocket, address: Address, patience: _Patience) -> int:
        """Give a connection id that is still good."""
        known, until = self._connections.get(address, (0, 0.0))
        if self._reactor.seconds() < until:
            return known
        decode = udptracker.decode_connect
        with socket.transaction(address, Action.CONNECT, decode) as transaction:
            while True:
                socket.send(udptracker.connect_request(transaction.id), address)
                connection = await transaction.wait(self._reactor, patience.seconds)
                if connection is not None:
                    self._remember(address, connection)
                    return connection
                patience.lose()

    def _remember(self, address: Address, connection: int) -> None:
        self._connections.pop(address, None)
        while len(self._connections) >= MAX_CONNECTIONS:
            del self._connections[next(iter(self._connections))]
        self._connections[address] = (connection, self._reactor.seconds() + CONNECTION_LIFE)

    def _socket(self, address: Address) -> TrackerSocket:
        return self._ipv6 if ":" in address.host else self._ipv4


@define
class _Patience:
    """How long the next answer is waited for: BEP 15 counts lost datagrams, whatever they were."""

    _lost: int = field(default=0, init=False)

    @property
    def seconds(self) -> float:
        return float(FIRST_TIMEOUT * 2**self._lost)

    def lose(self) -> None:
        """Note that no answer came; UnreachableError when it is time to give up."""
        if self._lost == MAX_RETRIES:
            raise UnreachableError("the tracker does not answer")
        self._lost += 1
