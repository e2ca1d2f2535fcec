"""The command line: every mistake gives one line and status 1, and leaves nothing behind."""

import os
import socket
from subprocess import PIPE, Popen

from twisted.trial.unittest import SynchronousTestCase

from tests.daemon.commands import command, environment, run
from tests.testing import torrents
from txtorrent import __version__
from txtorrent.bencode import encode
from txtorrent.daemon import checks, space
from txtorrent.daemon.errors import UserError
from txtorrent.daemon.options import Options, StopWhen, default_state
from txtorrent.storage.lockfile import lock
from txtorrent.torrent.shared import Allocation

CONTENT = torrents.content(1, 100_000)
GOOD = torrents.make(CONTENT, name="good")


def damaged():
    """Name of a bad .torrent file, its content, and what the complaint has to say."""
    page = b"<!DOCTYPE html><html>log in</html>"
    unsafe = torrents.make({"../..": b"x"}, name="..")
    return {
        "page": (page, "web page"),
        "empty": (b"", "the file is empty"),
        "noise": (bytes(range(256)), "not a .torrent file"),
        "cut": (GOOD[:-100], "not a well formed .torrent file"),
        "no-info": (encode({b"announce": b"http://x/"}), "has no `info`"),
        "odd-pieces": (torrents.make(CONTENT, info_extra={b"pieces": bytes(139)}), "piece hashes"),
        "few-pieces": (torrents.make(CONTENT, info_extra={b"pieces": bytes(20)}), "1 pieces"),
        "no-pieces": (torrents.make(CONTENT, info_extra={b"piece length": 0}), "piece length"),
        "unsafe": (unsafe, None),
        "v2": (
            encode({b"info": {b"meta version": 2, b"file tree": {}, b"name": b"x"}}),
            "v2 only: not supported yet",
        ),
        "huge": (b"d" + bytes(11_000_000), "too large"),
    }


class CommandLine(SynchronousTestCase):
    """Each test has a folder with good.torrent in it, and sees that nothing is added."""

    def setUp(self):
        self.home = os.path.abspath(self.mktemp())
        os.mkdir(self.home)
        self.write("good.torrent", GOOD)
        self.patch(os, "environ", {**os.environ, "HOME": self.home})
        for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
            os.environ.pop(name, None)
        here = os.getcwd()
        os.chdir(self.home)
        self.addCleanup(os.chdir, here)

    def write(self, name, data):
        with open(os.path.join(self.home, name), "wb") as file:
            file.write(data)

    def everything(self):
        return sorted(
            os.path.join(folder, name)
            for folder, folders, files in os.walk(self.home)
            for name in folders + files
        )

    def parse(self, *arguments):
        options = Options()
        options.parseOptions(["--torrent", "good.torrent", "--port", "0", *map(str, arguments)])
        return options

    def refuse(self, *arguments):
        """The line that a command line gives which must not be accepted."""
        before = self.everything()
        error = self.assertRaises(UserError, Options().parseOptions, list(map(str, arguments)))
        self.assertEqual(self.everything(), before)
        return self.one_line(str(error))

    def refuse_option(self, *arguments):
        return self.refuse("--torrent", "good.torrent", "--port", "0", *arguments)

    def one_line(self, text):
        start = "txtorrent: "
        self.assertTrue(text.startswith(start), text)
        self.assertNotIn("\n", text)
        return text.removeprefix(start)


