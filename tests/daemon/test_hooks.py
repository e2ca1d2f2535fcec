"""When scripts are run for the torrents of a seedbox, and what they are told."""

from tests.seedbox.case import DOWNLOADING, SEEDING, SeedboxCase
from txtorrent.daemon.hooks import Hooks
from txtorrent.swarm.peerbook import Source


class Running(SeedboxCase):
    def start(self):
        super().start()
        self.ran = []
        self.box.observe(Hooks(lambda event, details: self.ran.append((event, details))))

    @property
    def events(self):
        return [event for event, _ in self.ran]

    def download(self, made, **options):
        seed = self.seed(made)
        entry = self.add(made, **options)
        self.run_until(lambda: entry.status == DOWNLOADING and entry.parts)
        entry.parts.connections.found([seed.address], Source.USER)
        self.run_until(lambda: entry.status == SEEDING)
        self.clock.advance(1)
        return entry

    def test_added_and_done(self):
        entry = self.download(self.payload(), labels=("x",))
        self.assertEqual(self.events, ["added", "done"])
        _, details = self.ran[1]
        self.assertEqual(
            (details.id, details.info_hash, details.name), (1, entry.info_hash, "t0.bin")
        )
        self.assertEqual((details.directory, details.labels), (self.downloads, ("x",)))
        self.assertEqual((details.size, details.downloaded, details.uploaded), (262144, 262144, 0))

    def test_what_was_there_is_not_done_by_us(self):
        made = self.payload()
        self.write(made)
        entry = self.add(made)
        self.run_until(lambda: entry.status == SEEDING)
        self.clock.advance(5)
        self.assertEqual(self.events, ["added"])

    def test_once_for_each(self):
        entry = self.download(self.payload())
        self.result_of(self.box.stop([entry]))
        self.result_of(self.box.start([entry], now=False))
        self.result_of(self.box.change([(entry, {"labels": ("y",)})]))
        self.clock.advance(60)
        self.restart()
        self.clock.advance(60)
        self.assertEqual(self.events, [])

    def test_seeded(self):
        entry = self.download(self.payload(), trackers=(("http://t.example/a",),))
        changes = {"seed_ratio_mode": 1, "seed_ratio_limit": 0.0}
        self.result_of(self.box.change([(entry, changes)]))
        self.clock.advance(2)
        self.assertEqual(self.events, ["added", "done", "seeded"])
        _, details = self.ran[2]
        self.assertEqual(details.reason, "uploaded 0 times its size")
        self.assertEqual(details.trackers, ["http://t.example/a"])
        self.assertEqual(entry.waiting, details.reason)
        self.result_of(self.box.change([(entry, {"seed_ratio_mode": 2})]))
        self.result_of(self.box.start([entry], now=False))
        self.assertEqual(entry.waiting, "")
        self.clock.advance(5)
        self.assertEqual(self.events, ["added", "done", "seeded"])
