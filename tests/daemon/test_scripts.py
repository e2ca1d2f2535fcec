"""Programs run when something happens to a torrent: fake ones on a virtual clock, and real ones."""

import os
from datetime import datetime

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.daemon.case import logged
from txtorrent import __version__
from txtorrent.daemon import program, scripts
from txtorrent.daemon.scripts import Details, Scripts

DETAILS = Details(
    id=7, info_hash=b"\xab" * 20, name="a b", directory="/srv", size=1000, downloaded=900,
    uploaded=2000, labels=("x", "y"), trackers=("http://t/", "udp://u:1"), priority=-1,
    reason="uploaded 2 times its size",
)  # fmt: skip
COMMANDS = {"done": ["/bin/done", "a word", "$HOME"], "seeded": []}


class FakeTransport:
    def __init__(self):
        self.signals = []
        self.exited = self.stdin_closed = self.lost = False

    def closeStdin(self):
        self.stdin_closed = True

    def signalProcess(self, name):
        if self.exited:
            raise ProcessExitedAlready
        self.signals.append(name)

    def loseConnection(self):
        self.lost = True


class FakeReactor(Clock):
    """Spawns nothing; keeps what was asked for."""

    def __init__(self):
        super().__init__()
        self.spawned = []
        self.refusal = None
        self.at_once = None

    def spawnProcess(self, protocol, executable, args, env):
        if self.refusal is not None:
            raise self.refusal
        protocol.makeConnection(FakeTransport())
        self.spawned.append((protocol, executable, args, env))
        if self.at_once is not None:
            self.at_once(protocol)


class Case(SynchronousTestCase):
    def setUp(self):
        self.reactor = FakeReactor()
        self.scripts = self.make()

    def make(self, at_once=2, commands=COMMANDS):
        return Scripts(self.reactor, commands, at_once, 60.0, lambda: datetime(2026, 3, 4, 5, 6, 7))

    def exit(self, protocol, status=0, ended=True):
        protocol.transport.exited = True
        error = ProcessTerminated(status) if status else ProcessDone(0)
        protocol.processExited(Failure(error))
        if ended:
            protocol.processEnded(Failure(error))


class Spawning(Case):
    def test_command(self):
        self.patch(os, "environ", {"PATH": "/bin", "SECRET": "x", "HOME": "/h"})
        self.scripts.run("done", DETAILS)
        protocol, executable, args, env = self.reactor.spawned.pop()
        self.assertEqual(executable, "/bin/done")
        self.assertEqual(args, ("/bin/done", "a word", "$HOME"))
        self.assertTrue(protocol.transport.stdin_closed)
        self.assertEqual(env, {
            "PATH": b"/bin",
            "HOME": b"/h",
            "TR_APP_VERSION": __version__.encode(),
            "TR_TIME_LOCALTIME": b"Wed Mar  4 05:06:07 2026",
            "TR_TORRENT_BYTES_DOWNLOADED": b"900",
            "TR_TORRENT_DIR": b"/srv",
            "TR_TORRENT_HASH": b"ab" * 20,
            "TR_TORRENT_ID": b"7",
            "TR_TORRENT_LABELS": b"x,y",
            "TR_TORRENT_NAME": b"a b",
            "TR_TORRENT_PRIORITY": b"-1",
            "TR_TORRENT_TRACKERS": b"http://t/,udp://u:1",
            "TX_EVENT": b"done",
            "TX_TORRENT_SIZE": b"1000",
            "TX_TORRENT_BYTES_UPLOADED": b"2000",
            "TX_TORRENT_REASON": b"uploaded 2 times its size",
        })  # fmt: skip

    def test_values_that_no_environment_holds(self):
        for name, kept in (
            ("a\0b\udcff\n", b"ab\xff\n"),
            ("\ud800", b"\\ud800"),
            ("x" * 200_000, b"x" * 100_000),
        ):
            self.scripts = self.make()
            self.scripts.run("done", Details(1, b"", name, "/", 1, 1, 1))
            self.assertEqual(self.reactor.spawned.pop()[3]["TR_TORRENT_NAME"], kept)

    def test_no_command(self):
        self.scripts.run("seeded", DETAILS)
        self.scripts.run("added", DETAILS)
        self.assertEqual(self.reactor.spawned, [])

    def test_refused_by_the_system(self):
        lines = logged(self)
        self.reactor.refusal = OSError(11, "Resource temporarily unavailable")
        self.scripts.run("done", DETAILS)
        self.assertIn("Resource temporarily unavailable", lines[0])
        self.reactor.refusal = None
        self.scripts.run("done", DETAILS)
        self.assertEqual(len(self.reactor.spawned), 1)


