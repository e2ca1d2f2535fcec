"""`settings`, `stats`, `port-test`, `blocklist`, `shutdown`."""

from tests.cli.daemon import CommandCase

SETTINGS = {
    "speed_limit_up": 500, "download_queue_size": 5, "seed_ratio_limit": 2.0,
    "dht_enabled": True, "download_dir": "/srv", "tx_min_share": 0, "version": "4.1.3",
    "preferred_transports": ["utp", "tcp"], "tx_proxy": None,
}  # fmt: skip


class Settings(CommandCase):
    def setUp(self):
        super().setUp()
        self.daemon.settings = dict(SETTINGS)

    def test_all(self):
        self.assertEqual(
            self.rows("settings"),
            ["dht_enabled on", "download_dir /srv", "download_queue_size 5", "min_share 0",
             'preferred_transports ["utp", "tcp"]', "proxy null", "seed_ratio_limit 2.0",
             "speed_limit_up 500 kB/s", "version 4.1.3"],
        )  # fmt: skip
        self.assertEqual(self.json("settings", "--json"), SETTINGS)

    def test_one(self):
        for name, value in (
            ("dht_enabled", "on"),
            ("dht-enabled", "on"),
            ("min_share", "0"),
            ("TX_MIN_SHARE", "0"),
            ("speed_limit_up", "500 kB/s"),
        ):
            with self.subTest(name):
                self.assertEqual(self.lines("settings", name), [value])
        self.assertEqual(self.json("settings", "min-share", "--json"), {"tx_min_share": 0})

    def test_changes(self):
        for name, text, value in (
            ("dht_enabled", "off", False),
            ("dht_enabled", "Yes", True),
            ("download_queue_size", "7", 7),
            ("seed_ratio_limit", "1.5", 1.5),
            ("download_dir", "/b", "/b"),
            ("download_dir", "7", "7"),
            ("speed_limit_up", "5MB", 5000),
            ("preferred_transports", '["tcp"]', ["tcp"]),
            ("tx_proxy", '"socks"', "socks"),
        ):
            with self.subTest((name, text)):
                self.daemon.calls.clear()
                self.run_command("settings", name, text)
                self.assertEqual(self.daemon.changes(), [("session_set", {name: value})])

    def test_bad_values(self):
        for name, text, part in (
            ("dht_enabled", "1", "on or off"),
            ("download_queue_size", "many", "a number"),
            ("download_queue_size", "[]", "a number"),
            ("speed_limit_up", "500", "500kB or 500MB"),
            ("speed_limit_up", "fast", "no size"),
            ("preferred_transports", "tcp", "JSON"),
            ("dowload_dir", "/b", "did you mean download_dir"),
            ("colour", "red", "`txtorrent settings` has them all"),
        ):
            with self.subTest((name, text)):
                self.assertIn(part, self.fails(2, "settings", name, text).replace("\n", " "))
        self.assertEqual(self.daemon.changes(), [])

    def test_what_the_daemon_refuses(self):
        self.daemon.answers["session_set"] = (-32602, "Invalid params", "0 to 1, not 9")
        message = self.fails(1, "settings", "min_share", "9")
        self.assertEqual(message, "txtorrent: Invalid params: 0 to 1, not 9")

    def test_what_the_daemon_ignores(self):
        self.daemon.answers["session_set"] = {}
        self.assertIn(
            "version is still 4.1.3: it cannot be changed",
            self.fails(1, "settings", "version", "5"),
        )


TOTALS = {
    "uploaded_bytes": 2_000_000, "downloaded_bytes": 1_000_000, "files_added": 3,
    "seconds_active": 3_900, "session_count": 1,
}  # fmt: skip


class Stats(CommandCase):
    def setUp(self):
        super().setUp()
        self.daemon.settings = dict(SETTINGS)
        self.daemon.answers |= {
            "session_stats": {
                "active_torrent_count": 2, "paused_torrent_count": 1, "torrent_count": 3,
                "download_speed": 0, "upload_speed": 1_230_000, "current_stats": TOTALS,
                "cumulative_stats": {**TOTALS, "session_count": 4},
            },
            "free_space": {"path": "/srv", "size_bytes": 5 * 10**9, "total_size": 10**10},
        }  # fmt: skip

    def test_facts(self):
        rows = self.rows("stats")
        for row in (
            "Version 4.1.3",
            "Torrents 3: 2 running, 1 stopped",
            "Up 1.23 MB/s",
            "This run 1h05m, 1.00 MB down, 2.00 MB up, 3 files added",
            "In all 1h05m in 4 runs, 1.00 MB down, 2.00 MB up, 3 files added",
            "Free 5.00 GB of 10.0 GB",
        ):
            self.assertIn(row, rows)

    def test_json(self):
        found = self.json("stats", "--json")
        self.assertEqual((found["torrent_count"], found["free_space"]["path"]), (3, "/srv"))

    def test_space_that_is_not_known(self):
        self.daemon.answers["free_space"] = {"path": "/srv", "size_bytes": -1, "total_size": -1}
        self.assertIn("Free not known", self.rows("stats"))


class Daemon(CommandCase):
    def test_port(self):
        self.daemon.answers["port_test"] = {"port_is_open": True, "ip_protocol": "ipv6"}
        self.assertEqual(self.lines("port-test", "--ipv6"), ["the port is open"])
        self.assertEqual(self.daemon.calls[-1], ("port_test", {"ip_protocol": "ipv6"}))
        self.daemon.answers["port_test"] = {"port_is_open": False}
        self.assertIn("the port is closed", self.fails(1, "port-test"))
        self.assertEqual(self.daemon.calls[-1], ("port_test", {}))

    def test_blocklist(self):
        self.daemon.answers["blocklist_update"] = {"blocklist_size": 12}
        self.assertEqual(self.lines("blocklist"), ["12 ranges are blocked"])
        self.assertEqual(self.json("blocklist", "--json"), {"blocklist_size": 12})

    def test_shutdown_asks(self):
        self.run_command("shutdown", given="n\n", status=1)
        self.assertEqual(self.daemon.calls, [])
        self.run_command("shutdown", given="y\n")
        self.run_command("shutdown", "--yes")
        self.assertEqual(self.daemon.calls, [("session_close", {})] * 2)
