"""The tracker as a part of a process: when its settings are read again."""

from random import Random

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.network import Network
from txtorrent import trackerservice
from txtorrent.daemon.errors import UserError
from txtorrent.trackerserver.config import default
from txtorrent.trackerservice import TrackerPart


class Reload(SynchronousTestCase):
    """`reads` are the settings files that are being read."""

    def setUp(self):
        self.host = Network().host("10.0.0.1")
        self.reads = []
        self.patch(trackerservice, "deferToThreadPool", self.in_thread)
        self.patch(trackerservice, "Random", lambda: Random(1))
        self.host.getThreadPool = lambda: None
        config = evolve(default(), state_file="")
        self.part = TrackerPart(self.host, config, self.read, 100)
        self.addCleanup(lambda: self.host.clock.result_of(self.part.stop()))
        self.host.clock.result_of(self.part.listen())

    def in_thread(self, reactor, pool, call, *args):
        return call(*args)

    def read(self):
        self.reads.append(Deferred())
        return self.reads[-1]

    def start(self):
        self.host.clock.result_of(self.part.start())

    def ends(self, number, interval):
        """That file has been read."""
        self.reads[number].callback(evolve(default(), interval=interval, state_file=""))

    @property
    def interval(self):
        return self.part._server.tracker.policy.pace.interval

    def test_once(self):
        self.start()
        self.part.reload()
        self.ends(0, 111)
        self.assertEqual((len(self.reads), self.interval), (1, 111))

    def test_before_it_runs(self):
        """It is done as soon as it runs."""
        self.part.reload()
        self.part.reload()
        self.assertEqual(self.reads, [])
        self.start()
        self.ends(0, 111)
        self.assertEqual((len(self.reads), self.interval), (1, 111))

    def test_twice_at_once(self):
        """What is read last counts."""
        self.start()
        for _ in range(3):
            self.part.reload()
        self.assertEqual(len(self.reads), 1)
        self.ends(0, 111)
        self.ends(1, 222)
        self.assertEqual((len(self.reads), self.interval), (2, 222))

    def test_wrong_settings(self):
        self.start()
        self.part.reload()
        with capturedLogs() as logs:
            self.reads[0].errback(UserError("x.toml:1: nonsense"))
        self.assertIn("stay as they are: x.toml:1: nonsense", formatEvent(logs[0]))
        self.part.reload()
        self.ends(1, 111)
        self.assertEqual(self.interval, 111)

    def test_stopped_while_it_reads(self):
        self.start()
        self.part.reload()
        self.host.clock.result_of(self.part.stop())
        self.ends(0, 111)
        self.assertEqual((len(self.reads), self.interval), (1, 1800))
