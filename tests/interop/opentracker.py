"""opentracker, which hands out peers over HTTP and UDP."""

import os
import socket
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote_from_bytes

import treq
from twisted.internet import reactor
from twisted.web.client import Agent

from tests.interop.case import InteropCase
from tests.interop.clients import absence_of, listens, write
from tests.interop.programs import Program
from tests.testing.loopback import free_port
from txtorrent.bencode import decode

_WHITELIST: Final = "whitelist"


class Opentracker:
    """A tracker of the given torrents; Debian builds it to refuse all others."""

    def __init__(self, case: InteropCase) -> None:
        self.host = case.next_address()
        self.http_port = free_port(self.host)
        self.udp_port = free_port(self.host, socket.SOCK_DGRAM)
        self.http = f"http://{self.host}:{self.http_port}/announce"
        self.udp = f"udp://{self.host}:{self.udp_port}/announce"
        self._case = case
        self._work = case.folder("opentracker")
        os.chmod(self._work, 0o755)  # it reads the list as nobody

    @classmethod
    def absent(cls) -> str | None:
        return absence_of("opentracker", "opentracker")

    async def start(self, info_hashes: Iterable[bytes]) -> None:
        """Track these torrents."""
        allowed = "".join(info_hash.hex() + "\n" for info_hash in info_hashes)
        write(os.path.join(self._work, _WHITELIST), allowed)
        argv = [
            "opentracker", "-i", self.host, "-p", str(self.http_port), "-P", str(self.udp_port),
            "-d", self._work, "-w", _WHITELIST,
        ]  # fmt: skip
        self._case.run_program(Program("opentracker", argv, self._work))
        await self._case.until("opentracker", lambda: listens(self.host, self.http_port))

    async def peers_of(self, info_hash: bytes) -> int:
        """How many peers it knows."""
        url = f"http://{self.host}:{self.http_port}/scrape?info_hash={quote_from_bytes(info_hash)}"
        response = await treq.get(url, agent=Agent(reactor, connectTimeout=5))
        files = decode(await treq.content(response))[b"files"]
        known = files.get(info_hash, {})
        return known.get(b"complete", 0) + known.get(b"incomplete", 0)