class Mistakes(CommandLine):
    def test_a_torrent_without_its_option(self):
        line = self.refuse("good.torrent")
        self.assertEqual(
            line, "'good.torrent' is no option; to add a torrent write --torrent good.torrent"
        )

    def test_unknown_option(self):
        self.assertIn("--frobnicate", self.refuse("--frobnicate"))

    def test_option_without_its_value(self):
        self.assertIn("--torrent", self.refuse("--torrent"))

    def test_torrents_that_cannot_be_read(self):
        os.mkdir("folder")
        os.mkfifo("pipe")
        for path, words in (
            ("missing.torrent", "missing.torrent: cannot be read: no such file or directory"),
            ("folder", "folder: "),
            ("pipe", "pipe: not a file"),
            ("good.torrent/x", "not a directory"),
        ):
            with self.subTest(path):
                self.assertIn(words, self.refuse_option("--torrent", path))

    def test_links_that_are_none(self):
        for link, words in (
            ("magnet:?dn=something", "has no info-hash"),
            ("magnet:?xt=urn:btih:12345", "has 5 characters where 40 (or 32) are right"),
            ("magnet:?xt=urn:btih:" + 40 * "z", "is neither in hexadecimal nor in base32"),
            ("magnet:?xt=urn:ed2k:31D6CFE0", "is not for BitTorrent"),
            ("magnet:?xt=urn:btmh:1220" + 64 * "a", "v2-only"),
            ("magnet:?xt=urn:btih:" + 40 * "a" + "&so=x", "so"),
        ):
            self.assertIn(words, self.refuse("--torrent", link), link)

    def test_damaged_torrents(self):
        for name, (data, words) in damaged().items():
            if words is None:
                continue
            with self.subTest(name):
                self.write(f"{name}.torrent", data)
                line = self.refuse_option("--torrent", f"{name}.torrent")
                self.assertTrue(line.startswith(f"{name}.torrent: "), line)
                self.assertIn(words, line)

    def test_a_torrent_of_nothing_but_dots_is_made_safe(self):
        """Nothing is refused that can be loaded under a safe name."""
        self.write("unsafe.torrent", damaged()["unsafe"][0])
        options = self.parse("--torrent", "unsafe.torrent")
        for file in options.metainfos[1].files:
            for component in file.path:
                self.assertNotIn(component, ("", ".", ".."))

    def test_values(self):
        for option, values, words in (
            ("--port", ("x", "-1", "65536", "1.5", "", "٣"), "from 0 to 65535"),
            ("--max-peers", ("0", "x", "100001"), "from 1 to 100000"),
            ("--max-connections", ("0", "-1", "1000001"), "from 1 to 1000000"),
            ("--download-rate", ("fast", "-1", "5 parsecs"), "as in 5MB or 512KiB"),
            ("--upload-rate", ("", "1,5MB"), "as in 5MB or 512KiB"),
            ("--interface", ("eth0", "localhost", "1.2.3"), "is no IP address"),
            ("--allocation", ("some",), "write sparse or full"),
            ("--stop-when", ("done", "ratio", "ratio:", "ratio:x", "ratio:-1"), "never"),
            ("--log-level", ("loud", "INFO"), "write one of debug, info"),
            ("--control", ("x", "unix:", ""), "is no endpoint"),
            ("--peer", ("host", "host:", ":80", "host:x", "host:70000", "host:0", "::1:80"), ""),
        ):
            for value in values:
                with self.subTest(option=option, value=value):
                    line = self.refuse_option(option, value)
                    self.assertTrue(line.startswith(f"{option}: "), line)
                    self.assertIn(words, line)

    def test_directories_that_cannot_be(self):
        self.write("file", b"")
        for option in ("--directory", "--state"):
            for path in ("file", "file/below", "good.torrent/a/b", "/proc/nothing-here"):
                with self.subTest(option=option, path=path):
                    line = self.refuse_option(option, path)
                    self.assertTrue(line.startswith(f"{option} {os.path.abspath(path)}: "), line)
                    self.assertIn("give a directory that you may write to", line)

    def test_directory_of_others(self):
        self.patch(checks.os, "access", lambda path, mode: False)
        self.assertIn("Permission denied; give", self.refuse_option())

    def test_a_link_to_nowhere(self):
        os.symlink("nowhere", "link")
        self.assertIn("--state ", self.refuse_option("--state", "link"))

    def test_port_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            line = self.refuse_option("--port", port, "--interface", "127.0.0.1")
        self.assertEqual(
            line,
            f"--port {port} of 127.0.0.1 is in use by another program; choose another one,"
            " or 0 for any free one",
        )

    def test_interface_of_another_machine(self):
        line = self.refuse_option("--interface", "192.0.2.77")
        self.assertEqual(line, "--interface 192.0.2.77: this machine has no such address")

    def test_port_that_needs_privileges(self):
        line = checks.explain_port(None, 80, PermissionError(13, "Permission denied"))
        self.assertEqual(line, "--port 80 may not be taken by this user; choose one above 1023")

    def test_state_in_use(self):
        os.mkdir("state")
        descriptor = lock("state")
        self.addCleanup(os.close, descriptor)
        line = self.refuse_option("--state", "state")
        self.assertEqual(
            line,
            f"--state: {os.path.abspath('state')} is in use by process {os.getpid()}: stop that"
            " one first, or give this one a state directory of its own",
        )

    def test_no_space_for_all_of_it(self):
        self.patch(space, "free", lambda directory: 99_999)
        line = self.refuse_option("--allocation", "full")
        self.assertIn("no space: 100 kB are needed and 100 kB are free", line)
        self.parse("--allocation", "sparse")


