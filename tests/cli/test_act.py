"""Commands that change torrents."""

from tests.cli.daemon import CommandCase, torrent

A, B, C = "1" * 40, "2" * 40, "3" * 40


class Case(CommandCase):
    def setUp(self):
        super().setUp()
        self.daemon.add(
            torrent(1, "debian-12"), torrent(2, "debian-13"), torrent(3, "arch", labels=["keep"])
        )

    def does(self, arguments, *expected, given=None):
        """The command changes just this."""
        self.daemon.calls.clear()
        self.run_command(*arguments, given=given)
        self.assertEqual(self.daemon.changes(), list(expected))

    def does_nothing(self, status, arguments, part, given=None):
        self.daemon.calls.clear()
        self.assertIn(part, self.fails(status, *arguments, given=given))
        self.assertEqual(self.daemon.changes(), [])


class Running(Case):
    def test_methods(self):
        for command, method in (
            (["start"], "torrent_start"),
            (["start", "--now"], "torrent_start_now"),
            (["stop"], "torrent_stop"),
            (["verify"], "torrent_verify"),
            (["reannounce"], "torrent_reannounce"),
        ):
            with self.subTest(command):
                self.does([*command, "arch"], (method, {"ids": [C]}))
                self.does([*command, "2", "1", "debian-13"], (method, {"ids": [B, A]}))
                self.does([*command, "--all"], (method, {"ids": [A, B, C]}))

    def test_who_is_meant_has_to_be_clear(self):
        self.does_nothing(4, ["stop", "arch", "debian"], "2 torrents fit 'debian'")
        self.does_nothing(4, ["stop", "arch", "ubuntu"], "no torrent 'ubuntu'")
        self.does_nothing(2, ["stop"], "or say --all")
        self.does_nothing(2, ["stop", "arch", "--all"], "or say --all")

    def test_all_of_none(self):
        self.daemon.torrents.clear()
        self.does(["stop", "--all"])

    def test_says_what_it_did(self):
        self.assertEqual(self.lines("stop", "1", "arch"), ["stopped debian-12, arch"])

    def test_verify_and_wait(self):
        steps = [{"status": 2, "recheck_progress": 0.5}, {"status": 6, "percent_done": 0.25}]

        def sleep(seconds):
            self.daemon.torrents[3].update(steps.pop(0))

        self.sleep = sleep
        self.assertEqual(self.lines("verify", "--wait", "arch"), ["arch: 25.0% is there"])
        self.assertEqual(steps, [])


class Remove(Case):
    def test_without_data_does_not_ask(self):
        self.does(["remove", "1"], ("torrent_remove", {"ids": [A], "delete_local_data": False}))

    def test_with_data_asks(self):
        removal = ("torrent_remove", {"ids": [A, C], "delete_local_data": True})
        self.does(["remove", "1", "3", "--delete-data"], removal, given="y\n")
        self.does(["remove", "1", "3", "--delete-data", "--yes"], removal)

    def test_no_is_no(self):
        for answer in ("n\n", "\n", ""):
            with self.subTest(answer):
                self.does_nothing(1, ["remove", "1", "--delete-data"], "Aborted", given=answer)

    def test_the_question_names_what_goes(self):
        output = self.run_command("remove", "1", "3", "--delete-data", given="n\n", status=1).stdout
        self.assertIn("Delete debian-12, arch and all content of them?", output)


