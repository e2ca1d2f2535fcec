"""The last lines of the log."""

from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.control.logtail import MAX_LINE, MAX_LINES, LogTail


class Tail(SynchronousTestCase):
    def setUp(self):
        self.tail = LogTail()
        self.log = Logger(observer=LogPublisher(self.tail))

    def texts(self, *args):
        return [line.text for line in self.tail.last(*args)]

    def test_the_last_ones_in_order(self):
        for number in range(5):
            self.log.info("line {number}", number=number)
        self.assertEqual(self.texts(2), ["line 3", "line 4"])
        self.assertEqual(len(self.texts(100)), 5)

    def test_levels(self):
        for level in (LogLevel.debug, LogLevel.warn, LogLevel.critical):
            self.log.emit(level, level.name)
        self.assertEqual(self.texts(9, "debug"), ["debug", "warn", "critical"])
        self.assertEqual(self.texts(9, "warn"), ["warn", "critical"])
        self.assertEqual(self.texts(9, "error"), ["critical"])

    def test_one_event_is_one_line(self):
        self.log.info("a\nb\x1b[31m{x}", x="c\rd\u2028e")
        self.assertEqual(self.texts(1), ["a b [31mc d e"])

    def test_bounded(self):
        self.log.info("x" * 10_000)
        self.assertEqual(len(self.texts(1)[0]), MAX_LINE)
        for _ in range(MAX_LINES + 5):
            self.log.info("y")
        self.assertEqual(len(self.texts(MAX_LINES * 2)), MAX_LINES)

    def test_events_without_text(self):
        self.tail({})
        self.assertEqual(self.texts(1), [""])
