"""Talking to the daemon: the endpoint, the 409, and what is said when it does not work."""

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.daemon import CommandCase, torrent
from txtorrent.cli import endpoint


class Endpoints(SynchronousTestCase):
    def test_spellings(self):
        for text, expected in (
            ("unix:/run/x.sock", ("/run/x.sock", "localhost", 0, False, "/transmission/rpc")),
            ("tcp:127.0.0.1:9091", (None, "127.0.0.1", 9091, False, "/transmission/rpc")),
            ("tcp:[::1]:9091", (None, "::1", 9091, False, "/transmission/rpc")),
            ("http://box", (None, "box", 9091, False, "/transmission/rpc")),
            ("https://box/tx/", (None, "box", 443, True, "/tx/transmission/rpc")),
            ("http://box:80/transmission/rpc", (None, "box", 80, False, "/transmission/rpc")),
        ):
            with self.subTest(text):
                found = endpoint.parse(text)
                self.assertEqual(
                    (found.unix, found.host, found.port, found.tls, found.rpc), expected
                )

    def test_events_lie_beside(self):
        self.assertEqual(endpoint.parse("https://box/tx/transmission/rpc").events, "/tx/events")

    def test_bad_spellings(self):
        for text, part in (
            ("unix:", "unix:PATH"),
            ("/no/such/socket", "unix:PATH"),
            ("tcp:box", "expected host:port"),
            ("http:///x", "names no host"),
            ("http://me:secret@box/", "TXTORRENT_AUTH"),
        ):
            with self.subTest(text):
                error = self.assertRaises(ValueError, endpoint.parse, text)
                self.assertIn(part, str(error))
                self.assertNotIn("secret", str(error))

    def test_the_users_own_daemon_before_that_of_the_machine(self):
        folder = self.mktemp()
        own = os.path.join(folder, "txtorrent", "control.sock")
        system = os.path.join(folder, "system.sock")
        environ = {"XDG_RUNTIME_DIR": folder}
        os.makedirs(os.path.dirname(own))
        self.assertEqual(endpoint.default(environ, system).unix, own)
        for path, expected in ((system, system), (own, own)):
            with open(path, "w"):
                self.assertEqual(endpoint.default(environ, system).unix, expected)
        self.assertEqual(endpoint.default({}, system).unix, system)


class Talking(CommandCase):
    def test_the_dance_of_the_409(self):
        self.daemon.add(torrent(1, "debian"))
        self.assertEqual(len(self.json("list", "--json")), 1)
        self.assertEqual(len(self.daemon.headers), 2)
        self.run_command("stop", "1")
        self.assertEqual(len(self.daemon.headers), 5, "the id is kept while the command runs")

    def test_a_path_alone_will_do(self):
        self.environ["TXTORRENT_CONTROL"] = self.daemon.path
        self.assertEqual(self.json("list", "--json"), [])

    def test_the_option_goes_before_the_environment(self):
        self.environ["TXTORRENT_CONTROL"] = "unix:/nowhere"
        self.assertEqual(self.json("-c", f"unix:{self.daemon.path}", "list", "--json"), [])

    def test_a_wrong_endpoint(self):
        self.assertIn("unix:PATH", self.fails(2, "--control", "carrier-pigeon", "list"))

    def test_user_and_password(self):
        self.environ["TXTORRENT_AUTH"] = "me:secret"
        self.run_command("list")
        self.assertEqual(self.daemon.headers[-1]["Authorization"], "Basic bWU6c2VjcmV0")

    def test_statuses(self):
        for status, part in (
            (401, "TXTORRENT_AUTH"),
            (403, "its own user"),
            (404, "HTTP status 404"),
            (421, "host name"),
            (429, "half a minute"),
            (500, "HTTP status 500"),
        ):
            with self.subTest(status):
                self.daemon.statuses = [status]
                message = self.fails(3, "list")
                self.assertIn(part, message)
                self.assertNotIn("\n", message)

    def test_no_daemon(self):
        for path in (os.path.join(self.daemon.folder, "none"), self._stale()):
            with self.subTest(path):
                self.environ["TXTORRENT_CONTROL"] = f"unix:{path}"
                message = self.fails(3, "list")
                self.assertIn(f"no daemon answers at unix:{path}", message)
                self.assertIn("twistd txtorrent", message)
                self.assertNotIn("\n", message)

    def _stale(self):
        """A socket that nobody listens on any more."""
        path = os.path.join(self.daemon.folder, "stale")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
        return path

    def test_another_users_daemon(self):
        raised = PermissionError(13, "Permission denied")
        self.patch(socket.socket, "connect", lambda self, address: _raise(raised))
        self.assertIn("belongs to another user", self.fails(3, "list"))

    def test_no_answer_in_time(self):
        self.patch(socket.socket, "connect", lambda self, address: _raise(TimeoutError()))
        self.assertIn("did not answer in 30 seconds", self.fails(3, "list"))

    def test_strangers(self):
        for answer, part in (
            (b'{"result": "no method name", "arguments": {}}', "before 4.1"),
            (b"<html>", "no daemon of ours"),
            (b"[]", "no daemon of ours"),
            (b"{}", "no daemon of ours"),
        ):
            with self.subTest(answer):
                self.daemon.answers["torrent_get"] = answer
                self.assertIn(part, self.fails(3, "list"))

    def test_refusals_in_the_daemons_words(self):
        for answer, expected in (
            ((5, "system error", "disk full"), "txtorrent: system error: disk full"),
            ((5, "system error", ""), "txtorrent: system error"),
            ((5, "system error", "system error"), "txtorrent: system error"),
            ((5, "evil \x1b[2J", ""), "txtorrent: evil \\u001b[2J"),
        ):
            with self.subTest(answer):
                self.daemon.answers["torrent_get"] = answer
                self.assertEqual(self.fails(1, "list"), expected)

    def test_a_method_that_the_daemon_lacks(self):
        self.daemon.answers["tx_bans_get"] = (-32601, "Method not found", "")
        self.assertIn("the daemon has no method tx_bans_get", self.fails(1, "bans"))


def _raise(error):
    raise error
