"""Trackers for whole swarms on the simulated network: they tell who announced to the others.

BEP 3, 7 and 23 over HTTP, BEP 15 over UDP. Tests read `announces` to see who asked, and when.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack, unpack, unpack_from

from attrs import define, field, frozen
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import DatagramProtocol
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.testing.host import Host
from tests.testing.sockets import canonical
from txtorrent.address import Address
from txtorrent.address import pack as compact
from txtorrent.bencode import Value, encode
from txtorrent.wire.announce import Event

# What a UDP tracker hands out to those who ask from the address they claim.
CONNECTION = 0x0123456789ABCDEF


@frozen
class Announce:
    """One announce as it reached the tracker; `at` is in virtual seconds."""

    at: float
    info_hash: bytes
    peer_id: bytes
    address: Address
    event: Event
    left: int
    uploaded: int
    downloaded: int
    numwant: int


@define(eq=False)
class Register:
    """Who is in which swarm. `interval` and `min_interval` are seconds, the latter None: untold.

    `extra` are addresses told to everybody; `silent` trackers take announces and never answer."""

    host: Host
    interval: int = 1800
    min_interval: int | None = None
    extra: Sequence[Address] = ()
    silent: bool = False
    announces: list[Announce] = field(factory=list)
    _swarms: dict[bytes, dict[bytes, Announce]] = field(factory=dict)
    _ports: list[IListeningPort] = field(factory=list)

    def listen_http(self, port: int = 80) -> str:
        """Answer over HTTP from now on, over both families; gives the announce URL."""
        site = Site(_Page(self), reactor=self.host)
        for address in self.host.addresses:
            self._ports.append(self.host.listenTCP(port, site, interface=address))
        return f"http://{_authority(self.host.addresses[0], port)}/announce"

    def listen_udp(self, port: int = 6969) -> str:
        """Answer over UDP from now on; gives the announce URL."""
        address = self.host.addresses[0]
        listening = self.host.listenUDP(port, _Datagrams(self), interface=address)
        self._ports.append(listening)
        return f"udp://{_authority(address, port)}/announce"

    def close(self) -> None:
        """Answer no more."""
        while self._ports:
            self._ports.pop().stopListening()

    def heard(self, announce: Announce) -> list[Address]:
        """Note an announce; gives the other peers of its swarm, as many as were asked for."""
        self.announces.append(announce)
        swarm = self._swarms.setdefault(announce.info_hash, {})
        swarm.pop(announce.peer_id, None)
        if announce.event is Event.STOPPED:
            return []
        known = [peer.address for peer in swarm.values()]
        swarm[announce.peer_id] = announce
        # The latest first, as those are the likeliest to be there.
        return [*self.extra, *reversed(known)][: announce.numwant]

    def counts(self, info_hash: bytes) -> tuple[int, int]:
        """Seeders and leechers."""
        swarm = self._swarms.get(info_hash, {}).values()
        seeders = sum(not peer.left for peer in swarm)
        return seeders, len(swarm) - seeders

    def from_host(self, host: str) -> list[Announce]:
        """The announces that came from this IP address."""
        return [announce for announce in self.announces if announce.address.host == host]


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Page(Resource):
    isLeaf = True

    def __init__(self, register: Register) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._register = register

    def render_GET(self, request: Request) -> bytes | int:
        args = request.args
        assert args is not None
        register, peer = self._register, request.getClientAddress()
        event = args.get(b"event", [b"none"])[0].decode("ascii")
        announce = Announce(
            at=register.host.seconds(),
            info_hash=args[b"info_hash"][0],
            peer_id=args[b"peer_id"][0],
            address=Address(canonical(peer.host), int(args[b"port"][0])),
            event=Event[event.upper()],
            left=int(args[b"left"][0]),
            uploaded=int(args[b"uploaded"][0]),
            downloaded=int(args[b"downloaded"][0]),
            numwant=int(args[b"numwant"][0]),
        )
        if register.silent:
            register.announces.append(announce)
            return 1  # twisted.web's NOT_DONE_YET
        return encode(self._answer(announce, register.heard(announce)))

    def _answer(self, announce: Announce, peers: Sequence[Address]) -> dict[bytes, Value]:
        seeders, leechers = self._register.counts(announce.info_hash)
        answer: dict[bytes, Value] = {
            b"interval": self._register.interval,
            b"complete": seeders,
            b"incomplete": leechers,
            b"peers": b"".join(compact(peer) for peer in peers if ":" not in peer.host),
            b"peers6": b"".join(compact(peer) for peer in peers if ":" in peer.host),
        }
        if self._register.min_interval is not None:
            answer[b"min interval"] = self._register.min_interval
        return answer


class _Datagrams(DatagramProtocol):
    def __init__(self, register: Register) -> None:
        self._register = register

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        connection, action, transaction = unpack_from("!QII", datagram)
        if action == 0:
            self._send(pack("!IIQ", 0, transaction, CONNECTION), addr)
        elif action == 1 and connection == CONNECTION:
            self._announced(datagram, transaction, addr)

    def _announced(self, datagram: bytes, transaction: int, addr: tuple[str, int]) -> None:
        info_hash, peer_id, downloaded, left, uploaded, event, _, _, numwant, port = unpack(
            "!20s20sQQQIIIiH", datagram[16:98]
        )
        announce = Announce(
            at=self._register.host.seconds(),
            info_hash=info_hash,
            peer_id=peer_id,
            address=Address(canonical(addr[0]), port),
            event=Event(event),
            left=left,
            uploaded=uploaded,
            downloaded=downloaded,
            numwant=numwant,
        )
        peers = self._register.heard(announce)
        seeders, leechers = self._register.counts(info_hash)
        head = pack("!IIIII", 1, transaction, self._register.interval, leechers, seeders)
        family = ":" in announce.address.host
        same = [compact(peer) for peer in peers if (":" in peer.host) == family]
        self._send(head + b"".join(same), addr)

    def _send(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if not self._register.silent:
            self.transport.write(datagram, addr)  # type: ignore[union-attr]
