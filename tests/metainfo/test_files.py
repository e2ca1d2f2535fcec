from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.metainfo.files import File, Span, spans


def laid_out(*lengths: int) -> list[File]:
    files, offset = [], 0
    for index, length in enumerate(lengths):
        files.append(File(("t", str(index)), length, offset))
        offset += length
    return files


class SpanTests(SynchronousTestCase):
    def test_spans(self) -> None:
        rows = [
            # lengths of the files, offset, length -> spans
            ((10,), 0, 10, [(0, 0, 10)]),
            ((10,), 3, 4, [(0, 3, 4)]),
            ((10,), 10, 0, []),
            ((10, 20), 0, 10, [(0, 0, 10)]),
            ((10, 20), 10, 1, [(1, 0, 1)]),
            ((10, 20), 9, 2, [(0, 9, 1), (1, 0, 1)]),
            ((10, 20, 5), 5, 30, [(0, 5, 5), (1, 0, 20), (2, 0, 5)]),
            ((0, 10, 0, 0, 20, 0), 0, 30, [(1, 0, 10), (4, 0, 20)]),
            ((0, 10, 0, 0, 20, 0), 10, 5, [(4, 0, 5)]),
            ((0, 10, 0, 0, 20, 0), 9, 1, [(1, 9, 1)]),
            ((0, 10, 0, 0, 20, 0), 29, 1, [(4, 19, 1)]),
            ((0, 10, 0, 0, 20, 0), 30, 0, []),
            ((), 0, 0, []),
        ]
        for lengths, offset, length, expected in rows:
            found = spans(laid_out(*lengths), offset, length)
            self.assertEqual(found, [Span(*span) for span in expected], (lengths, offset))

    def test_pads_are_included(self) -> None:
        files = [File(("a",), 5, 0), File((".pad",), 3, 5, pad=True), File(("b",), 4, 8)]
        self.assertEqual(spans(files, 0, 12), [(0, 0, 5), (1, 0, 3), (2, 0, 4)])

    def test_outside(self) -> None:
        for offset, length in [(-1, 1), (0, 31), (30, 1), (31, 0), (5, -1)]:
            with self.assertRaises(ValueError, msg=(offset, length)):
                spans(laid_out(10, 20), offset, length)
        with self.assertRaises(ValueError):
            spans([], 0, 1)

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.lists(st.integers(0, 7), max_size=12), st.data())
    def test_like_bytes(self, lengths, data) -> None:
        files = laid_out(*lengths)
        whole = [(i, at) for i, length in enumerate(lengths) for at in range(length)]
        offset = data.draw(st.integers(0, len(whole)))
        length = data.draw(st.integers(0, len(whole) - offset))
        found = spans(files, offset, length)
        self.assertEqual(
            [(s.file_index, s.file_offset + k) for s in found for k in range(s.length)],
            whole[offset : offset + length],
        )
        self.assertEqual(len({s.file_index for s in found}), len(found))
        self.assertTrue(all(s.length for s in found))
