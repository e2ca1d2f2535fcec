"""One announcer for each torrent, whether it runs or sleeps."""

from tests.seedbox.case import DOWNLOADING, SEEDING, SeedboxCase
from tests.testing.trackers import Register


class Announces(SeedboxCase):
    def setUp(self):
        super().setUp()
        self.tracker = Register(self.network.host("9.9.9.8"))
        self.url = self.tracker.listen_http()

    def tearDown(self):
        self.result_of(self.box.stop_all())
        self.tracker.close()
        super().tearDown()

    def made(self):
        made = self.payload(announce=self.url)
        self.write(made)
        return made

    @property
    def events(self):
        return [announce.event.name for announce in self.tracker.announces]

    def test_a_seed(self):
        entry = self.add(self.made())
        self.run_until(lambda: entry.status == SEEDING)
        self.clock.advance(30)
        self.assertEqual(self.events, ["STARTED"])
        self.assertIs(entry.parts.announcer, entry.announcer)
        self.result_of(self.box.stop([entry]))
        self.clock.advance(30)
        self.assertEqual(self.events, ["STARTED", "STOPPED"])

    def test_a_download(self):
        entry = self.add(self.payload(announce=self.url))
        self.run_until(lambda: entry.status == DOWNLOADING and entry.parts)
        self.clock.advance(30)
        self.assertEqual(self.events, ["STARTED"])

    def test_nothing_is_announced_after_the_end(self):
        entry = self.add(self.made())
        self.run_until(lambda: entry.status == SEEDING)
        self.clock.advance(5)
        self.stop()
        self.clock.advance(60)
        self.assertEqual(self.events, ["STARTED", "STOPPED"])
        self.start()

    def test_asleep_from_the_start(self):
        entry = self.add(self.made())
        self.run_until(lambda: entry.status == SEEDING)
        self.clock.advance(5)
        self.restart()
        [entry] = self.box.torrents.values()
        self.clock.advance(60)
        self.assertEqual((entry.status, entry.torrent), (SEEDING, None))
        self.assertEqual(self.events, ["STARTED", "STOPPED", "STARTED"])
        self.result_of(self.box.stop([entry]))
        self.clock.advance(30)
        self.assertEqual(self.events[3:], ["STOPPED"])
