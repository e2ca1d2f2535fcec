"""Sessions of ours in the process of the tests, on the real reactor, disk and network."""

import os

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed

from tests.interop.case import InteropCase
from tests.interop.samples import Sample
from txtorrent.address import Address
from txtorrent.dht.dht import DhtOptions
from txtorrent.metainfo.magnet import Magnet
from txtorrent.peer.protocol import PeerProtocol
from txtorrent.peersources import SourceOptions
from txtorrent.session import Session, SessionOptions
from txtorrent.torrent.fetch import Fetch
from txtorrent.torrent.life import State
from txtorrent.torrent.shared import TorrentOptions
from txtorrent.torrent.torrent import Torrent

NOWHERE = SourceOptions()
"""Nobody is asked for peers but trackers, and other peers."""


def by_dht(routers: tuple[Address, ...], local: bool = False) -> SourceOptions:
    """Peers are found in the DHT that these lead into, and perhaps on the `local` network."""
    return SourceOptions(dht=True, local=local, nodes=DhtOptions(routers, ipv6=False))


class Node:
    """One session at an address of its own, mostly with one torrent; stopped with the test."""

    torrent: Torrent | None = None
    """The one that was added last; of a magnet link, once its metadata has come."""

    def __init__(
        self,
        case: InteropCase,
        name: str,
        upload_rate: int = 0,
        download_rate: int = 0,
        sources: SourceOptions = NOWHERE,
    ) -> None:
        self.directory = case.folder(name)
        state = os.path.join(self.directory, ".state")
        os.mkdir(state)
        host = case.next_address()
        self._options = SessionOptions(state, 0, host, download_rate, upload_rate, sources=sources)
        self._session: Session | None = Session(reactor, self._options)
        case.addCleanup(self.stop)

    @property
    def session(self) -> Session:
        """It, as long as it has not been stopped."""
        assert self._session is not None
        return self._session

    async def begin(self) -> None:
        """Listen at `address`, without a torrent."""
        await self.session.start()
        self.address = Address(str(self._options.interface), self.session.port)

    async def start(self, sample: Sample, *peers: "Node | Address") -> None:
        """Begin with a torrent, and dial these."""
        await self.begin()
        self.add(sample, *peers)

    def add(self, sample: Sample, *peers: "Node | Address") -> None:
        """One more torrent; dial these for it."""
        known = tuple(peer.address if isinstance(peer, Node) else peer for peer in peers)
        options = TorrentOptions(self.directory, peers=known, trust_trackers=True)
        self.torrent = self.session.add(sample.metainfo, options)

    async def fetch(self, magnet: Magnet) -> None:
        """Begin, and download what a magnet link means."""
        await self.begin()
        self.session.add_magnet(magnet, TorrentOptions(self.directory), self._follow)

    def _follow(self, fetch: Fetch) -> None:
        self.torrent = self.session.follow(fetch, TorrentOptions(self.directory))

    @property
    def is_complete(self) -> bool:
        return self.torrent is not None and self.torrent.progress.is_complete

    @property
    def is_seeding(self) -> bool:
        """Whether it has everything, and peers may come."""
        return self.torrent is not None and self.torrent.state is State.SEEDING

    @property
    def links(self) -> list[PeerProtocol]:
        """Its connections."""
        swarm = self.torrent.swarm if self.torrent is not None else None
        return [] if swarm is None else list(swarm.exchange.links)

    def stop(self) -> "Deferred[None]":
        """End the session in good order; once is enough."""
        session, self._session = self._session, None
        return succeed(None) if session is None else session.stop()
