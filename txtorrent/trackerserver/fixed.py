"""Peers that the settings name for a torrent: handed out first, before any that announce.

Whether they seed is not known; they count as seeders, since somebody put them there to be asked.
"""

from collections.abc import Iterable
from math import ceil
from random import Random
from typing import Final, NamedTuple

from attrs import evolve, frozen

from txtorrent.wire.announce import Event, ScrapeResult
from txtorrent.wire.received import ReceivedAnnounce, Selection

ID_SIZE: Final = 20
NO_ID: Final = bytes(ID_SIZE)
"""Of a peer whose id is not known."""
_SIZES: Final = {4: 6, 16: 18}
"""Bytes of an address, and of a compact entry of it (BEP 23, BEP 7)."""


class FixedPeer(NamedTuple):
    """`host` has 4 or 16 bytes, `peer_id` 20: `NO_ID` when it is not known."""

    host: bytes
    port: int
    peer_id: bytes = NO_ID


@frozen
class FixedTorrent:
    """A torrent of the settings, under all its info-hashes, 20 bytes each.

    `is_live`: whether peers that announce are handed out, too.
    """

    info_hashes: tuple[bytes, ...]
    peers: tuple[FixedPeer, ...] = ()
    is_live: bool = True


class FixedSwarms:
    """The fixed peers of all torrents that have some."""

    def __init__(self, torrents: Iterable[FixedTorrent], random: Random) -> None:
        self._random = random
        self._swarms = {
            info_hash: _Swarm(torrent)
            for torrent in torrents
            if torrent.peers
            for info_hash in torrent.info_hashes
        }

    def __contains__(self, info_hash: bytes) -> bool:
        return info_hash in self._swarms

    def __bool__(self) -> bool:
        return bool(self._swarms)

    def is_live(self, info_hash: bytes) -> bool:
        """Whether the store is to be asked for peers of this torrent."""
        swarm = self._swarms.get(info_hash)
        return swarm is None or swarm.is_live

    def add(self, announce: ReceivedAnnounce, chosen: Selection, with_ids: bool) -> Selection:
        """What the store chose, behind the fixed peers, with at most `announce.numwant` together
        and nobody twice. The asker is never among the fixed ones. `with_ids` as for the store.

        Of a torrent that is not live nothing of what the store chose is left.
        """
        swarm = self._swarms.get(announce.info_hash)
        if swarm is None:
            return chosen
        own = swarm.alike(announce)
        told = self._told(swarm, own, announce)
        others = chosen if swarm.is_live else Selection(0, 0, 0)
        kept4, kept6 = _kept(others, told, _room(announce) - len(told))
        peers4, ids4 = _joined(told, 4, others.peers4, others.ids4, kept4)
        peers6, ids6 = _joined(told, 16, others.peers6, others.ids6, kept6)
        return Selection(
            others.seeders + len(swarm.peers) - len(own),
            others.leechers,
            others.completed,
            peers4,
            peers6,
            ids4 if with_ids else b"",
            ids6 if with_ids else b"",
        )

    def scraped(self, info_hash: bytes, found: ScrapeResult | None) -> ScrapeResult | None:
        """What the store knows of a torrent (None: nothing), with its fixed peers."""
        swarm = self._swarms.get(info_hash)
        if swarm is None:
            return found
        if found is None or not swarm.is_live:
            found = ScrapeResult(0, 0, 0)
        return evolve(found, seeders=found.seeders + len(swarm.peers))

    def _told(
        self, swarm: "_Swarm", own: set[FixedPeer], announce: ReceivedAnnounce
    ) -> list[FixedPeer]:
        """The fixed peers that the asker is told of: chance decides when there are too many."""
        room = _room(announce)
        most = min(len(swarm.peers), room + len(own))
        return [peer for peer in self._random.sample(swarm.peers, most) if peer not in own][:room]


class _Swarm:
    """One torrent's fixed peers, to be found by their addresses and ids."""

    def __init__(self, torrent: FixedTorrent) -> None:
        self.peers = torrent.peers
        self.is_live = torrent.is_live
        self._by_place = {(peer.host, peer.port): peer for peer in torrent.peers}
        self._by_id: dict[bytes, list[FixedPeer]] = {}
        for peer in torrent.peers:
            if peer.peer_id != NO_ID:
                self._by_id.setdefault(peer.peer_id, []).append(peer)

    def alike(self, announce: ReceivedAnnounce) -> set[FixedPeer]:
        """Those that are the asker: the same address and port, or the same id."""
        found = set(self._by_id.get(announce.peer_id, ()))
        there = self._by_place.get((announce.host, announce.port))
        return found if there is None else found | {there}


def _room(announce: ReceivedAnnounce) -> int:
    return 0 if announce.event is Event.STOPPED else announce.numwant or 0


def _kept(others: Selection, told: list[FixedPeer], room: int) -> tuple[list[int], list[int]]:
    """Which of the others' IPv4 and IPv6 addresses are told as well, by their numbers: not those
    that are told already, and if there is no room for all, of both in proportion."""
    places = {_compact(peer) for peer in told}
    new4 = _new(others.peers4, 6, places)
    new6 = _new(others.peers6, 18, places)
    if len(new4) + len(new6) > room:
        room4 = ceil(room * len(new4) / (len(new4) + len(new6)))
        return new4[:room4], new6[: room - room4]
    return new4, new6


def _new(peers: bytes, size: int, places: set[bytes]) -> list[int]:
    count = len(peers) // size
    return [i for i in range(count) if peers[i * size : (i + 1) * size] not in places]


def _joined(
    told: list[FixedPeer], family: int, peers: bytes, ids: bytes, kept: list[int]
) -> tuple[bytes, bytes]:
    """Compact list and ids of one family: the fixed peers, then those that are kept."""
    first = [peer for peer in told if len(peer.host) == family]
    size = _SIZES[family]
    return (
        b"".join([*map(_compact, first), *(peers[i * size : (i + 1) * size] for i in kept)]),
        b"".join([*(peer.peer_id for peer in first),
                  *(ids[i * ID_SIZE : (i + 1) * ID_SIZE] for i in kept)]),
    )  # fmt: skip


def _compact(peer: FixedPeer) -> bytes:
    return peer.host + peer.port.to_bytes(2, "big")