class Turns(Case):
    def test_some_at_once(self):
        for _ in range(4):
            self.scripts.run("done", DETAILS)
        self.assertEqual(len(self.reactor.spawned), 2)
        self.exit(self.reactor.spawned[0][0])
        self.assertEqual(len(self.reactor.spawned), 3)
        self.exit(self.reactor.spawned[1][0], status=1)
        self.assertEqual(len(self.reactor.spawned), 4)

    def test_ended_while_it_is_spawned(self):
        self.reactor.at_once = self.exit
        for _ in range(5):
            self.scripts.run("done", DETAILS)
        self.assertEqual(len(self.reactor.spawned), 5)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.successResultOf(self.scripts.stop())

    def test_not_too_many_wait(self):
        self.patch(scripts, "MOST_WAITING", 3)
        lines = logged(self)
        for _ in range(6):
            self.scripts.run("done", DETAILS)
        self.assertEqual(len([line for line in lines if "is left out" in line]), 1)

    def test_stop(self):
        for _ in range(3):
            self.scripts.run("done", DETAILS)
        stopped = self.scripts.stop()
        self.scripts.run("done", DETAILS)
        first, second = (each[0] for each in self.reactor.spawned)
        self.assertEqual(first.transport.signals, ["TERM"])
        self.exit(first)
        self.assertNoResult(stopped)
        self.reactor.advance(program.GRACE)
        self.assertEqual(second.transport.signals, ["TERM", "KILL"])
        self.exit(second)
        self.successResultOf(stopped)
        self.assertEqual(len(self.reactor.spawned), 2)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stop_when_none_runs(self):
        self.successResultOf(self.scripts.stop())
        self.scripts.run("done", DETAILS)
        self.assertEqual(self.reactor.spawned, [])


class Running(Case):
    def setUp(self):
        super().setUp()
        self.scripts.run("done", DETAILS)
        self.program = self.reactor.spawned[0][0]
        self.lines = logged(self)

    def test_time_limit(self):
        self.reactor.advance(59)
        self.assertEqual(self.program.transport.signals, [])
        self.reactor.advance(1)
        self.assertEqual(self.program.transport.signals, ["TERM"])
        self.reactor.advance(program.GRACE)
        self.assertEqual(self.program.transport.signals, ["TERM", "KILL"])
        self.assertIn("ran longer than 60 s", self.lines[0])

    def test_ended_in_time(self):
        self.exit(self.program)
        self.assertEqual(self.lines, ["a b: done script has ended"])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_failed(self):
        self.exit(self.program, status=3)
        self.assertIn("exit code 3", self.lines[0])

    def test_output_that_something_else_keeps_open(self):
        """The next one waits a little for it, and not for ever."""
        self.exit(self.program, ended=False)
        self.reactor.advance(program.GRACE)
        self.assertTrue(self.program.transport.lost)

    def test_gone_when_it_is_to_be_ended(self):
        self.program.transport.exited = True
        self.program.end("why not")
        self.assertEqual(self.program.transport.signals, [])

    def test_output(self):
        for descriptor, data in ((1, b"on"), (2, b"er"), (1, b"e\ntwo\n\nthr"), (2, b"r\xff\n")):
            self.program.childDataReceived(descriptor, data)
        self.exit(self.program)
        said = [line.removeprefix("a b: done script: ") for line in self.lines[:-1]]
        self.assertEqual(said, ["one", "two", "", "err\\xff", "thr"])

    def test_lines_without_end(self):
        self.patch(program, "LINE", 4)
        self.program.childDataReceived(1, b"abcdefghij")
        self.exit(self.program)
        said = [line.removeprefix("a b: done script: ") for line in self.lines[:-1]]
        self.assertEqual(said, ["abcd", "efgh", "ij"])

    def test_what_is_not_logged_is_told_of(self):
        self.patch(program, "MOST_LINES", 3)
        self.program.childDataReceived(1, b"x\n" * 4)
        self.assertIn("more than 3 lines, not logged", self.lines[3])

    def test_output_without_end(self):
        self.patch(program, "MOST_LINES", 3)
        self.program.childDataReceived(1, b"x\n" * 100)
        self.exit(self.program)
        self.assertEqual(len(self.lines), 3 + 1 + 1)
        self.assertIn("more than 3 lines", self.lines[3])


class RealPrograms(TestCase):
    """On the real reactor; each test waits for what a program does."""

    def ran(self, *argv, time_limit=60.0):
        """The lines logged of a program, when it has ended."""
        lines, done = logged(self), Deferred()

        class Watched(Scripts):
            def _ended(self, program):
                super()._ended(program)
                done.callback(lines)

        running = Watched(reactor, {"done": argv}, 1, time_limit)
        running.run("done", DETAILS)
        return done.addTimeout(30, reactor)

    async def test_words_reach_it_as_they_are(self):
        line, _ = await self.ran("/bin/echo", "a  b;", "$HOME", "`x`")
        self.assertEqual(line, "a b: done script: a  b; $HOME `x`")

    async def test_environment(self):
        lines = await self.ran("/usr/bin/env")
        self.assertIn("a b: done script: TR_TORRENT_NAME=a b", lines)

    async def test_nothing_to_read(self):
        lines = await self.ran("/bin/cat")
        self.assertEqual(lines, ["a b: done script has ended"])

    async def test_status(self):
        lines = await self.ran("/bin/sh", "-c", "echo oops >&2; exit 3")
        self.assertEqual(lines[0], "a b: done script: oops")
        self.assertIn("exit code 3", lines[1])

    def test_missing(self):
        lines = logged(self)
        running = Scripts(reactor, {"done": ["/no/such/program"]}, 1, 60.0)
        running.run("done", DETAILS)
        self.assertEqual(len(lines), 1)
        self.assertIn("a b: done script: ", lines[0])
        self.assertIn("No such file or directory", lines[0])
        return running.stop()

    async def test_ended_when_its_time_is_over(self):
        lines = await self.ran("/bin/sleep", "1000", time_limit=0.01)
        self.assertIn("ran longer than 0.01 s", lines[0])
        self.assertIn("signal 15", lines[1])
