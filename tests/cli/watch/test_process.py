"""`watch` in a process of its own, on a terminal of its own. Waits for what it shows."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

from tests.cli.daemon import CommandCase, torrent

ROOT = Path(__file__).parent.parent.parent.parent
CODE = "from txtorrent.cli.main import main; main(['watch'])"
STUCK = 60
"""Seconds after which a process that should have ended counts as stuck; no test measures them."""
PLAIN_SCREEN = b"\x1b[?1049l"
"""What brings back the screen as it was before."""


class Watch(CommandCase):
    def begin(self):
        """A child process, and our end of its terminal."""
        terminal, theirs = pty.openpty()
        self.addCleanup(os.close, terminal)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 100, 0, 0))
        environ = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8", "TXTORRENT_CONTROL": f"unix:{self.daemon.path}",
        }  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-c", CODE], stdin=theirs, stdout=theirs, stderr=theirs, env=environ
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(theirs)
        self.shown = b""
        return process, terminal

    def until(self, terminal, text):
        """Read until it has shown that; a terminal that ends before is an error."""
        while text not in self.shown:
            self.shown += os.read(terminal, 4096)

    def test_from_the_first_screen_to_the_last(self):
        self.daemon.add(torrent(1, "arch"), torrent(2, "debian"))
        process, terminal = self.begin()
        self.until(terminal, b"debian")
        os.write(terminal, b"\x1b[B ")
        self.until(terminal, b"stopped debian")
        os.write(terminal, b"q")
        self.until(terminal, PLAIN_SCREEN)
        self.assertEqual(process.wait(STUCK), 0)
        self.assertIn(("torrent_stop", {"ids": ["2" * 40]}), self.daemon.calls)

    def test_no_daemon(self):
        self.daemon.statuses = [401]
        process, terminal = self.begin()
        self.until(terminal, b"TXTORRENT_AUTH")
        self.assertEqual(process.wait(STUCK), 3)
        self.assertNotIn(PLAIN_SCREEN, self.shown)
