"""Whose turn it is to be announced, on a fake network that answers after two seconds."""

from collections import Counter
from itertools import pairwise
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.testing.clock import HeapClock
from txtorrent.address import Address
from txtorrent.dht.announces import AT_ONCE, INTERVAL, JITTER, RETRY, Announces

PEER = Address("20.0.0.1", 1)


class FakeNodes:
    """Takes `takes` seconds for an announce; counts them by info-hash."""

    def __init__(self, clock: HeapClock) -> None:
        self.clock = clock
        self.can_announce = True
        self.answers = True
        self.takes = 2.0
        self.at: list[tuple[float, bytes, bool]] = []
        self.busy = self.most_busy = self.cancelled = 0

    def announce(self, info_hash, seed, took, ended):
        self.at.append((self.clock.seconds(), info_hash, seed))
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        took([PEER])
        timer = self.clock.callLater(self.takes, self._end, ended)
        return _Cancel(self, timer)

    def _end(self, ended) -> None:
        self.busy -= 1
        ended(self.answers)


class _Cancel:
    def __init__(self, nodes: FakeNodes, timer) -> None:
        self.nodes, self.timer = nodes, timer

    def cancel(self) -> None:
        self.nodes.cancelled += 1
        self.nodes.busy -= 1
        self.timer.cancel()


def name(number: int) -> bytes:
    return number.to_bytes(20, "big")


class AnnouncesCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = HeapClock()
        self.nodes = FakeNodes(self.clock)
        self.announces = Announces(self.clock, Random(1), self.nodes)
        self.told: list[tuple[bytes, list[Address]]] = []
        self.seeds: set[bytes] = set()

    def tearDown(self) -> None:
        self.announces.stop()
        self.assertEqual([t for t in self.clock.timers() if "_end" not in repr(t)], [])

    def join(self, number: int, seed: bool = False):
        info_hash = name(number)
        if seed:
            self.seeds.add(info_hash)
        return self.announces.join(
            info_hash,
            lambda peers: self.told.append((info_hash, list(peers))),
            lambda: info_hash in self.seeds,
        )

    def order(self, start: int = 0) -> list[int]:
        return [int.from_bytes(info_hash, "big") for _, info_hash, _ in self.nodes.at[start:]]


class Turns(AnnouncesCase):
    def test_soon_and_then_every_quarter_of_an_hour(self) -> None:
        self.join(1)
        self.clock.advance(10 * INTERVAL)
        times = [at for at, _, _ in self.nodes.at]
        self.assertEqual(times[0], 0.0)
        self.assertIn(len(times), (10, 11))
        pauses = [b - a - self.nodes.takes for a, b in pairwise(times)]
        self.assertTrue(all(abs(pause - INTERVAL) <= INTERVAL * JITTER for pause in pauses))
        self.assertGreater(len(set(pauses)), 5)

    def test_few_at_once(self) -> None:
        for number in range(100):
            self.join(number)
        self.clock.advance(300)
        self.assertEqual(self.nodes.most_busy, AT_ONCE)
        self.assertEqual(sorted(self.order()), list(range(100)))

    def test_what_is_new_goes_first(self) -> None:
        for number in range(2000):
            self.join(number)
        self.clock.advance(100)
        self.join(9999)
        before = len(self.nodes.at)
        self.clock.advance(4000)
        self.assertIn(9999, self.order(before)[: 2000 - before + 1])
        self.join(10_000)
        before = len(self.nodes.at)
        self.clock.advance(10)
        self.assertIn(10_000, self.order(before)[:20])

    def test_downloads_go_first_and_seeds_get_a_share(self) -> None:
        for number in range(500):
            self.join(number, seed=True)
        for number in range(1000, 1500):
            self.join(number)
        self.clock.advance(100)
        first = self.order()[:200]
        seeds = [number for number in first if number < 1000]
        self.assertTrue(30 <= len(seeds) <= 70, len(seeds))
        self.clock.advance(300)
        self.assertEqual(len(set(self.order())), 1000)

    def test_fair_when_there_are_too_many(self) -> None:
        """Ten times as many as can be announced every quarter of an hour: all have turns."""
        self.nodes.takes = 16.0
        for number in range(4500):
            self.join(number, seed=number % 50 != 0)
        self.clock.advance(40_000)
        times = Counter(self.order())
        seeds = [times[number] for number in range(4500) if number % 50]
        downloads = [times[number] for number in range(0, 4500, 50)]
        self.assertEqual(self.nodes.most_busy, AT_ONCE)
        self.assertGreaterEqual(min(seeds), 3)
        self.assertLessEqual(max(seeds) - min(seeds), 1)
        self.assertGreaterEqual(min(downloads), 40)

    def test_nobody_to_ask(self) -> None:
        self.nodes.can_announce = False
        self.join(1)
        self.clock.advance(100)
        self.assertEqual(self.nodes.at, [])
        self.nodes.can_announce = True
        self.clock.advance(1.5)
        self.assertEqual(self.order(), [1])

    def test_nobody_answers(self) -> None:
        self.nodes.answers = False
        self.join(1)
        self.clock.advance(2 + RETRY * (1 + JITTER) + 1)
        self.assertEqual(self.order(), [1, 1])

    def test_a_download_that_became_a_seed(self) -> None:
        self.join(1)
        self.clock.advance(10)
        self.seeds.add(name(1))
        self.clock.advance(INTERVAL * 1.2)
        self.assertEqual([seed for _, _, seed in self.nodes.at], [False, True])


