"""The stream of a peer connection: tables, cuts at every byte, whatever bytes (THREATS B2)."""

import tracemalloc
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.fakepeer import Piece, Request, one_by_one
from tests.wire.test_messages import TABLE
from txtorrent.wire import messages as m
from txtorrent.wire.stream import MIN_FRAME_CAP, ProtocolError, StreamDecoder

ALL = list(one_by_one(message for message, _ in TABLE))
BYTES = b"".join(message.encode() for message in ALL)


def decode(*chunks, pieces=100):
    """The messages of these chunks, requests singly, and the error that ended them, or None."""
    decoder, messages = StreamDecoder(pieces), []
    try:
        for chunk in chunks:
            for message in one_by_one(decoder.feed(chunk)):
                messages.append(message)
    except ProtocolError as error:
        return messages, str(error)
    return messages, None


def frame(length, rest=""):
    return length.to_bytes(4, "big") + bytes.fromhex(rest)


class Whole(SynchronousTestCase):
    def test_all_at_once(self):
        self.assertEqual(decode(BYTES), (ALL, None))

    def test_in_any_order(self):
        """What stands last in a chunk takes another way than what stands before it."""
        for one in ALL:
            for other in ALL:
                self.assertEqual(decode(one.encode() + other.encode()), ([one, other], None))

    def test_a_block_is_not_copied(self):
        """It is handed on as a view of the chunk it came in."""
        chunk = m.Have(1).encode() + Piece(1, 0, bytes(16384)).encode()
        _, pieces = StreamDecoder(10).feed(chunk)
        self.assertIs(pieces.blocks[0][2].obj, chunk)

    def test_requests_come_together(self):
        """As many as follow each other whole in a chunk; another message stands between."""
        blocks = [(n, 16384 * n, 16384) for n in range(100)]
        data, have = m.Requests(blocks).encode(), m.Have(3)
        for chunk, expected in [
            (data, [m.Requests(blocks)]),
            (data + have.encode() + data, [m.Requests(blocks), have, m.Requests(blocks)]),
            (data[:-1], [m.Requests(blocks[:-1])]),
            (data + m.Cancel(1, 2, 3).encode(), [m.Requests(blocks), m.Cancel(1, 2, 3)]),
        ]:
            self.assertEqual(list(StreamDecoder(10).feed(chunk)), expected)

    def test_lazily(self):
        """Who stops listening is told no more."""
        messages = StreamDecoder(10).feed(BYTES)
        self.assertEqual(next(messages), ALL[0])
        messages.close()


class Cut(SynchronousTestCase):
    def test_in_two_at_every_byte(self):
        for cut in range(len(BYTES) + 1):
            self.assertEqual(decode(BYTES[:cut], BYTES[cut:]), (ALL, None), cut)

    def test_in_three(self):
        short = BYTES[:90]
        expected = decode(short)
        for first in range(len(short)):
            for second in range(first, len(short)):
                parts = short[:first], short[first:second], short[second:]
                self.assertEqual(decode(*parts), expected, (first, second))

    def test_in_single_bytes(self):
        self.assertEqual(decode(*(BYTES[at : at + 1] for at in range(len(BYTES)))), (ALL, None))

    def test_large_blocks(self):
        blocks = [Piece(n, 0, bytes([n]) * 16384) for n in range(5)]
        data = b"".join(block.encode() for block in blocks)
        for size in (1, 1448, 16384, 16397, 16398, 65536):
            chunks = [data[at : at + size] for at in range(0, len(data), size)]
            self.assertEqual(decode(*chunks), (blocks, None), size)

    def test_inside_frame(self):
        decoder = StreamDecoder(10)
        for chunk, inside in [
            (b"\0", True),
            (b"\0\0\1", True),
            (b"\0", False),
            (m.Have(1).encode() + b"\0", True),
            (b"\0\0\0", False),
            (Piece(1, 2, b"abc").encode()[:-1], True),
            (b"c", False),
        ]:
            list(decoder.feed(chunk))
            self.assertIs(decoder.inside_frame, inside, chunk)


