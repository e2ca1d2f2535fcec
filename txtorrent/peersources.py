"""How a session finds peers without trackers, and how others find it: the DHT, the local network,
the router's port mapping, and what is known of our external address.

Each can be turned on and off while the session runs. A torrent joins all of them at once
(`tracker.finders.Finder`) when its announcer begins, so that none knows of a private one.
"""

import errno
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Any, Final

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.address import Address
from txtorrent.dht.announces import Membership as DhtMembership
from txtorrent.dht.dht import Dht, DhtOptions
from txtorrent.discovery.gateway import Gateway, default_gateway4, default_gateway6
from txtorrent.discovery.lsd import LocalDiscovery
from txtorrent.discovery.portmap import PortMapping
from txtorrent.peer.udpport import UdpPort, is_dht
from txtorrent.storage.disk import Lane
from txtorrent.storage.notes import Notes
from txtorrent.swarm import external
from txtorrent.swarm.external import ExternalAddress
from txtorrent.swarm.peerbook import Source
from txtorrent.torrent.shared import Outside

SAVE_EVERY: Final = 900.0
"""Seconds between saves of the DHT's state: what a kill costs is looking for some nodes again."""
SOONEST: Final = 120.0
"""Seconds between lookups of one torrent, however much it wants peers."""
RETRY: Final = 30.0
"""Seconds until a UDP port that another program has is tried again."""
DHT_STATE: Final = "dht"
"""Under which note the DHT's state is kept."""

_log = Logger()

Found = Callable[[Source, Sequence[Address]], None]


@frozen
class SourceOptions:
    """What is on from the start, and how the DHT is run."""

    dht: bool = False
    local: bool = False
    """The local network (BEP 14)."""
    port_mapping: bool = False
    nodes: DhtOptions = field(factory=DhtOptions)


