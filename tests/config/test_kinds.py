"""What may be written as a setting's value, and what it is kept as."""

import json
import os

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.config.kinds import (
    Amount,
    Choice,
    Clock,
    Flag,
    Fraction,
    Path,
    Seconds,
    Source,
    Text,
    Whole,
)

HOME = "/home/me"

# (kind, what is written, what is kept)
RIGHT = [
    (Flag(), True, True),
    (Flag(), False, False),
    (Whole(0, 10), 0, 0),
    (Whole(0, 10), 10, 10),
    (Whole(0, 10), 5.0, 5),
    (Fraction(0, 2), 2, 2.0),
    (Fraction(0, 2), 0.25, 0.25),
    (Amount(), 7, 7),
    (Amount(), 7.0, 7),
    (Amount(), "5MB", 5_000_000),
    (Amount(), "512KiB", 524_288),
    (Amount(per_second=True), "5MB/s", 5_000_000),
    (Seconds(1, 7200), 90, 90.0),
    (Seconds(1, 7200), "1h30m", 5400.0),
    (Choice(("a", "b")), "b", "b"),
    (Path(), "/srv/x", "/srv/x"),
    (Path(), "//srv//x/./y/", "/srv/x/y"),
    (Path(), "/", "/"),
    (Path(), "~/x", HOME + "/x"),
    (Path(optional=True), "", ""),
    (Source(), "https://example.org/list.gz?a=b", "https://example.org/list.gz?a=b"),
    (Source(), "/srv/list", "/srv/list"),
    (Source(), "", ""),
    (Clock(), "00:00", "00:00"),
    (Clock(), "23:59", "23:59"),
    (Clock(), "24:00", "24:00"),
    (Text(), "häuser", "häuser"),
]

# (kind, what is written, a part of the complaint)
WRONG = [
    (Flag(), 1, "1 is not true or false"),
    (Flag(), "true", '"true" is not true or false'),
    (Whole(0, 10), 11, "11 is not a whole number from 0 to 10"),
    (Whole(0, 10), -1, "from 0 to 10"),
    (Whole(0, 10), True, "true is not a whole number"),
    (Whole(0, 10), 1.5, "1.5 is not a whole number"),
    (Whole(0, 10), "5", '"5" is not a whole number'),
    (Whole(0, 10), float("inf"), "is not a whole number"),
    (Whole(0, 10, "minutes"), 11, "from 0 to 10 (minutes)"),
    (Fraction(0, 2), 2.1, "2.1 is not a number from 0 to 2"),
    (Fraction(0, 2), float("nan"), "is not a number"),
    (Fraction(0, 2), False, "is not a number"),
    (Fraction(0, 2), None, "null is not a number"),
    (Amount(), -1, "-1 is not bytes"),
    (Amount(), 1 << 60, "is not bytes"),
    (Amount(), 0.5, "0.5 is not bytes"),
    (Amount(), True, "is not bytes"),
    (Amount(per_second=True), "fast", "'fast' is no size"),
    (Seconds(1, 7200), 0, 'is not a time from 1s to 2h, as 90 (seconds) or "1m30s"'),
    (Seconds(1, 7200), "30", "'30' is no time"),
    (Seconds(1, 7200), float("nan"), "is not a time"),
    (Choice(("a", "b")), "c", '"c" is not one of "a", "b"'),
    (Choice(("a", "b")), ["a"], "is not one of"),
    (Path(), "srv", '"srv" is not an absolute path'),
    (Path(), "", "is not an absolute path"),
    (Path(), "/srv/../etc", 'must not hold ".."'),
    (Path(), "/a\0b", "is not an absolute path"),
    (Path(), 5, "5 is not an absolute path"),
    (Source(), "ftp://example.org/x", "is not an http or https URL"),
    (Source(), "http://", "is not an http"),
    (Source(), "http://a b", "is not an http"),
    (Clock(), "7:00", '"7:00" is not a time of day'),
    (Clock(), "24:01", "is not a time of day"),
    (Clock(), "\u0661\u0662:00", "is not a time of day"),
    (Text(), 5, "5 is not text"),
    (Text(), "a\0b", "holds a NUL"),
    (Text(), "a" * 65_537, "longer than 65536"),
]


class Kinds(SynchronousTestCase):
    def setUp(self):
        self.patch(os, "environ", {**os.environ, "HOME": HOME})

    def test_right(self):
        for kind, written, kept in RIGHT:
            with self.subTest(f"{kind} {written!r}"):
                value = kind.parse(written)
                self.assertEqual((type(value), value), (type(kept), kept))

    def test_kept_values_survive_storing(self):
        for kind, _, kept in RIGHT:
            with self.subTest(f"{kind} {kept!r}"):
                self.assertEqual(kind.parse(json.loads(json.dumps(kept))), kept)

    def test_wrong(self):
        for kind, written, complaint in WRONG:
            with self.subTest(f"{kind} {written!r:.60}"):
                error = self.assertRaises(ValueError, kind.parse, written)
                self.assertIn(complaint, str(error))

    def test_complaints_fit_a_line(self):
        error = self.assertRaises(ValueError, Flag().parse, "x\n" * 1000)
        self.assertLess(len(str(error)), 100)
        self.assertNotIn("\n", str(error))
