"""Nobody on the local network keeps us busy (THREATS C1)."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.discovery.floodlimit import BLOCKED, BURST, MOST_SENDERS, PER_SECOND, FloodLimit


class FloodLimitTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.limit = FloodLimit()

    def read(self, host: str, count: int, now: float) -> int:
        return sum(self.limit.allows(host, now) for _ in range(count))

    def test_what_a_client_sends_is_read(self) -> None:
        for second in range(1000):
            self.assertEqual(self.read("10.0.0.1", int(PER_SECOND), float(second)), PER_SECOND)

    def test_a_flood_blocks_its_sender_for_long(self) -> None:
        self.assertEqual(self.read("10.0.0.1", 1000, 0.0), BURST)
        self.assertEqual(self.read("10.0.0.1", 1, BLOCKED - 1), 0)
        self.assertEqual(self.read("10.0.0.1", 1, BLOCKED + 1), 1)

    def test_others_do_not_notice(self) -> None:
        self.read("10.0.0.1", 1000, 0.0)
        self.assertTrue(self.limit.allows("10.0.0.2", 0.0))

    def test_invented_senders(self) -> None:
        """The table is full: those in it are read, others are not until some have been silent."""
        hosts = [f"10.{number // 256}.{number % 256}.1" for number in range(2 * MOST_SENDERS)]
        read = [host for host in hosts if self.limit.allows(host, 0.0)]
        self.assertEqual(read, hosts[:MOST_SENDERS])
        self.assertTrue(self.limit.allows(hosts[0], 200.0))
        self.assertFalse(self.limit.allows(hosts[-1], 200.0))
        self.assertTrue(self.limit.allows(hosts[-1], BLOCKED))
        self.assertEqual(len(self.limit._senders), 2)
