"""A torrent that is lent an announcer: its trackers do not notice that it comes and goes."""

from tests.swarms.case import SwarmCase
from tests.tracker.owner import Owner
from txtorrent.torrent.life import State
from txtorrent.torrent.shared import TorrentOptions
from txtorrent.torrent.torrent import Torrent
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.interfaces import Totals
from txtorrent.wire.announce import Event

STARTED, NONE, COMPLETED, STOPPED = Event.STARTED, Event.NONE, Event.COMPLETED, Event.STOPPED


class Lent(SwarmCase):
    def setUp(self):
        super().setUp()
        self.net = self.swarm(1_000_000, tracker={"interval": 900})

    def begin(self, node, owner):
        """An announcer for the node's torrent, which is taken off its session."""
        self.node = node
        node.torrent.stop()
        self.net.run(5)
        self.net.tracker.announces.clear()
        metainfo, shared = node.payload.metainfo, node.session._shared
        self.announcer = Announcer(
            shared.announcing, metainfo.info_hash, metainfo.announce_tiers, owner
        )
        return self.announcer

    def wake(self):
        """A torrent that borrows it."""
        node = self.node
        options = TorrentOptions(directory=node.directory)
        torrent = Torrent(node.payload.metainfo, options, node.session._shared, self.announcer)
        node.session.torrents[torrent.metainfo.info_hash] = torrent
        torrent.start()
        self.net.run(5)
        return torrent

    def events(self):
        return [each.event for each in self.net.tracker.from_host(self.node.host.name)]

    def test_comes_and_goes(self):
        owner = Owner(Totals(0, 0, 0, 0))
        announcer = self.begin(self.net.add_seed(), owner)
        announcer.start()
        self.net.run(1)
        torrent = self.wake()
        self.assertIs(torrent.state, State.SEEDING)
        self.assertIs(announcer.owner, torrent.swarm)
        self.assertEqual([each.announce_state for each in torrent.trackers()], [1])
        stopped = torrent.stop()
        self.assertIs(announcer.owner, owner)
        self.net.run(1000)
        self.successResultOf(stopped)
        self.assertEqual(self.events(), [STARTED, NONE])
        announcer.stop()
        self.net.run(5)
        self.assertEqual(self.events(), [STARTED, NONE, STOPPED])

    def test_is_started_when_peers_may_come(self):
        owner = Owner(Totals(0, 0, 1_000_000, 0))
        announcer = self.begin(self.net.add_leecher(), owner)
        seed = self.net.add_seed()
        torrent = self.wake()
        self.net.run_until(lambda: torrent.progress.is_complete)
        self.net.run(5)
        self.assertEqual(self.events(), [STARTED, COMPLETED])
        self.assertEqual(owner.peers, [])
        last = self.net.tracker.from_host(self.node.host.name)[-1]
        self.assertEqual((last.downloaded, last.left), (1_000_000, 0))
        self.assertGreater(seed.uploaded, 0)
        announcer.stop()
        self.net.run(5)

    def test_what_was_moved_does_not_begin_anew(self):
        """Trackers that count would see less than before."""
        owner = Owner(Totals(uploaded=0, downloaded=0, left=0, corrupt=0))
        announcer = self.begin(self.net.add_seed(), owner)
        announcer.start()
        torrent = self.wake()
        leecher = self.net.add_leecher()
        self.net.run_until_complete(leecher)
        owner.now = Totals(torrent.progress.uploaded.total, 0, 0, 0)
        torrent.stop()
        self.net.run(1000)
        last = self.net.tracker.from_host(self.node.host.name)[-1]
        self.assertEqual((last.event, last.uploaded), (NONE, 1_000_000))
        announcer.stop()
        self.net.run(5)

    def test_an_error_leaves_it_to_its_lender(self):
        owner = Owner(Totals(0, 0, 0, 0))
        announcer = self.begin(self.net.add_seed(), owner)
        announcer.start()
        torrent = self.wake()
        torrent.storage_failed(OSError(5, "Input/output error"))
        self.net.run(1)
        self.assertIs(announcer.owner, owner)
        self.assertEqual(self.events(), [STARTED])
        announcer.stop()
        self.net.run(5)

    def test_the_lender_hears_of_numbers_all_the_time(self):
        owner = Owner(Totals(0, 0, 0, 0))
        announcer = self.begin(self.net.add_seed(), owner)
        announcer.start()
        self.net.run(1)
        self.wake()
        self.net.add_leecher(down=1000)
        self.net.run(1000)
        self.assertEqual(owner.numbers, [(1, 0), (1, 1)])
        announcer.stop()
        self.net.run(5)

    def test_peers_that_wake_it_are_not_lost(self):
        """Woken because of them, it is loaded before it can dial."""
        owner = Owner(Totals(0, 0, 0, 0))
        announcer = self.begin(self.net.add_seed(), owner)
        leecher = self.net.add_leecher()
        self.net.run(1)
        announcer.start()
        self.net.run(1)
        [(source, addresses)] = owner.peers
        self.assertEqual(addresses, (leecher.address,))
        torrent = Torrent(
            self.node.payload.metainfo,
            TorrentOptions(directory=self.node.directory),
            self.node.session._shared,
            announcer,
        )
        torrent.start()
        torrent.found_peers(source, addresses)
        self.net.run_until_complete(leecher, limit=60)
        torrent.stop()
        announcer.stop()
        self.net.run(5)
