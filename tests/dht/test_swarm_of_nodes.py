"""Whole networks of our nodes on a virtual clock: who finds what while nodes come and go, and
while some of them lie (THREATS C2).

TXTORRENT_DHT_NODES=1000 makes the networks as large, and has each test write its figures.
"""

import os
from hashlib import sha1
from statistics import mean

from twisted.trial.unittest import SynchronousTestCase

from tests.dht.liars import Liar, beside, fitting, phantoms
from tests.testing.dhtnet import DhtNet, NetDht, many
from txtorrent.dht.announces import INTERVAL
from txtorrent.dht.dht import DhtOptions
from txtorrent.dht.nodeid import fits
from txtorrent.wire.krpcnodes import NodeInfo

NODES = int(os.environ.get("TXTORRENT_DHT_NODES", "80"))
LARGE = "TXTORRENT_DHT_NODES" in os.environ
HOUR = 3600.0
LEAVE = 0.2
"""Share of the nodes that leave in an hour; as many others join."""
HOURS = 1.0 if LARGE else 0.3
SEARCHES = 600 if LARGE else 120
PEERS = 10
"""Who announces the torrent that is attacked."""


def info_hash(number: int) -> bytes:
    return sha1(b"torrent %d" % number).digest()


def never() -> bool:
    return False


class NetworkCase(SynchronousTestCase):
    timeout = 3600

    def setUp(self) -> None:
        self.net = DhtNet(seed=1)

    def show(self, *words: object) -> None:
        if LARGE:
            print("\n   ", self.id().rpartition(".")[2], *words, flush=True)

    def search(self, node: NetDht, target: bytes):
        return self.net.clock.result_of(node.dht.find_peers(target), limit=120)


