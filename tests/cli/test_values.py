"""What people write: values of options, files, names of torrents, states, columns."""

import click
from twisted.trial.unittest import SynchronousTestCase

from tests.cli.daemon import torrent
from txtorrent.cli import state, values, windows
from txtorrent.cli.columns import COLUMNS, USUAL, eta, fitting, ordered, ratio
from txtorrent.cli.errors import Misused, NoSuchTorrent, plain
from txtorrent.cli.filechoice import choose_files
from txtorrent.cli.naming import choose


class Values(SynchronousTestCase):
    def check(self, kind, good, bad):
        for text, expected in good:
            with self.subTest(text):
                self.assertEqual(kind.convert(text, None, None), expected)
        for text in bad:
            with self.subTest(text):
                self.assertRaises(click.BadParameter, kind.convert, text, None, None)

    def test_rates_are_kilobytes(self):
        good = (("5MB", 5000), ("300k", 300), ("1 KiB/s", 1), ("1", 1), ("none", "none"))
        self.check(values.RATE, good, ("0", "fast", "-1", ""))

    def test_ratios(self):
        good = (("2", 2.0), ("1.5", 1.5), ("0", 0.0), ("none", "none"), ("session", "session"))
        self.check(values.RATIO, good, ("-1", "nan", "inf", "two", ""))

    def test_shares(self):
        good = (("10%", 0.1), ("0.1", 0.1), ("100%", 1.0), ("none", 0.0), ("session", "session"))
        self.check(values.SHARE, good, ("10", "101%", "-1%", "nan", "%"))

    def test_durations_are_minutes(self):
        good = (("30m", 30), ("30", 30), ("2h", 120), ("7 d", 10080), ("1w", 10080))
        self.check(values.DURATION, good, ("0", "0m", "1y", "m", "1.5h", "-3m"))

    def test_windows(self):
        for text, days, begin, end, shown in (
            ("08:00-17:30", "mon tue wed thu fri sat sun", "08:00", "17:30", "08:00-17:30"),
            ("mon-fri 8:00-9:30", "mon tue wed thu fri", "08:00", "09:30", "mon-fri 08:00-09:30"),
            ("fri-mon 22:00-6:00", "mon fri sat sun", "22:00", "06:00",
             "mon,fri,sat,sun 22:00-06:00"),
            ("SUN,sat 10:00-24:00", "sat sun", "10:00", "24:00", "sat,sun 10:00-24:00"),
            ("sun 00:00-01:00", "sun", "00:00", "01:00", "sun 00:00-01:00"),
            ("sun-sat 00:00-01:00", "mon tue wed thu fri sat sun", "00:00", "01:00", "00:00-01:00"),
        ):  # fmt: skip
            with self.subTest(text):
                window = windows.WINDOW.convert(text, None, None)
                self.assertEqual(window, {"days": days.split(), "begin": begin, "end": end})
                self.assertEqual(windows.show_window(window), shown)

    def test_transmissions_window(self):
        for mask, shown in (
            (127, "09:00-17:00"), (1, "sun 09:00-17:00"), (0b0111110, "mon-fri 09:00-17:00"),
            (0b1000001, "sat,sun 09:00-17:00"),
        ):  # fmt: skip
            window = windows.transmission_window(540, 1020, mask)
            self.assertEqual(windows.show_window(window), shown)

    def test_what_is_no_window(self):
        bad = ("", "mon", "mon 8-9", "mon 08:00", "08:00-08:00", "mon tue 08:00-09:00")
        bad += ("day 08:00-09:00", "mon-day 08:00-09:00", "25:00-26:00", "08:60-09:00")
        self.check(windows.WINDOW, (), bad)


class Files(SynchronousTestCase):
    PATHS = ("series/S01E01.mkv", "series/S01E02.mkv", "series/extra/notes.txt")

    def test_numbers_ranges_patterns(self):
        for words, expected in (
            (["0"], [0]),
            (["0-2"], [0, 1, 2]),
            (["2,0"], [0, 2]),
            (["2", "0-1,2"], [0, 1, 2]),
            (["all"], [0, 1, 2]),
            (["*.mkv"], [0, 1]),
            (["S01E02*"], [1]),
            (["series/extra/*"], [2]),
        ):
            with self.subTest(words):
                self.assertEqual(choose_files(words, self.PATHS), expected)

    def test_what_fits_no_file(self):
        for word in ("3", "2-3", "1-0", "*.avi", "", "-1"):
            with self.subTest(word):
                self.assertRaises(Misused, choose_files, [word], self.PATHS)


class Naming(SynchronousTestCase):
    TORRENTS = (
        torrent(1, "debian-12.iso"),
        torrent(2, "Debian-13.iso"),
        torrent(3, "beef"),
        torrent(4, "beef and more"),
        torrent(5, "2"),
        torrent(11, "deb\x1b[2Jian"),
    )

    def test_who_is_meant(self):
        for word, expected in (
            ("1", 1),
            ("2", 2),  # the id goes before the name
            ("1" * 40, 1),
            ("B" * 40, 11),
            ("3333", 3),
            ("DEBIAN-13", 2),
            ("12.iso", 1),
            ("beef", 3),  # the whole name goes before a part of one
            ("and more", 4),
        ):
            with self.subTest(word):
                self.assertEqual(choose(word, self.TORRENTS)["id"], expected)

    def test_nobody(self):
        for word in ("ubuntu", "", "99", "1" * 41):
            with self.subTest(word):
                error = self.assertRaises(NoSuchTorrent, choose, word, self.TORRENTS)
                self.assertIn(repr(word), error.message)

    def test_several_are_listed(self):
        error = self.assertRaises(NoSuchTorrent, choose, "debian", self.TORRENTS)
        first, *candidates = error.message.split("\n")
        self.assertIn("2 torrents fit 'debian'", first)
        self.assertEqual(
            [line.split() for line in candidates],
            [["1", "11111111", "debian-12.iso"], ["2", "22222222", "Debian-13.iso"]],
        )

    def test_not_all_of_very_many(self):
        many = [torrent(number, f"n{number}") for number in range(1, 15)]
        error = self.assertRaises(NoSuchTorrent, choose, "n", many)
        self.assertEqual(len(error.message.split("\n")), 12)
        self.assertTrue(error.message.endswith("and 4 more"))


