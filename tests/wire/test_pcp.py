"""The datagrams of the port control protocol, byte by byte (RFC 6887)."""

from struct import pack

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import packed
from txtorrent.wire import pcp
from txtorrent.wire.pcp import MapReply, Opcode, Reply, Transport

NONCE = b"twelve bytes"
MAPPED4 = bytes(10) + b"\xff\xff"
HEADER = pack("!BBBBII12x", 2, 129, 0, 0, 3600, 77)
BODY = pack("!12sB3xHH", NONCE, 6, 6881, 7000)
MAPPED = HEADER + BODY + MAPPED4 + packed("203.0.113.5")
ANNOUNCED = pack("!BBBBII12x", 2, 128, 0, 0, 0, 1)


class PcpTests(SynchronousTestCase):
    def test_request(self) -> None:
        for client, nowhere, wide in (
            ("192.168.1.7", "0.0.0.0", MAPPED4 + packed("192.168.1.7")),
            ("2001:db8::7", "::", packed("2001:db8::7")),
        ):
            wish = bytes(16) if ":" in nowhere else MAPPED4 + bytes(4)
            self.assertEqual(
                pcp.map_request(client, NONCE, Transport.UDP, 6881, 7000, nowhere, 3600),
                bytes.fromhex("0201 0000 00000e10".replace(" ", ""))
                + wide
                + NONCE
                + bytes.fromhex("11 000000 1ae1 1b58".replace(" ", ""))
                + wish,
            )

    def test_request_refused(self) -> None:
        for client, nonce in (("192.168.1.7", b"short"), ("router", NONCE)):
            self.assertRaises(
                ValueError, pcp.map_request, client, nonce, Transport.TCP, 1, 1, "0.0.0.0", 1
            )

    def test_replies(self) -> None:
        mapped = MapReply(Opcode.MAP, 0, 3600, 77, NONCE, 6, 6881, 7000, "203.0.113.5")
        self.assertEqual(pcp.decode(MAPPED), mapped)
        self.assertEqual(pcp.decode(MAPPED + b"\1\0\0\4more"), mapped)
        host = pcp.decode(HEADER + BODY + packed("2001:db8::9"))
        self.assertEqual(host.external_host, "2001:db8::9")
        self.assertEqual(pcp.decode(ANNOUNCED), Reply(Opcode.ANNOUNCE, 0, 0, 1))
        refused = pcp.decode(MAPPED[:3] + b"\x08" + MAPPED[4:])
        self.assertEqual((refused.result, refused.lifetime), (8, 3600))

    def test_refused(self) -> None:
        for datagram in (
            b"\0" + MAPPED[1:],
            b"\1" + MAPPED[1:],
            pcp.map_request("10.0.0.1", NONCE, Transport.TCP, 1, 1, "0.0.0.0", 1),
            pack("!BB", 2, 130) + MAPPED[2:],
            MAPPED + b"x",
            MAPPED + bytes(1100 - len(MAPPED) + 4),
        ):
            self.assertRaises(ValueError, pcp.decode, datagram)

    def test_cut_at_every_byte(self) -> None:
        for whole in (MAPPED, ANNOUNCED):
            for cut in range(len(whole)):
                self.assertRaises(ValueError, pcp.decode, whole[:cut])

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.one_of(
            st.binary(max_size=80),
            st.binary(min_size=58, max_size=58).map(lambda data: b"\2\x81" + data),
        )
    )
    def test_anything(self, datagram: bytes) -> None:
        try:
            reply = pcp.decode(datagram)
        except ValueError:
            return
        self.assertTrue(0 <= reply.epoch < 2**32)
        if isinstance(reply, MapReply):
            self.assertEqual(len(reply.nonce), 12)
            packed(reply.external_host)
