"""A connection to Redis that comes back when it is lost, and the few of them that a store has."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final, TypeVar, cast

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.logger import Logger

from txtorrent.trackerserver.redisaddress import RedisAddress
from txtorrent.trackerserver.redishealth import RedisHealth
from txtorrent.trackerserver.redisprotocol import RedisConnection
from txtorrent.trackerserver.redisreplies import ErrorReply, Lost

CONNECTIONS: Final = 2
"""More are not faster, Redis does one thing at a time; with one, all wait while it connects."""
CONNECT_TIME: Final = 3.0
"""Seconds to connect: a Redis is near, or it is of no use."""
FIRST_PAUSE: Final = 0.25
"""Seconds until the first try after a connection was lost."""
LONGEST_PAUSE: Final = 5.0
"""Seconds; each pause is twice the one before. Clients are refused all that time."""

_T = TypeVar("_T")
_log = Logger()


@define(eq=False)
class RedisLink:
    """One connection, made again until `stop`. `random` keeps the tries of many apart."""

    _reactor: Any
    _address: RedisAddress
    _random: Random
    _changed: Callable[[str | None], None]
    """Told after each try: None when the connection is ready, else what is wrong."""
    connection: RedisConnection | None = field(default=None, init=False)
    """The one that is ready for requests."""
    _running: Deferred[None] | None = field(default=None, init=False)
    _awaited: Deferred[Any] | None = field(default=None, init=False)
    _stopping: bool = field(default=False, init=False)
    _tried: list[Deferred[None]] = field(factory=list, init=False)

    def start(self) -> Deferred[None]:
        """Begin to connect; fires when the first try was made, whatever came of it, or stopped."""
        tried: Deferred[None] = Deferred()
        self._tried.append(tried)
        self._running = Deferred.fromCoroutine(self._keep())
        return tried

    async def stop(self) -> None:
        """Let what is under way have its replies, for as long as they may take, and close."""
        if self.connection is not None:
            await self.connection.when_idle()
        if self._running is not None:
            running, self._running = self._running, None
            running.addErrback(lambda failure: failure.trap(CancelledError) and None)
            self._stopping = True
            if self._awaited is not None:
                self._awaited.cancel()
            await running
            self._tell_tried()

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                connection = await self._connect()
            except (ConnectError, DNSLookupError, Lost, ValueError) as error:
                self._tell(str(error) or type(error).__name__)
            except (CancelledError, ConnectingCancelledError):
                return
            except Exception:
                _log.failure("an error of ours in connecting to Redis; there will be other tries")
                self._tell("an error of ours")
            else:
                pause = FIRST_PAUSE
                self._tell(await self._serve(connection))
            seconds = pause * self._random.uniform(0.75, 1.25)
            await self._wait(deferLater(self._reactor, seconds))
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _connect(self) -> RedisConnection:
        """A connection that is ready. ConnectError, DNSLookupError, Lost, or ValueError for what is
        no name of a host."""
        endpoint = HostnameEndpoint(
            self._reactor, self._address.host, self._address.port, timeout=CONNECT_TIME
        )
        factory = Factory.forProtocol(lambda: RedisConnection(self._reactor))
        factory.noisy = False
        connection = cast(RedisConnection, await self._wait(endpoint.connect(factory)))
        try:
            await self._wait(connection.greet(self._address))
        except (ErrorReply, Lost) as error:
            reason = await _closed(connection, str(error))
            raise Lost(reason) from None
        except CancelledError:
            await _closed(connection, "stopped")
            raise
        return connection

    async def _serve(self, connection: RedisConnection) -> str:
        """Have the connection used until it is lost; says why it was."""
        self.connection = connection
        self._tell(None)
        try:
            return await self._wait(connection.when_ended())
        except CancelledError:
            await _closed(connection, "stopped")
            raise
        finally:
            self.connection = None

    async def _wait(self, result: Deferred[_T]) -> _T:
        """Wait for what `stop` cancels. To cancel `_running` would not do: whoever is told of
        something may stop us while it runs."""
        self._awaited = result
        if self._stopping:
            result.cancel()
        return await result

    def _tell(self, trouble: str | None) -> None:
        self._changed(trouble)
        self._tell_tried()

    def _tell_tried(self) -> None:
        tried, self._tried = self._tried, []
        for each in tried:
            each.callback(None)


async def _closed(connection: RedisConnection, reason: str) -> str:
    """Close a connection that may be closed already; why it was closed in the first place."""
    ended = connection.when_ended()
    if not ended.called:
        connection.end(reason)
    return await ended


class RedisLinks:
    """The connections of a store: which one is to be used, and whether there is any."""

    def __init__(
        self, reactor: Any, address: RedisAddress, random: Random, health: RedisHealth
    ) -> None:
        self._health = health
        self._links = [
            RedisLink(reactor, address, random, self._changed) for _ in range(CONNECTIONS)
        ]
        self._ready: list[RedisConnection] = []
        self._stopping = False

    async def start(self) -> None:
        """Begin; done when each has tried once."""
        await gatherResults([link.start() for link in self._links])

    async def stop(self) -> None:
        """Close all; nothing is left open, and no delayed call."""
        self._stopping = True
        self._ready = []
        await gatherResults([Deferred.fromCoroutine(link.stop()) for link in self._links])

    def pick(self, number: int) -> RedisConnection | None:
        """A connection for what has this number: while all last, requests of a number stay in
        order. None while Redis is lost."""
        ready = self._ready
        return ready[number % len(ready)] if ready else None

    def _changed(self, trouble: str | None) -> None:
        if self._stopping:
            return
        self._ready = [link.connection for link in self._links if link.connection is not None]
        if self._ready:
            self._health.reached()
        elif trouble is not None:
            self._health.lost(trouble)
