"""The 68 bytes: a table, cuts at every byte, whatever bytes."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.wire.handshake import (
    LENGTH,
    PROTOCOL,
    Handshake,
    HandshakeDecoder,
    HandshakeError,
    make_peer_id,
    reserved_bits,
)

HASH, PEER = bytes(range(20)), b"-TX0100-abcdefghijkl"
WHOLE = b"\x13BitTorrent protocol" + bytes.fromhex("0000000000100004") + HASH + PEER


class Bytes(SynchronousTestCase):
    def test_encode(self):
        self.assertEqual(Handshake(HASH, PEER).encode(), WHOLE)
        self.assertEqual(Handshake(HASH, PEER, b"reserved").encode()[20:28], b"reserved")

    def test_decode(self):
        self.assertEqual(Handshake.decode(WHOLE), Handshake(HASH, PEER))

    def test_fast(self):
        for reserved, fast in [
            (bytes(8), False),
            (bytes(7) + b"\x04", True),
            (bytes(7) + b"\x05", True),
            (b"\xff" * 7 + b"\xfb", False),
            (b"\x04" + bytes(7), False),
        ]:
            self.assertIs(Handshake(HASH, PEER, reserved).fast, fast, reserved)

    def test_what_else_the_bits_say(self):
        for reserved, extended, dht in [
            (bytes(8), False, False),
            (reserved_bits(dht=False), True, False),
            (reserved_bits(dht=True), True, True),
            (bytes.fromhex("00000000 00ef 00fe"), False, False),
        ]:
            said = Handshake(HASH, PEER, reserved)
            self.assertEqual((said.extended, said.dht), (extended, dht), reserved)

    def test_peer_id(self):
        one, other = make_peer_id(Random(1)), make_peer_id(Random(2))
        self.assertEqual((len(one), one[:3], one[7:8]), (20, b"-TX", b"-"))
        self.assertTrue(one[3:7].isalnum())
        self.assertNotEqual(one[8:], other[8:])


class Gathered(SynchronousTestCase):
    def test_cut_at_every_byte(self):
        for cut in range(LENGTH):
            decoder = HandshakeDecoder()
            self.assertIsNone(decoder.feed(WHOLE[:cut]))
            self.assertEqual(decoder.info_hash, HASH if cut >= 48 else None)
            self.assertEqual(decoder.feed(WHOLE[cut:]), (Handshake(HASH, PEER), b""))
            self.assertEqual(decoder.info_hash, HASH)

    def test_what_stands_behind(self):
        for cut in range(LENGTH):
            decoder = HandshakeDecoder()
            decoder.feed(WHOLE[:cut])
            self.assertEqual(decoder.feed(WHOLE[cut:] + b"rest")[1], b"rest")

    def test_keeps_no_more(self):
        """It lives as long as its connection."""
        decoder = HandshakeDecoder()
        decoder.feed(WHOLE + bytes(65536))
        self.assertEqual(len(decoder._data), LENGTH)

    def test_seen_at_the_first_wrong_byte(self):
        for at in range(len(PROTOCOL)):
            wrong = bytearray(WHOLE)
            wrong[at] ^= 1
            for cut in range(at + 1):
                decoder = HandshakeDecoder()
                self.assertIsNone(decoder.feed(bytes(wrong[:cut])))
                self.assertRaises(HandshakeError, decoder.feed, bytes(wrong[cut : at + 1]))

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.binary(max_size=100), st.integers(0, 20))
    def test_any_bytes(self, data, right):
        decoder = HandshakeDecoder()
        try:
            done = decoder.feed(PROTOCOL[:right] + data)
        except HandshakeError:
            return
        self.assertIs(done is None, right + len(data) < LENGTH)
