"""The daemon as a service: no torrent on its command line, controlled over two sockets."""

import os
from typing import Final

from twisted.internet.defer import Deferred

from tests.interop.case import InteropCase
from tests.interop.clients import check_health, twistd, write
from tests.interop.programs import Program
from tests.testing.loopback import free_port, next_host
from txtorrent.address import Address

_CONTROLLED: Final = "controlled at tcp:"


class Service:
    """One daemon, and what it keeps: `start` and `stop` may follow each other.

    Content may lie in `content` and beneath; `socket` is the path of its UNIX socket.
    """

    program: Program

    def __init__(self, case: InteropCase, runtime: str) -> None:
        self.case = case
        self.host = next_host()
        self.work = case.folder("service")
        self.content = os.path.join(self.work, "content")
        self.socket = os.path.join(runtime, "control.sock")
        self.port = free_port(self.host)
        self._peer_port = free_port(self.host)
        self._config = os.path.join(self.work, "set.toml")
        write(self._config, f'download_dir = "{self.content}"\ntrust_local_trackers = true\n')

    @property
    def address(self) -> Address:
        """Where peers reach it."""
        return Address(self.host, self._peer_port)

    async def start(self) -> None:
        """Run it; returns when it can be controlled."""
        argv = (
            *twistd(), "-n", "--pidfile=", "txtorrent", "--config", self._config,
            "--no-dht", "--state", os.path.join(self.work, "state"), "--interface", self.host,
            "--port", str(self._peer_port), "--control", f"unix:{self.socket}",
            "--control", f"tcp:{self.port}:interface={self.host}", "--log-level", "debug",
        )  # fmt: skip
        self.program = self.case.run_program(Program("service", argv, self.work))
        await self.case.until(
            "the service can be controlled",
            lambda: _CONTROLLED in self.program.output,
        )

    def ended(self) -> "Deferred[None]":
        """A client is about to tell it to end: fires when it has."""
        return self.program.ended(asked=True)

    async def stop(self) -> None:
        """End it in good order."""
        await self.program.end()
        self.check()

    def check(self) -> None:
        """Fail the test when it did not end well, or told of a defect."""
        check_health(self.case, self.program)
        if self.program.status != 0 or not self.program.output.endswith(" stopped\n"):
            self.case.fail(self.case.with_stories("the service did not end well"))
