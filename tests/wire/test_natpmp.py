"""The datagrams of NAT-PMP, byte by byte (RFC 6886)."""

from struct import pack

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.wire import natpmp
from txtorrent.wire.natpmp import Opcode, Reply

ADDRESS = pack("!BBHI4B", 0, 128, 0, 77, 203, 0, 113, 5)
MAPPED = pack("!BBHIHHI", 0, 130, 0, 77, 6881, 7000, 3600)


class NatPmpTests(SynchronousTestCase):
    def test_requests(self) -> None:
        self.assertEqual(natpmp.address_request().hex(), "0000")
        for opcode, code in ((Opcode.MAP_UDP, "01"), (Opcode.MAP_TCP, "02")):
            self.assertEqual(
                natpmp.map_request(opcode, 6881, 7000, 3600).hex(),
                f"00{code}00001ae11b5800000e10",
            )

    def test_replies(self) -> None:
        for datagram, reply in (
            (ADDRESS, Reply(Opcode.ADDRESS, 0, 77, "203.0.113.5")),
            (MAPPED, Reply(Opcode.MAP_TCP, 0, 77, "", 6881, 7000, 3600)),
            (MAPPED + b"more", Reply(Opcode.MAP_TCP, 0, 77, "", 6881, 7000, 3600)),
            (pack("!BBHI", 0, 129, 2, 9), Reply(Opcode.MAP_UDP, 2, 9)),
            (pack("!BBHI", 0, 130, 999, 9) + b"x", Reply(Opcode.MAP_TCP, 999, 9)),
        ):
            self.assertEqual(natpmp.decode(datagram), reply)

    def test_refused(self) -> None:
        for datagram in (
            b"\x02" + MAPPED[1:],
            natpmp.map_request(Opcode.MAP_TCP, 1, 2, 3),
            pack("!BBHI", 0, 131, 0, 9) + bytes(8),
            pack("!BBHI", 0, 255, 1, 9),
        ):
            self.assertRaises(ValueError, natpmp.decode, datagram)

    def test_cut_at_every_byte(self) -> None:
        for whole in (ADDRESS, MAPPED):
            for cut in range(len(whole)):
                self.assertRaises(ValueError, natpmp.decode, whole[:cut])

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.one_of(st.binary(max_size=20), st.binary(max_size=18).map(lambda d: b"\0\x82" + d)))
    def test_anything(self, datagram: bytes) -> None:
        try:
            reply = natpmp.decode(datagram)
        except ValueError:
            return
        self.assertTrue(0 <= reply.external_port <= 65535)
        self.assertTrue(0 <= reply.lifetime < 2**32)
