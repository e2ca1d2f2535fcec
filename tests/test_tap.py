"""The twistd plugin: the service on a simulated network, and real daemons under both runners."""

import contextlib
import json
import os
import select
import signal
import socket
from random import Random
from tempfile import TemporaryDirectory

from twisted.internet.protocol import Factory
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.daemon.commands import STUCK, Daemon, run
from tests.testing import torrents
from tests.testing.disk import inline_disk
from tests.testing.loopback import OWN_SWARM, free_port, next_host
from tests.testing.network import Network
from txtorrent.daemon.checks import nearest
from txtorrent.metainfo.torrentfile import parse
from txtorrent.tap import Options, TorrentService
from txtorrent.torrent.life import State

CONTENT = torrents.content(1, 500_000)
HOST = next_host()
STOP_LIMIT = 10.0


class Home(SynchronousTestCase):
    """A test with a folder of its own, `home`, to which nothing else is relative."""

    def setUp(self):
        self.home = os.path.abspath(self.mktemp())
        os.mkdir(self.home)

    def path(self, *names):
        return os.path.join(self.home, *names)

    def config(self):
        """Path of an empty settings file."""
        path = self.path("set.toml")
        with open(path, "w", encoding="ascii") as file:
            file.write("")
        return path

    def torrent(self, name="x", announce="", content=CONTENT):
        """Path of a .torrent file."""
        path = self.path(f"{name}.torrent")
        with open(path, "wb") as file:
            file.write(torrents.make(content, name=name, announce=announce, info_extra=OWN_SWARM))
        return path

    def seed(self, torrent, directory, content=CONTENT):
        """Put the content where a finished download leaves it."""
        os.makedirs(self.path(directory), exist_ok=True)
        with open(torrent, "rb") as file:
            torrents.write_content(self.path(directory), parse(file.read()), content)


class OnASimulatedNetwork(Home):
    def setUp(self):
        super().setUp()
        self.network = Network(seed=1)
        self.clock = self.network.clock

    def service(self, host, torrent, name, *arguments):
        options = Options()
        options.parseOptions(
            ["--no-dht", "--torrent", torrent, "--directory", self.path(name), "--state",
             self.path(f"{name}-state"), "--port", "0", "--control", "none",
             "--config", self.config(), *arguments]
        )  # fmt: skip
        options["port"] = 6881
        options["interface"] = host.addresses[0]
        service = TorrentService(host, options, inline_disk(host))
        self.patch_random(service)
        service.privilegedStartService()
        service.startService()
        return service

    def patch_random(self, service):
        made = service._make_session

        def make(descriptors):
            session = made(descriptors)
            session._random = Random(service._options["directory"])
            return session

        service._make_session = make

    def stop(self, service):
        """Stop; the virtual seconds that it took."""
        began = self.clock.seconds()
        self.clock.result_of(service.stopService(), 60)
        return self.clock.seconds() - began

    def state(self, service):
        session = service._session
        return [torrent.state for torrent in session.torrents.values()] if session else []

    def test_downloads_from_a_peer_that_the_user_named_and_seeds(self):
        torrent = self.torrent()
        self.seed(torrent, "seeder")
        here, there = self.network.host("20.0.0.1"), self.network.host("20.0.1.1")
        seeder = self.service(here, torrent, "seeder")
        self.clock.run_until(lambda: self.state(seeder) == [State.SEEDING], 60)
        leecher = self.service(there, torrent, "leecher", "--peer", "20.0.0.1:6881")
        self.clock.run_until(lambda: self.state(leecher) == [State.SEEDING], 60)
        with open(self.path("leecher", "x"), "rb") as file:
            self.assertEqual(file.read(), CONTENT)
        for service in (leecher, seeder):
            self.assertLessEqual(self.stop(service), STOP_LIMIT)
        self.clock.advance(5)
        self.assertEqual(self.network.leftovers(), [])

    def test_ends_in_time_although_the_tracker_is_silent(self):
        silent = self.network.host("9.9.9.9")
        port = silent.listenTCP(80, Factory.forProtocol(Silent))
        torrent = self.torrent(announce="http://9.9.9.9/announce")
        service = self.service(self.network.host("20.0.0.1"), torrent, "leecher")
        self.clock.run_until(lambda: self.state(service) == [State.DOWNLOADING], 60)
        self.clock.advance(3)
        self.assertLessEqual(self.stop(service), STOP_LIMIT)
        port.stopListening()
        self.clock.advance(60)
        self.assertEqual(self.network.leftovers(), [])

    def test_what_the_session_is_told(self):
        with open(self.path("config.toml"), "w") as file:
            file.write(
                "tracker_requests_at_once = 7\ntracker_requests_per_host = 2\n"
                "peer_limit_global = 123\n"
            )
        host = self.network.host("20.0.0.1")
        config = self.path("config.toml")
        service = self.service(host, self.torrent(), "leecher", "--config", config)
        options = service._session.options
        self.assertEqual((options.tracker_requests, options.tracker_requests_per_host), (7, 2))
        self.assertEqual(options.connections, 123)
        self.assertGreaterEqual(options.most_connections, 123)
        self.stop(service)

    def test_a_port_that_is_taken_after_it_was_checked(self):
        """While ports below 1024 may be taken, which is before the service runs."""
        said, ended = [], []
        self.patch(TorrentService, "startService", lambda service: None)
        self.patch(Options, "complain", lambda options, text: said.append(text))
        self.patch(TorrentService, "_end", lambda service, status: ended.append(status))
        host = self.network.host("10.0.0.1")
        taken = host.listenTCP(6881, Factory(), interface="10.0.0.1")
        service = self.service(host, self.torrent(), "leecher")
        self.assertEqual((len(said), ended), (1, [1]))
        self.assertIn("is in use by another program", said[0])
        self.stop(service)
        taken.stopListening()

    def test_stopped_before_it_has_begun(self):
        service = self.service(self.network.host("20.0.0.1"), self.torrent(), "leecher")
        self.assertLessEqual(self.stop(service), STOP_LIMIT)
        self.clock.advance(5)
        self.assertEqual(self.network.leftovers(), [])

    def test_a_peer_whose_name_is_unknown_is_only_logged(self):
        with capturedLogs() as events:
            service = self.service(
                self.network.host("20.0.0.1"), self.torrent(), "leecher",
                "--peer", "nobody.example:1", "--peer", "20.0.9.9:1",
            )  # fmt: skip
            self.clock.run_until(lambda: self.state(service) == [State.DOWNLOADING], 60)
        errors = [event for event in events if event["log_level"] is LogLevel.error]
        self.assertEqual([event["host"] for event in errors], ["nobody.example"])
        self.stop(service)

    def test_two_torrents_are_shown_together(self):
        torrent, other = self.torrent("a"), self.torrent("b", content=CONTENT[:-1])
        with capturedLogs() as events:
            service = self.service(
                self.network.host("20.0.0.1"), torrent, "leecher", "--torrent", other
            )
            self.clock.advance(11)
        reports = [event["report"] for event in events if "report" in event]
        self.assertEqual(len(reports), 1)
        self.assertTrue(reports[0].startswith("2 torrents (2 downloading)  0.0 %"), reports)
        self.stop(service)


