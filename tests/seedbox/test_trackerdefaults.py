"""Trackers that all public torrents have, and what the torrents of a tracker have in common."""

import os

from tests.seedbox.case import SEEDING, SeedboxCase
from tests.testing import torrents
from tests.testing.swarm import payload
from tests.testing.trackers import Register
from txtorrent.seedbox.trackerdefaults import tiers

TRACKER = "http://tracker.example:8080/announce?passkey=x"


class Table(SeedboxCase):
    def start(self):
        self.elsewhere = os.path.join(self.folder, "elsewhere")
        self.settings = {
            "trackers": {
                "tracker.example": {
                    "labels": ["private"], "download_dir": self.elsewhere, "group": "slow",
                    "min_share": 0.2, "seed_ratio_limit": 3.0, "idle_seeding_limit": 600.0,
                    "peer_limit": 7,
                },
                "other.example": {"labels": ["other"]},
            },
        }  # fmt: skip
        super().start()

    def from_tracker(self, *announce, **options):
        data = torrents.content("x", 1000)
        made = payload(data, announce=[[each] for each in announce])
        return self.add(made, paused=True, **options)

    def test_what_is_not_said(self):
        entry = self.from_tracker(TRACKER)
        self.assertEqual((entry.labels, entry.directory), (("private",), self.elsewhere))
        self.assertEqual((entry.group, entry.min_share, entry.peer_limit), ("slow", 0.2, 7))
        self.assertEqual((entry.seed_ratio_limit, entry.seed_ratio_mode), (3.0, 1))
        self.assertEqual((entry.seed_idle_limit, entry.seed_idle_mode), (600.0, 1))

    def test_what_is_said_counts(self):
        entry = self.from_tracker(TRACKER, labels=("mine",), directory=self.downloads)
        self.assertEqual((entry.labels, entry.directory), (("mine",), self.downloads))
        self.assertEqual(entry.min_share, 0.2)

    def test_the_first_that_is_known(self):
        unknown = "udp://unknown.example:6969"
        entry = self.from_tracker(unknown, "http://OTHER.example/announce", TRACKER)
        self.assertEqual((entry.labels, entry.directory), (("other",), self.downloads))

    def test_another_tracker(self):
        entry = self.from_tracker("http://tracker.example.org/announce")
        self.assertEqual((entry.labels, entry.seed_ratio_mode), ((), 0))


class Everyones(SeedboxCase):
    def setUp(self):
        super().setUp()
        self.tracker = Register(self.network.host("9.9.9.8"))
        self.url = self.tracker.listen_http()

    def tearDown(self):
        self.stop()
        self.tracker.close()
        self.start()
        super().tearDown()

    def seeding(self, **options):
        made = self.payload(**options)
        self.write(made)
        entry = self.add(made)
        self.run_until(lambda: entry.status == SEEDING)
        return entry

    def set(self, url):
        self.result_of(self.box.settings.change({"default_trackers": url}))
        self.clock.advance(10)

    def test_added_and_taken_back(self):
        entry = self.seeding()
        self.clock.advance(5)
        self.assertEqual(self.tracker.announces, [])
        self.set(self.url)
        self.assertEqual([a.info_hash for a in self.tracker.announces], [entry.info_hash])
        self.set("")
        self.assertEqual([a.event.name for a in self.tracker.announces], ["STARTED", "STOPPED"])

    def test_from_the_start(self):
        self.settings = {"default_trackers": self.url}
        self.restart()
        self.seeding()
        self.clock.advance(10)
        self.assertEqual([a.event.name for a in self.tracker.announces], ["STARTED"])

    def test_private_torrents_have_their_own_alone(self):
        self.set(self.url)
        self.seeding(private=True)
        self.clock.advance(10)
        self.assertEqual(self.tracker.announces, [])


class Words(SeedboxCase):
    def test_tiers(self):
        rows = [("", []), ("a\nb\n\nc", [["a", "b"], ["c"]]), ("a", [["a"]])]
        for text, expected in rows:
            self.assertEqual(tiers(text), expected)
