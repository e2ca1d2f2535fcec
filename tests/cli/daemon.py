"""A daemon that answers from a list, on a real UNIX socket, and remembers what it was asked.

It does HTTP as the real one does (409 first, then the method), knows torrents as dicts of all
their fields, and answers other methods with what a test put into `answers`.
"""

import json
import os
import shutil
import socketserver
import tempfile
from http.server import BaseHTTPRequestHandler
from queue import Queue
from threading import Thread

from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.cli.main import main
from txtorrent.cli.shell import Shell

SESSION_ID = "a session's id"
NOW = 1_700_000_000.0


def torrent(number, name, **fields):
    """A torrent of 1 MB, complete and seeding, with every field that a command asks for."""
    digits = f"{number:x}" * 40
    return {
        "id": number, "hash_string": digits[:40], "name": name, "status": 6, "error": 0,
        "error_string": "", "is_stalled": False, "is_finished": False, "percent_done": 1,
        "recheck_progress": 0, "metadata_percent_complete": 1, "left_until_done": 0,
        "rate_download": 0, "rate_upload": 0, "tx_waiting": "", "tx_move": None,
        "size_when_done": 1_000_000, "total_size": 1_000_000, "eta": -1, "upload_ratio": 1.5,
        "peers_connected": 3, "peers_sending_to_us": 0, "peers_getting_from_us": 2, "labels": [],
        "added_date": 1_600_000_000, "done_date": 0, "activity_date": 0, "uploaded_ever": 1_500_000,
        "downloaded_ever": 1_000_000, "queue_position": number - 1, "download_dir": "/srv/seed",
        "trackers": [{"announce": "http://tracker.example.org/announce", "tier": 0}],
        "download_limit": 100, "download_limited": False, "upload_limit": 100,
        "upload_limited": False, "seed_ratio_limit": 2, "seed_ratio_mode": 0,
        "seed_idle_limit": 30, "seed_idle_mode": 0, "tx_min_share": None, "file_count": 1,
        "piece_count": 4, "piece_size": 262_144, "comment": "", "tracker_list": "",
        **fields,
    }  # fmt: skip


class Daemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens until `close`. `torrents` by id; `answers` by method: a result, an error as
    (code, message, detail), or a list of either for one call after the other."""

    daemon_threads = True
    request_queue_size = 50

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="cli")
        self.path = os.path.join(self.folder, "control.sock")
        self.torrents = {}
        self.answers = {}
        self.settings = {}
        self.calls = []
        self.statuses = []
        self.headers = []
        self.streams = []
        super().__init__(self.path, Connection)
        self._thread = Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self):
        self.shutdown()
        self.server_close()
        self._thread.join()
        shutil.rmtree(self.folder)

    def handle_error(self, request, client_address):
        """A client that has read enough closes; that is no error of the daemon's."""

    def add(self, *torrents):
        self.torrents.update((each["id"], each) for each in torrents)

    def changes(self):
        """The calls that change something, in order."""
        return [call for call in self.calls if not call[0].endswith(("_get", "_stats"))]

    def answer(self, method, params):
        self.calls.append((method, params))
        if method in self.answers:
            answer = self.answers[method]
            answer = answer.pop(0) if isinstance(answer, list) else answer
            return answer(params) if callable(answer) else answer
        known = getattr(self, f"do_{method}", None)
        return known(params) if known else {}

    def do_torrent_get(self, params):
        wanted = params.get("ids")
        chosen = [
            each
            for each in self.torrents.values()
            if wanted in (None, "recently_active") or {each["id"], each["hash_string"]} & {*wanted}
        ]
        known = {key for each in self.torrents.values() for key in each}
        keys = [key for key in params["fields"] if key in known]
        return {"torrents": [keys, *([each.get(key) for key in keys] for each in chosen)]}

    def do_session_get(self, params):
        wanted = params.get("fields", self.settings)
        return {name: self.settings[name] for name in wanted if name in self.settings}

    def do_session_set(self, params):
        self.settings.update(params)
        return {}


class Connection(BaseHTTPRequestHandler):
    """One request."""

    def log_message(self, *arguments):
        pass

    def address_string(self):
        return "unix"

    def do_GET(self):
        if self._is_let_in() and self.path == "/events":
            stream = self.server.streams.pop(0)
            if isinstance(stream, int):
                self._respond(stream, b"")
            elif isinstance(stream, Queue):
                self._go_on(stream)
            else:
                self._respond(200, stream.encode(), "text/event-stream")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._is_let_in():
            return
        request = json.loads(body)
        assert request["jsonrpc"] == "2.0" and self.path == "/transmission/rpc"
        answer = self.server.answer(request["method"], request["params"])
        if isinstance(answer, bytes):
            self._respond(200, answer)
            return
        reply = {"jsonrpc": "2.0", "id": request["id"]}
        if isinstance(answer, tuple):
            code, message, detail = answer
            error = {"code": code, "message": message}
            reply["error"] = {**error, "data": {"error_string": detail}} if detail else error
        else:
            reply["result"] = answer
        self._respond(200, json.dumps(reply).encode())

    def _go_on(self, stream):
        """A stream that goes on until a test puts None there."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for text in iter(stream.get, None):
            self.wfile.write(text.encode())

    def _is_let_in(self):
        self.server.headers.append(dict(self.headers))
        if self.server.statuses:
            self._respond(self.server.statuses.pop(0), b"")
            return False
        if self.headers["X-Transmission-Session-Id"] != SESSION_ID:
            self._respond(409, b"")
            return False
        return True

    def _respond(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("X-Transmission-Session-Id", SESSION_ID)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class CommandCase(SynchronousTestCase):
    """Runs commands against `self.daemon`. `slept` are the seconds that they wanted to wait."""

    def setUp(self):
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)
        self.slept = []
        self.environ = {"TXTORRENT_CONTROL": f"unix:{self.daemon.path}", "COLUMNS": "200"}

    def sleep(self, seconds):
        """May be replaced, to have something happen meanwhile."""
        self.slept.append(seconds)
        self.assertLess(len(self.slept), 100, "it waits for ever")

    def run_command(self, *arguments, given=None, status=0):
        """The result; its `stdout` and `stderr` are kept apart."""
        shell = Shell(self.environ, lambda: NOW, lambda seconds: self.sleep(seconds))
        result = CliRunner().invoke(
            main, list(map(str, arguments)), obj=shell, input=given, env=self.environ
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.assertEqual(result.exit_code, status, result.output)
        return result

    def lines(self, *arguments, status=0):
        """What it printed."""
        return self.run_command(*arguments, status=status).stdout.splitlines()

    def rows(self, *arguments):
        """What it printed, with one space between the words of each line."""
        return [" ".join(line.split()) for line in self.lines(*arguments)]

    def fails(self, status, *arguments, given=None):
        """The one line that says why it failed."""
        result = self.run_command(*arguments, status=status, given=given)
        return result.stderr.strip()

    def json(self, *arguments):
        return json.loads(self.run_command(*arguments).stdout)
