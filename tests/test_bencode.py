from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.bencode import (
    MAX_DEPTH,
    BencodeError,
    decode,
    decode_prefix,
    decode_with_spans,
    encode,
)

GOOD = [
    (b"0:", b""),
    (b"4:spam", b"spam"),
    (b"3:i1e", b"i1e"),
    (b"11:hello world", b"hello world"),
    (b"i0e", 0),
    (b"i42e", 42),
    (b"i-42e", -42),
    (b"i9223372036854775807e", 2**63 - 1),
    (b"i-9223372036854775808e", -(2**63)),
    (b"le", []),
    (b"l4:spami42ee", [b"spam", 42]),
    (b"lllleeee", [[[[]]]]),
    (b"de", {}),
    (b"d3:bar4:spam3:fooi42ee", {b"bar": b"spam", b"foo": 42}),
    (b"d0:0:e", {b"": b""}),
    (b"d1:ad1:bl1:cd1:d0:eeee", {b"a": {b"b": [b"c", {b"d": b""}]}}),
]

BAD = [
    # integers
    b"ie",
    b"i-e",
    b"i-0e",
    b"i00e",
    b"i03e",
    b"i-03e",
    b"i+5e",
    b"i 5e",
    b"i5 e",
    b"i1_0e",
    b"i0x1e",
    b"i1.0e",
    b"i5",
    b"i\xd9\xa1e",
    b"i9223372036854775808e",
    b"i-9223372036854775809e",
    b"i" + b"9" * 5000 + b"e",
    # strings
    b"03:abc",
    b"00:",
    b"+3:abc",
    b" 3:abc",
    b"-1:a",
    b"1_0:abcdefghij",
    b"3abc",
    b"4:abc",
    b"9999999999:abc",
    b"99999999999:abc",
    b"18446744073709551617:a",
    b":a",
    b"3;abc",
    # structure
    b"",
    b"e",
    b"x",
    b"l",
    b"li1e",
    b"lxe",
    b"d",
    b"d1:a",
    b"d1:ae",
    b"d1:ai1e",
    b"di1e1:ae",
    b"dle1:ae",
    b"d1:ai1e1:b",
    # what makes the library loop for ever, or read what is not a length
    b"d1:ai1e-6:e",
    b"d-2:abe",
    b"d+1:a0:e",
    b"d 1:a0:e",
    # bytes after the value
    b"i1ei2e",
    b"le\n",
    b"0:x",
    # duplicate keys, at any depth
    b"d1:ai1e1:ai1ee",
    b"d1:ai1e1:bi2e1:ai3ee",
    b"ld1:a0:1:a0:ee",
]


def nested(depth: int) -> bytes:
    return b"l" * depth + b"e" * depth


class DecodeTests(SynchronousTestCase):
    def test_good(self) -> None:
        for data, value in GOOD:
            self.assertEqual(decode(data), value, data)

    def test_types_are_exact(self) -> None:
        self.assertIs(type(decode(b"1:a")), bytes)
        self.assertIs(type(decode(b"i1e")), int)
        (key,) = decode(b"d1:a0:e")
        self.assertIs(type(key), bytes)

    def test_bad(self) -> None:
        for data in BAD:
            with self.assertRaises(BencodeError, msg=data):
                decode(data)

    def test_cut_at_every_byte(self) -> None:
        for data, _ in GOOD:
            for end in range(len(data)):
                with self.assertRaises(BencodeError, msg=data[:end]) as caught:
                    decode(data[:end])
                self.assertIn("ends early", str(caught.exception), data[:end])

    def test_unsorted_keys_are_accepted(self) -> None:
        self.assertEqual(decode(b"d1:b0:1:a0:e"), {b"a": b"", b"b": b""})

    def test_errors_name_the_place(self) -> None:
        with self.assertRaisesRegex(BencodeError, "at byte 6"):
            decode(b"l3:abci01ee")

    def test_a_string_must_lie_inside_the_buffer(self) -> None:
        # The list's end would be read as part of the string.
        with self.assertRaises(BencodeError):
            decode(b"l3:ae")
        self.assertEqual(decode(b"l2:aee"), [b"ae"])


