"""Messages of ut_metadata, as bytes."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.bencode import encode
from txtorrent.metainfo.infodict import PIECE
from txtorrent.wire.extension import MAX_METADATA
from txtorrent.wire.metadata import Data, Reject, Request, decode
from txtorrent.wire.stream import ProtocolError

LAST = MAX_METADATA // PIECE - 1
TAIL = b"d8:msg_typei1e5:piecei1e10:total_sizei16387ee"

MESSAGES = [
    (Request(0), b"d8:msg_typei0e5:piecei0ee"),
    (Request(LAST), b"d8:msg_typei0e5:piecei1023ee"),
    (Reject(3), b"d8:msg_typei2e5:piecei3ee"),
    (Data(0, 3, b"abc"), b"d8:msg_typei1e5:piecei0e10:total_sizei3eeabc"),
    (Data(1, PIECE + 3, b"abc"), TAIL + b"abc"),
    (
        Data(0, PIECE + 3, b"x" * PIECE),
        b"d8:msg_typei1e5:piecei0e10:total_sizei16387ee" + b"x" * PIECE,
    ),
]

WRONG = [
    (b"", "malformed"),
    (b"x", "malformed"),
    (b"le", "no dict"),
    (b"i1e", "no dict"),
    (b"de", "does not say what it is"),
    (b"d8:msg_type1:0e", "does not say what it is"),
    (b"d8:msg_typelee", "does not say what it is"),
    (b"d8:msg_typei0ee", "whose piece is not"),
    (b"d8:msg_typei0e5:piece1:0e", "whose piece is not"),
    (b"d8:msg_typei0e5:piecei-1ee", "whose piece is not"),
    (b"d8:msg_typei0e5:piecei1024ee", "whose piece is not from 0 to 1023"),
    (b"d8:msg_typei2e5:piecei9223372036854775807ee", "whose piece is not"),
    (b"d8:msg_typei1e5:piecei0eeabc", "whose total_size is not"),
    (b"d8:msg_typei1e5:piecei0e10:total_sizei0ee", "whose total_size is not"),
    (b"d8:msg_typei1e5:piecei0e10:total_sizei2147483648ee", "whose total_size is not"),
    (b"d8:msg_typei1e5:piecei0e10:total_size1:3eabc", "whose total_size is not"),
    (b"d8:msg_typei1e5:piecei0e10:total_sizei3ee", "of 0 bytes where 3 are right"),
    (b"d8:msg_typei1e5:piecei0e10:total_sizei3eeab", "of 2 bytes where 3 are right"),
    (b"d8:msg_typei1e5:piecei0e10:total_sizei3eeabcd", "of 4 bytes where 3 are right"),
    (b"d8:msg_typei1e5:piecei1e10:total_sizei3ee", "of 0 bytes where 0 are right"),
    (b"d8:msg_typei1e5:piecei2e10:total_sizei3eeabc", "of 3 bytes where 0 are right"),
    (encode({b"msg_type": 0, b"piece": 0, b"x": [[[[[[[[[]]]]]]]]]}), "nested too deep"),
    (encode({b"msg_type": 0, b"piece": 0, b"x": [0] * 10_000}), "too many values"),
]


class CodecTests(SynchronousTestCase):
    def test_both_ways(self) -> None:
        for message, raw in MESSAGES:
            self.assertEqual(message.encode(), raw)
            self.assertEqual(decode(raw), message)

    def test_what_may_be_besides(self) -> None:
        """Keys that are not known, those of other messages, bytes behind a request; any order."""
        for raw, message in [
            (b"d5:piecei4e8:msg_typei0ee", Request(4)),
            (b"d8:msg_typei0e5:piecei4e10:total_sizei0ee", Request(4)),
            (b"d8:msg_typei0e5:piecei4e1:zi0eejunk", Request(4)),
            (b"d8:msg_typei2e5:piecei4e1:zdeejunk", Reject(4)),
        ]:
            self.assertEqual(decode(raw), message, raw)

    def test_other_kinds_are_passed_over(self) -> None:
        for kind in (-1, 3, 255, 2**62):
            self.assertIsNone(decode(encode({b"msg_type": kind})))
            self.assertIsNone(decode(encode({b"msg_type": kind, b"piece": b"x"}) + b"data"))

    def test_malformed(self) -> None:
        for raw, why in WRONG:
            with self.assertRaisesRegex(ProtocolError, why):
                decode(raw)

    def test_cut_at_every_byte(self) -> None:
        for _, raw in MESSAGES:
            for end in range(min(len(raw), 60)):
                with self.assertRaises(ProtocolError):
                    decode(raw[:end])

    def test_a_frame_has_room(self) -> None:
        self.assertLess(len(Data(LAST, MAX_METADATA, b"x" * PIECE).encode()), PIECE + 100)

    @given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda tail: TAIL + tail))
    @settings(deadline=None)
    def test_any_bytes(self, raw) -> None:
        with contextlib.suppress(ProtocolError):
            message = decode(raw)
            if message is not None:
                self.assertEqual(decode(message.encode()), message)

    @given(
        st.dictionaries(
            st.sampled_from([b"msg_type", b"piece", b"total_size"]),
            st.integers(-2, 5) | st.sampled_from([PIECE, MAX_METADATA, 2**62]) | st.binary(),
        ),
        st.binary(max_size=5),
    )
    @settings(deadline=None)
    def test_any_dict(self, said, tail) -> None:
        with contextlib.suppress(ProtocolError):
            message = decode(encode(said) + tail)
            if isinstance(message, Data):
                self.assertEqual(
                    len(message.data), min(PIECE, message.size - message.piece * PIECE)
                )
