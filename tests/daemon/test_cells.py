"""How much room text takes on a terminal."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.daemon.cells import cells, fit


class Cells(SynchronousTestCase):
    def test_width(self):
        for text, width in (
            ("", 0),
            ("abc", 3),
            ("café", 4),
            ("cafe\u0301", 4),
            ("日本", 4),
            ("█▏…↓", 4),
            ("한국어", 6),
            ("a\u200bb", 2),
        ):
            with self.subTest(text):
                self.assertEqual(cells(text), width)


class Fit(SynchronousTestCase):
    def test_what_fits_is_left_alone(self):
        for text in ("", "abcdef", "日本語"):
            self.assertEqual(fit(text, 6), text)

    def test_what_does_not_is_cut(self):
        for text, most, fitted in (
            ("abcdefg", 6, "abcde…"),
            ("abcdefg", 1, "…"),
            ("abcdefg", 0, ""),
            ("abcdefg", -3, ""),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("日本語", 2, "…"),
            ("cafe\u0301s!", 5, "cafe\u0301…"),
        ):
            with self.subTest(text=text, most=most):
                self.assertEqual(fit(text, most), fitted)
                self.assertLessEqual(cells(fitted), max(most, 0))
