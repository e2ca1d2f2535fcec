"""Where log lines go, and the live line below them on a terminal."""

import json
import os
from io import StringIO

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.daemon.console import Console, encodable, escape, filtered, log_file

CLEAR = "\r\x1b[K"


class Terminal(StringIO):
    """A terminal; `screen` is what one sees on it, line by line."""

    encoding = "utf-8"

    def isatty(self):
        return True

    @property
    def screen(self):
        lines = [""]
        for part in self.getvalue().replace("\n", "\0\n").split("\0"):
            if part.startswith("\n"):
                lines.append("")
                part = part[1:]
            lines[-1] = (lines[-1] + part).rpartition(CLEAR)[2]
        return lines


class ConsoleCase(SynchronousTestCase):
    def setUp(self):
        self.patch(os, "environ", {"TERM": "xterm", "COLUMNS": "40"})

    def logger(self, console, namespace="txtorrent.test"):
        return Logger(namespace=namespace, observer=console)


class OnATerminal(ConsoleCase):
    def setUp(self):
        super().setUp()
        self.terminal = Terminal()
        self.console = Console(self.terminal)
        self.log = self.logger(self.console)

    def shown(self):
        """What is on the screen, the times of day taken off."""
        return [
            line.partition(" ")[2] if ":" in line[:3] else line for line in self.terminal.screen
        ]

    def test_the_live_line_stays_below_the_log(self):
        self.console.show("10 %")
        self.log.info("one")
        self.console.show("20 %")
        self.log.warn("two")
        self.assertEqual(self.shown(), ["one", "warn: two", "20 %"])

    def test_a_shorter_line_leaves_nothing_of_a_longer_one(self):
        self.console.show("a long live line")
        self.console.show("short")
        self.assertEqual(self.shown(), ["short"])

    def test_taken_away(self):
        self.console.show("100 %")
        self.console.show("")
        self.log.info("stopping")
        self.assertEqual(self.shown(), ["stopping", ""])

    def test_cut_to_the_width_less_one(self):
        self.console.show("x" * 100)
        self.assertEqual(self.shown(), ["x" * 38 + "…"])
        self.console.show("日" * 100)
        self.assertEqual(self.shown(), ["日" * 19 + "…"])

    def test_no_control_character_of_a_stranger_reaches_it(self):
        evil = "\x1b[2J\r\nok\x9b31m\u202e"
        self.console.show(evil)
        self.log.info("{name}", name=evil)
        written = self.terminal.getvalue().replace(CLEAR, "").replace("\n", "")
        self.assertTrue(written.isprintable(), repr(written))

    def test_time_of_day(self):
        self.log.info("x")
        self.assertRegex(self.terminal.screen[0], r"^\d\d:\d\d:\d\d x$")


class NoLiveLine(ConsoleCase):
    def test_where(self):
        for why, environment, stream, options in (
            ("no terminal", {"TERM": "xterm"}, StringIO(), {}),
            ("dumb terminal", {"TERM": "dumb"}, Terminal(), {}),
            ("no word of a terminal", {}, Terminal(), {}),
            ("JSON", {"TERM": "xterm"}, Terminal(), {"as_json": True}),
            ("in the background", {"TERM": "xterm"}, Terminal(), {"live": False}),
        ):
            with self.subTest(why):
                self.patch(os, "environ", environment)
                console = Console(stream, **options)
                self.assertFalse(console.is_live)
                console.show("10 %")
                self.logger(console).info("one")
                console.show("")
                self.assertNotIn("10 %", stream.getvalue())
                self.assertTrue(stream.getvalue().rstrip("\n").isprintable())

    def test_nowhere(self):
        """As with standard output closed."""
        console = Console(None)
        console.show("10 %")
        self.assertFalse(console.is_live)


class InAFile(ConsoleCase):
    def setUp(self):
        super().setUp()
        self.stream = StringIO()
        self.log = self.logger(Console(self.stream))

    def test_full_time(self):
        self.log.info("x")
        self.assertRegex(self.stream.getvalue(), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} x\n$")

    def test_levels(self):
        for level in ("debug", "info", "warn", "error", "critical"):
            getattr(self.log, level)("x")
        words = [line.partition(" ")[2] for line in self.stream.getvalue().splitlines()]
        self.assertEqual(words, ["debug: x", "x", "warn: x", "error: x", "critical: x"])

    def test_traceback(self):
        self.log.failure("an error of ours", Failure(ZeroDivisionError("why")))
        self.assertIn(" critical: an error of ours\nTraceback", self.stream.getvalue())
        self.assertIn("ZeroDivisionError: why\n", self.stream.getvalue())

    def test_one_line_an_event(self):
        self.log.info("{name}", name="a\nb\r\x00c")
        self.assertTrue(self.stream.getvalue().endswith(" a\\nb\\r\\u0000c\n"))

    def test_nothing_to_say(self):
        self.log.info("")
        self.assertEqual(self.stream.getvalue(), "")


