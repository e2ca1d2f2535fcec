"""The chat message, byte by byte."""

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.bencode import decode, encode
from txtorrent.wire.chat import (
    MAX_HOPS,
    MAX_NICKNAME,
    MAX_PAYLOAD,
    MAX_TEXT,
    ChatLine,
)
from txtorrent.wire.stream import ProtocolError

LINE = ChatLine(
    author=b"k" * 32,
    nickname="ada",
    time=1_700_000_000,
    nonce=b"nonce-08",
    text="good morning",
    signature=b"s" * 64,
    hops=3,
)
PAYLOAD = (
    b"d1:hi3e1:k32:" + b"k" * 32 + b"1:n3:ada1:r8:nonce-081:s64:" + b"s" * 64
    + b"1:ti1700000000e1:vi1e1:x12:good morninge"
)  # fmt: skip


def with_(**changes):
    """The payload with other values; None takes a key out."""
    said = {**decode(PAYLOAD), **{key.encode(): value for key, value in changes.items()}}
    return encode({key: value for key, value in said.items() if value is not None})


class ChatLineTests(SynchronousTestCase):
    def test_both_ways(self) -> None:
        self.assertEqual(LINE.encode(), PAYLOAD)
        self.assertEqual(ChatLine.decode(PAYLOAD), LINE)

    def test_what_is_right(self) -> None:
        smile = "\N{GRINNING FACE}"
        for payload, line in (
            (with_(n=b""), evolve(LINE, nickname="")),
            (with_(n=smile.encode() * MAX_NICKNAME), evolve(LINE, nickname=smile * MAX_NICKNAME)),
            (with_(x=smile.encode() * MAX_TEXT), evolve(LINE, text=smile * MAX_TEXT)),
            (with_(x=b"a\n\0b"), evolve(LINE, text="a\n\0b")),
            (with_(t=0), evolve(LINE, time=0)),
            (with_(h=0), evolve(LINE, hops=0)),
            (with_(h=MAX_HOPS), evolve(LINE, hops=MAX_HOPS)),
            (with_(h=MAX_HOPS + 1), evolve(LINE, hops=MAX_HOPS)),
            (with_(h=2**40), evolve(LINE, hops=MAX_HOPS)),
            (with_(more=[b"of a later version"]), LINE),
            (with_(v=2), None),
            (with_(v=2, x=None, s=7), None),
        ):
            with self.subTest(payload=payload):
                self.assertEqual(ChatLine.decode(payload), line)

    def test_what_is_wrong(self) -> None:
        for payload in (
            b"",
            b"hello",
            b"i1e",
            b"le",
            b"de",
            PAYLOAD + b"x",
            PAYLOAD.replace(b"1:hi3e", b"1:hi3e1:hi3e"),
            b"l" * 50 + b"e" * 50,
            with_(more=b"x" * MAX_PAYLOAD),
            with_(more=[[[[[[[[[[]]]]]]]]]]),
            *(with_(**{key: None}) for key in "hknrstvx"),
            *(with_(**{key: wrong}) for key in "hknrstvx" for wrong in ([], {}, [b"x"])),
            *(with_(**{key: b"1"}) for key in "htv"),
            *(with_(**{key: 7}) for key in "knrsx"),
            *(with_(**{key: wrong}) for key in "ht" for wrong in (-1, 2**40 + 1, 2**63 - 1)),
            with_(v=-1),
            with_(k=b"k" * 31),
            with_(k=b"k" * 33),
            with_(r=b"r" * 7),
            with_(r=b"r" * 16),
            with_(s=b""),
            with_(s=b"s" * 63),
            with_(s=b"s" * 65),
            with_(n=b"n" * (MAX_NICKNAME + 1)),
            with_(x=b"x" * (MAX_TEXT + 1)),
            with_(n=b"\xff"),
            with_(x=b"caf\xe9"),
            with_(x=b"\xed\xa0\x80"),  # a surrogate
            with_(x=b"\xc0\x80"),
        ):
            with self.subTest(payload=payload), self.assertRaises(ProtocolError):
                ChatLine.decode(payload)

    def test_cut_at_every_byte(self) -> None:
        for cut in range(len(PAYLOAD)):
            with self.assertRaises(ProtocolError):
                ChatLine.decode(PAYLOAD[:cut])

    def test_the_longest_one_fits(self) -> None:
        wide = "\N{GRINNING FACE}"
        line = evolve(LINE, text=wide * MAX_TEXT, nickname=wide * MAX_NICKNAME, time=2**40)
        self.assertLess(len(line.encode()), 4400)
        self.assertEqual(ChatLine.decode(line.encode()), line)

    def test_an_error_does_not_repeat_what_a_stranger_wrote(self) -> None:
        """It goes to the log."""
        with self.assertRaises(ProtocolError) as caught:
            ChatLine.decode(with_(x=b"\x1b[2J\n\xff"))
        self.assertEqual(str(caught.exception), "a chat message whose x is missing or wrong")

    def test_hops(self) -> None:
        line, crossed = LINE, 0
        while (onward := line.onward()) is not None:
            line, crossed = onward, crossed + 1
        self.assertEqual((line.hops, crossed), (0, 3))
        self.assertEqual(evolve(line, hops=3), LINE)


