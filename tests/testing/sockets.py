"""What the simulated sockets share: options, names, and being watched by their host.

A simulated socket offers the calls of `socket.socket` that Twisted's own transports make, with
the same errors, so that those transports run unchanged on the simulated network.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor

if TYPE_CHECKING:
    from tests.testing.host import Host

SockAddr = tuple[str, int] | tuple[str, int, int, int]

ANY4 = "0.0.0.0"
ANY6 = "::"
WILD = (ANY4, ANY6)
BROADCAST = "255.255.255.255"
# Where a connection to "any address" goes.
LOOPBACK = {ANY4: "127.0.0.1", ANY6: "::1"}


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


@lru_cache(maxsize=4096)
def is_group(host: str) -> bool:
    """Whether it is many hosts' address: multicast or broadcast."""
    return host == BROADCAST or ip_address(host).is_multicast


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
        self.serial = host.network.next_serial()
        self._options: dict[tuple[int, int], int | bytes] = {}
        self._bound = False
        self._read_asked = False
        self._write_asked = False
        host.sockets[self.serial] = self

    # -- the calls of socket.socket

    def fileno(self) -> int:
        return -1 if self.closed else self.serial

    def setblocking(self, flag: bool) -> None:
        assert not flag, "a simulated socket never blocks"

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        self._options[level, option] = value

    def getsockopt(self, level: int, option: int, buflen: int = 0) -> int | bytes:
        return self._options.get((level, option), 0)

    def bind(self, name: SockAddr) -> None:
        """OSError: EADDRNOTAVAIL, EADDRINUSE."""
        unbound = ANY6 if self.family == socket.AF_INET6 else ANY4
        address = name[0] if name[0] in WILD else canonical(name[0] or unbound)
        if address not in WILD and not self.host.owns(address) and not is_group(address):
            raise os_error(errno.EADDRNOTAVAIL)
        self.host.ports.bind(self, address, name[1] or self.host.ports.free(self.kind))
        self._bound = True

    def getsockname(self) -> SockAddr:
        unbound = ANY6 if self.family == socket.AF_INET6 else ANY4
        return self._name(self.address or unbound, self.port)

    def close(self) -> None:
        if self._bound:
            self.host.ports.unbind(self)
            self._bound = False
        self.host.forget(self)
        self.closed = True
        self.reader = self.writer = None

    # -- for the host

    @property
    def can_read(self) -> bool:
        raise NotImplementedError

    @property
    def can_write(self) -> bool:
        raise NotImplementedError

    def option(self, level: int, option: int) -> bool:
        return bool(self._options.get((level, option)))

    def covers(self, target: str) -> bool:
        """Whether what is sent to that address is for us, by what we are bound to."""
        if self.address == ANY6:
            return True  # dual stack, as on Linux: IPv4 comes in as ::ffff:a.b.c.d
        if self.address == ANY4:
            return family_of(target) == socket.AF_INET
        return self.address == target

    def conflicts(self, address: str, other: SimSocket) -> bool:
        """Whether we may not be bound to that address because `other` has our port."""
        both = (self, other)
        if all(each.option(socket.SOL_SOCKET, socket.SO_REUSEPORT) for each in both):
            return False
        shared = all(each.option(socket.SOL_SOCKET, socket.SO_REUSEADDR) for each in both)
        if shared and not getattr(other, "listening", False):
            return False
        if ANY6 in (address, other.address):
            return True
        if family_of(address) != family_of(other.address or ANY4):
            return False
        return address == other.address or address in WILD or other.address in WILD

    def watch_read(self, reader: IReadDescriptor) -> None:
        self.reader = reader
        if self.can_read:
            self._ask_read()

    def watch_write(self, writer: IWriteDescriptor) -> None:
        self.writer = writer
        if self.can_write:
            self._ask_write()

    @property
    def writer_waits(self) -> bool:
        """Whether there is a writer, and nothing has it called so far."""
        return self.writer is not None and not self._write_asked

    def read_if_possible(self) -> None:
        """Call the reader, unless it is about to be called; again while there is more."""
        if self.reader is not None and self.can_read and not self._read_asked:
            self.host.do_read(self.reader)
            if self.reader is not None and self.can_read:
                self._ask_read()

    def write_if_possible(self) -> None:
        if self.writer_waits and self.can_write and self.writer is not None:
            self.host.do_write(self.writer)
            if self.writer is not None and self.can_write:
                self._ask_write()

    # -- for subclasses

    def _ask_read(self) -> None:
        """Have the reader called, in an event of its own."""
        if not self._read_asked:
            self._read_asked = True
            self._post(0, self._read)

    def _ask_write(self) -> None:
        if not self._write_asked:
            self._write_asked = True
            self._post(0, self._write)

    def _read(self) -> None:
        self._read_asked = False
        self.read_if_possible()

    def _write(self) -> None:
        self._write_asked = False
        self.write_if_possible()

    def _post(self, delay: float, call: Callable[..., object], *args: Any) -> None:
        clock = self.host.clock
        clock.post(clock.seconds() + delay, call, *args)

    def _name(self, host: str, port: int) -> SockAddr:
        """A socket name in this socket's family: an IPv4 one on an IPv6 socket is mapped."""
        if self.family == socket.AF_INET:
            return host, port
        return (host if ":" in host else f"::ffff:{host}"), port, 0, 0
