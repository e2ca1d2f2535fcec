"""Connections of HTTP: requests one after the other, each answered before the next is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from txtorrent.supervised import Supervised
from txtorrent.trackerserver.webrequest import (
    MAX_HEAD,
    BadRequest,
    WebRequest,
    WebResponse,
    cut_head,
    read_request,
    write_response,
)

PATIENCE: Final = 15.0
"""Seconds for a request to be there, and from then on for its answer to be gone; and for which an
idle connection is kept."""
MAX_CONNECTIONS: Final = 10_000
"""Open at once, or as many as the process may have; the oldest one goes when one more comes."""

_log = Logger()

Respond = Callable[[WebRequest, str], "WebResponse | Deferred[WebResponse]"]
"""Answers a request that came from an IP address."""


class WebFactory(Factory):
    """Makes the connections of one or more ports, and ends those that take too long."""

    noisy = False

    def __init__(self, clock: Any, respond: Respond, most: int = MAX_CONNECTIONS) -> None:
        self.respond = respond
        self._clock = clock
        self._most = most
        self._open: dict[WebConnection, float] = {}
        """When they were begun, or last asked or were answered; in that order."""
        self._sweeping = Supervised(clock, 1.0, self._end_slow)

    def start(self) -> None:
        """Begin to look after connections."""
        self._sweeping.start()

    def stop(self) -> None:
        """End all connections."""
        self._sweeping.stop()
        for connection in list(self._open):
            connection.abort()

    def buildProtocol(self, addr: IAddress | None) -> WebConnection:
        """Of the IP address of `addr`; a UNIX socket's clients have none and count as local."""
        return WebConnection(self, getattr(addr, "host", "127.0.0.1"))

    def begun(self, connection: WebConnection) -> None:
        """A connection is open, or has asked, or has been answered: its time begins anew."""
        self._open.pop(connection, None)
        self._open[connection] = self._clock.seconds()
        if len(self._open) > self._most:
            self._end_oldest()

    def ended(self, connection: WebConnection) -> None:
        """A connection is closed."""
        self._open.pop(connection, None)

    def _end_slow(self) -> None:
        latest = self._clock.seconds() - PATIENCE
        while self._open:
            if next(iter(self._open.values())) > latest:
                return
            self._end_oldest()

    def _end_oldest(self) -> None:
        """It counts no more, though its end comes a moment later: the next one ends another."""
        connection = next(iter(self._open))
        del self._open[connection]
        connection.abort()


class WebConnection(Protocol):
    """One client's connection, and the producer of its answers."""

    transport: Any

    def __init__(self, factory: WebFactory, host: str) -> None:
        self._owner = factory
        self._host = host
        self._received = b""
        self._is_reading = False
        self._is_answering = False
        self._is_behind = False
        """The client does not read what it is answered."""
        self._is_closed = False

    def connectionMade(self) -> None:
        """The client has to ask now."""
        self._owner.begun(self)
        self.transport.registerProducer(self, True)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """An answer that is under way has nowhere to go."""
        self._is_closed = True
        self._owner.ended(self)

    def dataReceived(self, data: bytes) -> None:
        """A part of a request, or more of them."""
        if self._is_closed:
            return
        self._received += data
        if not self._is_answering and not self._is_behind:
            self._read()
        elif len(self._received) > MAX_HEAD:
            self.transport.pauseProducing()

    def pauseProducing(self) -> None:
        """No more answers: as many as the transport takes wait to be read."""
        self._is_behind = True

    def resumeProducing(self) -> None:
        """They have been read."""
        self._is_behind = False
        self._go_on()

    def stopProducing(self) -> None:
        """No more answers at all."""
        self._is_closed = True

    def abort(self) -> None:
        """End it now."""
        self._is_closed, self._received = True, b""
        self.transport.abortConnection()

    def _go_on(self) -> None:
        self.transport.resumeProducing()
        self._read()

    def _read(self) -> None:
        """Answer what is there, one after the other: as long as answers come at once and are read.
        Entered once only, or answers that come at once would pile up calls."""
        if self._is_reading:
            return
        self._is_reading = True
        while self._received and not (self._is_answering or self._is_behind or self._is_closed):
            head, end, rest = cut_head(self._received)
            if len(head) > MAX_HEAD:
                self._refuse(BadRequest(431, f"a request has at most {MAX_HEAD} bytes here"))
            elif end:
                self._received = rest
                self._answer(head)
            else:
                break
        self._is_reading = False

    def _answer(self, head: bytes) -> None:
        try:
            request = read_request(head)
            response = self._owner.respond(request, self._host)
            if isinstance(response, WebResponse):
                self._write(response, request)
                return
        except BadRequest as error:
            self._refuse(error)
        except Exception:
            self._failed(Failure())
        else:
            self._is_answering = True
            self._owner.begun(self)
            response.addCallback(self._answered_late, request)
            response.addErrback(self._failed)

    def _answered_late(self, response: WebResponse, request: WebRequest) -> None:
        self._is_answering = False
        if not self._is_closed:
            self._write(response, request)
        if not self._is_closed:
            self._go_on()

    def _write(self, response: WebResponse, request: WebRequest | None) -> None:
        self.transport.write(write_response(response, request))
        self._owner.begun(self)
        if request is None or not request.keeps:
            self._close()

    def _refuse(self, error: BadRequest) -> None:
        self._write(WebResponse(f"{error}\n".encode(), error.status), None)

    def _failed(self, failure: Failure) -> None:
        _log.failure("an error of ours; a request over HTTP is not answered", failure)
        self.abort()

    def _close(self) -> None:
        """Nothing more is read; what was written goes out first."""
        self._is_closed, self._received = True, b""
        self.transport.unregisterProducer()
        self.transport.loseConnection()
