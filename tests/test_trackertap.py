"""The tracker's twistd plugin: its command line, real processes under both runners, and the tracker
that runs beside the seedbox."""

import os
import signal
from urllib.request import urlopen

from tests.daemon.commands import Daemon, run
from tests.test_tap import CONTENT, Home
from tests.testing.loopback import free_port, next_host
from txtorrent.bencode import decode
from txtorrent.daemon.errors import UserError
from txtorrent.metainfo.torrentfile import parse
from txtorrent.trackertap import Options, default_state

HOST = next_host()
QUERY = "/announce?info_hash={}&peer_id=-TX0000-000000000001&port=6881&left=0"
HASH = "%11" * 20

# (arguments, a part of the one line that refuses them)
MISTAKES = [
    (["--htp", "tcp:1"], "--htp not recognized (see twistd txtorrent-tracker --help)"),
    (["tracker.toml"], "'tracker.toml' is no option"),
    (["--http", "6969"], "--http: '6969' is no endpoint"),
    (["--udp", "6969"], "--udp: '6969': expected host:port"),
    (["--udp", "localhost:6969"], "--udp: 'localhost:6969': write an IP address"),
    (["--udp", "127.0.0.1:70000"], "--udp: '127.0.0.1:70000': the port must be a number"),
    (["--port", "0"], "--port: '0' is no whole number from 1 to 65535"),
    (["--port", "x"], "--port: 'x' is no whole number"),
    (["--store", "disk"], '--store: write "memory" or "redis://HOST:PORT/DB"'),
    (["--config", "missing.toml"], "missing.toml: cannot be read: no such file"),
    (["--config", "tracker.ini"], "name the settings file .toml or .json"),
    (["--log-level", "loud"], "--log-level: 'loud': write one of debug"),
    (["--http", "none", "--udp", "none"], "to listen: leave out --http none or --udp none"),
    (["--state", ""], "--state: write a path, or none"),
]


class CommandLine(Home):
    def options(self, *arguments):
        options = Options()
        options.parseOptions(arguments)
        return options.config

    def write(self, text, name="tracker.toml"):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def test_defaults(self):
        config = self.options()
        self.assertEqual((config.port, config.http, config.udp), (6969, None, None))
        self.assertEqual((config.store, config.state_file), ("memory", default_state()))

    def test_what_is_given_counts_before_the_file(self):
        path = self.write('port = 1\nstore = "redis://h:1/2"\nstate_file = "x"\nnumwant = 7')
        config = self.options("--config", path)
        self.assertEqual((config.port, config.store), (1, "redis://h:1/2"))
        self.assertEqual(config.state_file, self.path("x"))
        config = self.options(
            "--config", path, "--port", "2", "--store", "memory", "--state", "y",
            "--http", "tcp:80", "--http", "tcp:81", "--udp", "none",
        )  # fmt: skip
        self.assertEqual((config.port, config.store, config.numwant), (2, "memory", 7))
        self.assertEqual(config.state_file, os.path.abspath("y"))
        self.assertEqual((config.http, config.udp), (("tcp:80", "tcp:81"), ()))
        self.assertEqual(self.options("--state", "none").state_file, "")

    def test_mistakes(self):
        for arguments, words in MISTAKES:
            error = self.assertRaises(UserError, self.options, *arguments)
            self.assertIn(words, str(error))
            self.assertTrue(str(error).startswith("txtorrent-tracker: "), error)
            self.assertNotIn("\n", str(error))

    def test_a_port_beside_a_file_that_says_where(self):
        for text, arguments, words in (
            ("http = ['tcp:80']", [], "http"),
            ("udp = ['1.2.3.4:1']", ["--http", "tcp:1"], "udp"),
            ("http = ['tcp:80']\nudp = ['1.2.3.4:1']", [], "http and udp"),
        ):
            path = self.write(text)
            error = self.assertRaises(
                UserError, self.options, "--config", path, "--port", "7000", *arguments
            )
            self.assertIn(f"--port: {path} says where with {words}: change that", str(error))
        path = self.write("http = []")
        config = self.options("--config", path, "--port", "7000")
        self.assertEqual((config.port, config.http, config.udp), (7000, (), None))
        path = self.write("http = ['tcp:80']")
        config = self.options("--config", path, "--port", "7000", "--http", "tcp:81")
        self.assertEqual((config.port, config.http), (7000, ("tcp:81",)))

    def test_nowhere_to_listen(self):
        for text, arguments, words in (
            ("http = []\nudp = []", [], "leave out the empty http of {0} or the empty udp of {0}"),
            ("http = []", ["--udp", "none"], "leave out the empty http of {0} or --udp none"),
        ):
            path = self.write(text)
            error = self.assertRaises(UserError, self.options, "--config", path, *arguments)
            self.assertIn(words.format(path), str(error))

    def test_what_is_read_again_is_the_same(self):
        """Wherever twistd has gone meanwhile, as its --rundir says."""
        self.write("numwant = 7")
        os.mkdir(self.path("elsewhere"))
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.home)
        options = Options()
        options.parseOptions(["--config", "tracker.toml", "--state", "swarms"])
        os.chdir("elsewhere")
        again = options.read_config()
        self.assertEqual(again.state_file, self.path("swarms"))
        self.assertEqual(again, options.config)

    def test_a_wrong_file(self):
        path = self.write("port = 7000\n\n[[peers]]\nip = 'x'\nport = 1\n")
        error = self.assertRaises(UserError, self.options, "--config", path)
        self.assertIn(f"{path}:4: peers.ip: 'x' is no IP address", str(error))


