"""A seedbox on a host of the simulated network, with other peers around it."""

import os
from random import Random

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.folders import memory_folder
from tests.testing import torrents
from tests.testing.disk import inline_disk
from tests.testing.network import Network
from tests.testing.swarm import PORT, Swarm, payload
from txtorrent.address import Address
from txtorrent.seedbox.entry import DOWNLOADING, SEEDING, STOPPED
from txtorrent.seedbox.seedbox import Seedbox
from txtorrent.session import Session, SessionOptions
from txtorrent.settings.settings import Settings

PIECE = 65536
__all__ = ["DOWNLOADING", "PIECE", "SEEDING", "STOPPED", "SeedboxCase"]


class Noted:
    """An observer that writes down what it is told."""

    def __init__(self):
        self.told = []

    def torrent_added(self, torrent):
        self.told.append(("added", torrent.id))

    def torrent_removed(self, torrent):
        self.told.append(("removed", torrent.id))

    def torrent_changed(self, torrent, names):
        self.told += [(name, torrent.id) for name in names]

    def settings_changed(self, names):
        self.told += [("setting", name) for name in names]

    def chat_message(self, torrent, message):
        self.told.append(("said", torrent.id, message.text))


class SeedboxCase(SynchronousTestCase):
    """`box` runs on `host`; `torrent(n)` makes the n-th torrent, known by the swarm of peers."""

    settings = {}

    def setUp(self):
        self.network = Network(seed=7)
        self.clock = self.network.clock
        self.folder = memory_folder(self)
        self.host = self.network.host("20.200.0.1")
        self.downloads = os.path.join(self.folder, "downloads")
        os.makedirs(self.downloads)
        self.swarms = []
        self.start()

    def tearDown(self):
        self.stop()
        for swarm in self.swarms:
            self.assertEqual(swarm.stop(), [])
        self.assertEqual(self.network.leftovers(), [])

    def start(self):
        file = {"download_dir": self.downloads, "trust_local_trackers": True, "dht_enabled": False}
        file |= self.settings
        options = SessionOptions(state=os.path.join(self.folder, "state"), port=PORT)
        self.session = Session(self.host, options, inline_disk(self.host), Random(3))
        self.result_of(self.session.start())
        self.box = Seedbox(self.session, Settings(file), lambda: None)
        self.noted = Noted()
        self.box.observe(self.noted)
        self.result_of(self.box.open())

    def stop(self):
        self.result_of(self.box.stop_all())
        self.result_of(self.session.stop())

    def kill(self):
        """As kill -9."""
        self.box._ticker.stop()
        self.host.kill()
        self.session.journal._database.close()

    def restart(self):
        self.stop()
        self.start()

    def result_of(self, later, limit=60.0):
        later = later if isinstance(later, Deferred) else Deferred.fromCoroutine(later)
        return self.clock.result_of(later, limit)

    def payload(self, number=0, pieces=4, **options):
        """Metainfo and content of a torrent, a file unless told otherwise."""
        data = torrents.content(f"t{number}", pieces * PIECE)
        options = {"announce": "", **options}
        return payload(data, piece_length=PIECE, name=f"t{number}.bin", **options)

    def write(self, made, directory=None):
        """Put its content where it is looked for."""
        torrents.write_content(directory or self.downloads, made.metainfo, made.data)

    @property
    def address(self):
        """Where the seedbox is reached."""
        return Address(self.host.addresses[0], PORT)

    def remove_content(self):
        """Somebody deletes all that was downloaded."""
        for name in os.listdir(self.downloads):
            os.unlink(os.path.join(self.downloads, name))

    def add(self, made, **options):
        """The entry of a torrent, added from its bytes."""
        return self.result_of(self.box.add(made.metainfo.raw, options)).torrent

    def seed(self, made):
        """A peer elsewhere that has everything, told to our torrent."""
        node = self.swarm(made).add_seed()
        self.clock.advance(1)
        return node

    def swarm(self, made):
        swarm = Swarm(self.network, made, os.path.join(self.folder, str(len(self.swarms))))
        self.swarms.append(swarm)
        return swarm

    def run_until(self, happened, limit=600.0):
        return self.clock.run_until(happened, limit)
