"""The UDP socket to the router: questions are sent again until they are answered.

It is connected: what others send does not get in. Several questions may be under way; an answer is
offered to each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol

from txtorrent.address import Address, canonical_host
from txtorrent.discovery.gateway import Gateway
from txtorrent.discovery.mapping import MappingError, NoAnswerError
from txtorrent.waiting import Wakeup
from txtorrent.wire.natpmp import SERVER_PORT
from txtorrent.wire.pcp import MAX_DATAGRAM

FIRST_WAIT: Final = 0.25
"""Seconds until a question is sent again; doubled each time (RFC 6886, section 3.1)."""
FEW_TRIES: Final = 4
"""How often a router is asked of which nobody knows whether it understands: for 3.75 s."""
MOST_TRIES: Final = 9
"""How often a router is asked that has answered before: for 128 s (RFC 6886, section 3.1)."""
MOST_QUESTIONS: Final = 4
"""Questions under way at once: both ports, and as many that are taken away."""

_T = TypeVar("_T")
_ANY4, _ANY6 = "0.0.0.0", "::"  # noqa: S104 - the kernel chooses, by the way to the router


@define(eq=False)
class _Question(Generic[_T]):
    """A question under way. `read` gives the answer, None if a datagram answers something else,
    and raises ValueError if it is none, MappingError if the router says no."""

    read: Callable[[bytes], _T | None]
    answer: _T | None = None
    error: MappingError | None = None
    _wakeup: Wakeup = field(init=False, factory=Wakeup)

    @property
    def is_answered(self) -> bool:
        return self.answer is not None or self.error is not None

    def take(self, datagram: bytes) -> bool:
        """Take a datagram; whether it was the answer."""
        if self.is_answered:
            return False
        try:
            answer = self.read(datagram)
        except MappingError as error:
            self.error = error
        except ValueError:
            return False
        else:
            if answer is None:
                return False
            self.answer = answer
        self._wakeup.wake()
        return True

    def fail(self, error: MappingError) -> None:
        """There will be no answer."""
        if not self.is_answered:
            self.error = error
            self._wakeup.wake()

    async def wait(self, reactor: Any, seconds: float) -> None:
        """Wait until there is an answer, but no longer."""
        if not self.is_answered:
            await self._wakeup.wait(reactor, seconds)


class Link(DatagramProtocol):
    """The way to a router. `others` gets the datagrams that answer nothing.

    `reactor` provides IReactorUDP and IReactorTime.
    """

    noisy = False
    transport: Any

    def __init__(self, reactor: Any, gateway: Gateway, others: Callable[[bytes], None]) -> None:
        self._reactor = reactor
        self._others = others
        self._questions: list[_Question[Any]] = []
        self._is_open = False
        self.gateway = gateway
        self.router = canonical_host(gateway.host)
        self.local = ""

    def open(self) -> None:
        """Open the socket; `local` is our address as the router sees it. NoAnswerError."""
        interface = self.gateway.local or (_ANY6 if ":" in self.gateway.host else _ANY4)
        try:
            self._reactor.listenUDP(0, self, interface=interface, maxPacketSize=MAX_DATAGRAM + 1)
        except CannotListenError as error:
            why = error.socketError
            raise NoAnswerError(f"no UDP socket can be opened at {interface}: {why}") from None
        self._is_open = True
        try:
            self.transport.connect(self.gateway.host, SERVER_PORT)
        except OSError as error:
            raise self._unreachable(error) from None
        self.local = canonical_host(self.transport.getHost().host)

    async def ask(self, request: bytes, read: Callable[[bytes], _T | None], tries: int) -> _T:
        """Ask until there is an answer, `tries` times. NoAnswerError, and what `read` raises."""
        if len(self._questions) >= MOST_QUESTIONS:
            raise NoAnswerError("too much is being asked of the router")
        question: _Question[_T] = _Question(read)
        self._questions.append(question)
        try:
            for number in range(tries):
                self._write(request)
                await question.wait(self._reactor, FIRST_WAIT * 2**number)
                if question.error is not None:
                    raise question.error
                if question.answer is not None:
                    return question.answer
        finally:
            self._questions.remove(question)
        raise self._silent()

    def close(self) -> Deferred[Any]:
        """Close the socket; fires when it is closed."""
        if not self._is_open:
            return succeed(None)
        self._is_open = False
        return maybeDeferred(self.transport.stopListening)

    # -- Twisted's

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        sender = Address(canonical_host(addr[0]), addr[1])
        if not self._is_open or sender != (self.router, SERVER_PORT):
            return
        if not any(question.take(datagram) for question in list(self._questions)):
            self._others(datagram)

    def connectionRefused(self) -> None:
        for question in list(self._questions):
            question.fail(self._silent())

    def stopProtocol(self) -> None:
        """Closed by us, or by the reactor: that is how epoll tells of a port that is refused."""
        self._is_open = False
        self.connectionRefused()

    # -- inside

    def _write(self, request: bytes) -> None:
        if not self._is_open:
            raise self._silent()
        try:
            self.transport.write(request)
        except OSError as error:
            raise self._unreachable(error) from None

    def _silent(self) -> NoAnswerError:
        return NoAnswerError(f"the router at {self.router} does not answer")

    def _unreachable(self, error: OSError) -> NoAnswerError:
        return NoAnswerError(f"the router at {self.router} cannot be reached: {error.strerror}")
