"""The UNIX socket: where it may be, whose it is, and who may come by it.

The rule above all: the directory is nobody else's to write, the socket is ours alone (0600), and
whoever connects is asked for by the kernel (SO_PEERCRED), so that a wrong mode lets nobody in.
"""

import errno
import os
import socket
import stat
import struct
from typing import Any, Final

from twisted.internet.address import UNIXAddress

from txtorrent.errors import Code, RequestError

DIRECTORY_MODE: Final = 0o700
SOCKET_MODE: Final = 0o600
_CREDENTIALS: Final = struct.Struct("3i")
"""struct ucred of unix(7): process, user, group."""
ROOT: Final = 0
NO_FILE: Final = "\0"
"""The path of a socket that is not in the file system, unix(7)."""


def prepare(path: str) -> None:
    """Make the directory and take a socket away that nobody answers at.

    RequestError (SYSTEM_ERROR) says what to do: another daemon answers there, it is no socket, or
    others may write to the directory."""
    directory = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(directory, DIRECTORY_MODE, exist_ok=True)
        _check_directory(directory)
    except OSError as error:
        raise _refusal(f"{directory}: {error.strerror}") from None
    if not os.path.lexists(path):
        return
    mode = os.lstat(path).st_mode
    if not stat.S_ISSOCK(mode):
        raise _refusal(f"{path} is there and is no socket: name another path")
    if _answers(path):
        raise _refusal(f"another daemon answers at {path}: stop it, or name another path")
    os.unlink(path)


def _check_directory(directory: str) -> None:
    """Others who may write to it could put a socket of theirs in our place."""
    found = os.stat(directory)
    others_write = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if others_write and not found.st_mode & stat.S_ISVTX:
        raise _refusal(f"others may write to {directory}: chmod 700 it, or name another path")
    if found.st_uid not in (ROOT, os.geteuid()):
        raise _refusal(f"{directory} belongs to another user: name another path")


def _answers(path: str) -> bool:
    """Whether somebody listens. A full queue is somebody, too."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        result = probe.connect_ex(path)
    return result not in (errno.ECONNREFUSED, errno.ENOENT)


def leave_open(port: Any) -> None:
    """Only let go of a socket that systemd gave us: it listens on there, for our next start.

    Twisted closes a port by shutting its socket down, which ends it for all that hold it, and
    deletes the file of one of UNIX. When it adopts one, it gives everybody access to that file."""
    address = port.getHost()
    if isinstance(address, UNIXAddress) and address.name:
        os.chmod(address.name, SOCKET_MODE)
    port._closeSocket = lambda orderly: port.socket.close()
    port._bindPath = NO_FILE


def peer_uid(transport: Any) -> int:
    """Who is at the other end of a connection, says the kernel."""
    handle = transport.getHandle()
    found = handle.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(found)[1])


def _refusal(text: str) -> RequestError:
    return RequestError(Code.SYSTEM_ERROR, text)
