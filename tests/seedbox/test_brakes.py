"""Downloads that wait although they run: for space, and for their fair share."""

from tests.seedbox.case import DOWNLOADING, SEEDING, SeedboxCase
from txtorrent.seedbox import spaceguard
from txtorrent.seedbox.space import Space
from txtorrent.swarm.peerbook import Source


class Case(SeedboxCase):
    def download(self, made, *others, **options):
        """A torrent that downloads from a seed, and from others of its swarm."""
        self.peers = self.swarm(made)
        self.seeder = self.peers.add_seed()
        self.clock.advance(1)
        entry = self.add(made, **options)
        self.run_until(lambda: entry.status == DOWNLOADING and entry.parts)
        self.introduce(entry)
        return entry

    def introduce(self, entry):
        addresses = [node.address for node in self.peers.nodes]
        entry.parts.connections.found(addresses, Source.USER)


class FreeSpace(Case):
    settings = {"free_space_floor": 1_000_000}

    def setUp(self):
        self.free = {}
        self.looked = []
        self.patch(spaceguard, "measure", self.measure)
        super().setUp()

    def measure(self, directory):
        self.looked.append(directory)
        free = self.free.get(directory, 10_000_000)
        if isinstance(free, Exception):
            raise free
        return Space(free, 20_000_000)

    def test_waits_from_the_start_and_goes_on_by_itself(self):
        self.free[self.downloads] = 999_999
        entry = self.download(self.payload())
        self.clock.advance(30)
        self.assertEqual((entry.downloaded_ever, entry.status), (0, DOWNLOADING))
        self.assertIn("less than 1.00 MB is free", entry.waiting)
        self.assertIn(("waiting", entry.id), self.noted.told)
        self.free[self.downloads] = 1_000_000
        self.assertLess(self.run_until(lambda: entry.status == SEEDING), 15)
        self.assertEqual(entry.waiting, "")

    def test_pauses_while_it_runs(self):
        entry = self.download(self.payload(pieces=400))
        self.seeder.host.up_line.rate = 200_000
        self.run_until(lambda: entry.downloaded_ever)
        self.free[self.downloads] = 0
        self.clock.advance(15)
        had = entry.downloaded_ever
        self.clock.advance(60)
        self.assertEqual(entry.downloaded_ever, had)
        self.assertLess(had, entry.record.total_size)

    def test_another_file_system_goes_on(self):
        self.free["/elsewhere"] = 0
        entry = self.download(self.payload())
        self.run_until(lambda: entry.status == SEEDING)

    def test_no_floor(self):
        self.result_of(self.box.settings.change({"free_space_floor": 0}))
        self.free[self.downloads] = 0
        entry = self.download(self.payload())
        self.run_until(lambda: entry.status == SEEDING)
        self.assertEqual(self.looked, [])

    def test_the_floor_is_changed(self):
        self.free[self.downloads] = 999_999
        entry = self.download(self.payload())
        self.clock.advance(5)
        self.result_of(self.box.settings.change({"free_space_floor": 999_999}))
        self.assertLess(self.run_until(lambda: entry.status == SEEDING), 5)

    def test_a_file_system_that_cannot_be_asked(self):
        """Whoever writes to it finds out what is wrong."""
        self.free[self.downloads] = OSError(5, "Input/output error")
        entry = self.download(self.payload())
        self.run_until(lambda: entry.status == SEEDING)

    def test_looked_at_while_there_are_downloads(self):
        entry = self.download(self.payload())
        self.run_until(lambda: entry.status == SEEDING)
        del self.looked[:]
        self.clock.advance(60)
        self.assertEqual(self.looked, [])

    def test_one_look_at_a_time(self):
        """A file system that hangs is not asked again and again."""
        jobs = []

        class Hangs:
            def run(self, f, *args):
                jobs.append(args)
                return self.answer

        lane = Hangs()
        lane.answer = spaceguard.Deferred()
        entry = self.download(self.payload())
        self.run_until(lambda: entry.status == SEEDING)
        known = []
        guard = spaceguard.SpaceGuard(lane, lambda name: 1000, lambda: known.append(1))
        for _ in range(50):
            guard.tick([entry])
            self.assertEqual(guard.hold(entry, entry.parts), "")
        self.assertEqual(jobs, [(self.downloads,)])
        self.assertEqual((known, entry.parts.exchange._held), ([], True))
        lane.answer.errback(OSError())
        self.assertEqual((known, guard.hold(entry, entry.parts)), ([1], ""))

    def test_a_download_begins_at_once(self):
        """It does not wait for the look of the next second."""
        entry = self.download(self.payload())
        self.assertFalse(entry.parts.exchange._held)


