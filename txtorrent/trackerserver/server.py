"""The whole tracker: its ports, its store and its state, started and stopped together.

server = TrackerServer(reactor, config, surroundings)
await server.start()
...
await server.stop()
"""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IDelayedCall, IListeningPort
from twisted.logger import Logger

from txtorrent.address import Address
from txtorrent.trackerserver import statefile
from txtorrent.trackerserver.accounts import Accounts
from txtorrent.trackerserver.config import TrackerConfig
from txtorrent.trackerserver.connectionid import SECRET_SIZE, ConnectionIds
from txtorrent.trackerserver.connectlimit import ConnectLimit
from txtorrent.trackerserver.http import TrackerSite
from txtorrent.trackerserver.interfaces import Store
from txtorrent.trackerserver.memorystore import InThread, MemoryStore
from txtorrent.trackerserver.pages import Pages
from txtorrent.trackerserver.passkeys import Passkeys
from txtorrent.trackerserver.policy import policy_of
from txtorrent.trackerserver.redisaddress import RedisAddress
from txtorrent.trackerserver.redisstore import RedisStore
from txtorrent.trackerserver.tracker import Tracker
from txtorrent.trackerserver.udp import MAX_DATAGRAM, TrackerDatagrams
from txtorrent.trackerserver.web import MAX_CONNECTIONS, WebFactory
from txtorrent.trackerserver.words import MEMORY

BACKLOG: Final = 511
"""Connections that wait to be accepted: announces come in crowds."""
ALL: Final = ("::", "0.0.0.0")  # noqa: S104 - a tracker is there for everybody
"""Where both families are listened to, as the kernel usually has it; and where there is no IPv6."""
ACCOUNTS: Final = ".users"
"""What the name of the file ends in that keeps what users have uploaded and downloaded."""
RETRY: Final = 5.0
"""Seconds until a UDP socket that the system closed on us is opened again."""
AT_START: Final = ("port", "http", "udp", "store", "state_file", "max_peers", "max_torrents")
"""Settings that a tracker which runs cannot change."""
_NO_IPV6: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)

_log = Logger()


class CannotStart(Exception):
    """A port or the file of state cannot be had; the text says which, why and what to do."""


@frozen
class Surroundings:
    """What the tracker is given of the world: `reactor`, `wall` (seconds since 1970), `random`,
    `secret` bytes, a way to call something `in_thread`, and how many connections are possible."""

    reactor: Any
    wall: Callable[[], float]
    random: Random
    secret: Callable[[int], bytes]
    in_thread: InThread
    connections: int = MAX_CONNECTIONS


