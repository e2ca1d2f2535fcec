"""Waiting for a torrent to be complete, as programs that hold a session do."""

from twisted.internet.defer import CancelledError

from tests.swarms.case import SwarmCase
from txtorrent.torrent.life import State
from txtorrent.torrent.torrent import TorrentEndedError


class WhenComplete(SwarmCase):
    def test_the_last_piece(self):
        swarm = self.swarm()
        swarm.add_seed()
        leecher = swarm.add_leecher()
        waiting = [leecher.torrent.when_complete(), leecher.torrent.when_complete()]
        swarm.run_until(lambda: leecher.torrent.state is State.DOWNLOADING)
        waiting.append(leecher.torrent.when_complete())
        for each in waiting:
            self.assertNoResult(each)
        swarm.run_until_complete()
        for each in waiting:
            self.successResultOf(each)

    def test_content_that_was_there(self):
        swarm = self.swarm()
        seed = swarm.add_seed()
        waiting = seed.torrent.when_complete()
        self.assertNoResult(waiting)
        swarm.run(5)
        self.successResultOf(waiting)
        self.successResultOf(seed.torrent.when_complete())

    def test_stopped_before(self):
        swarm = self.swarm()
        leecher = swarm.add_leecher()
        swarm.run(5)
        waiting = leecher.torrent.when_complete()
        leecher.stop()
        error = self.failureResultOf(waiting, TorrentEndedError).value
        self.assertEqual(str(error), f"{leecher.torrent.name}: stopped")

    def test_the_storage_fails(self):
        swarm = self.swarm()
        leecher = swarm.add_leecher()
        swarm.run(5)
        waiting = leecher.torrent.when_complete()
        leecher.torrent.storage_failed(OSError(5, "Input/output error"))
        error = self.failureResultOf(waiting, TorrentEndedError).value
        self.assertIn("Input/output error", str(error))

    def test_cancelled(self):
        swarm = self.swarm()
        swarm.add_seed()
        leecher = swarm.add_leecher()
        waiting, other = leecher.torrent.when_complete(), leecher.torrent.when_complete()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        swarm.run_until_complete()
        self.successResultOf(other)
