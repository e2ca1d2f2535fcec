"""What we send, as Wireshark understands it: no malformed message, no error."""

import os
import re
import socket
from collections.abc import Iterable
from functools import partial
from typing import Final

from twisted.trial.unittest import SkipTest

from tests.interop import samples
from tests.interop.case import InteropCase
from tests.interop.clients import Txtorrent, absence_of
from tests.interop.opentracker import Opentracker
from tests.interop.programs import Program
from tests.testing.loopback import NETWORK, free_port

FAULTS: Final = '_ws.malformed || _ws.expert.severity == "Error"'
EXCHANGE: Final = {"interested", "unchoke", "request", "piece"}
_TYPES: Final = {
    "0": "choke", "1": "unchoke", "2": "interested", "3": "not interested", "4": "have",
    "5": "bitfield", "6": "request", "7": "piece", "14": "have all", "15": "have none",
    "17": "allowed fast",
}  # fmt: skip

_LAST_WORD: Final = b"the end of the capture"
_EVENTS: Final = ("", "completed", "started", "stopped")


class Tshark:
    @classmethod
    def absent(cls) -> str | None:
        return absence_of("tshark", "tshark") or absence_of("dumpcap", "wireshark-common")


class DissectTests(InteropCase):
    async def test_seed_and_leecher_with_http_tracker(self) -> None:
        """One has everything, the other nothing, and they say so in words of BEP 6."""
        await self._prepare("http")
        pieces = range(self.sample.metainfo.geometry.piece_count)
        await self._exchange(pieces, ())
        events = await self._http_events()
        self.assertEqual({"started", "completed", "stopped"}, events - {""})
        self.assertLessEqual({*EXCHANGE, "have all", "have none"}, await self._messages())

    async def test_two_halves_with_udp_tracker(self) -> None:
        """Each has what the other lacks."""
        await self._prepare("udp")
        count = self.sample.metainfo.geometry.piece_count
        await self._exchange(range(count // 2), range(count // 2, count))
        events = await self._udp_events()
        self.assertEqual({"started", "completed", "stopped"}, events - {""})
        self.assertLessEqual({*EXCHANGE, "bitfield"}, await self._messages())

    async def _prepare(self, way: str) -> None:
        """A tracker, a torrent of it, and a capture that runs."""
        self.need(Tshark, Opentracker)
        self.tracker = Opentracker(self)
        self.sample = samples.make(self.work, "many", getattr(self.tracker, way))
        await self.tracker.start([self.sample.metainfo.info_hash])
        await self._begin_capture()

    async def _exchange(self, first: Iterable[int], second: Iterable[int]) -> None:
        """From announce to announce of two peers with these pieces; no frame may be faulty."""
        peers = [Txtorrent(self), Txtorrent(self)]
        for peer, pieces in zip(peers, (first, second), strict=True):
            directory = self.sample.write_part(self.folder("content"), pieces)
            await peer.leech(self.sample, directory)
            await self.until("the tracker knows it", partial(peer.has_said, " answered: "))
        for peer in peers:
            await self.until("txtorrent has all", peer.is_complete)
        for peer in peers:
            await peer.stop()
        await self._end_capture()
        self.ports = [peer.port for peer in peers]
        known = await self._output_of("tshark", "-G", "protocols")
        self.udp_dissector = "bt-tracker" if "\tbt-tracker\n" in known else "data"
        self.assertEqual([], await self._frames(FAULTS, "frame.number", "_ws.col.Info"))
        self.assertGreaterEqual(len(await self._frames("bittorrent.info_hash", "ip.src")), 2)

    async def _begin_capture(self) -> None:
        self.file = os.path.join(self.work, "capture.pcapng")
        ours = f"net {NETWORK}"
        argv = ["dumpcap", "-q", "-B", "64", "-i", "lo", "-f", ours, "-w", self.file]
        self.capture = Program("dumpcap", argv, self.work)
        self.addCleanup(self.capture.end)
        await self.until(
            "dumpcap", lambda: self.capture.has_ended or "File:" in self.capture.output
        )
        if self.capture.has_ended:
            raise SkipTest(f"capture is not permitted: {self.capture.output.strip()[:300]}")

    async def _end_capture(self) -> None:
        """What dumpcap still has in its buffer when it ends is lost: so wait for a last word."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(_LAST_WORD, (self.tracker.host, free_port(self.tracker.host)))

        def has_come() -> bool:
            with open(self.file, "rb") as stream:
                return _LAST_WORD in stream.read()

        await self.until("dumpcap has written all", has_come)
        await self.capture.end("INT")

    async def _messages(self) -> set[str]:
        rows = await self._frames("bittorrent.msg.type", "bittorrent.msg.type")
        return {_TYPES.get(each, each) for row in rows for each in row.split(",")}

    async def _http_events(self) -> set[str]:
        asked = await self._frames("http.request", "http.request.uri")
        return {match[1] for uri in asked if (match := re.search(r"[?&]event=(\w*)", uri))}

    async def _udp_events(self) -> set[str]:
        """Wireshark knows no UDP trackers before 4.2: the event is read at its place (BEP 15)."""
        wanted = f"udp.dstport == {self.tracker.udp_port} && udp.length >= {8 + 98}"
        payloads = map(bytes.fromhex, await self._frames(wanted, "udp.payload"))
        return {_EVENTS[int.from_bytes(payload[80:84], "big")] for payload in payloads}

    async def _frames(self, wanted: str, *fields: str) -> list[str]:
        """The fields of every captured frame that matches, a line a frame."""
        decode = [f"tcp.port=={port},bittorrent" for port in self.ports]
        decode += [f"tcp.port=={self.tracker.http_port},http"]
        decode += [f"udp.port=={self.tracker.udp_port},{self.udp_dissector}"]
        argv = ["tshark", "-n", "-r", self.file, "-Y", wanted, "-T", "fields"]
        argv += [word for rule in decode for word in ("-d", rule)]
        argv += [word for field in fields for word in ("-e", field)]
        lines = (await self._output_of(*argv)).splitlines()
        return [line for line in lines if line and not line.startswith("Running as user")]

    async def _output_of(self, *argv: str) -> str:
        """What a program that ends by itself wrote."""
        program = Program(argv[0], argv, self.work)
        self.addCleanup(program.end)
        await self.until(argv[0], lambda: program.has_ended)
        self.assertEqual(0, program.status, program.story())
        return program.output
