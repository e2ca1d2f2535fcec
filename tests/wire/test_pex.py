"""Payloads of ut_pex: tables, cuts at every byte, whatever bytes."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.bencode import NETWORK_DEPTH, NETWORK_TOKENS, encode
from txtorrent.wire.pex import MOST_LISTED, Contact, Flag, PeerExchange
from txtorrent.wire.stream import ProtocolError

A, B = Address("1.2.3.4", 6881), Address("5.6.7.8", 1)
SIX = Address("2001:db8::1", 65535)
FOUR_A, FOUR_B = b"\x01\x02\x03\x04\x1a\xe1", b"\x05\x06\x07\x08\x00\x01"
WIDE = bytes.fromhex("20010db8000000000000000000000001ffff")

WHOLE = PeerExchange(
    (Contact(A, Flag.OUTGOING | Flag.UPLOAD_ONLY), Contact(B), Contact(SIX, Flag.UTP)),
    (B, SIX),
)
ENCODED = (
    b"d5:added12:" + FOUR_A + FOUR_B + b"7:added.f2:\x12\x00"
    b"6:added618:" + WIDE + b"8:added6.f1:\x04"
    b"7:dropped6:" + FOUR_B + b"8:dropped618:" + WIDE + b"e"
)  # fmt: skip


def listed(payload):
    """What a payload names: (address, flags) of those added."""
    return [(str(c.address), int(c.flags)) for c in PeerExchange.decode(payload).added]


class Forms(SynchronousTestCase):
    def test_encode(self):
        self.assertEqual(WHOLE.encode(), ENCODED)

    def test_only_lists_with_something_in_them(self):
        for message, payload in [
            (PeerExchange(), b"de"),
            (
                PeerExchange((Contact(A, Flag.HOLEPUNCH),)),
                b"d5:added6:" + FOUR_A + b"7:added.f1:\x08e",
            ),
            (PeerExchange((), (SIX,)), b"d8:dropped618:" + WIDE + b"e"),
        ]:
            self.assertEqual(message.encode(), payload)
            self.assertEqual(PeerExchange.decode(payload), message)

    def test_decode(self):
        self.assertEqual(PeerExchange.decode(ENCODED), WHOLE)

    def test_bits(self):
        """As BEP 11 has them."""
        for bit, flag in [
            (0x01, Flag.ENCRYPTION),
            (0x02, Flag.UPLOAD_ONLY),
            (0x04, Flag.UTP),
            (0x08, Flag.HOLEPUNCH),
            (0x10, Flag.OUTGOING),
        ]:
            payload = encode({b"added": FOUR_A, b"added.f": bytes([bit])})
            self.assertEqual(PeerExchange.decode(payload).added[0].flags, flag)


class Tolerated(SynchronousTestCase):
    def test_flags(self):
        """Missing, too few, too many, of another type, bits that mean nothing."""
        both = FOUR_A + FOUR_B
        for flags, found in [
            ({}, [0, 0]),
            ({b"added.f": b""}, [0, 0]),
            ({b"added.f": b"\x02"}, [2, 0]),
            ({b"added.f": b"\x02\x10\x01"}, [2, 16]),
            ({b"added.f": b"\xff\xe1"}, [0x1F, 1]),
            ({b"added.f": 3}, [0, 0]),
            ({b"added.f": [b"\x02"]}, [0, 0]),
        ]:
            payload = encode({b"added": both, **flags})
            self.assertEqual([flag for _, flag in listed(payload)], found, flags)

    def test_a_list_that_is_none_is_left_out(self):
        for wrong in (FOUR_A + b"\0", FOUR_A[:-1], 7, [FOUR_A], {b"a": FOUR_A}, b""):
            payload = encode({b"added": wrong, b"added6": WIDE, b"dropped": FOUR_B})
            found = PeerExchange.decode(payload)
            self.assertEqual(found, PeerExchange((Contact(SIX),), (B,)), wrong)
            payload = encode({b"added": FOUR_B, b"added6": wrong, b"dropped6": wrong})
            self.assertEqual(PeerExchange.decode(payload), PeerExchange((Contact(B),)), wrong)

    def test_other_keys_and_what_stands_behind(self):
        payload = encode({b"added": FOUR_A, b"extra": [{b"a": [1, 2]}]}) + b"rest"
        self.assertEqual(listed(payload), [("1.2.3.4:6881", 0)])

    def test_mapped_addresses_are_of_ipv4(self):
        mapped = bytes(10) + b"\xff\xff" + FOUR_A
        self.assertEqual(listed(encode({b"added6": mapped})), [("1.2.3.4:6881", 0)])

    def test_too_many_are_cut_and_counted(self):
        for more in (0, 1, 1000):
            count = MOST_LISTED + more
            lists = {b"added": FOUR_A * count, b"added6": WIDE * count}
            gone = {b"dropped": FOUR_A * count, b"dropped6": WIDE * count}
            flags = {b"added.f": b"\x02" * count}
            found = PeerExchange.decode(encode({**lists, **gone, **flags}))
            self.assertEqual(len(found.added), 2 * MOST_LISTED)
            self.assertEqual(len(found.dropped), 2 * MOST_LISTED)
            self.assertEqual(found.cut, 4 * more)
            self.assertEqual([c.flags for c in found.added[:MOST_LISTED]], [2] * MOST_LISTED)


class Wrong(SynchronousTestCase):
    def test_cut_at_every_byte(self):
        for cut in range(len(ENCODED)):
            with self.assertRaises(ProtocolError, msg=cut):
                PeerExchange.decode(ENCODED[:cut])

    def test_no_dict(self):
        for payload in (b"le", b"i1e", b"0:", b"x", b"d1:ae", b"di1ei2ee"):
            with self.assertRaises(ProtocolError, msg=payload):
                PeerExchange.decode(payload)

    def test_bombs(self):
        deep = b"d1:a" + b"l" * NETWORK_DEPTH + b"e" * NETWORK_DEPTH + b"e"
        long = b"d1:al" + b"i1e" * NETWORK_TOKENS + b"ee"
        for payload in (deep, long, b"d5:added2147483647:"):
            with self.assertRaises(ProtocolError, msg=payload[:30]):
                PeerExchange.decode(payload)


VALUES = st.recursive(
    st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.binary(max_size=9), inner),
    max_leaves=5,
)
KEYS = st.sampled_from([b"added", b"added.f", b"added6", b"added6.f", b"dropped", b"dropped6"])
ADDRESSES = st.builds(Address, st.ip_addresses(v=4).map(str), st.integers(0, 65535))


class Whatever(SynchronousTestCase):
    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.binary(max_size=100))
    def test_any_bytes(self, data):
        with contextlib.suppress(ProtocolError):
            PeerExchange.decode(data)

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.dictionaries(KEYS, st.binary(max_size=2000) | VALUES))
    def test_any_values(self, said):
        found = PeerExchange.decode(encode(said))
        self.assertLessEqual(len(found.added), 2 * MOST_LISTED)
        self.assertLessEqual(len(found.dropped), 2 * MOST_LISTED)
        again = PeerExchange.decode(found.encode())
        self.assertEqual(set(again.added), set(found.added))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(
        st.lists(st.tuples(ADDRESSES, st.integers(0, 31)), max_size=MOST_LISTED),
        st.lists(ADDRESSES, max_size=MOST_LISTED),
    )
    def test_there_and_back(self, added, dropped):
        contacts = tuple(Contact(where, Flag(flags)) for where, flags in added)
        message = PeerExchange(contacts, tuple(dropped))
        self.assertEqual(PeerExchange.decode(message.encode()), message)
