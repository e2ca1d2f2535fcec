"""One connection of HTTP, with a time for each part of a request.

The rule above all: a head takes at most 10 s, however it drips, a body 30 s, and a connection that
asks nothing is ended.
"""

from typing import Any, Final, Protocol

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.web import http

from txtorrent.control.http import ControlRequest, Desk

HEAD_TIME: Final = 10.0
"""Seconds for the request line and headers."""
BODY_TIME: Final = 30.0
"""Seconds for a body."""
IDLE_TIME: Final = 90.0
"""Seconds that a connection may wait for its next request."""

CLOSE_TIME: Final = 2.0
"""Seconds for the rest of what has been written, when the daemon ends."""

_log = Logger()
_HTTPChannel: Any = http.HTTPChannel


class Door(Protocol):
    """What a connection asks of who made it."""

    def admits(self, transport: Any) -> bool:
        """Whether whoever is there may come in."""

    def opened(self, channel: "ControlChannel") -> None:
        """It is open."""

    def closed(self, channel: "ControlChannel") -> None:
        """It is not any more."""


class ControlChannel(_HTTPChannel):  # type: ignore[misc]  # Twisted's has no types
    """One connection, with a time for each part of a request."""

    requestFactory = ControlRequest
    _deadline: IDelayedCall | None = None
    _is_idle = False

    def __init__(self, desk: Desk, door: Door) -> None:
        super().__init__()
        self.desk = desk
        self._door = door

    def connectionMade(self) -> None:
        """A request has to come."""
        super().connectionMade()
        self._door.opened(self)
        if not self._door.admits(self.transport):
            self.transport.abortConnection()
            return
        self._allow(HEAD_TIME)

    def close(self) -> None:
        """Nobody asks any more: send what has been written, but wait for nobody."""
        self.loseConnection()
        self._allow(CLOSE_TIME)

    def dataReceived(self, data: bytes) -> None:
        """The first byte of a further request sets its clock."""
        if self._is_idle:
            self._is_idle = False
            self._allow(HEAD_TIME)
        super().dataReceived(data)

    def allHeadersReceived(self) -> None:
        """Now the body."""
        self._allow(BODY_TIME)
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        """Now it is for us to do."""
        self._allow(None)
        super().allContentReceived()

    def requestDone(self, request: ControlRequest) -> None:
        """Another one may come, or be here already."""
        self._is_idle = True
        super().requestDone(request)

    def connectionLost(self, reason: Any) -> None:
        """The end."""
        self._door.closed(self)
        self._allow(None)
        super().connectionLost(reason)

    def _allow(self, seconds: float | None) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None
        if seconds is not None:
            self._deadline = self.desk.reactor.callLater(seconds, self._too_slow)

    def _too_slow(self) -> None:
        _log.debug("a request took too long")
        self.transport.abortConnection()