@define(eq=False)
class Member:
    """A torrent that has joined (`tracker.finders.Membership`)."""

    info_hash: bytes
    found: Found
    seeding: Callable[[], bool]
    _sources: "PeerSources"
    dht: DhtMembership | None = field(init=False, default=None)
    asked_at: float = field(init=False, default=0.0)
    later: IDelayedCall | None = field(init=False, default=None)

    def soon(self) -> None:
        """Look for peers; if that was done just now, as soon as it may be done again."""
        if self.dht is None or self.later is not None:
            return
        wait = self.asked_at + SOONEST - self._sources.now()
        if wait > 0:
            self.later = self._sources.call_later(wait, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        self.later = None
        if self.dht is not None:
            self.asked_at = self._sources.now()
            self.dht.soon()

    def enter(self, dht: Dht, found: Callable[[Sequence[Address]], None]) -> None:
        """Be announced to the DHT, which gives the peers to `found`."""
        self.asked_at = self._sources.now()
        self.dht = dht.join(self.info_hash, found, self.seeding)

    def quit(self) -> None:
        """Be announced no more."""
        later, self.later = self.later, None
        if later is not None:
            later.cancel()
        dht, self.dht = self.dht, None
        if dht is not None:
            dht.leave()

    def leave(self) -> None:
        """Nothing more is said of the torrent."""
        self._sources.leave(self)


class PeerSources(Outside):
    """The sources of one session.

    `reactor` provides UDP, multicast, names, time and threads; `notes` keep the DHT's state; `port`
    gives our TCP port, which is our UDP port, too. `moved` is called with our external address
    whenever we believe in another. `make_threads` makes what calls to the router may block.
    """

    def __init__(
        self,
        reactor: Any,
        random: Random,
        options: SourceOptions,
        notes: Notes,
        port: Callable[[], int],
        interface: str | None,
        moved: Callable[[str], None],
        make_threads: Callable[[], Lane],
    ) -> None:
        self.external = ExternalAddress()
        self.dht: Dht | None = None
        self.local: LocalDiscovery | None = None
        self.mappings: dict[str, PortMapping] = {}
        """At the router of each family, by "ipv4" and "ipv6", while that is on."""
        self.udp: UdpPort | None = None
        self.trouble = ""
        """Why there is no DHT although there should be, in words for users."""
        self._reactor = reactor
        self._random = random
        self._options = options
        self._notes = notes
        self._port = port
        self._interface = interface
        self._moved = moved
        self._make_threads = make_threads
        self._members: dict[bytes, Member] = {}
        self._state: bytes | None = None
        self._saving: IDelayedCall | None = None
        self._retry: IDelayedCall | None = None
        self._closing: set[Deferred[None]] = set()

    def now(self) -> float:
        """The reactor's clock."""
        return float(self._reactor.seconds())

    def call_later(self, seconds: float, call: Callable[[], None]) -> IDelayedCall:
        """The reactor's timer."""
        timer: IDelayedCall = self._reactor.callLater(seconds, call)
        return timer

    # -- its life ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin what is on from the start."""
        self._state = await self._notes.get(DHT_STATE)
        options = self._options
        self.turn_dht(options.dht)
        self.turn_local(options.local)
        self.turn_mapping(options.port_mapping)

    async def stop(self) -> None:
        """End everything; the DHT's state is saved."""
        self.turn_local(False)
        self.turn_mapping(False)
        self.turn_dht(False)
        await self._save()
        for closing in tuple(self._closing):
            await closing

    def port_changed(self) -> None:
        """Our TCP port is another: the UDP port follows."""
        if self.udp is not None:
            try:
                self.udp.rebind(self._port())
            except CannotListenError as error:
                _log.warn("UDP stays at port {old}: {why}", old=self.udp.port, why=_why(error))
        for mapping in self.mappings.values():
            mapping.change(*self._ports())

    # -- turning on and off --------------------------------------------------------------------

    def turn_dht(self, on: bool) -> None:
        """Have a node of the DHT, or none."""
        self._stop_retry()
        if on and self.dht is None:
            self._start_dht()
        elif not on:
            self.trouble = ""
            self._stop_dht()

    def turn_local(self, on: bool) -> None:
        """Speak to the local network, or not."""
        if on and self.local is None:
            self.local = LocalDiscovery(
                self._reactor, self._random, self._port, self._heard, self._interface
            )
            self.local.start()
            for info_hash in self._members:
                self.local.join(info_hash)
        elif not on and self.local is not None:
            local, self.local = self.local, None
            self._close(local.stop())

    def turn_mapping(self, on: bool) -> None:
        """Have the router let peers in, or not."""
        if on and not self.mappings:
            self._threads = self._make_threads()
            self._threads.start()
            self.mappings = dict(self._make_mappings())
            for mapping in self.mappings.values():
                mapping.start(*self._ports())
        elif not on and self.mappings:
            mappings, threads, self.mappings = self.mappings, self._threads, {}
            ended = gatherResults([each.stop() for each in mappings.values()])
            self._close(ended.addBoth(lambda _: threads.stop()))

    def _make_mappings(self) -> Iterator[tuple[str, PortMapping]]:
        """One for each family that is used; of IPv6 only where there is a router for it."""
        is_ipv6 = None if self._interface is None else ":" in self._interface
        if not is_ipv6:
            yield "ipv4", self._make_mapping(partial(default_gateway4, self._interface))
        gateway6 = partial(default_gateway6, self._interface)
        if is_ipv6 or (is_ipv6 is None and gateway6() is not None):
            yield "ipv6", self._make_mapping(gateway6)

    def _make_mapping(self, gateway: Callable[[], Gateway | None]) -> PortMapping:
        return PortMapping(
            self._reactor,
            self._random,
            self._threads.run,
            gateway,
            lambda host: self._vote(host, "router", external.Source.ROUTER),
            self._interface,
        )

    # -- tracker.finders.Finder ----------------------------------------------------------------

    def join(self, info_hash: bytes, found: Found, seeding: Callable[[], bool]) -> Member:
        """Have a torrent found, and tell of peers."""
        member = self._members[info_hash] = Member(info_hash, found, seeding, self)
        if self.dht is not None:
            member.enter(self.dht, partial(found, Source.DHT))
        if self.local is not None:
            self.local.join(info_hash)
        return member

    def leave(self, member: Member) -> None:
        """Nothing more is said of it."""
        if self._members.get(member.info_hash) is not member:
            return
        del self._members[member.info_hash]
        member.quit()
        if self.local is not None:
            self.local.leave(member.info_hash)

    # -- torrent.shared.Outside ----------------------------------------------------------------

    @property
    def host(self) -> str | None:
        """Our external address, as far as it is known; that of IPv4, which more peers have."""
        return self.external.ipv4 or self.external.ipv6

    @property
    def hosts(self) -> tuple[str, ...]:
        """Our external addresses of both families, as far as they are known."""
        known = (self.external.ipv4, self.external.ipv6)
        return tuple(host for host in known if host is not None)

    @property
    def dht_port(self) -> int | None:
        """The UDP port of our DHT node, while there is one."""
        return self.udp.port if self.dht is not None and self.udp is not None else None

    def dht_node(self, address: Address) -> None:
        """Somebody else's node."""
        if self.dht is not None:
            self.dht.add_node(address)

    def dht_routers(self, routers: Sequence[tuple[str, int]]) -> None:
        """Nodes that a public torrent names."""
        if self.dht is not None:
            for host, port in routers:
                self.dht.add_router(host, port)

    def seen_as(self, host: str, voter: str) -> None:
        """A peer sees us so."""
        self._vote(host, voter, external.Source.PEER)

    def tracker_saw(self, host: str, tracker: str) -> None:
        """A tracker sees us so (BEP 24)."""
        self._vote(host, tracker, external.Source.TRACKER)

    # -- the DHT -----------------------------------------------------------------------------

    def _start_dht(self) -> None:
        udp = UdpPort(self._reactor, self._port(), self._interface)
        try:
            udp.listen()
        except CannotListenError as error:
            self._tell(f"no DHT: UDP port {self._port()} {_why(error)}")
            self._retry = self._reactor.callLater(RETRY, self._start_dht)
            return
        self._retry, self.trouble, self.udp = None, "", udp
        self.dht = dht = Dht(
            self._reactor,
            self._random,
            udp.send,
            self._port,
            self._options.nodes,
            lambda host, voter: self._vote(host, voter, external.Source.DHT),
            udp_port=lambda: udp.port,
        )
        udp.add_receiver(is_dht, dht.received)
        dht.start(self._state)
        for host in self.hosts:
            dht.know_ourselves(host)
        for member in self._members.values():
            member.enter(dht, partial(member.found, Source.DHT))
        self._saving = self._reactor.callLater(SAVE_EVERY, self._save_now_and_then)

    def _stop_dht(self) -> None:
        if self.dht is not None:
            self._state = self.dht.stop()
        if self.udp is not None:
            self._close(self.udp.stop())
        if self._saving is not None:
            self._saving.cancel()
        for member in self._members.values():
            member.quit()
        self.dht = self.udp = self._saving = None

    def _save_now_and_then(self) -> None:
        assert self.dht is not None
        self._saving = self._reactor.callLater(SAVE_EVERY, self._save_now_and_then)
        self._state = self.dht.state()
        Deferred.fromCoroutine(self._save())

    async def _save(self) -> None:
        if self._state is not None:
            try:
                await self._notes.put({DHT_STATE: self._state})
            except OSError as error:
                _log.error("the DHT's nodes could not be saved: {why}", why=str(error))

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            _log.warn("{trouble}; trying again now and then", trouble=trouble)
        self.trouble = trouble

    def _stop_retry(self) -> None:
        retry, self._retry = self._retry, None
        if retry is not None:
            retry.cancel()

    # -- inside ------------------------------------------------------------------------------

    def _ports(self) -> tuple[int, int]:
        return self._port(), self._port()

    def _heard(self, info_hash: bytes, address: Address) -> None:
        member = self._members.get(info_hash)
        if member is not None:
            member.found(Source.LOCAL, [address])

    def _vote(self, host: str, voter: str, source: external.Source) -> None:
        if not self.external.vote(host, voter, source, self.now()):
            return
        believed = self.external.ipv6 if ":" in host else self.external.ipv4
        assert believed is not None, "something is believed when that has changed"
        _log.info("our external address is {host}", host=believed)
        if self.dht is not None:
            self.dht.know_ourselves(believed)
        self._moved(believed)

    def _close(self, closing: "Deferred[None]") -> None:
        self._closing.add(closing)
        closing.addErrback(_not_closed)
        closing.addBoth(lambda _: self._closing.discard(closing))


def _not_closed(failure: Failure) -> None:
    if not failure.check(CancelledError):  # the session could wait no longer
        _log.failure("an error of ours while a source of peers ended", failure)


def _why(error: CannotListenError) -> str:
    if getattr(error.socketError, "errno", None) == errno.EADDRINUSE:
        return "is in use by another program"
    return str(getattr(error.socketError, "strerror", None) or error.socketError)