class Accepted(CommandLine):
    def test_defaults(self):
        options = self.parse()
        self.assertEqual(options["directory"], os.path.join(self.home, "Downloads"))
        self.assertEqual(options["state"], os.path.join(self.home, ".local/state/txtorrent"))
        self.assertTrue(os.path.isdir(options["directory"]))
        self.assertTrue(os.path.isdir(options["state"]))
        self.assertEqual([metainfo.name for metainfo in options.metainfos], ["good"])
        self.assertEqual(options.config_dir, os.path.join(self.home, ".config/txtorrent"))
        self.assertEqual(options.endpoints, [])
        self.assertEqual(
            {
                name: options[name]
                for name in ("interface", "allocation", "stop-when", "log-level", "recheck",
                             "log-json")
            },
            {
                "interface": None, "allocation": Allocation.SPARSE, "stop-when": StopWhen(None),
                "log-level": "info", "recheck": 0, "log-json": 0,
            },
        )  # fmt: skip

    def test_without_a_torrent(self):
        """It is a service: the list in its state directory says what to do."""
        options = Options()
        options.parseOptions(["--port", "0"])
        self.assertEqual(options.metainfos, [])

    def test_values(self):
        options = self.parse(
            "--directory", "a/b", "--state", "s", "--interface", "::ffff:127.0.0.1",
            "--max-peers", "7", "--max-connections", "9",
            "--download-rate", "5MB", "--upload-rate", "512KiB",
            "--stop-when", "ratio:1.5", "--log-level", "debug", "--allocation", "full",
            "--peer", "127.0.0.1:1", "--peer", "[::1]:2", "--peer", "name.example:3",
            "--control", "unix:x.sock", "--control", "tcp:9091:interface=127.0.0.1", "--log-json",
        )  # fmt: skip
        self.assertEqual(options["directory"], os.path.join(self.home, "a", "b"))
        self.assertEqual(options["state"], os.path.join(self.home, "s"))
        self.assertEqual(options["interface"], "127.0.0.1")
        self.assertEqual(options["stop-when"].ratio, 1.5)
        self.assertEqual(options["allocation"], Allocation.FULL)
        self.assertEqual((options["log-level"], options["log-json"]), ("debug", True))
        self.assertEqual(options.peers, [("127.0.0.1", 1), ("::1", 2), ("name.example", 3)])
        self.assert_settings(
            options.settings,
            peer_limit_per_torrent=7,
            peer_limit_global=9,
            speed_limit_down=5_000_000,
            speed_limit_down_enabled=True,
            speed_limit_up=524_288,
            speed_limit_up_enabled=True,
            control_endpoints=["unix:x.sock", "tcp:9091:interface=127.0.0.1"],
        )

    def test_no_limit(self):
        options = self.parse("--upload-rate", "0")
        self.assert_settings(options.settings, speed_limit_up_enabled=False)

    def test_no_control(self):
        self.assert_settings(self.parse("--control", "none").settings, control_endpoints=[])

    def assert_settings(self, settings, **expected):
        self.assertEqual({name: settings.get(name) for name in expected}, expected)

    def test_the_same_torrent_twice_is_one(self):
        self.write("again.torrent", GOOD)
        self.assertEqual(len(self.parse("--torrent", "again.torrent").metainfos), 1)

    def test_a_magnet_link(self):
        link = "magnet:?xt=urn:btih:" + 20 * "Ab"
        options = self.parse("--torrent", link, "--torrent", link.upper().replace("XT=", "xt="))
        self.assertEqual(options.sources[1:], [link.lower()])

    def test_no_dht(self):
        self.assertTrue(self.parse().settings.get("dht_enabled"))
        self.assertFalse(self.parse("--no-dht").settings.get("dht_enabled"))

    def test_state_home(self):
        os.environ["XDG_STATE_HOME"] = "/srv/state"
        self.assertEqual(default_state(), "/srv/state/txtorrent")

    def test_a_state_directory_that_is_free_again(self):
        os.mkdir("state")
        os.close(lock("state"))
        self.parse("--state", "state")

    def test_stop_when(self):
        for text, ratio in (
            ("never", None),
            ("complete", 0.0),
            ("ratio:2", 2.0),
            ("ratio:0.5", 0.5),
        ):
            with self.subTest(text):
                self.assertEqual(StopWhen.parse(text).ratio, ratio)


