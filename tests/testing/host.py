"""A simulated host: a reactor of its own on the shared clock and network.

It gives Twisted's own transports (`twisted.internet.tcp`, `twisted.internet.udp`) simulated
sockets and calls their doRead and doWrite as an epoll reactor would. Threads and processes are
not simulated.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import error, tcp, udp
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import (
    IConnector,
    IDelayedCall,
    IHalfCloseableDescriptor,
    IHostnameResolver,
    IListeningPort,
    IReactorFDSet,
    IReactorFromThreads,
    IReactorPluggableNameResolver,
    IReactorTCP,
    IReactorTime,
    IReactorUDP,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.internet.protocol import ClientFactory, DatagramProtocol, Factory
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.testing.clock import HeapClock
from tests.testing.line import Line
from tests.testing.names import Resolver
from tests.testing.sockets import ANY4, ANY6, SimSocket, family_of, is_loopback, os_error
from tests.testing.tcp import StreamSocket
from tests.testing.udp import DatagramSocket

if TYPE_CHECKING:
    from tests.testing.network import Network

# Ports given out when none is asked for (IANA's dynamic range).
FIRST_FREE_PORT, LAST_FREE_PORT = 49152, 65535

_log = Logger()


class _Port(tcp.Port):
    def createInternetSocket(self) -> socket.socket:
        host = cast("Host", self.reactor)
        sim = StreamSocket(host, self.addressFamily)
        sim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return cast(socket.socket, sim)


class _Client(tcp.Client):
    def createInternetSocket(self) -> socket.socket:
        host = cast("Host", self.connector.reactor)
        return cast(socket.socket, StreamSocket(host, self.addressFamily))


class _Connector(tcp.Connector):
    def _makeTransport(self) -> tcp.Client:
        return _Client(  # type: ignore[no-untyped-call]
            self.host, self.port, self.bindAddress, self, self.reactor
        )


class _DatagramPort(udp.Port):
    def createInternetSocket(self) -> socket.socket:
        host = cast("Host", self.reactor)
        return cast(socket.socket, DatagramSocket(host, self.addressFamily))


@implementer(
    IReactorTime,
    IReactorTCP,
    IReactorUDP,
    IReactorFDSet,
    IReactorFromThreads,
    IReactorPluggableNameResolver,
)
class Host:
    """Made by `Network.host`. `up` and `down` are bytes/s, None without limit; `latency` is in
    seconds, one way, from here to the middle of the network.

    `refuse`: every incoming connection is refused. `drops_incoming`: it is ignored, as behind a
    firewall; so are datagrams from whom none was sent to."""

    running = True

    def __init__(
        self,
        network: Network,
        addresses: tuple[str, ...],
        up: float | None,
        down: float | None,
        latency: float,
    ) -> None:
        self.network = network
        self.clock: HeapClock = network.clock
        self.addresses = addresses
        self.latency = latency
        self.refuse = False
        self.drops_incoming = False
        self.vanished = False
        self.up_line = Line(self.clock, up)
        self.down_line = Line(self.clock, down)
        self.loopback = Line(self.clock, None)
        self.sockets: dict[int, SimSocket] = {}
        self.nameResolver: IHostnameResolver = Resolver(self)
        self._bound: dict[tuple[socket.SocketKind, int], list[SimSocket]] = {}
        self._free_port = FIRST_FREE_PORT

    def __repr__(self) -> str:
        return f"<Host {self.name}>"

    def vanish(self) -> None:
        """Drop off the network without a word: our packets and those to us go nowhere."""
        self.vanished = True

    def appear(self) -> None:
        """Be back, with the connections that have not been given up meanwhile."""
        self.vanished = False
        self.network.release()

    @property
    def name(self) -> str:
        return self.addresses[0] if self.addresses else "nowhere"

    # -- IReactorTime

    def seconds(self) -> float:
        return self.clock.seconds()

    def callLater(
        self,
        delay: float,
        callable: Callable[..., Any],  # noqa: A002
        *args: object,
        **kwargs: object,
    ) -> IDelayedCall:
        return self.clock.timer(self.name, delay, callable, args, kwargs)

    def getDelayedCalls(self) -> list[IDelayedCall]:
        return [timer for timer in self.clock.timers() if timer.owner == self.name]

    # -- IReactorTCP, IReactorUDP

    def listenTCP(
        self, port: int, factory: Factory[Any], backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        listening = _Port(port, factory, backlog, interface, self)
        listening.startListening()
        return listening

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: ClientFactory[Any],
        timeout: float = 30.0,
        bindAddress: tuple[str, int] | None = None,
    ) -> IConnector:
        connector = _Connector(host, port, factory, timeout, bindAddress, self)
        connector.connect()
        return connector

    def listenUDP(
        self, port: int, protocol: DatagramProtocol, interface: str = "", maxPacketSize: int = 8192
    ) -> IListeningPort:
        listening = _DatagramPort(  # type: ignore[no-untyped-call]
            port, protocol, interface, maxPacketSize, self
        )
        listening.startListening()  # type: ignore[no-untyped-call]
        return listening

    # -- IReactorPluggableNameResolver, and the part of IReactorCore that libraries use

    def installNameResolver(self, resolver: IHostnameResolver) -> IHostnameResolver:
        previous, self.nameResolver = self.nameResolver, resolver
        return previous

    def resolve(self, name: str, timeout: object = ()) -> Deferred[str]:
        """The first IPv4 address of a name. DNSLookupError."""
        found = [each for each in Resolver(self).addresses(name) if ":" not in each]
        if not found:
            return fail(error.DNSLookupError(f"no address for {name!r}"))
        return succeed(found[0])

    def callWhenRunning(
        self,
        callable: Callable[..., Any],  # noqa: A002
        *args: object,
        **kwargs: object,
    ) -> None:
        callable(*args, **kwargs)

    # -- IReactorFromThreads

    def callFromThread(
        self,
        callable: Callable[..., Any],  # noqa: A002
        *args: object,
        **kwargs: object,
    ) -> None:
        """For work that runs inline in tests: called in an event of its own, now."""
        self.callLater(0, callable, *args, **kwargs)

    # -- IReactorFDSet

    def addReader(self, reader: IReadDescriptor) -> None:
        sim = self.sockets.get(reader.fileno())
        if sim is not None and sim.reader is not reader:
            sim.watch_read(reader)

    def addWriter(self, writer: IWriteDescriptor) -> None:
        sim = self.sockets.get(writer.fileno())
        if sim is not None and sim.writer is not writer:
            sim.watch_write(writer)

    def removeReader(self, reader: IReadDescriptor) -> None:
        sim = self.sockets.get(reader.fileno())
        if sim is not None:
            sim.reader = None

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        sim = self.sockets.get(writer.fileno())
        if sim is not None:
            sim.writer = None

    def getReaders(self) -> list[IReadDescriptor]:
        return [sim.reader for sim in self.sockets.values() if sim.reader is not None]

    def getWriters(self) -> list[IWriteDescriptor]:
        return [sim.writer for sim in self.sockets.values() if sim.writer is not None]

    def removeAll(self) -> list[IReadDescriptor | IWriteDescriptor]:
        removed: list[IReadDescriptor | IWriteDescriptor] = []
        for sim in self.sockets.values():
            for each in (sim.reader, sim.writer):
                if each is not None and each not in removed:
                    removed.append(each)
            sim.reader = sim.writer = None
        return removed

    def do_read(self, reader: IReadDescriptor) -> None:
        self._do(reader, reader.doRead, True)

    def do_write(self, writer: IWriteDescriptor) -> None:
        self._do(writer, writer.doWrite, False)

    def _do(
        self, descriptor: IReadDescriptor | IWriteDescriptor, do: Callable[[], Any], reads: bool
    ) -> None:
        try:
            why = do()
        except Exception as problem:
            _log.failure("Unexpected error on {host}", host=self.name)
            why = problem
        if why:
            self.disconnect(descriptor, why, reads)

    def disconnect(
        self, descriptor: IReadDescriptor | IWriteDescriptor, why: Exception, reads: bool
    ) -> None:
        """As Twisted's reactors do with a descriptor that is finished."""
        self.removeReader(cast(IReadDescriptor, descriptor))
        reason = Failure(why)  # type: ignore[no-untyped-call]
        half = reads and type(why) is error.ConnectionDone
        if half and IHalfCloseableDescriptor.providedBy(descriptor):
            cast(IHalfCloseableDescriptor, descriptor).readConnectionLost(reason)
        else:
            self.removeWriter(cast(IWriteDescriptor, descriptor))
            descriptor.connectionLost(reason)

    # -- addresses and ports, for the sockets

    def owns(self, address: str) -> bool:
        return address in self.addresses or is_loopback(address)

    def source_for(self, target: str) -> str | None:
        """Our address to reach that one from; None without one of its family."""
        if self.owns(target):
            return target
        family = family_of(target)
        return next((each for each in self.addresses if family_of(each) == family), None)

    def free_port(self, kind: socket.SocketKind) -> int:
        while True:
            port = self._free_port
            self._free_port = port + 1 if port < LAST_FREE_PORT else FIRST_FREE_PORT
            if (kind, port) not in self._bound:
                return port

    def bind(self, sim: SimSocket, address: str, port: int) -> None:
        """OSError EADDRINUSE when another socket has that address and port."""
        others = self._bound.setdefault((sim.kind, port), [])
        if any(_conflict(sim, address, other) for other in others):
            raise os_error(errno.EADDRINUSE)
        others.append(sim)
        sim.address, sim.port = address, port

    def unbind(self, sim: SimSocket) -> None:
        others = self._bound[sim.kind, sim.port]
        others.remove(sim)
        if not others:
            del self._bound[sim.kind, sim.port]

    def listener(self, name: tuple[str, int]) -> StreamSocket | None:
        """Who accepts connections to that address and port."""
        for sim in self._bound.get((socket.SOCK_STREAM, name[1]), ()):
            if isinstance(sim, StreamSocket) and sim.listening and _covers(sim, name[0]):
                return sim
        return None

    def hears_group(self, group: str) -> bool:
        joined = (s.groups for s in self.sockets.values() if isinstance(s, DatagramSocket))
        return any(group in groups for groups in joined)

    def datagram_arrived(
        self, data: bytes, source: tuple[str, int], target: tuple[str, int]
    ) -> None:
        for sim in list(self._bound.get((socket.SOCK_DGRAM, target[1]), ())):
            if isinstance(sim, DatagramSocket) and sim.hears(source) and _covers(sim, target[0]):
                sim.landed(data, source)
                return


def _covers(sim: SimSocket, target: str) -> bool:
    """Whether a socket bound to its address hears what is sent to `target`."""
    if sim.address == ANY6:
        return True  # dual stack, as Linux has it: IPv4 comes in as ::ffff:a.b.c.d
    if sim.address == ANY4:
        return family_of(target) == socket.AF_INET
    return sim.address == target


def _conflict(sim: SimSocket, address: str, other: SimSocket) -> bool:
    """Whether `sim` may not be bound to `address` because `other` is bound to its own."""
    if all(s.option(socket.SOL_SOCKET, socket.SO_REUSEPORT) for s in (sim, other)):
        return False
    reuse = all(s.option(socket.SOL_SOCKET, socket.SO_REUSEADDR) for s in (sim, other))
    if reuse and not (isinstance(other, StreamSocket) and other.listening):
        return False
    assert other.address is not None
    wild = (ANY4, ANY6)
    if ANY6 in (address, other.address):
        return True
    if family_of(address) != family_of(other.address):
        return False
    return address == other.address or address in wild or other.address in wild
