"""One swarm: who is told of whom, who counts, and whose word counts."""

from collections import Counter
from random import Random

from attrs import astuple
from twisted.trial.unittest import SynchronousTestCase

from tests.trackerserver.swarmcase import address_of, announced, split, tail_of, told
from txtorrent.trackerserver.memorystore import below
from txtorrent.trackerserver.swarm import Swarm

SEED, LEECHER = True, False


class SwarmCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.swarm = Swarm(0)
        self.below = below(Random(5))

    def join(self, name: int, family: int = 0, seeds: bool = LEECHER, expires: int = 9) -> None:
        party = self.swarm.seeders if seeds else self.swarm.leechers
        self.swarm.take(party, tail_of(name), address_of(name, family), expires, self.below)

    def asked(self, name: int, family: int = 0, left: int = 1, numwant: int = 50, ids=False):
        announce = announced(name, family, left=left, numwant=numwant)
        party = self.swarm.leechers if announce.left else self.swarm.seeders
        position = party.find(tail_of(name), len(announce.host) == 16)
        return self.swarm.selection(announce, tail_of(name), position, ids, self.below)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Seeds, leechers, addresses."""
        return self.swarm.seeders.count, self.swarm.leechers.count, self.swarm.rows


class MembershipTests(SwarmCase):
    def test_of_both_families_counts_once(self) -> None:
        for family in (0, 1):
            self.join(1, family)
            self.assertEqual(self.counts, (0, 1, family + 1))
        self.swarm.leechers.remove(tail_of(1), 0)
        self.assertEqual(self.counts, (0, 1, 1))
        self.swarm.leechers.remove(tail_of(1), 1)
        self.assertEqual(self.counts, (0, 0, 0))

    def test_both_addresses_change_their_role_together(self) -> None:
        for family in (0, 1):
            self.join(1, family, expires=5)
        self.join(1, 1, SEED, expires=8)
        self.assertEqual(self.counts, (1, 0, 2))
        four, six = self.swarm.seeders.crowds
        assert four is not None and six is not None
        self.assertEqual((four.expiries[0], six.expiries[0]), (5, 8))
        self.join(1, 0, LEECHER)
        self.assertEqual(self.counts, (0, 1, 2))

    def test_forgotten_everywhere(self) -> None:
        self.join(2)
        for family in (0, 1):
            self.join(1, family)
        self.swarm.forget(tail_of(1))
        self.assertEqual(self.counts, (0, 1, 1))
        self.assertFalse(self.swarm.knows(tail_of(1)))
        self.assertTrue(self.swarm.knows(tail_of(2)))

    def test_started_again_without_a_word(self) -> None:
        """With a new peer id at the same address, in whichever role it was, it is the old one."""
        for seeds in (SEED, LEECHER):
            self.join(1, 0, SEED)
            party = self.swarm.seeders if seeds else self.swarm.leechers
            self.swarm.take(party, tail_of(77), address_of(1), 9, self.below)
            self.assertEqual(self.swarm.rows, 1)
            self.assertFalse(self.swarm.knows(tail_of(1)))
            self.swarm.forget(tail_of(77))

    def test_another_port_is_another_client(self) -> None:
        self.join(1)
        self.swarm.take(self.swarm.leechers, tail_of(2), address_of(1, 0, 1), 9, self.below)
        self.assertEqual(self.counts, (0, 2, 2))

    def test_same_id_with_another_key(self) -> None:
        """It is somebody else, who can neither stop the first one nor take its place."""
        self.join(1)
        other = tail_of(1, key=2)
        self.swarm.forget(other)
        self.assertEqual(self.counts, (0, 1, 1))
        self.swarm.take(self.swarm.seeders, other, address_of(5), 9, self.below)
        self.assertEqual(self.counts, (1, 1, 2))

    def test_absorbed(self) -> None:
        """Of the older one all that is not known better."""
        older = Swarm(0)
        older.completed = 7
        for name in range(20):
            older.take(older.seeders, tail_of(name), address_of(name), 5, self.below)
        older.take(older.seeders, tail_of(0), address_of(0, 1), 5, self.below)
        self.swarm.completed = 1
        self.join(0, 0, LEECHER)  # another role
        self.join(1, 1, SEED)  # another family
        self.swarm.take(self.swarm.seeders, tail_of(50), address_of(2), 9, self.below)
        self.swarm.take(self.swarm.seeders, tail_of(3), address_of(3, 0, 1), 9, self.below)
        self.join(60, 0, LEECHER)
        self.swarm.absorb(older, self.below)
        self.assertEqual(self.swarm.completed, 8)
        self.assertEqual(self.counts, (19, 2, 20 + 1 + 1 + 1))
        self.assertFalse(self.swarm.knows(tail_of(2)))
        six = self.swarm.leechers.crowds[1]
        assert six is not None
        self.assertEqual((six.tail(0), six.expiries[0]), (tail_of(0), 5))


class SelectionTests(SwarmCase):
    def setUp(self) -> None:
        """Names say who it is: 1xx leech, 2xx seed, and a last digit from 5 on is IPv6."""
        super().setUp()
        for name in range(10):
            self.join(100 + name, name >= 5, LEECHER)
            self.join(200 + name, name >= 5, SEED)

    def named(self, selection) -> set[int]:
        found = [int.from_bytes(address[-5:-2], "big") for address in told(selection)]
        self.assertEqual(len(found), len(set(found)))
        return set(found)

    def test_leecher_is_told_of_all_others(self) -> None:
        for name in (100, 109):
            chosen = self.asked(name, name > 104)
            self.assertEqual(self.named(chosen), {*range(100, 110), *range(200, 210)} - {name})
            self.assertEqual(astuple(chosen)[:3], (10, 10, 0))

    def test_seed_is_told_of_leechers(self) -> None:
        for numwant in (3, 50):
            named = self.named(self.asked(200, left=0, numwant=numwant))
            self.assertLessEqual(named, set(range(100, 110)))
            self.assertEqual(len(named), min(numwant, 10))

    def test_own_family_first(self) -> None:
        for family, width in enumerate((6, 18)):
            name = 100 + 5 * family
            for numwant, own, other in ((0, 0, 0), (4, 4, 0), (9, 9, 0), (12, 9, 3), (19, 9, 10)):
                chosen = self.asked(name, family, numwant=numwant)
                lists = [chosen.peers4, chosen.peers6]
                self.assertEqual(len(lists[family]) // width, own)
                self.assertEqual(len(lists[not family]) // (24 - width), other)
                self.assertNotIn(name, self.named(chosen))

    def test_not_of_its_own_other_address(self) -> None:
        self.join(100, 1)
        for family in (0, 1):
            self.assertNotIn(100, self.named(self.asked(100, family)))

    def test_ids_are_in_step(self) -> None:
        for numwant in (3, 7, 15, 50):
            chosen = self.asked(100, numwant=numwant, ids=True)
            for peers, ids, width in (
                (chosen.peers4, chosen.ids4, 6),
                (chosen.peers6, chosen.ids6, 18),
            ):
                names = [int.from_bytes(each[-5:-2], "big") for each in split(peers, width)]
                self.assertEqual([tail_of(name)[:20] for name in names], split(ids, 20))

    def test_only_seeds_or_only_leechers(self) -> None:
        swarms = ((SEED, 1, {1, 2}), (SEED, 0, set()), (LEECHER, 1, {1, 2}), (LEECHER, 0, {1, 2}))
        for seeds, left, expected in swarms:
            self.swarm = Swarm(0)
            for name in (1, 2):
                self.join(name, 0, seeds)
            self.assertEqual(self.named(self.asked(9, left=left)), expected)

    def test_alone(self) -> None:
        self.swarm = Swarm(0)
        for left in (0, 1):
            self.join(1, 0, not left)
            for numwant in (0, 1, 50):
                self.assertEqual(told(self.asked(1, left=left, numwant=numwant)), [])

    def test_each_as_often_as_another(self) -> None:
        """Seeds and leechers alike, whether there are many of them or few."""
        self.swarm = Swarm(0)
        for name in range(40):
            self.join(name, 0, seeds=name < 7)
        counts: Counter[int] = Counter()
        for _ in range(4000):
            counts.update(self.named(self.asked(39, numwant=6)))
        each = 4000 * 6 / 39
        self.assertEqual(set(counts), set(range(39)))
        for name, count in counts.items():
            self.assertLess(abs(count - each), 6 * each**0.5, (name, count, each))
