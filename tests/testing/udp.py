"""Simulated UDP sockets: datagrams that are late, lost, or out of order as the network says.

A datagram to nobody vanishes: no ICMP comes back. The whole network is one link to multicast
and broadcast.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from attrs import frozen

from tests.testing.line import Path
from tests.testing.sockets import (
    BROADCAST,
    LOOPBACK,
    WILD,
    SimSocket,
    SockAddr,
    canonical,
    family_of,
    is_group,
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

# Options whose value begins with the group that is joined or left.
JOIN = (
    (socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP),
    (socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP),
)
LEAVE = (
    (socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP),
    (socket.IPPROTO_IPV6, socket.IPV6_LEAVE_GROUP),
)
# Whether a host hears what it says to a group itself, by family.
LOOP = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP),
}


@frozen
class Datagram:
    """On its way from one socket name to another."""

    data: bytes
    source: tuple[str, int]
    target: tuple[str, int]


class DatagramSocket(SimSocket):
    """A UDP socket."""

    kind = socket.SOCK_DGRAM

    def __init__(self, host: Host, family: socket.AddressFamily) -> None:
        super().__init__(host, family)
        self._options[LOOP[family]] = 1
        self._groups: list[str] = []
        self._correspondent: tuple[str, int] | None = None
        self._inbox: deque[tuple[bytes, SockAddr]] = deque()
        self._inbox_size = 0
        self._outbox_size = 0

    # -- the calls of socket.socket

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        super().setsockopt(level, option, value)
        if isinstance(value, bytes) and (level, option) in (*JOIN, *LEAVE):
            length = 4 if self.family == socket.AF_INET else 16
            group = canonical(socket.inet_ntop(self.family, value[:length]))
            self._join_or_leave(group, (level, option) in JOIN)

    def connect(self, name: SockAddr) -> None:
        """Fix whom it talks to, and with that the address it talks from. OSError: ENETUNREACH."""
        target = self._target(name)
        if self._device_chooses:
            source = self.host.source_for(target[0])
            if source is None:
                raise os_error(errno.ENETUNREACH)
            self.address = source
        self._correspondent = target

    def send(self, datagram: bytes) -> int:
        if self._correspondent is None:
            raise os_error(errno.EDESTADDRREQ)
        return self.sendto(datagram, self._correspondent)

    def sendto(self, datagram: bytes, name: SockAddr) -> int:
        """Send, or lose. OSError: EMSGSIZE, EINVAL (port 0), EACCES (broadcast), ENETUNREACH."""
        target = self._target(name)
        if len(datagram) > LARGEST:
            raise os_error(errno.EMSGSIZE)
        self._check_target(target)
        source = self.host.source_for(target[0]) if self._device_chooses else self.address
        if source is None or family_of(source) != family_of(target[0]):
            raise os_error(errno.ENETUNREACH)
        packet = Datagram(bytes(datagram), (source, self.port), target)
        self.host.ports.wrote_to(self.port, target)
        for host in self._receivers(target[0]):
            self._send(host, packet)
        return len(datagram)

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

    def hears(self, datagram: Datagram) -> bool:
        """Whether a datagram is for us, by what we are bound to, connected to and have joined."""
        if self._correspondent not in (None, datagram.source):
            return False
        host = datagram.target[0]
        if host == BROADCAST:
            return self.address in WILD
        return host in self._groups if is_group(host) else self.covers(host)

    def receive(self, datagram: Datagram) -> None:
        if self._inbox_size + len(datagram.data) <= RECEIVE_BUFFER:
            self._inbox.append((datagram.data, self._name(*datagram.source)))
            self._inbox_size += len(datagram.data)
            self.read_if_possible()

    # -- the way

    @property
    def _device_chooses(self) -> bool:
        """Whether what it is bound to is no address to send from: none, any, or a group's."""
        return self.address is None or self.address in WILD or is_group(self.address)

    def _join_or_leave(self, group: str, join: bool) -> None:
        if join == (group in self._groups):
            raise os_error(errno.EADDRINUSE if join else errno.EADDRNOTAVAIL)
        if join:
            self._groups.append(group)
        else:
            self._groups.remove(group)

    def _target(self, name: SockAddr) -> tuple[str, int]:
        host = canonical(BROADCAST if name[0] == "<broadcast>" else name[0])
        return LOOPBACK.get(host, host), name[1]

    def _check_target(self, target: tuple[str, int]) -> None:
        if target[1] == 0:
            raise os_error(errno.EINVAL)
        if target[0] == BROADCAST and not self.option(socket.SOL_SOCKET, socket.SO_BROADCAST):
            raise os_error(errno.EACCES)

    def _receivers(self, target: str) -> list[Host]:
        network = self.host.network
        if not is_group(target):
            return [network.find(self.host, target)]
        loops = self.option(*LOOP[self.family])
        return [host for host in network.hosts if loops or host is not self.host]

    def _send(self, host: Host, datagram: Datagram) -> None:
        size = len(datagram.data)
        if self._outbox_size + size <= SEND_QUEUE:
            self._outbox_size += size
            path = self.host.network.path(self.host, host)
            line = path.line_out(self.host)
            line.carry(self.serial, size, self._launch, path, host, datagram)

    def _launch(self, path: Path, host: Host, datagram: Datagram) -> None:
        self._outbox_size -= len(datagram.data)
        delay = self.host.network.delay_of_datagram(path)
        if delay is not None:
            self._post(delay, self._arrives, path, host, datagram)

    def _arrives(self, path: Path, host: Host, datagram: Datagram) -> None:
        if path.is_open:
            size = len(datagram.data)
            path.line_in(host).carry(self.serial, size, host.ports.deliver, datagram)


def sent_datagrams(test: Any) -> list[bytes]:
    """The list of what every host sends by UDP from now on, until the end of a trial test."""
    send, sent = DatagramSocket.sendto, list[bytes]()

    def noted(sim: DatagramSocket, datagram: bytes, name: SockAddr) -> int:
        sent.append(bytes(datagram))
        return send(sim, datagram, name)

    test.patch(DatagramSocket, "sendto", noted)
    return sent
