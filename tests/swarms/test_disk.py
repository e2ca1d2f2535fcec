"""Disks that are full, broken or gone: nothing is lost, and what can go on does (THREATS E)."""

import errno
import os
import shutil

from tests.storage.folders import tmpfs
from tests.swarms.case import SwarmCase
from txtorrent.bitfield import Bitfield
from txtorrent.storage.content import Content, SyncError
from txtorrent.torrent.torrent import State


class DiskCase(SwarmCase):
    def failing(self, node, error, method="write"):
        """Have a method of the node's content fail with an errno; returns how to end that."""
        content = node.torrent.content
        original = getattr(Content, method)

        def fail(this, *args):
            if this is content and error is not None:
                raise self.error(error, content, method)
            return original(this, *args)

        def heal():
            nonlocal error
            error = None

        self.patch(Content, method, fail)
        return heal

    def error(self, code, content, method):
        """As the content itself raises it."""
        kind = SyncError if method == "sync" else OSError
        error = kind(code, os.strerror(code), content.root)
        if method == "sync":
            error.pieces = content.unsynced
        return error


class Full(DiskCase):
    def test_waits_and_goes_on_by_itself(self):
        """E1: "disk full" is shown, seeding goes on, and it resumes within 60 s."""
        swarm = self.swarm(2_000_000)
        seed = swarm.add_seed(up=500_000)
        leecher = swarm.add_leecher()
        other = swarm.add_leecher(down=10_000)
        swarm.run_until(lambda: leecher.downloaded > 1_000_000)
        heal = self.failing(leecher, errno.ENOSPC)
        swarm.run_until(lambda: leecher.torrent.error, 20)
        self.assertIn("disk full", leecher.torrent.error)
        self.assertEqual(leecher.torrent.state, State.DOWNLOADING)
        had, given = leecher.torrent.progress.have.count, leecher.uploaded
        swarm.run(10)
        fetched = leecher.downloaded
        swarm.run(90)
        self.assertEqual((leecher.torrent.progress.have.count, leecher.downloaded), (had, fetched))
        self.assertGreater(leecher.uploaded, given)
        heal()
        swarm.run_until(lambda: leecher.torrent.progress.have.count > had, 60)
        self.assertIsNone(leecher.torrent.error)
        swarm.run_until_complete(seed, leecher, limit=60)
        self.assertWhole(leecher)
        self.assertLess(leecher.wasted, 100_000)  # the endgame
        self.assertLess(other.downloaded, 2_000_000)

    def test_no_space_at_the_start(self):
        """Nor at the start is that the end: it begins when there is space."""
        swarm = self.swarm(300_000)
        swarm.add_seed()
        leecher = swarm.add_leecher(start=False)
        leecher.start()
        heal = self.failing(leecher, errno.ENOSPC, "create")
        swarm.run_until(lambda: leecher.torrent.state is State.FAILED, 10)
        self.assertIn("disk full", leecher.torrent.error)
        heal()
        swarm.run_until_complete(leecher, limit=60)
        self.assertWhole(leecher)

    def test_a_file_system_that_is_really_full(self):
        root = tmpfs(self, "1500k")
        swarm = self.swarm(1_400_000)
        swarm.add_seed(up=1_000_000)
        ballast = os.path.join(root, "ballast")
        with open(ballast, "wb") as out:
            out.write(bytes(700_000))
        leecher = swarm.add_leecher(directory=os.path.join(root, "files"))
        swarm.run_until(lambda: leecher.torrent.error, 30)
        self.assertIn("disk full", leecher.torrent.error)
        swarm.run(30)
        os.remove(ballast)
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)
        self.assertEqual(leecher.wasted, 0)

    def test_stop_while_full(self):
        """What waits for space is given up, and fetched again next time."""
        swarm = self.swarm(1_000_000)
        swarm.add_seed()
        leecher = swarm.add_leecher()
        swarm.run_until(lambda: leecher.torrent.swarm)
        self.failing(leecher, errno.ENOSPC)
        swarm.run_until(lambda: leecher.torrent.error, 20)
        self.assertLess(leecher.stop(), 6)
        leecher.start()
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)


