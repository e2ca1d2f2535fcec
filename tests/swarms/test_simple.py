"""One seed and one leecher: every kind of torrent arrives whole, over IPv4 and IPv6."""

import errno

from twisted.internet.error import CannotListenError

from tests.swarms.case import SwarmCase
from tests.swarms.strange import short_of_memory, silent
from tests.testing.torrents import content
from txtorrent.torrent.torrent import State

MIB = 1024 * 1024


class Two(SwarmCase):
    def exchange(self, swarm, **options):
        """Run a seed and a leecher to the end; gives both."""
        seed, leecher = swarm.add_seed(**options), swarm.add_leecher(**options)
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)
        self.assertEqual(seed.uploaded, len(swarm.payload.data))
        self.assertEqual((leecher.downloaded, leecher.wasted), (len(swarm.payload.data), 0))
        self.assertEqual(leecher.torrent.state, State.SEEDING)
        return seed, leecher

    def test_ipv4(self):
        self.exchange(self.swarm(1_000_000))

    def test_ipv6(self):
        swarm = self.swarm(1_000_000, announce="http://[2001:4860::9]:80/announce")
        seed = swarm.add_seed(addresses=["2a00:1::1"])
        leecher = swarm.add_leecher(addresses=["2a00:2::1"])
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)
        self.assertEqual(swarm.copies(seed), 1)

    def test_where_there_is_no_ipv6(self):
        swarm = self.swarm(100_000)
        seed = swarm.add_seed(start=False)
        listen = seed.host.listenTCP

        def without_ipv6(port, factory, backlog=50, interface=""):
            if ":" in interface:
                raise CannotListenError(interface, port, OSError(errno.EAFNOSUPPORT, "no IPv6"))
            return listen(port, factory, backlog, interface)

        seed.host.listenTCP = without_ipv6
        seed.start()
        swarm.run(1)
        leecher = swarm.add_leecher()
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)

    def test_udp_tracker(self):
        swarm = self.swarm(300_000, announce="udp://9.9.9.9:6969/announce")
        swarm.tracker.listen_udp()
        _, leecher = self.exchange(swarm)
        swarm.run(1)
        told = swarm.tracker.from_host(leecher.host.name)
        self.assertEqual([each.event.name for each in told], ["STARTED", "COMPLETED"])
        self.assertEqual([each.left for each in told], [300_000, 0])

    def test_as_fast_as_the_line(self):
        """A megabyte at 250 kB/s is there after little more than 4 s, the handshakes included."""
        swarm = self.swarm(1_000_000)
        swarm.add_seed(up=250_000)
        leecher = swarm.add_leecher()
        swarm.run_until_complete(limit=60)
        self.assertLess(leecher.completed_at, 4.8)

    def test_many_files(self):
        files = {
            "a/one": content(1, 100_000),
            "empty": b"",
            "a/b/two": content(2, 1),
            "a/b/three": content(3, 65536),
            "a/c/also empty": b"",
            "four": content(4, 300_000),
        }
        for aligned in (False, True):
            swarm = self.swarm(files, piece_length=32768, aligned=aligned)
            _, leecher = swarm.add_seed(), swarm.add_leecher()
            swarm.run_until_complete(limit=60)
            self.assertWhole(leecher)

    def test_small_pieces_and_odd_ends(self):
        for size in (1, 16383, 16384, 16385, 100_001):
            self.exchange(self.swarm(size, piece_length=16384))

    def test_large_pieces_go_to_disk_by_chunks(self):
        """What is in memory follows the requests under way, not the piece's 16 MiB."""
        swarm = self.swarm(17 * MIB + 5, piece_length=16 * MIB)
        _, leecher = swarm.add_seed(), swarm.add_leecher()
        swarm.run_until(lambda: leecher.downloaded > 12 * MIB)
        self.assertLess(leecher.session._shared.buffers.lent, 6 * MIB)
        swarm.run_until_complete()
        self.assertWhole(leecher)
        self.assertEqual(leecher.session._shared.buffers.lent, 0)

    def test_little_memory(self):
        """With buffers for three chunks, many pieces under way spill, and all arrive."""
        swarm = self.swarm(12 * MIB, piece_length=2 * MIB)
        for _ in range(4):
            swarm.add_seed(up=500_000)
        leecher = swarm.add_leecher(change=short_of_memory(3 * MIB))
        swarm.run_until_complete(limit=120)
        self.assertWhole(leecher)
        self.assertLess(swarm.waste(), 0.02)

    def test_chunks_that_nobody_completes(self):
        """Two seeds fall silent with half a piece each and all our memory: others go on."""
        swarm = self.swarm(12 * MIB, piece_length=2 * MIB)
        data = swarm.payload.data

        def only(first, last):
            return bytes(first * MIB) + data[first * MIB : last * MIB] + bytes((12 - last) * MIB)

        mute = [swarm.add(only(*span), up=100_000, start=False) for span in ((0, 2), (2, 4))]
        other = swarm.add(only(4, 12), up=500_000, start=False)
        leecher = swarm.add_leecher(change=short_of_memory(2 * MIB))
        for node in mute:
            node.start()
        swarm.run_until(lambda: leecher.downloaded > MIB, 30)
        for node in mute:
            silent(node.parts)
        other.start()
        swarm.run_until(lambda: leecher.downloaded > 2.5 * MIB, 120)

    def test_found_before_it_is_ready(self):
        """Peers that come while a slow disk makes the first checkpoint find a closed door."""
        swarm = self.swarm(50_000, announce="")
        seed, leecher = swarm.add_seed(), swarm.add_leecher(start=False)
        leecher.disk.read.delay = 2.0
        leecher.start()
        for _ in range(40):
            swarm.run(0.1)
            seed.parts.connections.book.forget(leecher.address)
            swarm.introduce(seed, leecher)
        swarm.run_until_complete(limit=60)
        self.assertWhole(leecher)
        self.assertEqual(leecher.torrent.state, State.SEEDING)

    def test_private(self):
        _, leecher = self.exchange(self.swarm(200_000, private=True))
        self.assertTrue(leecher.torrent.metainfo.private)

    def test_slow_disk(self):
        swarm = self.swarm(500_000)
        seed, leecher = swarm.add_seed(start=False), swarm.add_leecher(start=False)
        for node in (seed, leecher):
            for lane in (node.disk.read, node.disk.write, node.disk.state):
                lane.delay = 0.5
            node.start()
        swarm.run_until_complete()
        self.assertWhole(leecher)
        self.assertEqual(leecher.wasted, 0)
