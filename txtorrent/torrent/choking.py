"""Carries out what the choker decides, every ten seconds and when a slot is free.

Most of many peers want nothing and have no slot: they cost nothing here.
"""

from txtorrent.peer.protocol import PeerProtocol
from txtorrent.swarm.choker import ROUND, Choker
from txtorrent.swarm.peer import Peer
from txtorrent.torrent.exchange import Exchange


class Choking:
    """Chokes and unchokes the peers of one exchange."""

    def __init__(self, exchange: Exchange, choker: Choker[Peer]) -> None:
        self._exchange = exchange
        self._choker = choker
        self._dealt_at = float("-inf")
        self._interested: dict[PeerProtocol, None] = {}
        self._served: dict[PeerProtocol, None] = {}

    def tick(self, now: float) -> None:
        """To be called every second."""
        if now - self._dealt_at >= ROUND:
            self._dealt_at = now
            self._deal(now)
        else:
            self._fill(now)  # who left, left a slot

    def deal_soon(self) -> None:
        """Not at the end of the round but with the next tick: there are fewer slots."""
        self._dealt_at = float("-inf")

    def interest_changed(self, link: PeerProtocol, now: float) -> None:
        """A free slot need not wait for the next deal, nor one that its peer needs no longer."""
        if link.peer.interested:
            self._interested[link] = None
        else:
            self._interested.pop(link, None)
        if link.peer.interested == link.peer.am_choking:
            self._fill(now)

    def _fill(self, now: float) -> None:
        """Give the free slots away. Who has one without being interested makes room."""
        self._forget_gone()
        waiting = {link.peer: link for link in self._interested if link.peer.am_choking}
        if not waiting:
            return
        idle = [link for link in self._served if not link.peer.interested]
        free = self._choker.slots - len(self._served) + len(idle)
        for peer in self._choker.first(tuple(waiting), free, self._is_seeding, now):
            if len(self._served) >= self._choker.slots and idle:
                self._choke(idle.pop(), now)
            self._unchoke(waiting[peer], now)

    def _deal(self, now: float) -> None:
        self._forget_gone()
        links = tuple(self._interested | self._served)
        chosen = self._choker.deal([link.peer for link in links], self._is_seeding, now)
        for link in links:
            if link.peer.am_choking == (link.peer in chosen) and link.is_open:
                if link.peer.am_choking:
                    self._unchoke(link, now)
                else:
                    self._choke(link, now)

    @property
    def optimistic(self) -> Peer | None:
        """Who was unchoked to see how it does."""
        return self._choker.optimistic

    @property
    def _is_seeding(self) -> bool:
        return self._exchange.progress.is_complete

    def _unchoke(self, link: PeerProtocol, now: float) -> None:
        self._served[link] = None
        link.unchoke(now)

    def _choke(self, link: PeerProtocol, now: float) -> None:
        self._served.pop(link, None)
        link.choke(now)

    def _forget_gone(self) -> None:
        for links in (self._interested, self._served):
            for link in [link for link in links if not link.is_open]:
                del links[link]
