"""`events`, `log`, `bans`, and the stream that they read."""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.daemon import CommandCase, torrent
from txtorrent.cli.commands.records import news
from txtorrent.cli.stream import MAX_LINE, Event, read


def event(cursor, kind, **data):
    return f"id: {cursor}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


SEVEN, EIGHT = {"id": 7, "hash_string": "7" * 40}, {"id": 8, "hash_string": "8" * 40}
HELLO = event(0, "hello", version="4.1.3")
ADDED = event(1, "torrent_added", **SEVEN, fields={"name": "seven", "status": 4})
CHANGED = event(2, "torrent_changed", **EIGHT, fields={"percent_done": 0.5}, lists=["peers"])
SET = event(3, "settings_changed", fields={"dht_enabled": True})
REMOVED = event(4, "torrent_removed", **SEVEN)
RESET = event(9, "reset", reason="this cursor is not of this run")
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
        self.daemon.add(torrent(7, "old"), torrent(8, "eight"))

    def asked(self):
        """The cursors that the stream was asked to go on from."""
        return [
            headers.get("Last-Event-ID")
            for headers in self.daemon.headers
            if headers.get("Accept") == "text/event-stream" and headers["X-Transmission-Session-Id"]
        ]

    def test_lines(self):
        self.daemon.streams = [HELLO + ADDED + CHANGED + SET + REMOVED + RESET]
        self.assertEqual(
            self.lines("events", "-n", 5),
            ["1 torrent_added seven  status=4", "2 torrent_changed eight  percent_done=0.5 peers",
             "3 settings_changed  dht_enabled=true", "4 torrent_removed seven",
             "9 reset this cursor is not of this run"],
        )  # fmt: skip

    def test_torrents_without_a_name(self):
        self.daemon.torrents.clear()
        self.daemon.streams = [CHANGED]
        self.assertTrue(self.lines("events", "-n", 1)[0].startswith("2 torrent_changed 8  "))

    def test_kinds_that_are_not_known(self):
        self.daemon.streams = [event(5, "weather", rain=True)]
        self.assertEqual(self.lines("events", "-n", 1), ["5 weather  rain=true"])

    def test_names_cannot_drive_the_terminal(self):
        self.daemon.streams = [event(1, "torrent_added", **SEVEN, fields={"name": "\x1b[2J"})]
        self.assertEqual(self.lines("events", "-n", 1), ["1 torrent_added \\u001b[2J"])

    def test_objects(self):
        self.daemon.streams = [HELLO + CHANGED]
        self.assertEqual(
            self.json("events", "--json", "-n", 1),
            {"id": "2", "event": "torrent_changed",
             "data": {**EIGHT, "fields": {"percent_done": 0.5}, "lists": ["peers"]}},
        )  # fmt: skip

    def test_filters(self):
        for arguments, expected in (
            (["--kind", "torrent_changed"], ["2", "9"]),
            (["-t", "eight"], ["2", "9"]),
            (["-k", "settings_changed", "-k", "torrent_removed"], ["3", "4"]),
        ):
            self.daemon.streams = [HELLO + ADDED + CHANGED + SET + REMOVED + RESET]
            lines = self.lines("events", "-n", 2, *arguments)
            self.assertEqual([line.split()[0] for line in lines], expected)

    def test_goes_on_where_it_broke(self):
        self.daemon.streams = [ADDED, CHANGED]
        result = self.run_command("events", "-n", 2, "--since", "0")
        self.assertEqual([line[0] for line in result.stdout.splitlines()], ["1", "2"])
        self.assertEqual(self.asked(), ["0", "1"])
        self.assertEqual(result.stderr, "txtorrent: the stream ended, connecting again\n")
        self.assertEqual(self.slept, [1.0])

    def test_even_if_nothing_had_come_yet(self):
        self.daemon.streams = [HELLO, CHANGED]
        self.run_command("events", "-n", 1)
        self.assertEqual(self.asked(), [None, "0"])

    def test_a_daemon_that_is_gone_is_waited_for_a_little_longer_each_time(self):
        self.daemon.streams = [ADDED, 503, 503, CHANGED]
        self.run_command("events", "-n", 2)
        self.assertEqual(self.slept, [1.0, 2.0, 4.0])

    def test_not_if_it_was_never_there(self):
        self.daemon.streams = [503]
        self.assertIn("HTTP status 503", self.fails(3, "events"))

    def test_what_is_no_stream(self):
        self.daemon.streams = ["data: {\n\n"]
        self.assertIn("cannot be read", self.fails(1, "events"))


