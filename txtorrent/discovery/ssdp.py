"""The search for the router's UPnP description: asked of everybody, believed of the router only."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol

from txtorrent.address import canonical_host
from txtorrent.discovery.mapping import MappingError, NoAnswerError
from txtorrent.waiting import Wakeup
from txtorrent.wire import ssdp

TRIES: Final = 3
"""How often is searched: datagrams get lost (UPnP device architecture, section 1.3.2)."""
WAIT: Final = 1.0
"""Seconds that an answer is waited for, each time; routers are told to answer within it."""


class Search(DatagramProtocol):
    """One search for the description of the router at `router`, from our address `local`.

    `reactor` provides IReactorUDP and IReactorTime.
    """

    noisy = False
    transport: Any

    def __init__(self, reactor: Any, router: str, local: str) -> None:
        self._reactor = reactor
        self._router = router
        self._local = local
        self._found: list[str] = []
        self._wakeup = Wakeup()

    async def run(self) -> str:
        """The URL of the description, which is at the router. MappingError: none."""
        try:
            self._reactor.listenUDP(
                0, self, interface=self._local, maxPacketSize=ssdp.MAX_DATAGRAM + 1
            )
        except CannotListenError as error:
            raise NoAnswerError(f"no UDP socket can be opened: {error.socketError}") from None
        try:
            for _ in range(TRIES):
                self._ask()
                await self._wakeup.wait(self._reactor, WAIT)
                if self._found:
                    return self._found[0]
        finally:
            await maybeDeferred(self.transport.stopListening)
        raise NoAnswerError(f"the router at {self._router} does not speak UPnP")

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if canonical_host(addr[0]) != self._router or self._found:
            return
        try:
            url = ssdp.location(datagram)
            require_at(url, self._router)
        except (ValueError, MappingError):
            return
        self._found.append(url)
        self._wakeup.wake()

    def _ask(self) -> None:
        for target in ssdp.TARGETS:
            try:
                self.transport.write(ssdp.search(target, int(WAIT)), (ssdp.GROUP, ssdp.PORT))
            except OSError as error:
                raise NoAnswerError(f"nothing can be sent to its network: {error}") from None


def require_at(url: str, router: str) -> None:
    """MappingError unless a URL is one of HTTP at the router's own IP address: nobody is to lead us
    to other machines of the network (THREATS D1)."""
    try:
        parts = urlsplit(url)
        is_there = parts.scheme == "http" and canonical_host(parts.hostname or "") == router
        is_there = is_there and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        is_there = False
    if not is_there:
        raise MappingError(f"it leads to {url[:100]!r}, which is not the router at {router}")
