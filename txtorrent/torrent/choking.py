"""Carries out what the choker decides, every ten seconds and when a slot is free."""

from twisted.logger import Logger

from txtorrent.peer.protocol import PeerProtocol
from txtorrent.swarm.choker import ROUND, Choker
from txtorrent.swarm.peer import Peer
from txtorrent.torrent.exchange import Exchange

_log = Logger()


class Choking:
    """Chokes and unchokes the peers of one exchange."""

    def __init__(self, exchange: Exchange, choker: Choker[Peer]) -> None:
        self._exchange = exchange
        self._choker = choker
        self._dealt_at = float("-inf")

    def tick(self, now: float) -> None:
        """To be called every second."""
        if now - self._dealt_at >= ROUND:
            self._dealt_at = now
            self._deal(now)

    def interest_changed(self, link: PeerProtocol, now: float) -> None:
        """A free slot need not wait for the next deal."""
        peer = link.peer
        if peer.interested and peer.am_choking and self._in_use() < self._choker.slots:
            link.unchoke(now)

    def _deal(self, now: float) -> None:
        links = tuple(self._exchange.links)
        seeding = self._exchange.progress.is_complete
        chosen = self._choker.deal([link.peer for link in links], seeding, now)
        for link in links:
            if link.peer.am_choking == (link.peer in chosen) and link.is_open:
                if link.peer.am_choking:
                    link.unchoke(now)
                else:
                    link.choke(now)

    def _in_use(self) -> int:
        return sum(not link.peer.am_choking for link in self._exchange.links)
