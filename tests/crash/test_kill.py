"""kill -9 at random moments of a download: nothing false is believed, nothing is fetched twice.

TXTORRENT_KILLS sets how many kills there are; the default keeps the whole suite short.
"""

import os
import random
import sys
from hashlib import sha1
from pathlib import Path

from twisted.internet import defer, error, protocol, reactor, task
from twisted.trial.unittest import TestCase

from tests.crash.seed import RecordingSeed
from tests.daemon.commands import environment
from tests.testing import torrents
from tests.testing.loopback import next_host
from txtorrent.bitfield import Bitfield
from txtorrent.metainfo.torrentfile import parse
from txtorrent.storage.disk import Disk
from txtorrent.storage.journal import Journal

KILLS = int(os.environ.get("TXTORRENT_KILLS", "6"))
PIECE = 64 * 1024
SIZE = 24 * 1024 * 1024 + 12345
RATE = 8_000_000


class Daemon(protocol.ProcessProtocol):
    """The real program, its output kept; `ended` fires when it is gone."""

    def __init__(self) -> None:
        self.output = b""
        self.ended: defer.Deferred[int | None] = defer.Deferred()

    def outReceived(self, data: bytes) -> None:
        self.output += data

    errReceived = outReceived

    def processEnded(self, reason) -> None:
        self.ended.callback(reason.value.exitCode)


class KillTests(TestCase):
    """One download, killed again and again until it is complete."""

    timeout = 900

    def setUp(self) -> None:
        self.random = random.Random(7)
        self.root = Path(self.mktemp()).absolute()
        self.root.mkdir()
        self.content = torrents.content(3, SIZE)
        files = {"a.bin": self.content[: SIZE // 3], "deep/b.bin": self.content[SIZE // 3 :]}
        self.environment = environment(self.root)
        self.torrent = self.root / "x.torrent"
        self.torrent.write_bytes(torrents.make(files, name="killed", piece_length=PIECE))
        self.metainfo = parse(self.torrent.read_bytes())
        self.seed = RecordingSeed(reactor, self.metainfo, self.content, RATE)
        port = reactor.listenTCP(0, self.seed, interface=next_host())
        self.peer = f"{port.getHost().host}:{port.getHost().port}"
        self.host = next_host()
        self.addCleanup(port.stopListening)
        self.addCleanup(self.seed.close)

    def start(self, *more: str) -> Daemon:
        daemon = Daemon()
        argv = [
            sys.executable, "-m", "twisted", "txtorrent", "--no-dht",
            "--torrent", str(self.torrent),
            "--directory", str(self.root / "content"), "--state", str(self.root / "state"),
            "--port", "0", "--interface", self.host, "--peer", self.peer,
            "--control", "none", *more,
        ]  # fmt: skip
        daemon.process = reactor.spawnProcess(daemon, argv[0], argv, env=self.environment)
        self.addCleanup(self.end, daemon)
        return daemon

    async def end(self, daemon: Daemon) -> None:
        try:
            daemon.process.signalProcess("KILL")
        except error.ProcessExitedAlready:
            return
        await daemon.ended

    async def believed(self) -> Bitfield:
        """The pieces that the state on disk says are had, provisional ones included."""
        disk = Disk.threaded(reactor, 1)
        disk.start()
        journal = Journal(disk.state, str(self.root / "state"))
        await journal.open()
        resume = await journal.load(self.metainfo.info_hash)
        await journal.close()
        await disk.stop()
        count = self.metainfo.geometry.piece_count
        have = Bitfield(count) if resume is None else Bitfield.from_wire(count, resume.have)
        for piece in resume.provisional if resume else ():
            have.add(piece)
        return have

    def on_disk(self) -> bytes:
        data = b""
        for file in self.metainfo.files:
            path = self.root.joinpath("content", *file.path)
            found = path.read_bytes() if path.exists() else b""
            data += found.ljust(file.length, b"\0")
        return data

    async def test_nothing_false_and_nothing_twice(self) -> None:
        """Each kill comes after a random number of blocks; in the end the content is right."""
        geometry, kills, fetched_twice = self.metainfo.geometry, 0, []
        had = Bitfield(geometry.piece_count)
        while kills < KILLS:
            blocks = self.random.randrange(1, 1 + SIZE // 16384 // KILLS)
            daemon = self.start()
            await self.after_blocks(blocks, daemon)
            daemon.process.signalProcess("KILL")
            await daemon.ended
            self.assertNotIn(b"checking", daemon.output, "verified data was hashed again")
            fetched_twice += [piece for piece in self.seed.asked if piece in had]
            kills += 1
            had, disk = await self.believed(), self.on_disk()
            for piece in had:
                at = geometry.piece_offset(piece)
                digest = sha1(disk[at : at + geometry.piece_size(piece)]).digest()
                self.assertEqual(digest, self.metainfo.piece_hash(piece), f"false bit {piece}")
            self.seed.asked.clear()
        self.assertEqual(fetched_twice, [])
        self.assertGreater(had.count, 0)
        daemon = self.start("--stop-when", "complete")
        self.assertEqual(await daemon.ended, 0, daemon.output)
        self.assertEqual([piece for piece in self.seed.asked if piece in had], [])
        self.assertNotIn(b"checking", daemon.output)
        self.assertEqual(sha1(self.on_disk()).digest(), sha1(self.content).digest())

    async def after_blocks(self, count: int, daemon: Daemon) -> None:
        """Wait until the seed has sent `count` blocks, or the daemon has ended."""
        sent: defer.Deferred[None] = defer.Deferred()
        left = count

        def on_block() -> None:
            nonlocal left
            left -= 1
            if not left:
                sent.callback(None)

        self.seed.on_block = on_block
        await defer.DeferredList([sent, daemon.ended], fireOnOneCallback=True)
        self.seed.on_block = lambda: None
        self.assertFalse(daemon.ended.called, daemon.output)
        # The moment of the kill within the way of a block is left to chance, too.
        await task.deferLater(reactor, self.random.random() * 0.03, lambda: None)
