"""Routers to test against: a scripted gateway on the simulated network, and miniupnpc's object."""

from struct import pack, unpack_from

from twisted.internet.defer import Deferred, execute, gatherResults
from twisted.internet.protocol import DatagramProtocol

from txtorrent.address import packed
from txtorrent.wire import ssdp

OUTSIDE = "203.0.113.5"
URL = "http://192.168.1.1:5000/rootDesc.xml"


class Gateway(DatagramProtocol):
    """Answers PCP, NAT-PMP or both at port 5351; `lie(datagram) -> list` changes its answers."""

    def __init__(self, host, *speaks: str, outside: str = OUTSIDE, lifetime=None, interface=""):
        self.host = host
        self.speaks = speaks
        self.outside = outside
        self.lifetime = lifetime
        self.result = 0
        self.error_lifetime = 30
        self.silent = False
        self.lie = lambda answer: [answer]
        self.started = -1000.0
        self.port_given: int | None = None
        self.seen: list[tuple[float, bytes, tuple[str, int]]] = []
        self.mapped: dict[tuple[str, int], int] = {}
        self.listening = host.listenUDP(5351, self, interface=interface)

    def restart(self) -> None:
        """Forget everything, as when the power was gone."""
        self.started = self.host.seconds()
        self.mapped.clear()

    @property
    def epoch(self) -> int:
        return int(self.host.seconds() - self.started)

    @property
    def versions(self) -> list[int]:
        return [datagram[0] for _, datagram, _ in self.seen]

    @property
    def times(self) -> list[float]:
        return [at for at, _, _ in self.seen]

    def datagramReceived(self, datagram: bytes, addr) -> None:
        self.seen.append((self.host.seconds(), datagram, addr))
        if self.silent:
            return
        answer = self.pcp(datagram) if datagram[0] == 2 else self.natpmp(datagram)
        if answer is not None:
            for each in self.lie(answer):
                self.transport.write(each, addr)

    def pcp(self, datagram: bytes) -> bytes | None:
        if "pcp" not in self.speaks:
            if "nat-pmp" not in self.speaks:
                return None
            return pack("!BBHI", 0, 0x80 | datagram[1], 1, self.epoch)
        lifetime = unpack_from("!I", datagram, 4)[0]
        nonce, transport, internal, wish = unpack_from("!12sB3xHH", datagram, 24)
        lifetime = min(lifetime, self.lifetime or lifetime)
        if self.result:
            lifetime = self.error_lifetime
        else:
            self.keep("TCP" if transport == 6 else "UDP", internal, wish, lifetime)
        header = pack("!BBBBII12x", 2, 129, 0, self.result, lifetime, self.epoch)
        external = self.port_given or wish
        wide = packed(self.outside)
        wide = bytes(10) + b"\xff\xff" + wide if len(wide) == 4 else wide
        return header + pack("!12sB3xHH", nonce, transport, internal, external) + wide

    def natpmp(self, datagram: bytes) -> bytes | None:
        if "nat-pmp" not in self.speaks:
            return None
        if datagram[1] == 0:
            return pack("!BBHI", 0, 128, self.result, self.epoch) + packed(self.outside)
        internal, wish, lifetime = unpack_from("!HHI", datagram, 4)
        lifetime = min(lifetime, self.lifetime or lifetime)
        if not self.result:
            self.keep("TCP" if datagram[1] == 2 else "UDP", internal, wish, lifetime)
        external = self.port_given or wish
        code = 0x80 | datagram[1]
        return pack("!BBHIHHI", 0, code, self.result, self.epoch, internal, external, lifetime)

    def keep(self, protocol: str, internal: int, wish: int, lifetime: int) -> None:
        if lifetime:
            self.mapped[protocol, internal] = self.port_given or wish
        else:
            self.mapped.pop((protocol, internal), None)


class SsdpRouter(DatagramProtocol):
    """Answers searches for a router, from its address, with where its description is."""

    def __init__(self, host, url: str = URL, address: str = "192.168.1.1") -> None:
        self.url = url
        self.searches: list[bytes] = []
        self.listening = host.listenMulticast(ssdp.PORT, self, listenMultiple=True)
        self.transport.joinGroup(ssdp.GROUP, address)
        self.voice = host.listenUDP(0, DatagramProtocol(), interface=address)

    def datagramReceived(self, datagram: bytes, addr) -> None:
        self.searches.append(datagram)
        if ssdp.TARGETS[0].encode() in datagram:
            answer = f"HTTP/1.1 200 OK\r\nST: {ssdp.TARGETS[0]}\r\nLOCATION: {self.url}\r\n\r\n"
            self.voice.write(answer.encode(), addr)

    def stopListening(self):
        """Be gone; fires when that is done."""
        return gatherResults([self.listening.stopListening(), self.voice.stopListening()])


class Device:
    """What miniupnpc's object does, without a network."""

    def __init__(self, control: str = "http://192.168.1.1:5000/ctl/IPConn") -> None:
        self.control = control
        self.outside = OUTSIDE
        self.taken: set[int] = set()
        self.only_for_good = False
        self.error = ""
        self.calls: list[tuple] = []
        self.mapped: dict[tuple[int, str], tuple] = {}

    def selectigd(self, url: str) -> str:
        self.calls.append(("selectigd", url))
        return self.control

    def externalipaddress(self) -> str:
        return self.outside

    def addportmapping(self, external, protocol, host, internal, description, remote, lease):
        self.calls.append(("add", external, protocol, lease))
        if self.error:
            raise Exception(self.error)
        if external in self.taken:
            raise Exception("ConflictInMappingEntry")
        if lease and self.only_for_good:
            raise Exception("OnlyPermanentLeasesSupported")
        self.mapped[external, protocol] = (host, internal, description, remote, lease)
        return True

    def deleteportmapping(self, external, protocol):
        self.calls.append(("delete", external, protocol))
        del self.mapped[external, protocol]
        return True


class Threads:
    """A thread pool that works at once, or when it is told to."""

    def __init__(self) -> None:
        self.stuck = False
        self.waiting: list[Deferred] = []

    def run(self, call, *args) -> Deferred:
        if self.stuck:
            self.waiting.append(Deferred())
            return self.waiting[-1]
        return execute(call, *args)
