"""kill -9 at random moments while clients change the list of torrents over the control socket.

What was acknowledged is there again, no torrent is lost, no start is refused. TXTORRENT_KILLS sets
how many kills there are; the default keeps the whole suite short.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.crash.client import Client
from tests.crash.daemons import Nursery
from tests.storage.folders import memory_folder

KILLS = int(os.environ.get("TXTORRENT_KILLS", "6"))
SEED = int(os.environ.get("TXTORRENT_SEED", "11"))
MOST_CHANGES = 20
"""Acknowledged to one client before the kill is near."""
LATEST = 0.015
"""Seconds from then to the kill: some changes."""


class Kills(SynchronousTestCase):
    def setUp(self):
        self.random = Random(SEED)
        self.home = memory_folder(self)
        content = os.path.join(self.home, "content")
        os.mkdir(content)
        self.nursery = Nursery(self.home)
        self.addCleanup(self.nursery.stop)
        self.clients = [
            Client("a", Random(SEED + 1), content, has_setting=True),
            Client("b", Random(SEED + 2), content),
        ]

    def test_nothing_acknowledged_is_lost(self):
        for _ in range(KILLS):
            daemon = self.nursery.start()
            try:
                daemon.wait_ready()
                self.compare(daemon)
                self.change_and_kill(daemon)
            finally:
                status = daemon.kill()
            self.assertEqual(status, 9)
        daemon = self.nursery.start()
        try:
            daemon.wait_ready()
            self.compare(daemon)
        finally:
            daemon.kill()
        self.assertGreater(min(client.acknowledged for client in self.clients), KILLS)

    def compare(self, daemon):
        for client in self.clients:
            client.compare(daemon)

    def change_and_kill(self, daemon):
        """Clients go on until the daemon dies under them; one decides when that is."""
        first, *others = self.clients
        with ThreadPoolExecutor() as threads:
            running = [threads.submit(other.run, daemon) for other in others]
            try:
                first.run(daemon, self.random.randrange(MOST_CHANGES))
                timer = threading.Timer(self.random.random() * LATEST, daemon.signal)
                timer.start()
                first.run(daemon)
                timer.join()
            finally:
                daemon.signal()
            for each in running:
                each.result()
