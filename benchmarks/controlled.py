"""Daemons with many torrents, and their control API, which is Transmission's in both cases."""

import json
import os
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any, ClassVar, Final

from benchmarks.child import Child, Failed
from benchmarks.clients import HERE, Transmission, TxtorrentTurns
from benchmarks.library import Library, write_our_state, write_transmission_state
from benchmarks.loopback import CLIENT_HOST, free_port, listens
from txtorrent.cli.endpoint import UnixConnection

START_LIMIT: Final = 120.0
"""Seconds until a daemon answers."""
ANSWER_LIMIT: Final = 120.0
"""Seconds for one answer."""
LOOK_EVERY: Final = 0.01
SESSION_ID: Final = "X-Transmission-Session-Id"


class Controlled:
    """One daemon, with what it keeps in `work`. `library` is what it has."""

    name: ClassVar[str]
    child: Child

    def __init__(self, library: Library, work: str) -> None:
        self.library = library
        self.work = work
        self.port = free_port(CLIENT_HOST)
        self._session = ""

    def prepare(self) -> None:
        """Write what it starts with."""
        raise NotImplementedError

    def command(self) -> Sequence[str]:
        """What is run."""
        raise NotImplementedError

    def connection(self) -> HTTPConnection:
        """To its control API."""
        raise NotImplementedError

    def start(self) -> float:
        """Seconds until it listens, and says that it has them all. Failed."""
        self.child = Child(self.command(), self.work)
        while not self._is_ready():
            if self.child.has_ended or time.monotonic() > self.child.started_at + START_LIMIT:
                self.child.wait_for("it has not become ready", 0)
            time.sleep(LOOK_EVERY)
        return time.monotonic() - self.child.started_at

    def _is_ready(self) -> bool:
        try:
            count = self.call("session-stats")["torrentCount"]
        except (OSError, HTTPException):
            return False
        return bool(count == len(self.library.torrents)) and listens(CLIENT_HOST, self.port)

    def call(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """The arguments of the answer. OSError, HTTPException, Failed."""
        answer = json.loads(self.ask(method, arguments))
        if answer["result"] != "success":
            raise Failed(f"{self.name} answers {method} with {answer['result']}")
        return dict(answer["arguments"])

    def ask(self, method: str, arguments: Mapping[str, Any]) -> bytes:
        """The answer as it comes, of a connection of its own. OSError, HTTPException."""
        body = json.dumps({"method": method, "arguments": arguments})
        while True:
            connection = self.connection()
            try:
                connection.request("POST", "/transmission/rpc", body, {SESSION_ID: self._session})
                response = connection.getresponse()
                answer = response.read()
            finally:
                connection.close()
            if response.status != 409:
                return answer
            self._session = response.headers[SESSION_ID]

    def stop(self) -> None:
        """End it, if it was started."""
        if hasattr(self, "child"):
            self.child.stop()


class ManyTxtorrent(Controlled):
    """Ourselves, at a UNIX socket."""

    name = "txtorrent"

    def prepare(self) -> None:
        write_our_state(self.library, os.path.join(self.work, "state"))
        with open(self._config, "w") as out:
            out.write("trust_local_trackers = true\n")

    def command(self) -> Sequence[str]:
        return [
            *self.twistd(), "-n", "--pidfile=", "txtorrent",
            "--no-dht", "--state", os.path.join(self.work, "state"),
            "--directory", self.library.directory,
            "--port", str(self.port), "--interface", CLIENT_HOST,
            "--control", f"unix:{self._socket}", "--config", self._config,
        ]  # fmt: skip

    def twistd(self) -> list[str]:
        """The command that is run; its arguments follow."""
        return [sys.executable, os.path.join(sysconfig.get_path("scripts"), "twistd")]

    def connection(self) -> HTTPConnection:
        return UnixConnection(self._socket, ANSWER_LIMIT)

    @property
    def _config(self) -> str:
        return os.path.join(self.work, "config.toml")

    @property
    def _socket(self) -> str:
        return os.path.join(self.work, "run", "control.sock")


class ManyTxtorrentTurns(ManyTxtorrent):
    """Ourselves with every turn of the reactor measured."""

    name = TxtorrentTurns.name

    @property
    def turns_file(self) -> str:
        """Where the turns are, once it has been stopped."""
        return os.path.join(self.work, "turns")

    def twistd(self) -> list[str]:
        return [sys.executable, os.path.join(HERE, "turns.py"), self.turns_file]


class ManyTransmission(Controlled):
    """transmission-daemon, at a TCP port: it knows no UNIX sockets."""

    name = Transmission.name

    def __init__(self, library: Library, work: str) -> None:
        super().__init__(library, work)
        self._rpc_port = free_port(CLIENT_HOST)

    def prepare(self) -> None:
        write_transmission_state(self.library, self.work)
        settings = Transmission.settings(
            directory=self.library.directory, port=self.port, rpc_port=self._rpc_port
        )
        with open(os.path.join(self.work, "settings.json"), "w") as out:
            json.dump(settings, out)

    def command(self) -> Sequence[str]:
        return [Transmission.program, "-f", "-g", self.work]

    def connection(self) -> HTTPConnection:
        return HTTPConnection(CLIENT_HOST, self._rpc_port, timeout=ANSWER_LIMIT)
