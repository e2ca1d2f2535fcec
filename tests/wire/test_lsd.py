"""The datagrams of local service discovery (BEP 14)."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.wire import lsd
from txtorrent.wire.lsd import GROUP4, GROUP6, MAX_DATAGRAM, MOST_TORRENTS, Announce

A, B = bytes(range(20)), b"\xab" * 20
HEX_A, HEX_B = A.hex(), B.hex()
WHOLE = (
    "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n"
    f"Infohash: {HEX_A}\r\nInfohash: {HEX_B}\r\ncookie: me\r\n\r\n\r\n"
).encode("ascii")


def datagram(*lines: str, request: str = "BT-SEARCH * HTTP/1.1") -> bytes:
    return "\r\n".join([request, *lines, "", ""]).encode("latin-1")


class EncodeTests(SynchronousTestCase):
    def test_both_groups(self) -> None:
        announce = Announce(6881, (A, B), b"me")
        self.assertEqual(lsd.encode(GROUP4, announce), WHOLE)
        host6 = b"Host: [ff15::efc0:988f]:6771"
        self.assertIn(host6, lsd.encode(GROUP6, announce))

    def test_the_longest_is_no_longer_than_allowed(self) -> None:
        hashes = tuple(bytes([number]) * 20 for number in range(MOST_TORRENTS))
        whole = lsd.encode(GROUP6, Announce(65535, hashes, b"c" * lsd.MAX_COOKIE))
        self.assertLessEqual(len(whole), 1400)
        self.assertEqual(lsd.decode(whole).info_hashes, hashes)

    def test_refused(self) -> None:
        many = tuple(bytes([number]) * 20 for number in range(MOST_TORRENTS + 1))
        for announce in (
            Announce(6881, ()),
            Announce(6881, many),
            Announce(6881, (b"short",)),
            Announce(0, (A,)),
            Announce(65536, (A,)),
            Announce(1, (A,), b"c" * 33),
        ):
            self.assertRaises(ValueError, lsd.encode, GROUP4, announce)


class DecodeTests(SynchronousTestCase):
    ACCEPTED = (
        (WHOLE, Announce(6881, (A, B), b"me")),
        (WHOLE[:-2], Announce(6881, (A, B), b"me")),
        (datagram("Port: 1", f"Infohash: {HEX_A}"), Announce(1, (A,))),
        (datagram("PORT:65535", f"infoHASH:\t{HEX_B.upper()} "), Announce(65535, (B,))),
        (datagram("port: 007", f"Infohash: {HEX_A}", f"Infohash: {HEX_A}"), Announce(7, (A,))),
        (
            datagram("X-New: y", "Port: 5", f"Infohash: {HEX_A}", "Cookie: a:b"),
            Announce(5, (A,), b"a:b"),
        ),
    )

    def test_accepted(self) -> None:
        for data, announce in self.ACCEPTED:
            self.assertEqual(lsd.decode(data), announce)

    REFUSED = (
        datagram(f"Infohash: {HEX_A}"),
        datagram("Port: 6881"),
        datagram("Port: 1", "Port: 1", f"Infohash: {HEX_A}"),
        *(
            datagram(f"Port: {port}", f"Infohash: {HEX_A}")
            for port in ("0", "65536", "-1", "+1", "1_0", "", "x", "6881 6882", "123456")
        ),
        *(
            datagram("Port: 1", f"Infohash: {text}")
            for text in (
                "",
                HEX_A[:-1],
                HEX_A + "0",
                "g" * 40,
                "0x" + HEX_A[2:],
                HEX_A + " " + HEX_B,
            )
        ),
        datagram("Port: 1", f"Infohash: {HEX_A}", f"Infohash: {HEX_B[1:]}"),
        datagram("Port: 1", "no header", f"Infohash: {HEX_A}"),
        datagram("Port: 1", f"Infohash: {HEX_A}", request="M-SEARCH * HTTP/1.1"),
        datagram("Port: 1", f"Infohash: {HEX_A}", request="BT-SEARCH * HTTP/1.0"),
        WHOLE.replace(b"\r\n", b"\n"),
        datagram("Port: 1", f"Infohash: {HEX_A}", "X: " + "x" * MAX_DATAGRAM),
        b"",
    )

    def test_refused(self) -> None:
        for data in self.REFUSED:
            self.assertRaises(ValueError, lsd.decode, data)

    def test_cut_at_every_byte(self) -> None:
        for cut in range(len(WHOLE) - 2):
            self.assertRaises(ValueError, lsd.decode, WHOLE[:cut])

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(
        st.one_of(
            st.binary(max_size=300),
            st.binary(max_size=200).map(
                lambda data: b"BT-SEARCH * HTTP/1.1\r\n" + data + b"\r\n\r\n"
            ),
            st.tuples(st.integers(0, len(WHOLE)), st.binary(max_size=4)).map(
                lambda at: WHOLE[: at[0]] + at[1] + WHOLE[at[0] + 1 :]
            ),
        )
    )
    def test_anything(self, data: bytes) -> None:
        try:
            announce = lsd.decode(data)
        except ValueError:
            return
        self.assertTrue(1 <= announce.port <= 65535)
        self.assertTrue(announce.info_hashes)
        self.assertEqual({len(each) for each in announce.info_hashes}, {20})
        self.assertEqual(len(set(announce.info_hashes)), len(announce.info_hashes))
