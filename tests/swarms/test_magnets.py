"""Magnet links: metadata from peers, then the content, over connections that are kept (BEP 9)."""

import os
from random import Random

from twisted.internet.defer import Deferred

from tests.swarms.case import SwarmCase
from tests.testing.disk import inline_disk
from tests.testing.swarm import PORT, Node
from txtorrent.address import Address
from txtorrent.metainfo.errors import MetainfoError
from txtorrent.metainfo.magnet import Magnet
from txtorrent.session import DuplicateTorrent, Session, SessionOptions
from txtorrent.torrent import fetch
from txtorrent.torrent.fetch import FetchState
from txtorrent.torrent.life import State
from txtorrent.torrent.shared import TorrentOptions

PIECE = 32768


class MagnetCase(SwarmCase):
    def session(self, swarm, **options):
        """A session of its own, without a torrent."""
        number = len(swarm.nodes) + 1
        host = swarm.network.host(f"20.{number}.0.1", latency=0.02)
        home = os.path.join(swarm.folder, str(number))
        directory = os.path.join(home, "files")
        os.makedirs(directory)
        random = Random(number)
        node = Node(
            host, directory, os.path.join(home, "state"), random, {}, {}, swarm.payload,
            inline_disk(host),
        )  # fmt: skip
        node.session = Session(
            host, SessionOptions(state=node.state, port=PORT, **options), node.disk, random
        )
        host.clock.result_of(node.session.start())
        node.running = True
        swarm.nodes.append(node)
        return node

    def magnet(self, swarm, *peers, tiers=()):
        return Magnet(
            swarm.payload.metainfo.info_hash,
            "a name",
            tiers,
            peers=tuple((peer.address.host, PORT) for peer in peers),
        )

    def fetch(self, node, magnet, **options):
        """Has the torrent followed by the session itself; what came of it."""
        options = TorrentOptions(node.directory, **options)
        return Deferred.fromCoroutine(node.session.fetch(magnet, options))

    def follow(self, swarm, node, fetching, limit=60):
        swarm.run_until(lambda: fetching.called, limit)
        node.torrent = self.successResultOf(fetching)
        return node.torrent


