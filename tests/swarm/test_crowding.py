"""How many connections one host and one network may have."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.crowding import MOST_PER_HOST, MOST_PER_NETWORK, Crowding
from txtorrent.swarm.tally import Tally


class TallyTests(SynchronousTestCase):
    def test_counts(self):
        tally = Tally()
        for step, key, count in (
            (tally.add, "a", 1), (tally.add, "a", 2), (tally.add, "b", 1),
            (tally.remove, "a", 1), (tally.remove, "a", 0), (tally.remove, "b", 0),
        ):  # fmt: skip
            step(key)
            self.assertEqual(tally[key], count)

    def test_what_is_not_there_cannot_go(self):
        tally = Tally()
        tally.add("a")
        tally.remove("a")
        self.assertRaises(KeyError, tally.remove, "a")

    def test_nothing_is_kept_of_those_that_are_gone(self):
        tally, random = Tally(), Random(1)
        there = []
        for _ in range(1000):
            if there and random.random() < 0.5:
                tally.remove(there.pop(random.randrange(len(there))))
            else:
                there.append(random.randrange(20))
                tally.add(there[-1])
            self.assertEqual([tally[key] for key in range(20)], list(map(there.count, range(20))))
            self.assertEqual(len(tally._counts), len(set(there)))


class CrowdingTests(SynchronousTestCase):
    def setUp(self):
        self.crowding = Crowding()

    def enter(self, hosts):
        """Those of them that were let in."""
        entered = []
        for host in hosts:
            if self.crowding.objection(host) is None:
                self.crowding.entered(host)
                entered.append(host)
        return entered

    def test_one_address(self):
        for host in ("20.1.1.1", "2001:db8::1", "127.0.0.1", "10.0.0.1"):
            with self.subTest(host=host):
                self.assertEqual(len(self.enter([host] * 10)), MOST_PER_HOST)
                self.assertIn("one address", self.crowding.objection(host))

    def test_one_network(self):
        for network in ("20.1.1.{}", "2001:db8::{}"):
            with self.subTest(network=network):
                hosts = [network.format(number) for number in range(1, 3 * MOST_PER_NETWORK)]
                self.assertEqual(self.enter(hosts), hosts[:MOST_PER_NETWORK])
                self.assertIn("one network", self.crowding.objection(hosts[-1]))

    def test_a_network_of_our_own_is_not_limited(self):
        hosts = [f"127.0.0.{number}" for number in range(1, 200)]
        self.assertEqual(self.enter(hosts), hosts)

    def test_who_leaves_makes_room(self):
        hosts = [f"20.1.1.{number}" for number in range(1, MOST_PER_NETWORK + 1)]
        self.enter(hosts)
        self.crowding.left(hosts[3])
        self.assertEqual(self.enter(["20.1.1.99", "20.1.1.98"]), ["20.1.1.99"])
