"""How torrents stand, in one line."""

from attrs import define
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.daemon.cells import cells
from txtorrent.daemon.report import bar, describe, describe_all, is_busy
from txtorrent.metainfo.pieces import BLOCK
from txtorrent.seedbox.entry import (
    DOWNLOAD_QUEUED,
    DOWNLOADING,
    SEED_QUEUED,
    SEEDING,
    STOPPED,
    VERIFY_QUEUED,
    VERIFYING,
)

PIECES = 40
SIZE = PIECES * BLOCK


@define
class FakeEngine:
    """What runs while pieces are exchanged."""

    seeds: int


@define
class FakeEntry:
    """What a report looks at."""

    name: str
    status: int
    left_until_done: int
    rate_download: float = 0.0
    rate_upload: float = 0.0
    recheck_progress: float = 0.0
    uploaded_ever: int = 0
    peers_connected: int = 0
    failure: str = ""
    waiting: str = ""
    torrent: FakeEngine | None = None
    size_when_done: int = SIZE
    is_fetching: bool = False
    metadata_percent_complete: float = 1.0

    @property
    def fraction(self):
        return 1 - self.left_until_done / SIZE

    @property
    def ratio(self):
        return self.uploaded_ever / SIZE

    @property
    def eta(self):
        return self.left_until_done / self.rate_download if self.rate_download else None


def entry(status, had=0, down=0.0, up=0.0, seeds=0, name="debian.iso", **more):
    """One of `PIECES` pieces, of which so many are had; rates in bytes/s."""
    return FakeEntry(
        name, status, (PIECES - had) * BLOCK, down, up, torrent=FakeEngine(seeds), **more
    )


class Bar(SynchronousTestCase):
    def test_pictures(self):
        for fraction, picture in (
            (0, "        "),
            (1 / 64, "▏       "),
            (0.0625, "▌       "),
            (0.125, "█       "),
            (0.5, "████    "),
            (63 / 64, "███████▉"),
            (1, "████████"),
        ):
            with self.subTest(fraction):
                self.assertEqual(bar(fraction, 8), picture)

    def test_always_as_wide_as_asked(self):
        for step in range(101):
            self.assertEqual(cells(bar(step / 100)), 20)


