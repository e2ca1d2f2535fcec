"""Which network interface has an address, for calls that want its number; read from procfs."""

from __future__ import annotations

import errno
import os
from socket import AF_INET6, inet_pton
from typing import Final

IF_INET6: Final = "/proc/net/if_inet6"
"""The IPv6 addresses of this machine, one a line: address, number of the interface, ..., name."""
LONGEST: Final = 65536
"""Bytes that are read of such a file: a thousand addresses."""


def read_start(path: str) -> str:
    """The first `LONGEST` bytes of a text file of procfs; "" when there is none."""
    try:
        with open(path, "rb") as file:
            return file.read(LONGEST).decode("ascii", "replace")
    except OSError:
        return ""


def interface_index(host: str, path: str = IF_INET6) -> int:
    """The number of the interface that has an IPv6 address. OSError ENODEV when none has."""
    wanted = inet_pton(AF_INET6, host.partition("%")[0]).hex()
    for line in read_start(path).splitlines():
        words = line.split()
        if len(words) == 6 and words[0] == wanted:
            return int(words[1], 16)
    raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
