"""`show`, `files`, `peers`, `trackers`, `limit`, `turtle`, `group`."""

from tests.cli.daemon import NOW, CommandCase, torrent

FILES = [
    {"name": "s/1.mkv", "length": 1000, "bytes_completed": 500},
    {"name": "s/2.mkv", "length": 2000, "bytes_completed": 2000},
    {"name": "s/empty.txt", "length": 0, "bytes_completed": 0},
]
STATS = [
    {"bytes_completed": 500, "wanted": True, "priority": 1},
    {"bytes_completed": 2000, "wanted": True, "priority": 0},
    {"bytes_completed": 0, "wanted": False, "priority": 0},
]
PEER = {
    "address": "192.0.2.1", "port": 6881, "flag_str": "DE", "progress": 0.5,
    "rate_to_client": 1000, "rate_to_peer": 0, "client_name": "libtorrent\x1b[2J",
    "bytes_to_client": 5000, "bytes_to_peer": 0,
}  # fmt: skip
TRACKER = {
    "tier": 0, "announce": "http://a/announce", "seeder_count": 5, "leecher_count": -1,
    "next_announce_time": NOW + 90, "has_announced": True, "last_announce_succeeded": True,
    "last_announce_result": "Success",
}  # fmt: skip


class Case(CommandCase):
    def setUp(self):
        super().setUp()
        self.daemon.add(
            torrent(1, "series", files=FILES, file_stats=STATS, peers=[PEER],
                    tx_chat=True, tx_chat_speakers=2,
                    tracker_stats=[TRACKER], tracker_list="http://a/x\nhttp://b/x\n\nhttp://c/x"),
            torrent(2, "other"),
        )  # fmt: skip

    def set(self, *arguments):
        """What torrent_set is told of the first torrent."""
        self.daemon.calls.clear()
        self.run_command(*arguments)
        changes = [params for method, params in self.daemon.changes() if method == "torrent_set"]
        for params in changes:
            self.assertEqual(params.pop("ids"), ["1" * 40])
        return changes


class Show(Case):
    def test_facts(self):
        facts = dict(line.split(maxsplit=1) for line in self.lines("show", "series"))
        for name, text in (
            ("Name", "series"), ("State", "seeding"), ("Done", "100%, 1.00 MB of 1.00 MB"),
            ("Ratio", "1.50"), ("Directory", "/srv/seed"), ("Pieces", "4 of 256 KiB"),
            ("Trackers", "tracker.example.org"), ("Peers", "3: 0 send to us, 2 get from us"),
            ("Chat", "on, with 2 peers"),
        ):  # fmt: skip
            self.assertEqual(facts[name].strip(), text)
        self.assertNotIn("Why", facts)

    def test_says_why(self):
        self.daemon.torrents[1].update(status=4, tx_waiting="disk full")
        facts = dict(line.split(maxsplit=1) for line in self.lines("show", "series"))
        self.assertEqual((facts["State"], facts["Why"]), ("waiting", "disk full"))

    def test_a_magnet_link(self):
        """It has no sizes, no files and no pieces yet, and says so."""
        self.daemon.torrents[1].update(status=4, metadata_percent_complete=0.25, percent_done=0)
        facts = dict(line.split(maxsplit=1) for line in self.lines("show", "series"))
        self.assertEqual(facts["State"].strip(), "metadata 25.0%")
        self.assertIn("when its metadata has come", facts["Done"])
        self.assertFalse({"Files", "Pieces"} & facts.keys())

    def test_several(self):
        self.assertIn("", self.lines("show", "1", "2"))
        self.assertEqual([each["id"] for each in self.json("show", "1", "2", "--json")], [1, 2])


class Files(Case):
    def test_table(self):
        self.assertEqual(
            self.rows("files", "series"),
            ["# Done Size Priority Path", "0 50.0% 1.00 kB high s/1.mkv",
             "1 100% 2.00 kB normal s/2.mkv", "2 100% 0 B skip s/empty.txt"],
        )  # fmt: skip

    def test_choices(self):
        for arguments, expected in (
            (["--want", "2"], {"files_wanted": [2]}),
            (["--skip", "all", "--want", "*.mkv"], {"files_wanted": [0, 1], "files_unwanted": [2]}),
            (["--skip", "0", "--want", "all"], {"files_wanted": [0, 1, 2]}),
            (["--low", "all", "--high", "0"], {"priority_low": [1, 2], "priority_high": [0]}),
            (["--normal", "0-1"], {"priority_normal": [0, 1]}),
            (["--sequential"], {"sequential_download": True}),
            (["--rarest-first"], {"sequential_download": False}),
        ):
            with self.subTest(arguments):
                self.assertEqual(self.set("files", "series", *arguments), [expected])
        self.assertEqual(self.set("files", "series"), [])

    def test_bad_choices(self):
        for word in ("3", "*.avi"):
            self.fails(2, "files", "series", "--want", "0", "--skip", word)
        self.assertEqual(self.daemon.changes(), [])

    def test_json(self):
        self.assertEqual(
            self.json("files", "series", "--json")[1], {"index": 1, **FILES[1], **STATS[1]}
        )

    def test_a_magnet_link(self):
        self.daemon.torrents[1].update(files=[], file_stats=[], metadata_percent_complete=0.25)
        for arguments in ((), ("--want", "all"), ("--json",)):
            line = self.fails(1, "files", "series", *arguments)
            self.assertIn("series is a magnet link whose metadata has not come yet", line)
        self.assertEqual(self.daemon.changes(), [])