class Members(AnnouncesCase):
    def test_told_in_batches(self) -> None:
        self.join(1)
        self.clock.advance(0.5)
        self.assertEqual(self.told, [])
        self.clock.advance(1.0)
        self.assertEqual(self.told, [(name(1), [PEER])])

    def test_whoever_leaves_is_told_nothing(self) -> None:
        member = self.join(1)
        self.clock.advance(0.5)
        member.leave()
        member.leave()
        self.clock.advance(5000)
        self.assertEqual((self.told, self.nodes.cancelled, len(self.announces)), ([], 1, 0))
        self.assertEqual(self.order(), [1])

    def test_leaving_before_its_turn(self) -> None:
        members = [self.join(number) for number in range(100)]
        for member in members[50:]:
            member.leave()
        self.clock.advance(600)
        self.assertEqual(sorted(self.order()), list(range(50)))

    def test_joining_again(self) -> None:
        member = self.join(1)
        self.assertRaises(ValueError, self.join, 1)
        member.leave()
        self.join(1)
        member.leave()
        self.clock.advance(10)
        self.assertEqual((self.order(), len(self.announces)), ([1], 1))

    def test_soon(self) -> None:
        member = self.join(1)
        self.clock.advance(100)
        member.soon()
        member.soon()
        self.clock.advance(10)
        self.assertEqual(self.order(), [1, 1])
        self.clock.advance(INTERVAL * 1.2)
        self.assertEqual(self.order(), [1, 1, 1])

    def test_one_that_stumbles(self) -> None:
        self.announces.join(name(7), lambda peers: 1 / 0, lambda: False)
        self.clock.advance(INTERVAL * 1.2)
        self.assertEqual(self.order(), [7, 7])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_leaving_when_told(self) -> None:
        members = []

        def found(peers) -> None:
            members[0].leave()

        members.append(self.announces.join(name(1), found, lambda: False))
        self.clock.advance(5000)
        self.assertEqual(self.order(), [1])

    def test_many_that_come_and_go(self) -> None:
        """What they leave behind is cleaned up."""
        for _ in range(50):
            for member in [self.join(number) for number in range(200)]:
                member.leave()
        self.assertLess(sum(map(len, self.announces._lanes)), 2000)

    def test_stop(self) -> None:
        member = self.join(1)
        self.clock.advance(0.5)
        self.announces.stop()
        member.soon()
        self.join(2)
        self.clock.advance(5000)
        self.assertEqual((self.told, self.order()), ([], [1]))
