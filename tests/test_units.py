"""Sizes, rates and times as people write and read them."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.units import parse_size, parse_time, show_size, show_time


class ParseSize(SynchronousTestCase):
    def test_sizes(self):
        for text, size in (
            ("0", 0),
            ("300", 300),
            ("300b", 300),
            ("5k", 5_000),
            ("5kB", 5_000),
            ("5MB", 5_000_000),
            ("5 MB", 5_000_000),
            ("5MB/s", 5_000_000),
            ("2g", 2_000_000_000),
            ("512KiB", 524_288),
            ("1.5 GiB", 1_610_612_736),
            ("  1mib ", 1_048_576),
            ("0.5k", 500),
        ):
            with self.subTest(text):
                self.assertEqual(parse_size(text), size)

    def test_what_is_too_large(self):
        for text in ("9" * 400, "9" * 305 + "GiB", " " + "9" * 400 + ".5k/s"):
            error = self.assertRaises(ValueError, parse_size, text)
            self.assertIn("is more than any size", str(error))
            self.assertLess(len(str(error)), 60)

    def test_what_is_no_size(self):
        for text in (
            "",
            "MB",
            "-5",
            "5 parsecs",
            "5MBB",
            "1,5MB",
            "1.MB",
            ".5M",
            "5M 5",
            "\u0665MB",
            "1e3",
        ):
            with self.subTest(text):
                error = self.assertRaises(ValueError, parse_size, text)
                self.assertIn(repr(text), str(error))
                self.assertIn("5MB", str(error))


class ParseTime(SynchronousTestCase):
    def test_times(self):
        for text, seconds in (
            ("0s", 0.0),
            ("30s", 30.0),
            ("5m", 300.0),
            (" 5 M ", 300.0),
            ("1h30m", 5400.0),
            ("2 d", 172_800.0),
            ("1.5h", 5400.0),
        ):
            with self.subTest(text):
                self.assertEqual(parse_time(text), seconds)

    def test_what_is_no_time(self):
        for text in ("", "30", "m", "-5m", "5 weeks", "1h 30", "1.m", "\u0665m", "5m!"):
            with self.subTest(text), self.assertRaises(ValueError) as caught:
                parse_time(text)
            self.assertIn("is no time", str(caught.exception))


class ShowSize(SynchronousTestCase):
    def test_three_digits_and_a_unit(self):
        for size, text in (
            (0, "0 B"),
            (1, "1 B"),
            (999, "999 B"),
            (999.4, "999 B"),
            (999.6, "1.00 kB"),
            (1_000, "1.00 kB"),
            (9_994, "9.99 kB"),
            (9_996, "10.0 kB"),
            (99_940, "99.9 kB"),
            (99_960, "100 kB"),
            (999_400, "999 kB"),
            (1_230_000, "1.23 MB"),
            (45_600_000_000, "45.6 GB"),
            (7.89e12, "7.89 TB"),
            (1e17, "100000 TB"),
        ):
            with self.subTest(size):
                self.assertEqual(show_size(size), text)


class ShowTime(SynchronousTestCase):
    def test_two_units_at_the_most(self):
        for seconds, text in (
            (0, "0s"),
            (42.4, "42s"),
            (59.6, "1m00s"),
            (174, "2m54s"),
            (3_599.6, "1h00m"),
            (3_900, "1h05m"),
            (86_399.7, "1d00h"),
            (200_000, "2d07h"),
            (100 * 86_400, "100d00h"),
        ):
            with self.subTest(seconds):
                self.assertEqual(show_time(seconds), text)

    def test_no_telling(self):
        self.assertEqual(show_time(None), "-")
        self.assertEqual(show_time(100 * 86_400 + 1), "-")
        self.assertEqual(show_time(float("inf")), "-")
