"""A tracker as a part of a process: with its settings file, its log lines and the world around it.

`trackertap` runs one alone, `tap` beside the seedbox.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from secrets import token_bytes
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.daemon.errors import UserError
from txtorrent.trackerserver.config import TrackerConfig
from txtorrent.trackerserver.server import Surroundings, TrackerServer
from txtorrent.trackerserver.web import MAX_CONNECTIONS

LEAST_CONNECTIONS: Final = 8

_log = Logger()


class TrackerPart:
    """`read` gives the settings, and is called in a thread when they are to be read again;
    UserError. `connections` is how many descriptors there are for those of HTTP."""

    def __init__(
        self,
        reactor: Any,
        config: TrackerConfig,
        read: Callable[[], TrackerConfig],
        connections: int,
    ) -> None:
        self._reactor = reactor
        self._read = read
        most = max(LEAST_CONNECTIONS, min(MAX_CONNECTIONS, connections))
        around = Surroundings(reactor, time.time, Random(), token_bytes, self._in_thread, most)
        self._server = TrackerServer(config, around)

    async def listen(self) -> None:
        """Take the ports, all or none. CannotListen."""
        await self._server.listen()

    async def start(self) -> None:
        """Begin, and say where announces are taken."""
        await self._server.start()
        for address in self._server.addresses:
            _log.info("tracking at {address}", address=address)

    async def stop(self) -> None:
        """End; what is known of peers is kept, if the settings say so."""
        await self._server.stop()

    def reload(self) -> Deferred[None]:
        """Read the settings again: for SIGHUP. Settings that are wrong change nothing."""
        reading = self._in_thread(self._read)
        return reading.addCallbacks(self._reloaded, self._not_reloaded)

    def _reloaded(self, config: TrackerConfig) -> None:
        later = self._server.apply(config)
        _log.info("the tracker's settings have been read again")
        for name in later:
            _log.warn("{name} counts from the next start", name=name)

    def _not_reloaded(self, failure: Failure) -> None:
        if isinstance(failure.value, UserError):
            _log.error("the tracker's settings stay as they are: {why}", why=failure.value.text)
        else:
            _log.failure("an error of ours while reading the tracker's settings", failure)

    def _in_thread(self, call: Callable[..., Any], *args: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), call, *args)
