"""One lookup among scripted nodes: whom it asks, in which order, when it ends (THREATS C2)."""

from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.dht import lookup as lookup_module
from txtorrent.dht.asking import Inquiry
from txtorrent.dht.lookup import AT_ONCE, MOST_ASKED, Lookup
from txtorrent.wire.krpc import Response
from txtorrent.wire.krpcnodes import NodeInfo
from txtorrent.wire.krpcqueries import FindNode

TARGET = bytes(20)


def node(distance: int, host: str | None = None) -> NodeInfo:
    """A node so far from the target, in a local network unless a host is given."""
    where = Address(host or f"10.{distance >> 16}.{distance >> 8 & 255}.{distance & 255}", 6881)
    return NodeInfo(distance.to_bytes(20, "big"), where)


class FakeNode:
    """Keeps what is asked, and has it answered when the test says."""

    ipv6 = False
    own_id = b"\xff" * 20

    def __init__(self) -> None:
        self.asked: list[Inquiry] = []
        self.is_full = False
        self.ended: list[Lookup] = []

    def ask(self, address, node_id, question, asker):
        if self.is_full:
            return None
        inquiry = Inquiry(address, node_id, question, asker)
        self.asked.append(inquiry)
        return inquiry

    def lookup_ended(self, lookup) -> None:
        self.ended.append(lookup)


class LookupCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.us = FakeNode()
        self.done: list[Lookup] = []
        self.heard: list[bytes] = []

    def begin(self, nodes: Sequence[NodeInfo], addresses: Sequence[Address] = ()) -> Lookup:
        self.lookup = Lookup(
            self.us,
            TARGET,
            FindNode(TARGET),
            lambda candidate, response: self.heard.append(response.node_id),
            self.done.append,
        )
        self.lookup.start(nodes, addresses)
        return self.lookup

    @property
    def distances(self) -> list[int]:
        """Of those asked so far."""
        return [int.from_bytes(each.node_id, "big") for each in self.us.asked if each.node_id]

    def answer(self, at: int, *nodes: NodeInfo, node_id: bytes | None = None) -> None:
        """The one that was asked as number `at` answers."""
        inquiry = self.us.asked[at]
        told = Response(b"t", node_id or inquiry.node_id or bytes(20), nodes=nodes, token=b"tok")
        if inquiry.asker is not None:
            inquiry.asker.answered(inquiry, told)

    def fail_one(self, at: int) -> None:
        self.us.asked[at].asker.failed(self.us.asked[at])

    def answer_all(self) -> None:
        """Nobody knows anybody else."""
        at = 0
        while at < len(self.us.asked):
            self.answer(at)
            at += 1


class Order(LookupCase):
    def test_the_closest_first_and_few_at_once(self) -> None:
        self.begin([node(distance) for distance in range(20, 0, -1)])
        self.assertEqual(self.distances, [1, 2, 3, 4])
        self.answer(0)
        self.assertEqual(self.distances, [1, 2, 3, 4, 5])

    def test_until_the_closest_have_answered(self) -> None:
        self.begin([node(distance) for distance in range(1, 21)])
        self.answer_all()
        self.assertEqual(self.distances, list(range(1, 9)))
        self.assertEqual(self.done, [self.lookup])
        self.assertEqual([each.distance for each in self.lookup.closest()], list(range(1, 9)))
        self.assertEqual(self.us.ended, [self.lookup])

    def test_closer_and_closer(self) -> None:
        self.begin([node(1000)])
        self.answer(0, node(500), node(2000))
        self.answer(1, node(20), node(500))
        self.assertEqual(self.distances, [1000, 500, 2000, 20])
        self.answer_all()
        self.assertEqual((self.lookup.hops, self.lookup.answered_by), (2, 4))

    def test_a_slow_one_makes_room_and_is_still_heard(self) -> None:
        self.begin([node(distance) for distance in range(1, 21)])
        self.us.asked[0].asker.slow(self.us.asked[0])
        self.assertEqual(self.distances, [1, 2, 3, 4, 5])
        for at in range(1, 8):
            self.answer(at)
        self.assertEqual(self.done, [])
        self.answer(0)
        self.assertEqual((len(self.done), len(self.heard)), (1, 8))

    def test_those_that_fail_are_replaced(self) -> None:
        self.begin([node(distance) for distance in range(1, 21)])
        for at in range(4):
            self.fail_one(at)
        for at in range(4, 12):
            self.answer(at)
        self.assertEqual([each.distance for each in self.lookup.closest()], list(range(5, 13)))
        self.assertEqual(len(self.done), 1)

    def test_nobody(self) -> None:
        self.begin([])
        self.assertEqual((len(self.done), self.lookup.closest()), (1, []))

    def test_a_full_line(self) -> None:
        self.us.is_full = True
        self.begin([node(distance) for distance in range(1, 21)])
        self.assertEqual((len(self.done), self.lookup.asked), (1, 0))

    def test_addresses_without_ids(self) -> None:
        """They are asked, and store nothing."""
        self.begin([], [Address("10.0.0.1", 1), Address("10.0.0.2", 1)])
        self.answer(0, node(5))
        self.fail_one(1)
        self.answer(2)
        self.assertEqual([each.distance for each in self.lookup.closest()], [5])
        self.assertEqual(len(self.done), 1)

    def test_another_than_was_said(self) -> None:
        self.begin([node(1)])
        self.answer(0, node(2), node_id=b"x" * 20)
        self.assertEqual((self.distances, self.heard), ([1], []))

    def test_cancel(self) -> None:
        self.begin([node(distance) for distance in range(1, 21)])
        self.lookup.cancel()
        self.answer(0)
        self.assertEqual((self.done, self.heard, len(self.us.asked)), ([], [], AT_ONCE))
        self.assertEqual([each.asker for each in self.us.asked], [None] * AT_ONCE)


