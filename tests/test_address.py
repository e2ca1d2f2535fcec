from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import (
    Address,
    Reach,
    canonical_host,
    is_dialable,
    network,
    pack,
    packed,
    reach,
    split_host_port,
    text_of,
    unpack4,
    unpack6,
)


class TextTests(SynchronousTestCase):
    def test_address(self) -> None:
        self.assertEqual(str(Address("1.2.3.4", 80)), "1.2.3.4:80")
        self.assertEqual(str(Address("::1", 80)), "[::1]:80")

    def test_canonical_host(self) -> None:
        rows = [
            ("1.2.3.4", "1.2.3.4"),
            ("::FFFF:1.2.3.4", "1.2.3.4"),
            ("::ffff:102:304", "1.2.3.4"),
            ("0:0:0:0:0:ffff:0102:0304", "1.2.3.4"),
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
        ]
        for text, canonical in rows:
            self.assertEqual(canonical_host(text), canonical)

    def test_packed(self) -> None:
        """As the canonical text says, of every spelling."""
        for text, host in (
            ("1.2.3.4", "01020304"),
            ("255.255.255.255", "ffffffff"),
            ("::ffff:1.2.3.4", "01020304"),
            ("::FFFF:102:304", "01020304"),
            ("::1.2.3.4", "00" * 12 + "01020304"),
            ("2001:DB8::1", "20010db8" + "00" * 11 + "01"),
            ("fe80::1%eth0", "fe80" + "00" * 13 + "01"),
            ("::", "00" * 16),
        ):
            self.assertEqual(packed(text).hex(), host, text)
            self.assertEqual(text_of(packed(text)), canonical_host(text))

    def test_packed_is_an_address(self) -> None:
        for text in (
            "",
            "localhost",
            "1.2.3",
            "01.2.3.4",
            "1.2.3.4:80",
            "[::1]",
            "1.2.3.4\0",
            "é:",
        ):
            with self.assertRaises(ValueError, msg=text):
                packed(text)

    def test_not_an_address(self) -> None:
        for text in ("", "localhost", "1.2.3", "01.2.3.4", "1.2.3.4:80", "[::1]", "0x7f000001"):
            with self.assertRaises(ValueError, msg=text):
                canonical_host(text)

    def test_split_host_port(self) -> None:
        rows = [
            ("1.2.3.4:80", ("1.2.3.4", 80)),
            ("[::1]:6881", ("::1", 6881)),
            ("[2001:DB8:0::1]:1", ("2001:db8::1", 1)),
            ("tracker.example.org:65535", ("tracker.example.org", 65535)),
            ("0.0.0.0:0", ("0.0.0.0", 0)),
        ]
        for text, found in rows:
            self.assertEqual(split_host_port(text), found)

    def test_split_host_port_refuses(self) -> None:
        rows = [
            ("", "expected host:port"),
            ("host", "expected host:port"),
            (":80", "expected host:port"),
            ("host:", "port must be"),
            ("host:65536", "port must be"),
            ("host:-1", "port must be"),
            ("host:+1", "port must be"),
            ("host:1_0", "port must be"),
            ("host:\u0661", "port must be"),
            ("host:" + "9" * 5000, "port must be"),
            ("::1:80", "in brackets"),
            ("[::1:80", "brackets"),
            ("[1.2.3.4]:80", "brackets"),
            ("[host]:80", "brackets"),
            ("ho st:80", "not a host name"),
            ("ho\nst:80", "not a host name"),
            ("user@host:80", "not a host name"),
        ]
        for text, message in rows:
            with self.assertRaisesRegex(ValueError, message, msg=text):
                split_host_port(text)


