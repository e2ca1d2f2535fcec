"""Simulated UDP sockets: datagrams that are late, lost, or out of order as the network says.

A datagram to nobody vanishes: no ICMP comes back. Multicast reaches every host that has joined.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from ipaddress import ip_address
from typing import TYPE_CHECKING

from tests.testing.line import Path
from tests.testing.sockets import (
    ANY4,
    ANY6,
    SimSocket,
    SockAddr,
    canonical,
    family_of,
    os_error,
)

if TYPE_CHECKING:
    from tests.testing.host import Host

# Largest datagram, bytes: what IPv4 has room for.
LARGEST = 65507
# Bytes of datagrams a socket keeps for a program that does not read; the rest is lost (Linux).
RECEIVE_BUFFER = 212_992
# Bytes of datagrams that may wait for the sender's line; the rest is lost.
SEND_QUEUE = 212_992


class DatagramSocket(SimSocket):
    """A UDP socket."""

    kind = socket.SOCK_DGRAM

    def __init__(self, host: Host, family: socket.AddressFamily) -> None:
        super().__init__(host, family)
        self._inbox: deque[tuple[bytes, SockAddr]] = deque()
        self._inbox_size = 0
        self._connected: tuple[str, int] | None = None
        self.groups: list[str] = []

    # -- the calls of socket.socket

    def connect(self, name: SockAddr) -> None:
        self._connected = canonical(name[0]), name[1]

    def send(self, datagram: bytes) -> int:
        if self._connected is None:
            raise os_error(errno.EDESTADDRREQ)
        return self.sendto(datagram, self._connected)

    def sendto(self, datagram: bytes, name: SockAddr) -> int:
        """Send, or lose. OSError: EMSGSIZE, ENETUNREACH."""
        data = bytes(datagram)
        if len(data) > LARGEST:
            raise os_error(errno.EMSGSIZE)
        target = canonical(name[0])
        bound = self.address not in (None, ANY4, ANY6)
        source = self.address if bound else self.host.source_for(target)
        if source is None or family_of(source) != family_of(target):
            raise os_error(errno.ENETUNREACH)
        for host in self._receivers(target):
            path = self.host.network.path(self.host, host)
            line = path.line_out(self.host)
            if line.waiting(self.serial) <= SEND_QUEUE:
                datagram_ = (data, (source, self.port), (target, name[1]))
                line.carry(self.serial, len(data), self._launch, path, host, datagram_)
        return len(data)

    def recvfrom(self, size: int) -> tuple[bytes, SockAddr]:
        """The next datagram, cut to `size`, and where it came from. OSError: EWOULDBLOCK."""
        if not self._inbox:
            raise os_error(errno.EWOULDBLOCK)
        data, name = self._inbox.popleft()
        self._inbox_size -= len(data)
        return data[:size], name

    # -- for the host

    @property
    def can_read(self) -> bool:
        return bool(self._inbox)

    @property
    def can_write(self) -> bool:
        return not self.closed

    def hears(self, source: tuple[str, int]) -> bool:
        """Whether a datagram from there is for us: a connected socket has one correspondent."""
        return self._connected is None or self._connected == source

    def landed(self, data: bytes, source: tuple[str, int]) -> None:
        if self.closed or self._inbox_size + len(data) > RECEIVE_BUFFER:
            return
        self._inbox.append((data, self._name(*source)))
        self._inbox_size += len(data)
        if not self._read_asked:
            self._read()

    # -- the way

    def _receivers(self, target: str) -> list[Host]:
        network = self.host.network
        if ip_address(target).is_multicast or target == "255.255.255.255":
            return [host for host in network.hosts if host.hears_group(target)]
        return [network.find(self.host, target)]

    def _launch(
        self, path: Path, host: Host, datagram: tuple[bytes, tuple[str, int], tuple[str, int]]
    ) -> None:
        network = self.host.network
        if path.a is not path.b and network.random.random() < network.loss:
            return
        due = network.clock.seconds() + path.latency
        if network.jitter and path.a is not path.b:
            due += network.random.random() * network.jitter
        network.clock.post(due, self._arrives, path, host, datagram)

    def _arrives(
        self, path: Path, host: Host, datagram: tuple[bytes, tuple[str, int], tuple[str, int]]
    ) -> None:
        if path.is_open:
            size = len(datagram[0])
            path.line_in(host).carry(self.serial, size, host.datagram_arrived, *datagram)
