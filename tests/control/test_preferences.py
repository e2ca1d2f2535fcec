"""`session_get` and `session_set`."""

from tests.control.case import SESSION_ID, ControlCase
from txtorrent.control.preferences import PREFERENCES, VERSION
from txtorrent.errors import Code

TOLD = {
    "alt_speed_down": 50,
    "blocklist_size": 17,
    "config_dir": "/var/lib/txtorrent",
    "dht_enabled": False,
    "download_dir": "/srv/torrents",
    "download_dir_free_space": 4_000_000,
    "encryption": "allowed",
    "idle_seeding_limit": 30,
    "peer_port": 51413,
    "preferred_transports": ["tcp"],
    "rpc_version": 19,
    "rpc_version_minimum": 14,
    "rpc_version_semver": "6.0.1",
    "script_torrent_done_filename": "/usr/local/bin/done",
    "seed_ratio_limit": 2.0,
    "session_id": SESSION_ID,
    "speed_limit_down": 100,
    "tcp_enabled": True,
    "tx_min_share": 0.0,
    "version": VERSION,
}


class Get(ControlCase):
    def test_values(self):
        self.assertEqual(self.result("session_get", fields=[*TOLD, "shoe_size"]), TOLD)

    def test_everything(self):
        found = self.result("session_get")
        self.assertEqual(found, found | TOLD)
        self.assertEqual(found.keys(), {*PREFERENCES, "tx_min_share"})
        self.assertNotIn(None, found.values())

    def test_legacy(self):
        found = self.legacy("session-get")["arguments"]
        for name, value in [
            ("download-dir", "/srv/torrents"),
            ("seedRatioLimit", 2.0),
            ("seedRatioLimited", False),
            ("cache-size-mb", 0),
            ("encryption", "tolerated"),
            ("rpc-version-semver", "6.0.1"),
            ("tx-min-share", 0.0),
        ]:
            self.assertEqual(found[name], value)
        self.assertEqual(found["units"]["speed-bytes"], 1000)
        self.assertEqual(found["units"]["size-units"][1], "kB")

    def test_space_that_is_not_known(self):
        self.session.download_dir_free = None
        found = self.result("session_get", fields=["download_dir_free_space"])
        self.assertEqual(found["download_dir_free_space"], -1)

    def test_the_version_satisfies_those_who_compare(self):
        self.assertRegex(VERSION, r"^4\.[01]\.\d+ \(txtorrent [0-9.]+\)$")


class Set(ControlCase):
    def changed(self, **params):
        self.assertEqual(self.result("session_set", **params), {})
        return self.session.calls.pop()[1]

    def test_units(self):
        self.assertEqual(
            self.changed(speed_limit_up=5, idle_seeding_limit=2, queue_stalled_minutes=3),
            {"speed_limit_up": 5000, "idle_seeding_limit": 120, "queue_stalled_minutes": 3},
        )

    def test_legacy(self):
        arguments = {"download-dir": "/x", "seedRatioLimit": 1, "encryption": "tolerated"}
        self.assertEqual(self.legacy("session-set", **arguments)["result"], "success")
        self.assertEqual(
            self.session.calls.pop()[1],
            {"download_dir": "/x", "seed_ratio_limit": 1.0, "encryption": "allowed"},
        )

    def test_ours(self):
        self.assertEqual(self.changed(tx_min_share=0.1), {"min_share": 0.1})

    def test_what_changes_nothing(self):
        """Facts, what is missing here, and what nobody knows."""
        params = {"version": "9", "config_dir": "/x", "dht_enabled": True, "shoe_size": 43}
        self.assertEqual(self.result("session_set", **params), {})
        self.assertEqual(self.session.calls, [])

    def test_refused(self):
        for params, code in [
            ({"speed_limit_up": -1}, Code.INVALID_PARAMS),
            ({"speed_limit_up": "fast"}, Code.INVALID_PARAMS),
            ({"alt_speed_time_begin": 1440}, Code.INVALID_PARAMS),
            ({"alt_speed_time_day": 128}, Code.INVALID_PARAMS),
            ({"encryption": "quantum"}, Code.INVALID_PARAMS),
            ({"peer_port": 65536}, Code.INVALID_PARAMS),
            ({"dht_enabled": "yes"}, Code.INVALID_PARAMS),
            ({"preferred_transports": ["pigeon"]}, Code.INVALID_PARAMS),
            ({"download_dir": "x"}, Code.PATH_NOT_ABSOLUTE),
            ({"tx_shoe_size": 43}, Code.INVALID_PARAMS),
            ({"tx_speed_limit_up": 43}, None),
        ]:
            answer = self.rpc("session_set", seed_queue_size=5, **params)
            found = answer.get("error", {}).get("code")
            self.assertEqual(found, code, params)
        self.assertEqual(self.session.calls, [("settings", {"seed_queue_size": 5})])

    def test_scripts_are_not_for_callers_to_say(self):
        for name in ("added", "done", "done_seeding"):
            for params in (
                {f"script_torrent_{name}_filename": "/bin/evil"},
                {f"script_torrent_{name}_enabled": name != "done"},
                {f"script_torrent_{name}_filename": ["/bin/sh", "-c", "evil"]},
            ):
                code, text = self.error("session_set", **params)
                self.assertEqual(code, Code.INVALID_PARAMS)
                self.assertIn("configuration file only", text)
        self.assertEqual(self.session.calls, [])

    def test_scripts_may_come_back_as_they_were_told(self):
        params = {"script_torrent_done_filename": "/usr/local/bin/done", "seed_queue_size": 3}
        self.assertEqual(self.changed(**params), {"seed_queue_size": 3})
