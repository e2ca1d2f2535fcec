"""Whole networks of our nodes on a virtual clock: who finds what, while nodes come and go, and while
some of them lie (THREATS C2).

TXTORRENT_DHT_NODES=1000 makes the network as large, and has each test write its figures.
"""

import os
from hashlib import sha1
from random import Random
from statistics import mean

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.dhtnet import PORT, DhtNet, NetDht, many
from txtorrent.address import Address
from txtorrent.dht.nodeid import fits, number
from txtorrent.wire.krpc import Query, Response, decode_message, encode_response
from txtorrent.wire.krpcnodes import NodeInfo
from txtorrent.wire.krpcqueries import AnnouncePeer

NODES = int(os.environ.get("TXTORRENT_DHT_NODES", "80"))
SHOW = "TXTORRENT_DHT_NODES" in os.environ
HOUR = 3600.0
LEAVE = 0.2
"""Share of the nodes that leave in an hour; as many others join."""


def info_hash(number_: int) -> bytes:
    return sha1(b"torrent %d" % number_).digest()


def never() -> bool:
    return False


class NetworkCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.net = DhtNet(seed=1)

    def show(self, *words: object) -> None:
        if SHOW:
            print("\n   ", self.id().rpartition(".")[2], *words, flush=True)

    def search(self, node: NetDht, target: bytes):
        return self.net.clock.result_of(node.dht.find_peers(target), limit=120)


