"""The table of nodes, as pictures: a bucket is a string, a node of it one letter.

g: good, q: questionable, b: bad; upper case when its id fits its address.
"""

from itertools import count
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.dht.nodeid import fits, id_for, number
from txtorrent.dht.table import FRESH, RETRY, RoutingTable
from txtorrent.wire.krpcnodes import NodeInfo

OWN = bytes(20)
LOCAL = "10.0.0."


def at_depth(shared: int, number_: int = 0) -> bytes:
    """An id that shares so many bits with ours."""
    return ((1 << 159 - shared) | number_).to_bytes(20, "big")


class TableCase(SynchronousTestCase):
    def setUp(self):
        self.table = RoutingTable(OWN, 0.0)
        self.random = Random(1)
        self.numbers = count(1)

    def add(self, shared: int, now: float = 0.0, host: str | None = None) -> NodeInfo:
        """A node that answers, at a local address unless one is given."""
        number_ = next(self.numbers)
        address = Address(host or f"{LOCAL}{number_ % 250}", 1000 + number_)
        node = NodeInfo(at_depth(shared, number_), address)
        self.table.replied(node, 0.1, now)
        return node

    def fitting(self, host: str) -> NodeInfo:
        """A node whose id fits, and shares no bit with ours."""
        while True:
            node_id = id_for(host, self.random)
            if node_id[0] & 0x80:
                return NodeInfo(node_id, Address(host, 6881))

    def picture(self, now: float = 0.0) -> list[str]:
        """All buckets."""
        letters = [
            [contact.state(now).value[0] for contact in bucket.contacts]
            for bucket in self.table._buckets
        ]
        return ["".join(bucket) for bucket in letters]


class Buckets(TableCase):
    def test_one_until_it_is_full(self):
        for shared in range(8):
            self.add(shared)
        self.assertEqual(self.picture(), ["gggggggg"])

    def test_only_ours_is_split(self):
        for shared in [0] * 20:
            self.add(shared)
        self.assertEqual(self.picture(), ["gggggggg", ""])
        for shared in [1] * 9 + [2] * 9:
            self.add(shared)
        self.assertEqual(self.picture(), ["gggggggg", "gggggggg", "gggggggg", ""])

    def test_all_of_those_near(self):
        for shared in range(50):
            self.add(shared)
        self.assertEqual(len(self.table), 50)

    def test_the_longest_ids(self):
        for low in range(1, 200):
            node = NodeInfo(low.to_bytes(20, "big"), Address("10.0.0.1", low))
            self.table.replied(node, 0.1, 0.0)
        self.assertLessEqual(max(map(len, self.picture())), 8)
        self.assertLessEqual(self.table.depth, 160)

    def test_ourselves(self):
        self.table.replied(NodeInfo(OWN, Address("10.0.0.1", 1)), 0.1, 0.0)
        self.assertEqual(len(self.table), 0)

    def test_around_another_id(self):
        nodes = {self.add(shared).address for shared in range(8)}
        other = at_depth(0, 77)
        table = self.table.rebuilt(other, 5.0)
        self.assertEqual(table.own_id, other)
        self.assertEqual({contact.address for contact in table}, nodes)


class States(TableCase):
    def test_time_and_failures(self):
        nodes = [self.add(0) for _ in range(4)]
        self.table.failed(nodes[1].address, 0.0)
        for _ in range(2):
            self.table.failed(nodes[2].address, 0.0)
        self.assertEqual(self.picture(), ["gqbg"])
        self.assertEqual(self.picture(FRESH + 1), ["qqbq"])
        self.table.queried(nodes[0], 10.0)
        self.table.replied(nodes[2], 0.1, 10.0)
        self.assertEqual(self.picture(FRESH + 1), ["gqgq"])

    def test_a_query_does_not_make_good_again_who_does_not_answer(self):
        node = self.add(0)
        for _ in range(2):
            self.table.failed(node.address, 0.0)
        self.table.queried(node, 1.0)
        self.assertEqual(self.picture(1.0), ["b"])

    def test_who_is_asked(self):
        first, second = self.add(0, 0.0), self.add(0, 5.0)
        self.assertEqual(self.table.due(FRESH - 1, 8), [])
        self.assertEqual([each.info for each in self.table.due(FRESH + 6, 1)], [first])
        self.assertEqual([each.info for each in self.table.due(FRESH + 6, 8)], [second])
        self.assertEqual(self.table.due(FRESH + 7, 8), [])
        self.assertEqual(len(self.table.due(2 * FRESH + 7, 8)), 2)

    def test_who_failed_is_asked_again_soon(self):
        node = self.add(0, 0.0)
        self.add(0, 0.0)
        self.table.failed(node.address, 0.0)
        self.assertEqual([each.info for each in self.table.due(RETRY + 1, 8)], [node])

    def test_stale_buckets(self):
        for shared in [0] * 8 + [1] * 8:
            self.add(shared)
        self.assertIsNone(self.table.stale_target(self.random, FRESH))
        self.add(1, FRESH)
        targets = [self.table.stale_target(self.random, FRESH + 1) for _ in range(4)]
        depths = [160 - number(each).bit_length() for each in targets if each is not None]
        self.assertEqual(depths, [0, 1, 2])