STATES = (
    ({"status": 0}, "stopped"),
    ({"status": 0, "is_finished": True}, "finished"),
    ({"status": 1}, "checking"),
    ({"status": 2, "recheck_progress": 0.345}, "checking 34.5%"),
    ({"status": 3}, "queued"),
    ({"status": 4}, "downloading"),
    ({"status": 4, "is_stalled": True}, "stalled"),
    ({"status": 4, "metadata_percent_complete": 0.5}, "metadata 50.0%"),
    ({"status": 4, "is_stalled": True, "tx_waiting": "disk full"}, "waiting"),
    ({"status": 5}, "queued"),
    ({"status": 6}, "seeding"),
    ({"status": 6, "error": 2, "error_string": "tracker is down"}, "seeding"),
    ({"status": 6, "error": 3, "error_string": "no disk"}, "error"),
    ({"status": 6, "tx_move": {"bytes_done": 1, "bytes_total": 4}}, "moving 25.0%"),
    ({"status": 6, "tx_move": {"bytes_done": 0, "bytes_total": 0}}, "moving"),
)


class States(SynchronousTestCase):
    def test_words(self):
        for fields, expected in STATES:
            with self.subTest(fields):
                each = torrent(1, "x", **fields)
                self.assertEqual(state.phrase(each), expected)
                self.assertTrue(state.matches(each, state.word(each)))

    def test_a_daemon_that_lacks_our_fields(self):
        self.assertEqual(state.phrase({"status": 4, "name": "x"}), "downloading")

    def test_kinds(self):
        for fields, kinds in (
            ({"rate_upload": 1}, "active complete running"),
            ({"status": 0}, "complete"),
            ({"status": 4, "left_until_done": 5}, "incomplete running"),
            ({"error": 2}, "complete running warning"),
        ):
            found = [
                kind
                for kind in ("active", "complete", "incomplete", "running", "warning")
                if state.matches(torrent(1, "x", **fields), kind)
            ]
            self.assertEqual(" ".join(found), kinds)

    def test_reasons(self):
        for fields, expected in (
            ({}, ""),
            ({"tx_waiting": "disk full"}, "disk full"),
            ({"error": 1, "error_string": "slow down", "tx_waiting": "x"}, "slow down"),
            ({"tx_move": {"step": "copying", "location": "/b"}}, "copying, to /b"),
        ):
            self.assertEqual(state.reason(torrent(1, "x", **fields)), expected)

    def test_nearly_all_is_not_all(self):
        for share, text in ((0, "0.0%"), (0.9999, "99.9%"), (1, "100%"), (-1, "0.0%")):
            self.assertEqual(state.percent(share), text)


class ColumnsFit(SynchronousTestCase):
    def keys(self, width):
        return " ".join(column.key for column in fitting(USUAL, width))

    def test_the_least_important_go_first(self):
        self.assertEqual(self.keys(1000), " ".join(column.key for column in USUAL))
        self.assertEqual(self.keys(100), "id name done size state down up eta")
        self.assertEqual(self.keys(80), "id name done state down up")
        self.assertEqual(self.keys(40), "id name done")
        self.assertEqual(self.keys(1), "id name")

    def test_all_have_room(self):
        for width in range(31, 200):
            columns = fitting(USUAL, width)
            taken = sum(column.width for column in columns) + 2 * (len(columns) - 1)
            self.assertLessEqual(taken, width)

    def test_order(self):
        torrents = [
            torrent(1, "b", rate_upload=5, eta=-1),
            torrent(2, "A", rate_upload=9, eta=60),
            torrent(3, "c", rate_upload=5, eta=7),
        ]
        for key, backwards, expected in (
            ("name", False, [2, 1, 3]),
            ("name", True, [3, 1, 2]),
            ("up", False, [2, 1, 3]),
            ("id", False, [1, 2, 3]),
            ("eta", False, [3, 2, 1]),
        ):
            with self.subTest((key, backwards)):
                found = ordered(torrents, key, backwards)
                self.assertEqual([each["id"] for each in found], expected)

    def test_each_can_show_and_sort_any_torrent(self):
        strange = {"id": 1, "hash_string": "1" * 40, "name": "x"}
        for column in COLUMNS.values():
            for each in (torrent(1, "x"), strange):
                self.assertIsInstance(column.show(each), str)
                column.sort(each)

    def test_numbers(self):
        self.assertEqual([ratio(each) for each in (-1, -2, 0, 1.999)], ["-", "∞", "0.00", "1.99"])
        self.assertEqual([eta(each) for each in (-2, 42)], ["-", "42s"])

    def test_control_characters_are_seen(self):
        self.assertEqual(plain("a\x1b[2J\nb\u202e"), "a\\u001b[2J\\nb\\u202e")
        self.assertNotIn("\x1b", COLUMNS["name"].show(torrent(1, "a\x1b[2J")))
