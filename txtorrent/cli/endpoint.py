"""Where the daemon's control API is, and a connection to there.

A password is never taken from the command line, where everyone on the machine can read it.
"""

import os
import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from typing import Final
from urllib.parse import SplitResult, urlsplit

from attrs import frozen

from txtorrent.address import split_host_port

SYSTEM_SOCKET: Final = "/run/txtorrent/control.sock"
"""Of a daemon that runs as a service of the machine."""
RPC_PATH: Final = "/transmission/rpc"
HOW_TO_WRITE: Final = "write unix:PATH, tcp:HOST:PORT or an http URL"
_DEFAULT_PORT: Final = 9091
"""Transmission's, for a URL without one."""


class UnixConnection(HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@frozen
class Endpoint:
    """One place where a daemon may be listening."""

    text: str
    """As the user writes it; for messages."""
    unix: str | None = None
    """Path of the UNIX socket; None for TCP."""
    host: str = "localhost"
    port: int = 0
    tls: bool = False
    base: str = ""
    """What a reverse proxy put before the paths of the API; no slash at its end."""

    def connect(self, timeout: float) -> HTTPConnection:
        """A connection, not yet made, each step of which may take `timeout` seconds."""
        if self.unix is not None:
            return UnixConnection(self.unix, timeout)
        kind = HTTPSConnection if self.tls else HTTPConnection
        return kind(self.host, self.port, timeout=timeout)

    @property
    def rpc(self) -> str:
        """The path of the JSON-RPC."""
        return self.base + RPC_PATH

    @property
    def events(self) -> str:
        """The path of the stream of changes."""
        return self.base + "/events"


def parse(text: str) -> Endpoint:
    """The endpoint that `text` names. ValueError says what is wrong with it."""
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest:
        return Endpoint(text, unix=rest)
    if kind == "tcp":
        host, port = split_host_port(rest)
        return Endpoint(text, host=host, port=port)
    if kind in ("http", "https"):
        return _from_url(text, urlsplit(text))
    if "/" in text and os.path.exists(text):
        return Endpoint(f"unix:{text}", unix=text)
    raise ValueError(f"{text!r} is no place for a daemon: {HOW_TO_WRITE}")


def _from_url(text: str, url: SplitResult) -> Endpoint:
    if url.username is not None or url.password is not None:
        raise ValueError(
            "a password on the command line can be read by everyone on the machine:"
            " put USER:PASSWORD into the environment as TXTORRENT_AUTH"
        )
    if not url.hostname:
        raise ValueError(f"{text!r} names no host: {HOW_TO_WRITE}")
    tls = url.scheme == "https"
    base = url.path.rstrip("/").removesuffix(RPC_PATH)
    port = url.port or (443 if tls else _DEFAULT_PORT)
    return Endpoint(text, host=url.hostname, port=port, tls=tls, base=base)


def default(environ: Mapping[str, str], system: str = SYSTEM_SOCKET) -> Endpoint:
    """The user's own daemon if its socket is there, else that of the machine.

    When neither is there it is the user's, for the message that says so.
    """
    runtime = environ.get("XDG_RUNTIME_DIR")
    own = os.path.join(runtime, "txtorrent", "control.sock") if runtime else system
    path = system if not os.path.exists(own) and os.path.exists(system) else own
    return Endpoint(f"unix:{path}", unix=path)
