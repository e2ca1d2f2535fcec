"""`list`."""

from rich.cells import cell_len
from rich.console import Console

from tests.cli.daemon import CommandCase, torrent
from txtorrent.cli.columns import USUAL, fitting
from txtorrent.cli.commands.listing import heading, state_style
from txtorrent.cli.grid import lines
from txtorrent.cli.shell import Shell


class List(CommandCase):
    def setUp(self):
        super().setUp()
        trackers = [{"announce": "udp://tracker.debian.org:6969/x", "tier": 0}]
        self.daemon.add(
            torrent(1, "ubuntu.iso", rate_upload=2_000_000, labels=["linux"]),
            torrent(2, "Debian 12", status=4, left_until_done=5, percent_done=0.5, eta=90,
                    labels=["linux", "keep"], trackers=trackers, rate_download=3_210_000),
            torrent(3, "arch", status=0),
        )  # fmt: skip

    def names(self, *arguments):
        return [each["name"] for each in self.json("list", "--json", *arguments)]

    def test_a_table(self):
        self.assertEqual(
            self.rows("list"),
            [
                "ID Name Done Size State Down Up ETA Ratio Peers Labels",
                "3 arch 100% 1.00 MB stopped - - - 1.50 3 -",
                "2 Debian 12 50.0% 1.00 MB downloading 3.21 MB/s - 1m30s 1.50 3 linux, keep",
                "1 ubuntu.iso 100% 1.00 MB seeding - 2.00 MB/s - 1.50 3 linux",
            ],
        )

    def test_filters(self):
        for arguments, names in (
            ((), ["arch", "Debian 12", "ubuntu.iso"]),
            (("UBU",), ["ubuntu.iso"]),
            (("deb", "12"), ["Debian 12"]),
            (("deb", "13"), []),
            (("-l", "linux"), ["Debian 12", "ubuntu.iso"]),
            (("-l", "keep", "-l", "none"), ["Debian 12"]),
            (("-s", "active", "-s", "stopped"), ["arch", "Debian 12", "ubuntu.iso"]),
            (("-s", "active", "-l", "keep"), ["Debian 12"]),
            (("--state", "downloading"), ["Debian 12"]),
            (("--tracker", "DEBIAN.org"), ["Debian 12"]),
            (("--tracker", "6969"), []),
        ):
            with self.subTest(arguments):
                self.assertEqual(self.names(*arguments), names)

    def test_sorting(self):
        self.assertEqual(self.names("--sort", "up"), ["ubuntu.iso", "arch", "Debian 12"])
        self.assertEqual(self.names("--sort", "id", "-r"), ["arch", "Debian 12", "ubuntu.iso"])

    def test_columns(self):
        self.assertEqual(
            self.rows("list", "--columns", "hash,tracker,name", "debian"),
            ["Hash Tracker Name", "22222222 tracker.debian.org Debian 12"],
        )

    def test_hashes_for_scripts(self):
        self.assertEqual(self.lines("list", "-q", "-s", "stopped"), ["3" * 40])

    def test_only_what_is_shown_is_asked_for(self):
        self.run_command("list", "--columns", "name")
        self.assertNotIn("trackers", self.daemon.calls[-1][1]["fields"])

    def test_bad_input(self):
        for arguments, part in (
            (("--state", "sleeping"), "sleeping"),
            (("--sort", "colour"), "colour"),
            (("--columns", "name,colour"), "no column 'colour'; there are id, name"),
        ):
            with self.subTest(arguments):
                self.assertIn(part, self.fails(2, "list", *arguments))

    def test_nothing_there(self):
        self.daemon.torrents.clear()
        self.assertEqual(len(self.lines("list")), 1)
        self.assertEqual(self.names(), [])


class Terminal(CommandCase):
    def table(self, torrents, width):
        columns = fitting(USUAL, width)
        rows = ([column.show(each) for column in columns] for each in torrents)
        return list(lines(list(map(heading, columns)), rows, width))

    def test_no_line_is_wider_than_the_terminal(self):
        torrents = [torrent(1, "long " * 50, labels=["a" * 80]), torrent(2, "二" * 100)]
        for width in (20, 40, 80, 132, 200):
            shown = self.table(torrents, width)
            self.assertEqual(len(shown), 3)
            self.assertLessEqual(max(map(cell_len, shown)), width)

    def test_names_are_cut_and_numbers_are_not(self):
        fields = {"percent_done": 0.123, "rate_upload": 123_456, "size_when_done": 12_345_678}
        row = self.table([torrent(12345, "long " * 50, **fields)], 110)[1].split()
        for part in ("12345", "12.3%", "12.3", "123", "kB/s", "1.50"):
            self.assertIn(part, row)
        self.assertEqual(sum("…" in word for word in row), 1)

    def test_states_have_their_colours(self):
        self.assertEqual(state_style("checking 34.5%"), state_style("checking"))
        self.assertNotEqual(state_style("error"), "")
        self.daemon.add(torrent(1, "arch", status=0))
        self.patch(Shell, "console", lambda shell: Console(force_terminal=True, width=80))
        self.assertIn("\x1b[2mstopped", self.run_command("list", "--columns", "state").stdout)

    def test_a_name_cannot_drive_the_terminal(self):
        self.daemon.add(torrent(1, "\x1b]0;gotcha\x07[red]x[/red]", labels=["\x1b[2J"]))
        output = self.run_command("list").stdout
        self.assertNotIn("\x1b", output)
        self.assertIn("[red]x[/red]", output)
