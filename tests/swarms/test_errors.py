"""Errors of our own: they end one peer or one job, and the rest does not notice (THREATS E13)."""

from tests.swarms.case import SwarmCase
from txtorrent.storage import hashing
from txtorrent.torrent.exchange import Exchange
from txtorrent.torrent.torrent import State


class Bug(Exception):
    """What no code expects."""


class OneOfThree(SwarmCase):
    """A leecher with three seeds; whatever concerns the first of them goes wrong."""

    def build(self):
        self.made = self.swarm(1_500_000)
        seeds = [self.made.add_seed(up=100_000) for _ in range(3)]
        self.bad = seeds[0].host.name
        self.leecher = self.made.add_leecher()

    def break_for_bad(self, cls, method):
        """Have this method do its work, then raise if it was about the bad seed's connection."""
        original = getattr(cls, method)

        def broken(this, link, *args):
            original(this, link, *args)
            if link.address.host == self.bad and this is self.leecher.parts.exchange:
                raise Bug(method)

        self.patch(cls, method, broken)

    def test_in_any_callback(self):
        for method in ("blocks", "chunk_handled", "has_pieces", "unchoked", "joined", "_scan_one"):
            self.build()
            with self.broken(method):
                self.made.run(5)
                self.assertNotIn(self.bad, self.leecher.linked)
                self.made.run_until_complete(limit=120)
            self.assertWhole(self.leecher)
            self.assertGreater(len(self.flushLoggedErrors(Bug)), 0, method)

    def test_while_it_leaves(self):
        """Then, too, the connection counts as gone, and the session stops in time."""
        self.build()
        with self.broken("left"):
            self.made.run(3)
            self.made.network.reset(self.leecher.host)
            self.made.run(1)
            self.assertLess(self.leecher.stop(), 6)
        self.assertEqual(len(self.flushLoggedErrors(Bug)), 1)

    def broken(self, method):
        patcher = self.patch(Exchange, method, getattr(Exchange, method))
        self.break_for_bad(Exchange, method)
        return Restored(patcher)


class Restored:
    def __init__(self, patcher):
        self.patcher = patcher

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.patcher.restore()


class Jobs(SwarmCase):
    def test_in_a_disk_job(self):
        """The torrent ends with an error; a restart lets it go on."""
        swarm = self.swarm(1_000_000)
        swarm.add_seed(up=500_000)
        leecher = swarm.add_leecher()
        swarm.run_until(lambda: leecher.downloaded > 500_000)

        def broken(*args):
            raise Bug

        patcher = self.patch(hashing, "verify_and_write", broken)
        swarm.run_until(lambda: leecher.torrent.state is State.FAILED, 20)
        self.assertIn("internal error", leecher.torrent.error)
        self.assertGreater(len(self.flushLoggedErrors(Bug)), 0)
        patcher.restore()
        leecher.restart()
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)

    def test_in_the_periodic_work(self):
        """It is logged, and the next second comes."""
        swarm = self.swarm(1_000_000)
        swarm.add_seed(up=200_000)
        leecher = swarm.add_leecher()
        swarm.run(1)
        calls = []

        def broken(now):
            calls.append(now)
            raise Bug

        leecher.parts.choking.tick = broken
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)
        self.assertEqual(len(self.flushLoggedErrors(Bug)), len(calls))
        self.assertGreater(len(calls), 2)

    def test_when_a_piece_is_verified(self):
        swarm = self.swarm(1_000_000)
        swarm.add_seed()
        leecher = swarm.add_leecher()

        def broken(this, piece):
            raise Bug

        patcher = self.patch(Exchange, "piece_verified", broken)
        swarm.run_until(lambda: leecher.torrent.state is State.FAILED, 20)
        self.assertGreater(len(self.flushLoggedErrors(Bug)), 0)
        patcher.restore()
