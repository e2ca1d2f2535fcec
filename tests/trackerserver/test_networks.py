"""Sets of addresses: which are in them, however they overlap, and what is no network."""

import ipaddress
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import packed
from txtorrent.trackerserver.networks import Networks, network

# (what is written, what is kept)
RIGHT = [
    ("192.0.2.7", "192.0.2.7"),
    ("192.0.2.7/32", "192.0.2.7"),
    ("10.0.0.0/8", "10.0.0.0/8"),
    ("0.0.0.0/0", "0.0.0.0/0"),
    ("2001:DB8::/32", "2001:db8::/32"),
    ("::1", "::1"),
    ("::/0", "::/0"),
    ("::ffff:192.0.2.7", "192.0.2.7"),
    ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
]

# (what is written, a part of the complaint)
WRONG = [
    ("", "'' is no IP address or network"),
    ("example.org", "is no IP address or network: write one as 10.0.0.0/8"),
    ("10.0.0.0/33", "is no IP address or network"),
    ("10.0.0", "is no IP address or network"),
    ("10.0.0.1/8", "an address within a network: write 10.0.0.0/8, or the address alone"),
    ("2001:db8::1/32", "write 2001:db8::/32"),
    ("fe80::1%eth0", "write it without the %"),
]

# (networks, addresses in them, addresses not in them)
MEMBERS = [
    ([], [], ["192.0.2.7", "::1"]),
    (["192.0.2.7"], ["192.0.2.7"], ["192.0.2.6", "192.0.2.8", "::1"]),
    (["10.0.0.0/8"], ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
    (["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16"], ["10.0.0.0", "10.200.0.0", "10.255.255.255"],
     ["11.0.0.0"]),
    (["10.0.0.0/24", "10.0.2.0/24"], ["10.0.0.255", "10.0.2.0"], ["10.0.1.0", "10.0.3.0"]),
    (["0.0.0.0/0"], ["0.0.0.0", "255.255.255.255"], ["::", "2001:db8::1"]),
    (["2001:db8::/32", "::1"], ["::1", "2001:db8:ffff::1"], ["::2", "2001:db9::", "10.0.0.1"]),
]  # fmt: skip


class Spelling(SynchronousTestCase):
    def test_right(self):
        for text, kept in RIGHT:
            self.assertEqual(network(text), kept)
            self.assertEqual(network(kept), kept)

    def test_wrong(self):
        for text, complaint in WRONG:
            error = self.assertRaises(ValueError, network, text)
            self.assertIn(complaint, str(error))


class Membership(SynchronousTestCase):
    def test_tables(self):
        for texts, inside, outside in MEMBERS:
            networks = Networks.of(texts)
            self.assertEqual([a for a in inside if packed(a) not in networks], [], texts)
            self.assertEqual([a for a in outside if packed(a) in networks], [], texts)
            self.assertEqual(bool(networks), bool(texts))

    def test_mapped_addresses_count_as_ipv4(self):
        networks = Networks.of(["192.0.2.0/24"])
        self.assertIn(ipaddress.ip_address("::ffff:192.0.2.7").packed, networks)
        self.assertNotIn(ipaddress.ip_address("::ffff:192.0.3.7").packed, networks)
        mapped = Networks.of(["::ffff:192.0.2.0/120"])
        self.assertEqual(mapped, networks)

    def test_touching_networks_are_one_range(self):
        random = Random(1)
        texts = [f"10.{n >> 8 & 255}.{n & 255}.0/24" for n in range(65_536)]
        random.shuffle(texts)
        self.assertEqual(Networks.of(texts), Networks.of(["10.0.0.0/8"]))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(20, 32)), max_size=8),
        st.integers(0, 2**32 - 1),
        st.integers(-2, 2),
    )
    def test_as_one_by_one(self, written, other, near):
        nets = [ipaddress.ip_network((number, bits), strict=False) for number, bits in written]
        networks = Networks.of(map(str, nets))
        edges = [int(net.network_address) for net in nets]
        edges += [int(net.broadcast_address) for net in nets]
        for number in [other, *(edge + near for edge in edges)]:
            address = ipaddress.IPv4Address(number % 2**32)
            expected = any(address in net for net in nets)
            self.assertEqual(address.packed in networks, expected, str(address))
