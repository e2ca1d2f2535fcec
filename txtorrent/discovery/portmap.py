"""Has the router let peers in: maps our TCP and UDP port, and keeps them mapped.

The router is asked by PCP, then by NAT-PMP, then by UPnP; the first that works is stayed with until
it fails. How each of them is spoken is in `pcp`, `natpmp` and `upnp`, over the one `link`; when
which port is due is in `portline`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.logger import Logger

from txtorrent.address import Address, Reach, reach
from txtorrent.discovery import mapping, upnp
from txtorrent.discovery.gateway import Gateway
from txtorrent.discovery.groupsocket import GroupSocket
from txtorrent.discovery.interfaces import interface_index
from txtorrent.discovery.link import FEW_TRIES, MOST_TRIES, Link
from txtorrent.discovery.mapping import (
    MappingError,
    NoAnswerError,
    NotNeededError,
    Protocol,
    Router,
)
from txtorrent.discovery.natpmp import NatPmpRouter
from txtorrent.discovery.pcp import PcpRouter
from txtorrent.discovery.portline import PortLine, PortStatus
from txtorrent.discovery.upnp import Device, RunBlocking, UpnpRouter
from txtorrent.waiting import Wakeup
from txtorrent.wire import natpmp, pcp

RESET_SPREAD: Final = 5.0
"""Seconds within which mappings are made anew after a router forgot them, by chance, because all of
its network does the same (RFC 6887, section 8.5)."""
FAREWELL: Final = 1.0
"""Seconds for taking mappings away at the end; those that are left go when their time is up."""
ALL_HOSTS: Final = Address("224.0.0.1", natpmp.CLIENT_PORT)
"""Where routers say that they have started (RFC 6886, section 3.2.1; RFC 6887, section 14.1.1)."""

_log = Logger()


class PortMapping:
    """Keeps our ports mapped at one router, of the family that `gateway` gives.

    `reactor` provides IReactorUDP, IReactorMulticast and IReactorTime; `random` must not be
    guessable (random.SystemRandom); `run_blocking` as `upnp.RunBlocking` says. `gateway` gives the
    router, None when there is none: `gateway.default_gateway4` or `default_gateway6`. `seen_as` is
    called with our external address each time the router says it. `interface` is the IP address of
    ours to use. `device` makes miniupnpc's objects; None: it is not installed.
    """

    def __init__(
        self,
        reactor: Any,
        random: Random,
        run_blocking: RunBlocking,
        gateway: Callable[[], Gateway | None],
        seen_as: Callable[[str], None],
        interface: str | None = None,
        *,
        device: Callable[[], Device] | None = upnp.LIBRARY,
    ) -> None:
        self._reactor = reactor
        self._random = random
        self._run_blocking = run_blocking
        self._gateway = gateway
        self._seen_as = seen_as
        self._interface = interface
        self._device = device
        self._lines = {each: PortLine(each) for each in Protocol}
        self._link: Link | None = None
        self._router: Router | None = None
        self._announced: GroupSocket | None = None
        self._work: Deferred[None] | None = None
        self._wakeup = Wakeup()
        self._closing: set[Deferred[Any]] = set()
        self._said: dict[Protocol, str] = {}

    # -- what the session calls ----------------------------------------------------------------

    def start(self, tcp: int, udp: int) -> None:
        """Map these ports of ours, 0 for none of that protocol."""
        self.change(tcp, udp)
        self._work = Deferred.fromCoroutine(self._keep_mapped())

    def change(self, tcp: int, udp: int) -> None:
        """Map these ports instead of the last ones."""
        for protocol, port in ((Protocol.TCP, tcp), (Protocol.UDP, udp)):
            self._lines[protocol].want(port, self._reactor.seconds())
        self._wakeup.wake()

    def stop(self) -> Deferred[None]:
        """Take the mappings away; fires when that is done, or after `FAREWELL` seconds, and the
        sockets are closed."""
        work, self._work = self._work, None
        if work is not None:
            work.cancel()
        return Deferred.fromCoroutine(self._part(work))

    @property
    def status(self) -> Mapping[Protocol, PortStatus]:
        """How it stands with each of the two ports."""
        method = self._router.method if self._router is not None else ""
        return {each: line.status(method) for each, line in self._lines.items()}

    # -- the work ------------------------------------------------------------------------------

    async def _keep_mapped(self) -> None:
        while True:
            try:
                await self._round()
            except CancelledError:
                return
            except Exception:
                _log.failure("port mapping stumbled")
                self._fail_all(MappingError("a fault of ours, which is in the log"))
            try:
                await self._rest()
            except CancelledError:
                return

    async def _round(self) -> None:
        """See to the ports that are due."""
        for line in self._lines.values():
            if line.has_work and line.due <= self._reactor.seconds():
                await self._see_to(line)
        if self._router is not None and not any(each.mapped for each in self._lines.values()):
            self._lose_router()

    async def _see_to(self, line: PortLine) -> None:
        if self._link is not None and self._link.gateway != self._found_gateway():
            self._forget_router()
        if line.is_stale:
            await self._unmap(line)
        if not line.wanted:
            return
        try:
            if self._router is None:
                await self._search(line)
            else:
                await self._map(self._router, line, MOST_TRIES)
        except MappingError as error:
            if self._router is None:
                self._fail_all(error)
            elif isinstance(error, NoAnswerError):
                self._forget_router()
            else:
                self._fail(line, error)

    async def _rest(self) -> None:
        """Wait until a port is due, or something has changed."""
        dues = [line.due for line in self._lines.values() if line.has_work]
        wait = max(min(dues) - self._reactor.seconds(), 0.0) if dues else None
        await self._wakeup.wait(self._reactor, wait)

    # -- asking the router -----------------------------------------------------------------------

    async def _map(self, router: Router, line: PortLine, tries: int) -> None:
        wish = line.external_port or line.wanted
        line.asked = line.wanted
        made = await router.map(line.protocol, line.wanted, wish, tries)
        line.made(made, self._reactor.seconds())
        self._tell(line, made, router.method)

    async def _unmap(self, line: PortLine) -> None:
        """Take a mapping away that is not wanted any more, if the router lets us."""
        if self._router is not None:
            try:
                await self._router.unmap(line.protocol, line.asked, line.external_port)
            except MappingError as error:
                _log.debug("{protocol}: {error}", protocol=line.protocol.value, error=error)
        line.search(self._reactor.seconds())

    def _tell(self, line: PortLine, made: mapping.Mapping, method: str) -> None:
        where = "an unknown address" if made.external_host is None else made.external_host
        self._say(
            line.protocol,
            f"port {made.internal_port} is mapped to port {made.external_port} of {where},"
            f" by {method}" + (f"; {line.error}" if line.error else ""),
        )
        if made.external_host is not None:
            try:
                self._seen_as(made.external_host)
            except Exception:
                _log.failure("our external address was not taken")

    # -- finding the router --------------------------------------------------------------------

    def _found_gateway(self) -> Gateway | None:
        found = self._gateway()
        if found is not None and self._interface is not None and not found.local:
            return found._replace(local=self._interface)
        return found

    async def _search(self, line: PortLine) -> None:
        """Find out how the router can be asked, by having it map this one. MappingError."""
        link = self._open_link()
        complaints = []
        for router in self._ways(link):
            self._router = router
            try:
                await self._map(router, line, FEW_TRIES)
            except MappingError as error:
                complaints.append(error)
            else:
                self._listen_to_all(link)
                return
        self._lose_router()
        texts = dict.fromkeys(str(error) for error in complaints)
        raise MappingError("; ".join(texts), max(error.retry_after for error in complaints))

    def _open_link(self) -> Link:
        gateway = self._found_gateway()
        if gateway is None:
            raise MappingError("this machine has no default gateway")
        self._link = link = Link(self._reactor, gateway, self._heard)
        try:
            link.open()
            if ":" not in link.local and reach(link.local) is Reach.GLOBAL:
                raise NotNeededError(f"{link.local} is an address on the Internet already")
        except MappingError:
            self._lose_router()
            raise
        return link

    def _ways(self, link: Link) -> Iterator[Router]:
        yield PcpRouter(self._reactor, self._random, link, self._forgotten)
        if ":" not in link.router:
            yield NatPmpRouter(self._reactor, link, self._forgotten)
            yield UpnpRouter(self._reactor, self._random, link, self._run_blocking, self._device)

    def _listen_to_all(self, link: Link) -> None:
        """Hear what the router says to its network; that it has started is seen without, later."""
        if ":" not in link.router:
            self._announced = GroupSocket(
                self._reactor,
                ALL_HOSTS,
                link.local,
                self._heard_by_all,
                pcp.MAX_DATAGRAM + 1,
                interface_index,
            )
            if not self._announced.open():
                _log.debug("no word of the router: {why}", why=self._announced.error)

    # -- what the router says by itself ----------------------------------------------------------

    def _heard(self, datagram: bytes) -> None:
        if self._router is not None:
            self._router.heard(datagram)

    def _heard_by_all(self, datagram: bytes, sender: Address) -> None:
        if self._link is not None and sender == (self._link.router, natpmp.SERVER_PORT):
            self._heard(datagram)

    def _forgotten(self) -> None:
        """The router has lost its mappings."""
        wait = RESET_SPREAD * self._random.random()
        for line in self._lines.values():
            line.forgotten(wait, self._reactor.seconds())
        self._wakeup.wake()

    # -- what goes wrong -------------------------------------------------------------------------

    def _fail_all(self, error: MappingError) -> None:
        self._lose_router()
        for line in self._lines.values():
            self._fail(line, error)

    def _fail(self, line: PortLine, error: MappingError) -> None:
        line.failed(error, self._reactor.seconds())
        if line.wanted:
            self._say(line.protocol, f"port {line.wanted} is not mapped: {error}")

    def _say(self, protocol: Protocol, words: str) -> None:
        """Log what has become of a port, once."""
        if self._said.get(protocol) != words:
            self._said[protocol] = words
            _log.info("{protocol} {words}", protocol=protocol.value, words=words)

    def _forget_router(self) -> None:
        """The router is gone: search for it, or another, at once."""
        self._lose_router()
        for line in self._lines.values():
            line.search(self._reactor.seconds())

    def _lose_router(self) -> None:
        link, announced = self._link, self._announced
        self._link = self._router = self._announced = None
        for each in (link, announced):
            if each is not None:
                self._close(each)

    def _close(self, each: Link | GroupSocket) -> None:
        closed = each.close()
        self._closing.add(closed)
        closed.addBoth(lambda _: self._closing.discard(closed))

    # -- the end ---------------------------------------------------------------------------------

    async def _part(self, work: Deferred[None] | None) -> None:
        """Take away what is mapped, or may be, and close the sockets."""
        farewells = gatherResults(list(self._farewells()), consumeErrors=True)
        farewells.addTimeout(FAREWELL, self._reactor)
        try:
            await farewells
        except Exception as error:  # the router forgets by itself, when the time is up
            _log.debug("the router may keep a mapping: {error}", error=error)
        if work is not None:
            await work
        self._lose_router()
        await gatherResults(list(self._closing))
        for line in self._lines.values():
            line.want(0, self._reactor.seconds())
            line.search(self._reactor.seconds())

    def _farewells(self) -> Iterator[Deferred[None]]:
        if self._router is not None:
            for line in self._lines.values():
                if line.asked:
                    unmapped = self._router.unmap(line.protocol, line.asked, line.external_port)
                    yield Deferred.fromCoroutine(unmapped)