class LimitTests(SynchronousTestCase):
    def test_depth(self) -> None:
        decode(nested(MAX_DEPTH))
        with self.assertRaisesRegex(BencodeError, "too deep"):
            decode(nested(MAX_DEPTH + 1))
        decode(nested(8), max_depth=8)
        with self.assertRaisesRegex(BencodeError, "too deep"):
            decode(nested(9), max_depth=8)

    def test_depth_of_dicts(self) -> None:
        data = b"d1:a" * 9 + b"0:" + b"e" * 9
        decode(data, max_depth=9)
        with self.assertRaisesRegex(BencodeError, "too deep"):
            decode(data, max_depth=8)

    def test_depth_below_a_dict_read_with_spans(self) -> None:
        decode_with_spans(b"d1:a" + nested(7) + b"e", max_depth=8)
        with self.assertRaisesRegex(BencodeError, "too deep"):
            decode_with_spans(b"d1:a" + nested(8) + b"e", max_depth=8)

    def test_bombs_without_an_end(self) -> None:
        for bomb in (b"l" * 100_000, b"d0:" * 100_000, b"ld1:a" * 100_000):
            with self.assertRaisesRegex(BencodeError, "too deep"):
                decode(bomb)

    def test_no_recursion_error_even_when_the_caller_lifts_the_limit(self) -> None:
        with self.assertRaisesRegex(BencodeError, "too deep"):
            decode(nested(50_000), max_depth=100_000)
        with self.assertRaisesRegex(BencodeError, "too deep"):
            decode_with_spans(b"d0:" + nested(50_000) + b"e", max_depth=100_000)

    def test_tokens(self) -> None:
        rows = [
            (b"i1e", 1),
            (b"le", 1),
            (b"li1ei2ee", 3),
            (b"d1:ai1e1:bi2ee", 5),
            (b"d1:ali1ei2eee", 5),
            (b"lli1eeli2eee", 5),
        ]
        for data, tokens in rows:
            decode(data, max_tokens=tokens)
            if tokens > 1:
                with self.assertRaisesRegex(BencodeError, "too many", msg=data):
                    decode(data, max_tokens=tokens - 1)

    def test_tokens_of_a_dict_read_with_spans(self) -> None:
        decode_with_spans(b"d1:ali1ei2eee", max_tokens=5)
        with self.assertRaisesRegex(BencodeError, "too many"):
            decode_with_spans(b"d1:ali1ei2eee", max_tokens=4)

    def test_a_token_bomb_within_the_default_limit(self) -> None:
        with self.assertRaisesRegex(BencodeError, "too many"):
            decode(b"l" + b"0:" * 1_000_000 + b"e")


class PrefixTests(SynchronousTestCase):
    def test_value_and_end(self) -> None:
        rows = [
            (b"d8:msg_typei1eexxxx", 0, {b"msg_type": 1}, 15),
            (b"..i7erest", 2, 7, 5),
            (b"3:abc", 0, b"abc", 5),
            (b"le" * 3, 2, [], 4),
        ]
        for data, offset, value, end in rows:
            self.assertEqual(decode_prefix(data, offset), (value, end))

    def test_offset_outside(self) -> None:
        for offset in (-1, -3, 3, 1000):
            with self.assertRaises(BencodeError):
                decode_prefix(b"i1e", offset)

    def test_limits(self) -> None:
        with self.assertRaisesRegex(BencodeError, "too deep"):
            decode_prefix(b"xx" + nested(9), 2, max_depth=8)
        with self.assertRaisesRegex(BencodeError, "too many"):
            decode_prefix(b"xxli1ei2ee", 2, max_tokens=2)


def raw(data: bytes, key: bytes) -> bytes:
    """The bytes of a key's value, as they came."""
    start, end = decode_with_spans(data)[1][key]
    return data[start:end]