class Move(Case):
    def test_methods(self):
        for option, moves in ((), True), (("--find",), False):
            expected = {"ids": [C], "location": "/b", "move": moves}
            self.does(["move", "arch", "/b", *option], ("torrent_set_location", expected))

    def test_relative_to_what(self):
        self.does_nothing(2, ["move", "arch", "b"], "absolute path")

    def steps(self, *changes):
        remaining = list(changes)
        self.sleep = lambda seconds: self.daemon.torrents[3].update(remaining.pop(0))
        return remaining

    def test_waits(self):
        moving = {"step": "copying", "location": "/b", "bytes_done": 1, "bytes_total": 2}
        left = self.steps({"tx_move": moving}, {"tx_move": None, "download_dir": "/b/"})
        self.run_command("move", "--wait", "arch", "/b")
        self.assertEqual(left, [])

    def test_says_that_it_failed(self):
        self.steps({})
        self.assertIn("arch: was not moved", self.fails(1, "move", "--wait", "arch", "/b"))

    def forget_moves(self):
        for each in self.daemon.torrents.values():
            del each["tx_move"]

    def test_a_daemon_that_does_not_tell_of_moves(self):
        self.forget_moves()
        left = self.steps({}, {"status": 0}, {"download_dir": "/b"})
        self.run_command("move", "--wait", "arch", "/b")
        self.assertEqual(left, [])

    def test_an_error_ends_the_waiting(self):
        self.forget_moves()
        self.steps({"error": 3, "error_string": "disk full"})
        self.assertIn("arch: disk full", self.fails(1, "move", "--wait", "arch", "/b"))

    def test_a_stopped_torrent_is_moved_too(self):
        moving = {"step": "copying", "location": "/b", "bytes_done": 1, "bytes_total": 2}
        self.daemon.torrents[3]["status"] = 0
        self.steps({"tx_move": moving}, {"tx_move": None, "download_dir": "/b"})
        self.run_command("move", "--wait", "arch", "/b")


class Rename(Case):
    def test_methods(self):
        for option, path in ((), "arch"), (("--path", "arch/a.txt"), "arch/a.txt"):
            expected = {"ids": [C], "path": path, "name": "new"}
            self.does(["rename", "arch", "new", *option], ("torrent_rename_path", expected))

    def test_no_paths(self):
        for name in ("a/b", "", ".", ".."):
            self.does_nothing(2, ["rename", "arch", name], "not a file's name")


class Queue(Case):
    def test_methods(self):
        for where in ("top", "up", "down", "bottom"):
            self.does(["queue", "1", "3", f"--{where}"], (f"queue_move_{where}", {"ids": [A, C]}))
        self.does(
            ["queue", "1", "--position", "0"], ("torrent_set", {"ids": [A], "queue_position": 0})
        )

    def test_bad_input(self):
        for arguments in (
            ["1"],
            ["--top"],
            ["1", "--top", "--position", "3"],
            ["1", "--position", "-1"],
        ):
            self.does_nothing(2, ["queue", *arguments], "")

    def test_shows(self):
        self.daemon.torrents[1]["queue_position"] = 7
        self.assertEqual(
            [row.split()[:3] for row in self.rows("queue")],
            [
                ["Queue", "ID", "Name"],
                ["1", "2", "debian-13"],
                ["2", "3", "arch"],
                ["7", "1", "debian-12"],
            ],
        )
        self.assertEqual([each["id"] for each in self.json("queue", "--json")], [2, 3, 1])


class Label(Case):
    def labels(self, number, labels):
        return ("torrent_set", {"ids": [str(number) * 40], "labels": labels})

    def test_changes(self):
        add, remove = ["--add", "x", "--add", "y"], ["--remove", "keep"]
        self.does(["label", "1", *add], self.labels(1, ["x", "y"]))
        self.does(["label", "3", *add], self.labels(3, ["keep", "x", "y"]))
        self.does(["label", "3", *remove], self.labels(3, []))
        self.does(["label", "3", "--clear", *add], self.labels(3, ["x", "y"]))

    def test_each_keeps_its_own(self):
        self.does(
            ["label", "1", "3", "-a", "x"], self.labels(1, ["x"]), self.labels(3, ["keep", "x"])
        )

    def test_nothing_to_change(self):
        self.does(["label", "3", "-a", "keep"])
        self.assertEqual(self.lines("label", "1", "3"), ["debian-12: no labels", "arch: keep"])
