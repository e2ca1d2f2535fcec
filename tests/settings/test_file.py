"""The settings file: what it sets, and where a mistake is said to be."""

import os

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.config.document import ConfigError
from txtorrent.settings.example import example
from txtorrent.settings.file import default_path, parse, place, read
from txtorrent.settings.table import SETTINGS

EXAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "etc", "config.toml")

# (the file, what it sets)
RIGHT = [
    ("", {}),
    ("# nothing\n", {}),
    ("peer_port = 0", {"peer_port": 0}),
    ('speed_limit_up = "5MB"', {"speed_limit_up": 5_000_000, "speed_limit_up_enabled": True}),
    ("speed_limit_up = 5\nspeed_limit_up_enabled = false",
     {"speed_limit_up": 5, "speed_limit_up_enabled": False}),
    ("speed_limit_up = 0", {"speed_limit_up": 0}),
    ('blocklist_url = ""', {"blocklist_url": ""}),
    ('incomplete_dir = "/i"', {"incomplete_dir": "/i", "incomplete_dir_enabled": True}),
    ('control.username = "a"\ncontrol.password = "b"',
     {"control_username": "a", "control_password": "b"}),
    ('[scripts]\ndone = ["/bin/x"]\ntime_limit = "1m"',
     {"scripts_done": ["/bin/x"], "scripts_time_limit": 60.0}),
    ('default_trackers = """\nhttp://a/\n\nhttp://b/\n"""',
     {"default_trackers": "http://a/\n\nhttp://b/"}),
]  # fmt: skip

# (the file, the line, a part of the complaint)
WRONG = [
    ("\npeer_prt = 5", 2, "there is no setting 'peer_prt'; did you mean peer_port?"),
    ("peer-port = 5", 1, "did you mean peer_port?"),
    ("xyzzy = 5", 1, "there is no setting 'xyzzy'"),
    ("[contrl]\nhosts = []", 1, "did you mean control?"),
    ("control_username = 'x'", 1, "there is no setting 'control_username'"),
    ("[control]\n\nuser = 'x'", 3,
     "there is no setting 'user' in [control]; did you mean username?"),
    ("[control]\npeer_port = 5", 2, "peer_port belongs above the first line with [ ]"),
    ("control = 5", 1, "control is a table: write [control] above its keys"),
    ("# a\npeer_port = 70000", 2, "peer_port: 70000 is not a whole number from 0 to 65535"),
    ("[control]\nusername = 5", 2, "control.username: 5 is not text"),
    ("[control]\n\nusername = 'x'", 3, "username needs password"),
    ("[control]\npassword = 'x'", 2, "password needs username"),
    ("incomplete_dir_enabled = true", 1, "incomplete_dir_enabled needs incomplete_dir"),
    ("a = [\n1,\n", 2, "Invalid value"),
    ("x = 1\npeer_port 5", 2, "Expected '=' after a key"),
    ("peer_port = 1\npeer_port = 2", 2, "Cannot overwrite a value"),
    ("a = ", 1, "Invalid value"),
    ("a = \n\n\nb = 5\n", 1, "Invalid value"),
    ("\n[a\n\n", 2, "Expected ']'"),
    ("a = 'x", 1, "Expected \"'\""),
    ('[[watch]]\ndirectory = "/a"\n\n[[watch]]\nlabels = []', 4, "watch: directory is missing"),
    ('[[watch]]\ndirectory = "/a"\n[[watch]]\ndirectory = "/b"\nthen = "x"', 5,
     'watch: then: "x" is not one of "rename", "delete"'),
    ('watch = [\n  {directory = "/a"},\n  {directory = 5},\n]', 1,
     "watch: directory: 5 is not an absolute path"),
    ('[groups."a b"]\nspeed_limit_up = 5\nspeed_limit_dwn = 5', 3,
     "groups: a b.speed_limit_dwn: there is no 'speed_limit_dwn' here;"
     " did you mean speed_limit_down?"),
    ('default_trackers = """\nhttp://a/\nx\n"""', 1, "default_trackers: line 2 of the URLs"),
    ('default_trackers = """\npeer_port = 7\n"""\npeer_port = -1', 1, "line 1 of the URLs"),
    ('download_dir = """\\\n/peer_port = 7"""\n"peer_port" = -1', 3, "-1 is not a whole number"),
    ("# peer_port = 1\nlog_level = 'x' # peer_port\npeer_port = 1", 2, 'log_level: "x" is not'),
]  # fmt: skip


class Text(SynchronousTestCase):
    def test_right(self):
        for text, values in RIGHT:
            with self.subTest(text):
                self.assertEqual(parse(text, "c.toml"), values)

    def test_wrong(self):
        for text, line, complaint in WRONG:
            with self.subTest(text):
                error = self.assertRaises(ConfigError, parse, text, "c.toml")
                self.assertTrue(str(error).startswith(f"c.toml:{line}: "), str(error))
                self.assertIn(complaint, str(error))
                self.assertNotIn("\n", str(error))

    def test_what_the_parser_chokes_on(self):
        for text in ("peer_port = " + "1" * 10_000, "peer_port = " + "[" * 10_000):
            error = self.assertRaises(ConfigError, parse, text, "c.toml")
            self.assertTrue(str(error).startswith("c.toml:"))

    def test_complaints_are_short(self):
        error = self.assertRaises(ConfigError, parse, f"speed_limit_up = '{'x' * 9999}'", "c")
        self.assertLess(len(str(error)), 310)


class File(SynchronousTestCase):
    def written(self, raw):
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(raw)
        return path

    def test_read(self):
        self.assertEqual(read(self.written(b"peer_port = 5\n")), {"peer_port": 5})

    def test_missing(self):
        self.assertRaises(FileNotFoundError, read, self.mktemp())

    def test_default_path(self):
        self.patch(os, "environ", {"XDG_CONFIG_HOME": "/c", "HOME": "/h"})
        self.assertEqual(default_path(), "/c/txtorrent/config.toml")
        self.patch(os, "environ", {"HOME": "/h"})
        self.assertEqual(default_path(), "/h/.config/txtorrent/config.toml")


class Example(SynchronousTestCase):
    def test_is_generated(self):
        with open(EXAMPLE, encoding="utf-8") as file:
            self.assertEqual(file.read(), example(), "python -m txtorrent.settings.example")

    def test_sets_nothing(self):
        self.assertEqual(parse(example(), "x"), {})

    def test_uncommented_it_sets_the_defaults(self):
        lines = [line[1:] if line[:1] == "#" and line[1:2] not in (" ", "") else line
                 for line in example().splitlines()]  # fmt: skip
        values = parse("\n".join(lines), "x")
        for name, setting in SETTINGS.items():
            if name not in ("schedule", "groups", "trackers", "watch"):
                self.assertEqual(values[name], setting.kind.parse(setting.default), name)
            else:
                self.assertEqual(len(values[name]), 1, name)

    def test_lines_fit(self):
        self.assertEqual([line for line in example().splitlines() if len(line) > 100], [])

    def test_every_setting_has_its_line(self):
        lines = example().splitlines()
        for setting in SETTINGS.values():
            key = place(setting)[-1]
            self.assertTrue(
                any(line.startswith((f"#{key} =", f"#[[{key}]]", f"#[{key}.")) for line in lines),
                key,
            )