class AsJson(ConsoleCase):
    def setUp(self):
        super().setUp()
        self.stream = StringIO()
        self.log = self.logger(Console(self.stream, as_json=True))

    def rows(self):
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def test_a_flat_object_a_line(self):
        self.log.warn("{name}\n{count}", name='"é日"', count=3)
        self.log.info("two")
        first, second = self.rows()
        self.assertRegex(first.pop("time"), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}$")
        self.assertEqual(
            first, {"level": "warn", "source": "txtorrent.test", "message": '"é日"\n3'}
        )
        self.assertEqual(second["message"], "two")

    def test_traceback(self):
        self.log.failure("ours", Failure(ZeroDivisionError("why")))
        [row] = self.rows()
        self.assertEqual((row["level"], row["message"]), ("critical", "ours"))
        self.assertIn("ZeroDivisionError: why", row["traceback"])

    def test_what_json_has_no_word_for(self):
        self.log.info("{name} {number}", name="\ud800\x00", number=float("nan"))
        [row] = self.rows()
        self.assertEqual(row["message"], "\\ud800\x00 nan")
        self.assertTrue(self.stream.getvalue().isascii())


class Reader(ConsoleCase):
    def test_gone(self):
        """`twistd -n txtorrent ... | head`: a download goes on."""

        class Gone(StringIO):
            def write(self, text):
                raise BrokenPipeError

        console = Console(Gone())
        self.logger(console).info("x")

    def test_closed(self):
        stream = StringIO()
        console = Console(stream)
        stream.close()
        self.logger(console).info("x")

    def test_poor_encoding(self):
        """What the terminal cannot show is put in other words; the line is not lost."""

        class Poor(StringIO):
            encoding = "ascii"

            def write(self, text):
                text.encode("ascii")
                return super().write(text)

        stream = Poor()
        self.logger(Console(stream)).info("日本: [█▌ ]  ↓ 1 MB/s  ↑ 0 B/s …")
        self.assertTrue(
            stream.getvalue().endswith("\\u65e5\\u672c: [#- ]  down 1 MB/s  up 0 B/s ...\n")
        )


class Encodable(SynchronousTestCase):
    def test_left_alone_where_it_can_be(self):
        self.assertEqual(encodable("↓ é", "utf-8"), "↓ é")
        self.assertEqual(encodable("é", "latin-1"), "é")

    def test_only_what_is_lacking_is_changed(self):
        self.assertEqual(encodable("é ↓ 日", "latin-1"), "é down \\u65e5")


class Escape(SynchronousTestCase):
    def test_table(self):
        for text, shown in (
            ("plain é 日 ↓", "plain é 日 ↓"),
            ("a\tb", "a\\tb"),
            ("\x1b[31m", "\\u001b[31m"),
            ("\u202eexe.gpj", "\\u202eexe.gpj"),
            ("\u2028", "\\u2028"),
            ("\ud800", "\\ud800"),
        ):
            with self.subTest(shown):
                self.assertEqual(escape(text), shown)


class Filtered(ConsoleCase):
    def logged(self, level, namespace="txtorrent.x"):
        stream = StringIO()
        log = self.logger(filtered(Console(stream), level), namespace)
        for each in LogLevel.iterconstants():
            log.emit(each, each.name)
        return [line.rpartition(" ")[2] for line in stream.getvalue().splitlines()]

    def test_level_and_above(self):
        levels = ["debug", "info", "warn", "error", "critical"]
        for place, level in enumerate(levels):
            with self.subTest(level):
                self.assertEqual(self.logged(level), levels[place:])

    def test_of_twisted_only_what_is_wrong(self):
        for namespace in ("twisted.internet.base", "log_legacy", "treq"):
            with self.subTest(namespace):
                self.assertEqual(self.logged("info", namespace), ["warn", "error", "critical"])


class LogFiles(ConsoleCase):
    def test_written_as_text(self):
        path = self.mktemp()
        file = log_file(path)
        self.addCleanup(file.close)
        self.logger(Console(file, live=False)).info("日本")
        with open(path, encoding="utf-8") as written:
            self.assertTrue(written.read().endswith(" 日本\n"))

    def test_its_size_is_kept_in_bounds(self):
        path = self.mktemp()
        file = log_file(path)
        self.addCleanup(file.close)
        self.assertEqual((file.rotateLength, file.maxRotatedFiles), (10_000_000, 9))
