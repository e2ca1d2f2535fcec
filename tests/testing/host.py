"""A simulated host: a reactor of its own on the shared clock and network.

It gives Twisted's own transports simulated sockets and calls their doRead and doWrite as an
epoll reactor would. Threads and processes are not simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from twisted.internet import error
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import (
    IConnector,
    IDelayedCall,
    IHalfCloseableDescriptor,
    IHostnameResolver,
    IListeningPort,
    IMulticastTransport,
    IReactorFDSet,
    IReactorFromThreads,
    IReactorMulticast,
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

from tests.testing.line import Line
from tests.testing.names import Resolver
from tests.testing.ports import PortTable
from tests.testing.sockets import SimSocket, family_of, is_loopback
from tests.testing.transports import SimConnector, SimDatagramPort, SimMulticastPort, SimPort

if TYPE_CHECKING:
    from tests.testing.network import Network

_log = Logger()


@implementer(
    IReactorTime,
    IReactorTCP,
    IReactorUDP,
    IReactorMulticast,
    IReactorFDSet,
    IReactorFromThreads,
    IReactorPluggableNameResolver,
)
class Host:
    """Made by `Network.host`. `up` and `down` are bytes/s, None without limit; `latency` is in
    seconds, one way, from here to the middle of the network. All three may be changed.

    `refuse`: every incoming connection is refused. `drops_incoming`: it is ignored, as behind a
    firewall; so are datagrams from whom none was sent to."""

    running = True
    refuse = False
    vanished = False

    def __init__(
        self,
        network: Network,
        addresses: tuple[str, ...],
        up: float | None,
        down: float | None,
        latency: float,
    ) -> None:
        self.network = network
        self.clock = network.clock
        self.name = addresses[0] if addresses else "nowhere"
        self.addresses = addresses
        self.latency = latency
        self.up_line = Line(self.clock, up)
        self.down_line = Line(self.clock, down)
        self.loopback = Line(self.clock, None)
        self.ports = PortTable()
        self.sockets: dict[int, SimSocket] = {}
        self.nameResolver: IHostnameResolver = Resolver(self)
        self._lives = 0

    def __repr__(self) -> str:
        return f"<Host {self.name}>"

    # -- what can go wrong

    @property
    def drops_incoming(self) -> bool:
        return self.ports.guarded

    @drops_incoming.setter
    def drops_incoming(self, drops: bool) -> None:
        self.ports.guarded = drops

    def vanish(self) -> None:
        """Drop off the network without a word: our packets and those to us go nowhere."""
        self.vanished = True

    def appear(self) -> None:
        """Be back, with the connections that have not been given up meanwhile."""
        self.vanished = False
        self.network.release()

    def kill(self) -> None:
        """The program dies, as by kill -9: nothing of it is called any more, its timers are gone,
        and the kernel closes its sockets. Another may be started in its place."""
        self._lives += 1
        for timer in self.clock.timers():
            if timer.owner == self.name:
                timer.cancel()
        for sim in list(self.sockets.values()):
            sim.close()

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

    # -- IReactorTCP, IReactorUDP, IReactorMulticast

    def listenTCP(
        self, port: int, factory: Factory[Any], backlog: int = 50, interface: str = ""
    ) -> IListeningPort:
        listening = SimPort(port, factory, backlog, interface, self)
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
        connector = SimConnector(host, port, factory, timeout, bindAddress, self)
        connector.connect()
        return connector

    def listenUDP(
        self, port: int, protocol: DatagramProtocol, interface: str = "", maxPacketSize: int = 8192
    ) -> IListeningPort:
        listening = SimDatagramPort(  # type: ignore[no-untyped-call]
            port, protocol, interface, maxPacketSize, self
        )
        listening.startListening()  # type: ignore[no-untyped-call]
        return listening

    def listenMulticast(
        self,
        port: int,
        protocol: DatagramProtocol,
        interface: str = "",
        maxPacketSize: int = 8192,
        listenMultiple: bool = False,
    ) -> IMulticastTransport:
        listening = SimMulticastPort(port, protocol, interface, maxPacketSize, self, listenMultiple)
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
        self.soon(0.0, lambda: callable(*args, **kwargs))

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
        writers: list[Any] = self.getWriters()
        readers = [reader for reader in self.getReaders() if reader not in writers]
        for sim in self.sockets.values():
            sim.reader = sim.writer = None
        return [*readers, *writers]

    # -- for the sockets

    def do_read(self, reader: IReadDescriptor) -> None:
        self._do(reader, reader.doRead, True)

    def do_write(self, writer: IWriteDescriptor) -> None:
        self._do(writer, writer.doWrite, False)

    def disconnect(
        self, descriptor: IReadDescriptor | IWriteDescriptor, why: BaseException, reads: bool
    ) -> None:
        """As Twisted's reactors do with a descriptor that is finished."""
        self.removeReader(cast(IReadDescriptor, descriptor))
        reason = Failure(why)
        half = reads and type(why) is error.ConnectionDone
        if half and IHalfCloseableDescriptor.providedBy(descriptor):
            cast(IHalfCloseableDescriptor, descriptor).readConnectionLost(reason)
        else:
            self.removeWriter(cast(IWriteDescriptor, descriptor))
            descriptor.connectionLost(reason)

    def soon(self, delay: float, call: Callable[[], object]) -> None:
        """Have this called unless the program dies first; it is no timer of the program's."""
        self.clock.post(self.clock.seconds() + delay, self._call, self._lives, call)

    def forget(self, sim: SimSocket) -> None:
        self.sockets.pop(sim.serial, None)

    def owns(self, address: str) -> bool:
        return address in self.addresses or is_loopback(address)

    def source_for(self, target: str) -> str | None:
        """Our address to reach that one from; None without one of its family."""
        if self.owns(target):
            return target
        family = family_of(target)
        return next((each for each in self.addresses if family_of(each) == family), None)

    def _call(self, life: int, call: Callable[[], object]) -> None:
        if life == self._lives:
            try:
                call()
            except Exception:
                _log.failure("Unexpected error on {host}", host=self.name)

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
