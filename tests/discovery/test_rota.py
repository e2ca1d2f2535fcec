"""Whose turn it is to be announced: the rhythm of BEP 14, with one torrent and with thousands."""

from collections import Counter
from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.discovery.rota import EVERY, LONGEST_GAP, SHORTEST_GAP, Rota
from txtorrent.wire.lsd import MOST_TORRENTS


def torrents(count: int) -> list[bytes]:
    return [number.to_bytes(20, "big") for number in range(count)]


class RotaTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.rota = Rota()

    def join(self, count: int, now: float = 0.0) -> list[bytes]:
        made = torrents(count)
        for each in made:
            self.rota.join(each, now, 1.0)
        return made

    def run_until(self, end: float) -> list[tuple[float, tuple[bytes, ...]]]:
        """The datagrams that go out up to then: when, and of which torrents."""
        sent = []
        while (at := self.rota.next_at()) is not None and at <= end:
            sent.append((at, self.rota.take(at)))
        return sent

    def test_nothing_to_announce(self) -> None:
        self.assertEqual((self.rota.next_at(), self.rota.take(1e9)), (None, ()))

    def test_one_torrent(self) -> None:
        (one,) = self.join(1)
        self.assertEqual(self.rota.take(0.5), ())
        sent = self.run_until(1000.0)
        self.assertEqual(sent, [(1.0 + EVERY * number, (one,)) for number in range(4)])

    def test_those_that_join_together_are_announced_together(self) -> None:
        made = self.join(MOST_TORRENTS)
        self.assertEqual(self.run_until(10.0), [(1.0, tuple(made))])

    def test_few_torrents_at_most_a_datagram_a_minute(self) -> None:
        """BEP 14, and each every five minutes all the same."""
        made = self.join(5 * MOST_TORRENTS)
        sent = self.run_until(1801.0)
        times = [at for at, _ in sent]
        gaps = {after - before for before, after in pairwise(times)}
        self.assertEqual(gaps, {LONGEST_GAP})
        counts = Counter(each for _, hashes in sent for each in hashes)
        self.assertEqual(set(counts), set(made))
        self.assertLessEqual(set(counts.values()), {6, 7})

    def test_thousands_are_spread_evenly(self) -> None:
        made = self.join(5000)
        sent = self.run_until(1.0 + EVERY)
        self.assertEqual({each for _, hashes in sent for each in hashes}, set(made))
        self.assertLessEqual(len(sent), -(-5000 // MOST_TORRENTS) + 1)
        times = [at for at, _ in sent]
        gaps = [after - before for before, after in pairwise(times)]
        self.assertGreater(min(gaps), SHORTEST_GAP)

    def test_the_rate_is_bounded(self) -> None:
        """With more torrents than five minutes have room for the round takes longer."""
        self.join(20_000)
        sent = self.run_until(1.0 + 3 * EVERY)
        self.assertEqual(len(sent), 3 * EVERY / SHORTEST_GAP + 1)
        last: dict[bytes, float] = {}
        for at, hashes in sent:
            for each in hashes:
                self.assertGreaterEqual(at - last.get(each, -EVERY), EVERY)
                last[each] = at
        self.assertEqual(len(last), 20_000)

    def test_a_new_one_goes_first(self) -> None:
        self.join(1000)
        self.run_until(EVERY)
        self.rota.join(b"n" * 20, EVERY, 1.0)
        self.assertEqual(self.run_until(EVERY + 10.0)[0][1][0], b"n" * 20)

    def test_one_that_joins_late_waits_for_its_minute(self) -> None:
        self.join(1)
        self.run_until(1.0)
        self.rota.join(b"n" * 20, 2.0, 1.0)
        self.assertEqual(self.run_until(100.0), [(1.0 + LONGEST_GAP, (b"n" * 20,))])

    def test_leaving(self) -> None:
        made = self.join(3)
        self.rota.leave(made[0], 0.0)
        self.rota.leave(b"?" * 20, 0.0)
        self.assertEqual(self.run_until(1.0)[0][1], tuple(made[1:]))
        for each in made[1:]:
            self.rota.leave(each, 2.0)
        self.assertEqual((self.run_until(1e6), len(self.rota)), ([], 0))

    def test_leaving_and_coming_back_is_no_way_to_be_announced_more(self) -> None:
        (one,) = self.join(1)
        self.run_until(1.0)
        for second in range(2, 50):
            self.rota.leave(one, float(second))
            self.rota.join(one, float(second), 1.0)
        self.assertEqual(self.run_until(1.0 + LONGEST_GAP), [])

    def test_what_has_left_is_forgotten(self) -> None:
        for each in self.join(1000):
            self.run_until(1000.0)
            self.rota.leave(each, 1000.0)
        self.rota.leave(b"?" * 20, 5000.0)
        self.assertEqual((len(self.rota._left), len(self.rota)), (0, 0))
