"""What keys do, how it looks, and the round between them and the daemon."""

from io import StringIO

from rich.cells import cell_len
from rich.console import Console

from tests.cli.daemon import NOW, CommandCase, torrent
from txtorrent.cli.endpoint import parse
from txtorrent.cli.shell import Shell
from txtorrent.cli.watch import view
from txtorrent.cli.watch.actions import HELP, Keys
from txtorrent.cli.watch.model import Model
from txtorrent.cli.watch.screen import EVERYTHING_EVERY, Poll, run

A, B = "1" * 40, "2" * 40


class Case(CommandCase):
    def setUp(self):
        super().setUp()
        self.daemon.add(torrent(1, "arch"), torrent(2, "debian", status=0))
        self.now = NOW
        self.shell = Shell(self.environ, lambda: self.now, self.sleep, parse(self.daemon.path))
        self.model = Model()
        self.poll = Poll(self.shell, self.model)
        self.poll.run()
        self.keys = Keys(self.model, self.shell.api)
        self.daemon.calls.clear()

    def press(self, *keys):
        for key in keys:
            self.keys.press(key)


class Pressing(Case):
    def test_choosing(self):
        for key, chosen in (
            ("down", B), ("down", B), ("k", A), ("up", A), ("G", B), ("g", A), ("j", B),
            ("home", A), ("end", B), ("pageup", A), ("pagedown", B),
        ):  # fmt: skip
            self.press(key)
            self.assertEqual(self.model.chosen, chosen, key)

    def test_acts(self):
        for key, method in (
            (" ", "torrent_stop"), ("enter", "torrent_stop"), ("n", "torrent_start_now"),
            ("v", "torrent_verify"), ("a", "torrent_reannounce"), ("+", "queue_move_up"),
            ("-", "queue_move_down"),
        ):  # fmt: skip
            with self.subTest(key):
                self.daemon.calls.clear()
                self.press(key)
                self.assertEqual(self.daemon.calls, [(method, {"ids": [A]})])
                self.assertIn("arch", self.model.message)

    def test_starts_what_is_stopped(self):
        self.press("down", " ")
        self.assertEqual(self.daemon.calls, [("torrent_start", {"ids": [B]})])

    def test_nothing_chosen(self):
        self.model.filter("nothing")
        self.press(" ", "x", "y")
        self.assertEqual(self.daemon.calls, [])

    def test_removing_asks(self):
        for key, with_data, words in (("x", False, "content stays"), ("X", True, "DELETE")):
            self.daemon.calls.clear()
            self.model.replace(self.daemon.torrents.values())
            self.model.choose(0)
            for answer in ("n", "q", "escape", key):
                self.press(key)
                self.assertIn(words, self.model.message)
                self.press(answer)
                self.assertEqual(self.model.message, "")
            self.assertEqual((self.daemon.calls, self.keys.is_over), ([], False))
            self.press(key, "y")
            expected = {"ids": [A], "delete_local_data": with_data}
            self.assertEqual(self.daemon.calls, [("torrent_remove", expected)])
            self.assertEqual([each["id"] for each in self.model.rows], [2])

    def test_it_is_the_one_that_was_asked_about_that_goes(self):
        self.press("x")
        self.model.choose(1)
        self.press("y")
        self.assertEqual(self.daemon.calls[0][1]["ids"], [A])

    def test_filter(self):
        self.press("/", "D", "e", "q")
        self.assertEqual((self.model.text, len(self.model.rows)), ("Deq", 0))
        self.press("backspace", "enter")
        self.assertEqual((self.model.chosen, self.keys.is_typing), (B, False))
        self.press("escape")
        self.assertEqual(len(self.model.rows), 2)
        self.press("/", "z", "escape", "q")
        self.assertEqual((self.model.text, self.keys.is_over), ("", True))

    def test_views(self):
        self.press("r")
        self.assertTrue(self.model.backwards)
        self.press("o")
        self.assertNotEqual(self.model.order, "name")
        self.press("f")
        self.assertEqual(self.model.kind, "active")

    def test_ctrl_c_whatever_is_asked(self):
        for before in ("x", "/", "j"):
            self.keys = Keys(self.model, self.shell.api)
            self.press(before, "interrupt")
            self.assertTrue(self.keys.is_over)

    def test_refusals_are_shown(self):
        self.daemon.answers["torrent_stop"] = (5, "system error", "disk \x1b[2J full")
        self.press(" ")
        self.assertEqual(self.model.message, "system error: disk \\u001b[2J full")

    def test_unknown_keys(self):
        self.press("left", "Z", "5")
        self.assertEqual(self.daemon.calls, [])

    def test_the_help_has_them_all(self):
        named = {key for keys, _ in HELP for key in ([keys] if keys == "space" else keys)}
        self.assertEqual(named, {*"↑↓/fornvaxXq+-", "space"})


