"""BEP 40, with the vectors of the specification, and CRC-32C with those of RFC 3720."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.swarm.priority import crc32c, peer_priority


class Priority(SynchronousTestCase):
    def test_vectors(self):
        ours = Address("123.213.32.10", 1)
        for host, priority in [("98.76.54.32", 0xEC2D7224), ("123.213.32.234", 0x99568189)]:
            self.assertEqual(peer_priority(ours, Address(host, 2)), priority)
            self.assertEqual(peer_priority(Address(host, 2), ours), priority)

    def test_what_counts(self):
        """The bytes whose change changes the number, and those where only some bits do."""
        for one, other, same in [
            # Far apart: the last two bytes under 0x55.
            ("1.2.3.4", "5.6.0.0", "5.6.170.170"),
            ("2001:db8:1::", "2001:db8:2::", "2001:db8:2:aaaa:aaaa:aaaa:aaaa:aaaa"),
            # One /16, one /48: the last byte; from the eighth on.
            ("1.2.3.4", "1.2.9.0", "1.2.9.170"),
            ("2001:db8:1::", "2001:db8:1:1000::", "2001:db8:1:10aa:aaaa:aaaa:aaaa:aaaa"),
            # One /56.
            ("2001:db8:1:1000::", "2001:db8:1:1001::", "2001:db8:1:1001:aaaa:aaaa:aaaa:aaaa"),
        ]:
            ours = Address(one, 1)
            expected = peer_priority(ours, Address(other, 2))
            self.assertEqual(peer_priority(ours, Address(same, 3)), expected, other)
        for one, other, different in [
            ("1.2.3.4", "5.6.0.0", "5.6.64.0"),
            ("1.2.3.4", "1.2.9.0", "1.2.11.0"),
            ("1.2.3.4", "1.2.3.0", "1.2.3.2"),
            ("2001:db8:1::", "2001:db8:1:1000::", "2001:db8:1:1200::"),
            ("2001:db8:1:1000::", "2001:db8:1:1001::", "2001:db8:1:1003::"),
        ]:
            ours = Address(one, 1)
            numbers = {peer_priority(ours, Address(host, 2)) for host in (other, different)}
            self.assertEqual(len(numbers), 2, other)

    def test_one_host(self):
        """The ports count, in either order."""
        a, b, c = (Address("1.2.3.4", port) for port in (0x1234, 0x5678, 0x5679))
        self.assertEqual(peer_priority(a, b), crc32c(b"\x12\x34\x56\x78"))
        self.assertEqual(peer_priority(a, b), peer_priority(b, a))
        self.assertNotEqual(peer_priority(a, b), peer_priority(a, c))

    def test_across_families(self):
        self.assertEqual(peer_priority(Address("1.2.3.4", 1), Address("2001:db8::1", 1)), 0)

    def test_crc(self):
        for data, expected in [
            (b"", 0),
            (b"123456789", 0xE3069283),
            (bytes(32), 0x8A9136AA),
            (b"\xff" * 32, 0x62A8AB43),
            (bytes(range(32)), 0x46DD794E),
        ]:
            self.assertEqual(crc32c(data), expected)
