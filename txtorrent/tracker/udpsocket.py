"""The socket that all UDP trackers of one address family are asked through (BEP 15).

It matches answers to questions: by the tracker's address, by its port and by a random 32-bit id.
Whatever does not match, or is too short, is as if it had never come (THREATS C6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol

from txtorrent.address import Address, canonical_host
from txtorrent.tracker.errors import UnreachableError
from txtorrent.waiting import Wakeup
from txtorrent.wire import udptracker
from txtorrent.wire.announce import TrackerError
from txtorrent.wire.udptracker import Action

MAX_DATAGRAM = 65536
"""Bytes read of a datagram: as long as one can be."""

_T = TypeVar("_T")


@define(eq=False)
class Transaction(Generic[_T]):
    """A question under way: whom it was sent to, and how to read the answer."""

    id: int
    address: Address
    action: Action
    decode: Callable[[bytes], _T]
    secrets: tuple[str, ...] = ()
    _answer: list[_T | TrackerError] = field(init=False, factory=list)
    _wakeup: Wakeup = field(init=False, factory=Wakeup)

    async def wait(self, reactor: Any, seconds: float) -> _T | None:
        """Give the answer, or None when none came within `seconds`; TrackerError if refused."""
        if not self._answer:
            await self._wakeup.wait(reactor, seconds)
        if not self._answer:
            return None
        answer = self._answer[0]
        if isinstance(answer, TrackerError):
            raise answer
        return answer

    def received(self, action: int, datagram: bytes) -> None:
        """Take a datagram that has our id and came from our tracker; ValueError to ignore it."""
        if action == Action.ERROR:
            answer: _T | TrackerError = udptracker.decode_error(datagram, self.secrets)
        elif action == self.action:
            answer = self.decode(datagram)
        else:
            raise ValueError("an answer to another question")
        if not self._answer:
            self._answer.append(answer)
            self._wakeup.wake()


class TrackerSocket:
    """The socket of one address family, opened when it is needed and again after it failed.

    `reactor` provides IReactorUDP and IReactorTime. `random` makes the transaction ids that keep
    strangers from answering: random.SystemRandom, except in tests.
    """

    def __init__(self, reactor: Any, random: Random, interface: str) -> None:
        self._reactor = reactor
        self._random = random
        self._interface = interface
        self._port: _Port | None = None
        self._closing: set[Deferred[None]] = set()
        self._transactions: dict[int, Transaction[Any]] = {}

    @contextmanager
    def transaction(
        self,
        address: Address,
        action: Action,
        decode: Callable[[bytes], _T],
        secrets: tuple[str, ...] = (),
    ) -> Iterator[Transaction[_T]]:
        """Listen for the answer to one question for as long as the context lasts."""
        number = self._random.getrandbits(32)
        while number in self._transactions:
            number = self._random.getrandbits(32)
        transaction = Transaction(number, address, action, decode, secrets)
        self._transactions[number] = transaction
        try:
            yield transaction
        finally:
            del self._transactions[number]

    def send(self, datagram: bytes, address: Address) -> None:
        """Send a datagram; UnreachableError when the system refuses to."""
        try:
            self._opened().write(datagram, address)
        except CannotListenError as error:
            raise UnreachableError(f"no UDP socket can be opened: {error.socketError}") from None
        except OSError as error:
            self._close()
            raise UnreachableError(f"nothing can be sent to it: {error.strerror}") from None

    def stop(self) -> Deferred[None]:
        """Close the socket; fires when it is closed."""
        self._close()
        return gatherResults(self._closing).addCallback(lambda _: None)

    def received(self, datagram: bytes, sender: Address) -> None:
        """Give a tracker's answer to whoever waits for it."""
        try:
            action, number = udptracker.reply_header(datagram)
            transaction = self._transactions[number]
            if transaction.address == sender:
                transaction.received(action, datagram)
        except (KeyError, ValueError):
            return

    def lost(self, port: _Port) -> None:
        """Forget a socket that is closed, perhaps by the reactor after an error."""
        if self._port is port:
            self._port = None

    def _opened(self) -> _Port:
        if self._port is None:
            port = _Port(self)
            self._reactor.listenUDP(0, port, interface=self._interface, maxPacketSize=MAX_DATAGRAM)
            self._port = port
        return self._port

    def _close(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        closed = port.close()
        self._closing.add(closed)
        closed.addBoth(lambda _: self._closing.discard(closed))


class _Port(DatagramProtocol):
    """One opening of the socket: Twisted's protocols cannot be listened with twice."""

    noisy = False
    transport: Any

    def __init__(self, owner: TrackerSocket) -> None:
        self._owner = owner

    def write(self, datagram: bytes, address: Address) -> None:
        self.transport.write(datagram, (address.host, address.port))

    def close(self) -> Deferred[None]:
        return maybeDeferred(self.transport.stopListening)

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        self._owner.received(datagram, Address(canonical_host(addr[0]), addr[1]))

    def stopProtocol(self) -> None:
        self._owner.lost(self)
