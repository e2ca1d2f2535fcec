"""What a key is."""

import os
import pty
import termios

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.cli.watch.keys import Keyboard, decode, keyboard

KEYS = (
    ("q", "q"),
    ("jé二", "j é 二"),
    (" ", " "),
    ("\x1b[A\x1b[B\x1bOA", "up down up"),
    ("\x1b[5~\x1b[6~\x1b[H\x1b[4~", "pageup pagedown home end"),
    ("\x1b", "escape"),
    ("\x1bq", "escape q"),
    ("\r\n\x7f\x08\x03", "enter enter backspace backspace interrupt"),
    ("\x1b[1;5Cq", "q"),  # Ctrl-Right, which is for nothing
    ("\x1b[", ""),
    ("\x00\x01\t", ""),
    ("", ""),
)


class Keys(SynchronousTestCase):
    def test_names(self):
        for text, names in KEYS:
            with self.subTest(text):
                expected = [names] if names == " " else names.split()
                self.assertEqual(list(decode(text)), expected)

    def test_a_terminal(self):
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        self.addCleanup(os.close, theirs)
        before = termios.tcgetattr(theirs)
        with keyboard(theirs) as keys:
            self.assertFalse(termios.tcgetattr(theirs)[3] & (termios.ECHO | termios.ICANON))
            self.assertEqual(keys.wait(0), [])
            os.write(ours, b"q\x1b[A")
            self.assertEqual(keys.wait(60), ["q", "up"])
        self.assertEqual(termios.tcgetattr(theirs), before)

    def test_a_terminal_that_is_gone(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        os.close(writer)
        self.assertEqual(Keyboard(reader).wait(60), ["interrupt"])
