"""A router that is asked by UPnP, through the library miniupnpc. IPv4 only.

The library's calls block, so they run on threads that are handed in, one at a time. It is never let
loose on the network: the router's description is searched for in `ssdp`, and what the library is
to talk to has to be at the router's own address.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import Any, Final, TypeVar
from typing import Protocol as Interface

from twisted.internet import defer

from txtorrent.address import canonical_host
from txtorrent.discovery.link import Link
from txtorrent.discovery.mapping import (
    LIFETIME,
    Mapping,
    MappingError,
    NoAnswerError,
    Protocol,
    whole_port,
)
from txtorrent.discovery.ssdp import Search, require_at

CALL_LIMIT: Final = 20.0
"""Seconds that a call of the library is waited for; it has limits of its own, of a few seconds for
each connection and each read."""
BUSY_LIMIT: Final = 5.0
"""Seconds that a thread waits for the call before it to end: no more than two are ever taken."""
PORTS_TRIED: Final = 4
"""External ports that are asked for while others have them."""
LOWEST_PORT: Final = 10_000
HIGHEST_PORT: Final = 65_535
DESCRIPTION: Final = "txtorrent"
"""What the router's own pages call the mapping."""
MISSING: Final = "the Python package miniupnpc is not installed"

_CONFLICTS: Final = ("ConflictInMappingEntry", "ConflictWithOtherMechanisms")
_FOR_GOOD_ONLY: Final = "OnlyPermanentLeasesSupported"
_WILDCARD: Final = ""
_T = TypeVar("_T")

RunBlocking = Callable[..., "defer.Deferred[Any]"]
"""`run(callable, *args)` calls it on a thread; the Deferred fires with what it gives or raises."""


class Device(Interface):
    """What is used of miniupnpc's UPnP object. All of it blocks, and raises Exception."""

    def selectigd(self, url: str) -> str:
        """Read a router's description; gives the URL by which it is controlled."""

    def externalipaddress(self) -> str:
        """The router's external address."""

    def addportmapping(
        self,
        external_port: int,
        protocol: str,
        host: str,
        internal_port: int,
        description: str,
        remote_host: str,
        lease: int,
        /,
    ) -> bool:
        """Make or renew a mapping; a lease of 0 s is for good."""

    def deleteportmapping(self, external_port: int, protocol: str, /) -> bool:
        """Take a mapping away."""


def _library() -> Callable[[], Device] | None:
    """What makes the library's objects; None when it is not installed."""
    try:
        from miniupnpc import UPnP
    except ImportError:
        return None
    made: Callable[[], Device] = UPnP
    return made


LIBRARY: Final = _library()
"""What makes the library's objects; None: it is not installed."""


class UpnpRouter:
    """`reactor` provides IReactorUDP and IReactorTime, `run` threads, and `device` the library."""

    method = "upnp"

    def __init__(
        self,
        reactor: Any,
        random: Random,
        link: Link,
        run: RunBlocking,
        device: Callable[[], Device] | None,
    ) -> None:
        self._reactor = reactor
        self._random = random
        self._link = link
        self._run = run
        self._new_device = device
        self._control: _Control | None = None

    async def map(
        self, protocol: Protocol, internal_port: int, external_port: int, tries: int
    ) -> Mapping:
        """As `mapping.Router` says; the library decides how often it asks."""
        control = await self._controlled()
        ports = [external_port or internal_port]
        ports += [self._random.randint(LOWEST_PORT, HIGHEST_PORT) for _ in range(PORTS_TRIED - 1)]
        return await self._call(control.map, protocol, internal_port, ports)

    async def unmap(self, protocol: Protocol, internal_port: int, external_port: int) -> None:
        """As `mapping.Router` says."""
        if self._control is not None:
            await self._call(self._control.unmap, protocol, external_port or internal_port)

    def heard(self, datagram: bytes) -> None:
        """As `mapping.Router` says: what is said by other protocols is nothing to this one."""

    async def _controlled(self) -> _Control:
        if self._control is None:
            if self._new_device is None:
                raise MappingError(MISSING)
            url = await Search(self._reactor, self._link.router, self._link.local).run()
            control = _Control(self._new_device, url, self._link.router, self._link.local)
            await self._call(control.open)
            self._control = control
        return self._control

    async def _call(self, call: Callable[..., _T], *args: Any) -> _T:
        """Have a thread make the call. MappingError, also when it takes too long."""
        running: defer.Deferred[_T] = self._run(call, *args)
        try:
            return await running.addTimeout(CALL_LIMIT, self._reactor)
        except defer.TimeoutError:
            raise NoAnswerError("the router takes too long to answer") from None


class _Control:
    """The router as the library knows it. Everything here runs on threads."""

    def __init__(self, new_device: Callable[[], Device], url: str, router: str, local: str) -> None:
        self._new_device = new_device
        self._url = url
        self._router = router
        self._local = local
        self._turn = threading.Lock()
        self._device: Device | None = None

    def open(self) -> None:
        """Read the router's description."""
        with _Turn(self._turn):
            device = self._new_device()
            control = _asked(device.selectigd, self._url)
            require_at(control, self._router)
            self._device = device

    def map(self, protocol: Protocol, internal_port: int, external_ports: list[int]) -> Mapping:
        """Map to the first external port that nobody else has."""
        with _Turn(self._turn):
            assert self._device is not None
            for port in external_ports[:-1]:
                try:
                    lifetime = self._add(protocol, internal_port, port)
                    break
                except MappingError as error:
                    if str(error.__cause__) not in _CONFLICTS:
                        raise
            else:
                port = external_ports[-1]
                lifetime = self._add(protocol, internal_port, port)
            return Mapping(protocol, internal_port, self._host(), whole_port(port), lifetime)

    def unmap(self, protocol: Protocol, external_port: int) -> None:
        """Take a mapping away."""
        with _Turn(self._turn):
            assert self._device is not None
            _asked(self._device.deleteportmapping, external_port, protocol.value)

    def _add(self, protocol: Protocol, internal_port: int, external_port: int) -> int:
        """Map one port; for how many seconds, 0 for good."""
        assert self._device is not None
        what = (external_port, protocol.value, self._local, internal_port, DESCRIPTION, _WILDCARD)
        try:
            _asked(self._device.addportmapping, *what, LIFETIME)
        except MappingError as error:
            if str(error.__cause__) != _FOR_GOOD_ONLY:
                raise
            _asked(self._device.addportmapping, *what, 0)
            return 0
        return LIFETIME

    def _host(self) -> str | None:
        """The router's external address; a mapping is worth having without it."""
        assert self._device is not None
        try:
            host = canonical_host(_asked(self._device.externalipaddress))
        except (MappingError, ValueError):
            return None
        return None if host == "0.0.0.0" else host  # noqa: S104 - it has no connection


class _Turn:
    """The library's objects are not for two threads at once. NoAnswerError: it was not our turn."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=BUSY_LIMIT):
            raise NoAnswerError("the router has not answered the question before")

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _asked(call: Callable[..., _T], *args: Any) -> _T:
    """Make a call of the library, which knows no exceptions but Exception."""
    try:
        return call(*args)
    except Exception as error:
        raise MappingError(f"the router refuses: {str(error)[:200]}") from error