class Peers(Case):
    def test_table(self):
        self.daemon.torrents[1]["peers"].append({**PEER, "address": "::1", "rate_to_peer": 9})
        self.addCleanup(self.daemon.torrents[1]["peers"].pop)
        self.assertEqual(
            self.rows("peers", "series")[1:],
            ["[::1]:6881 DE 50.0% 1.00 kB/s 9 B/s 5.00 kB 0 B libtorrent\\u001b[2J",
             "192.0.2.1:6881 DE 50.0% 1.00 kB/s - 5.00 kB 0 B libtorrent\\u001b[2J"],
        )  # fmt: skip
        self.assertEqual(len(self.json("peers", "series", "--json")), 2)

    def test_candidates(self):
        each = {"address": "192.0.2.1", "port": 1, "source": "tracker", "failures": 2}
        self.daemon.answers["tx_candidates_get"] = {
            "candidates": [
                {**each, "state": "failing", "next_try": NOW + 60},
                {**each, "state": "waiting", "next_try": NOW - 60},
                {**each, "state": "banned", "next_try": 0},
            ]
        }
        rows = self.rows("peers", "series", "--candidates")[1:]
        self.assertEqual(rows[0], "192.0.2.1:1 failing tracker 2 in 1m00s")
        self.assertEqual([row.split()[-1] for row in rows[1:]], ["now", "-"])
        self.assertEqual(len(self.json("peers", "series", "--candidates", "--json")), 3)
        self.assertEqual(self.daemon.calls[-1], ("tx_candidates_get", {"ids": ["1" * 40]}))


class Trackers(Case):
    def test_table(self):
        self.daemon.torrents[1]["tracker_stats"] = [
            TRACKER,
            {**TRACKER, "last_announce_succeeded": False, "last_announce_result": "gone"},
            {**TRACKER, "has_announced": False, "next_announce_time": 0},
        ]
        rows = self.rows("trackers", "series")
        self.assertEqual(rows[1], "0 http://a/announce 5 - in 1m30s Success")
        self.assertTrue(rows[2].endswith("failed: gone"))
        self.assertTrue(rows[3].endswith("- not asked yet"))

    def test_edit(self):
        for arguments, expected in (
            (["--add", "udp://d"], "http://a/x\nhttp://b/x\n\nhttp://c/x\n\nudp://d"),
            (["--add", "http://c/x"], "http://a/x\nhttp://b/x\n\nhttp://c/x"),
            (["--remove", "//b"], "http://a/x\n\nhttp://c/x"),
            (["--remove", "//c"], "http://a/x\nhttp://b/x"),
            (["--remove", "http", "--add", "udp://d"], "udp://d"),
        ):
            with self.subTest(arguments):
                changes = self.set("trackers", "series", *arguments)
                self.assertEqual(changes, [{"tracker_list": expected}])

    def test_removing_what_is_not_there(self):
        self.assertIn(
            "no tracker fits 'nowhere'",
            self.fails(2, "trackers", "series", "--add", "udp://d", "--remove", "nowhere"),
        )
        self.assertEqual(self.daemon.changes(), [])


SETTINGS = {
    "speed_limit_down": 1000, "speed_limit_down_enabled": True, "speed_limit_up": 100,
    "speed_limit_up_enabled": False, "alt_speed_down": 50, "alt_speed_up": 25,
    "alt_speed_enabled": False, "alt_speed_time_enabled": False, "peer_limit_global": 200,
    "peer_limit_per_torrent": 50, "seed_ratio_limit": 2, "seed_ratio_limited": True,
    "idle_seeding_limit": 30, "idle_seeding_limit_enabled": False, "tx_min_share": 0,
    "tx_schedule": [], "alt_speed_time_begin": 540, "alt_speed_time_end": 1020,
    "alt_speed_time_day": 65,
}  # fmt: skip


class LimitCase(Case):
    def setUp(self):
        super().setUp()
        self.daemon.settings = dict(SETTINGS)


