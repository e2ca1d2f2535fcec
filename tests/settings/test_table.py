"""The table of settings: every row holds together, and says what the code does."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent import session
from txtorrent.config.records import REQUIRED, Bad, List, Named, Record, paths_in
from txtorrent.settings.table import CHAPTERS, SECTIONS, SETTINGS
from txtorrent.torrent import shared
from txtorrent.tracker import clients, turns


def records(kind):
    match kind:
        case List(of=Record() as record) | Named(of=Record() as record):
            return [record]
    return []


class Table(SynchronousTestCase):
    def test_names_are_there_once(self):
        self.assertEqual(len(SETTINGS), sum(len(chapter.settings) for chapter in CHAPTERS))

    def test_defaults_are_values(self):
        for name, setting in SETTINGS.items():
            with self.subTest(name):
                kept = setting.kind.parse(setting.default)
                self.assertEqual(setting.kind.parse(kept), kept)

    def test_defaults_in_records_are_values(self):
        for name, setting in SETTINGS.items():
            for record in records(setting.kind):
                for key in record.keys:
                    if key.default not in (None, REQUIRED):
                        with self.subTest(f"{name} {key.name}"):
                            self.assertEqual(key.kind.parse(key.default), key.default)

    def test_switches_are_flags_that_are_there(self):
        for name, setting in SETTINGS.items():
            if setting.switch:
                with self.subTest(name):
                    self.assertEqual(SETTINGS[setting.switch].kind.parse(True), True)

    def test_what_a_client_must_not_change(self):
        for name, setting in SETTINGS.items():
            guarded = name.partition("_")[0] in (*SECTIONS, "watch", "allowed", "state")
            if guarded:
                self.assertTrue(setting.file_only, name)

    def test_passwords_are_secret(self):
        self.assertEqual([n for n, s in SETTINGS.items() if s.secret], ["control_password"])

    def test_defaults_are_the_codes(self):
        for name, value in (
            ("peer_port", session.DEFAULT_PORT),
            ("peer_limit_global", session.DEFAULT_CONNECTIONS),
            ("peer_limit_per_torrent", shared.DEFAULT_MAX_PEERS),
            ("tracker_requests_at_once", clients.MAX_UNDER_WAY),
            ("tracker_requests_per_host", turns.MAX_PER_HOST),
        ):
            self.assertEqual(SETTINGS[name].default, value, name)


# (setting, what is written, what is kept)
RIGHT = [
    ("schedule", [{"begin": "08:00", "end": "09:00", "days": ["mon"]}],
     [{"begin": "08:00", "end": "09:00", "days": ["mon"]}]),
    ("schedule", [{"begin": "08:00", "end": "09:00"}],
     [{"begin": "08:00", "end": "09:00",
       "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}]),
    ("groups", {" slow ": {"speed_limit_up": "5kB"}},
     {"slow": {"speed_limit_up": 5000, "speed_limit_up_enabled": True, "speed_limit_down": 0,
               "speed_limit_down_enabled": False, "honors_session_limits": True}}),
    ("trackers", {"x": {"group": "x" * 200}}, {"x": {"group": "x" * 200}}),
    ("trackers", {"Example.ORG.": {"labels": ["a", " b "]}},
     {"example.org": {"labels": ["a", "b"]}}),
    ("trackers", {"::FFFF:192.0.2.1": {"peer_limit": 3}}, {"192.0.2.1": {"peer_limit": 3}}),
    ("watch", [{"directory": "/w", "then": "delete"}],
     [{"directory": "/w", "then": "delete", "labels": []}]),
    ("default_trackers", "\n http://a/x \n\n\n\nudp://b:1/\nhttp://c/",
     "http://a/x\n\nudp://b:1/\nhttp://c/"),
    ("default_trackers", " \n ", ""),
    ("interface", "::FFFF:192.0.2.1", "192.0.2.1"),
    ("interface", "", ""),
    ("scripts_done", ["/usr/bin/env", "x"], ["/usr/bin/env", "x"]),
    ("control_hosts", ["Seed.Example.org."], ["seed.example.org"]),
    ("control_endpoints", ["tcp:9091:interface=127.0.0.1"], ["tcp:9091:interface=127.0.0.1"]),
]  # fmt: skip

# (setting, what is written, the way to the wrong part, a part of the complaint)
WRONG = [
    ("schedule", {}, None, "{} is not a list"),
    ("schedule", "x", None, "is not a list"),
    ("schedule", [{"begin": "08:00"}], (0,), "end is missing"),
    ("schedule", [{}, 5], (0,), "begin is missing"),
    ("schedule", [{"begin": "08:00", "end": "25:00"}], (0, "end"), "is not a time of day"),
    ("schedule", [{"begin": "08:00", "end": "09:00", "day": []}], (0, "day"),
     "there is no 'day' here; did you mean days?"),
    ("schedule", [{"begin": "08:00", "end": "09:00", "days": []}], (0, "days"), "no day"),
    ("schedule", [{"begin": "08:00", "end": "09:00", "days": ["mon", "tux"]}],
     (0, "days", 1), '"tux" is not one of'),
    ("schedule", [{"begin": "08:00", "end": "09:00"}] * 101, None, "101 of at most 100"),
    ("groups", [], None, "[] is not a table"),
    ("groups", {"": {}}, ("",), "is no name"),
    ("groups", {"x" * 201: {}}, ("x" * 201,), "is no name"),
    ("groups", {"a\x1bb": {}}, ("a\x1bb",), "is no name"),
    ("groups", {"a": {}, " a": {}}, (" a",), "a is there twice"),
    ("groups", {"a": 5}, ("a",), "5 is not a table"),
    ("groups", {"a": {"speed_limit_up": -1}}, ("a", "speed_limit_up"), "-1 is not bytes/s"),
    ("trackers", {"http://x/": {}}, ("http://x/",), "is not a host name"),
    ("trackers", {"x": {"labels": ["a,b"]}}, ("x", "labels", 0), "must not hold a comma"),
    ("watch", [{"directory": "/w"}, {"directory": "/w/"}], None, "/w is watched twice"),
    ("watch", [{"then": "delete"}], (0,), "directory is missing"),
    ("default_trackers", "http://a/\nftp://b/", None, "line 2 of the URLs"),
    ("interface", "eth0", None, "is no IP address"),
    ("port_check_url", "https://check.example/", None, "with {port} in it"),
    ("port_check_url", "ftp://check.example/{port}", None, "is no http or https URL"),
    ("scripts_done", ["ls"], None, "must be a program's absolute path"),
    ("scripts_done", "/bin/ls", None, "is not a list"),
    ("control_hosts", ["a b"], (0,), "is not a host name"),
    ("control_endpoints", ["9091"], (0,), "is no endpoint"),
]  # fmt: skip


class Values(SynchronousTestCase):
    def test_right(self):
        for name, written, kept in RIGHT:
            with self.subTest(f"{name} {written}"):
                kind = SETTINGS[name].kind
                self.assertEqual(kind.parse(written), kept)
                self.assertEqual(kind.parse(kept), kept)

    def test_wrong(self):
        for name, written, path, complaint in WRONG:
            with self.subTest(f"{name} {written!r:.60}"):
                error = self.assertRaises(ValueError, SETTINGS[name].kind.parse, written)
                self.assertEqual(error.path if isinstance(error, Bad) else None, path)
                self.assertIn(complaint, str(error))

    def test_paths_are_found_wherever_they_are(self):
        for name, written, paths in (
            ("download_dir", "/a", ["/a"]),
            ("incomplete_dir", "", []),
            ("blocklist_url", "/a", ["/a"]),
            ("blocklist_url", "http://a/", []),
            ("allowed_directories", ["/a", "/b"], ["/a", "/b"]),
            ("trackers", {"x": {"download_dir": "/a"}, "y": {"labels": ["/c"]}}, ["/a"]),
            ("watch", [{"directory": "/a", "destination": "/b"}], ["/a", "/b"]),
            ("default_trackers", "http://a/", []),
        ):
            kind = SETTINGS[name].kind
            self.assertEqual(list(paths_in(kind, kind.parse(written))), paths, name)
