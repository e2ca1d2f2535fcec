"""Runs the real twistd and twist in a process of their own, as a user does."""

import os
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent.parent
RUNNERS = {
    "twistd": "from twisted.scripts.twistd import run; run()",
    "twist": "from twisted.application.twist._twist import Twist; Twist.main()",
}
PLUGINS = (("txtorrent",), ("txtorrent-tracker",))
# What systemd does for a service with a socket unit, sd_listen_fds(3). The socket comes as standard
# input: a shell need not know descriptors of two digits.
GIVE_SOCKET = """
exec 3<&0 0< /dev/null
export LISTEN_FDS=1 LISTEN_FDNAMES=control LISTEN_PID=$$
exec "$@"
"""
# Seconds after which a process that should have ended counts as stuck; no test measures them.
STUCK = 60
# The path of a UNIX socket has room for 107 bytes only: less than those of many tests' homes.
_runtimes = TemporaryDirectory(prefix="tx-")
_numbers = count(1)


def command(*arguments, runner="twistd"):
    """What to run; for twistd in the foreground and without a pid file unless told otherwise."""
    if runner == "twistd" and arguments[:1] in PLUGINS:
        arguments = ("-n", "--pidfile=", *arguments)
    return [sys.executable, "-c", RUNNERS[runner], *map(str, arguments)]


def environment(home, **changes):
    """A user whose home is `home`, on a machine that finds the plugin in this checkout.

    Each call gives a session of its own, so that no two daemons want the same control socket.
    """
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "XDG_CONFIG_HOME": os.path.join(home, ".config"),
        "XDG_STATE_HOME": os.path.join(home, ".local", "state"),
        "XDG_RUNTIME_DIR": os.path.join(_runtimes.name, str(next(_numbers))),
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        **changes,
    }


def run(home, *arguments, runner="twistd", **changes):
    """Run to the end; (exit status, standard output, standard error)."""
    done = subprocess.run(
        command(*arguments, runner=runner),
        cwd=home,
        env=environment(home, **changes),
        capture_output=True,
        text=True,
        timeout=STUCK,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def _hear_signals():
    """Whoever runs the tests may ignore SIGINT, as a shell has its background jobs do."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Daemon:
    """A process that runs until it is stopped. `lines` are its standard output so far.

    `environment` is what it was given: who has the same finds its control socket.
    """

    def __init__(self, home, *arguments, runner="twistd", listening=None, **changes):
        """`listening` is a socket that is given to it, as systemd does."""
        self.lines = []
        self.environment = environment(home, **changes)
        argv = command(*arguments, runner=runner)
        if listening is not None:
            argv = ["sh", "-c", GIVE_SOCKET, "sh", *argv]
        self._process = subprocess.Popen(
            argv,
            stdin=listening,
            preexec_fn=_hear_signals,
            cwd=home,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, words):
        """Read until a line has these words, and return that line."""
        for line in self._process.stdout:
            self.lines.append(line)
            if words in line:
                return line
        raise AssertionError(f"no {words!r} in {self.lines}: {self._process.stderr.read()}")

    def stop(self, number=signal.SIGTERM):
        """Send a signal and wait; (exit status, standard error)."""
        self._process.send_signal(number)
        return self.wait()

    def signal(self, number):
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self):
        """Wait for its end; (exit status, standard error)."""
        output, errors = self._process.communicate(timeout=STUCK)
        self.lines += output.splitlines(keepends=True)
        return self._process.returncode, errors

    def kill(self):
        """Have it gone, whatever became of the test."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()
        for stream in (self._process.stdout, self._process.stderr):
            stream.close()
