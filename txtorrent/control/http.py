"""HTTP for the API: requests in within limits, answers out as fast as they are read.

The rule above all: a body has at most 16 MiB, bodies together 64 MiB, and what the gate would
refuse is not kept at all. Nothing takes the reactor's thread for long, and an answer that nobody
reads for a minute ends the connection. `channel` has the times of a request.
"""

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any, Final
from urllib.parse import parse_qs

from attrs import define
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.web import http

from txtorrent.control.access import Guesses
from txtorrent.control.api import Answer, Api
from txtorrent.control.events import Events
from txtorrent.control.gate import RPC, Gate, Refusal
from txtorrent.control.outlet import Outlet
from txtorrent.control.requests import MAX_BODY

MAX_BODIES: Final = 64 * 1024 * 1024
"""Bytes of all bodies that are being received."""
CHUNK: Final = 64 * 1024
"""Bytes of an answer that are written at once; a smaller one tells its length."""
TURN: Final = 0.005
"""Seconds of making an answer, before others have their turn."""

JSON: Final = "application/json; charset=utf-8"
COMMON_HEADERS: Final = {
    "Server": "txtorrent",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""For browsers that got here: show nothing, frame nothing, keep nothing."""

_log = Logger()


@define
class Desk:
    """What all connections share. `body_bytes` is the size of all bodies being received."""

    reactor: Any
    api: Api
    events: Events
    gate: Gate
    guesses: Guesses
    body_bytes: int = 0


_Request: Any = http.Request


class ControlRequest(_Request):  # type: ignore[misc]  # Twisted's has no types
    """One request."""

    desk: Desk
    _kept = 0
    _size = 0
    _is_welcome = False
    _is_over = False
    _is_gone = False
    _outlet: Outlet | None = None
    _pausing: IDelayedCall | None = None
    _paused: Deferred[None]

    # -- what the gate looks at -----------------------------------------------------------------

    def header(self, name: str) -> str | None:
        """As `Asked` says."""
        values = self.requestHeaders.getRawHeaders(name) or []
        return values[0] if len(values) == 1 else None

    @property
    def verb(self) -> str:
        """As `Asked` says."""
        return str(self.method.decode("ascii", "replace"))

    @property
    def route(self) -> str:
        """As `Asked` says."""
        return str(self.path.decode("ascii", "replace"))

    @property
    def is_unix(self) -> bool:
        """Whether it came by a UNIX socket."""
        return isinstance(self.channel.transport.getHost(), UNIXAddress)

    # -- the body -------------------------------------------------------------------------------

    def gotLength(self, length: int | None) -> None:
        """The headers are here. Twisted would put a large body in a file, on this thread."""
        self.desk = self.channel.desk
        self.content = BytesIO()
        self._is_welcome = self.desk.gate.is_welcome(self, self.is_unix)
        if length is not None and length > MAX_BODY:
            self._end_early(413)

    def handleContentChunk(self, data: bytes) -> None:
        """Keep a part of the body, or only count it."""
        self._size += len(data)
        if self._is_over:
            return
        if self._size > MAX_BODY:
            self._end_early(413)
        elif self._is_welcome:
            if self.desk.body_bytes + len(data) > MAX_BODIES:
                self._end_early(503)
                return
            self.desk.body_bytes += len(data)
            self._kept += len(data)
            self.content.write(data)

    def _end_early(self, status: int) -> None:
        """Answer before the end of the body, and hang up."""
        self._is_over = True
        reason = http.RESPONSES[status]
        self.channel.transport.write(
            b"HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % (status, reason)
        )
        self.channel.loseConnection()

    def _give_back(self) -> None:
        if self._kept:  # else the request perhaps never came to its headers' end, and has no desk
            self.desk.body_bytes -= self._kept
            self._kept = 0

    def connectionLost(self, reason: Any) -> None:
        """Nobody is there any more."""
        self._is_gone = True
        self._give_back()
        self._end_pause()
        if self._outlet is not None:
            self._outlet.stopProducing()
        super().connectionLost(reason)

    # -- the answer -----------------------------------------------------------------------------

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """All of it is here. Twisted would take bodies for forms, by what clients call them."""
        self.method, self.uri, self.clientproto = command, path, version
        self.path, _, query = path.partition(b"?")
        self.args = _query(query)
        if not self._is_over:
            self.process()

    def process(self) -> None:
        """Answer, now or later."""
        Deferred.fromCoroutine(self._answer()).addErrback(self._failed)

    def _failed(self, failure: Any) -> None:
        """Half an answer is worse than none: the client sees that it broke off."""
        _log.failure("an error of ours in an answer", failure)
        if not self._is_gone:
            self.channel.transport.abortConnection()

    async def _answer(self) -> None:
        body = self.content.getvalue()
        self.content = BytesIO()
        refusal = await self._slow_guesses()
        if self._is_gone:
            return
        refusal = refusal or self.desk.gate.refusal(self, self.is_unix)
        if refusal is not None:
            self._give_back()
            self._refuse(refusal)
        elif self.route.removesuffix("/") != RPC:
            self.desk.events.attach(self)
        else:
            answer = await self.desk.api.answer(body)
            del body
            self._give_back()
            await self._tell(answer)

    async def _tell(self, answer: Answer | None) -> None:
        if self._is_gone:
            return
        if answer is None:
            self._begin(204, None)
            self.finish()
        else:
            await self._send(answer.pieces())

    async def _slow_guesses(self) -> Refusal | None:
        """An address that named a wrong password waits, whatever it names next.

        To name none is no guess: many clients ask without one first."""
        desk = self.desk
        is_free = self.is_unix or desk.gate.credentials is None
        if is_free or not self.requestHeaders.hasHeader("Authorization"):
            return None
        address = self.channel.getPeer().host
        wait = desk.guesses.wait(address, desk.reactor.seconds())
        if wait is None:
            return Refusal(429, "too many wrong passwords", {"Retry-After": "30"})
        if wait:
            await self._pause(wait)
        if desk.gate.knows(self, False):
            desk.guesses.passed(address)
        else:
            desk.guesses.failed(address, desk.reactor.seconds())
            _log.warn("wrong user name or password from {address}", address=address)
        return None

    def _refuse(self, refusal: Refusal) -> None:
        text = refusal.text.encode() + b"\n"
        for name, value in refusal.headers.items():
            self.setHeader(name, value)
        self._begin(refusal.status, "text/plain; charset=utf-8", len(text))
        self.write(text)
        self.finish()

    def _begin(self, status: int, content_type: str | None, length: int | None = None) -> None:
        self.setResponseCode(status)
        for name, value in COMMON_HEADERS.items():
            self.setHeader(name, value)
        if content_type is not None:
            self.setHeader("Content-Type", content_type)
        if length is not None:
            self.setHeader("Content-Length", str(length))

    async def _send(self, pieces: AsyncIterator[str]) -> None:
        """Pieces as they come; others have their turn between them, and a slow reader waits."""
        reactor = self.desk.reactor
        waiting: list[str] = []
        size, since = 0, reactor.seconds()
        async for piece in pieces:
            waiting.append(piece)
            size += len(piece)
            if self._is_gone:
                return
            if size >= CHUNK:
                size = 0
                await self._send_some(waiting)
            elif reactor.seconds() - since > TURN:
                await self._pause(0)
            else:
                continue
            since = reactor.seconds()
        if self._is_gone:
            return
        if self._outlet is None:
            self._begin(200, JSON, size)
        else:
            self._outlet.end()
        self._write(waiting)
        self.finish()

    async def _send_some(self, waiting: list[str]) -> None:
        """Of an answer that is too long to tell its length."""
        if self._outlet is None:
            self._begin(200, JSON)
            self._outlet = Outlet(self, self.desk.reactor)
        self._write(waiting)
        await self._outlet.drained()

    def _pause(self, seconds: float) -> "Deferred[None]":
        """Go on after a while, or at once when nobody is there any more."""
        waiting: Deferred[None] = Deferred()
        self._pausing = self.desk.reactor.callLater(seconds, waiting.callback, None)
        self._paused = waiting
        return waiting

    def _end_pause(self) -> None:
        if self._pausing is not None and self._pausing.active():
            self._pausing.cancel()
            self._paused.callback(None)

    def _write(self, waiting: list[str]) -> None:
        if waiting:
            self.write("".join(waiting).encode("ascii"))
        waiting.clear()


def _query(text: bytes) -> dict[str, list[str]]:
    """What stands behind the question mark; nothing if it is not what it should be."""
    try:
        return parse_qs(text.decode("ascii"), max_num_fields=10)
    except ValueError:
        return {}