class Broken(DiskCase):
    def test_write_error(self):
        """E3: the torrent stops with an error, and nothing false is believed after a restart."""
        swarm = self.swarm(1_000_000)
        swarm.add_seed(up=500_000)
        leecher = swarm.add_leecher()
        swarm.run_until(lambda: leecher.downloaded > 500_000)
        self.failing(leecher, errno.EIO)
        swarm.run_until(lambda: leecher.torrent.state is State.FAILED, 20)
        self.assertIn(os.strerror(errno.EIO), leecher.torrent.error)
        swarm.run(120)
        self.assertEqual((leecher.torrent.state, leecher.linked), (State.FAILED, []))
        leecher.restart()
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)

    def test_sync_error(self):
        """What came since the last good sync is hashed again, and only that."""
        swarm = self.swarm(2_000_000)
        swarm.add_seed(up=100_000)
        leecher = swarm.add_leecher()
        swarm.run(8)
        self.failing(leecher, errno.EIO, "sync")
        swarm.run_until(lambda: leecher.torrent.state is State.FAILED, 20)
        info_hash = swarm.payload.metainfo.info_hash
        resume = swarm.clock.result_of(leecher.session.journal.load(info_hash))
        self.assertEqual(resume.provisional, frozenset())
        believed = Bitfield.from_wire(leecher.torrent.progress.have.size, resume.have).count
        self.assertTrue(0 < believed < leecher.torrent.progress.have.count)
        leecher.restart()
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)

    def test_read_error(self):
        """A seed that cannot read stops with an error; the file's return lets it go on."""
        swarm = self.swarm(1_000_000)
        seed = swarm.add_seed()
        path = os.path.join(seed.directory, "content")
        leecher = swarm.add_leecher(down=100_000)
        swarm.run_until(lambda: leecher.downloaded > 300_000)
        seed.open_files().close_unused()
        os.rename(path, path + ".away")
        swarm.run_until(lambda: seed.torrent.state is State.FAILED, 30)
        os.rename(path + ".away", path)
        swarm.run_until_complete(limit=120)
        self.assertWhole(leecher)


class Missing(DiskCase):
    def test_comes_back_by_itself(self):
        """E4: "storage missing", nothing created in its place, progress kept."""
        swarm = self.swarm({"a": bytes(range(200)) * 5000, "b/c": bytes(1000)})
        swarm.add_seed(up=300_000)
        leecher = swarm.add_leecher()
        swarm.run_until(lambda: leecher.downloaded > 500_000)
        away = leecher.directory + " away"
        leecher.open_files().close_unused()
        os.rename(leecher.directory, away)
        swarm.run_until(lambda: leecher.torrent.state is State.FAILED, 20)
        self.assertIn("storage missing", leecher.torrent.error)
        swarm.run(100)
        self.assertFalse(os.path.exists(leecher.directory))
        os.rename(away, leecher.directory)
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)
        self.assertGreaterEqual(leecher.downloaded, 1_001_000)
        self.assertLess(leecher.downloaded, 1_300_000)

    def test_missing_at_the_start(self):
        swarm = self.swarm(300_000)
        swarm.add_seed()
        leecher = swarm.add_leecher(start=False)
        shutil.rmtree(leecher.directory)
        leecher.start()
        swarm.run(40)
        self.assertIn("storage missing", leecher.torrent.error)
        os.mkdir(leecher.directory)
        swarm.run_until_complete(leecher, limit=60)
        self.assertWhole(leecher)

    def test_several_jobs_fail_at_once(self):
        """Of all that fails then, one look is what remains: none is left when it stops."""
        swarm = self.swarm(2_000_000, piece_length=16384)
        swarm.add_seed()
        leecher = swarm.add_leecher()
        swarm.run_until(lambda: leecher.torrent.swarm)
        heal = self.failing(leecher, errno.ENOENT)
        swarm.run_until(lambda: leecher.torrent.state is State.FAILED, 20)
        swarm.run(10)
        self.assertLessEqual(len(leecher.host.getDelayedCalls()), 2)
        heal()
        swarm.run_until_complete(limit=60)
        swarm.run(60)
        self.assertEqual(leecher.torrent.state, State.SEEDING)
