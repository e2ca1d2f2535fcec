"""What needs no daemon: `info`, `completion`, `--help`; and completing names, which does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.cli.daemon import CommandCase, torrent
from tests.testing.torrents import make
from txtorrent.cli.main import main
from txtorrent.metainfo.torrentfile import parse

ROOT = Path(__file__).parent.parent.parent


class Info(CommandCase):
    def setUp(self):
        super().setUp()
        self.environ["TXTORRENT_CONTROL"] = "unix:/nowhere"
        files = {"a.txt": b"x" * 20_000, "b/c.txt": b"y" * 5}
        tiers = [["http://a/announce"], ["udp://b:1", "udp://c:1"]]
        self.raw = make(files, name="pair", announce=tiers, aligned=True, private=True)
        self.path = self.write("x.torrent", self.raw)

    def write(self, name, data):
        path = os.path.join(self.daemon.folder, name)
        with open(path, "wb") as out:
            out.write(data)
        return path

    def test_facts(self):
        rows = self.rows("info", self.path)
        for row in (
            "Name pair",
            f"Hash {parse(self.raw).info_hash.hex()}",
            "Files 2",
            "Pieces 3 of 16 KiB",
            "Private yes",
            "Trackers, tier 1 udp://b:1, udp://c:1",
        ):
            self.assertIn(row, rows)
        magnet = rows[-1].split()[1]
        self.assertTrue(magnet.startswith(f"magnet:?xt=urn:btih:{parse(self.raw).info_hash.hex()}"))
        self.assertTrue(magnet.endswith("&dn=pair&tr=http%3A%2F%2Fa%2Fannounce"
                                        "&tr=udp%3A%2F%2Fb%3A1&tr=udp%3A%2F%2Fc%3A1"))  # fmt: skip

    def test_files_are_numbered_without_pads(self):
        rows = self.rows("info", "--files", self.path)
        self.assertEqual(rows[-3:], ["# Size Path", "0 20.0 kB pair/a.txt", "1 5 B pair/b/c.txt"])

    def test_json(self):
        (found,) = self.json("info", "--json", self.path)
        self.assertEqual(found["files"][1], {"index": 1, "name": "pair/b/c.txt", "length": 5})
        self.assertEqual((found["is_private"], len(found["trackers"])), (True, 3))

    def test_bad_files(self):
        page = self.write("page.torrent", b"<html>")
        for path, part in (("/no/such", "no such file"), (page, "this is a web page")):
            message = self.fails(1, "info", self.path, path)
            self.assertIn(part, message)
            self.assertNotIn("\n", message)


class Help(SynchronousTestCase):
    def help(self, *arguments):
        result = CliRunner().invoke(main, [*arguments, "--help"], prog_name="txtorrent")
        self.assertEqual(result.exit_code, 0)
        return result.output

    def test_the_command(self):
        output = self.help()
        for part in ("Exit status:", "TXTORRENT_AUTH", "Without a daemon:", "/run/txtorrent"):
            self.assertIn(part, output)
        summary = output[output.index("See:") :]
        self.assertNotIn("...", summary, "a summary is cut")
        for name in main.commands:
            self.assertIn(f"  {name} ", summary)

    def test_each_command(self):
        for name, _ in _all_commands(main):
            output = self.help(*name.split())
            self.assertIn(f"Usage: txtorrent {name}", output)
            self.assertTrue(all(len(line) <= 80 for line in output.splitlines()), output)

    def test_each_command_is_documented(self):
        page = (ROOT / "docs" / "txtorrent.rst").read_text(encoding="utf-8")
        for name, command in _all_commands(main):
            self.assertIn(f"``txtorrent {name}", page)
            for parameter in command.params:
                for option in parameter.opts + parameter.secondary_opts:
                    if option.startswith("--"):
                        self.assertIn(f"``{option}", page, name)

    def test_bad_input(self):
        for arguments, part in (
            (["fly"], "No such command 'fly'"),
            (["list", "--fly"], "--fly"),
            (["show"], "Missing argument"),
            (["completion", "tcsh"], "tcsh"),
        ):
            result = CliRunner().invoke(main, arguments)
            self.assertEqual(result.exit_code, 2)
            self.assertIn(part, result.output)


def _all_commands(group, before=""):
    """Names and commands, also of those that stand behind another one."""
    for name, command in group.commands.items():
        yield before + name, command
        if isinstance(command, click.Group):
            yield from _all_commands(command, f"{before}{name} ")


class Completion(CommandCase):
    def complete(self, *arguments, incomplete=""):
        found = ShellComplete(main, {}, "txtorrent", "_X").get_completions(
            ["-c", self.daemon.path, *arguments], incomplete
        )
        return [item.value for item in found]

    def test_names(self):
        self.daemon.add(torrent(1, "Debian 12"), torrent(2, "debris"), torrent(3, "\x1b[2J"))
        self.assertEqual(self.complete("stop", incomplete="deb"), ["Debian 12", "debris"])
        self.assertEqual(self.complete("show", incomplete="deBR"), ["debris"])
        self.assertEqual(len(self.complete("show")), 2)

    def test_commands(self):
        self.assertEqual(self.complete(incomplete="st"), ["start", "stats", "stop"])

    def test_no_daemon_is_no_error(self):
        self.daemon.statuses = [500]
        self.assertEqual(self.complete("stop", incomplete="deb"), [])

    def test_scripts_are_what_their_shells_read(self):
        for name in ("bash", "zsh", "fish"):
            script = self.run_command("completion", name).stdout
            self.assertIn("_TXTORRENT_COMPLETE", script)
            if shutil.which(name):
                done = subprocess.run([name, "-n"], input=script, text=True, capture_output=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_in_bash(self):
        if not shutil.which("bash"):
            raise SkipTest("no bash here")
        self.daemon.add(torrent(1, "Debian 12 $(reboot)"), torrent(2, "debris"))
        with open(os.path.join(self.daemon.folder, "txtorrent"), "w") as out:
            out.write(f"#!{sys.executable}\nfrom txtorrent.cli.main import main\nmain()\n")
        os.chmod(out.name, 0o755)
        script = f"""
            {self.run_command("completion", "bash").stdout}
            COMP_WORDS=(txtorrent stop deb) COMP_CWORD=2
            _txtorrent_completion txtorrent
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        path = f"{self.daemon.folder}:{os.environ['PATH']}"
        environ = {**self.environ, "PYTHONPATH": str(ROOT), "PATH": path}
        done = subprocess.run(["bash"], input=script, env=environ, text=True, capture_output=True)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout.split("\n")[:2], ["'Debian 12 $(reboot)'", "debris"])


class Installed(SynchronousTestCase):
    """In a process of its own."""

    def run_python(self, code):
        environ = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [sys.executable, "-c", code], env=environ, text=True, capture_output=True, timeout=60
        )

    def test_no_twisted(self):
        code = "import sys, txtorrent.cli.main; print('twisted' in sys.modules)"
        self.assertEqual(self.run_python(code).stdout, "False\n")

    def test_no_daemon(self):
        code = "import sys; sys.argv[1:] = ['-c', 'unix:/nowhere', 'list']\n"
        done = self.run_python(code + "from txtorrent.cli.main import main; main()")
        self.assertEqual(done.returncode, 3)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_the_script(self):
        script = os.path.join(os.path.dirname(sys.executable), "txtorrent")
        if not os.path.exists(script):
            raise SkipTest("not installed")
        done = subprocess.run([script, "--version"], text=True, capture_output=True)
        self.assertTrue(done.stdout.startswith("txtorrent, version "))
