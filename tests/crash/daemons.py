"""Real daemons that are killed, and a client of their control socket."""

import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import suppress
from http.client import HTTPException

from tests.daemon.commands import ROOT, environment
from tests.testing.loopback import next_host
from txtorrent.cli.endpoint import UnixConnection

STUCK = 60.0
"""Seconds after which a daemon that should be there, or gone, counts as stuck."""
LOOK_EVERY = 0.005
SESSION_ID = "X-Transmission-Session-Id"
BAD = ("Traceback", "damaged", "an error of ours", "could not", "was not moved", "not all")
"""What no daemon is to say, however its predecessor ended."""


class Refused(Exception):
    """An answer that is an error."""


class Gone(Exception):
    """No answer: the daemon has been killed."""


class Nursery:
    """The process that daemons are forks of. `home` is theirs; content may also be elsewhere."""

    def __init__(self, home, elsewhere=None):
        self.home = home
        self._host = next_host()
        with open(f"{home}/config.toml", "w") as config:
            config.write(f'allowed_directories = ["{home}/content", "{elsewhere or home}"]\n')
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery"],
            cwd=ROOT,
            env=environment(home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, steps=0, now=False):
        """A daemon that has just been started; see nursery.py for `steps`."""
        argv = [
            "txtorrent", "--no-dht", "--state", f"{self.home}/state",
            "--directory", f"{self.home}/content",
            "--config", f"{self.home}/config.toml",
            "--port", "0", "--interface", self._host,
            "--control", f"unix:{self.home}/run/control.sock",
        ]  # fmt: skip
        output = f"{self.home}/output"
        if os.path.exists(output):
            os.unlink(output)
        job = {"argv": argv, "output": output, "steps": steps, "now": now}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return Daemon(int(self._process.stdout.readline()), self)

    def ended(self):
        """Wait for the daemon's end; its wait status."""
        self._process.stdin.write("bury\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def stop(self):
        """To be called when no daemon runs."""
        self._process.stdin.close()
        self._process.wait(STUCK)
        self._process.stdout.close()


class Daemon:
    """One daemon, and calls of its API in the 2.0 dialect."""

    def __init__(self, pid, nursery):
        self._pid = pid
        self._nursery = nursery
        self._session = ""

    def wait_ready(self):
        """Returns when it answers. AssertionError: it says something bad. Gone."""
        deadline = time.monotonic() + STUCK
        while True:
            try:
                self.call("session_stats")
            except Gone:
                if not self.is_alive or time.monotonic() > deadline:
                    raise
                time.sleep(LOOK_EVERY)
            else:
                return

    def wait_gone_or(self, done):
        """Returns when it has been killed, or when `done`, which asks it, returns."""
        with suppress(Gone):
            self.wait_ready()
            done()

    def call(self, method, **params):
        """The result. Refused, Gone."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        try:
            answer = json.loads(self._ask(json.dumps(request)))
        except (OSError, HTTPException, ValueError) as error:
            raise Gone(repr(error)) from error
        if "error" in answer:
            raise Refused(answer["error"]["data"]["error_string"])
        return answer["result"]

    def add(self, metainfo, **params):
        """Add a torrent; its id."""
        result = self.call("torrent_add", metainfo=b64encode(metainfo).decode(), **params)
        return (result.get("torrent_added") or result["torrent_duplicate"])["id"]

    @property
    def is_alive(self):
        """Whether it runs, or is about to be buried."""
        with open(f"/proc/{self._pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"

    def signal(self, number=signal.SIGKILL):
        """Send it a signal, if it is still there."""
        os.kill(self._pid, number)

    def kill(self):
        """kill -9; returns when it is gone."""
        self.signal()
        return self.ended()

    def ended(self):
        """Wait for its end; its wait status. AssertionError: it said something bad."""
        status = self._nursery.ended()
        with open(f"{self._nursery.home}/output") as output:
            text = output.read()
        bad = [line for line in text.splitlines() if any(word in line for word in BAD)]
        assert not bad, text
        return status

    def _ask(self, body):
        while True:
            connection = UnixConnection(f"{self._nursery.home}/run/control.sock", STUCK)
            try:
                connection.request("POST", "/transmission/rpc", body, {SESSION_ID: self._session})
                response = connection.getresponse()
                answer = response.read()
            finally:
                connection.close()
            if response.status != 409:
                return answer
            self._session = response.headers[SESSION_ID]