class TrackerServer:
    """A tracker as the settings say."""

    def __init__(self, config: TrackerConfig, around: Surroundings) -> None:
        self._config = config
        self._around = around
        clock = around.reactor
        self._passkeys = Passkeys({})
        policy = policy_of(config, around.random, self._passkeys)
        secret = around.secret(SECRET_SIZE)
        self.tracker = Tracker(clock, around.random, _store(config, around), policy, secret)
        self._accounts = Accounts(clock, around.in_thread, self._passkeys, _accounts_file(config))
        self._claim: int | None = None
        self._ids = ConnectionIds(around.secret(SECRET_SIZE))
        self._limit = ConnectLimit()
        self._began = clock.seconds()
        pages = Pages(self.tracker, lambda: clock.seconds() - self._began)
        site = TrackerSite(self.tracker, pages)
        self._web = WebFactory(clock, site.respond, around.connections)
        self._ports: list[IListeningPort] = []
        self._retries: dict[Address, IDelayedCall] = {}

    @property
    def addresses(self) -> list[str]:
        """Announce URLs, one for each port that is listened on."""
        return [url_of(port.getHost()) for port in self._ports]

    async def listen(self) -> None:
        """Take all ports and the file of state, or nothing. CannotStart."""
        try:
            self._claim_state()
            for endpoint in self._config.http or ():
                await self._listen_http(endpoint)
            for host, port in self._config.udp or ():
                self._listen_udp(host, port)
            if self._config.http is None:
                await self._anywhere(self._listen_http_at)
            if self._config.udp is None:
                await self._anywhere(self._listen_udp_at)
        except BaseException:
            await self._close()
            self._let_go()
            raise

    async def start(self) -> None:
        """Read what the last run left, and look after things from now on."""
        if self._config.passkeys is not None and self._config.store != MEMORY:
            _log.warn("users' totals are counted by each tracker for itself: keep to one tracker")
        self._web.start()
        await self._accounts.start()
        await self.tracker.start()

    async def stop(self) -> None:
        """Answer nobody any more, and keep what is to be kept."""
        await self._close()
        self._web.stop()
        await self._accounts.stop()
        await self.tracker.stop()
        self._let_go()

    def apply(self, config: TrackerConfig) -> list[str]:
        """Have other settings count from now on; gives the names of those for which the tracker has
        to be started again."""
        self.tracker.policy = policy_of(config, self._around.random, self._passkeys)
        return [name for name in AT_START if getattr(config, name) != getattr(self._config, name)]

    def _claim_state(self) -> None:
        path = self._config.state_file
        if not path:
            return
        try:
            self._claim = statefile.claim(path)
        except OSError as error:
            what = (
                "give each tracker one of its own"
                if isinstance(error, statefile.InUse)
                else ("choose one that can be written, or none")
            )
            raise CannotStart(f"state file {path}: {error.strerror}; {what}") from error

    # -- ports -------------------------------------------------------------------------------

    async def _listen_http(self, text: str) -> None:
        try:
            endpoint = serverFromString(self._around.reactor, text)
            self._ports.append(await endpoint.listen(self._web))
        except CannotListenError as error:
            raise CannotStart(f"HTTP at {text}: {_why(error)}") from error
        except Exception as error:  # endpoints of any kind, which read files and load plugins
            raise CannotStart(f"HTTP at {text}: {_what_is_wrong(error)}") from error

    def _listen_udp(self, host: str, port: int) -> None:
        clock = self._around.reactor
        where = Address(host, port)
        protocol = TrackerDatagrams(
            clock, self.tracker, self._ids, self._limit, partial(self._udp_closed, where)
        )
        try:
            listening = clock.listenUDP(port, protocol, interface=host, maxPacketSize=MAX_DATAGRAM)
        except CannotListenError as error:
            raise CannotStart(f"UDP at {where}: {_why(error)}") from error
        self._ports.append(listening)

    def _udp_closed(self, where: Address, protocol: TrackerDatagrams) -> None:
        """By the reactor, after an error, unless we are being stopped: try to go on."""
        left = [port for port in self._ports if getattr(port, "protocol", None) is not protocol]
        if len(left) < len(self._ports):
            self._ports = left
            _log.error("UDP at {where} was closed by the system; trying again", where=where)
            self._retry_later(where)

    def _retry_later(self, where: Address) -> None:
        self._retries[where] = self._around.reactor.callLater(RETRY, self._listen_again, where)

    def _listen_again(self, where: Address) -> None:
        del self._retries[where]
        try:
            self._listen_udp(where.host, where.port)
        except CannotStart as error:
            _log.warn("not yet: {why}", why=str(error))
            self._retry_later(where)

    async def _listen_http_at(self, host: str) -> None:
        host = host.replace(":", "\\:")
        await self._listen_http(f"tcp:{self._config.port}:backlog={BACKLOG}:interface={host}")

    async def _listen_udp_at(self, host: str) -> None:
        self._listen_udp(host, self._config.port)

    async def _anywhere(self, listen: Callable[[str], Awaitable[None]]) -> None:
        """At all addresses of both families, or of the one that there is."""
        try:
            await listen(ALL[0])
        except CannotStart as error:
            cause = getattr(error.__cause__, "socketError", None)
            if getattr(cause, "errno", None) not in _NO_IPV6:
                raise
            await listen(ALL[1])

    async def _close(self) -> None:
        for retry in self._retries.values():
            retry.cancel()
        self._retries.clear()
        ports, self._ports = self._ports, []
        await DeferredList([maybeDeferred(port.stopListening) for port in ports])

    def _let_go(self) -> None:
        """Of the file of state."""
        claim, self._claim = self._claim, None
        if claim is not None:
            os.close(claim)


def url_of(address: IAddress) -> str:
    """The announce URL of a port at this address."""
    host = getattr(address, "host", "")
    if not host:
        return f"unix:{os.fsdecode(getattr(address, 'name', None) or b'')}"
    scheme = "udp" if getattr(address, "type", "") == "UDP" else "http"
    return f"{scheme}://{Address(host, getattr(address, 'port', 0))}/announce"


def _accounts_file(config: TrackerConfig) -> str | None:
    """Beside the file of swarms."""
    return f"{config.state_file}{ACCOUNTS}" if config.state_file else None


def _store(config: TrackerConfig, around: Surroundings) -> Store:
    if config.store != MEMORY:
        return RedisStore(around.reactor, RedisAddress.parse(config.store), around.random)
    return MemoryStore(
        around.reactor,
        around.wall,
        around.random,
        around.in_thread,
        config.state_file or None,
        config.max_peers,
        config.max_torrents,
    )


def _why(error: CannotListenError) -> str:
    """Why a port could not be had, and what to do."""
    cause = error.socketError
    code = getattr(cause, "errno", None)
    if code == errno.EADDRINUSE:
        return "the port is in use by another program; choose another one"
    if code == errno.EACCES:
        return "this user may not take the port; choose one above 1023"
    if code == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    return str(getattr(cause, "strerror", None) or cause)


def _what_is_wrong(error: Exception) -> str:
    """Why an endpoint cannot even be tried."""
    if isinstance(error, OverflowError):
        return f"a number is too large or below 0: {error}"
    if isinstance(error, OSError) and error.strerror:
        name = error.filename2 or error.filename or ""
        return f"{os.fsdecode(name)}: {error.strerror.lower()}"
    if isinstance(error, TypeError):
        return f"not what an endpoint of this kind is written with: {error}"
    return str(error) or f"it cannot be used here ({type(error).__name__})"
