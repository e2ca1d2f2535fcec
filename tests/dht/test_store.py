"""What is kept for others: who finds it, for how long, and who has to go (THREATS C2)."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.dht import itemstore, store
from txtorrent.dht.itemstore import ITEM_LIFE, ItemStore
from txtorrent.dht.store import PEER_LIFE, SAMPLE_LIFE, PeerStore
from txtorrent.wire.bloom import bloom_filter
from txtorrent.wire.dhtitem import Item

HASH, OTHER = b"h" * 20, b"o" * 20
ASKING = "99.0.0.1"
OWN = bytes(20)


def host(number: int) -> str:
    return f"20.{number // 62500}.{number // 250 % 250}.{number % 250}"


class Peers(SynchronousTestCase):
    def setUp(self):
        self.store = PeerStore(Random(1))

    def add(self, number: int, info_hash: bytes = HASH, now: float = 0.0, seed: bool = False):
        return self.store.add(info_hash, Address(host(number), 6881), seed, now)

    def hosts(self, now: float = 0.0, count: int = 100, info_hash: bytes = HASH, **options):
        found = self.store.peers(info_hash, ASKING, count, now, **options)
        return sorted(peer.host for peer in found)

    def test_found_again(self):
        self.add(1)
        self.add(2, OTHER)
        self.assertEqual(self.store.peers(HASH, ASKING, 9, 0.0), [Address(host(1), 6881)])
        self.assertEqual(self.hosts(info_hash=b"x" * 20), [])

    def test_once_for_each_address(self):
        self.store.add(HASH, Address("20.0.0.1", 1), False, 0.0)
        self.store.add(HASH, Address("20.0.0.1", 2), False, 1.0)
        self.assertEqual(self.store.peers(HASH, ASKING, 9, 1.0), [Address("20.0.0.1", 2)])

    def test_for_half_an_hour(self):
        self.add(1, now=0.0)
        self.add(2, now=100.0)
        self.add(1, now=200.0)
        self.assertEqual(len(self.hosts(PEER_LIFE + 99)), 2)
        self.assertEqual(self.hosts(PEER_LIFE + 101), [host(1)])
        self.assertEqual(self.hosts(PEER_LIFE + 201), [])
        self.assertEqual((len(self.store), self.store.torrents), (0, 0))

    def test_some_of_many(self):
        for number in range(100):
            self.add(number)
        some = [tuple(self.hosts(count=10)) for _ in range(5)]
        self.assertEqual({len(set(each)) for each in some}, {10})
        self.assertEqual(len(set(some)), 5)

    def test_seeds(self):
        for number in range(4):
            self.add(number, seed=number % 2 == 0)
        self.assertEqual(self.hosts(noseed=True), [host(1), host(3)])
        seeds, others = self.store.filters(HASH, 0.0)
        self.assertEqual(seeds, bloom_filter([host(0), host(2)]))
        self.assertEqual(others, bloom_filter([host(1), host(3)]))
        self.assertIsNone(self.store.filters(OTHER, 0.0))

    def test_local_peers_are_for_local_nodes(self):
        self.store.add(HASH, Address("192.168.1.5", 1), False, 0.0)
        self.assertEqual(self.hosts(), [])
        self.assertEqual(len(self.store.peers(HASH, "192.168.1.9", 9, 0.0)), 1)

    def test_samples(self):
        for number in range(100):
            self.add(number, bytes([number]) * 20)
        sample, pause = self.store.sample(0.0)
        self.assertEqual((len(set(sample)), pause), (store.MOST_SAMPLES, SAMPLE_LIFE))
        self.assertEqual(self.store.sample(60.0), (sample, SAMPLE_LIFE - 60))
        self.assertNotEqual(self.store.sample(SAMPLE_LIFE)[0], sample)

    def test_too_many_of_one_torrent(self):
        self.patch(store, "MOST_OF_TORRENT", 10)
        for number in range(25):
            self.add(number, now=float(number))
        self.assertEqual(self.hosts(30.0), sorted(host(number) for number in range(15, 25)))

    def test_too_many_in_all(self):
        self.patch(store, "MOST_PEERS", 10)
        for number in range(25):
            self.add(number, bytes([number]) * 20, float(number))
        self.assertEqual((len(self.store), self.store.torrents), (10, 10))
        self.assertEqual(self.hosts(30.0, info_hash=bytes([24]) * 20), [host(24)])

    def test_one_address_has_its_share(self):
        self.patch(store, "MOST_OF_SOURCE", 10)
        self.add(2)
        kept = [self.add(1, bytes([number]) * 20) for number in range(25)]
        self.assertEqual(kept, [True] * 10 + [False] * 15)
        self.assertTrue(self.add(1, bytes(20), 5.0))
        self.assertEqual(self.hosts(), [host(2)])
        self.assertTrue(self.add(1, b"x" * 20, PEER_LIFE + 1))


class Items(SynchronousTestCase):
    def setUp(self):
        self.store = ItemStore()

    def put(self, number: int, source: str = "20.0.0.1", now: float = 0.0) -> Item | None:
        item = Item(b"%d:%s" % (500, b"%03d" % number * 166 + b"xx"))
        return item if self.store.put(item, source, OWN, now) else None

    def test_for_two_hours(self):
        first, second = self.put(1, now=0.0), self.put(2, now=10.0)
        self.put(1, now=20.0)
        self.assertEqual(self.store.get(first.target, ITEM_LIFE), first)
        self.assertIsNone(self.store.get(second.target, ITEM_LIFE + 11))
        self.assertEqual(self.store.get(first.target, ITEM_LIFE + 11), first)
        self.assertIsNone(self.store.get(first.target, ITEM_LIFE + 21))
        self.assertEqual(len(self.store), 0)
        self.assertEqual(self.store._bytes, 0)

    def test_one_address_has_its_share(self):
        self.patch(itemstore, "MOST_OF_SOURCE", 5)
        kept = [self.put(number) is not None for number in range(8)]
        self.assertEqual(kept, [True] * 5 + [False] * 3)
        self.assertIsNotNone(self.put(9, "20.0.0.2"))
        self.assertIsNotNone(self.put(0))

    def test_the_farthest_go(self):
        self.patch(itemstore, "MOST_BYTES", 10 * 904)
        items = [self.put(number, host(number)) for number in range(40)]
        targets = sorted(
            Item(b"%d:%s" % (500, b"%03d" % number * 166 + b"xx")).target for number in range(40)
        )
        there = [target for target in targets if self.store.get(target, 0.0) is not None]
        self.assertEqual(there, targets[:10])
        self.assertIn(None, items)
