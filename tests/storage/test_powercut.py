import fcntl
import os
import random
import struct
import subprocess
from hashlib import sha1

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import content, folder, noise, unmount_after
from tests.testing.disk import InlineLane
from txtorrent.storage.hashing import verify_and_write, verify_on_disk
from txtorrent.storage.journal import Checkpoint, Journal, StateError
from txtorrent.storage.trust import trust

PIECE = 16384
PIECES = 60
INFO_HASH = b"i" * 20

# Linux's EXT4_IOC_SHUTDOWN, told to forget what is not on the device: as a power cut does.
SHUTDOWN = 0x8004587D
WITHOUT_LOG = struct.pack("I", 2)


class PowerCutTests(SynchronousTestCase):
    """E6: what a power cut leaves on a real file system, cut at many moments."""

    def setUp(self):
        if os.getuid():
            self.skipTest("only root may mount a file system")
        base = folder(self)
        self.image, self.mounted = os.path.join(base, "image"), os.path.join(base, "mounted")
        os.mkdir(self.mounted)
        with open(self.image, "wb") as image:
            image.truncate(16 << 20)
        try:
            self.system("mkfs.ext4", "-q", "-F", self.image)
            self.mount()
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            self.skipTest(f"this machine lets no file system be made and mounted: {error}")
        unmount_after(self, self.mounted)

    def system(self, *command):
        subprocess.run(command, check=True, capture_output=True)

    def mount(self):
        self.system("mount", "-o", "loop", self.image, self.mounted)

    def cut(self):
        descriptor = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, WITHOUT_LOG)
        finally:
            os.close(descriptor)

    def begin(self, boot):
        """Another run of the daemon, in another boot."""
        self.clock = Clock()
        root = os.path.join(self.mounted, "downloads")
        self.content = content(root, [("t/a", 300_000), ("t/b/c", PIECE * PIECES - 300_000)], PIECE)
        state = os.path.join(self.mounted, "state")
        self.journal = Journal(InlineLane(self.clock), state, boot=b"%d" % boot)
        self.get(self.journal.open())

    def get(self, deferred):
        self.clock.pump([0] * 5)
        return self.successResultOf(deferred)

    def save(self, have):
        self.content.sync()
        bits = int("".join("01"[n in have] for n in range(PIECES)).ljust(64, "0"), 2)
        files = self.content.stat()
        wire = bits.to_bytes(8, "big")
        self.get(self.journal.checkpoint(INFO_HASH, Checkpoint(wire, files, 0, 0, 0, False)))

    def end(self):
        """After the cut: what the process still had open does not reach the device."""
        self.content.close()
        closed = self.journal.close()
        self.clock.pump([0] * 5)
        closed.addErrback(lambda failure: failure.trap(StateError))
        self.successResultOf(closed)
        self.system("umount", self.mounted)
        self.mount()

    def download(self, have, steps):
        """Get pieces in some order, cut off after so many steps; what was saved for good."""
        saved = set(have)
        missing = [piece for piece in range(PIECES) if piece not in have]
        self.random.shuffle(missing)
        for step, piece in enumerate(missing[:steps]):
            data = self.data[piece * PIECE : (piece + 1) * PIECE]
            assert verify_and_write(self.content, piece * PIECE, data, self.hashes[piece])
            self.get(self.journal.record(INFO_HASH, piece))
            have.add(piece)
            if step % 4 == 3:
                self.save(have)
                saved = set(have)
        # Another torrent's checkpoint takes this one's records to the device, without the data.
        self.get(self.journal.checkpoint(b"o" * 20, Checkpoint(b"", (), 0, 0, 0, True)))
        return saved

    def create(self):
        self.data = noise(PIECE * PIECES)
        pieces = [self.data[at : at + PIECE] for at in range(0, len(self.data), PIECE)]
        self.hashes = [sha1(piece).digest() for piece in pieces]
        os.mkdir(os.path.join(self.mounted, "downloads"))
        self.begin(0)
        self.content.create()
        self.save(set())

    def test_what_was_synced_is_as_it_was_recorded(self):
        """Also where only the mtime changed: no blocks were added, nor did the size change."""
        self.create()
        self.content.write(0, self.data)
        self.content.sync()
        for path in ("t/a", "t/b/c"):
            os.utime(os.path.join(self.mounted, "downloads", path), (5, 5))
        self.content.write(0, self.data)
        self.content.sync()
        recorded = self.content.stat()
        self.cut()
        self.end()
        self.begin(1)
        self.assertEqual(self.content.stat(), recorded)
        self.assertEqual(self.content.read(0, len(self.data)), self.data)
        self.get(self.journal.close())
        self.content.close()

    def test_cut_at_many_moments(self):
        self.random = random.Random(5)
        self.create()
        have = set()
        for boot in range(1, 9):
            saved = self.download(have, self.random.randrange(3, 12))
            self.cut()
            self.end()
            self.begin(boot)
            have = self.believed(saved)
        self.get(self.journal.close())
        self.content.close()

    def believed(self, saved):
        """What is had after the cut, having looked that it is true."""
        resume = self.get(self.journal.load(INFO_HASH))
        found = trust(resume, self.content.stat(), self.content.files, self.content.geometry)
        self.assertEqual(saved - set(found.have), set(), "saved, and yet not believed")
        for piece in found.have:
            self.assertTrue(self.verify(piece), f"a false have-bit: {piece}")
        have = set(found.have) | {piece for piece in found.recheck if self.verify(piece)}
        self.content.note_unsynced(have)
        self.save(have)
        return have

    def verify(self, piece):
        return verify_on_disk(self.content, piece * PIECE, PIECE, self.hashes[piece])
