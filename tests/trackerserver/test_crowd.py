"""Peers as rows: none lost, all found, each as likely to be handed out as another."""

from collections import Counter
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.trackerserver.swarmcase import address_of, split, tail_of
from txtorrent.trackerserver import crowd as crowds
from txtorrent.trackerserver.crowd import (
    ID_SIZE,
    NARROW_UP_TO,
    SEARCHED,
    SHARED,
    UNIQUE_WITHIN,
    Crowd,
)
from txtorrent.trackerserver.memorystore import below

Model = dict[bytes, tuple[bytes, int]]


def crowd_of(size: int, family: int = 0, seed: int = 1) -> Crowd:
    """Of peers 0, 1, ..., who expire in that order."""
    crowd = Crowd((6, 18)[family])
    for name in range(size):
        crowd.add(tail_of(name), address_of(name, family), name, below(Random(f"{seed}/{name}")))
    return crowd


class RowTests(SynchronousTestCase):
    def check(self, crowd: Crowd, model: Model) -> None:
        self.assertEqual(len(crowd), len(model))
        found = {
            crowd.tail(row): (crowd.address(row), crowd.expiries[row]) for row in range(len(crowd))
        }
        self.assertEqual(found, model)
        for row in range(len(crowd)):
            self.assertEqual(crowd.find(crowd.tail(row)), row)
        for bits, row in (crowd._index or {}).items():
            self.assertEqual(hash(crowd.tail(row)) & crowd._bits, bits)

    @settings(
        derandomize=True,
        deadline=None,
        max_examples=200,
        suppress_health_check=[HealthCheck.differing_executors],  # of the class below, too
    )
    @given(
        st.integers(0, 3 * SEARCHED),
        st.lists(
            st.tuples(st.sampled_from(["add", "remove", "refresh"]), st.integers(0, 59)),
            max_size=100,
        ),
        st.sampled_from((0, 1)),
        st.integers(0, 1000),
    )
    def test_a_dict_is_its_model(self, size, changes, family, seed) -> None:
        draw = below(Random(seed))
        crowd = crowd_of(size, family, seed)
        model: Model = {tail_of(name): (address_of(name, family), name) for name in range(size)}
        for time, (change, name) in enumerate(changes, 100):
            tail, address = tail_of(name), address_of(name, family, time)
            position = crowd.find(tail)
            self.assertEqual(position >= 0, tail in model)
            if change == "add" and position < 0:
                crowd.add(tail, address, time, draw)
                model[tail] = address, time
            elif change == "remove" and position >= 0:
                crowd.remove(position)
                del model[tail]
            elif change == "refresh" and position >= 0:
                crowd.refresh(position, address, time)
                model[tail] = address, time
        self.check(crowd, model)

    def test_growing_and_shrinking(self) -> None:
        """Past every size at which the way of finding changes, both ways."""
        crowd, model = Crowd(6), {}
        for name in range(3 * SEARCHED):
            crowd.add(tail_of(name), address_of(name), name, below(Random(name)))
            model[tail_of(name)] = address_of(name), name
            self.check(crowd, model)
        self.assertEqual(crowd.find(tail_of(1000)), -1)
        order = sorted(range(3 * SEARCHED), key=lambda name: Random(name).random())
        for name in order:
            crowd.remove(crowd.find(tail_of(name)))
            del model[tail_of(name)]
            self.check(crowd, model)
        self.assertEqual(crowd.find(tail_of(1)), -1)

    def test_wide_and_narrow(self) -> None:
        """Past the size from which on all bits are looked at, and back."""
        crowd = crowd_of(NARROW_UP_TO + 1)
        for name in range(NARROW_UP_TO + 1):
            self.assertEqual(crowd.tail(crowd.find(tail_of(name))), tail_of(name))
        for name in range(NARROW_UP_TO):
            self.assertEqual(crowd.find(tail_of(-1)), -1)
            crowd.remove(crowd.find(tail_of(name)))
        self.assertEqual((len(crowd), crowd.find(tail_of(NARROW_UP_TO))), (1, 0))

    def test_more_than_positions_are_shared(self) -> None:
        crowd = crowd_of(SHARED + 10)
        for row in (0, SHARED - 1, SHARED, SHARED + 9):
            self.assertEqual(crowd.find(crowd.tail(row)), row)

    def test_what_looks_like_a_row_but_lies_across_two(self) -> None:
        crowd = Crowd(6)
        for tail, address in ((b"\1" * 23 + b"\2", b"\1" * 5 + b"\2"), (b"\2" * 24, b"\2" * 6)):
            crowd.add(tail, address, 0, lambda end: end - 1)
        self.assertEqual(crowd.find(b"\1" * 22 + b"\2" * 2), -1)
        self.assertEqual(crowd.find(b"\2" * 24), 1)
        self.assertEqual(crowd.stranger_at(b"\1" * 4 + b"\2" * 2), None)
        self.assertEqual(crowd.stranger_at(b"\2" * 6), b"\2" * 24)

    def test_strangers_are_looked_for_in_small_crowds(self) -> None:
        crowd = crowd_of(UNIQUE_WITHIN)
        self.assertEqual(crowd.stranger_at(address_of(7)), tail_of(7))
        self.assertEqual(crowd.stranger_at(address_of(7, port=1)), None)
        crowd.add(tail_of(-1), address_of(9999), 0, lambda end: 0)
        self.assertEqual(crowd.stranger_at(address_of(7)), None)

    def test_expired(self) -> None:
        crowd = crowd_of(30)
        positions = crowd.expired(0, 30, 9)
        self.assertEqual({crowd.expiries[row] for row in positions}, set(range(10)))
        self.assertEqual(positions, sorted(positions, reverse=True))
        self.assertEqual(crowd.expired(10, 20, 9), [row for row in positions if 10 <= row < 20])
        self.assertEqual(crowd.expired(25, 99, 99), [29, 28, 27, 26, 25])
        self.assertEqual(crowd.expired(30, 99, 99), [])
        self.assertEqual(crowd.expired(0, 30, -1), [])