class Replacement(TableCase):
    def fill(self) -> list[NodeInfo]:
        return [self.add(0) for _ in range(9)][:8]

    def test_a_bad_one_gives_way(self):
        nodes = self.fill()
        self.add(1)
        self.table.failed(nodes[3].address, 0.0)
        self.assertEqual(self.picture()[0], "gggqgggg")
        self.table.failed(nodes[3].address, 0.0)
        self.assertEqual(self.picture()[0], "gggggggg")
        self.assertNotIn(nodes[3].address, self.table)

    def test_without_anybody_waiting_it_stays(self):
        node = self.add(0)
        for _ in range(5):
            self.table.failed(node.address, 0.0)
        self.assertEqual(self.picture(), ["b"])
        self.assertEqual(self.table.closest(OWN, 0.0), [])

    def test_those_that_wait_are_few(self):
        self.fill()
        for _ in range(50):
            self.add(0)
        self.assertEqual(len(self.table._buckets[0].spare), 8)

    def test_who_is_welcome(self):
        """Nobody is asked back for a bucket of good nodes."""
        nodes = self.fill()
        stranger = NodeInfo(at_depth(0, 900), Address("10.0.1.1", 5))
        self.assertFalse(self.table.queried(stranger, 0.0))
        self.assertTrue(self.table.queried(NodeInfo(at_depth(3), stranger.address), 0.0))
        for _ in range(2):
            self.table.failed(nodes[0].address, 0.0)
        self.assertFalse(self.table.queried(nodes[1], 0.0))

    def test_another_id_at_the_same_address(self):
        node = self.add(0)
        self.table.replied(NodeInfo(at_depth(5), node.address), 0.1, 0.0)
        self.assertEqual([each.id for each in self.table], [at_depth(5)])

    def test_the_same_id_at_another_address(self):
        node = self.add(0)
        elsewhere = NodeInfo(node.id, Address("10.0.1.1", 5))
        self.table.replied(elsewhere, 0.1, 0.0)
        self.assertEqual([each.info for each in self.table], [node])
        for _ in range(2):
            self.table.failed(node.address, 0.0)
        self.table.replied(elsewhere, 0.1, 0.0)
        self.assertEqual([each.info for each in self.table], [elsewhere])


class Poison(TableCase):
    """C2."""

    def test_one_of_a_network(self):
        for host in ("20.0.0.1", "20.0.0.1", "20.0.0.2", "20.0.1.1", "20.0.1.250"):
            self.add(0, host=host)
        self.assertEqual([contact.address.host for contact in self.table], ["20.0.0.1", "20.0.1.1"])

    def test_one_of_a_network_of_ipv6(self):
        for host in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"):
            self.add(0, host=host)
        self.assertEqual(len(self.table), 2)

    def test_many_of_a_local_network(self):
        for host in ("10.0.0.1", "10.0.0.1", "10.0.0.2", "127.0.0.1", "127.0.0.1"):
            self.add(0, host=host)
        self.assertEqual(len(self.table), 5)

    def test_one_that_is_gone_gives_its_network_free(self):
        node = self.add(0, host="20.0.0.1")
        for _ in range(2):
            self.table.failed(node.address, 0.0)
        self.add(0, host="20.0.0.2")
        self.assertEqual([contact.address.host for contact in self.table], ["20.0.0.2"])

    def test_those_that_wait_count_as_well(self):
        """When there is a place again, nobody of a network that is there takes it."""
        nodes = [self.add(0, host=f"20.0.{at}.1") for at in range(8)]
        self.add(1, host="21.0.0.1")
        self.add(0, host="22.0.0.1")
        self.add(2, host="22.0.0.2")
        for _ in range(2):
            self.table.failed(nodes[0].address, 0.0)
        hosts = [contact.address.host for contact in self.table]
        self.assertEqual(len({host.rpartition(".")[0] for host in hosts}), len(hosts))

    def test_ids_that_fit_are_preferred(self):
        misfits = [self.add(0, at, f"20.0.{at}.1") for at in range(8)]
        self.add(1, host="21.0.0.1")
        self.assertFalse(any(fits(each.id, each.address.host) for each in misfits))
        newcomers = [self.fitting(f"30.0.{at}.1") for at in range(10)]
        for newcomer in newcomers:
            self.table.replied(newcomer, 0.1, 20.0)
        there = {contact.address for contact in self.table if contact.id[0] & 0x80}
        self.assertEqual(there, {each.address for each in newcomers[:8]})

    def test_closest(self):
        nodes = [self.add(shared) for shared in range(20)]
        near = self.table.closest(OWN, 0.0)
        self.assertEqual([each.info for each in near], nodes[:-9:-1])
        near = self.table.closest(at_depth(0), 0.0, 3)
        self.assertEqual(near[0].info, nodes[0])
