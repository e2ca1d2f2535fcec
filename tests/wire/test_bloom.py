"""Filters of peers: the vector of BEP 33, and unions."""

from ipaddress import IPv6Address

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.wire.bloom import EMPTY, bloom_filter, estimate, union

FOUR = [f"192.0.2.{number}" for number in range(256)]
SIX = [str(IPv6Address((0x20010DB8 << 96) + number)) for number in range(0x3E8)]
VECTOR = """
F6C3F5EA A07FFD91 BDE89F77 7F26FB2B FF37BDB8 FB2BBAA2 FD3DDDE7 BACFFF75 EE7CCBAE
FE5EEDB1 FBFAFF67 F6ABFF5E 43DDBCA3 FD9B9FFD F4FFD3E9 DFF12D1B DF59DB53 DBE9FA5B
7FF3B8FD FCDE1AFB 8BEDD7BE 2F3EE71E BBBFE93B CDEEFE14 8246C2BC 5DBFF7E7 EFDCF24F
D8DC7ADF FD8FFFDF DDFFF7A4 BBEEDF5C B95CE81F C7FCFF1F F4FFFFDF E5F7FDCB B7FD79B3
FA1FC77B FE07FFF9 05B7B7FF C7FEFEFF E0B8370B B0CD3F5B 7F2BD93F EB4386CF DD6F7FD5
BFAF2E9E BFFFFEEC D67ADBF7 C67F17EF D5D75EBA 6FFEBA7F FF47A91E B1BFBB53 E8ABFB57
62ABE8FF 237279BF EFBFEEF5 FFC5FEBF DFE5ADFF ADFEE1FB 737FFFFB FD9F6AEF FEEE76B6
FD8F72EF
"""


class BloomTests(SynchronousTestCase):
    def test_vector(self):
        bits = bloom_filter(FOUR + SIX)
        self.assertEqual(bits, bytes.fromhex(VECTOR))
        self.assertAlmostEqual(estimate(bits), 1224.9308, 3)

    def test_union(self):
        both = union([bloom_filter(FOUR), bloom_filter(SIX), bloom_filter(FOUR)])
        self.assertEqual(both, bytes.fromhex(VECTOR))

    def test_nobody_and_everybody(self):
        self.assertEqual(estimate(EMPTY), 0.0)
        self.assertEqual(union([]), EMPTY)
        self.assertAlmostEqual(estimate(bloom_filter(["1.2.3.4"])), 1.0, 2)
        self.assertGreater(estimate(b"\xff" * 256), 7000)

    def test_no_address(self):
        self.assertRaises(ValueError, bloom_filter, ["example.org"])