class SettingsFile(CommandLine):
    """What is in it counts unless the command line says otherwise; what is wrong is told."""

    def setUp(self):
        super().setUp()
        self.write("set.toml", b"")

    def parse_with(self, text, *arguments):
        self.write("set.toml", text.encode())
        return self.parse("--config", "set.toml", *arguments)

    def test_counts_before_the_defaults(self):
        options = self.parse_with(f'download_dir = "{self.home}/content"\nlog_level = "warn"')
        self.assertEqual(options["directory"], os.path.join(self.home, "content"))
        self.assertEqual(options["log-level"], "warn")
        self.assertEqual(options.config_dir, self.home)

    def test_the_command_line_counts_before_it(self):
        options = self.parse_with(
            'peer_limit_per_torrent = 5\nspeed_limit_up = "1MB"',
            "--max-peers", "6", "--upload-rate", "0",
        )  # fmt: skip
        self.assertEqual(options.settings.get("peer_limit_per_torrent"), 6)
        self.assertEqual(options.settings.get("speed_limit_up_enabled"), False)

    def test_what_was_changed_at_run_time_counts_before_the_file(self):
        options = self.parse_with("peer_limit_per_torrent = 5\ndownload_queue_size = 4")
        settings = options.settings_with({"peer_limit_per_torrent": 8})
        self.assertEqual(settings.get("peer_limit_per_torrent"), 8)
        self.assertEqual(settings.get("download_queue_size"), 4)
        self.assertEqual(settings.overridden, ["peer_limit_per_torrent"])

    def test_the_usual_one(self):
        folder = os.path.join(self.home, "configuration", "txtorrent")
        os.makedirs(folder)
        os.environ["XDG_CONFIG_HOME"] = os.path.dirname(folder)
        self.write("configuration/txtorrent/config.toml", b"peer_limit_per_torrent = 5")
        self.assertEqual(self.parse().settings.get("peer_limit_per_torrent"), 5)

    def test_that_is_wrong(self):
        for text, words in (
            ("\nfrobnicate = 1", "set.toml:2: "),
            ("peer_prot = 1", "peer_port"),
            ("peer_port = 70000", "set.toml:1: peer_port: "),
            ("peer_port", "set.toml:1: "),
        ):
            with self.subTest(text):
                self.write("set.toml", text.encode())
                self.assertIn(words, self.refuse_option("--config", "set.toml"))

    def test_that_is_not_there(self):
        """The usual one may be missing, one that is named must not."""
        line = self.refuse_option("--config", "missing.toml")
        self.assertEqual(line, "--config missing.toml: No such file or directory")


class RealTwistd(CommandLine):
    """The main mistakes, as a user meets them."""

    def complain(self, *arguments, runner="twistd"):
        before = self.everything()
        status, output, errors = run(self.home, "txtorrent", *arguments, runner=runner)
        self.assertEqual((status, output), (1, ""), errors)
        self.assertEqual(self.everything(), before)
        self.assertTrue(errors.endswith("\n"), errors)
        return self.one_line(errors[:-1])

    def test_mistakes(self):
        self.write("cut.torrent", GOOD[:-100])
        self.write("file", b"")
        torrent = ("--torrent", "good.torrent", "--port", "0")
        for arguments, words in (
            (("x.torrent",), "to add a torrent write --torrent x.torrent"),
            (("--torrent", "missing.torrent"), "missing.torrent: cannot be read"),
            (("--torrent", "cut.torrent"), "cut.torrent: not a well formed .torrent file"),
            ((*torrent, "--directory", "file"), "give a directory that you may write to"),
            ((*torrent, "--upload-rate", "fast"), "--upload-rate: 'fast' is no size"),
            ((*torrent, "--interface", "192.0.2.77"), "this machine has no such address"),
        ):
            with self.subTest(words):
                self.assertIn(words, self.complain(*arguments))

    def test_twist(self):
        self.assertIn(
            "--port: 'x' is no whole number", self.complain("--port", "x", runner="twist")
        )

    def test_help(self):
        for runner in ("twistd", "twist"):
            with self.subTest(runner):
                status, output, errors = run(self.home, "txtorrent", "--help", runner=runner)
                self.assertEqual((status, errors), (0, ""))
                self.assertTrue(output.startswith("Usage: twistd -n txtorrent [options]"))
                for line in output.splitlines():
                    self.assertLessEqual(len(line), 80, line)

    def test_version(self):
        shown = run(self.home, "txtorrent", "--version")
        self.assertEqual(shown, (0, f"txtorrent {__version__}\n", ""))

    def test_help_whose_reader_has_gone(self):
        """`twistd txtorrent --help | head`."""
        reading, writing = os.pipe()
        os.close(reading)
        with Popen(
            command("txtorrent", "--help"),
            stdout=writing, stderr=PIPE, cwd=self.home, env=environment(self.home),
        ) as process:  # fmt: skip
            os.close(writing)
            errors = process.communicate()[1]
        self.assertEqual((process.returncode, errors), (0, b""))
