"""Trackers to test against, on the simulated network: scripted web servers and UDP trackers."""

from collections.abc import Callable
from random import Random
from struct import pack, unpack_from

from twisted.internet.protocol import DatagramProtocol, Factory, Protocol
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.testing.network import Network
from txtorrent.bencode import encode
from txtorrent.wire.announce import AnnounceRequest, Event

INFO_HASH = bytes(range(20))
PEER_ID = b"-TX0001-\x00\xff&=%+ abcd#"
PEERS = b"\x01\x02\x03\x04\x1a\xe1\x05\x06\x07\x08\x00\x50"
ANSWER = encode({b"interval": 900, b"complete": 3, b"incomplete": 4, b"peers": PEERS})


def request(**changes):
    told = {
        "info_hash": INFO_HASH,
        "peer_id": PEER_ID,
        "port": 6881,
        "uploaded": 1,
        "downloaded": 2,
        "left": 3,
        "corrupt": 4,
        "event": Event.STARTED,
        "key": 0xABCDEF,
        "numwant": 50,
    }
    return AnnounceRequest(**(told | changes))


class World:
    """A client's host, and trackers at other hosts under names."""

    def __init__(self, seed: int = 1) -> None:
        self.network = Network(seed)
        self.clock = self.network.clock
        self.client = self.network.host("198.51.100.1", "2001:db8::1", "10.0.0.1")
        self.random = Random(seed)
        self.hosts = {}
        self.ports = []

    def at(self, address: str, *names: str):
        """Give the host at `address`, made when it is new, and let `names` lead to it."""
        if address not in self.hosts:
            self.hosts[address] = self.network.host(address)
        for name in names:
            self.network.names[name] = [*self.network.names.get(name, ()), address]
        return self.hosts[address]

    def web(self, address: str, *names: str, port: int = 80, answer=lambda request: ANSWER):
        """Let a web server run; gives its page."""
        page = Page(answer)
        host = self.client if address.startswith("127.") else self.at(address, *names)
        site = Site(page, reactor=host)
        self.ports.append(host.listenTCP(port, site, interface=address))
        return page

    def raw(self, address: str, *names: str, port: int = 80, talk: Callable | None = None):
        """Let a server run that calls `talk` with each connection's transport."""
        host = self.at(address, *names)
        talker = Factory.forProtocol(lambda: _Talker(talk, host))
        listening = host.listenTCP(port, talker, interface=address)
        self.ports.append(listening)
        return listening

    def udp(self, address: str, *names: str, port: int = 6969, **habits):
        """Let a UDP tracker run."""
        tracker = UdpTracker(**habits)
        host = self.client if address.startswith("127.") else self.at(address, *names)
        self.ports.append(host.listenUDP(port, tracker, interface=address))
        return tracker

    def run(self, deferred, limit: float = 60.0):
        """Give what the Deferred fires with; raise what it fails with."""
        return self.clock.result_of(deferred, limit)

    def leftovers(self):
        """Close the trackers and tell what is left then: nothing, if the client is through."""
        for port in self.ports:
            port.stopListening()
        self.clock.advance(1)
        return self.network.leftovers()


class Page(Resource):
    """Every page of a web server; notes what is asked for."""

    isLeaf = True

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer = answer
        self.seen = []

    def render_GET(self, request) -> bytes:
        self.seen.append(request)
        return self.answer(request)

    @property
    def uris(self):
        return [request.uri.decode("ascii") for request in self.seen]


class _Talker(Protocol):
    def __init__(self, talk, host) -> None:
        self.talk = talk
        self.host = host

    def dataReceived(self, data: bytes) -> None:
        talk, self.talk = self.talk, None
        if talk is not None:
            talk(self.transport, self.host)


def redirect(location: str, code: int = 302):
    """An answer that leads elsewhere."""

    def answer(request) -> bytes:
        request.setResponseCode(code)
        request.setHeader(b"location", location.encode("ascii"))
        return b""

    return answer


class UdpTracker(DatagramProtocol):
    """A tracker by BEP 15. `mangle(datagram, action) -> list of datagrams` changes its answers."""

    def __init__(self, connection: int = 0x0102030405060708, peers: bytes = PEERS, **habits):
        self.connection = connection
        self.peers = peers
        self.mangle = habits.get("mangle", lambda datagram, action: [datagram])
        self.error = habits.get("error")
        self.deaf = habits.get("deaf", 0)
        self.seen = []
        self.senders = []

    @property
    def actions(self):
        return [unpack_from("!I", datagram, 8)[0] for datagram in self.seen]

    def datagramReceived(self, datagram: bytes, addr) -> None:
        self.seen.append(datagram)
        self.senders.append(addr)
        if self.deaf:
            self.deaf -= 1
            return
        _, action, transaction = unpack_from("!QII", datagram)
        for reply in self.mangle(self.reply(action, transaction, datagram), action):
            self.transport.write(reply, addr)

    def reply(self, action: int, transaction: int, datagram: bytes) -> bytes:
        if action == 0:
            return pack("!IIQ", 0, transaction, self.connection)
        if self.error is not None:
            return pack("!II", 3, transaction) + self.error
        if action == 1:
            return pack("!IIIII", 1, transaction, 1200, 4, 3) + self.peers
        hashes = (len(datagram) - 16) // 20
        rows = (pack("!III", 10 + n, 20 + n, 30 + n) for n in range(hashes))
        return pack("!II", 2, transaction) + b"".join(rows)
