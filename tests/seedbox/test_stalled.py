"""Torrents that make no progress: others have their turn, and seeding ends when nobody asks."""

from tests.seedbox.case import DOWNLOADING, SEEDING, STOPPED, SeedboxCase
from txtorrent.address import Address
from txtorrent.seedbox.entry import DOWNLOAD_QUEUED, SEED_QUEUED
from txtorrent.swarm.peerbook import Source

MINUTES = 60


class Queue(SeedboxCase):
    settings = {
        "download_queue_size": 1, "seed_queue_enabled": True, "seed_queue_size": 1,
        "queue_stalled_minutes": 10, "free_space_floor": 0,
    }  # fmt: skip

    def statuses(self):
        return [entry.status for entry in self.box.torrents.values()]

    def test_a_download_without_progress(self):
        first, _ = self.add(self.payload(0)), self.add(self.payload(1))
        self.clock.advance(9 * MINUTES)
        self.assertEqual(self.statuses(), [DOWNLOADING, DOWNLOAD_QUEUED])
        self.assertFalse(first.is_stalled)
        self.clock.advance(2 * MINUTES)
        self.assertEqual(self.statuses(), [DOWNLOADING, DOWNLOADING])
        self.assertTrue(first.is_stalled)

    def test_never(self):
        self.result_of(self.box.settings.change({"queue_stalled_enabled": False}))
        self.add(self.payload(0)), self.add(self.payload(1))
        self.clock.advance(60 * MINUTES)
        self.assertEqual(self.statuses(), [DOWNLOADING, DOWNLOAD_QUEUED])

    def test_what_a_download_gives_is_no_progress(self):
        made = self.payload(0, pieces=100)
        first = self.add(made, min_share=100.0)
        self.add(self.payload(1))
        swarm = self.swarm(made)
        seed = swarm.add_seed()
        self.run_until(lambda: first.parts)
        first.parts.connections.found([seed.address], Source.USER)
        self.run_until(lambda: first.waiting)
        leecher = swarm.add_leecher(down=6_500)  # a quarter of an hour
        self.clock.advance(1)
        leecher.parts.connections.found([Address(self.host.addresses[0], 6881)], Source.USER)
        self.clock.advance(12 * MINUTES)
        self.assertTrue(first.rate_upload)
        self.assertEqual(self.statuses(), [DOWNLOADING, DOWNLOADING])

    def test_a_seed_that_nobody_asks(self):
        """It sleeps by then."""
        for number in range(2):
            made = self.payload(number)
            self.write(made)
            self.add(made)
        self.clock.advance(9 * MINUTES)
        self.assertEqual(self.statuses(), [SEEDING, SEED_QUEUED])
        self.clock.advance(2 * MINUTES)
        self.assertEqual(self.statuses(), [SEEDING, SEEDING])


class Idle(SeedboxCase):
    settings = {"idle_seeding_limit": 1200.0, "idle_seeding_limit_enabled": True}

    def setUp(self):
        super().setUp()
        self.made = self.payload()
        self.write(self.made)
        self.entry = self.add(self.made)
        self.run_until(lambda: self.entry.status == SEEDING)

    def test_it_ends_while_it_sleeps(self):
        self.clock.advance(1190)
        self.assertEqual((self.entry.status, self.entry.torrent), (SEEDING, None))
        self.clock.advance(70)
        self.assertEqual((self.entry.status, self.entry.is_finished), (STOPPED, True))
        self.assertIn("nobody wanted a piece for", self.entry.waiting)

    def test_to_wake_is_no_progress(self):
        self.clock.advance(900)
        swarm = self.swarm(self.made)
        other = swarm.add_seed()
        self.clock.advance(1)
        other.parts.connections.found([Address(self.host.addresses[0], 6881)], Source.USER)
        self.run_until(lambda: self.entry.torrent is not None, 60)
        self.clock.advance(310)
        self.assertEqual(self.entry.status, STOPPED)

    def test_who_takes_a_piece_prolongs_it(self):
        self.clock.advance(900)
        leecher = self.swarm(self.made).add_leecher()
        self.clock.advance(1)
        leecher.parts.connections.found([Address(self.host.addresses[0], 6881)], Source.USER)
        self.run_until(lambda: leecher.is_complete, 60)
        self.clock.advance(1100)
        self.assertEqual(self.entry.status, SEEDING)
        self.clock.advance(200)
        self.assertEqual(self.entry.status, STOPPED)
