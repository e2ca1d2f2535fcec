"""What every interoperability test has: programs that end with it, conditions with a deadline."""

import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, Protocol

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from tests.interop.networks import HOSTS6, NETWORK, NETWORK6, OwnNetwork
from tests.interop.programs import Program
from tests.testing import loopback

LOOK_EVERY: Final = 0.05
"""Seconds between looks at a condition."""
LIMIT: Final = 45.0
"""Seconds for one condition: below the test's own limit, so that the failure tells more."""


class Installed(Protocol):
    """A program that may be absent."""

    @classmethod
    def absent(cls) -> str | None:
        """Why it cannot be used, or None."""


class InteropCase(TestCase):
    """A test with real programs. What it starts through `run_program` ends with it."""

    timeout = 100.0
    network = loopback.NETWORK
    """That of the addresses of the test's peers."""

    def setUp(self) -> None:
        self._hosts: Iterator[str] | None = None
        self.work = os.path.abspath(self.mktemp())
        os.makedirs(self.work)
        self.programs: list[Program] = []
        self.addCleanup(self._end_programs)

    def need(self, *installed: type[Installed]) -> None:
        """Skip the test unless all of these are there."""
        for each in installed:
            if reason := each.absent():
                raise SkipTest(reason)

    def enter_network(self, ipv6: bool = False) -> None:
        """Have the rest of the test in a network of its own, or skip it. `ipv6`: its addresses are
        of that family."""
        self.need(OwnNetwork)
        own = OwnNetwork()
        self.addCleanup(own.leave)
        own.enter()
        self.network = f"{NETWORK6}/64" if ipv6 else f"{NETWORK}.0/24"
        if ipv6:
            self._hosts = iter(f"{NETWORK6}{number:x}" for number in HOSTS6)
        else:
            self._hosts = iter(f"{NETWORK}.{number}" for number in range(1, 251))

    def next_address(self) -> str:
        """An address of its own for the next peer: clients allow one connection an address."""
        return next(self._hosts) if self._hosts is not None else loopback.next_host()

    def folder(self, name: str) -> str:
        """A new directory of this test."""
        path = os.path.join(self.work, f"{len(os.listdir(self.work)):02}-{name}")
        os.makedirs(path)
        return path

    def run_program(self, program: Program) -> Program:
        """Take charge of its end, and show its output in a failure."""
        self.programs.append(program)
        return program

    async def until(
        self,
        what: str,
        condition: Callable[[], bool | Awaitable[bool]],
        limit: float = LIMIT,
    ) -> None:
        """Wait for a condition; fail after `limit` seconds, or when a program ends by itself."""
        deadline = reactor.seconds() + limit
        while True:
            met = condition()
            if not isinstance(met, bool):
                met = await met
            if met:
                return
            if reactor.seconds() > deadline:
                self.fail(self.with_stories(f"waited {limit:.0f} s for: {what}"))
            if any(program.has_failed for program in self.programs):
                self.fail(self.with_stories(f"a program ended while waiting for: {what}"))
            await deferLater(reactor, LOOK_EVERY)

    def with_stories(self, text: str) -> str:
        """The text, and what every program said."""
        return "\n".join([text, *(program.story() for program in self.programs)])

    def _end_programs(self) -> "Deferred[list[None]]":
        return gatherResults([p.end() for p in self.programs if not p.has_ended])
