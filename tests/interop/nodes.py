"""A small DHT for a test, in which clients find each other: libtorrent's nodes."""

import json
import os
import sys
from typing import Any, Final

from twisted.internet import reactor

from tests.interop.case import InteropCase
from tests.interop.programs import Program
from tests.testing.loopback import free_port
from txtorrent.address import Address

_SCRIPT: Final = os.path.join(os.path.dirname(__file__), "libtorrent_nodes.py")
_ASK_EVERY: Final = 0.3
"""Seconds between looks at what the network knows."""


class DhtNodes:
    """Some nodes that know each other, and have no torrent. `addresses` lead into their network."""

    def __init__(self, case: InteropCase, count: int) -> None:
        hosts = [case.next_address() for _ in range(count)]
        self.addresses = tuple(Address(host, free_port(host)) for host in hosts)
        self._case = case
        self._next_questions: dict[bytes, float] = {}

    async def start(self) -> None:
        """Run them; returns when they know each other."""
        argv = (sys.executable, _SCRIPT, json.dumps(self.addresses))
        self._program = self._case.run_program(
            Program("libtorrent's DHT", argv, self._case.folder("dht"))
        )
        await self._case.until("there is a DHT", lambda: bool(self._said("ready")))

    async def until_announced(self, info_hash: bytes, peer: Address) -> None:
        """Wait until the network knows a peer."""

        def is_known() -> bool:
            self._ask(info_hash)
            return any(list(peer) in peers for _, peers in self._said("peers"))

        await self._case.until(f"the DHT knows {peer}", is_known)

    def _ask(self, info_hash: bytes) -> None:
        now = reactor.seconds()
        if now >= self._next_questions.get(info_hash, 0.0):
            self._next_questions[info_hash] = now + _ASK_EVERY
            self._program.tell(info_hash.hex())

    def _said(self, word: str) -> list[list[Any]]:
        """The particulars of each line that begins with a word."""
        lines = [json.loads(each) for each in self._program.output.splitlines() if each[:1] == "["]
        return [line[1:] for line in lines if line[0] == word]
