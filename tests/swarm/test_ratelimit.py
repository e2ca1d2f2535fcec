"""The token bucket: debts, savings, and what a change of the rate leaves."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.ratelimit import BURST, NOTHING, TokenBucket


def take(bucket, size, now):
    """Whether so many bytes passed."""
    ready = not bucket.ready_in(now)
    if ready:
        bucket.spend(size)
    return ready


class Bucket(SynchronousTestCase):
    def test_a_debt_is_paid_before_the_next(self):
        bucket = TokenBucket(1000, 0.0)
        self.assertFalse(take(bucket, 1, 0.0))
        self.assertTrue(take(bucket, 16384, 1.0))
        self.assertFalse(take(bucket, 1, 2.0))
        self.assertAlmostEqual(bucket.ready_in(2.0), 15.285)
        self.assertFalse(take(bucket, 1, 17.28))
        self.assertTrue(take(bucket, 1, 17.29))

    def test_saved_up(self):
        """A tenth of a second's worth, and one byte at the least."""
        for rate, most in [(1_000_000, 1_000_000 * BURST), (5, 1)]:
            bucket = TokenBucket(rate, 0.0)
            passed = 0
            while take(bucket, 1, 3600.0):
                passed += 1
            self.assertEqual(passed, most)

    def test_no_limit(self):
        bucket = TokenBucket(0, 0.0)
        self.assertTrue(take(bucket, 10**12, 0.0))
        bucket.spend(10**12)
        self.assertEqual(bucket.ready_in(0.0), 0.0)
        bucket.set_rate(1000, 10.0)
        self.assertLessEqual(bucket.ready_in(10.0), 0.001)

    def test_changed(self):
        """What is owed stays owed, at the new rate."""
        bucket = TokenBucket(1000, 0.0)
        bucket.spend(10_000)
        bucket.set_rate(5000, 4.0)
        self.assertAlmostEqual(bucket.ready_in(4.0), 6001 / 5000)

    def test_saved_up_before_a_change(self):
        """It does not pass any more: what is lowered is lowered at once."""
        bucket = TokenBucket(1_000_000, 0.0)
        bucket.set_rate(1000, 10.0)
        self.assertAlmostEqual(bucket.ready_in(10.0), 0.001)

    def test_a_debt_ends_with_the_limit(self):
        bucket = TokenBucket(1000, 0.0)
        bucket.spend(100_000)
        bucket.set_rate(0, 1.0)
        bucket.set_rate(1000, 2.0)
        self.assertAlmostEqual(bucket.ready_in(2.0), 0.001)

    def test_nothing_passes(self):
        """Not what was saved up before either."""
        bucket = TokenBucket(1_000_000, 0.0)
        bucket.set_rate(NOTHING, 10.0)
        self.assertGreater(bucket.ready_in(10.0), 10 * 365 * 86400)

    def test_given_back(self):
        bucket = TokenBucket(1000, 0.0)
        take(bucket, 5000, 1.0)
        bucket.give_back(5000)
        self.assertEqual(bucket.ready_in(1.0), 0.0)

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.integers(100, 10**8),
        st.lists(st.tuples(st.floats(0, 2), st.integers(1, 131072)), min_size=1, max_size=100),
    )
    def test_never_more_than_the_rate(self, rate, takes):
        """In any time: the rate, what was saved, and the one block that made the debt."""
        bucket, now, passed = TokenBucket(rate, 0.0), 0.0, 0
        for pause, size in takes:
            now += pause
            if take(bucket, size, now):
                passed += size
        self.assertLessEqual(passed, rate * (now + BURST) + 131072 + 1)
