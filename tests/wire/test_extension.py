"""The extension handshake: tables, bombs, cuts at every byte, whatever bytes."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.bencode import NETWORK_DEPTH, NETWORK_TOKENS, encode
from txtorrent.wire.extension import (
    MAX_CLIENT,
    MAX_EXTENSIONS,
    MAX_METADATA,
    MAX_NAME,
    ExtensionHandshake,
)
from txtorrent.wire.stream import ProtocolError

WHOLE = ExtensionHandshake(
    ids={b"ut_metadata": 3, b"ut_pex": 1},
    port=6881,
    client="txtorrent ü",
    your_host="1.2.3.4",
    reqq=500,
    metadata_size=31235,
    upload_only=True,
)
ENCODED = (
    b"d1:md11:ut_metadatai3e6:ut_pexi1ee13:metadata_sizei31235e1:pi6881e4:reqqi500e"
    b"11:upload_onlyi1e1:v12:txtorrent \xc3\xbc6:yourip4:\x01\x02\x03\x04e"
)


def said(**keys):
    """What is understood of a handshake with these keys."""
    return ExtensionHandshake.decode(encode({key.encode(): each for key, each in keys.items()}))


class Forms(SynchronousTestCase):
    def test_encode(self):
        self.assertEqual(WHOLE.encode(), ENCODED)
        self.assertEqual(ExtensionHandshake().encode(), b"d1:mdee")

    def test_decode(self):
        found = ExtensionHandshake.decode(ENCODED)
        for name in ("ids", "port", "client", "your_host", "reqq", "metadata_size", "upload_only"):
            self.assertEqual(getattr(found, name), getattr(WHOLE, name), name)

    def test_what_is_not_said(self):
        for payload in (b"de", b"d1:mdee"):
            found = ExtensionHandshake.decode(payload)
            self.assertEqual(dict(found.ids), {})
            for name in ("port", "client", "your_host", "reqq", "metadata_size", "upload_only"):
                self.assertIsNone(getattr(found, name), name)

    def test_what_extensions_add(self):
        more = {b"ut_holepunch": 4, b"lt_channels": [b"a"]}
        found = ExtensionHandshake.decode(ExtensionHandshake(more=more).encode())
        self.assertEqual({key: found.more[key] for key in more}, more)

    def test_extensions_do_not_replace_what_is_said_of_us(self):
        """Whatever one of them adds."""
        found = ExtensionHandshake.decode(ExtensionHandshake(port=1, more={b"p": 2}).encode())
        self.assertEqual(found.port, 1)

    def test_taken_back(self):
        self.assertEqual(said(m={b"ut_pex": 0}).ids, {b"ut_pex": 0})

    def test_an_ipv6_address(self):
        host = "2001:db8::7"
        payload = ExtensionHandshake(your_host=host).encode()
        self.assertEqual(ExtensionHandshake.decode(payload).your_host, host)
        self.assertEqual(said(yourip=bytes(10) + b"\xff\xff\1\2\3\4").your_host, "1.2.3.4")

    def test_what_stands_behind(self):
        self.assertEqual(ExtensionHandshake.decode(ENCODED + b"junk").port, 6881)


class Strange(SynchronousTestCase):
    """What is wrong counts as not said, and the rest is taken."""

    def test_values(self):
        for key, name, rows in [
            ("p", "port", [(0, None), (1, 1), (65535, 65535), (65536, None), (-1, None),
                           (b"6881", None), ([], None)]),
            ("reqq", "reqq", [(0, None), (1, 1), (2**31, 2**31), (2**31 + 1, None), (b"", None)]),
            ("metadata_size", "metadata_size",
             [(0, None), (-5, None), (1, 1), (MAX_METADATA, MAX_METADATA),
              (MAX_METADATA + 1, None), (2**31, None), (2**63 - 1, None), (b"1", None)]),
            ("upload_only", "upload_only",
             [(0, False), (1, True), (7, True), (256, None), (-1, None), (b"1", None)]),
            ("yourip", "your_host", [(b"", None), (b"\1\2\3", None), (b"\1" * 5, None),
                                     (b"\1\2\3\4", "1.2.3.4"), (16909060, None)]),
            ("v", "client", [(b"", None), (7, None), ([b"x"], None), (b"x\xff", "x\ufffd"),
                             (b"y" * 1000, "y" * MAX_CLIENT),
                             ("€".encode() * 1000, "€" * MAX_CLIENT)]),
        ]:  # fmt: skip
            for given_, found in rows:
                result = said(**{key: given_, "m": {b"a": 1}})
                self.assertEqual(getattr(result, name), found, (key, given_))
                self.assertEqual(result.ids, {b"a": 1}, (key, given_))

    def test_ids(self):
        for given_, found in [
            (b"", {}),
            ([b"a", 1], {}),
            ({b"a": 255, b"b": 256, b"c": -1, b"d": b"1", b"e": 2**40}, {b"a": 255}),
            ({b"n" * MAX_NAME: 1, b"n" * (MAX_NAME + 1): 2}, {b"n" * MAX_NAME: 1}),
        ]:
            self.assertEqual(said(m=given_).ids, found, given_)

    def test_many_ids(self):
        """THREATS B10."""
        found = said(m={b"%d" % n: n % 255 for n in range(1000)}).ids
        self.assertEqual(len(found), MAX_EXTENSIONS)


class Wrong(SynchronousTestCase):
    def test_cut_at_every_byte(self):
        for cut in range(len(ENCODED)):
            with self.assertRaises(ProtocolError, msg=cut):
                ExtensionHandshake.decode(ENCODED[:cut])

    def test_no_dict(self):
        for payload in (b"", b"le", b"i1e", b"4:spam", b"\0\0\0", b"di1ei2ee", b"d1:pi1e1:pi2ee"):
            with self.assertRaises(ProtocolError, msg=payload):
                ExtensionHandshake.decode(payload)

    def test_bombs(self):
        """THREATS B10: as deep, as many, as long as anybody likes."""
        for payload in [
            b"d1:m" + b"d1:a" * NETWORK_DEPTH + b"i1e" + b"e" * (NETWORK_DEPTH + 1),
            b"l" * 65536,
            b"d1:a" * 16384,
            b"d1:ml" + b"i1e" * NETWORK_TOKENS + b"ee",
            b"d1:v2147483647:x",
            b"d13:metadata_sizei" + b"9" * 60000 + b"ee",
        ]:
            with self.assertRaises(ProtocolError, msg=payload[:30]):
                ExtensionHandshake.decode(payload)


VALUES = st.recursive(
    st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.binary(max_size=9), inner, max_size=5)
    ),
    max_leaves=8,
)
KEYS = st.sampled_from([b"m", b"p", b"v", b"yourip", b"reqq", b"metadata_size", b"upload_only"])


class Whatever(SynchronousTestCase):
    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.binary(max_size=100))
    def test_any_bytes(self, data):
        with contextlib.suppress(ProtocolError):
            ExtensionHandshake.decode(data)

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.dictionaries(KEYS, VALUES))
    def test_any_values(self, keys):
        found = ExtensionHandshake.decode(encode(keys))
        again = ExtensionHandshake.decode(found.encode())
        for name in ("port", "client", "your_host", "reqq", "metadata_size", "upload_only"):
            self.assertEqual(getattr(again, name), getattr(found, name), name)
        self.assertEqual(again.ids, found.ids)
