"""Which socket of a simulated host has which port, and who gets what arrives at one."""

from __future__ import annotations

import errno
import socket

from tests.testing.sockets import SimSocket, is_group, os_error
from tests.testing.tcp import StreamSocket
from tests.testing.udp import Datagram, DatagramSocket

# Ports given out when none is asked for (IANA's dynamic range).
FIRST_FREE, LAST_FREE = 49152, 65535


class PortTable:
    """The bound sockets of one host. `guarded`: only those get in whom we wrote to first."""

    def __init__(self) -> None:
        self.guarded = False
        self._bound: dict[tuple[socket.SocketKind, int], list[SimSocket]] = {}
        self._free = FIRST_FREE
        self._written_to: dict[tuple[int, tuple[str, int]], None] = {}

    def free(self, kind: socket.SocketKind) -> int:
        """A port nobody has, never the same twice in a row."""
        while True:
            port = self._free
            self._free = port + 1 if port < LAST_FREE else FIRST_FREE
            if (kind, port) not in self._bound:
                return port

    def bind(self, sim: SimSocket, address: str, port: int) -> None:
        """OSError EADDRINUSE when another socket has that address and port."""
        others = self._bound.setdefault((sim.kind, port), [])
        if any(sim.conflicts(address, other) for other in others):
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
            if isinstance(sim, StreamSocket) and sim.listens_to(name):
                return sim
        return None

    def wrote_to(self, port: int, target: tuple[str, int]) -> None:
        """A datagram left our port for there, so that answers may come in."""
        if self.guarded:
            self._written_to[port, target] = None

    def deliver(self, datagram: Datagram) -> None:
        """Give a datagram to the socket it is for; one to a group to each that has joined."""
        port = datagram.target[1]
        if self.guarded and (port, datagram.source) not in self._written_to:
            return
        for sim in list(self._bound.get((socket.SOCK_DGRAM, port), ())):
            if isinstance(sim, DatagramSocket) and sim.hears(datagram):
                sim.receive(datagram)
                if not is_group(datagram.target[0]):
                    return