class SpanTests(SynchronousTestCase):
    DATA = b"d4:spam1:x4:infod1:b0:1:ai7ee1:z3:xyze"

    def test_raw_bytes_even_with_unsorted_keys(self) -> None:
        self.assertEqual(raw(self.DATA, b"info"), b"d1:b0:1:ai7ee")

    def test_every_key(self) -> None:
        values, spans = decode_with_spans(self.DATA)
        self.assertEqual(values, decode(self.DATA))
        found = {key: self.DATA[start:end] for key, (start, end) in spans.items()}
        self.assertEqual(found, {b"spam": b"1:x", b"info": b"d1:b0:1:ai7ee", b"z": b"3:xyz"})

    def test_a_key_of_an_inner_dict_does_not_count(self) -> None:
        data = b"d1:ad4:info1:xe4:info1:ye"
        self.assertEqual(raw(data, b"info"), b"1:y")

    def test_a_value_that_looks_like_the_key(self) -> None:
        self.assertEqual(raw(b"d1:a4:info4:infoi1ee", b"info"), b"i1e")

    def test_what_follows_is_ignored(self) -> None:
        self.assertEqual(raw(self.DATA + b"\r\n", b"info"), b"d1:b0:1:ai7ee")

    def test_bad(self) -> None:
        self.assertNotIn(b"nope", decode_with_spans(self.DATA)[1])
        for data in (b"", b"i1e", b"le", b"4:info", b"d4:info1:x4:info1:ye"):
            with self.assertRaises(BencodeError, msg=data):
                decode_with_spans(data)

    def test_cut_at_every_byte(self) -> None:
        for end in range(len(self.DATA)):
            with self.assertRaises(BencodeError):
                decode_with_spans(self.DATA[:end])


class Text(str):
    __slots__ = ()


class EncodeTests(SynchronousTestCase):
    def test_good(self) -> None:
        for data, value in GOOD:
            self.assertEqual(encode(value), data)

    def test_keys_are_sorted_as_bytes(self) -> None:
        value = {b"b": 1, b"a": 2, b"\xff": 3, b"B": 4}
        self.assertEqual(encode(value), b"d1:Bi4e1:ai2e1:bi1e1:\xffi3ee")

    def test_refused(self) -> None:
        bad = [
            None,
            True,
            False,
            "text",
            1.5,
            (1, 2),
            bytearray(b"x"),
            memoryview(b"x"),
            {1, 2},
            object(),
            Text("x"),
            2**63,
            -(2**63) - 1,
            {"a": 1},
            {1: 1},
            {b"a": 1, "a": 2},
            {b"a": None},
            [True],
            [[["x"]]],
        ]
        for value in bad:
            with self.assertRaises(BencodeError, msg=repr(value)):
                encode(value)

    def test_a_list_within_itself(self) -> None:
        endless: list[object] = []
        endless.append(endless)
        with self.assertRaises(BencodeError):
            encode(endless)


VALUES = st.recursive(
    st.binary(max_size=20) | st.integers(-(2**63), 2**63 - 1),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.binary(max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)


class FuzzTests(SynchronousTestCase):
    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(VALUES)
    def test_round_trip(self, value) -> None:
        data = encode(value)
        self.assertEqual(decode(data), value)
        self.assertEqual(decode_prefix(b"??" + data + b"??", 2), (value, 2 + len(data)))

    @settings(derandomize=True, deadline=None, max_examples=400)
    @given(VALUES, st.data())
    def test_mutated_input_decodes_or_is_refused(self, value, data) -> None:
        raw = bytearray(encode(value))
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(raw) - 1))
            raw[place] = data.draw(st.sampled_from(b"0123456789:-+ ilde_\x00\xff"))
        try:
            found = decode(bytes(raw))
        except BencodeError:
            return
        # Strict: apart from the order of keys there is one way only to write a value.
        self.assertEqual(sorted(encode(found)), sorted(raw))

    @settings(derandomize=True, deadline=None, max_examples=400)
    @given(st.lists(st.sampled_from([b"i", b"l", b"d", b"e", b"1:", b"0:", b"-", b"2", b"a"])))
    def test_grammar_soup(self, parts) -> None:
        raw = b"".join(parts)
        try:
            found = decode(raw)
        except BencodeError:
            return
        self.assertEqual(sorted(encode(found)), sorted(raw))
