"""How much we can be made to send to a victim (THREATS C1)."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import packed
from txtorrent.trackerserver import connectlimit
from txtorrent.trackerserver.connectlimit import PER_WINDOW, WINDOW, ConnectLimit

HOST, OTHER = packed("203.0.113.1"), packed("2001:db8::1")


class ConnectLimitTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.limit = ConnectLimit()

    def allowed(self, host: bytes, now: int, requests: int = 2 * PER_WINDOW) -> int:
        return sum(self.limit.allows(host, now) for _ in range(requests))

    def test_so_many_in_a_window(self) -> None:
        for window in (1000, 1000 + WINDOW, 5000):
            self.assertEqual(self.allowed(HOST, window), PER_WINDOW)
            self.assertEqual(self.allowed(HOST, window + WINDOW - 1), 0)

    def test_others_do_not_suffer(self) -> None:
        self.allowed(HOST, 1000)
        self.assertEqual(self.allowed(OTHER, 1000), PER_WINDOW)

    def test_no_limit_for_ourselves(self) -> None:
        for host in ("127.0.0.1", "127.9.9.9", "::1"):
            self.assertEqual(self.allowed(packed(host), 1000), 2 * PER_WINDOW)

    def test_so_many_addresses(self) -> None:
        """Those beyond are not counted; those that are stay limited."""
        self.patch(connectlimit, "MOST_ADDRESSES", 10)
        for number in range(10):
            self.allowed(packed(f"203.0.113.{number}"), 1000)
        self.assertEqual(self.allowed(packed("203.0.113.99"), 1000), 2 * PER_WINDOW)
        self.assertEqual(self.allowed(packed("203.0.113.9"), 1000), 0)
        self.assertEqual(len(self.limit._seen), 10)
        self.assertEqual(self.allowed(packed("203.0.113.99"), 1000 + WINDOW), PER_WINDOW)
