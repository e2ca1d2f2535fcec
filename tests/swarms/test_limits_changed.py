"""Limits of one torrent, changed while it runs: rates, connections, peers served at once."""

from attrs import evolve

from tests.swarms.case import SwarmCase
from txtorrent.swarm.choker import FEWEST_SLOTS
from txtorrent.swarm.ratelimit import NOTHING
from txtorrent.torrent.limits import Allowance, CommonLimits


class LimitsCase(SwarmCase):
    def swarm(self, content):
        """Of few pieces: how many there are makes no difference to limits."""
        return super().swarm(content, piece_length=65536)

    def assertRate(self, swarm, node, count, expected, settle=5, seconds=20):
        """Within 3 % over so many seconds, once what was asked for before has come."""
        swarm.run(settle)
        before = getattr(node, count)
        swarm.run(seconds)
        self.assertNear((getattr(node, count) - before) / seconds, expected, 0.03)

    def change(self, node, **changes):
        limits = node.torrent.limits
        limits.set(evolve(limits.allowance, **changes))


class Rates(LimitsCase):
    def test_download(self):
        """The session's holds, then the torrent's own, then neither, then nothing passes."""
        swarm = self.swarm(40_000_000)
        for _ in range(6):
            swarm.add_seed(up=100_000)
        leecher = swarm.add_leecher(
            settings={"download_rate": 200_000}, allowance=Allowance(download=300_000)
        )
        self.assertRate(swarm, leecher, "downloaded", 200_000, settle=10)
        self.change(leecher, download=80_000)
        self.assertRate(swarm, leecher, "downloaded", 80_000)
        self.change(leecher, download=400_000, honors_session=False)
        self.assertRate(swarm, leecher, "downloaded", 400_000)
        self.change(leecher, download=NOTHING)
        swarm.run(30)
        before = leecher.downloaded
        swarm.run(30)
        self.assertEqual(leecher.downloaded, before)

    def test_upload(self):
        swarm = self.swarm(40_000_000)
        seed = swarm.add_seed(allowance=Allowance(upload=100_000))
        for _ in range(6):
            swarm.add_leecher(allowance=Allowance(upload=NOTHING))
        self.assertRate(swarm, seed, "uploaded", 100_000, settle=10)
        group = CommonLimits.of(seed.host, upload=300_000)
        self.change(seed, upload=0, group=group)
        self.assertRate(swarm, seed, "uploaded", 300_000)
        seed.session.limits.upload.rate = 200_000
        self.assertRate(swarm, seed, "uploaded", 200_000)
        group.set(0, 50_000)
        self.assertRate(swarm, seed, "uploaded", 50_000)

    def test_what_is_shared_forgets_a_torrent_that_ended(self):
        swarm = self.swarm(100_000)
        node = swarm.add_seed()
        swarm.run(1)
        shared = node.session.limits
        self.assertEqual(list(shared.upload._kept_by), [node.torrent.limits.upload])
        node.stop()
        self.assertEqual((shared.upload._kept_by, shared.download._kept_by), ({}, {}))


class Connections(LimitsCase):
    def test_fewer(self):
        """Who is of use stays; whoever is sent away is not dialled again."""
        swarm = self.swarm(20_000_000)
        node = swarm.add_leecher()
        giving = [swarm.add_seed(up=200_000).host.name for _ in range(3)]
        for _ in range(9):
            swarm.add_leecher(allowance=Allowance(upload=NOTHING))
        swarm.run(20)
        self.assertEqual(len(node.linked), 12)
        node.torrent.limit_peers(3)
        swarm.run(1)
        self.assertEqual(node.linked, sorted(giving))
        swarm.run(60)
        self.assertEqual(node.linked, sorted(giving))

    def test_more(self):
        swarm = self.swarm(2_000_000)
        node = swarm.add_leecher(max_peers=2)
        for _ in range(8):
            swarm.add_leecher()
        swarm.run(20)
        self.assertEqual(len(node.linked), 2)
        node.torrent.limit_peers(6)
        swarm.run(60)
        self.assertEqual(len(node.linked), 6)


class Slots(LimitsCase):
    def served(self, node):
        return sum(not link.peer.am_choking for link in node.parts.exchange.links)

    def test_by_the_user(self):
        """One more is served in turn to see how it does."""
        swarm = self.swarm(20_000_000)
        seed = swarm.add_seed(up=100_000, upload_slots=6)
        for _ in range(20):
            swarm.add_leecher(allowance=Allowance(upload=NOTHING))
        swarm.run(35)  # in the midst of a round
        self.assertEqual(self.served(seed), 7)
        seed.torrent.limit_slots(2)
        swarm.run(2)
        self.assertEqual(self.served(seed), 3)
        seed.torrent.limit_slots(10)
        swarm.run(12)
        self.assertEqual(self.served(seed), 11)

    def test_by_the_upload_limit(self):
        """As few as are worth having, when the limit is low."""
        swarm = self.swarm(20_000_000)
        seed = swarm.add_seed(up=1_000_000)
        for _ in range(20):
            swarm.add_leecher(allowance=Allowance(upload=NOTHING))
        swarm.run(35)  # in the midst of a round
        self.assertEqual(self.served(seed), 20)
        self.change(seed, upload=10_000)
        swarm.run(2)
        self.assertEqual(self.served(seed), FEWEST_SLOTS + 1)
