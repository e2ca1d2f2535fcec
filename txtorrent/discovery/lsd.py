"""Local service discovery: says to the local network which torrents we have, and hears who else
has them (BEP 14). What may go out when is in `rota`.

Only torrents that have joined are spoken of and looked for: private ones never join (THREATS D8).
Peers are taken from private and link-local addresses only. Those of fe80::/10 are not: they mean
nothing without an interface, which `Address` does not carry, so nobody could dial them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from txtorrent.address import Address, Reach, reach
from txtorrent.discovery.floodlimit import FloodLimit
from txtorrent.discovery.groupsocket import GroupSocket
from txtorrent.discovery.interfaces import interface_index
from txtorrent.discovery.rota import Rota
from txtorrent.wire import lsd
from txtorrent.wire.lsd import Announce

RETRY: Final = 60.0
"""Seconds until a socket that could not be opened, or failed, is opened again."""
GATHER: Final = 1.0
"""Seconds, and up to as many by chance, that torrents which join together are waited for; chance
keeps the machines of a network from speaking all at once when the power is back."""
HOPS: Final = 4
"""How many networks an announce may cross: BEP 14 wants more than one, and nobody is near at five.
Both groups end at the border of an organisation in any case."""
_COOKIE_BITS: Final = 64

_log = Logger()


@frozen
class LsdStatus:
    """What local discovery is doing: datagrams `sent`, `received` and `dropped` (by reason), the
    torrents that are announced, the groups that are listened to, and what is wrong, by group, until
    something has been sent there."""

    sent: int
    received: int
    dropped: Mapping[str, int]
    torrents: int
    listening: tuple[str, ...]
    errors: Mapping[str, str]


class LocalDiscovery:
    """Announces our torrents to the local network and reports peers there.

    `reactor` provides IReactorTime and IReactorMulticast. `port` gives the TCP port at which peers
    reach us, 0 while there is none. `found(info_hash, address)` is called for every peer that is
    heard of, again at each of its announces. `interface` is the IP address of ours to use, None for
    what the kernel chooses, by both families. `index_of` as for `GroupSocket`.
    """

    def __init__(
        self,
        reactor: Any,
        random: Random,
        port: Callable[[], int],
        found: Callable[[bytes, Address], None],
        interface: str | None = None,
        index_of: Callable[[str], int] = interface_index,
    ) -> None:
        self._reactor = reactor
        self._random = random
        self._port = port
        self._interface = interface
        self._found = found
        self._cookie = b"%016x" % random.getrandbits(_COOKIE_BITS)
        self._rota = Rota()
        self._flood = FloodLimit()
        self._sent = 0
        self._received = 0
        self._dropped: Counter[str] = Counter()
        self._near = {Reach.PRIVATE, Reach.LINK_LOCAL}
        if interface is not None and reach(interface) is Reach.LOOPBACK:
            self._near.add(Reach.LOOPBACK)
        groups = [lsd.GROUP4, lsd.GROUP6]
        self._sockets = [
            GroupSocket(
                reactor,
                Address(group, lsd.PORT),
                interface,
                self._heard,
                lsd.MAX_DATAGRAM + 1,
                index_of,
                self._lost,
            )
            for group in groups
            if interface is None or (":" in group) == (":" in interface)
        ]
        self._said: dict[str, str] = {}
        self._announcing: IDelayedCall | None = None
        self._reopening: IDelayedCall | None = None

    # -- what the session calls ----------------------------------------------------------------

    def start(self) -> None:
        """Listen, and announce what has joined. What cannot be opened is tried again later."""
        self._open()
        self._schedule()

    def stop(self) -> Deferred[None]:
        """Say and hear nothing more; fires when the sockets are closed."""
        for timer in (self._announcing, self._reopening):
            if timer is not None and timer.active():
                timer.cancel()
        self._announcing = self._reopening = None
        closed = gatherResults([each.close() for each in self._sockets])
        return closed.addCallback(lambda _: None)

    def join(self, info_hash: bytes) -> None:
        """Announce a torrent (20-byte info-hash) and report who else announces it."""
        wait = GATHER * (1 + self._random.random())
        self._rota.join(info_hash, self._reactor.seconds(), wait)
        self._schedule()

    def leave(self, info_hash: bytes) -> None:
        """Say and hear nothing more of a torrent."""
        self._rota.leave(info_hash, self._reactor.seconds())
        self._schedule()

    @property
    def status(self) -> LsdStatus:
        return LsdStatus(
            self._sent,
            self._received,
            dict(self._dropped),
            len(self._rota),
            tuple(each.group.host for each in self._sockets if each.is_open),
            dict(self._said),
        )

    # -- the sockets -----------------------------------------------------------------------------

    def _open(self) -> None:
        """Open what is not open, and look again later if something is not."""
        for each in self._sockets:
            if not each.open(HOPS):
                self._fails(each)

    def _works(self, group: GroupSocket) -> None:
        if self._said.pop(group.group.host, None) is not None:
            _log.info("local discovery works at {host} again", host=group.group.host)

    def _lost(self) -> None:
        """A socket was closed under us."""
        for each in self._sockets:
            if not each.is_open:
                self._fails(each)

    def _fails(self, group: GroupSocket) -> None:
        host, error = group.group.host, group.error
        if self._said.get(host) != error:
            self._said[host] = error
            # A machine without IPv6 is nothing to be warned of.
            log = _log.info if self._interface is None and ":" in host else _log.warn
            log(
                "local discovery does not work at {host} port {port}: {why}; tried again every"
                " {seconds:.0f} s",
                host=host,
                port=group.group.port,
                why=error,
                seconds=RETRY,
            )
        if self._reopening is None:
            self._reopening = self._reactor.callLater(RETRY, self._reopen)

    def _reopen(self) -> None:
        self._reopening = None
        self._open()
        self._schedule()

    # -- out ---------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        """Have the next datagram sent when it is time."""
        at = self._rota.next_at() if any(each.is_open for each in self._sockets) else None
        if self._announcing is not None:
            if at is not None and self._announcing.getTime() == at:
                return
            self._announcing.cancel()
            self._announcing = None
        if at is not None:
            wait = max(at - self._reactor.seconds(), 0.0)
            self._announcing = self._reactor.callLater(wait, self._announce)

    def _announce(self) -> None:
        self._announcing = None
        port = self._port()
        if not port:
            self._announcing = self._reactor.callLater(RETRY, self._announce)
            return
        hashes = self._rota.take(self._reactor.seconds())
        if hashes:
            announce = Announce(port, hashes, self._cookie)
            for each in self._sockets:
                self._send(each, announce)
        self._schedule()

    def _send(self, group: GroupSocket, announce: Announce) -> None:
        if not group.is_open:
            return
        if group.send(lsd.encode(group.group.host, announce)):
            self._sent += 1
            self._works(group)
        else:
            self._fails(group)

    # -- in ----------------------------------------------------------------------------------------

    def _heard(self, datagram: bytes, sender: Address) -> None:
        self._received += 1
        objection = self._objection(sender)
        if objection is None:
            try:
                announce = lsd.decode(datagram)
            except ValueError:
                objection = "malformed"
            else:
                objection = self._take(announce, sender.host)
        if objection is not None:
            self._dropped[objection] += 1

    def _objection(self, sender: Address) -> str | None:
        """Why nothing that this one sends is read."""
        if reach(sender.host) not in self._near or not sender.port:
            return "not from here"
        if sender.host.startswith("fe80:"):
            return "no scope"
        if not self._flood.allows(sender.host, self._reactor.seconds()):
            return "too many"
        return None

    def _take(self, announce: Announce, host: str) -> str | None:
        """Report the peer; why there is nothing to report."""
        if announce.cookie == self._cookie:
            return "our own"
        wanted = [each for each in announce.info_hashes if each in self._rota]
        if not wanted:
            return "not wanted"
        for info_hash in wanted:
            try:
                self._found(info_hash, Address(host, announce.port))
            except Exception:
                _log.failure("a peer found by local discovery was not taken")
        return None
