"""A redis-server for a test: a port and a folder of its own, nothing kept on disk."""

from signal import SIGCONT, SIGSTOP
from typing import Any

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory

from tests.interop.case import InteropCase
from tests.interop.clients import absence_of, listens
from tests.interop.programs import Program
from tests.testing.loopback import free_port
from txtorrent.trackerserver.redisaddress import RedisAddress
from txtorrent.trackerserver.redisprotocol import RedisConnection


class RedisServer:
    """Started, stopped, killed, held up and started again, always at the same port. It ends with
    the test. `options` are of redis-server's command line."""

    def __init__(self, case: InteropCase, *options: str) -> None:
        self.host = case.next_address()
        self.port = free_port(self.host)
        self._case = case
        self._options = options
        self._folder = case.folder("redis")
        self._program: Program | None = None

    @classmethod
    def absent(cls) -> str | None:
        """Why it cannot be used, or None."""
        return absence_of("redis-server", "redis-server")

    @property
    def address(self) -> RedisAddress:
        return RedisAddress(self.host, self.port)

    async def start(self) -> None:
        """Start it, with nothing in it; done when it listens."""
        argv = [
            "redis-server", "--bind", self.host, "--port", str(self.port), "--save", "",
            "--appendonly", "no", "--dir", self._folder, *self._options,
        ]  # fmt: skip
        program = Program("redis-server", argv, self._folder)
        self._program = self._case.run_program(program)
        self._case.addCleanup(program.end, "KILL")  # at once: there is nothing to save
        await self._case.until("redis-server listens", lambda: listens(self.host, self.port))

    async def stop(self, name: str = "TERM") -> None:
        """End it, or kill it ("KILL"); what it knew is gone."""
        assert self._program is not None
        await self._program.end(name)

    async def restart(self) -> None:
        """Kill it, and start it at the same port."""
        await self.stop("KILL")
        await self.start()

    def hold(self) -> None:
        """Have it do nothing: connections stay, and the system takes new ones for it."""
        self._signal(SIGSTOP)
        self._case.addCleanup(self.go_on)

    def go_on(self) -> None:
        """Have it go on after `hold`."""
        self._signal(SIGCONT)

    async def call(self, *words: object) -> Any:
        """Tell it a command over a connection of its own; what it answers."""
        endpoint = TCP4ClientEndpoint(reactor, self.host, self.port)
        factory = Factory.forProtocol(lambda: RedisConnection(reactor))
        factory.noisy = False
        connection = await endpoint.connect(factory)
        try:
            return await connection.execute_command(*words)
        finally:
            ended = connection.when_ended()
            connection.end("done")
            await ended

    def _signal(self, number: int) -> None:
        assert self._program is not None
        self._program.signal(number)