class Silent:
    """Takes what comes, and says nothing."""

    def makeConnection(self, transport):
        pass

    def dataReceived(self, data):
        pass

    def connectionLost(self, reason):
        pass


class RealDaemons(Home):
    def daemon(self, *arguments, **options):
        daemon = Daemon(self.home, *arguments, **options)
        self.addCleanup(daemon.kill)
        return daemon

    def start(self, torrent, name, *arguments, before=("txtorrent",), **options):
        return self.daemon(
            *before, "--no-dht", "--torrent", torrent, "--directory", name, "--state",
            f"{name}-state",
            "--interface", HOST, "--config", self.config(), *arguments, **options,
        )  # fmt: skip

    def test_from_one_to_another(self):
        """The main job, start to end, under each runner: --stop-when ends it by itself."""
        torrent = self.torrent()
        self.seed(torrent, "seeder")
        port = free_port(HOST)
        seeder = self.start(torrent, "seeder", "--port", port)
        seeder.wait_for("x: seeding")
        for runner in ("twistd", "twist"):
            with self.subTest(runner):
                leecher = self.start(
                    torrent, runner, "--port", 0, "--peer", f"{HOST}:{port}",
                    "--stop-when", "complete", runner=runner,
                )  # fmt: skip
                self.assertEqual(leecher.wait(), (0, ""))
                with open(self.path(runner, "x"), "rb") as file:
                    self.assertEqual(file.read(), CONTENT)
                self.assertIn("stopped", leecher.lines[-1])
        self.assertEqual(seeder.stop(), (0, ""))

    def test_signals_end_it_in_good_order_whatever_the_tracker_does(self):
        with socket.create_server((HOST, 0)) as dead:  # it never accepts, let alone answers
            url = f"http://{HOST}:{dead.getsockname()[1]}/announce"
            torrent = self.torrent(announce=url)
            for runner in ("twistd", "twist"):
                for number in (signal.SIGTERM, signal.SIGINT):
                    with self.subTest(runner=runner, signal=number.name):
                        daemon = self.start(torrent, "leecher", "--port", 0, runner=runner)
                        daemon.wait_for("x: downloading")
                        self.assertEqual(daemon.stop(number), (0, ""))
                        self.assertIn("stopped", daemon.lines[-1])
        self.assertFalse(os.path.exists(self.path("twistd.pid")))

    def test_watched_directory_and_scripts(self):
        """A script is told what came of a file that was put into a watched directory."""
        os.mkdir(self.path("incoming"))
        os.mkdir(self.path("content"))
        os.replace(self.torrent(), self.path("incoming", "x.torrent"))
        with open(self.path("config.toml"), "w") as file:
            file.write(
                f"""
                [scripts]
                added = ["/bin/sh", "-c", "echo $TX_EVENT $TR_TORRENT_NAME in $TR_TORRENT_DIR"]
                [[watch]]
                directory = "{self.path("incoming")}"
                destination = "{self.path("content")}"
                then = "delete"
                """
            )
        daemon = self.daemon(
            "txtorrent", "--no-dht", "--config", "config.toml", "--state", "state", "--port", 0,
            "--interface", HOST,
        )  # fmt: skip
        daemon.wait_for(f"added x in {self.path('content')}")
        self.assertEqual(daemon.stop(), (0, ""))
        self.assertEqual(os.listdir(self.path("incoming")), [])

    def test_json_lines(self):
        daemon = self.start(self.torrent(), "leecher", "--port", 0, "--log-json")
        daemon.wait_for("x: downloading")
        daemon.stop()
        rows = [json.loads(line) for line in daemon.lines]
        for row in rows:
            self.assertEqual(set(row), {"time", "level", "source", "message"})
        self.assertTrue(rows[0]["message"].startswith("listening on port "), rows[0])
        self.assertEqual(rows[-1]["message"], "stopped")

    def test_twist_in_its_own_format(self):
        torrent = self.torrent()
        for form in ("json", "text"):
            with self.subTest(form):
                daemon = self.start(
                    torrent, "leecher", "--port", 0, runner="twist",
                    before=("--log-format", form, "txtorrent"),
                )  # fmt: skip
                line = daemon.wait_for("x: downloading")
                daemon.stop()
                self.assertEqual(line.startswith("{"), form == "json", line)

    def test_a_log_file(self):
        torrent = self.torrent()
        self.seed(torrent, "seeder")
        for runner, option in (("twistd", "--logfile"), ("twist", "--log-file")):
            with self.subTest(runner):
                name = f"{runner}.log"
                before = ["txtorrent"]
                if runner == "twistd":
                    before[:0] = ["-n", "--pidfile="]
                else:
                    before[:0] = ["--log-format", "text"]
                done = self.start(
                    torrent, "seeder", "--port", 0, "--stop-when", "complete",
                    before=(option, name, *before), runner=runner,
                )  # fmt: skip
                self.assertEqual(done.wait(), (0, ""))
                with open(self.path(name), encoding="utf-8") as file:
                    logged = file.read()
                self.assertRegex(logged, r"^\d{4}-\d\d-\d\dT\S+ listening on port \d+")
                self.assertEqual(done.lines, [])

    def test_in_the_background(self):
        torrent, port = self.torrent(), free_port(HOST)
        status, output, errors = run(
            self.home, "--pidfile", "own.pid", "txtorrent", "--no-dht",
            "--torrent", torrent, "--directory", "d", "--state", "s", "--interface", HOST,
            "--port", port,
        )  # fmt: skip
        self.assertEqual((status, output, errors), (0, "", ""))
        with open(self.path("own.pid"), encoding="ascii") as file:
            process = os.pidfd_open(int(file.read()))
        self.addCleanup(os.close, process)
        with socket.create_connection((HOST, port), STUCK) as peer:
            peer.sendall(bytes(68))  # no handshake: once it runs, it hangs up
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(peer.recv(1000), b"")
        signal.pidfd_send_signal(process, signal.SIGTERM)
        self.assertTrue(select.select([process], [], [], STUCK)[0], "it does not end")
        self.assertFalse(os.path.exists(self.path("own.pid")))
        with open(self.path("twistd.log"), encoding="utf-8") as file:
            logged = file.read()
        self.assertIn(" stopping: telling trackers, saving progress\n", logged)
        self.assertTrue(logged.endswith(" stopped\n"), logged)

    def refused(self, *arguments, **changes):
        """The one line with which it does not start, and nothing of it stays."""
        status, _, errors = run(
            self.home, "txtorrent", "--interface", HOST, "--port", 0, *arguments, **changes
        )
        self.assertEqual((status, len(errors.splitlines())), (1, 1), errors)
        return errors

    def test_a_control_endpoint_that_cannot_be(self):
        with socket.create_server((HOST, 0)) as other:
            taken = f"tcp:{other.getsockname()[1]}:interface={HOST}"
            for endpoint, words in (
                (taken, f"{taken}: Address already in use"),
                (f"unix:{self.home}/{'x' * 100}", "path too long"),
                ("tcp:0", "can be reached from other machines: set a user name"),
                ("ftp:1", "control endpoint ftp:1: "),
                ("systemd:domain=UNIX:index=0", "start the socket's unit before the service"),
            ):
                with self.subTest(endpoint):
                    self.assertIn(words, self.refused("--control", endpoint))

    def test_a_control_socket_of_systemds(self):
        """It is there before the daemon, and stays when that ends: systemd still listens."""
        with TemporaryDirectory(prefix="tx-") as folder, socket.socket(socket.AF_UNIX) as ours:
            path = os.path.join(folder, "c")
            ours.bind(path)
            ours.listen()
            for _ in range(2):
                daemon = self.daemon(
                    "txtorrent", "--port", 0, "--interface", HOST,
                    "--control", "systemd:domain=UNIX:index=0", listening=ours,
                )  # fmt: skip
                daemon.wait_for(f"controlled at unix:{path}")
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o600, "ours alone")
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(STUCK)
                    client.connect(path)
                    client.sendall(b"GET /transmission/rpc HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 409 "))
                self.assertEqual(daemon.stop(), (0, ""))

    def test_the_service_manager_is_told(self):
        """It waits for the torrents to be there and the control socket to answer."""
        with (
            TemporaryDirectory(prefix="tx-") as folder,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        ):
            manager.settimeout(STUCK)
            manager.bind(os.path.join(folder, "notify"))
            daemon = self.start(
                self.torrent(), "leecher", "--port", 0, NOTIFY_SOCKET=manager.getsockname()
            )
            self.assertEqual(manager.recv(100), b"READY=1")
            daemon.wait_for("controlled at")
            self.assertEqual(daemon.stop(), (0, ""))
            self.assertEqual(manager.recv(100), b"STOPPING=1")

    def test_nobody_can_control_it_where_its_usual_socket_cannot_be(self):
        """It was not asked for, so the torrents run all the same."""
        for runtime, words in (
            (self.path("x" * 100), "path too long"),
            (self.torrent(), "Not a directory"),
        ):
            with self.subTest(words):
                daemon = self.start(self.torrent(), "leecher", "--port", 0, XDG_RUNTIME_DIR=runtime)
                daemon.wait_for("x: downloading")
                self.assertEqual(daemon.stop(), (0, ""))
                warnings = [line for line in daemon.lines if "nobody can control" in line]
                self.assertEqual(len(warnings), 1, daemon.lines)
                self.assertIn(words, warnings[0])

    def test_a_second_one_is_refused(self):
        torrent = self.torrent()
        port = free_port(HOST)
        first = self.start(torrent, "first", "--port", port)
        first.wait_for("x: downloading")
        common = ("txtorrent", "--torrent", torrent, "--interface", HOST)
        for arguments, words in (
            (("--state", "first-state", "--port", 0), "is in use by process"),
            (("--state", "other", "--port", port), "is in use by another program"),
        ):
            with self.subTest(words):
                status, _, errors = run(self.home, *common, *arguments)
                self.assertEqual(status, 1)
                self.assertEqual(len(errors.splitlines()), 1, errors)
                self.assertIn(words, errors)
        self.assertEqual(nearest(self.path("other")), self.home)
        self.assertFalse(os.path.exists(self.path("downloads")))
        self.assertEqual(first.stop(), (0, ""))

    def test_two_torrents_with_one_file(self):
        """Found out only when the first has begun: still one line, status 1, and no pid file."""
        for runner in ("twistd", "twist"):
            with self.subTest(runner):
                first, other = self.torrent("x"), self.path("other.torrent")
                with open(other, "wb") as file:
                    file.write(torrents.make(CONTENT[::-1], name="x"))
                daemon = self.start(first, "d", "--torrent", other, "--port", 0, runner=runner)
                status, errors = daemon.wait()
                self.assertEqual(status, 1)
                self.assertEqual(len(errors.splitlines()), 1, errors)
                self.assertIn("belongs to torrent 1 already: give this one", errors)
