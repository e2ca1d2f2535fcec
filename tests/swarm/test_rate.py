"""A rate follows what flows, and forgets it."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.rate import Rate


def run(rate, start, *bytes_a_second):
    for second, count in enumerate(bytes_a_second, 1):
        rate.total += count
        rate.sample(start + second)
    return rate.rate


class Rates(SynchronousTestCase):
    def test_a_step_shows_in_seven_samples(self):
        self.assertGreater(run(Rate(0.0), 0.0, *[1000] * 7), 900)

    def test_steady(self):
        self.assertAlmostEqual(run(Rate(5.0), 5.0, *[1000] * 60), 1000, places=3)

    def test_ends_in_nothing(self):
        rate = Rate(0.0)
        run(rate, 0.0, *[10**9] * 10)
        self.assertEqual(run(rate, 10.0, *[0] * 90), 0.0)

    def test_a_total_from_before_is_no_rate(self):
        rate = Rate(0.0, total=10**12)
        rate.sample(1.0)
        self.assertEqual((rate.rate, rate.total), (0.0, 10**12))

    def test_samples_far_apart(self):
        """It is the bytes a second that count, not the bytes a sample."""
        rate = Rate(0.0)
        for second in range(10, 200, 10):
            rate.total += 10_000
            rate.sample(float(second))
        self.assertLess(abs(rate.rate - 1000), 5)

    def test_twice_at_once(self):
        rate = Rate(0.0)
        rate.total = 100
        rate.sample(0.0)
        rate.sample(1.0)
        self.assertEqual(rate.rate, 30.0)
        rate.sample(1.0)
        self.assertEqual(rate.rate, 30.0)
