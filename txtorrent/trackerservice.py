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
"""Of HTTP, at once, however few descriptors there are: with fewer nobody would be answered."""

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
        self._is_running = False
        self._is_reading = False
        self._is_to_read = False
        """Settings were to be read again while that was not possible."""

    async def listen(self) -> None:
        """Take the ports, all or none. CannotStart."""
        await self._server.listen()

    async def start(self) -> None:
        """Begin, and say where announces are taken."""
        await self._server.start()
        self._is_running = True
        if self._is_to_read:
            self.reload()
        for address in self._server.addresses:
            _log.info("tracking at {address}", address=address)

    async def stop(self) -> None:
        """End; what is known of peers is kept, if the settings say so."""
        self._is_running = False
        await self._server.stop()

    def reload(self) -> None:
        """Read the settings again, for SIGHUP: as soon as we run, and not twice at the same time,
        or what was read first might count last. Settings that are wrong change nothing."""
        self._is_to_read = self._is_reading or not self._is_running
        if not self._is_to_read:
            self._is_reading = True
            reading = self._in_thread(self._read)
            reading.addCallbacks(self._reloaded, self._not_reloaded).addBoth(self._has_read)

    def _has_read(self, _: None) -> None:
        self._is_reading = False
        if self._is_to_read:
            self.reload()

    def _reloaded(self, config: TrackerConfig) -> None:
        if not self._is_running:
            return
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