class Broken(SynchronousTestCase):
    """THREATS B2. What was right before the error is told first."""

    def test_lengths(self):
        """id -> lengths of the whole payload that are an error."""
        for kind, wrong in [
            (0, (1, 4)),
            (1, (1, 100)),
            (2, (1,)),
            (3, (1,)),
            (4, (0, 3, 5, 8)),
            (6, (0, 11, 13, 16)),
            (7, (0, 4, 7)),
            (8, (0, 11, 13)),
            (9, (0, 1, 3, 4)),
            (13, (0, 3, 5)),
            (14, (1,)),
            (15, (1,)),
            (16, (0, 11, 13)),
            (17, (0, 3, 5)),
        ]:
            for size in wrong:
                bad = frame(1 + size) + bytes([kind]) + bytes(size)
                for behind in (b"", BYTES):
                    messages, error = decode(m.Have(7).encode() + bad + behind)
                    self.assertEqual(messages, [m.Have(7)], (kind, size))
                    self.assertIsNotNone(error, (kind, size))

    def test_unknown_ids_are_skipped(self):
        known = {message.id for message, _ in TABLE}
        for kind in set(range(256)) - known:
            for size in (0, 1, 12, 1000, MIN_FRAME_CAP - 1):
                bad = frame(1 + size) + bytes([kind]) + bytes(size)
                messages, error = decode(bad + m.Have(7).encode())
                self.assertEqual((messages[1:], error), ([m.Have(7)], None), kind)

    def test_cap(self):
        """64 KiB, or what the bitfield takes: (pieces, longest frame)."""
        for pieces, cap in [
            (0, MIN_FRAME_CAP),
            (8 * (MIN_FRAME_CAP - 1), MIN_FRAME_CAP),
            (8 * MIN_FRAME_CAP, MIN_FRAME_CAP + 1),
            (2_097_152, 262_145),
        ]:
            bitfield = m.Bitfield(bytes(cap - 1))
            self.assertEqual(decode(bitfield.encode(), pieces=pieces), ([bitfield], None))
            for length in (cap + 1, 0x7FFFFFFF, 0xFFFFFFFF):
                start = frame(length)
                for chunks in ([start], [start + b"\5" + bytes(50)], [start[:2], start[2:]]):
                    messages, error = decode(*chunks, pieces=pieces)
                    self.assertEqual(messages, [])
                    self.assertEqual(error, f"frame of {length} bytes, at most {cap} are allowed")

    def test_cap_of_what_came_whole(self):
        """A chunk can hold more than the cap."""
        long = m.Bitfield(bytes(MIN_FRAME_CAP))
        messages, error = decode(m.Have(1).encode() + long.encode() + BYTES)
        self.assertEqual(messages, [m.Have(1)])
        self.assertIn(f"frame of {MIN_FRAME_CAP + 1} bytes", error)

    def test_a_claim_allocates_nothing(self):
        """Memory grows as the bytes arrive."""
        decoders = [StreamDecoder(100) for _ in range(200)]
        tracemalloc.start()
        try:
            for decoder in decoders:
                list(decoder.feed(frame(MIN_FRAME_CAP, "05") + bytes(10)))
            used = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        self.assertLess(used, 200 * 1024)


MESSAGES = st.lists(
    st.one_of(
        st.sampled_from(ALL),
        st.builds(Piece, st.integers(0, 9), st.integers(0, 9), st.binary(max_size=300)),
        st.builds(Request, st.integers(0, 9), st.integers(0, 9), st.integers(0, 2**32 - 1)),
        st.builds(m.Extended, st.integers(0, 255), st.binary(max_size=50)),
        st.builds(m.Unknown, st.integers(21, 255), st.binary(max_size=50)),
    ),
    max_size=20,
)
FRAMES = st.one_of(
    st.binary(max_size=16),
    st.builds(
        lambda kind, size: bytes([kind]) + bytes(size), st.integers(0, 22), st.integers(0, 16)
    ),
)
CUTS = st.lists(st.integers(0, 10_000), max_size=10)


def cut(data, places):
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(at)]


class Fuzz(SynchronousTestCase):
    @settings(derandomize=True, deadline=None, max_examples=300)
    @given(MESSAGES, CUTS)
    def test_right_ones_however_cut(self, messages, cuts):
        data = b"".join(message.encode() for message in messages)
        self.assertEqual(decode(*cut(data, cuts)), (messages, None))

    @settings(derandomize=True, deadline=None, max_examples=500)
    @given(st.lists(FRAMES, max_size=8), st.binary(max_size=30), CUTS)
    def test_any_bytes(self, frames, tail, cuts):
        """The same messages and the same error, however they are cut; never another error."""
        data = b"".join(frame(len(body)) + body for body in frames) + tail
        self.assertEqual(decode(*cut(data, cuts)), decode(data))