class Sybil(LookupCase):
    def test_one_of_a_network(self) -> None:
        self.begin([node(at, f"20.0.{at % 2}.{at}") for at in range(1, 20)])
        self.answer_all()
        self.assertEqual(len(self.us.asked), 2)

    def test_as_many_of_a_local_network(self) -> None:
        self.begin([node(at) for at in range(1, 20)])
        self.answer_all()
        self.assertEqual(len(self.us.asked), 8)

    def test_another_of_a_network_when_one_failed(self) -> None:
        self.begin([node(1, "20.0.0.1"), node(9)])
        self.fail_one(0)
        self.answer(1, node(2, "20.0.0.2"))
        self.assertEqual(self.distances, [1, 9, 2])

    def test_ids_that_do_not_fit_stand_in_nobodys_way(self) -> None:
        """Eight that are closer, and eight of a local network, where any id fits."""
        misfits = [node(at, f"20.0.{at}.1") for at in range(1, 31)]
        self.begin([*misfits, *(node(at) for at in range(100, 130))])
        self.answer_all()
        asked = self.distances
        self.assertEqual(sorted(asked), [*range(1, 9), *range(100, 108)])
        self.assertEqual(sorted(each.distance for each in self.lookup.closest()), sorted(asked))

    def test_few_from_one_answer(self) -> None:
        self.begin([node(10_000)])
        self.answer(0, *(node(at) for at in range(100, 0, -1)))
        self.answer_all()
        self.assertEqual(sorted(self.distances), [*range(1, 9), 10_000])

    def test_who_names_nobody_that_is_there_is_not_believed(self) -> None:
        self.begin([node(10_000), node(20_000)])
        self.answer(0, *(node(at) for at in range(1, 9)))
        self.answer(1, *(node(at) for at in range(101, 109)))
        for at in range(2, 6):
            self.fail_one(at)
        self.assertEqual([at for at in self.distances if at < 100], [1, 2, 3, 4, 5, 6])
        self.assertIn(101, self.distances)

    def test_whom_two_name_is_believed(self) -> None:
        self.begin([node(10_000), node(20_000)])
        phantoms = [node(at) for at in range(1, 9)]
        self.answer(0, *phantoms)
        self.answer(1, phantoms[7])
        for at in range(2, 6):
            self.fail_one(at)
        self.assertIn(8, self.distances)

    def test_an_end(self) -> None:
        """Everybody names somebody closer."""
        start = 10_000_000
        self.begin([node(start)])
        at = 0
        while not self.done:
            self.answer(at, node(start - at * 7 - 1), node(start - at * 7 - 2))
            at += 1
        self.assertEqual(self.lookup.asked, MOST_ASKED)

    def test_bounded(self) -> None:
        self.patch(lookup_module, "MOST_CANDIDATES", 20)
        self.begin([node(at) for at in range(1000, 1100)])
        self.assertEqual(len(self.lookup._candidates), 20)
        self.answer(0, node(1), node(5000))
        self.assertEqual(len(self.lookup._candidates), 20)
        self.assertIn(1, self.distances)

    def test_nobody_of_another_family_nor_ourselves(self) -> None:
        self.begin([NodeInfo(b"6" * 20, Address("2001:db8::1", 1)), node(5)])
        self.answer(0, NodeInfo(self.us.own_id, Address("10.0.0.1", 1)))
        self.assertEqual(self.distances, [5])
