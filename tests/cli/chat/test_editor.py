"""The line that is being typed: keys by table, and what of it is shown."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.cli.chat.editor import LONGEST, MOST_KEPT, Editor, decode

LEFT, RIGHT, UP, DOWN, DELETE = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B", "\x1b[3~"
KEYS = (
    # What is typed, and the line with the cursor as a bar.
    ("", "|"),
    ("héllo", "héllo|"),
    ("ac" + LEFT + "b", "ab|c"),
    ("ab\x7f", "a|"),
    ("\x7f\x08", "|"),
    ("ab\x01" + DELETE, "|b"),
    ("ab" + DELETE, "ab|"),
    ("ab\x01\x04", "|b"),
    ("ab\x01x\x05y", "xaby|"),
    ("ab\x1b[Hx\x1b[Fy", "xaby|"),
    ("abc" + LEFT + "\x15", "|c"),
    ("abc" + LEFT + "\x0b", "ab|"),
    ("one two  \x17", "one |"),
    ("one\x17", "|"),
    ("\x17", "|"),
    (LEFT + RIGHT + RIGHT, "|"),
    ("a\tb\x1b[1;5Cc\x1bOPd", "abcd|"),
    ("one\rtwo\r" + UP, "two|"),
    ("one\rtwo\r" + UP + UP + UP, "one|"),
    ("one\rtwo\r" + UP + UP + DOWN, "two|"),
    ("one\rtwo\rx" + UP + DOWN, "|"),
    ("one\rone\rtwo\r" + UP + UP, "one|"),
    (" \r" + UP, "|"),
)
VIEWS = (
    # The line, its cells, what is shown.
    ("abc|", 5, "abc|"),
    ("abcd|", 5, "abcd|"),
    ("abcde|", 5, "bcde|"),
    ("abcde|fgh", 5, "bcde|f"),
    ("|abcdefgh", 5, "|abcde"),
    ("二二二|", 5, "二二|"),
    ("|二二二", 5, "|二二"),
    ("|", 1, "|"),
    ("abc|", 1, "|"),
)


def typed(text):
    editor = Editor()
    lines = [line for line in map(editor.press, decode(text)) if line is not None]
    return editor, lines


def barred(text, at):
    return f"{text[:at]}|{text[at:]}"


class Typing(SynchronousTestCase):
    def test_keys(self):
        for text, expected in KEYS:
            with self.subTest(text):
                editor, _ = typed(text)
                self.assertEqual(barred(editor.text, editor.at), expected)

    def test_lines(self):
        editor, lines = typed("one\r\ntwo\rth")
        self.assertEqual((lines, editor.text), (["one", "", "two"], "th"))

    def test_the_end(self):
        """Ctrl-D, but not while something is there."""
        self.assertTrue(typed("\x04")[0].is_over)
        self.assertFalse(typed("a\x04")[0].is_over)

    def test_limits(self):
        editor, _ = typed("x" * (LONGEST + 5))
        self.assertEqual(len(editor.text), LONGEST)
        editor, _ = typed("".join(f"{n}\r" for n in range(MOST_KEPT + 5)))
        self.assertEqual((len(editor.kept), editor.kept[0]), (MOST_KEPT, "5"))

    def test_views(self):
        for text, cells, expected in VIEWS:
            with self.subTest(text):
                at = text.index("|")
                shown, cursor = Editor(text.replace("|", ""), at).view(cells)
                before, _, behind = expected.partition("|")
                self.assertEqual(shown, before + behind)
                wide = sum(2 if letter == "二" else 1 for letter in before)
                self.assertEqual(cursor, wide)