class Honest(NetworkCase):
    def test_churn(self) -> None:
        """Announced torrents are found although a fifth of the nodes leaves in an hour."""
        nodes = many(self.net, NODES)
        self.net.clock.advance(120)
        count = 30
        announcers = self.net.random.sample(nodes, count)
        for at, node in enumerate(announcers):
            node.dht.join(info_hash(at), lambda peers: None, never)
        others = [node for node in nodes if node not in announcers]
        steps = int(NODES * LEAVE)
        before, began = sum(self.net.sent.values()), self.net.clock.seconds()
        found = tried = 0
        hops, asked = [], []
        for step in range(steps):
            others.pop(self.net.random.randrange(len(others))).leave()
            fresh = NetDht(self.net)
            fresh.start(self.net.random.choice(others).address)
            others.append(fresh)
            self.net.clock.advance(HOUR / steps)
            for at in self.net.random.sample(range(count), 5 if not SHOW else 1):
                result = self.search(
                    self.net.random.choice(others[: -len(others) // 10]), info_hash(at)
                )
                found += announcers[at].address in result.peers
                tried += 1
                hops.append(result.hops)
                asked.append(result.asked)
        lasted = self.net.clock.seconds() - began
        each = (sum(self.net.sent.values()) - before) / NODES / lasted
        rate = found / tried
        self.show(
            f"{NODES} nodes: {found} of {tried} found; hops {mean(hops):.2f},"
            f" asked {mean(asked):.1f}; {each:.2f} messages/s a node"
        )
        self.assertGreaterEqual(rate, 0.99, f"{found} of {tried}")
        self.assertLess(each, 2.0)

    def test_hops_grow_with_the_logarithm(self) -> None:
        """Ten times the nodes: a hop or two more."""
        means = []
        for count in (NODES // 10, NODES):
            net = DhtNet(seed=2)
            nodes = many(net, count)
            net.clock.advance(60)
            hops = []
            for at in range(60):
                node = net.random.choice(nodes)
                result = net.clock.result_of(node.dht.find_peers(info_hash(at)))
                hops.append(result.hops)
            means.append(mean(hops))
        self.show(f"hops of {NODES // 10} and {NODES} nodes: {means}")
        self.assertGreater(means[1], means[0])
        self.assertLess(means[1] - means[0], 2.5)

    def test_bounded_messages(self) -> None:
        """A network that nobody uses is quiet."""
        nodes = many(self.net, NODES)
        self.net.clock.advance(300)
        before = dict(self.net.sent)
        self.net.clock.advance(HOUR / 2)
        each = [(self.net.sent[node.address] - before[node.address]) / (HOUR / 2) for node in nodes]
        self.show(f"idle: {mean(each):.3f} messages/s a node, at most {max(each):.3f}")
        self.assertLess(max(each), 1.5)


class Liar:
    """A node that answers with others of its kind, whatever it is asked, and keeps nothing."""

    def __init__(self, net: DhtNet, address: Address, node_id: bytes, gang: "list[Liar]") -> None:
        self.net = net
        self.info = NodeInfo(node_id, address)
        self.gang = gang
        self.asked = self.announced = 0
        net.attach(address, self.received)

    def received(self, datagram: bytes, source: Address) -> None:
        message = decode_message(datagram)
        if not isinstance(message, Query):
            return
        self.asked += 1
        self.announced += isinstance(message.question, AnnouncePeer)
        friends = tuple(liar.info for liar in self.net.random.sample(self.gang, 8))
        answer = Response(
            message.transaction, self.info.id, nodes=friends, token=b"whatever", our_address=source
        )
        self.net.send(encode_response(answer), self.info.address, source)

    def intrude(self, victims: list[NetDht]) -> None:
        """Have honest nodes notice us: they ask back whoever asks."""
        from txtorrent.wire.krpc import encode_query
        from txtorrent.wire.krpcqueries import FindNode

        for victim in self.net.random.sample(victims, 8):
            query = Query(self.net.random.randbytes(4), self.info.id, FindNode(self.info.id))
            self.net.send(encode_query(query), self.info.address, victim.address)


def beside(target: bytes, random: Random) -> bytes:
    """An id that shares 40 bits with a target: closer than any honest node's."""
    return target[:5] + random.randbytes(15)


class Sybils(NetworkCase):
    """A tenth of the network attacks one torrent."""

    TARGET = info_hash(0)

    def begin(self) -> None:
        self.nodes = many(self.net, NODES)
        self.net.clock.advance(120)
        self.gang: list[Liar] = []

    def attack(self, addresses: list[Address], id_for) -> None:
        for address in addresses:
            self.gang.append(Liar(self.net, address, id_for(address), self.gang))
        for liar in self.gang:
            liar.intrude(self.nodes)
        self.net.clock.advance(60)
        for liar in self.gang:
            liar.intrude(self.nodes)
        self.net.clock.advance(60)

    def outcome(self) -> float:
        """Which share of searches finds those who announce under attack."""
        peers = self.nodes[:10]
        for node in peers:
            node.dht.join(self.TARGET, lambda found: None, never)
        self.net.clock.advance(60)
        found = []
        for node in self.nodes[20:60]:
            result = self.search(node, self.TARGET)
            found.append(len({peer.address for peer in peers} & set(result.peers)))
        asked = sum(liar.asked for liar in self.gang)
        self.show(
            f"{len(self.gang)} liars among {NODES}: found {mean(found):.2f} of 10 peers, at least"
            f" {min(found)}; liars asked {asked} times, announced to"
            f" {sum(liar.announced for liar in self.gang)} times"
        )
        return sum(count > 0 for count in found) / len(found)

    def test_few_networks(self) -> None:
        """Many addresses of few /24s, all with ids beside the target."""
        self.begin()
        hosts = [f"66.{at % 3}.1.{at // 3 + 1}" for at in range(max(12, NODES // 10))]
        self.attack(
            [Address(h, PORT) for h in hosts], lambda _: beside(self.TARGET, self.net.random)
        )
        self.assertEqual(self.outcome(), 1.0)

    def test_many_networks(self) -> None:
        """Each in a network of its own, with ids that do not fit their addresses."""
        self.begin()
        addresses = [Address(self.net.host(), PORT) for _ in range(max(12, NODES // 10))]
        self.attack(addresses, lambda _: beside(self.TARGET, self.net.random))
        self.assertEqual(self.outcome(), 1.0)

    def test_ids_that_fit(self) -> None:
        """Each has the closest to the target of the ids that its address may have."""
        self.begin()

        def best(address: Address) -> bytes:
            from txtorrent.dht.nodeid import id_for

            ids = [id_for(address.host, self.net.random) for _ in range(64)]
            return min(ids, key=lambda each: number(each) ^ number(self.TARGET))

        addresses = [Address(self.net.host(), PORT) for _ in range(max(12, NODES // 10))]
        self.attack(addresses, best)
        self.assertTrue(all(fits(liar.info.id, liar.info.address.host) for liar in self.gang))
        self.assertEqual(self.outcome(), 1.0)