class Processes(Home):
    def setUp(self):
        super().setUp()
        self.port = free_port(HOST)

    def start(self, *arguments, runner="twistd"):
        """A tracker that answers."""
        daemon = Daemon(
            self.home, "txtorrent-tracker", "--http", f"tcp:{self.port}:interface={HOST}",
            "--udp", f"{HOST}:{self.port}", *arguments, runner=runner,
        )  # fmt: skip
        self.addCleanup(daemon.kill)
        daemon.wait_for(f"tracking at udp://{HOST}:{self.port}/announce")
        return daemon

    def announce(self, info_hash=HASH, peer=1):
        with urlopen(f"http://{HOST}:{self.port}{QUERY.format(info_hash)}&key={peer}") as page:
            return decode(page.read())

    def test_runs_and_remembers(self):
        """Under each runner; what one has heard the next one knows."""
        for number, runner in enumerate(("twistd", "twist")):
            daemon = self.start(runner=runner)
            self.assertEqual(self.announce(peer=number + 1)[b"complete"], 1)
            self.assertEqual(daemon.stop(), (0, ""))
            self.assertIn("stopped", daemon.lines[-1])
        state = self.path(".local", "state", "txtorrent", "tracker.swarms")
        self.assertEqual(os.stat(state).st_mode & 0o777, 0o600)
        self.assertEqual(
            sorted(os.listdir(os.path.dirname(state))), ["tracker.swarms", "tracker.swarms.lock"]
        )

    def test_a_hangup_has_the_settings_read_again(self):
        path = self.path("tracker.toml")
        with open(path, "w", encoding="ascii") as file:
            file.write("allow_torrents = 'list'")
        with open(self.path("list"), "w", encoding="ascii") as file:
            file.write("22" * 20)
        daemon = self.start("--config", path, "--state", "none")
        self.assertIn(b"not tracked", self.announce()[b"failure reason"])
        with open(self.path("list"), "a", encoding="ascii") as file:
            file.write("\n" + "11" * 20)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("have been read again")
        self.assertEqual(self.announce()[b"complete"], 1)
        with open(path, "w", encoding="ascii") as file:
            file.write("allow_torrents = 'gone'")
        daemon.signal(signal.SIGHUP)
        self.assertIn("stay as they are", daemon.wait_for("tracker.toml:1: allow_torrents"))
        self.assertEqual(self.announce()[b"complete"], 1)
        self.assertEqual(daemon.stop(signal.SIGINT), (0, ""))

    def test_a_port_that_is_taken(self):
        daemon = self.start("--state", "none")
        for runner in ("twistd", "twist"):
            status, _, errors = run(
                self.home, "txtorrent-tracker", "--http", "none", "--state", "none",
                "--udp", f"{HOST}:{self.port}", runner=runner,
            )  # fmt: skip
            self.assertEqual(status, 1)
            self.assertEqual(
                errors,
                f"txtorrent-tracker: UDP at {HOST}:{self.port}: the port is in use by another"
                " program; choose another one\n",
            )
        self.assertEqual(daemon.stop(), (0, ""))