class FairShares(Case):
    def waits(self, entry):
        return "fair share" in entry.waiting

    def test_the_last_piece_waits(self):
        entry = self.download(self.payload(pieces=8), min_share=0.5)
        self.run_until(lambda: self.waits(entry))
        self.clock.advance(120)
        self.assertEqual(entry.left_until_done, 65536)
        self.assertIn("262 kB to be uploaded", entry.waiting)
        self.peers.add_leecher()
        self.introduce(entry)
        self.run_until(lambda: entry.status == SEEDING)
        self.assertGreaterEqual(entry.uploaded_ever, 4 * 65536)
        self.assertEqual(entry.waiting, "")

    def test_the_session_says(self):
        self.result_of(self.box.settings.change({"min_share": 0.1}))
        entry = self.download(self.payload())
        self.run_until(lambda: self.waits(entry))
        self.result_of(self.box.settings.change({"min_share": 0.0}))
        self.run_until(lambda: entry.status == SEEDING)

    def test_the_torrent_says_otherwise(self):
        self.result_of(self.box.settings.change({"min_share": 0.1}))
        entry = self.download(self.payload(), min_share=0.0)
        self.run_until(lambda: entry.status == SEEDING)
        self.assertEqual(entry.uploaded_ever, 0)

    def test_changed_while_it_waits(self):
        entry = self.download(self.payload(), min_share=1.0)
        self.run_until(lambda: self.waits(entry))
        self.result_of(self.box.change([(entry, {"min_share": 0.0})]))
        self.assertLess(self.run_until(lambda: entry.status == SEEDING), 5)

    def test_another_change_does_not_let_it_go(self):
        entry = self.download(self.payload(), min_share=1.0)
        self.run_until(lambda: self.waits(entry))
        for changes in ({"labels": ("x",)}, {"sequential_download": True}):
            self.result_of(self.box.change([(entry, changes)]))
            self.clock.advance(10)
            self.assertEqual(entry.left_until_done, 65536)

    def test_the_only_piece_does_not_wait(self):
        entry = self.download(self.payload(pieces=1), min_share=1.0)
        self.run_until(lambda: entry.status == SEEDING)

    def test_uploads_of_earlier_runs_count(self):
        made = self.payload(pieces=8)
        entry = self.download(made, min_share=0.5)
        self.run_until(lambda: self.waits(entry))
        leecher = self.peers.add_leecher()
        entry.parts.connections.found([leecher.address], Source.USER)
        self.run_until(lambda: entry.uploaded_ever >= 65536)
        uploaded = entry.uploaded_ever
        leecher.stop()
        self.restart()
        entry = self.box.torrents[entry.info_hash]
        self.run_until(lambda: entry.status == DOWNLOADING and entry.parts)
        self.assertGreaterEqual(entry.uploaded_ever, uploaded)

    def test_uploads_count_although_the_progress_was_lost(self):
        entry = self.download(self.payload(), min_share=1.0)
        self.run_until(lambda: self.waits(entry))
        self.result_of(self.box.stop([entry]))
        self.run_until(lambda: entry.torrent is None)
        self.assertEqual(entry.waiting, "")
        entry.record.uploaded = 12345
        self.result_of(self.session.journal.forget(entry.info_hash))
        self.result_of(self.box.start([entry], now=False))
        self.run_until(lambda: entry.status == DOWNLOADING and entry.parts)
        self.assertEqual(entry.uploaded_ever, 12345)
