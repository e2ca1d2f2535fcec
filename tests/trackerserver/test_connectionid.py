"""Connection ids: good for whom they were given, for two minutes (BEP 15)."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.trackerserver.connectionid import LIFE, SECRET_SIZE, ConnectionIds

HOST, OTHER = b"\x01\x02\x03\x04", b"\x01\x02\x03\x05"
LONG = bytes(15) + b"\x01"
WRAP = 1 << 16
"""Seconds after which the part of the time that an id carries comes again."""


class ConnectionIdTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.ids = ConnectionIds(b"s" * SECRET_SIZE)

    def test_good_for_two_minutes(self) -> None:
        for given in (0, 1, 1000, WRAP - 1, WRAP - LIFE, WRAP, 10**9 + 7):
            connection = self.ids.issue(HOST, given)
            self.assertEqual(len(connection), 8)
            for age, is_good in ((0, True), (1, True), (LIFE, True), (LIFE + 1, False)):
                self.assertIs(self.ids.is_valid(connection, HOST, given + age), is_good)

    def test_not_before_and_not_when_its_time_comes_again(self) -> None:
        given = 3 * WRAP
        connection = self.ids.issue(HOST, given)
        for now in (given - 1, given - WRAP, given + WRAP, given + WRAP + 1, given + 7 * WRAP):
            self.assertFalse(self.ids.is_valid(connection, HOST, now), now)

    def test_only_for_whom_it_was_given(self) -> None:
        for host, other in ((HOST, OTHER), (HOST, LONG), (LONG, HOST), (LONG, bytes(16))):
            connection = self.ids.issue(host, 50)
            self.assertTrue(self.ids.is_valid(connection, host, 50))
            self.assertFalse(self.ids.is_valid(connection, other, 50))

    def test_another_secret(self) -> None:
        connection = ConnectionIds(b"x" * SECRET_SIZE).issue(HOST, 50)
        self.assertFalse(self.ids.is_valid(connection, HOST, 50))

    def test_any_bit_changed(self) -> None:
        connection = int.from_bytes(self.ids.issue(HOST, 50), "big")
        for bit in range(64):
            changed = (connection ^ 1 << bit).to_bytes(8, "big")
            self.assertFalse(self.ids.is_valid(changed, HOST, 60), bit)

    def test_short_or_long(self) -> None:
        connection = self.ids.issue(HOST, 50)
        for cut in range(2, 8):
            self.assertFalse(self.ids.is_valid(connection[:cut], HOST, 50))
        self.assertFalse(self.ids.is_valid(connection + b"\0", HOST, 50))

    def test_each_its_own(self) -> None:
        hosts = (HOST, OTHER, LONG)
        given = {self.ids.issue(host, now) for host in hosts for now in range(0, 3 * WRAP, 997)}
        self.assertEqual(len(given), len(hosts) * len(range(0, 3 * WRAP, 997)))
