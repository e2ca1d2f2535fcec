"""A simulated network for tests: hosts on which unmodified Twisted code runs, on a virtual clock.

    network = Network(seed=1)
    server, client = network.host("10.0.0.1"), network.host("10.0.0.2", up=1_000_000)
    port = server.listenTCP(6881, factory)
    endpoint = TCP4ClientEndpoint(client, "10.0.0.1", 6881)
    protocol = network.clock.result_of(endpoint.connect(other_factory))
    network.cut(server, client)
    network.clock.advance(30)

The same seed gives the same order of everything.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from random import Random

from tests.testing.clock import HeapClock
from tests.testing.host import Host
from tests.testing.line import Path
from tests.testing.sockets import canonical, is_loopback
from tests.testing.tcp import StreamSocket
from tests.testing.udp import DatagramSocket

# Seconds, one way, from a host to the middle: a round trip of 20 ms between two hosts.
LATENCY = 0.005


class Network:
    """Hosts, the paths between them, and what can go wrong on the way.

    `names` maps a name to its addresses. `loss` is the probability that a datagram is lost and
    `jitter` the most seconds one may be late, so that datagrams overtake each other; TCP knows
    neither. `random` draws them and nothing else does."""

    def __init__(self, seed: int = 0) -> None:
        self.clock = HeapClock()
        self.random = Random(seed)
        self.names: dict[str, Sequence[str]] = {}
        self.loss = 0.0
        self.jitter = 0.0
        self.hosts: list[Host] = []
        self.streams: dict[int, StreamSocket] = {}
        self._by_address: dict[str, Host] = {}
        self._paths: dict[tuple[str, str], Path] = {}
        self._serial = 0
        self._nowhere = Host(self, (), None, None, 0.0)
        self._nowhere.vanished = True

    def host(
        self,
        *addresses: str,
        up: float | None = None,
        down: float | None = None,
        latency: float = LATENCY,
    ) -> Host:
        """A host with these addresses (the first of a family is where it connects from), whose
        line carries `up` and `down` bytes/s and lies `latency` seconds from the middle."""
        own = tuple(canonical(address) for address in addresses)
        assert own, "a host has an address"
        made = Host(self, own, up, down, latency)
        for address in own:
            assert address not in self._by_address, f"two hosts with the address {address}"
            self._by_address[address] = made
        self.hosts.append(made)
        return made

    # -- what can go wrong

    def cut(self, a: Host, b: Host) -> None:
        """Nothing passes between the two: TCP stalls, datagrams are lost."""
        self.path(a, b).cut = True

    def heal(self, a: Host, b: Host) -> None:
        """Things pass again; what TCP sent meanwhile arrives."""
        self.path(a, b).cut = False
        self.release()

    def reset(self, host: Host) -> None:
        """Every TCP connection of this host is reset: both sides see ConnectionLost."""
        for stream in list(self.streams.values()):
            if host in (stream.path.a, stream.path.b):
                self.clock.post(self.clock.seconds(), stream.broken, errno.ECONNRESET)

    def leftovers(self) -> list[str]:
        """What a program that has stopped cleanly leaves none of: timers, connections, ports."""
        left = [repr(timer) for timer in self.clock.timers()]
        for host in self.hosts:
            for sim in host.sockets.values():
                left.append(f"<{_what(sim)} of {host.name}: port {sim.port}>")
        return left

    # -- for the hosts and sockets

    def delay_of_datagram(self, path: Path) -> float | None:
        """Seconds a datagram takes; None when it is lost."""
        if path.a is path.b:
            return path.latency
        if self.random.random() < self.loss:
            return None
        return path.latency + self.random.random() * self.jitter

    def next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def find(self, asking: Host, address: str) -> Host:
        """Whose address that is; a host nobody reaches when it is nobody's."""
        if is_loopback(address):
            return asking
        return self._by_address.get(address, self._nowhere)

    def path(self, a: Host, b: Host) -> Path:
        key = (a.name, b.name) if a.name < b.name else (b.name, a.name)
        path = self._paths.get(key)
        if path is None:
            path = self._paths[key] = Path(a, b)
        return path

    def release(self) -> None:
        """Let what TCP holds back pass where the path is open again."""
        for stream in list(self.streams.values()):
            stream.inflow.release()


def _what(sim: object) -> str:
    if isinstance(sim, DatagramSocket):
        return "UDP port"
    assert isinstance(sim, StreamSocket)
    if sim.listening:
        return "listening port"
    return f"connection to {sim.remote[0]}:{sim.remote[1]}"
