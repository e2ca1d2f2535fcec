"""Settings that change while the daemon runs."""

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.settings.settings import SettingError, Settings, is_beneath

FILE = {"download_dir": "/srv", "peer_port": 7000, "speed_limit_up": 5000}


class Layers(SynchronousTestCase):
    def test_who_wins(self):
        settings = Settings(
            {"peer_port": 1, "min_share": 0.1, "ipv6": False},
            {"peer_port": 2, "min_share": 0.2},
            {"peer_port": 3},
        )
        for name, value in (
            ("peer_port", 3),
            ("min_share", 0.2),
            ("ipv6", False),
            ("allocation", "sparse"),
        ):
            self.assertEqual(settings.get(name), value, name)

    def test_a_change_counts_over_the_command_line(self):
        settings = Settings({}, {}, {"peer_port": 3})
        settings.set("peer_port", 4)
        self.assertEqual(settings.get("peer_port"), 4)

    def test_command_line_is_checked(self):
        error = self.assertRaises(SettingError, Settings, {}, {}, {"peer_port": -1})
        self.assertEqual(str(error), "peer_port: -1 is not a whole number from 0 to 65535")

    def test_command_line_turns_limits_on(self):
        self.assertTrue(Settings({}, {}, {"speed_limit_up": 1}).get("speed_limit_up_enabled"))

    def test_reset(self):
        settings = Settings({"peer_port": 1}, {"peer_port": 2, "min_share": 0.5})
        settings.reset(["peer_port", "min_share", "allocation"])
        self.assertEqual((settings.get("peer_port"), settings.get("min_share")), (1, 0.0))
        self.assertEqual(settings.changed, {})

    def test_overridden(self):
        settings = Settings(
            {"peer_port": 1, "min_share": 0.1}, {"peer_port": 2, "min_share": 0.1, "ipv6": True}
        )
        self.assertEqual(settings.overridden, ["peer_port"])

    def test_stored_changes_that_no_longer_hold_are_left_out(self):
        settings = Settings(
            {"download_dir": "/srv"},
            {"no_such": 1, "peer_port": -1, "download_dir": "/etc", "min_share": 0.5},
        )
        self.assertEqual(settings.changed, {"min_share": 0.5})

    def test_unknown(self):
        error = self.assertRaises(SettingError, Settings().set, "peer_prt", 1)
        self.assertEqual(str(error), "there is no setting 'peer_prt'; did you mean peer_port?")
        self.assertRaises(KeyError, Settings().get, "peer_prt")

    def test_complaints_are_short(self):
        for name, value in (("speed_limit_up", "x" * 9999), ("x" * 9999, 1)):
            error = self.assertRaises(SettingError, Settings().set, name, value)
            self.assertEqual(len(str(error)), 300)
            self.assertTrue(str(error).endswith("..."))


class Changes(SynchronousTestCase):
    def setUp(self):
        self.settings = Settings(FILE)
        self.told = []
        self.forget = self.settings.listen(lambda names: self.told.append(sorted(names)))

    def test_set(self):
        self.settings.set("speed_limit_up", "1MB")
        self.assertEqual(self.settings.get("speed_limit_up"), 1_000_000)
        self.assertEqual(self.settings.changed, {"speed_limit_up": 1_000_000})
        self.assertEqual(self.told, [["speed_limit_up"]])

    def test_set_turns_no_switch_on(self):
        self.settings.set("speed_limit_down", 5)
        self.assertFalse(self.settings.get("speed_limit_down_enabled"))

    def test_only_differences_are_told(self):
        self.settings.set("peer_port", 7000)
        self.assertEqual(self.told, [])
        self.settings.apply(self.settings.checked({"peer_port": 7000, "min_share": 1}))
        self.assertEqual(self.told, [["min_share"]])
        self.settings.reset(["peer_port"])
        self.assertEqual(self.told, [["min_share"]])
        self.settings.reset(["min_share"])
        self.assertEqual(self.told, [["min_share"]] * 2)

    def test_checking_changes_nothing(self):
        self.assertEqual(self.settings.checked({"peer_port": 5.0}), {"peer_port": 5})
        self.assertEqual(self.settings.get("peer_port"), 7000)

    def test_all_or_nothing(self):
        self.assertRaises(SettingError, self.settings.checked, {"peer_port": 5, "min_share": -1})
        self.assertEqual(self.settings.get("peer_port"), 7000)

    def test_nobody_is_told_any_more(self):
        self.forget()
        self.settings.set("peer_port", 1)
        self.assertEqual(self.told, [])

    def test_a_listener_that_fails_keeps_no_other_from_being_told(self):
        def fail(names):
            raise RuntimeError("a bug")

        self.settings.listen(fail)
        also = []
        self.settings.listen(also.append)
        self.settings.set("peer_port", 1)
        self.assertEqual(also, [frozenset({"peer_port"})])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_a_pair_is_looked_at_together(self):
        set_ = self.settings.set
        error = self.assertRaises(SettingError, set_, "incomplete_dir_enabled", True)
        self.assertEqual(error.name, "incomplete_dir_enabled")
        both = {"incomplete_dir_enabled": True, "incomplete_dir": "/srv/i"}
        self.settings.apply(self.settings.checked(both))
        self.assertTrue(self.settings.get("incomplete_dir_enabled"))
        self.assertRaises(SettingError, set_, "incomplete_dir", "")