class CompactTests(SynchronousTestCase):
    ROWS = [
        (Address("1.2.3.4", 6881), b"\x01\x02\x03\x04\x1a\xe1"),
        (Address("255.0.128.7", 65535), b"\xff\x00\x80\x07\xff\xff"),
        (Address("2001:db8::1", 80), bytes.fromhex("20010db8") + bytes(11) + b"\x01\x00\x50"),
    ]

    def test_both_ways(self) -> None:
        for address, row in self.ROWS:
            self.assertEqual(pack(address), row)
            unpack = unpack4 if len(row) == 6 else unpack6
            self.assertEqual(unpack(row), [address])

    def test_lists(self) -> None:
        (a, packed_a), (b, packed_b), (c, packed_c) = self.ROWS
        self.assertEqual(unpack4(packed_a + packed_b), [a, b])
        self.assertEqual(unpack6(packed_c * 2), [c, c])
        self.assertEqual((unpack4(b""), unpack6(b"")), ([], []))

    def test_mapped_addresses_come_out_as_ipv4(self) -> None:
        data = bytes(10) + b"\xff\xff\x01\x02\x03\x04\x00\x50"
        self.assertEqual(unpack6(data), [Address("1.2.3.4", 80)])

    def test_cut_at_every_byte(self) -> None:
        for length in range(1, 19):
            if length % 6:
                with self.assertRaises(ValueError):
                    unpack4(bytes(length))
            if length % 18:
                with self.assertRaises(ValueError):
                    unpack6(bytes(length))

    def test_canonical(self) -> None:
        for row in (bytes(18), bytes(12) + b"\x01\x02\x03\x04\x00\x50", b"\xfe" * 18):
            for host, _ in unpack6(row):
                self.assertEqual(canonical_host(host), host)

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.binary(min_size=16, max_size=16), st.integers(0, 65535))
    def test_round_trip6(self, host, port) -> None:
        (address,) = unpack6(host + port.to_bytes(2, "big"))
        self.assertEqual(canonical_host(address.host), address.host)
        if ":" in address.host:
            self.assertEqual(pack(address)[:16], host)
        reach(address.host)
        network(address.host)


class ReachTests(SynchronousTestCase):
    ROWS = {
        Reach.GLOBAL: "8.8.8.8 1.1.1.1 172.15.0.1 172.32.0.1 100.63.255.255 100.128.0.1"
        " 9.255.255.255 11.0.0.0 169.253.1.1 169.255.0.1 223.255.255.255 203.0.113.9"
        " 2a00:1450::1 2001:db8::1 64:ff9b::808:808 2002:808:808::1 ::ffff:8.8.8.8"
        " 2001:0:808:808:0:0:f7f7:f7f7",
        Reach.PRIVATE: "10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1"
        " 100.127.255.255 198.18.0.1 192.0.0.1 fc00::1 fd12:3456::1 fec0::1 64:ff9b:1::1"
        " ::ffff:10.0.0.1 64:ff9b::a00:1 2002:c0a8:101::1 2001:0:808:808:0:0:f5ff:fffe",
        Reach.LINK_LOCAL: "169.254.0.1 169.254.169.254 fe80::1 febf::1 fe80::1%eth0"
        " ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::",
        Reach.LOOPBACK: "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 ::ffff:7f00:1"
        " 64:ff9b::7f00:1 2002:7f00:1:: 2002:7f00:1:1:2:3:4:5 2001:0:808:808:0:0:80ff:fffe",
        Reach.UNUSABLE: "0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 ::"
        " ff02::1 ff0e::1 ::ffff:0.0.0.0 ::127.0.0.1 64:ff9b::e000:1 2002:ffff:ffff:: 100::1"
        " 4000::1 2002::",
    }

    def test_reach(self) -> None:
        for expected, hosts in self.ROWS.items():
            for host in hosts.split():
                self.assertIs(reach(host), expected, host)

    def test_not_an_address(self) -> None:
        with self.assertRaises(ValueError):
            reach("localhost")

    def test_is_dialable(self) -> None:
        rows = [
            (Address("8.8.8.8", 80), True),
            (Address("127.0.0.1", 80), True),
            (Address("10.0.0.1", 80), True),
            (Address("8.8.8.8", 0), False),
            (Address("0.0.0.0", 80), False),
            (Address("224.0.0.1", 80), False),
            (Address("ff02::1", 80), False),
        ]
        for address, dialable in rows:
            self.assertIs(is_dialable(address), dialable, str(address))

    def test_network(self) -> None:
        rows = [
            ("1.2.3.4", "1.2.3"),
            ("::ffff:1.2.3.4", "1.2.3"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("::1", "::/64"),
        ]
        for host, expected in rows:
            self.assertEqual(network(host), expected)
