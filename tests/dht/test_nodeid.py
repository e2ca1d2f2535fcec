"""Ids of nodes: the vectors of BEP 42, distances, and who may tell of whom."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.dht.nodeid import (
    crc32c,
    fits,
    id_for,
    may_teach,
    number,
    random_id,
    random_id_beside,
)

VECTORS = (
    ("124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"),
    ("21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"),
    ("65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"),
    ("84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"),
    ("43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"),
)


class Ids(SynchronousTestCase):
    def test_vectors(self):
        for host, text in VECTORS:
            node_id = bytes.fromhex(text)
            self.assertTrue(fits(node_id, host), host)
            for byte, bit, counts in (
                (0, 0x80, True),
                (1, 0x01, True),
                (2, 0x08, True),
                (2, 0x04, False),
                (3, 0x80, False),
                (18, 0x01, False),
                (19, 0x08, False),
            ):
                changed = bytearray(node_id)
                changed[byte] ^= bit
                self.assertEqual(fits(bytes(changed), host), not counts, (host, byte, bit))

    def test_crc32c(self):
        """RFC 3720, B.4, and the usual check value."""
        self.assertEqual(crc32c(b"123456789"), 0xE3069283)
        self.assertEqual(crc32c(bytes(32)), 0x8A9136AA)

    def test_ours_fit(self):
        random = Random(1)
        for host in ("8.8.8.8", "200.1.2.3", "2001:db8::1", "2a00:1:2:3:4:5:6:7"):
            ids = {id_for(host, random) for _ in range(50)}
            self.assertEqual(len(ids), 50)
            self.assertTrue(all(fits(each, host) for each in ids))
        self.assertFalse(fits(id_for("8.8.8.8", random), "8.8.4.4"))

    def test_of_ipv6_the_network_counts(self):
        node_id = id_for("2a00:1:2:3::5", Random(1))
        self.assertTrue(fits(node_id, "2a00:1:2:3:ffff::6"))
        self.assertFalse(fits(node_id, "2a00:1:2:4::5"))

    def test_local_addresses_have_any(self):
        for host in ("10.0.0.1", "192.168.1.1", "127.0.0.1", "169.254.1.1", "::1", "fd00::1"):
            self.assertTrue(fits(random_id(Random(1)), host), host)

    def test_beside(self):
        random = Random(1)
        own = random_id(random)
        for shared in (0, 1, 7, 8, 9, 100, 158, 159):
            distance = number(own) ^ number(random_id_beside(own, shared, random))
            self.assertEqual(160 - distance.bit_length(), shared)
        self.assertEqual(random_id_beside(own, 160, random), own)


class Teaching(SynchronousTestCase):
    def test_who_may_tell_of_whom(self):
        for teacher, host, may in (
            ("8.8.8.8", "9.9.9.9", True),
            ("8.8.8.8", "10.0.0.1", False),
            ("8.8.8.8", "127.0.0.1", False),
            ("8.8.8.8", "169.254.169.254", False),
            ("8.8.8.8", "0.0.0.0", False),
            ("8.8.8.8", "224.0.0.1", False),
            ("10.0.0.1", "9.9.9.9", True),
            ("10.0.0.1", "192.168.0.1", True),
            ("10.0.0.1", "127.0.0.1", False),
            ("10.0.0.1", "169.254.169.254", False),
            ("127.0.0.1", "127.0.0.2", True),
            ("127.0.0.1", "10.0.0.1", True),
            ("2001:db8::1", "2001:db8::2", True),
            ("2001:db8::1", "fd00::1", False),
            ("2001:db8::1", "64:ff9b::7f00:1", False),
            ("::1", "fd00::1", True),
        ):
            self.assertEqual(may_teach(teacher, Address(host, 6881)), may, (teacher, host))
        self.assertFalse(may_teach("8.8.8.8", Address("9.9.9.9", 0)))
