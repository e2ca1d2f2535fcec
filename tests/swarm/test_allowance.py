"""So many at once, then so many a second."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.allowance import Allowance, Pace


def acts(allowance, times):
    """How many of these acts are within it; each is spent only then."""
    count = 0
    for now in times:
        if allowance.has_one(now):
            allowance.spend(now)
            count += 1
    return count


class AllowanceTests(SynchronousTestCase):
    def test_a_burst_then_a_trickle(self):
        allowance = Allowance(Pace(per_second=2.0, burst=5.0), now=100.0)
        self.assertEqual(acts(allowance, [100.0] * 9), 5)
        self.assertEqual(acts(allowance, [101.0] * 9), 2)
        self.assertEqual(acts(allowance, [1e6] * 9), 5)

    def test_how_long_to_wait(self):
        allowance = Allowance(Pace(per_second=0.25, burst=1.0), now=0.0)
        self.assertEqual(allowance.ready_in(0.0), 0.0)
        allowance.spend(0.0)
        self.assertEqual(allowance.ready_in(0.0), 4.0)
        self.assertEqual(allowance.ready_in(3.0), 1.0)
        self.assertTrue(allowance.has_one(4.0))

    def test_who_goes_on_waits_longer(self):
        allowance = Allowance(Pace(per_second=1.0, burst=1.0, debt=3.0), now=0.0)
        states = []
        for _ in range(5):
            states.append((allowance.has_one(0.0), allowance.is_overdrawn(0.0)))
            allowance.spend(0.0)
        self.assertEqual(
            states, [(True, False), (False, False), (False, False), (False, False), (False, True)]
        )
        self.assertEqual(allowance.ready_in(0.0), 4.0)

    def test_a_large_one_costs_no_more_than_the_debt(self):
        allowance = Allowance(Pace(per_second=1.0, burst=1.0, debt=3.0), now=0.0)
        allowance.spend(0.0, 1000)
        self.assertEqual(allowance.ready_in(0.0), 4.0)
