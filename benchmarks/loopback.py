"""Addresses and ports: every peer has a loopback address of its own, as in a real swarm.

Clients allow few connections from one address, and some only one.
"""

import os
import socket
import sys
import time
from typing import Final

from benchmarks.child import Failed

CLIENT_HOST: Final = "127.0.1.200"
"""Where the client under test is. Reference peers dial it: some clients never dial 127/8."""


def peer_host(number: int) -> str:
    """The address of a reference peer; 0-based."""
    return f"127.0.1.{number + 1}"


def free_port(host: str) -> int:
    """A port that nobody has at this address."""
    return _free_port(host, socket.SOCK_STREAM)


def free_udp_port(host: str) -> int:
    """The same for datagrams."""
    return _free_port(host, socket.SOCK_DGRAM)


def _free_port(host: str, kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def listens(host: str, port: int) -> bool:
    """Whether a TCP socket listens there: looked up, since to try it would be a connection."""
    wanted = {
        f"{int.from_bytes(socket.inet_aton(each), sys.byteorder):08X}:{port:04X}"
        for each in (host, "0.0.0.0")
    }
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table]
    return any(row[3] == "0A" and row[1] in wanted for row in rows)


def wait_listening(host: str, port: int, limit: float = 30.0) -> None:
    """Return once somebody listens there. Failed."""
    deadline = time.monotonic() + limit
    while not listens(host, port):
        if time.monotonic() > deadline:
            raise Failed(f"nobody listens at {host}:{port} after {limit:.0f} s")
        time.sleep(0.02)


def memory_disk() -> str:
    """Where content is kept: in memory, so that no disk's speed is measured."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else "/tmp"
