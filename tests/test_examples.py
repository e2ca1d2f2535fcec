"""The example of the documents: runs as it stands, and is the one that README.rst shows."""

import os
import subprocess
import sys
import textwrap

from twisted.trial.unittest import SynchronousTestCase

from tests.daemon.commands import ROOT, STUCK, Daemon, environment
from tests.testing import torrents
from tests.testing.loopback import free_port, next_host
from txtorrent.metainfo.torrentfile import parse

EXAMPLE = ROOT / "docs" / "examples" / "download.py"
CONTENT = torrents.content(1, 300_000)


class Example(SynchronousTestCase):
    def test_readme_shows_it(self):
        code = textwrap.indent(EXAMPLE.read_text(encoding="utf-8"), "    ", str.strip)
        readme = (ROOT / "README.rst").read_text(encoding="utf-8")
        self.assertIn(f".. code-block:: python\n\n{code}\n", readme)

    def test_downloads(self):
        home = os.path.abspath(self.mktemp())
        os.makedirs(os.path.join(home, "seed"))
        raw = torrents.make(CONTENT, name="x")
        with open(os.path.join(home, "x.torrent"), "wb") as file:
            file.write(raw)
        torrents.write_content(os.path.join(home, "seed"), parse(raw), CONTENT)
        host = next_host()
        port = free_port(host)
        seed = Daemon(
            home, "txtorrent", "--torrent", "x.torrent", "--directory", "seed",
            "--interface", host, "--port", port, "--control", "none",
        )  # fmt: skip
        self.addCleanup(seed.kill)
        seed.wait_for("x: seeding")
        output = subprocess.run(
            [sys.executable, str(EXAMPLE), "x.torrent", "got", f"{host}:{port}"],
            cwd=home,
            env=environment(home),
            stdout=subprocess.PIPE,
            text=True,
            timeout=STUCK,
            check=True,
        ).stdout
        self.assertEqual(output, "x: 300,000 bytes\n")
        with open(os.path.join(home, "got", "x"), "rb") as file:
            self.assertEqual(file.read(), CONTENT)
