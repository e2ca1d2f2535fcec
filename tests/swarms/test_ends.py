"""Stops, kills and restarts: quick, clean, and nothing is hashed or fetched again for them."""

import gc

from tests.swarms.case import SwarmCase
from txtorrent.torrent.torrent import State


class Restart(SwarmCase):
    def states_of(self, node):
        """Start the node; gives the list of the states that its torrent enters from now on."""
        states = []
        node.changes.append(lambda parts: states.append(node.torrent.state))
        node.start()
        return states

    def test_after_a_clean_stop(self):
        """Nothing is hashed, nothing is fetched again but the blocks of unfinished pieces."""
        swarm = self.swarm(2_000_000, piece_length=32768)
        seed, leecher = swarm.add_seed(), swarm.add_leecher(down=400_000)
        swarm.run_until(lambda: leecher.downloaded > 900_000)
        for node in (leecher, seed):
            node.stop()
        kept, fetched = leecher.torrent.progress.have.count, leecher.downloaded
        self.assertGreater(kept, 20)
        states = []
        for node in (seed, leecher):
            node.disk.write.jobs = 0
            states.append(self.states_of(node))
            swarm.run(0.001)
            self.assertLessEqual(node.disk.write.jobs, 2)  # create and sync, no hashing
        swarm.run_until(lambda: all(states))
        self.assertEqual(states, [[State.SEEDING], [State.DOWNLOADING]])
        self.assertEqual(leecher.torrent.progress.have.count, kept)
        self.assertEqual(leecher.downloaded, fetched)
        swarm.run_until_complete()
        self.assertWhole(leecher)
        self.assertEqual(leecher.downloaded - fetched, 2_000_000 - kept * 32768)
        self.assertEqual(swarm.waste(), 0)

    def test_after_a_kill(self):
        """What was verified is neither hashed nor fetched again (E5)."""
        swarm = self.swarm(2_000_000, piece_length=32768)
        swarm.add_seed()
        leecher = swarm.add_leecher(down=400_000)
        swarm.run_until(lambda: leecher.downloaded > 900_000)
        kept = leecher.torrent.progress.have.count
        leecher.kill()
        states = self.states_of(leecher)
        swarm.run_until(lambda: states)
        self.assertEqual(states, [State.DOWNLOADING])
        self.assertGreaterEqual(leecher.torrent.progress.have.count, kept)
        swarm.run_until_complete()
        self.assertWhole(leecher)

    def test_totals_go_on(self):
        swarm = self.swarm(500_000)
        seed, leecher = swarm.add_seed(), swarm.add_leecher()
        swarm.run_until_complete()
        seed.restart()
        leecher.restart()
        swarm.run(1)
        self.assertEqual((seed.uploaded, leecher.downloaded), (500_000, 500_000))


class Stop(SwarmCase):
    def test_with_a_dead_tracker(self):
        """E12: nobody answers our `stopped`, and yet we are gone within ten seconds."""
        swarm = self.swarm(500_000)
        seed, leecher = swarm.add_seed(up=10_000), swarm.add_leecher()
        swarm.run(5)
        swarm.tracker.silent = True
        self.assertLess(leecher.stop(), 6)
        swarm.tracker.host.vanish()
        self.assertLess(seed.stop(), 6)
        swarm.tracker.host.appear()

    def test_with_a_tracker_that_never_lived(self):
        swarm = self.swarm(500_000, announce="udp://8.8.8.8:80/announce")
        seed = swarm.add_seed()
        swarm.run(5)
        self.assertLess(seed.stop(), 1)

    def test_at_any_moment(self):
        """While loading, checking, connecting, or in the middle: nothing is left (tearDown)."""
        for pause in (0, 0.0001, 0.01, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0):
            swarm = self.swarm(500_000)
            nodes = [swarm.add_seed(start=False), swarm.add_leecher(start=False)]
            for node in nodes:
                for lane in (node.disk.write, node.disk.read, node.disk.state):
                    lane.delay = 0.02
                node.start()
            swarm.run(pause)
            for node in nodes:
                self.assertLess(node.stop(), 6)

    def test_with_a_stuck_disk(self):
        """The process may go although a write hangs, and nobody can connect any more."""
        swarm = self.swarm(500_000)
        swarm.add_seed()
        leecher = swarm.add_leecher(down=100_000)
        swarm.run(2)
        leecher.disk.write.stall()
        self.assertLess(leecher.stop(), 9)
        port = f"listening port of {leecher.host.name}"
        self.assertNotIn(port, str(swarm.network.leftovers()))
        leecher.disk.write.release()
        leecher.kill()
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])