class Limits(LimitCase):
    def test_of_torrents(self):
        self.assertEqual(
            self.set("limit", "series", "--up", "5MB", "--ratio", "none", "--min-share", "10%"),
            [{"upload_limit": 5000, "upload_limited": True, "seed_ratio_mode": 2,
              "tx_min_share": 0.1}],
        )  # fmt: skip
        self.assertEqual(self.set("limit", "series"), [])

    def test_of_the_session(self):
        lines = self.lines("limit", "--up", "5MB", "--idle", "2h")
        self.assertEqual(
            self.daemon.changes(),
            [("session_set", {"speed_limit_up": 5000, "speed_limit_up_enabled": True,
                              "idle_seeding_limit": 120, "idle_seeding_limit_enabled": True})],
        )  # fmt: skip
        self.assertEqual(
            [line.split() for line in lines if line.startswith("Up")],
            [["Up", "limit", "5.00", "MB/s"]],
        )
        self.assertEqual(self.json("limit", "--json")["idle_seeding_limit"], 120)

    def test_a_daemon_that_lacks_our_settings(self):
        del self.daemon.settings["tx_min_share"], self.daemon.settings["alt_speed_down"]
        self.assertFalse([line for line in self.lines("limit") if line.startswith(("Min", "Alt"))])

    def test_bad_input(self):
        for arguments, part in (
            (["--up", "fast"], "'fast' is no size"),
            (["--up", "0"], "write `none` for no limit"),
            (["series", "--ratio", "-1"], "write a ratio"),
            (["--group", "x"], "--group is for torrents"),
            (["--ratio", "session"], "is for torrents"),
            (["series", "--peers", "0"], "--peers"),
        ):
            with self.subTest(arguments):
                self.assertIn(part, self.fails(2, "limit", *arguments).replace("\n", " "))
        self.assertEqual(self.daemon.changes(), [])


class Turtle(LimitCase):
    def test_switch_and_schedule(self):
        window = {"days": ["mon", "tue"], "begin": "08:00", "end": "18:00"}
        for arguments, expected in (
            (["on"], {"alt_speed_enabled": True}),
            (["off"], {"alt_speed_enabled": False}),
            (["--down", "1MB", "--up", "200k"], {"alt_speed_down": 1000, "alt_speed_up": 200}),
            (["--window", "mon-tue 08:00-18:00"],
             {"tx_schedule": [window], "alt_speed_time_enabled": False}),
            (["--no-schedule"], {"tx_schedule": [], "alt_speed_time_enabled": False}),
        ):  # fmt: skip
            with self.subTest(arguments):
                self.daemon.calls.clear()
                self.run_command("turtle", *arguments)
                self.assertEqual(self.daemon.changes(), [("session_set", expected)])

    def test_shown(self):
        self.run_command("turtle", "--window", "mon-fri 08:00-18:00", "--window", "22:00-06:00")
        self.assertIn("mon-fri 08:00-18:00, 22:00-06:00", self.lines("turtle")[-1])
        self.daemon.settings["alt_speed_time_enabled"] = True
        self.assertIn("22:00-06:00, sat,sun 09:00-17:00", self.lines("turtle")[-1])
        self.assertEqual(self.rows("turtle", "--no-schedule")[-1], "Schedule none")
        self.assertFalse(self.json("turtle", "--json")["alt_speed_time_enabled"])

    def test_bad_turtles(self):
        for arguments in (
            ["maybe"],
            ["--up", "none"],
            ["--window", "x"],
            ["--window", "8:00-9:00", "--no-schedule"],
        ):
            self.fails(2, "turtle", *arguments)
        self.assertEqual(self.daemon.changes(), [])


class Groups(Case):
    def test_groups(self):
        self.daemon.answers["group_get"] = {
            "group": [
                {"name": "night", "speed_limit_down": 5, "speed_limit_down_enabled": False,
                 "speed_limit_up": 100, "speed_limit_up_enabled": True,
                 "honors_session_limits": True}
            ]
        }  # fmt: skip
        self.assertEqual(self.rows("group")[1], "night none 100 kB/s yes")
        self.assertEqual(self.daemon.changes(), [])
        arguments = ["night", "--down", "none", "-u", "1MB", "--ignore-session"]
        self.assertEqual(self.json("group", *arguments, "--json")[0]["name"], "night")
        self.assertEqual(
            self.daemon.changes(),
            [("group_set", {"name": "night", "speed_limit_down_enabled": False,
                            "speed_limit_up": 1000, "speed_limit_up_enabled": True,
                            "honors_session_limits": False})],
        )  # fmt: skip

    def test_which_group(self):
        self.assertIn("which group", self.fails(2, "group", "--down", "5k"))