class FewBitsTests(RowTests):
    """Many peers have the same bits of their hashes, before there are so many that more bits are
    looked at; all are found all the same."""

    def setUp(self) -> None:
        self.patch(crowds, "NARROW", 3)
        self.patch(crowds, "NARROW_UP_TO", 2 * SEARCHED)


class ChoiceTests(SynchronousTestCase):
    def test_who_is_chosen(self) -> None:
        """As many as wanted, or all; nobody twice, and not the one left out; ids in step."""
        for family, width in enumerate((6, 18)):
            for size in range(1, 8):
                crowd = crowd_of(size, family)
                ids = {crowd.address(row): crowd.tail(row)[:ID_SIZE] for row in range(size)}
                for hole in range(-1, size):
                    others = set(ids) - ({crowd.address(hole)} if hole >= 0 else set())
                    for wanted in range(size + 2):
                        self.choose(crowd, hole, wanted, others, ids, width)

    def choose(self, crowd, hole, wanted, others, ids, width) -> None:
        for begin in range(max(1, len(others))):
            for with_ids in (False, True):
                found, found_ids = crowd.some(wanted, hole, with_ids, lambda end, at=begin: at)
                addresses = split(found, width)
                self.assertEqual(len(addresses), min(wanted, len(others)))
                self.assertEqual(len(set(addresses)), len(addresses))
                self.assertLessEqual(set(addresses), others)
                expected = [ids[address] for address in addresses] if with_ids else []
                self.assertEqual(split(found_ids, ID_SIZE), expected)

    def assert_even(self, counts: Counter, keys, each: float) -> None:
        """Within six times what chance makes of so many draws."""
        self.assertEqual(set(counts), set(keys))
        for key, count in counts.items():
            self.assertLess(abs(count - each), 6 * each**0.5, (key, counts))

    def chosen(self, crowd: Crowd, hole: int = -1, draws: int = 20_000, wanted: int = 5) -> Counter:
        draw = below(Random(7))
        counts: Counter[bytes] = Counter()
        for _ in range(draws):
            counts.update(split(crowd.some(wanted, hole, False, draw)[0], 6))
        return counts

    def test_each_as_often_as_another(self) -> None:
        crowd = crowd_of(30)
        self.assert_even(self.chosen(crowd), map(address_of, range(30)), 20_000 * 5 / 30)

    def test_without_the_asker(self) -> None:
        crowd = crowd_of(30)
        for name in (3, 17):
            others = [address_of(other) for other in range(30) if other != name]
            counts = self.chosen(crowd, crowd.find(tail_of(name)))
            self.assert_even(counts, others, 20_000 * 5 / 29)

    def test_after_others_came_and_went(self) -> None:
        crowd = crowd_of(40)
        for name in range(20):
            crowd.remove(crowd.find(tail_of(name)))
        for name in range(40, 50):
            crowd.add(tail_of(name), address_of(name), 0, below(Random(name)))
        self.assert_even(self.chosen(crowd), map(address_of, range(20, 50)), 20_000 * 5 / 30)

    def test_anybody_is_anybodys_neighbour(self) -> None:
        """The order is as chance would have it, however old a peer is: those who came together are
        not handed out together."""
        draw = below(Random(3))
        places: dict[int, Counter[int]] = {name: Counter() for name in (2, 9, 11)}
        for _ in range(3000):
            crowd = Crowd(6)
            for name in range(10):
                crowd.add(tail_of(name), address_of(name), 0, draw)
            for name in (0, 5):
                crowd.remove(crowd.find(tail_of(name)))
            for name in (10, 11):
                crowd.add(tail_of(name), address_of(name), 0, draw)
            for name, counts in places.items():
                counts[crowd.find(tail_of(name))] += 1
        for counts in places.values():
            self.assert_even(counts, range(10), 300)
