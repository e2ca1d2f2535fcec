"""The seedbox has what the control API asks of it: a type checker cannot tell, since methods take
entries back."""

import inspect

from tests.seedbox.case import SeedboxCase
from txtorrent.control import dhtview
from txtorrent.control.interfaces import Session
from txtorrent.control.torrentview import Torrent


def asked(protocol):
    return {name: value for name, value in vars(protocol).items() if not name.startswith("_")}


class Fits(SeedboxCase):
    def fits(self, given, protocol):
        for name, value in asked(protocol).items():
            self.assertTrue(hasattr(given, name), name)
            if inspect.isfunction(value) and protocol in (Session, dhtview.Dht):
                wanted = list(inspect.signature(value).parameters)[1:]
                self.assertEqual(list(inspect.signature(getattr(given, name)).parameters), wanted)

    def test_session(self):
        self.fits(self.box, Session)

    def test_sources_of_peers(self):
        self.fits(self.box.dht, dhtview.Dht)
        self.fits(self.box.peer_sources, dhtview.PeerSources)
        self.fits(self.box.peer_sources.dht, dhtview.DhtStatus)

    def test_torrent(self):
        self.fits(self.add(self.payload(), paused=True), Torrent)
