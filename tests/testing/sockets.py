"""What the simulated sockets share: options, names, and being watched by their host.

A simulated socket offers the calls of `socket.socket` that Twisted's own transports make, with
the same errors, so that those transports run unchanged on the simulated network.
"""

from __future__ import annotations

import errno
import os
import socket
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor

if TYPE_CHECKING:
    from tests.testing.host import Host

SockAddr = tuple[str, int] | tuple[str, int, int, int]

ANY4 = "0.0.0.0"
ANY6 = "::"


def os_error(code: int) -> OSError:
    """As the kernel raises it."""
    return OSError(code, os.strerror(code))


@lru_cache(maxsize=4096)
def canonical(host: str) -> str:
    """An address as hosts are found by: an IPv4-mapped one as IPv4. ValueError for a name."""
    ip = ip_address(host)
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return str(ip)


def is_loopback(host: str) -> bool:
    return host == "::1" or host.startswith("127.")


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class SimSocket:
    """A socket of a simulated host, found by its `fileno`."""

    kind: socket.SocketKind

    def __init__(self, host: Host, family: socket.AddressFamily) -> None:
        self.host = host
        self.family = family
        self.address: str | None = None
        self.port = 0
        self.reader: IReadDescriptor | None = None
        self.writer: IWriteDescriptor | None = None
        self.closed = False
        self._options: dict[tuple[int, int], int | bytes] = {}
        self._bound = False
        self._read_asked = False
        self._write_asked = False
        self.serial = host.network.next_serial()
        host.sockets[self.serial] = self

    # -- the calls of socket.socket

    def fileno(self) -> int:
        return -1 if self.closed else self.serial

    def setblocking(self, flag: bool) -> None:
        assert not flag, "a simulated socket never blocks"

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int) -> int | bytes:
        return self._options.get((level, option), 0)

    def bind(self, name: SockAddr) -> None:
        """OSError: EADDRNOTAVAIL, EADDRINUSE."""
        host, port = name[0] or ANY4, name[1]
        address = canonical(host) if host not in (ANY4, ANY6) else host
        if host not in (ANY4, ANY6) and not self.host.owns(address):
            raise os_error(errno.EADDRNOTAVAIL)
        self.host.bind(self, address, port or self.host.free_port(self.kind))
        self._bound = True

    def getsockname(self) -> SockAddr:
        unbound = ANY6 if self.family == socket.AF_INET6 else ANY4
        return self._name(self.address or unbound, self.port)

    def close(self) -> None:
        if self._bound:
            self.host.unbind(self)
            self._bound = False
        self.host.sockets.pop(self.serial, None)
        self.closed = True
        self.reader = self.writer = None

    # -- for the host

    @property
    def can_read(self) -> bool:
        raise NotImplementedError

    @property
    def can_write(self) -> bool:
        raise NotImplementedError

    def watch_read(self, reader: IReadDescriptor) -> None:
        self.reader = reader
        if self.can_read:
            self._ask_read()

    def watch_write(self, writer: IWriteDescriptor) -> None:
        self.writer = writer
        if self.can_write:
            self._ask_write()

    def option(self, level: int, option: int) -> bool:
        return bool(self._options.get((level, option)))

    # -- for subclasses

    def _ask_read(self) -> None:
        """Have the reader called, in an event of its own."""
        if not self._read_asked:
            self._read_asked = True
            self.host.clock.post(self.host.clock.seconds(), self._read)

    def _ask_write(self) -> None:
        if not self._write_asked:
            self._write_asked = True
            self.host.clock.post(self.host.clock.seconds(), self._write)

    def _read(self) -> None:
        """Call the reader once; again in another event while there is more."""
        self._read_asked = False
        if self.reader is not None and self.can_read:
            self.host.do_read(self.reader)
            if self.reader is not None and self.can_read:
                self._ask_read()

    def _write(self) -> None:
        self._write_asked = False
        if self.writer is not None and self.can_write:
            self.host.do_write(self.writer)
            if self.writer is not None and self.can_write:
                self._ask_write()

    def _name(self, host: str, port: int) -> SockAddr:
        """A socket name in this socket's family: an IPv4 one on an IPv6 socket is mapped."""
        if self.family == socket.AF_INET:
            return host, port
        return (host if ":" in host else f"::ffff:{host}"), port, 0, 0
