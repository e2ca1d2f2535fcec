"""A network of its own for a test: a namespace of Linux, in which all of 10.77.0.0/16 is there, and
some addresses of 2001:db8:77::/64.

For programs that will not speak to 127.0.0.0/8, and for tests that must hear nobody else's
datagrams. The test's own thread enters it, and with it every socket that the thread opens and every
program that it starts; what was open before stays where it is.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Final

NETWORK: Final = "10.77.1"
"""What its addresses begin with: nobody else is there, so each test may have the same."""
NETWORK6: Final = "2001:db8:77::"
"""The same of IPv6, where addresses have to be named one by one."""
HOSTS6: Final = range(1, 65)
"""What comes behind it, in hexadecimal."""
_CLONE_NEWNET: Final = 0x40000000
"""unshare(2), setns(2): that of networks. The module os has them from Python 3.12 on."""
_COMMANDS: Final = (
    ("link", "set", "lo", "multicast", "on", "up"),
    ("address", "add", "10.77.0.1/16", "dev", "lo"),
    ("route", "add", "224.0.0.0/4", "dev", "lo"),
    *(("address", "add", f"{NETWORK6}{number:x}/128", "dev", "lo") for number in HOSTS6),
    ("route", "add", "2000::/3", "dev", "lo"),
)
"""An IPv4 address of a loopback device makes its whole network local. The route of IPv6 leads
nowhere: programs look for one to know whether they have IPv6."""

_libc = ctypes.CDLL(None, use_errno=True)


class OwnNetwork:
    """Where the test's thread is from `enter` on, until `leave`."""

    def __init__(self) -> None:
        self._before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)

    @classmethod
    def absent(cls) -> str | None:
        """Why there can be none, or None."""
        if os.geteuid() != 0 or shutil.which("ip") is None:
            return "network namespaces take root, and Debian's iproute2"
        probe = ["unshare", "--net", "true"]
        refused = subprocess.run(probe, capture_output=True, timeout=10).returncode
        return "network namespaces cannot be made here" if refused else None

    def enter(self) -> None:
        """Make it."""
        _call("unshare", _libc.unshare, _CLONE_NEWNET)
        batch = "\n".join(" ".join(words) for words in _COMMANDS)
        subprocess.run(["ip", "-batch", "-"], input=batch.encode(), check=True, timeout=10)

    def leave(self) -> None:
        """Go back; it is gone with the last of its sockets."""
        _call("setns", _libc.setns, self._before, _CLONE_NEWNET)
        os.close(self._before)


def _call(name: str, function: Callable[..., int], *args: int) -> None:
    if function(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
