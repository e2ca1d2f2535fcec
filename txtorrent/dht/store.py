"""Peers that others have announced to us, until 30 minutes after they did (BEP 5, BEP 33, BEP 51).

The governing rule (THREATS C2): one address has a share and no more. When there are too many peers
in all, or of one torrent, the one that was announced longest ago has to go.
"""

from __future__ import annotations

from collections import OrderedDict
from random import Random
from typing import Final, NamedTuple

from attrs import define, field

from txtorrent.address import Address, Reach, reach
from txtorrent.dht.gate import source_of
from txtorrent.swarm.tally import Tally
from txtorrent.wire.bloom import bloom_filter

PEER_LIFE: Final = 1800.0
"""Seconds: peers announce every 15 minutes."""
MOST_PEERS: Final = 20_000
"""In all: 600 bytes each at worst, when each is of a torrent of its own, so 12 MB."""
MOST_OF_TORRENT: Final = 1000
"""Peers of one torrent: some fifty are given at a time."""
MOST_OF_SOURCE: Final = 2000
"""Torrents that one address is a peer of: a seedbox of 10,000 torrents, in a network so small that
we are one of the closest to a fifth of them."""
FILTER_LIFE: Final = 60.0
"""Seconds for which filters of a torrent are not made anew: a thousand peers take 1 ms."""
MOST_SAMPLES: Final = 30
"""Info-hashes in a sample: 600 bytes."""
SAMPLE_LIFE: Final = 600
"""Seconds for which a sample stays the same (BEP 51)."""


class _Peer(NamedTuple):
    port: int
    seed: bool
    at: float


@define(eq=False)
class _Torrent:
    """The peers of one torrent by host, the one announced last at the end."""

    peers: dict[str, _Peer] = field(factory=dict)
    filters: tuple[bytes, bytes] | None = None
    filters_at: float = 0.0


class PeerStore:
    """What one node keeps of others' announces. `now` is the reactor's time in seconds."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._torrents: dict[bytes, _Torrent] = {}
        self._order: OrderedDict[tuple[bytes, str], None] = OrderedDict()
        self._sources: Tally[str] = Tally()
        self._sample: tuple[bytes, ...] = ()
        self._sampled_at: float | None = None

    def __len__(self) -> int:
        """How many peers there are, of all torrents together."""
        return len(self._order)

    @property
    def torrents(self) -> int:
        """Of how many torrents there are peers."""
        return len(self._torrents)

    def add(self, info_hash: bytes, peer: Address, seed: bool, now: float) -> bool:
        """Keep a peer, once for each address and torrent (BEP 33); whether there was room."""
        self.expire(now)
        self._remove(info_hash, peer.host)
        source = source_of(peer.host)
        if self._sources[source] >= MOST_OF_SOURCE:
            return False
        torrent = self._torrents.setdefault(info_hash, _Torrent())
        torrent.peers[peer.host] = _Peer(peer.port, seed, now)
        self._order[info_hash, peer.host] = None
        self._sources.add(source)
        if len(torrent.peers) > MOST_OF_TORRENT:
            self._remove(info_hash, next(iter(torrent.peers)))
        if len(self._order) > MOST_PEERS:
            self._remove(*next(iter(self._order)))
        return True

    def peers(
        self, info_hash: bytes, asking: str, count: int, now: float, *, noseed: bool = False
    ) -> list[Address]:
        """Some peers of a torrent for a node at IP address `asking`, at most `count`, by chance.

        Peers in local networks are for those in local networks."""
        self.expire(now)
        torrent = self._torrents.get(info_hash)
        if torrent is None:
            return []
        is_local = reach(asking) is not Reach.GLOBAL
        fit = [
            Address(host, peer.port)
            for host, peer in torrent.peers.items()
            if not (noseed and peer.seed) and (is_local or reach(host) is Reach.GLOBAL)
        ]
        return fit if len(fit) <= count else self._random.sample(fit, count)

    def filters(self, info_hash: bytes, now: float) -> tuple[bytes, bytes] | None:
        """The filters of a torrent's seeds and of its other peers (BEP 33); None: it has none."""
        self.expire(now)
        torrent = self._torrents.get(info_hash)
        if torrent is None:
            return None
        if torrent.filters is None or now - torrent.filters_at > FILTER_LIFE:
            seeds = bloom_filter(host for host, peer in torrent.peers.items() if peer.seed)
            others = bloom_filter(host for host, peer in torrent.peers.items() if not peer.seed)
            torrent.filters, torrent.filters_at = (seeds, others), now
        return torrent.filters

    def sample(self, now: float) -> tuple[tuple[bytes, ...], int]:
        """Info-hashes that there are peers of, and seconds until they are others (BEP 51)."""
        self.expire(now)
        if self._sampled_at is None or now - self._sampled_at >= SAMPLE_LIFE:
            everything = list(self._torrents)
            count = min(MOST_SAMPLES, len(everything))
            self._sample = tuple(self._random.sample(everything, count))
            self._sampled_at = now
        return self._sample, int(SAMPLE_LIFE - (now - self._sampled_at))

    def expire(self, now: float) -> None:
        """Forget those that have not announced for too long."""
        while self._order:
            info_hash, host = next(iter(self._order))
            if now - self._torrents[info_hash].peers[host].at < PEER_LIFE:
                return
            self._remove(info_hash, host)

    def _remove(self, info_hash: bytes, host: str) -> None:
        torrent = self._torrents.get(info_hash)
        if torrent is None or torrent.peers.pop(host, None) is None:
            return
        del self._order[info_hash, host]
        self._sources.remove(source_of(host))
        if not torrent.peers:
            del self._torrents[info_hash]
