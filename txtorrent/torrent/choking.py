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
        else:
            self._fill(now)  # who left, left a slot

    def interest_changed(self, link: PeerProtocol, now: float) -> None:
        """A free slot need not wait for the next deal, nor one that its peer needs no longer."""
        if link.peer.interested == link.peer.am_choking:
            self._fill(now)

    def _fill(self, now: float) -> None:
        """Give the free slots away. Who has one without being interested makes room."""
        links = [link for link in self._exchange.links if link.is_open]
        waiting = {link.peer: link for link in links if link.peer.interested}
        unchoked = [link for link in links if not link.peer.am_choking]
        idle = [link for link in unchoked if not link.peer.interested]
        for link in unchoked:
            waiting.pop(link.peer, None)
        free = self._choker.slots - len(unchoked) + len(idle)
        seeding = self._exchange.progress.is_complete
        for peer in self._choker.first(tuple(waiting), free, seeding, now):
            if len(unchoked) >= self._choker.slots and idle:
                idle.pop().choke(now)
            waiting[peer].unchoke(now)

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