def interrupt(seconds):
    raise KeyboardInterrupt


def line(text, level="info"):
    return {"time": 0, "level": level, "text": text}


class Log(CommandCase):
    def test_lines(self):
        self.daemon.answers["tx_log_get"] = {"lines": [line("a"), line("b \x1b[2J", "error")]}
        lines = self.lines("log", "-n", 5, "--level", "warn")
        ends = [each.split(maxsplit=2)[2] for each in lines]
        self.assertEqual(ends, ["a", "error: b \\u001b[2J"])
        self.assertEqual(self.daemon.calls, [("tx_log_get", {"count": 5, "level": "warn"})])
        self.assertEqual(len(self.json("log", "--json")), 2)

    def test_too_many(self):
        self.assertIn("1<=x<=1000", self.fails(2, "log", "-n", 1001))

    def test_follow(self):
        a, b, c = map(line, "abc")
        refusal = (5, "system error", "")
        answers = [[a], [a, b], [a, b], [b, c], refusal]
        self.daemon.answers["tx_log_get"] = [
            {"lines": each} if isinstance(each, list) else each for each in answers
        ]
        result = self.run_command("log", "-f", "--json", status=1)
        shown = [json.loads(each)["text"] for each in result.stdout.splitlines()]
        self.assertEqual(shown, ["a", "b", "c"])
        self.assertEqual(self.slept, [1.0] * 4)

    def test_ctrl_c(self):
        self.daemon.answers["tx_log_get"] = {"lines": []}
        self.sleep = interrupt
        self.assertEqual(self.run_command("log", "-f", status=130).output, "")

    def test_news(self):
        for known, found, expected in (
            ("", "", ""), ("", "ab", "ab"), ("a", "ab", "b"), ("ab", "ab", ""), ("ab", "cd", "cd"),
            ("aa", "aab", "b"), ("ab", "", ""),
        ):  # fmt: skip
            self.assertEqual("".join(news(known, found)), expected)


class Bans(CommandCase):
    def setUp(self):
        super().setUp()
        self.daemon.answers["tx_bans_get"] = {
            "bans": [{"host": "192.0.2.1", "until": 0, "reason": "bad data"}]
        }

    def changes(self):
        return [call for call in self.daemon.changes() if call[0] in ("tx_ban", "tx_unban")]

    def test_shown(self):
        self.assertEqual(self.rows("bans"), ["Address Until Reason", "192.0.2.1 - bad data"])
        self.assertEqual(len(self.json("bans", "--json")), 1)
        self.assertEqual(self.changes(), [])

    def test_changed(self):
        self.run_command("bans", "--add", "192.0.2.2", "--for", "2h", "--remove", "192.0.2.1")
        self.assertEqual(
            self.changes(),
            [("tx_ban", {"host": "192.0.2.2", "seconds": 7200}),
             ("tx_unban", {"hosts": ["192.0.2.1"]})],
        )  # fmt: skip
        self.daemon.calls.clear()
        self.run_command("bans", "--add", "192.0.2.2")
        self.assertEqual(self.changes(), [("tx_ban", {"host": "192.0.2.2"})])

    def test_for_ever_is_too_long(self):
        self.assertIn("30m", self.fails(2, "bans", "--add", "192.0.2.2", "--for", "none"))
