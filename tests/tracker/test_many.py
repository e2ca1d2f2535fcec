"""The announces of a seedbox: thousands of torrents, most of which nobody asks for."""

import gc
import tracemalloc
from random import Random

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.clock import HeapClock
from tests.tracker.owner import Owner
from tests.tracker.trackers import PEER_ID
from txtorrent.address import Address
from txtorrent.tracker import notes
from txtorrent.tracker.announcer import Announcer
from txtorrent.tracker.announcing import Announcing
from txtorrent.tracker.clients import MAX_UNDER_WAY, Trackers
from txtorrent.tracker.interfaces import Totals
from txtorrent.tracker.turns import MAX_PER_HOST
from txtorrent.wire.announce import AnnounceResponse, Event

MOST_BYTES = 1500
"""Memory of an announcer that waits for its time, with what its tracker said."""


class Server:
    """Answers each announce after `delay` seconds; notes what came when."""

    def __init__(self, clock, delay: float) -> None:
        self.clock = clock
        self.delay = delay
        self.log = []
        self.under_way = {}
        self.most = {}

    def announce(self, url, request, *, trusted):
        host = url.split("/")[2]
        self.log.append((self.clock.seconds(), host, request.event, request.left))
        for place in (host, "all"):
            self.under_way[place] = self.under_way.get(place, 0) + 1
            self.most[place] = max(self.most.get(place, 0), self.under_way[place])
        answer = Deferred()
        self.clock.callLater(self.delay, self.answer, host, answer)
        return answer

    def answer(self, host, answer) -> None:
        for place in (host, "all"):
            self.under_way[place] -= 1
        peers = (Address("1.2.3.4", 6881),)
        answer.callback(AnnounceResponse(interval=1800, peers=peers, seeders=9, leechers=1))

    def times(self, host, event):
        return [at for at, of, what, _ in self.log if (of, what) == (host, event)]


class Seedbox(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = HeapClock()
        self.trackers = Trackers(self.clock, Random(1))
        self.server = Server(self.clock, 0.2)
        self.trackers._clients = dict.fromkeys(("http", "https", "udp"), self.server)
        self.announcing = Announcing(self.trackers, self.clock, Random(2), PEER_ID, 6881)
        self.announcers = []

    def tearDown(self) -> None:
        for announcer in self.announcers:
            announcer.stop()
        self.clock.advance(30)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def begin(self, count: int, *hosts: str, left: int = 0) -> None:
        tiers = [[f"http://{host}/announce"] for host in hosts]
        owner = Owner(Totals(0, 0, left, 0))
        for _ in range(count):
            announcer = Announcer(
                self.announcing, len(self.announcers).to_bytes(20, "big"), tiers, owner
            )
            self.announcers.append(announcer)
            announcer.start()

    def test_starts_are_spread(self) -> None:
        self.begin(1000, "t")
        self.clock.advance(10)
        early = len(self.server.log)
        self.clock.advance(500)
        starts = self.server.times("t", Event.STARTED)
        self.assertEqual((len(starts), len(self.server.log)), (1000, 1000))
        self.assertGreater(starts[-1], 45)
        self.assertTrue(150 < early < 250, early)
        self.assertEqual(self.server.most, {"t": MAX_PER_HOST, "all": MAX_PER_HOST})

    def test_downloads_first(self) -> None:
        self.begin(1000, "t")
        self.clock.advance(20)
        self.begin(8, "t", left=1)
        self.clock.advance(1)
        downloads = [at for at, _, _, left in self.server.log if left]
        self.assertEqual(len(downloads), 8)

    def test_a_slow_tracker_keeps_no_other_waiting(self) -> None:
        self.begin(1000, "slow", left=1)
        self.server.delay = 25
        self.clock.advance(1)
        self.server.delay = 0.2
        hosts = [f"t{number}" for number in range(100)]
        for host in hosts:
            self.begin(2, host)
        self.clock.advance(6)
        for host in hosts:
            self.assertEqual(len(self.server.times(host, Event.STARTED)), 2)
        self.assertEqual(self.server.most["slow"], MAX_PER_HOST)
        self.assertLessEqual(self.server.most["all"], MAX_UNDER_WAY)

    def test_each_at_its_interval_and_spread(self) -> None:
        self.begin(500, "t")
        self.clock.advance(4000)
        again = self.server.times("t", Event.NONE)
        self.assertEqual(len(again), 1000)
        busiest = max(sum(at <= each < at + 10 for each in again) for at in range(1800, 4000, 10))
        self.assertLess(busiest, 100)

    def test_one_timer(self) -> None:
        self.begin(100, "t")
        self.clock.advance(60)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_memory(self) -> None:
        """What the log keeps of each answer is not the announcer's."""
        self.patch(notes, "_log", Logger(observer=lambda event: None))
        hosts = ("t", *(f"b{number}" for number in range(9)))
        self.begin(10, *hosts)
        gc.collect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.begin(200, *hosts)
        self.clock.advance(4000)
        self.server.log.clear()
        for announcer in self.announcers:
            announcer.owner.peers.clear()
            announcer.owner.numbers.clear()
        gc.collect()
        memory, _ = tracemalloc.get_traced_memory()
        self.assertLess(memory / 200, MOST_BYTES)
