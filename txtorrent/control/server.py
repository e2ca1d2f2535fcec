"""The API's listeners: any endpoint of Twisted's, at most 256 connections together.

control = Control(reactor, session, ["unix:/run/txtorrent/control.sock"], ControlOptions())
await control.start()
...
await control.stop()
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from secrets import token_urlsafe
from typing import Any, Final

from attrs import field, frozen
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.logger import Logger
from twisted.web.http import HTTPFactory

from txtorrent.control import unixsocket
from txtorrent.control.access import Credentials, Guesses
from txtorrent.control.api import Api
from txtorrent.control.changes import Changes
from txtorrent.control.channel import IDLE_TIME, ControlChannel
from txtorrent.control.context import Context
from txtorrent.control.events import Events
from txtorrent.control.gate import Gate
from txtorrent.control.http import Desk
from txtorrent.control.interfaces import Session
from txtorrent.control.logtail import LogTail
from txtorrent.errors import Code, RequestError

MAX_CONNECTIONS: Final = 256
"""Of all listeners together; further ones are closed at once."""
SESSION_ID_BYTES: Final = 36
"""Of randomness: 48 characters."""
UNIX: Final = "unix:"
SYSTEMD: Final = "systemd:"
"""A socket that was given to us."""
NOT_PASSED: Final = "systemd passed no such socket: start the socket's unit before the service"

_log = Logger()


@frozen
class ControlOptions:
    """`hosts`: names that we go by on TCP besides IP addresses and localhost. `users`: the ids of
    those who may use UNIX sockets."""

    credentials: Credentials | None = None
    hosts: Sequence[str] = ()
    users: frozenset[int] = field(factory=lambda: frozenset({unixsocket.ROOT, os.geteuid()}))


class Control:
    """Serves a session's API at endpoints. `log` is to be given to the log's publisher by whoever
    wants its tail in the API; `now` gives seconds since 1970."""

    def __init__(
        self,
        reactor: Any,
        session: Session,
        endpoints: Sequence[str],
        options: ControlOptions,
        log: LogTail | None = None,
        now: Callable[[], float] = time.time,
        session_id: str | None = None,
    ) -> None:
        self.changes = Changes(reactor.seconds)
        session_id = session_id or token_urlsafe(SESSION_ID_BYTES)
        context = Context(session, self.changes, log or LogTail(), session_id, now)
        self._reactor = reactor
        self._endpoints = endpoints
        self._options = options
        self._ports: list[IListeningPort] = []
        names = frozenset(name.lower() for name in options.hosts)
        self.desk = Desk(
            reactor,
            Api(context),
            Events(reactor, context, token_urlsafe(6).replace("-", "_")),
            Gate(session_id, options.credentials, names),
            Guesses(),
        )
        self._factory = ControlFactory(reactor, self.desk, options.users)
        session.observe(self.changes)

    @property
    def addresses(self) -> list[IAddress]:
        """Where it listens."""
        return [port.getHost() for port in self._ports]

    async def start(self) -> None:
        """Listen at every endpoint, or at none. RequestError."""
        try:
            for endpoint in self._endpoints:
                await self._listen(endpoint)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Listen no more, and end what is open."""
        ports, self._ports = self._ports, []
        await DeferredList([maybeDeferred(port.stopListening) for port in ports])
        self.desk.events.stop()
        await self._factory.close_all()

    async def _listen(self, text: str) -> None:
        path = unix_path(text)
        if path is not None:
            unixsocket.prepare(path)
            text = f"{UNIX}{_escaped(path)}:mode={unixsocket.SOCKET_MODE:o}:lockfile=0"
        try:
            endpoint = serverFromString(self._reactor, text)
        except (ValueError, TypeError, LookupError) as error:
            is_absent = isinstance(error, LookupError) and text.startswith(SYSTEMD)
            why = NOT_PASSED if is_absent else error
            raise RequestError(Code.INVALID_PARAMS, f"control endpoint {text}: {why}") from None
        try:
            port = await endpoint.listen(self._factory)
        except CannotListenError as error:
            why = getattr(error.socketError, "strerror", None) or error.socketError
            raise RequestError(Code.SYSTEM_ERROR, f"control endpoint {text}: {why}") from None
        if text.startswith(SYSTEMD):
            unixsocket.leave_open(port)
        self._ports.append(port)
        address = port.getHost()
        if self._options.credentials is None and not is_local(address):
            raise RequestError(
                Code.INVALID_PARAMS,
                f"control endpoint {text} can be reached from other machines: set a user name and"
                " a password, or add interface=127.0.0.1",
            )


