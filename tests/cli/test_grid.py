"""Tables, as they look."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.cli.grid import Heading, fill, lines

HEADINGS = (Heading("N", is_right=True), Heading("Name", is_cut=True), Heading("State"))
ROWS = (("1", "abcdefgh", "up"), ("22", "二二二", "down"))


class Grid(SynchronousTestCase):
    def check(self, width, *expected):
        self.assertEqual(tuple(lines(HEADINGS, ROWS, width)), expected)

    def test_as_wide_as_it_is(self):
        self.check(
            80,
            " N  Name      State",
            " 1  abcdefgh  up",
            "22  二二二    down",
        )

    def test_what_may_be_cut_is_cut(self):
        self.check(
            16,
            " N  Name   State",
            " 1  abcd…  up",
            "22  二二…  down",
        )
        self.check(
            15,
            " N  Name  State",
            " 1  abc…  up",
            "22  二…   down",
        )

    def test_then_everything(self):
        self.check(
            8,
            "N  …  …",
            "1  …  …",
            "…  …  …",
        )

    def test_no_rows(self):
        self.assertEqual(list(lines(HEADINGS, (), 80)), ["N  Name  State"])

    def test_paint_is_not_counted(self):
        headings = (Heading("A", style=lambda text: "red" if text == "x" else ""), Heading("B"))
        painted = lines(headings, [("x", "1"), ("yy", "2")], 80, lambda text, s: f"<{s}:{text}>")
        self.assertEqual(list(painted), ["<bold:A >  <bold:B>", "<red:x >  1", "yy  2"])

    def test_fill(self):
        for text, width, expected in (
            ("ab", 4, "ab  "), ("ab", 2, "ab"), ("abc", 2, "a…"), ("abc", 1, "…"),
            ("二二", 3, "二…"), ("二二", 2, "… "), ("a b", 2, "a…"),
        ):  # fmt: skip
            self.assertEqual(fill(text, width), expected)
        self.assertEqual(fill("ab", 4, is_right=True), "  ab")
