"""Nobody on the Internet opens connections faster than a swarm does (THREATS B8)."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.acceptrate import BURST, MOST_NETWORKS, PER_SECOND, AcceptRate


class AcceptRateTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.rate = AcceptRate()

    def accepted(self, host: str, tries: int, now: float) -> int:
        return sum(self.rate.allows(host, now) for _ in range(tries))

    def test_a_burst_then_a_trickle(self) -> None:
        """All hosts of a /24 share one bucket."""
        self.assertEqual(self.accepted("8.8.8.8", 1000, 0.0), BURST)
        self.assertEqual(self.accepted("8.8.8.9", 1000, 0.0), 0)
        self.assertEqual(self.accepted("8.8.8.9", 1000, 10.0), 10 * PER_SECOND)

    def test_others_do_not_notice(self) -> None:
        self.accepted("8.8.8.8", 1000, 0.0)
        self.assertTrue(self.rate.allows("8.8.4.4", 0.0))
        self.assertTrue(self.rate.allows("2001:db8::1", 0.0))

    def test_a_full_rest_gives_a_full_burst_and_no_more(self) -> None:
        self.accepted("8.8.8.8", 1000, 0.0)
        self.assertEqual(self.accepted("8.8.8.8", 1000, 1e6), BURST)

    def test_local_networks_are_the_users_own(self) -> None:
        for host in ("127.0.0.1", "10.1.2.3", "192.168.0.5", "fe80::1", "fd00::1"):
            self.assertEqual(self.accepted(host, 1000, 0.0), 1000, host)

    def test_bounded(self) -> None:
        """A flood from everywhere forgets old networks instead of filling the memory."""
        for number in range(2 * MOST_NETWORKS):
            self.rate.allows(f"{20 + number // 65536}.{number // 256 % 256}.{number % 256}.1", 0.0)
        self.assertLessEqual(len(self.rate._buckets), MOST_NETWORKS)
