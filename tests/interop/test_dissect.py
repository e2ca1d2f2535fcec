"""What we send, as Wireshark understands it: no malformed message, no error."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Final

from tests.interop import samples
from tests.interop.case import InteropCase
from tests.interop.clients import Txtorrent
from tests.interop.networks import OwnNetwork
from tests.interop.opentracker import Opentracker
from tests.interop.traffic import Capture, Tshark, output_of

FAULTS: Final = '_ws.malformed || _ws.expert.severity == "Error"'
EXCHANGE: Final = {"interested", "unchoke", "request", "piece"}
_TYPES: Final = {
    "0": "choke", "1": "unchoke", "2": "interested", "3": "not interested", "4": "have",
    "5": "bitfield", "6": "request", "7": "piece", "14": "have all", "15": "have none",
    "17": "allowed fast",
}  # fmt: skip

_EVENTS: Final = ("", "completed", "started", "stopped")


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
        if OwnNetwork.absent() is None:
            self.enter_network()  # what other programs say to each other is none of our faults
        self.tracker = Opentracker(self)
        self.sample = samples.make(self.work, "many", getattr(self.tracker, way))
        await self.tracker.start([self.sample.metainfo.info_hash])
        self.capture = Capture(self)
        await self.capture.begin()

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
        await self.capture.end()
        self.ports = [peer.port for peer in peers]
        known = await output_of(self, "tshark", "-G", "protocols")
        self.udp_dissector = "bt-tracker" if "\tbt-tracker\n" in known else "data"
        self.assertEqual([], await self._frames(FAULTS, "frame.number", "_ws.col.Info"))
        self.assertGreaterEqual(len(await self._frames("bittorrent.info_hash", "ip.src")), 2)

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
        rows = await self.capture.rows(wanted, *fields, rules=decode)
        return ["\t".join(row) for row in rows]
