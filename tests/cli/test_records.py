"""`events`, `log`, `bans`, and the stream that they read."""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.daemon import CommandCase, torrent
from txtorrent.cli.stream import MAX_LINE, Event, read


def event(cursor, kind, **data):
    return f"id: {cursor}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


ADDED = event(1, "torrent_added", id=7, hash_string="7" * 40, name="seven")
CHANGED = event(2, "torrent_changed", id=8, hash_string="8" * 40, name="eight", percent_done=0.5)
LOG = event(3, "log", time=0, level="warn", source="x", message="disk \x1b[2J full")
STREAMS = (
    ("", []),
    (": still there\n\n", []),
    ("data: 1\n\n", [("", "message", 1)]),
    ("id: 5\ndata:1\n\ndata: 2\n\n", [("5", "message", 1), ("5", "message", 2)]),
    ("event: x\r\ndata: 1\r\nid: 5\r\n\r\n", [("5", "x", 1)]),
    ("event: x\n\ndata: 1\n\n", [("", "message", 1)]),
    ("event: x\ndata: [1,\ndata: 2]\n\n", [("", "x", [1, 2])]),
    ("retry: 1\nunknown\nid: 5\0\ndata: 1\n\n", [("", "message", 1)]),
    ("data: 1\n", []),
)


class Streams(SynchronousTestCase):
    def test_streams(self):
        for text, expected in STREAMS:
            with self.subTest(text):
                found = list(read(text.encode().splitlines(keepends=True)))
                self.assertEqual(found, [Event(*each) for each in expected])

    def test_what_is_no_stream(self):
        for line in (b"data: {\n", b"\xff\n", b"x" * (MAX_LINE + 1)):
            with self.subTest(line[:9]):
                self.assertRaises(ValueError, list, read([line, b"\n"]))


class Events(CommandCase):
    def setUp(self):
        super().setUp()
        self.daemon.add(torrent(7, "seven"), torrent(8, "eight"))

    def asked(self):
        """The cursors that the stream was asked to go on from."""
        return [
            headers.get("Last-Event-ID")
            for headers in self.daemon.headers
            if headers.get("Accept") == "text/event-stream" and headers["X-Transmission-Session-Id"]
        ]

    def test_lines(self):
        self.daemon.streams = [ADDED + CHANGED + LOG]
        lines = self.lines("events", "-n", 3)
        self.assertEqual(
            lines[:2], ["1 torrent_added seven", "2 torrent_changed eight  percent_done=0.5"]
        )
        self.assertTrue(lines[2].endswith("warn: disk \\u001b[2J full"))

    def test_objects(self):
        self.daemon.streams = [CHANGED]
        self.assertEqual(
            self.json("events", "--json", "-n", 1),
            {"id": "2", "event": "torrent_changed",
             "data": {"id": 8, "hash_string": "8" * 40, "name": "eight", "percent_done": 0.5}},
        )  # fmt: skip

    def test_filters(self):
        for arguments, expected in (
            (["--kind", "torrent_changed"], "2"),
            (["-t", "eight"], "2"),
            (["-k", "log"], "3"),
        ):
            self.daemon.streams = [ADDED + CHANGED + LOG]
            self.assertEqual(self.lines("events", "-n", 1, *arguments)[0].split()[0], expected)

    def test_goes_on_where_it_broke(self):
        self.daemon.streams = [ADDED, CHANGED]
        result = self.run_command("events", "-n", 2, "--since", "0")
        self.assertEqual([line[0] for line in result.stdout.splitlines()], ["1", "2"])
        self.assertEqual(self.asked(), ["0", "1"])
        self.assertEqual(result.stderr, "txtorrent: the stream ended, connecting again\n")
        self.assertEqual(self.slept, [1.0])

    def test_a_daemon_that_is_gone_is_waited_for_a_little_longer_each_time(self):
        self.daemon.streams = [ADDED, 503, 503, CHANGED]
        self.run_command("events", "-n", 2)
        self.assertEqual(self.slept, [1.0, 2.0, 4.0])

    def test_not_if_it_was_never_there(self):
        self.daemon.streams = [503]
        self.assertIn("HTTP status 503", self.fails(3, "events"))

    def test_events_that_are_no_longer_kept(self):
        self.daemon.streams = [ADDED, 410]
        self.assertIn("no longer has what came after event 1", self.fails(1, "events"))

    def test_what_is_no_stream(self):
        self.daemon.streams = ["data: {\n\n"]
        self.assertIn("cannot be read", self.fails(1, "events"))


class Log(CommandCase):
    def setUp(self):
        super().setUp()
        self.daemon.answers["tx_log_get"] = {
            "entries": [
                {"time": 0, "level": level, "source": "x", "message": f"a {level} line"}
                for level in ("debug", "info", "error")
            ]
        }

    def test_lines(self):
        for arguments, ends in (
            ([], ["a info line", "error: a error line"]),
            (["--level", "error"], ["error: a error line"]),
            (["--level", "debug"], ["debug: a debug line", "a info line", "error: a error line"]),
        ):
            lines = self.lines("log", *arguments)
            self.assertEqual([line.split(maxsplit=2)[2] for line in lines], ends)
        self.assertEqual(len(self.json("log", "--json")), 2)

    def test_how_many(self):
        self.run_command("log", "-n", 5)
        self.assertEqual(self.daemon.calls, [("tx_log_get", {"limit": 5})])

    def test_follow(self):
        self.daemon.streams = [ADDED + LOG, 410]
        result = self.run_command("log", "--follow", "--level", "warn", "--json", status=1)
        messages = [json.loads(line)["message"] for line in result.stdout.splitlines()]
        self.assertEqual(messages, ["a error line", "disk \x1b[2J full"])


class Bans(CommandCase):
    def setUp(self):
        super().setUp()
        self.daemon.answers["tx_ban_get"] = {
            "bans": [{"address": "192.0.2.1", "until": 0, "reason": "bad data"}]
        }

    def test_shown(self):
        self.assertEqual(self.rows("bans"), ["Address Until Reason", "192.0.2.1 - bad data"])
        self.assertEqual(len(self.json("bans", "--json")), 1)

    def test_changed(self):
        self.run_command("bans", "--add", "192.0.2.2", "--for", "2h", "--remove", "192.0.2.1")
        self.assertEqual(
            self.daemon.changes(),
            [("tx_ban_add", {"address": "192.0.2.2", "seconds": 7200}),
             ("tx_ban_remove", {"addresses": ["192.0.2.1"]})],
        )  # fmt: skip
        self.daemon.calls.clear()
        self.run_command("bans", "--add", "192.0.2.2")
        self.assertEqual(self.daemon.changes(), [("tx_ban_add", {"address": "192.0.2.2"})])

    def test_for_ever_is_too_long(self):
        self.assertIn("30m", self.fails(2, "bans", "--add", "192.0.2.2", "--for", "none"))