class Fetched(MagnetCase):
    def test_from_a_peer_that_the_link_names(self):
        swarm = self.swarm(40 * PIECE + 99, piece_length=PIECE, announce="")
        seed = swarm.add_seed()
        node = self.session(swarm)
        torrent = self.follow(swarm, node, self.fetch(node, self.magnet(swarm, seed)))
        self.assertEqual(torrent.metainfo.info_hash, seed.torrent.metainfo.info_hash)
        swarm.run_until_complete(node, limit=60)
        self.assertWhole(node)

    def test_over_one_connection(self):
        """The one that brought the metadata brings the content, too."""
        swarm = self.swarm(40 * PIECE, piece_length=PIECE, announce="")
        seed = swarm.add_seed()
        node = self.session(swarm)
        fetching = self.fetch(node, self.magnet(swarm, seed))
        swarm.run(0.2)
        [link] = seed.parts.exchange.links
        self.follow(swarm, node, fetching)
        swarm.run_until_complete(node, limit=60)
        self.assertTrue(link.took_part)
        self.assertGreater(link.peer.uploaded.total, 40 * PIECE - 1)

    def test_by_the_tracker_of_the_link(self):
        swarm = self.swarm(10 * PIECE, piece_length=PIECE)
        swarm.add_seed()
        node = self.session(swarm)
        tiers = swarm.payload.metainfo.announce_tiers
        self.follow(swarm, node, self.fetch(node, self.magnet(swarm, tiers=tiers)))
        swarm.run_until_complete(node, limit=60)
        self.assertWhole(node)
        swarm.run(5)
        events = [each.event for each in swarm.tracker.from_host(node.host.name)]
        self.assertEqual([event.name for event in events][:2], ["STARTED", "COMPLETED"])

    def test_large_metadata(self):
        """In many pieces, of several peers."""
        swarm = self.swarm(6000 * 1024, piece_length=1024, announce="")
        seeds = [swarm.add_seed() for _ in range(3)]
        node = self.session(swarm)
        self.follow(swarm, node, self.fetch(node, self.magnet(swarm, *seeds)))
        swarm.run_until_complete(node, limit=120)
        self.assertWhole(node)

    def test_who_came_to_us_stays(self):
        """A peer that nobody can dial; it finds us."""
        swarm = self.swarm(10 * PIECE, piece_length=PIECE, announce="")
        node = self.session(swarm)
        fetching = self.fetch(node, self.magnet(swarm))
        swarm.run(1)
        seed = swarm.add_seed()
        swarm.run(1)
        swarm.introduce(seed, node)
        self.follow(swarm, node, fetching)
        swarm.run_until_complete(node, limit=60)
        self.assertWhole(node)

    def test_from_leechers_that_have_only_metadata(self):
        """Two links to each other: the one that learns it tells the other."""
        swarm = self.swarm(10 * PIECE, piece_length=PIECE, announce="")
        seed, first, second = swarm.add_seed(), self.session(swarm), self.session(swarm)
        one = self.fetch(first, self.magnet(swarm, seed))
        two = self.fetch(second, self.magnet(swarm, first))
        self.follow(swarm, first, one)
        self.follow(swarm, second, two)
        swarm.run_until_complete(first, second, limit=60)
        self.assertWhole(first, second)

    def test_what_is_on_disk_already(self):
        """Found when the metadata has come, and told to those who are there."""
        swarm = self.swarm(10 * PIECE, piece_length=PIECE, announce="")
        leecher = swarm.add_leecher()
        node = self.session(swarm)
        other = swarm.add_seed()
        os.rmdir(node.directory)
        os.rename(other.directory, node.directory)
        other.stop()
        torrent = self.follow(swarm, node, self.fetch(node, self.magnet(swarm, leecher)))
        swarm.run_until(lambda: torrent.state is State.SEEDING, 60)
        swarm.run_until_complete(leecher, limit=60)
        self.assertWhole(leecher)


class Refused(MagnetCase):
    def test_twice(self):
        swarm = self.swarm(PIECE, piece_length=PIECE, announce="")
        node = self.session(swarm)
        first = self.fetch(node, self.magnet(swarm))
        self.failureResultOf(self.fetch(node, self.magnet(swarm)), DuplicateTorrent)
        node.torrent = None
        self.assertNoResult(first)
        first.cancel()
        swarm.run(10)
        self.failureResultOf(first)
        self.assertEqual(node.session.fetches, {})

    def test_a_torrent_that_cannot_be_had(self):
        """Its info-hash is right, but it is no torrent for us: said at once, and once."""
        swarm = self.swarm(PIECE, piece_length=PIECE, announce="")
        seed, node = swarm.add_seed(), self.session(swarm)

        def refuse(raw):
            raise MetainfoError("of a kind that is not supported")

        self.patch(fetch, "parse", refuse)
        fetching = self.fetch(node, self.magnet(swarm, seed))
        swarm.run_until(lambda: fetching.called, 60)
        failure = self.failureResultOf(fetching, MetainfoError)
        self.assertIn("not supported", str(failure.value))
        self.assertEqual(node.session.fetches, {})

    def test_stopped_while_it_waits(self):
        """A clean end: `tearDown` finds nothing left."""
        swarm = self.swarm(PIECE, piece_length=PIECE)
        node = self.session(swarm)
        tiers = swarm.payload.metainfo.announce_tiers
        options = TorrentOptions(node.directory, peers=(Address("20.99.0.1", 1),))
        magnet = self.magnet(swarm, tiers=tiers)
        fetching = node.session.add_magnet(magnet, options, lambda _: None)
        swarm.run(30)
        self.assertIs(fetching.state, FetchState.FETCHING)
        self.assertEqual((fetching.progress, fetching.peers), (0.0, 0))
