"""Limits of rates, peers and addresses hold while a swarm does its best against them."""

from tests.swarms.case import SwarmCase


class Rates(SwarmCase):
    def rate(self, node, count, swarm, seconds=60):
        """Bytes/s over so many seconds, after the first ten."""
        swarm.run(10)
        before = count(node)
        swarm.run(seconds)
        return (count(node) - before) / seconds

    def test_upload(self):
        swarm = self.swarm(20_000_000)
        seed = swarm.add_seed(settings={"upload_rate": 100_000})
        for _ in range(8):
            swarm.add_leecher(settings={"upload_rate": 10_000})
        rate = self.rate(seed, lambda node: node.uploaded, swarm)
        self.assertNear(rate, 100_000, 0.03)

    def test_download(self):
        swarm = self.swarm(20_000_000)
        for _ in range(8):
            swarm.add_seed(up=100_000)
        leecher = swarm.add_leecher(settings={"download_rate": 200_000})
        rate = self.rate(leecher, lambda node: node.downloaded, swarm)
        self.assertNear(rate, 200_000, 0.03)

    def shares(self, node, kind, swarm, seconds=20):
        """Bytes by peer over so many seconds, after the first five."""

        def moved():
            links = node.parts.exchange.links
            return {link: getattr(link.peer, kind).total for link in links}

        swarm.run(5)
        before = moved()
        swarm.run(seconds)
        return [total - before[link] for link, total in moved().items()]

    def test_download_is_shared_fairly(self):
        """Whether a peer is near or far, and its window deep or not."""
        swarm = self.swarm(40_000_000)
        for up in (500_000, 1_000_000, 2_000_000, 4_000_000):
            swarm.add_seed(up=up)
        leecher = swarm.add_leecher(settings={"download_rate": 1_000_000})
        shares = self.shares(leecher, "downloaded", swarm)
        self.assertEqual(len(shares), 4)
        for share in shares:
            self.assertNear(share, 20 * 250_000, 0.03)

    def test_upload_is_shared_fairly(self):
        swarm = self.swarm(40_000_000)
        seed = swarm.add_seed(settings={"upload_rate": 1_000_000})
        for down in (500_000, 1_000_000, 2_000_000, 4_000_000):
            swarm.add_leecher(down=down, settings={"upload_rate": 1})
        shares = self.shares(seed, "uploaded", swarm)
        self.assertEqual(len(shares), 4)
        for share in shares:
            self.assertNear(share, 20 * 250_000, 0.03)

    def test_one_slow_block_at_a_time(self):
        """A limit far below one block a second holds as well."""
        swarm = self.swarm(2_000_000)
        seed = swarm.add_seed(settings={"upload_rate": 4_000})
        swarm.add_leecher()
        swarm.run(10)
        before = seed.uploaded
        swarm.run(400)
        self.assertNear((seed.uploaded - before) / 400, 4_000, 0.03)


class Peers(SwarmCase):
    def test_most_peers(self):
        """Neither those that dial nor those that are dialled get us above the limit."""
        swarm = self.swarm(2_000_000)
        first = [swarm.add_leecher() for _ in range(6)]
        node = swarm.add_leecher(max_peers=8)
        most = 0
        for _ in range(8):
            swarm.add_leecher()
            swarm.run(5)
            most = max(most, len(node.linked))
        swarm.run(60)
        self.assertEqual((most, len(node.linked)), (8, 8))
        self.assertEqual(len(first), 6)

    def test_most_of_the_session(self):
        swarm = self.swarm(2_000_000)
        node = swarm.add_leecher(settings={"connections": 3})
        others = [swarm.add_leecher() for _ in range(6)]
        swarm.run(60)
        self.assertEqual(len(node.linked), 3)
        self.assertEqual(node.session._shared.budget.used, 3)
        for other in others:
            other.stop()
        swarm.run(5)
        self.assertEqual(node.session._shared.budget.used, 0)

    def test_one_address(self):
        """Four connections from one host are a household, the fifth is turned away."""
        swarm = self.swarm(2_000_000, announce="")
        node = swarm.add_leecher()
        router = swarm.network.host("20.77.0.1")
        for port in range(7000, 7007):
            household = swarm.add_leecher(
                host=router, start=False, settings={"interface": None, "port": port}
            )
            household.start()
            swarm.run(1)
            swarm.introduce(household, node)
        swarm.run(5)
        self.assertEqual(node.linked, ["20.77.0.1"] * 4)

    def test_one_network(self):
        """Of one /24 forty are let in."""
        swarm = self.swarm(100_000, announce="")
        node = swarm.add_leecher(max_peers=200)
        for last in range(1, 46):
            peer = swarm.add_leecher(addresses=[f"20.99.0.{last}"])
            swarm.run(1)
            swarm.introduce(peer, node)
        swarm.run(5)
        self.assertEqual(len(node.linked), 40)

    def test_banned_hosts_are_refused(self):
        swarm = self.swarm(2_000_000, announce="")
        node, other = swarm.add_leecher(), swarm.add_leecher()
        swarm.run(1)
        node.session._shared.ban(other.host.name, "a test")
        swarm.introduce(node, other)
        swarm.introduce(other, node)
        swarm.run(120)
        self.assertEqual((node.linked, other.linked), ([], []))
