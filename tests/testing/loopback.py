"""Real addresses of this machine, for tests with real sockets and programs.

Several processes may run tests at once. Each has a network of its own beneath 127.0.0.0/8, so that
no two want the same port, answer each other's calls to a group, or find each other's packets.
"""

import os
import socket
from itertools import cycle
from typing import Final

_HOSTS: Final = range(1, 251)
_RANGE: Final = 250
"""Values of a byte of the network: processes that run at once have numbers near each other."""


def _prefix(pid: int) -> str:
    """The first three bytes of its addresses; those of 127.0.0.0/16 are nobody's."""
    high, low = divmod(pid, _RANGE)
    return f"127.{high % _RANGE + 1}.{low + 1}"


_PREFIX: Final = _prefix(os.getpid())
NETWORK: Final = f"{_PREFIX}.0/24"
"""All addresses of this process."""

OWN_SWARM: Final = {b"source": b"process %d" % os.getpid()}
"""For `torrents.make(info_extra=...)`: a torrent of this process alone. Who looks for peers on the
local network hears the whole machine."""

_hosts = cycle(_HOSTS)


def next_host() -> str:
    """Another address of this process, for a peer of its own: clients allow one connection an
    address. The first one comes back after 250."""
    return f"{_PREFIX}.{next(_hosts)}"


def free_port(host: str, kind: int = socket.SOCK_STREAM) -> int:
    """A port that nobody has at this address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