class BesideTheSeedbox(Home):
    """The daemon runs the tracker itself."""

    def daemon(self, name, *arguments, settings=""):
        path = self.path(f"{name}.toml")
        with open(path, "w", encoding="ascii") as file:
            file.write(settings)
        daemon = Daemon(
            self.home, "txtorrent", "--no-dht", "--directory", name, "--state", f"{name}-state",
            "--interface", HOST, "--config", path, "--port", 0, *arguments,
        )  # fmt: skip
        self.addCleanup(daemon.kill)
        return daemon

    def test_tracks_what_it_seeds(self):
        """One process tracks and seeds; another finds it and downloads."""
        port = free_port(HOST)
        tracker = self.path("tracker.toml")
        torrent = self.torrent(announce=f"http://{HOST}:{port}/announce")
        self.seed(torrent, "seeder")
        with open(tracker, "w", encoding="ascii") as file:
            file.write(
                f"torrentFile = 'x.torrent'\nhttp = ['tcp:{port}:interface={HOST}']\nudp = []"
            )
        settings = f"[tracker]\nenabled = true\nconfig = '{tracker}'"
        seeder = self.daemon("seeder", "--torrent", torrent, settings=settings)
        seeder.wait_for(f"tracking at http://{HOST}:{port}/announce")
        seeder.wait_for("x: seeding")
        leecher = self.daemon("leecher", "--torrent", torrent, "--stop-when", "complete")
        self.assertEqual(leecher.wait(), (0, ""))
        with open(self.path("leecher", "x"), "rb") as file:
            self.assertEqual(file.read(), CONTENT)
        seeder.signal(signal.SIGHUP)
        seeder.wait_for("have been read again")
        self.assertEqual(seeder.stop(), (0, ""))
        with open(torrent, "rb") as file:
            info_hash = parse(file.read()).info_hash
        with open(self.path("seeder-state", "tracker.swarms"), "rb") as file:
            swarms = file.read()
        self.assertIn(info_hash, swarms)
        self.assertNotIn(b"-TX", swarms, "the seed has said that it stops")

    def test_mistakes_leave_nothing_behind(self):
        nowhere = self.path("nowhere.toml")
        with open(nowhere, "w", encoding="ascii") as file:
            file.write("http = []\nudp = []")
        for settings, words in (
            ("[tracker]\nenabled = true\nport = 0", "set.toml:3: tracker.port: 0 is not a whole"),
            ("[tracker]\nenabled = true\nconfig = '/none.toml'", "/none.toml: cannot be read"),
            (
                f"[tracker]\nenabled = true\nconfig = '{nowhere}'",
                f"txtorrent: {nowhere}: nowhere to listen",
            ),
            ("[tracker]\nprot = 1", "there is no setting 'prot' in [tracker]; did you mean port?"),
        ):
            path = self.path("set.toml")
            with open(path, "w", encoding="ascii") as file:
                file.write(settings)
            status, _, errors = run(
                self.home, "txtorrent", "--config", path, "--state", "state", "--directory", "d"
            )
            self.assertEqual(status, 1)
            self.assertIn(words, errors)
            self.assertEqual(sorted(os.listdir(self.home)), ["nowhere.toml", "set.toml"])

    def test_a_port_that_is_taken(self):
        port = free_port(HOST)
        settings = f"[tracker]\nenabled = true\nconfig = '{self.path('tracker.toml')}'"
        with open(self.path("tracker.toml"), "w", encoding="ascii") as file:
            file.write(f"http = ['tcp:{port}:interface={HOST}']\nudp = []")
        first = self.daemon("first", settings=settings)
        first.wait_for("tracking at")
        second = self.daemon("second", settings=settings)
        status, errors = second.wait()
        self.assertEqual(status, 1)
        self.assertIn(f"the tracker: HTTP at tcp:{port}:interface={HOST}: the port is in", errors)
        self.assertEqual(first.stop(), (0, ""))
