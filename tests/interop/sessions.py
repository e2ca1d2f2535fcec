"""Sessions of ours in the process of the tests, on the real reactor, disk and network."""

import os

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed

from tests.interop.case import InteropCase
from tests.interop.samples import Sample
from tests.testing.loopback import next_host
from txtorrent.address import Address
from txtorrent.peer.protocol import PeerProtocol
from txtorrent.session import Session, SessionOptions
from txtorrent.torrent.shared import TorrentOptions
from txtorrent.torrent.torrent import Torrent


class Node:
    """One session with one torrent, at an address of its own; stopped with the test."""

    torrent: Torrent

    def __init__(self, case: InteropCase, name: str, upload_rate: int = 0) -> None:
        self.directory = case.folder(name)
        state = os.path.join(self.directory, ".state")
        os.mkdir(state)
        host = next_host()
        self._options = SessionOptions(state, 0, host, upload_rate=upload_rate)
        self._session: Session | None = Session(reactor, self._options)
        case.addCleanup(self.stop)

    async def start(self, sample: Sample, *peers: "Node | Address") -> None:
        """Begin, and dial these."""
        assert self._session is not None
        await self._session.start()
        self.address = Address(str(self._options.interface), self._session.port)
        known = tuple(peer.address if isinstance(peer, Node) else peer for peer in peers)
        options = TorrentOptions(self.directory, peers=known)
        self.torrent = self._session.add(sample.metainfo, options)

    @property
    def is_complete(self) -> bool:
        return self.torrent.progress.is_complete

    @property
    def links(self) -> list[PeerProtocol]:
        """Its connections."""
        swarm = self.torrent.swarm
        return [] if swarm is None else list(swarm.exchange.links)

    def stop(self) -> "Deferred[None]":
        """End the session in good order; once is enough."""
        session, self._session = self._session, None
        return succeed(None) if session is None else session.stop()
