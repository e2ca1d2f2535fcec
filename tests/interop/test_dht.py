"""Our node in a small DHT of libtorrent's: each finds what the other has announced or put."""

import json
import sys
from functools import partial
from hashlib import sha1, sha512
from os.path import dirname, join
from random import SystemRandom
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.interop.case import InteropCase
from tests.interop.clients import Libtorrent
from tests.interop.programs import Program
from tests.testing.loopback import free_port, next_host
from txtorrent.address import Address
from txtorrent.bencode import encode
from txtorrent.dht.dht import Dht, DhtOptions
from txtorrent.peer.udpport import UdpPort, is_dht
from txtorrent.wire.dhtitem import public_key

_SCRIPT = join(dirname(__file__), "libtorrent_dht.py")
THEIRS = 6
"""Nodes of libtorrent's."""
SEED = bytes(range(32))
SALT = "feed"


class Us:
    """A node of ours on a real socket of a loopback address of its own."""

    def __init__(self, case: InteropCase) -> None:
        self.host = next_host()
        self.udp = UdpPort(reactor, 0, self.host)
        self.dht = Dht(
            reactor,
            SystemRandom(),
            self.udp.send,
            lambda: 7001,
            DhtOptions(routers=(), ipv6=False),
            lambda ours, voter: None,
            udp_port=lambda: self.udp.port,
        )
        self.udp.add_receiver(is_dht, self.dht.received)
        self.udp.listen()
        self.dht.start(None)
        case.addCleanup(self.stop)

    def stop(self) -> "Deferred[None]":
        self.dht.stop()
        return self.udp.stop()

    @property
    def good(self) -> int:
        status = self.dht.status.ipv4
        assert status is not None
        return status.good


class Them:
    """A node of libtorrent's."""

    def __init__(self, case: InteropCase) -> None:
        self.host = next_host()
        self.port = free_port(self.host)
        job = json.dumps({"host": self.host, "port": self.port})
        argv = (sys.executable, _SCRIPT, job)
        self.program = case.run_program(Program("libtorrent", argv, case.folder("dht")))

    def tell(self, *words: Any) -> None:
        self.program.tell(json.dumps(words))

    def said(self, word: str) -> list[list[Any]]:
        """The particulars of each line that begins with a word."""
        lines = [json.loads(line) for line in self.program.output.splitlines() if line[:1] == "["]
        return [line[1:] for line in lines if line[0] == word]

    @property
    def address(self) -> Address:
        return Address(self.host, self.port)


def expanded(seed: bytes) -> str:
    """A private key as libtorrent takes it: what the seed is hashed to."""
    key = bytearray(sha512(seed).digest())
    key[0] &= 248
    key[31] = key[31] & 63 | 64
    return key.hex()


class DhtTests(InteropCase):
    next_question = 0.0

    async def begin(self) -> None:
        """Several of theirs that know each other, and us."""
        self.need(Libtorrent)
        self.them = [Them(self) for _ in range(THEIRS)]
        for each in self.them:
            await self.until("libtorrent listens", lambda each=each: bool(each.said("listening")))
        for each in self.them:
            for other in self.them:
                if other is not each:
                    each.tell("node", *other.address)
        self.us = Us(self)
        self.us.dht.add_node(self.them[0].address)
        await self.until("we know them all", lambda: self.us.good >= THEIRS)
        for each in self.them:
            await self.until("they know each other", partial(self.knows, each, THEIRS - 1))

    def ask(self, node: Them, *words: str) -> None:
        """Tell a node to ask others, once a second: who asks more often is not answered."""
        if reactor.seconds() >= self.next_question:
            self.next_question = reactor.seconds() + 1.0
            node.tell(*words)

    def knows(self, node: Them, count: int) -> bool:
        node.tell("stats")
        found = node.said("nodes")
        return bool(found) and found[-1][0] >= count

    async def test_peers(self) -> None:
        await self.begin()
        theirs, ours = sha1(b"theirs").digest(), sha1(b"ours").digest()
        self.them[1].tell("announce", theirs.hex(), 7777)
        peer = Address(self.them[1].host, 7777)

        async def found() -> bool:
            await deferLater(reactor, 0.5)
            return peer in (await self.us.dht.find_peers(theirs)).peers

        await self.until("we find their peer", found)
        self.us.dht.join(ours, lambda peers: None, lambda: False)

        def told() -> bool:
            self.ask(self.them[2], "peers", ours.hex())
            said = self.them[2].said("peers")
            return any([self.us.host, 7001] in peers for hash_, peers in said)

        await self.until("they find our peer", told)

    async def test_joined_torrents_are_told_of_their_peers(self) -> None:
        await self.begin()
        info_hash = sha1(b"both").digest()
        self.them[3].tell("announce", info_hash.hex(), 7003)
        told: list[Address] = []

        async def is_out() -> bool:
            await deferLater(reactor, 0.5)
            return bool((await self.us.dht.find_peers(info_hash)).peers)

        await self.until("it is announced", is_out)
        self.us.dht.join(info_hash, told.extend, lambda: True)
        await self.until("we are told", lambda: Address(self.them[3].host, 7003) in told)

    async def test_immutable_items(self) -> None:
        await self.begin()
        result = await self.us.dht.put_immutable(b"from us")
        self.assertGreaterEqual(result.stored, THEIRS - 1)
        wanted = result.target.hex()

        def got() -> bool:
            self.ask(self.them[4], "get immutable", wanted)
            said = self.them[4].said("immutable")
            return any(target == wanted and "from us" in item for target, item in said)

        await self.until("they get our item", got)
        self.them[5].tell("put immutable", "from them")
        await self.until("they have put", lambda: bool(self.them[5].said("put")))
        target = bytes.fromhex(self.them[5].said("target")[0][0])
        item = await self.us.dht.get(target)
        assert item is not None
        self.assertEqual(item.value, encode(b"from them"))

    async def test_mutable_items(self) -> None:
        await self.begin()
        key, salt = public_key(SEED), SALT.encode()
        result = await self.us.dht.put_mutable(SEED, b"first, ours", salt)
        self.assertEqual(result.seq, 1)
        self.assertGreaterEqual(result.stored, THEIRS - 1)

        def got() -> bool:
            self.ask(self.them[1], "get mutable", key.hex(), SALT)
            return any("first, ours" in said[0] for said in self.them[1].said("mutable"))

        await self.until("they get our item", got)
        self.them[2].tell("put mutable", expanded(SEED), key.hex(), "second, theirs", SALT)
        await self.until("they have put", lambda: bool(self.them[2].said("put")))
        item = await self.us.dht.get_mutable(key, salt)
        assert item is not None
        self.assertEqual((item.value, item.seq), (encode(b"second, theirs"), 2))
        self.assertEqual((await self.us.dht.put_mutable(SEED, b"third", salt)).seq, 3)

    async def test_samples(self) -> None:
        await self.begin()
        info_hash = sha1(b"sampled").digest()
        self.us.dht.join(info_hash, lambda peers: None, lambda: False)

        async def is_sampled() -> bool:
            await deferLater(reactor, 0.5)
            result = await self.us.dht.sample(info_hash)
            return info_hash in result.samples

        await self.until("it is among their samples", is_sampled)
