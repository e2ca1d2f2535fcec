"""What passes between the peers of a test, captured, and taken apart without our codecs."""

import os
import socket
from collections.abc import Iterable
from typing import Final

from attrs import field, frozen
from twisted.trial.unittest import SkipTest

from tests.interop.case import InteropCase
from tests.interop.clients import absence_of
from tests.interop.programs import Program
from tests.testing.loopback import free_port

_LAST_WORD: Final = b"the end of the capture"
_PROTOCOL: Final = b"\x13BitTorrent protocol"
_HANDSHAKE: Final = 68
_NO_ROW: Final = "Running as user"
"""How a line begins that tshark writes for root alone."""


class Tshark:
    @classmethod
    def absent(cls) -> str | None:
        return absence_of("tshark", "tshark") or absence_of("dumpcap", "wireshark-common")


@frozen
class Half:
    """What one end of a connection between peers said. `messages` are whole, without length."""

    host: str
    reserved: bytes
    info_hash: bytes
    messages: list[bytes] = field(factory=list)


class Capture:
    """What is sent to and from a network, from `begin` to `end`."""

    def __init__(self, case: InteropCase) -> None:
        self.file = os.path.join(case.work, "capture.pcapng")
        self._case = case

    async def begin(self) -> None:
        """Returns when it runs; skips the test where it is not permitted."""
        wanted = f"net {self._case.network} or net 239.0.0.0/8"
        argv = ["dumpcap", "-q", "-B", "64", "-i", "lo", "-f", wanted, "-w", self.file]
        self._program = program = Program("dumpcap", argv, self._case.work)
        self._case.addCleanup(program.end)
        await self._case.until("dumpcap", lambda: program.has_ended or "File:" in program.output)
        if program.has_ended:
            raise SkipTest(f"capture is not permitted: {program.output.strip()[:300]}")

    def holds(self, *texts: bytes) -> bool:
        """Whether all of these were seen, each in one packet."""
        with open(self.file, "rb") as stream:
            seen = stream.read()
        return all(text in seen for text in texts)

    async def end(self) -> None:
        """What dumpcap still has in its buffer when it ends is lost: so wait for a last word."""
        host = self._case.next_address()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(_LAST_WORD, (host, free_port(host)))
        await self._case.until("dumpcap has written all", lambda: self.holds(_LAST_WORD))
        await self._program.end("INT")

    async def datagrams(self) -> list[bytes]:
        """What was sent by UDP."""
        return [bytes.fromhex(row[0]) for row in await self.rows("udp.payload", "udp.payload")]

    async def halves(self) -> list[Half]:
        """What peers said to each other by TCP."""
        wanted = "tcp.payload && !tcp.analysis.retransmission"
        said: dict[tuple[str, ...], bytearray] = {}
        for *end, payload in await self.rows(
            wanted, "tcp.stream", "ip.src", "tcp.srcport", "tcp.payload"
        ):
            said.setdefault(tuple(end), bytearray()).extend(bytes.fromhex(payload))
        return [
            _half(host, bytes(data))
            for (_, host, _), data in said.items()
            if data.startswith(_PROTOCOL) and len(data) >= _HANDSHAKE
        ]

    async def rows(self, wanted: str, *fields: str, rules: Iterable[str] = ()) -> list[list[str]]:
        """These fields of every packet that matches; `rules` say what is spoken at which port."""
        argv = ["tshark", "-n", "-r", self.file, "-Y", wanted, "-T", "fields"]
        argv += [word for rule in rules for word in ("-d", rule)]
        argv += [word for name in fields for word in ("-e", name)]
        lines = (await output_of(self._case, *argv)).splitlines()
        return [line.split("\t") for line in lines if line and not line.startswith(_NO_ROW)]


async def output_of(case: InteropCase, *argv: str) -> str:
    """What a program that ends by itself wrote."""
    program = Program(argv[0], argv, case.work)
    case.addCleanup(program.end)
    await case.until(argv[0], lambda: program.has_ended)
    case.assertEqual(0, program.status, program.story())
    return program.output


def _half(host: str, data: bytes) -> Half:
    half = Half(host, data[20:28], data[28:48])
    start = _HANDSHAKE
    while start + 4 <= len(data):
        end = start + 4 + int.from_bytes(data[start : start + 4], "big")
        if end > len(data):
            break
        half.messages.append(data[start + 4 : end])
        start = end
    return half
