"""A private torrent where everything is on: nobody hears of it but its tracker and its peers, who
are told of nobody else (BEP 27). A public one beside it shows that it would be noticed."""

from functools import partial
from typing import Final

from attrs import field, frozen

from tests.interop import samples
from tests.interop.case import InteropCase
from tests.interop.clients import Libtorrent
from tests.interop.nodes import DhtNodes
from tests.interop.opentracker import Opentracker
from tests.interop.samples import Sample
from tests.interop.sessions import Node, by_dht
from tests.interop.traffic import Capture, Half, Tshark
from txtorrent.address import pack
from txtorrent.bencode import decode

NODES: Final = 6
DHT_BIT: Final = 1
"""In the last of a handshake's reserved bytes (BEP 5)."""
SLOW: Final = 4096
"""Bytes/s: nobody may have everything, and hang up, before peers have been told of others."""
PATIENCE: Final = 90.0
"""Seconds: who misses its turn to be told of peers has the next one a minute later."""
FORBIDDEN: Final = frozenset({b"ut_pex", b"ut_metadata"})
"""Extensions that a private torrent has no use for."""
PORT, EXTENDED = 9, 20
"""Types of messages (BEP 5, 10)."""


@frozen
class Told:
    """What some ends of connections told of the DHT and of other peers."""

    dht_bits: int = 0
    ports: int = 0
    names: frozenset[bytes] = field(default=frozenset())
    """Of extensions."""
    exchanges: int = 0
    """Messages that name peers."""


class PrivateTests(InteropCase):
    timeout = 150.0

    async def test_nobody_else_is_told(self) -> None:
        self.need(Tshark, Opentracker, Libtorrent)
        self.enter_network()
        self.nodes, tracker, capture = DhtNodes(self, NODES), Opentracker(self), Capture(self)
        private = samples.small(self.work, "private", tracker.http, private=True)
        public = samples.small(self.work, "public", tracker.http)
        await tracker.start([private.metainfo.info_hash, public.metainfo.info_hash])
        await self.nodes.start()
        await capture.begin()
        self.us = [await self.one_of_us("seed", SLOW), await self.one_of_us("leech")]
        them = [await self.have_swarm(private), await self.have_swarm(public)]
        is_known = partial(self.is_known, capture, public, them[1])
        await self.until("all is said of the public one", is_known, PATIENCE)
        self.us[0].session.limits.upload.rate = 0
        for each in them:
            await self.until("libtorrent has all", each.is_complete)
        await self.until("we have all", self.have_all)
        await capture.end()
        self.compare(await capture.halves(), public, private)
        self.look_for_names(await capture.datagrams(), public, private)

    async def one_of_us(self, name: str, upload_rate: int = 0) -> Node:
        """A session with everything on."""
        sources = by_dht(self.nodes.addresses, local=True)
        node = Node(self, name, upload_rate=upload_rate, sources=sources)
        await node.begin()
        return node

    async def have_swarm(self, sample: Sample) -> Libtorrent:
        """Ours and one of libtorrent's: the seed dials the two others."""
        seed, leech = self.us
        them = Libtorrent(self)
        them.routers, them.exchanges = self.nodes.addresses, True
        await them.leech(sample, self.folder("theirs"))
        sample.write(seed.directory)
        leech.add(sample)
        seed.add(sample, leech, them.contact)
        await self.until("both are there", lambda: len(seed.links) >= 2)
        return them

    def is_known(self, capture: Capture, sample: Sample, them: Libtorrent) -> bool:
        """Whether the local network, the DHT, and peers through us, have heard of a torrent."""
        info_hash = sample.metainfo.info_hash
        local = b"BT-SEARCH", b"Infohash: " + info_hash.hex().encode()
        dht = b"9:info_hash20:" + info_hash, b"1:q13:announce_peer"
        return capture.holds(*local, *dht, b"5:added6:" + pack(them.contact))

    def have_all(self) -> bool:
        torrents = [each for node in self.us for each in node.session.torrents.values()]
        return all(torrent.progress.is_complete for torrent in torrents)

    def compare(self, halves: list[Half], public: Sample, private: Sample) -> None:
        """What we told our peers of either."""
        of_public, of_private = self.told(halves, public), self.told(halves, private)
        self.assertGreater(of_public.dht_bits, 0)
        self.assertGreater(of_public.ports, 0)
        self.assertGreater(of_public.exchanges, 0)
        self.assertLessEqual(FORBIDDEN, of_public.names)
        self.assertEqual(Told(names=of_private.names - FORBIDDEN), of_private)

    def look_for_names(self, datagrams: list[bytes], public: Sample, private: Sample) -> None:
        """Whether anybody, libtorrent too, named either by UDP."""
        said = b"\0".join(datagrams)
        for sample, is_named in ((public, True), (private, False)):
            info_hash = sample.metainfo.info_hash
            self.assertEqual(is_named, info_hash in said)
            self.assertEqual(is_named, info_hash.hex().encode() in said.lower())

    def told(self, halves: list[Half], sample: Sample) -> Told:
        """What we told of a torrent; there must be something."""
        hosts = {node.address.host for node in self.us}
        wanted = sample.metainfo.info_hash
        ours = [half for half in halves if half.host in hosts and half.info_hash == wanted]
        self.assertGreaterEqual(len(ours), 2)
        messages = [message for half in ours for message in half.messages if message]
        extended = [message[1:] for message in messages if message[0] == EXTENDED]
        greetings = [decode(message[1:]) for message in extended if message[0] == 0]
        self.assertTrue(greetings)
        return Told(
            sum(bool(half.reserved[7] & DHT_BIT) for half in ours),
            sum(message[0] == PORT for message in messages),
            frozenset(name for greeting in greetings for name in greeting[b"m"]),
            sum(b"5:added" in message for message in extended),
        )