class Log(SynchronousTestCase):
    """Without a width nothing is left out."""

    def test_states(self):
        for made, line in (
            (entry(STOPPED), "debian.iso: stopped  0.0 %"),
            (entry(VERIFY_QUEUED), "debian.iso: queued to check  0.0 %"),
            (entry(VERIFYING, recheck_progress=0.29), "debian.iso: checking  29.0 %"),
            (entry(DOWNLOAD_QUEUED, had=10), "debian.iso: queued  25.0 %"),
            (entry(SEED_QUEUED, had=PIECES), "debian.iso: queued to seed  100.0 %"),
            (
                entry(DOWNLOADING, had=10, down=BLOCK, peers_connected=1, seeds=0),
                "debian.iso: downloading  25.0 %  ↓ 16.4 kB/s  ↑ 0 B/s  1 peer (0 seeds)  ETA 30s",
            ),
            (
                entry(DOWNLOADING, peers_connected=12, seeds=1),
                "debian.iso: downloading  0.0 %  ↓ 0 B/s  ↑ 0 B/s  12 peers (1 seed)  ETA -",
            ),
            (
                entry(SEEDING, had=PIECES, up=2e6, uploaded_ever=PIECES * BLOCK * 3 // 2),
                "debian.iso: seeding  100.0 %  ↑ 2.00 MB/s  0 peers (0 seeds)  ratio 1.50",
            ),
            (
                entry(DOWNLOADING, waiting="disk full: No space left on device"),
                "debian.iso: downloading  0.0 %  ↓ 0 B/s  ↑ 0 B/s  0 peers (0 seeds)  ETA -"
                "  (disk full: No space left on device)",
            ),
            (
                entry(STOPPED, failure="storage missing: /srv/seed"),
                "debian.iso: error: storage missing: /srv/seed",
            ),
        ):
            with self.subTest(line):
                self.assertEqual(describe(made), line)
                self.assertEqual(describe_all([made]), line)

    def test_a_seed_that_sleeps(self):
        made = entry(SEEDING, had=PIECES)
        made.torrent = None
        self.assertEqual(
            describe(made), "debian.iso: seeding  100.0 %  ↑ 0 B/s  0 peers (0 seeds)  ratio 0.00"
        )

    def test_a_magnet_link(self):
        more = {"is_fetching": True, "metadata_percent_complete": 0.25, "peers_connected": 1}
        link = entry(DOWNLOADING, **more)
        line = "debian.iso: fetching metadata  25.0 %  1 peer"
        self.assertEqual(describe(link), line)
        for width in (60, 50):
            self.assertLessEqual(cells(describe(link, width)), width)

    def test_none_at_all(self):
        self.assertEqual(describe_all([]), "no torrents")

    def test_nothing_less_than_everything_is_100_percent(self):
        self.assertIn("  97.5 %  ", describe(entry(DOWNLOADING, had=PIECES - 1)))
        made = entry(VERIFYING, recheck_progress=0.99999)
        self.assertEqual(describe(made), "debian.iso: checking  99.9 %")

    def test_several(self):
        made = [
            entry(DOWNLOADING, had=10, down=BLOCK, peers_connected=2),
            entry(DOWNLOADING, had=30, peers_connected=1),
            entry(SEEDING, had=PIECES, up=1000.0, peers_connected=1),
        ]
        self.assertEqual(
            describe_all(made),
            "3 torrents (2 downloading, 1 seeding)  66.6 %  ↓ 16.4 kB/s  ↑ 1.00 kB/s  4 peers"
            "  ETA 40s",
        )

    def test_several_that_are_complete(self):
        made = [entry(SEEDING, had=PIECES, peers_connected=1), entry(SEEDING, had=PIECES)]
        self.assertEqual(describe_all(made), "2 torrents (2 seeding)  100.0 %  ↑ 0 B/s  1 peer")


class Terminal(SynchronousTestCase):
    def test_a_bar_fills_what_room_there_is(self):
        made = entry(DOWNLOADING, had=10, down=BLOCK, peers_connected=1)
        tail = "25.0 %  ↓ 16.4 kB/s  ↑ 0 B/s  1 peer (0 seeds)  ETA 30s"
        for width, picture in (
            (200, "[█████               ]  "),
            (90, "[█▌    ]  "),
            (89, "[█▎   ]  "),
            (88, ""),
            (80, ""),
        ):
            with self.subTest(width):
                shown = describe(made, width)
                self.assertEqual(shown, f"debian.iso: downloading  {picture}{tail}")
                self.assertLessEqual(cells(shown), width)

    def test_a_long_name_gives_way_to_the_numbers(self):
        for name in ("a" * 200, "日本語" * 60):
            made = entry(DOWNLOADING, had=10, down=BLOCK, peers_connected=1, name=name)
            for width in (90, 100, 130, 180):
                with self.subTest(name=name[:3], width=width):
                    shown = describe(made, width)
                    self.assertLessEqual(cells(shown), width)
                    self.assertIn("…: downloading  ", shown)
                    self.assertTrue(shown.endswith("ETA 30s"), shown)

    def test_something_of_the_name_stays(self):
        made = entry(DOWNLOADING, name="abcdefghijklmnopqrstuvwxyz")
        self.assertTrue(describe(made, 40).startswith("abcdefghijk…: downloading"))

    def test_a_seed_has_no_bar(self):
        self.assertNotIn("[", describe(entry(SEEDING, had=PIECES), 200))
        seeds = [entry(SEEDING, had=PIECES)] * 2
        self.assertNotIn("[", describe_all(seeds, 200))
        self.assertIn("[", describe_all([entry(DOWNLOADING)] * 2, 200))


class Busy(SynchronousTestCase):
    def test_what_is_worth_a_line(self):
        for made, busy in (
            (entry(STOPPED), False),
            (entry(DOWNLOAD_QUEUED), False),
            (entry(VERIFYING), True),
            (entry(DOWNLOADING), True),
            (entry(SEEDING, had=PIECES), False),
            (entry(SEEDING, had=PIECES, up=1.0), True),
            (entry(STOPPED, failure="no such disk"), False),
        ):
            with self.subTest(made.status):
                self.assertEqual(is_busy(made), busy)
