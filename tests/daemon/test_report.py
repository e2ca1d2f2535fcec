"""How torrents stand, in one line."""

from attrs import define
from twisted.trial.unittest import SynchronousTestCase

from tests.testing import torrents
from txtorrent.bitfield import Bitfield
from txtorrent.daemon.cells import cells
from txtorrent.daemon.report import bar, describe, describe_all, is_busy
from txtorrent.metainfo.pieces import BLOCK
from txtorrent.metainfo.torrentfile import parse
from txtorrent.swarm.rate import Rate
from txtorrent.torrent.life import State
from txtorrent.torrent.progress import Progress

PIECES = 40


@define
class FakeTorrent:
    """What a report looks at."""

    name: str
    state: State
    progress: Progress
    peers: int = 0
    seeds: int = 0
    error: str | None = None


def torrent(state, had=0, down=0.0, up=0.0, name="debian.iso", checked=0.0, uploaded=0, **more):
    metainfo = parse(torrents.make(bytes(PIECES * BLOCK)))
    have = Bitfield(PIECES)
    for piece in range(had):
        have.add(piece)
    progress = Progress(metainfo, have, Rate(0.0), Rate(0.0, uploaded), checked=checked)
    progress.downloaded.rate, progress.uploaded.rate = down, up
    return FakeTorrent(name, state, progress, **more)


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
            (torrent(State.LOADING), "debian.iso: loading  0.0 %"),
            (torrent(State.CHECKING, checked=0.29), "debian.iso: checking  29.0 %"),
            (
                torrent(State.DOWNLOADING, had=10, down=BLOCK, peers=1, seeds=0),
                "debian.iso: downloading  25.0 %  ↓ 16.4 kB/s  ↑ 0 B/s  1 peer (0 seeds)  ETA 30s",
            ),
            (
                torrent(State.DOWNLOADING, peers=12, seeds=1),
                "debian.iso: downloading  0.0 %  ↓ 0 B/s  ↑ 0 B/s  12 peers (1 seed)  ETA -",
            ),
            (
                torrent(State.SEEDING, had=PIECES, up=2e6, uploaded=PIECES * BLOCK * 3 // 2),
                "debian.iso: seeding  100.0 %  ↑ 2.00 MB/s  0 peers (0 seeds)  ratio 1.50",
            ),
            (
                torrent(State.DOWNLOADING, error="disk full: No space left on device"),
                "debian.iso: downloading  0.0 %  ↓ 0 B/s  ↑ 0 B/s  0 peers (0 seeds)  ETA -"
                "  (disk full: No space left on device)",
            ),
            (
                torrent(State.FAILED, error="storage missing: /srv/seed"),
                "debian.iso: error: storage missing: /srv/seed",
            ),
        ):
            with self.subTest(line):
                self.assertEqual(describe(made), line)
                self.assertEqual(describe_all([made]), line)

    def test_nothing_less_than_everything_is_100_percent(self):
        self.assertIn("  97.5 %  ", describe(torrent(State.DOWNLOADING, had=PIECES - 1)))
        made = torrent(State.CHECKING, checked=0.99999)
        self.assertEqual(describe(made), "debian.iso: checking  99.9 %")

    def test_several(self):
        made = [
            torrent(State.DOWNLOADING, had=10, down=BLOCK, peers=2),
            torrent(State.DOWNLOADING, had=30, peers=1),
            torrent(State.SEEDING, had=PIECES, up=1000.0, peers=1),
        ]
        self.assertEqual(
            describe_all(made),
            "3 torrents (2 downloading, 1 seeding)  66.6 %  ↓ 16.4 kB/s  ↑ 1.00 kB/s  4 peers"
            "  ETA 40s",
        )

    def test_several_that_are_complete(self):
        made = [torrent(State.SEEDING, had=PIECES, peers=1), torrent(State.SEEDING, had=PIECES)]
        self.assertEqual(describe_all(made), "2 torrents (2 seeding)  100.0 %  ↑ 0 B/s  1 peer")


class Terminal(SynchronousTestCase):
    def test_a_bar_fills_what_room_there_is(self):
        made = torrent(State.DOWNLOADING, had=10, down=BLOCK, peers=1)
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
            made = torrent(State.DOWNLOADING, had=10, down=BLOCK, peers=1, name=name)
            for width in (90, 100, 130, 180):
                with self.subTest(name=name[:3], width=width):
                    shown = describe(made, width)
                    self.assertLessEqual(cells(shown), width)
                    self.assertIn("…: downloading  ", shown)
                    self.assertTrue(shown.endswith("ETA 30s"), shown)

    def test_something_of_the_name_stays(self):
        made = torrent(State.DOWNLOADING, name="abcdefghijklmnopqrstuvwxyz")
        self.assertTrue(describe(made, 40).startswith("abcdefghijk…: downloading"))

    def test_a_seed_has_no_bar(self):
        self.assertNotIn("[", describe(torrent(State.SEEDING, had=PIECES), 200))
        seeds = [torrent(State.SEEDING, had=PIECES)] * 2
        self.assertNotIn("[", describe_all(seeds, 200))
        self.assertIn("[", describe_all([torrent(State.DOWNLOADING)] * 2, 200))


class Busy(SynchronousTestCase):
    def test_what_is_worth_a_line(self):
        for made, busy in (
            (torrent(State.LOADING), False),
            (torrent(State.CHECKING), True),
            (torrent(State.DOWNLOADING), True),
            (torrent(State.SEEDING, had=PIECES), False),
            (torrent(State.SEEDING, had=PIECES, up=1.0), True),
            (torrent(State.FAILED), False),
        ):
            with self.subTest(made.state):
                self.assertEqual(is_busy(made), busy)