class Guards(SynchronousTestCase):
    """What the control socket must not do (THREATS G7, G9)."""

    def test_file_only(self):
        settings = Settings(FILE)
        for name, value in (
            ("scripts_done", ["/bin/sh", "-c", "rm -rf /"]),
            ("watch", [{"directory": "/srv"}]),
            ("allowed_directories", ["/"]),
            ("control_endpoints", ["tcp:9091"]),
            ("control_password", ""),
            ("interface", ""),
        ):
            error = self.assertRaises(SettingError, settings.set, name, value)
            self.assertEqual(str(error), f"{name} can be set in the settings file only")

    def test_secrets_are_shown_to_nobody(self):
        settings = Settings({"control_username": "a", "control_password": "b"})
        self.assertNotIn("control_password", settings.names())
        self.assertRaises(KeyError, settings.get, "control_password")
        self.assertEqual(settings.secret("control_password"), "b")
        self.assertEqual(sum(settings.get(name) == "b" for name in settings.names()), 0)

    def test_paths(self):
        for file, path, good in (
            ({"download_dir": "/srv"}, "/srv", True),
            ({"download_dir": "/srv"}, "/srv/a/b", True),
            ({"download_dir": "/srv"}, "/srv2", False),
            ({"download_dir": "/srv"}, "/", False),
            ({"download_dir": "/srv"}, "/srv/../etc", False),
            ({"download_dir": "/srv", "incomplete_dir": "/i"}, "/i/x", True),
            ({"download_dir": "/srv", "allowed_directories": ["/a", "/b"]}, "/srv", False),
            ({"download_dir": "/srv", "allowed_directories": ["/a", "/b"]}, "/b/x", True),
            ({"allowed_directories": ["/"]}, "/etc", True),
            ({"watch": [{"directory": "/w", "destination": "/d"}]}, "/d", True),
            ({"watch": [{"directory": "/w", "destination": "/d"}]}, "/w", False),
            ({"trackers": {"x": {"download_dir": "/t"}}}, "/t/1", True),
        ):
            with self.subTest(f"{file} {path}"):
                settings = Settings(file)
                if good:
                    settings.set("download_dir", path)
                else:
                    self.assertRaises(SettingError, settings.set, "download_dir", path)

    def test_every_setting_with_a_path(self):
        settings = Settings(FILE)
        for name, value in (
            ("download_dir", "/etc"),
            ("incomplete_dir", "/etc"),
            ("blocklist_url", "/etc/shadow"),
            ("trackers", {"x": {"download_dir": "/etc"}}),
        ):
            error = self.assertRaises(SettingError, settings.set, name, value)
            self.assertIn("is not in an allowed directory", str(error))

    def test_a_change_does_not_widen_the_roots(self):
        settings = Settings({"download_dir": "/srv"}, {}, {"download_dir": "/cli"})
        settings.set("download_dir", "/cli/x")
        self.assertEqual(settings.roots, ["/cli"])
        settings.set("download_dir", "/cli/y")

    def test_beneath(self):
        self.assertTrue(is_beneath("/a/b", ["/x", "/a/"]))
        self.assertFalse(is_beneath("/ab", ["/a"]))
        self.assertFalse(is_beneath("/a", []))