def default_endpoint(environ: Mapping[str, str]) -> str:
    """Where to listen unless told otherwise: the user's socket, or the machine's."""
    return (
        f"{UNIX}{os.path.join(environ.get('XDG_RUNTIME_DIR') or '/run', 'txtorrent/control.sock')}"
    )


def shown_address(address: IAddress) -> str:
    """As it is written on a command line."""
    if isinstance(address, UNIXAddress):
        return f"{UNIX}{os.fsdecode(address.name or '')}"
    host = getattr(address, "host", "")
    return f"tcp:{f'[{host}]' if ':' in host else host}:{getattr(address, 'port', '')}"


def unix_path(endpoint: str) -> str | None:
    """The path of a `unix:` endpoint, without what else it says; None for other ones."""
    if not endpoint.startswith(UNIX):
        return None
    parts = endpoint[len(UNIX) :].replace("\\:", "\0").split(":")
    names = ("mode", "lockfile", "backlog")
    paths = (part for part in parts if part.partition("=")[0] not in names)
    return next(paths, "").removeprefix("address=").replace("\0", ":") or None


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:").replace("=", "\\=")


def is_local(address: IAddress) -> bool:
    """Whether only this machine can reach it."""
    if isinstance(address, UNIXAddress):
        return True
    try:
        return ip_address(getattr(address, "host", "")).is_loopback
    except ValueError:
        return False


_HTTPFactory: Any = HTTPFactory


class ControlFactory(_HTTPFactory):  # type: ignore[misc]  # Twisted's has no types
    """Makes connections, and knows all that are open."""

    noisy = False

    def __init__(self, reactor: Any, desk: Desk, users: frozenset[int]) -> None:
        super().__init__(timeout=IDLE_TIME, reactor=reactor)
        self._desk = desk
        self._users = users
        self._open: set[ControlChannel] = set()
        self._all_closed: Deferred[None] | None = None

    def buildProtocol(self, address: IAddress) -> ControlChannel | None:
        """A connection, unless there are too many."""
        if len(self._open) >= MAX_CONNECTIONS:
            _log.warn("more than {limit} control connections", limit=MAX_CONNECTIONS)
            return None
        channel = ControlChannel(self._desk, self)
        channel.factory, channel.timeOut = self, self.timeOut
        channel.callLater = self.reactor.callLater
        return channel

    def startFactory(self) -> None:
        """Nothing: no log of accesses, which are many and all alike."""

    def stopFactory(self) -> None:
        """Nothing was started."""

    def log(self, request: Any) -> None:
        """No."""

    def admits(self, transport: Any) -> bool:
        """Whether the kernel says that it is somebody who may come by a UNIX socket."""
        if not isinstance(transport.getHost(), UNIXAddress):
            return True
        uid = unixsocket.peer_uid(transport)
        if uid not in self._users:
            _log.warn("user {uid} may not use the control socket", uid=uid)
        return uid in self._users

    def opened(self, channel: ControlChannel) -> None:
        """It counts."""
        self._open.add(channel)

    def closed(self, channel: ControlChannel) -> None:
        """It counts no more."""
        self._open.discard(channel)
        if not self._open and self._all_closed is not None:
            all_closed, self._all_closed = self._all_closed, None
            all_closed.callback(None)

    def close_all(self) -> "Deferred[None]":
        """End what is open. What has been written still goes out, if it is read soon."""
        if not self._open:
            return succeed(None)
        closed = self._all_closed = Deferred()
        for channel in tuple(self._open):
            channel.close()
        return closed
