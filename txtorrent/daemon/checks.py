"""What has to be right outside the command line before anything is begun.

The governing rule: everything is looked at before anything is made, so a mistake leaves nothing
behind. A race lost after the look is told as well, later and less handily.
"""

import errno
import os
import socket
from collections.abc import Mapping, Sequence

from txtorrent.daemon import space
from txtorrent.daemon.errors import UserError
from txtorrent.metainfo.torrentfile import Metainfo
from txtorrent.storage import lockfile
from txtorrent.units import show_size


def check_directory(option: str, path: str) -> None:
    """Have it possible to make the directory, if it is missing, and to write in it. UserError."""
    existing = nearest(path)
    try:
        if not os.path.isdir(existing):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(existing, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise _unusable(option, path, error) from None


def make_directories(wanted: Mapping[str, str]) -> None:
    """Make directories that have been checked, by option; all or none. UserError."""
    made: list[str] = []
    for option, path in wanted.items():
        try:
            for folder in _missing(path):
                os.mkdir(folder)
                made.append(folder)
        except OSError as error:
            for folder in reversed(made):
                os.rmdir(folder)
            raise _unusable(option, path, error) from None


def check_space(directory: str, metainfos: Sequence[Metainfo]) -> None:
    """Have room for the content of every torrent. UserError."""
    needed, free = space.lacking(directory, metainfos), space.free(nearest(directory))
    if needed > free:
        raise UserError(
            f"--directory {directory}: no space: {show_size(needed)} are needed and"
            f" {show_size(free)} are free; make room, or leave out --allocation full"
        )


def check_port(interface: str | None, port: int) -> None:
    """Have the port free to be listened on. UserError."""
    family = socket.AF_INET6 if ":" in (interface or "") else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((interface or "", port))
            probe.listen()
        except OSError as error:
            raise UserError(explain_port(interface, port, error)) from None


def check_state(directory: str) -> None:
    """Have no other daemon in the state directory. UserError."""
    if not os.path.lexists(os.path.join(directory, lockfile.NAME)):
        return
    try:
        os.close(lockfile.lock(directory))
    except lockfile.StateInUse as error:
        raise UserError(f"--state: {error}") from None
    except OSError as error:
        raise _unusable("--state", directory, error) from None


def explain_port(interface: str | None, port: int, error: OSError) -> str:
    """Why a port could not be had, and what to do."""
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--interface {interface}: this machine has no such address"
    if error.errno == errno.EADDRINUSE:
        why, what = "is in use by another program", "choose another one, or 0 for any free one"
    elif error.errno == errno.EACCES:
        why, what = "may not be taken by this user", "choose one above 1023"
    else:
        why, what = f"cannot be taken: {error.strerror or error}", "choose another one"
    of = f" of {interface}" if interface else ""
    return f"--port {port}{of} {why}; {what}"


def nearest(path: str) -> str:
    """The path, or the nearest of its parents that exists."""
    while not os.path.lexists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return path


def _missing(path: str) -> list[str]:
    """What has to be made for the directory to exist, the outermost first."""
    missing, existing = [], nearest(path)
    while path != existing:
        missing.append(path)
        path = os.path.dirname(path)
    return missing[::-1]


def _unusable(option: str, path: str, error: OSError) -> UserError:
    why = error.strerror or str(error)
    return UserError(f"{option} {path}: {why}; give a directory that you may write to")
