"""kill -9 at the steps of a move: after the next start the content is whole, in one place.

TXTORRENT_KILLS sets how many steps of each kind of move are tried; the default keeps the whole
suite short, and 1000 is all of them.
"""

import os
import signal
import time
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.crash.daemons import LOOK_EVERY, STUCK, Gone, Nursery
from tests.storage.folders import folder, memory_folder
from tests.testing import torrents
from tests.testing.loopback import OWN_SWARM
from txtorrent.metainfo.torrentfile import parse

KILLS = int(os.environ.get("TXTORRENT_KILLS", "6"))
FILES = {
    "a": torrents.content(1, 100_000),
    "sub/b": torrents.content(2, 70_000),
    "sub/deep/c": torrents.content(3, 20_000),
    "empty": b"",
}
NAME = "moved"
MOST_STEPS = 150
"""More than a move has."""
SHORT_STEPS = 45
"""About as many as a move has: of these the short form takes some."""


class Kills(SynchronousTestCase):
    def setUp(self):
        self.random = Random(5)
        self.home = memory_folder(self)
        self.elsewhere = folder(self)
        self.nursery = Nursery(self.home, self.elsewhere)
        self.addCleanup(self.nursery.stop)

    def begin(self, target):
        """A torrent that is complete, and may be in either of two places."""
        self.places = [os.path.join(self.home, "content", "here"), target]
        for place in self.places:
            os.makedirs(place, exist_ok=True)
        raw = torrents.make(FILES, name=NAME, piece_length=16384, info_extra=OWN_SWARM)
        metainfo = parse(raw)
        torrents.write_content(self.places[0], metainfo, torrents.payload(FILES))
        with self.daemon() as daemon:
            daemon.add(raw, download_dir=self.places[0])
            self.settled(daemon)

    def settled(self, daemon):
        """Where the content is said to be, when it is complete and nothing is under way."""
        deadline = time.monotonic() + STUCK
        fields = ["download_dir", "status", "left_until_done", "tx_waiting", "error_string"]
        while time.monotonic() < deadline:
            [shown] = daemon.call("torrent_get", fields=fields)["torrents"]
            if shown["status"] == 6 and not shown["left_until_done"] and not shown["tx_waiting"]:
                return shown["download_dir"]
            time.sleep(LOOK_EVERY)
        raise AssertionError(shown)

    def daemon(self, **steps):
        return Running(self.nursery, steps)

    def check_content(self, place):
        for name, data in FILES.items():
            with open(os.path.join(place, NAME, name), "rb") as file:
                self.assertEqual(file.read(), data)
        [other] = [each for each in self.places if each != place]
        self.assertEqual(os.listdir(other), [])
        self.assertEqual(os.listdir(place), [NAME])

    def kill_at(self, step):
        """Whether it was killed there; the move goes to where the content is not."""
        with self.daemon(steps=step) as daemon:
            where = self.settled(daemon)
            target = self.places[where == self.places[0]]
            daemon.signal(signal.SIGUSR1)
            was_killed = False
            try:
                daemon.call("torrent_set_location", ids=[1], location=target, move=True)
                while self.settled(daemon) != target:
                    time.sleep(LOOK_EVERY)
            except Gone:
                was_killed = True
        with self.daemon(steps=self.random.randrange(1, SHORT_STEPS), now=True) as daemon:
            daemon.wait_gone_or(lambda: self.settled(daemon))
        with self.daemon() as daemon:
            self.check_content(self.settled(daemon))
        return was_killed

    def try_steps(self):
        steps = range(1, MOST_STEPS)
        if KILLS < MOST_STEPS:
            steps = sorted(self.random.sample(range(1, SHORT_STEPS), KILLS))
        killed = [step for step in steps if self.kill_at(step)]
        self.assertGreater(len(killed), len(steps) // 10)
        return killed

    def test_within_a_file_system(self):
        self.begin(os.path.join(self.home, "content", "there"))
        self.try_steps()

    def test_to_another_file_system(self):
        there = self.elsewhere
        if os.stat(there).st_dev == os.stat(self.home).st_dev:
            self.skipTest("there is only one file system")
        self.begin(there)
        self.try_steps()


class Running:
    """A daemon for the length of a block; killed at its end."""

    def __init__(self, nursery, steps):
        self._nursery = nursery
        self._steps = steps

    def __enter__(self):
        self._daemon = self._nursery.start(**self._steps)
        try:
            if not self._steps.get("now"):
                self._daemon.wait_ready()
        except BaseException:
            self._daemon.kill()
            raise
        return self._daemon

    def __exit__(self, *error):
        self._daemon.kill()