class SignedPartTests(SynchronousTestCase):
    def test_bytes(self) -> None:
        self.assertEqual(
            LINE.signed_part(b"h" * 20),
            b"txtorrent chat 1\0l20:" + b"h" * 20 + b"32:" + b"k" * 32
            + b"3:adai1700000000e8:nonce-0812:good morninge",
        )  # fmt: skip

    def test_everything_counts_but_hops_and_signature(self) -> None:
        whole = LINE.signed_part(b"h" * 20)
        for changed in (
            evolve(LINE, author=b"K" * 32),
            evolve(LINE, nickname="adA"),
            evolve(LINE, time=LINE.time + 1),
            evolve(LINE, nonce=b"nonce-09"),
            evolve(LINE, text="good mourning"),
        ):
            self.assertNotEqual(changed.signed_part(b"h" * 20), whole)
        self.assertNotEqual(LINE.signed_part(b"i" * 20), whole)
        for same in (evolve(LINE, hops=0), LINE.signed(b"t" * 64)):
            self.assertEqual(same.signed_part(b"h" * 20), whole)

    def test_no_boundary_can_be_moved(self) -> None:
        """What goes from the nickname to the text is another message."""
        one = evolve(LINE, nickname="ab", text="c").signed_part(b"h" * 20)
        two = evolve(LINE, nickname="a", text="bc").signed_part(b"h" * 20)
        self.assertNotEqual(one, two)


VALUES = st.recursive(
    st.integers(-(2**63), 2**63 - 1) | st.binary(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.binary(max_size=2), inner),
    max_leaves=5,
)


class FuzzTests(SynchronousTestCase):
    """Nothing but ProtocolError comes of anything, and what is taken in is within bounds."""

    def check(self, payload: bytes) -> None:
        try:
            line = ChatLine.decode(payload)
        except ProtocolError:
            return
        if line is not None:
            self.assertLessEqual(line.hops, MAX_HOPS)
            self.assertLessEqual(len(line.text), MAX_TEXT)
            self.assertEqual(ChatLine.decode(line.encode()), line)
            line.signed_part(b"h" * 20)

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.binary(max_size=300))
    def test_any_bytes(self, payload: bytes) -> None:
        self.check(payload)

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.integers(0, len(PAYLOAD)), st.integers(0, 6), st.binary(max_size=6))
    def test_bytes_changed(self, at: int, count: int, by: bytes) -> None:
        self.check(PAYLOAD[:at] + by + PAYLOAD[at + count :])

    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(st.dictionaries(st.sampled_from("hknrstvx"), VALUES, min_size=1))
    def test_other_values(self, changes) -> None:
        self.check(with_(**changes))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.text(max_size=MAX_TEXT), st.text(max_size=MAX_NICKNAME), st.integers(0, 2**40))
    def test_any_text(self, text: str, nickname: str, time: int) -> None:
        line = evolve(LINE, text=text, nickname=nickname, time=time)
        self.assertEqual(ChatLine.decode(line.encode()), line)
