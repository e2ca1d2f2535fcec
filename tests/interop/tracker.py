"""Our own tracker as users run it: a process that is told what to do by a settings file."""

import os
import socket
from typing import Final

from tests.interop.case import InteropCase
from tests.interop.clients import check_health, twistd, write
from tests.interop.programs import Program
from tests.testing.loopback import free_port
from txtorrent.address import Address

_READY: Final = "tracking at "


class Tracker:
    """One tracker, at an address of its own: `start`, `stop` and `kill` may follow each other.

    `settings` is what its settings file says, TOML. The file, its lists and what it keeps over a
    restart are in `work`.
    """

    program: Program

    def __init__(self, case: InteropCase, settings: str = "", *options: str) -> None:
        self.case = case
        self.host = case.next_address()
        self.work = case.folder("tracker")
        self.http_port = free_port(self.host)
        self.udp_port = free_port(self.host, socket.SOCK_DGRAM)
        self.settings = os.path.join(self.work, "tracker.toml")
        write(self.settings, settings)
        self._options = options
        self._has_said = 0

    @property
    def http(self) -> str:
        """Its announce URL."""
        return self.url("http")

    @property
    def udp(self) -> str:
        """That of UDP."""
        return self.url("udp")

    def url(self, way: str, passkey: str = "") -> str:
        """Its announce URL over `http` or `udp`, with a user's passkey."""
        where = Address(self.host, self.http_port if way == "http" else self.udp_port)
        return f"{way}://{where}/{passkey and passkey + '/'}announce"

    async def start(self) -> None:
        """Run it; returns when it may be asked."""
        http = self.host.replace(":", "\\:")
        self._run(
            "--config", self.settings,
            "--http", f"tcp:{self.http_port}:interface={http}",
            "--udp", str(Address(self.host, self.udp_port)),
            "--state", os.path.join(self.work, "swarms"),
            *self._options,
        )  # fmt: skip
        await self._until_ready(2)

    async def stop(self) -> None:
        """End it in good order; fails the test when it does not end well."""
        await self.program.end()
        self.check_health()
        if self.program.status != 0 or not self.program.output.endswith(" stopped\n"):
            self.case.fail(self.case.with_stories("the tracker did not end well"))

    async def kill(self) -> None:
        """End it without a warning."""
        await self.program.end("KILL")
        self.check_health()

    def check_health(self) -> None:
        """Fail the test when the log tells of a defect."""
        check_health(self.case, self.program)

    async def reload(self) -> None:
        """Have it read its settings again; returns when it has said what came of it."""
        self.mark()
        self.program.signal("HUP")
        await self.until_says("the tracker's settings ")

    def mark(self) -> None:
        """Count only what it says from now on."""
        self._has_said = len(self.program.output)

    async def until_says(self, text: str) -> None:
        """Wait for words in its log, since the last `mark`."""
        await self.case.until(f"the tracker says {text!r}", lambda: text in self.news)

    @property
    def news(self) -> str:
        """What it said since the last `mark`."""
        return self.program.output[self._has_said :]

    def _run(self, *options: str) -> None:
        argv = (*twistd(), "-n", "--pidfile=", "txtorrent-tracker", *options)
        self.program = self.case.run_program(Program("tracker", argv, self.work))
        self._has_said = 0

    async def _until_ready(self, ports: int) -> None:
        await self.case.until(
            "the tracker is ready", lambda: self.program.output.count(_READY) == ports
        )


class PlainTracker(Tracker):
    """A tracker that is told nothing but a settings file, which names its port: it listens at all
    addresses, and is reached at 127.0.0.1. `settings` says "{port}" where that is to be."""

    def __init__(self, case: InteropCase, name: str, settings: str) -> None:
        super().__init__(case)
        self.host = "127.0.0.1"
        self.http_port = self.udp_port = _free_everywhere()
        self.settings = os.path.join(self.work, name)
        write(self.settings, settings.replace("{port}", str(self.http_port)))

    async def start(self) -> None:
        """Run it; returns when it may be asked."""
        self._run("--config", self.settings)
        await self._until_ready(2)


def _free_everywhere() -> int:
    """A port that nobody has, over TCP and UDP, at any address."""
    while True:
        with (
            socket.socket(socket.AF_INET6) as tcp,
            socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind(("::", 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind(("::", port))
            except OSError:
                continue
            return port