class Looks(Case):
    def picture(self, width, height, is_ascii=False):
        console = Console(width=width, height=height, file=StringIO())
        console.print(view.screen(self.model, self.keys, width, height, is_ascii))
        return console.file.getvalue().splitlines()

    def test_it_fills_the_screen_and_no_more(self):
        self.daemon.add(*(torrent(n, "二" * n, labels=["x" * 90]) for n in range(3, 60)))
        self.poll.ask()
        for count in (60, 1, 0):
            self.model.replace(list(self.daemon.torrents.values())[:count])
            for width in (40, 80, 132, 200):
                for height in (8, 24, 50):
                    lines = self.picture(width, height)
                    self.assertEqual(len(lines), height, (count, width))
                    self.assertLessEqual(max(map(cell_len, lines)), width)

    def test_torrents_with_bars(self):
        self.daemon.torrents[1].update(percent_done=0.5, status=4, rate_download=5000)
        self.poll.ask()
        arch = next(line for line in self.picture(100, 10) if "arch" in line)
        for part in ("50.0%", "██████ ", "downloading", "5.00 kB/s"):
            self.assertIn(part, arch)
        self.assertIn("######......", "\n".join(self.picture(100, 10, is_ascii=True)))

    def test_messages(self):
        for keys, part in ((["/", "a"], "/a_"), (["enter"], "only 'a'"), (["x"], "remove arch")):
            self.press(*keys)
            self.assertIn(part, "\n".join(self.picture(80, 10)))

    def test_why(self):
        self.daemon.torrents[1]["tx_waiting"] = "disk full"
        self.poll.ask()
        self.assertIn("disk full", self.picture(80, 10)[-2])

    def test_bars(self):
        for share, expected in (
            (0, "    "), (1, "████"), (0.5, "██  "), (0.999, "███▉"), (0.03, "    "),
            (0.04, "▏   "), (2, "████"), (-1, "    "),
        ):  # fmt: skip
            self.assertEqual(view.bar(share, 4), expected)
        self.assertEqual(view.bar(0.99, 4, is_ascii=True), "###.")

    def test_graphs(self):
        for values, expected in (
            ([], "    "), ([0, 0], "    "), ([8], "   █"), ([1, 2, 4, 8], "▂▃▅█"),
            ([9, 9, 0, 1, 4], "█ ▁▄"),
        ):  # fmt: skip
            self.assertEqual(view.graph(values, 4), expected)
        self.assertEqual(view.graph([1, 8], 4, is_ascii=True), "  :%")


class Round(Case):
    def test_all_at_first_and_then_what_changed(self):
        for _ in range(EVERYTHING_EVERY):
            self.poll.ask()
        asked = [params.get("ids") for _, params in self.daemon.calls]
        self.assertEqual(asked, ["recently_active"] * (EVERYTHING_EVERY - 1) + [None])

    def test_what_was_removed(self):
        self.daemon.answers["torrent_get"] = {"torrents": [["id"]], "removed": [2]}
        self.poll.ask()
        self.assertEqual([each["id"] for each in self.model.rows], [1])

    def test_once_a_second(self):
        self.poll.run()
        self.assertEqual((len(self.daemon.calls), self.poll.wait), (0, 1.0))
        self.now += 0.75
        self.poll.run()
        self.assertEqual((len(self.daemon.calls), self.poll.wait), (0, 0.25))
        self.now += 0.25
        self.poll.run()
        self.assertEqual((len(self.daemon.calls), self.poll.wait), (1, 1.0))
        self.poll.hurry()
        self.poll.run()
        self.assertEqual(len(self.daemon.calls), 2)

    def test_a_clock_set_back(self):
        self.now -= 3600
        self.assertLessEqual(self.poll.wait, 1.0)

    def test_a_daemon_that_is_gone_is_waited_for(self):
        self.daemon.statuses = [500]
        self.now += 1
        self.poll.run()
        self.assertIn("HTTP status 500", self.model.message)
        self.assertEqual(len(self.model.rows), 2)
        self.now += 1
        self.poll.run()
        self.assertNotIn("ids", self.daemon.calls[-1][1], "it may be another one now")

    def test_until_q(self):
        typed = [["j"], [], [" "], ["q"]]
        waits = []

        class Typist:
            def wait(self, seconds):
                waits.append(seconds)
                return typed.pop(0)

        console = Console(file=StringIO(), force_terminal=True, width=80, height=24)
        self.patch(Shell, "console", lambda shell: console)
        run(self.shell, self.model, self.poll, Typist())
        methods = [method for method, _ in self.daemon.calls]
        self.assertEqual(methods, ["torrent_get", "torrent_start", "torrent_get"])
        self.assertIn("debian", console.file.getvalue())
        self.assertTrue(all(0 <= seconds <= 1 for seconds in waits))

    def test_needs_a_terminal(self):
        self.assertIn("watch needs a terminal", self.fails(1, "watch"))