class Honest(NetworkCase):
    def test_churn(self) -> None:
        """Announced torrents are found although a fifth of the nodes leaves in an hour, and none
        has much to do for it."""
        nodes = many(self.net, NODES)
        self.net.clock.advance(60)
        announcers, others = nodes[: NODES // 4], nodes[NODES // 4 :]
        for at, node in enumerate(announcers):
            node.dht.join(info_hash(at), lambda peers: None, never)
        self.net.clock.advance(60)
        steps = int(NODES * LEAVE * HOURS)
        before, began = sum(self.net.sent.values()), self.net.clock.seconds()
        found, results = 0, []
        for step in range(steps):
            self.replace_one(others)
            self.net.clock.advance(HOURS * HOUR / steps)
            for _ in range(SEARCHES * (step + 1) // steps - SEARCHES * step // steps):
                at = self.net.random.randrange(len(announcers))
                result = self.search(self.net.random.choice(others), info_hash(at))
                found += announcers[at].address in result.peers
                results.append(result)
        lasted = self.net.clock.seconds() - began
        each = (sum(self.net.sent.values()) - before) / NODES / lasted
        self.show(
            f"{NODES} nodes, {steps} replaced: {found} of {len(results)} found;"
            f" hops {mean(each.hops for each in results):.2f},"
            f" asked {mean(each.asked for each in results):.1f}; {each:.3f} messages/s a node"
        )
        self.assertGreaterEqual(found / len(results), 0.99)
        self.assertLess(each, 1.0)

    def replace_one(self, nodes: list[NetDht]) -> None:
        """One leaves, which nobody is told, and another joins."""
        nodes.pop(self.net.random.randrange(len(nodes))).leave()
        fresh = NetDht(self.net)
        fresh.start(self.net.random.choice(nodes).address)
        nodes.append(fresh)

    def test_hops_grow_with_the_logarithm(self) -> None:
        """Ten times the nodes: a hop or two more, and no busier."""
        means = []
        for count in (NODES // 10, NODES):
            net = DhtNet(seed=2)
            nodes = many(net, count)
            net.clock.advance(60)
            searches = [net.random.choice(nodes).dht.find_peers(info_hash(at)) for at in range(60)]
            net.clock.advance(30)
            means.append(mean(self.successResultOf(each).hops for each in searches))
        self.show(f"hops of {NODES // 10} and {NODES} nodes: {means[0]:.2f}, {means[1]:.2f}")
        self.assertGreater(means[1], means[0])
        self.assertLess(means[1] - means[0], 2.5)

    def test_a_seedbox(self) -> None:
        """10,000 torrents joined at once: within the rate, each in its turn, none twice."""
        nodes = many(self.net, NODES)
        self.net.clock.advance(60)
        us = nodes[-1]
        for at in range(10_000):
            us.dht.join(info_hash(at), lambda peers: None, lambda: True)
        began, sent = self.net.clock.seconds(), us.dht.status.ipv4.bytes_out
        seconds = 2 * INTERVAL if LARGE else 30.0
        self.net.clock.advance(seconds)
        status = us.dht.status.ipv4
        rate = (status.bytes_out - sent) / (self.net.clock.seconds() - began)
        stored = {key for node in nodes for key in node.node.answers.peers._torrents}
        self.show(
            f"{len(stored)} torrents in {seconds:.0f} s at {rate:.0f} bytes/s;"
            f" {status.unanswered} questions unanswered, {status.refused} refused"
        )
        self.assertLess(rate, DhtOptions().rate * (1 + 4 / seconds))
        self.assertGreater(len(stored), seconds / 3)
        self.assertEqual((status.unanswered, status.refused), (0, 0))
        self.assertEqual(sum(node.dht.status.ipv4.blocked for node in nodes), 0)


class Sybils(NetworkCase):
    """A tenth of the network attacks one torrent."""

    TARGET = info_hash(0)

    def setUp(self) -> None:
        super().setUp()
        self.nodes = many(self.net, NODES)
        self.net.clock.advance(30)
        self.count = max(12, NODES // 10)

    def attack(self, gang: list[NodeInfo], praised: list[NodeInfo] | None = None) -> None:
        """Bring them in; then ten honest nodes announce, and others look for them."""
        liars = [Liar(self.net, info, praised or gang) for info in gang]
        for _ in range(2):
            for liar in liars:
                liar.intrude(self.nodes, self.TARGET)
            self.net.clock.advance(20)
        peers = self.nodes[:PEERS]
        for node in peers:
            node.dht.join(self.TARGET, lambda found: None, never)
        self.net.clock.advance(60)
        found = []
        began = self.net.clock.seconds()
        for node in self.nodes[PEERS : PEERS + (30 if LARGE else 15)]:
            result = self.search(node, self.TARGET)
            found.append(len({peer.address for peer in peers} & set(result.peers)))
        self.show(
            f"{len(gang)} liars among {NODES}: found {mean(found):.2f} of {PEERS} peers, at least"
            f" {min(found)}, in {(self.net.clock.seconds() - began) / len(found):.1f} s; liars were"
            f" asked {sum(each.asked for each in liars)} times,"
            f" announced to {sum(each.announced for each in liars)} times"
        )
        self.assertGreaterEqual(min(found), PEERS // 2)

    def test_few_networks(self) -> None:
        """Many addresses of three /24s, with ids beside the target."""
        hosts = [f"66.{at % 3}.1.{at // 3 + 1}" for at in range(self.count)]
        self.attack([beside(self.net, self.TARGET, host) for host in hosts])

    def test_many_networks(self) -> None:
        """Each in a network of its own, with ids that do not fit their addresses."""
        hosts = [self.net.host() for _ in range(self.count)]
        self.attack([beside(self.net, self.TARGET, host) for host in hosts])

    def test_ids_that_fit(self) -> None:
        """Each has the closest to the target of the ids that its address may have."""
        hosts = [self.net.host() for _ in range(self.count)]
        gang = [fitting(self.net, self.TARGET, host) for host in hosts]
        self.assertTrue(all(fits(info.id, info.address.host) for info in gang))
        self.attack(gang)

    def test_phantoms(self) -> None:
        """They name hundreds of nodes close to the target that are not there."""
        hosts = [self.net.host() for _ in range(self.count)]
        gang = [fitting(self.net, self.TARGET, host) for host in hosts]
        self.attack(gang, phantoms(self.net, self.TARGET, 20 * self.count))
