"""A complete torrent that nobody asks for sleeps: announced, and awake when somebody comes."""

from tests.seedbox.case import SEEDING, SeedboxCase
from txtorrent.seedbox.goals import ROUND
from txtorrent.seedbox.runner import AWAKE_FOR, LOST_METAINFO
from txtorrent.swarm.peerbook import Source


class Sleeping(SeedboxCase):
    def setUp(self):
        super().setUp()
        self.made = self.payload()
        self.write(self.made)
        self.peers = self.swarm(self.made)
        self.entry = self.add(self.made)
        self.fall_asleep()

    def fall_asleep(self):
        self.run_until(lambda: self.entry.status == SEEDING)
        self.run_until(lambda: self.entry.torrent is None, AWAKE_FOR + 10)

    def restart(self):
        super().restart()
        self.entry = self.box.torrents[self.entry.info_hash]

    def test_it_is_a_seed_all_the_same(self):
        self.assertEqual((self.entry.status, self.session.torrents), (SEEDING, {}))
        self.assertEqual((self.entry.left_until_done, self.entry.peers_connected), (0, 0))
        details = self.result_of(self.entry.details())
        self.assertEqual([file.completed for file in details.files], [len(self.made.data)])

    def test_a_peer_wakes_it(self):
        leecher = self.peers.add_leecher()
        self.clock.advance(1)
        leecher.parts.connections.found([self.address], Source.USER)
        self.run_until(lambda: leecher.is_complete, 60)
        self.assertEqual(self.entry.uploaded_ever, len(self.made.data))
        leecher.stop()
        self.fall_asleep()
        self.assertEqual(self.entry.uploaded_ever, len(self.made.data))

    def test_it_stays_awake_after_a_long_connection(self):
        """Peers come and go: it is not loaded anew for each."""
        slow = {"speed_limit_up": 600, "speed_limit_up_enabled": True}
        self.result_of(self.box.settings.change(slow))
        leecher = self.peers.add_leecher()
        self.clock.advance(1)
        began = self.clock.seconds()
        leecher.parts.connections.found([self.address], Source.USER)
        self.run_until(lambda: leecher.is_complete, 2 * AWAKE_FOR)
        self.assertGreater(self.clock.seconds() - began, AWAKE_FOR)
        leecher.stop()
        self.clock.advance(AWAKE_FOR / 2)
        self.assertEqual(self.entry.peers_connected, 0)
        self.assertIsNotNone(self.entry.torrent)
        self.fall_asleep()

    def test_asleep_from_the_start(self):
        self.restart()
        self.clock.advance(60)
        self.assertEqual((self.entry.status, self.entry.torrent), (SEEDING, None))
        self.test_a_peer_wakes_it()

    def test_its_time_counts(self):
        before = self.entry.seconds_seeding
        self.clock.advance(10 * ROUND)
        self.assertApproximates(self.entry.seconds_seeding - before, 10 * ROUND, ROUND)
        self.restart()
        self.assertApproximates(self.entry.seconds_seeding - before, 10 * ROUND, 5)

    def test_its_files_are_gone(self):
        self.remove_content()
        leecher = self.peers.add_leecher()
        self.clock.advance(1)
        leecher.parts.connections.found([self.address], Source.USER)
        self.run_until(lambda: self.entry.failure, 60)
        self.assertIn("storage missing", self.entry.failure)
        self.assertFalse(leecher.is_complete)

    def test_its_metainfo_is_damaged(self):
        damage = "UPDATE metainfo SET data = x'00'"
        self.result_of(self.session.journal.submit(lambda db: db.execute(damage).rowcount))
        leecher = self.peers.add_leecher()
        self.clock.advance(1)
        leecher.parts.connections.found([self.address], Source.USER)
        self.run_until(lambda: self.entry.failure, 60)
        self.assertEqual(self.entry.failure, LOST_METAINFO)
