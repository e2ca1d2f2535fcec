"""A network of DHT nodes without sockets: datagrams arrive after a latency, on a virtual clock.

`DhtNet` carries what nodes at addresses of their own send; datagrams to nobody vanish.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from tests.testing.clock import HeapClock
from txtorrent.address import Address
from txtorrent.dht.dht import Dht, DhtOptions
from txtorrent.dht.node import Node

# Latency of a datagram, seconds: from one end of the world to the other.
FASTEST, SLOWEST = 0.01, 0.15
PORT = 6881

Receive = Callable[[bytes, Address], None]


class DhtNet:
    """The network. `random` decides everything; the same seed gives the same run."""

    def __init__(self, seed: int = 0, clock: HeapClock | None = None) -> None:
        self.random = Random(seed)
        self.clock = clock or HeapClock()
        self.sent: Counter[Address] = Counter()
        self.carried = 0
        self.watch: Callable[[bytes, Address, Address], None] | None = None
        self._ends: dict[Address, Receive] = {}
        self._hosts: set[str] = set()

    def host(self) -> str:
        """A public IPv4 address whose /24 nobody else is in."""
        while True:
            first = self.random.choice((20, 45, 62, 80, 93, 120, 150, 185, 200))
            host = f"{first}.{self.random.randrange(256)}.{self.random.randrange(256)}.7"
            if host not in self._hosts:
                self._hosts.add(host)
                return host

    def attach(self, address: Address, receive: Receive) -> None:
        """Have datagrams to an address received."""
        self._ends[address] = receive

    def detach(self, address: Address) -> None:
        """Have them vanish."""
        del self._ends[address]

    def send(self, data: bytes, source: Address, target: Address) -> None:
        """Carry a datagram."""
        self.sent[source] += 1
        if self.watch is not None:
            self.watch(data, source, target)
        if target in self._ends:
            delay = self.random.uniform(FASTEST, SLOWEST)
            self.clock.post(self.clock.seconds() + delay, self._arrive, data, source, target)

    def _arrive(self, data: bytes, source: Address, target: Address) -> None:
        receive = self._ends.get(target)
        if receive is not None:
            self.carried += 1
            receive(data, source)


class NetDht:
    """A node of ours in the network, at its address from `start` to `leave`.

    It knows its own address, as nodes do after some votes. `port` is its TCP port."""

    def __init__(
        self, net: DhtNet, host: str | None = None, port: int = PORT, **options: Any
    ) -> None:
        self.net = net
        self.address = Address(host or net.host(), PORT)
        self.seen: Counter[str] = Counter()
        options.setdefault("routers", ())
        self.dht = Dht(
            net.clock,
            net.random,
            lambda data, target: net.send(data, self.address, target),
            lambda: port,
            DhtOptions(ipv4=":" not in self.address.host, ipv6=":" in self.address.host, **options),
            lambda ours, voter: self.seen.update([ours]),
            udp_port=lambda: PORT,
        )

    @property
    def node(self) -> Node:
        """Its node of the one family."""
        return self.dht._all[0]

    def start(self, via: Address | None = None, state: bytes | None = None) -> None:
        """Come up, and get to know one node."""
        self.net.attach(self.address, self.dht.received)
        self.dht.start(state)
        self.dht.know_ourselves(self.address.host)
        if via is not None:
            self.dht.add_node(via)

    def leave(self) -> bytes:
        """Go; nobody is told."""
        self.net.detach(self.address)
        return self.dht.stop()


def many(net: DhtNet, count: int, seconds_each: float = 0.2) -> list[NetDht]:
    """So many nodes, each of which has come in by one of those before it."""
    nodes: list[NetDht] = []
    for _ in range(count):
        node = NetDht(net)
        node.start(net.random.choice(nodes).address if nodes else None)
        nodes.append(node)
        net.clock.advance(seconds_each)
    return nodes
