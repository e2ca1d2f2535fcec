"""Peers that the settings name for a torrent: handed out first, before any that announce.

The asker's own address family has precedence over that, since an answer over UDP has room for no
other: the fixed peers of a family, the live ones of it, and then the other family's likewise.

Whether fixed peers seed is not known; they count as seeders, since somebody put them there to be
asked.
"""

from collections.abc import Iterable, Set
from itertools import compress
from random import Random
from struct import Struct
from typing import Final, NamedTuple

from attrs import evolve, frozen

from txtorrent.wire.announce import Event, ScrapeResult
from txtorrent.wire.received import ReceivedAnnounce, Selection

ID_SIZE: Final = 20
NO_ID: Final = bytes(ID_SIZE)
"""Of a peer whose id is not known."""
_SIZE4, _SIZE6 = 6, 18
"""Bytes of a compact entry of each family (BEP 23, BEP 7)."""
_ROWS: Final = {size: Struct(f"{size}s") for size in (_SIZE4, ID_SIZE, _SIZE6)}
_NOBODY: Final = (b"", b"")

Row = tuple[bytes]
"""A compact entry, as `Struct.iter_unpack` gives it, which is the fastest way to look at each."""
Listed = tuple[bytes, bytes]
"""A compact list, and the peer ids, in the same order or empty."""
_NONE: Final[Set[Row]] = frozenset()


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
            info_hash: _Swarm(torrent, random)
            for torrent in torrents
            if torrent.peers
            for info_hash in torrent.info_hashes
        }

    def __bool__(self) -> bool:
        return bool(self._swarms)

    def is_live(self, info_hash: bytes) -> bool:
        """Whether the store is to be asked for peers of this torrent."""
        swarm = self._swarms.get(info_hash)
        return swarm is None or swarm.is_live

    def add(
        self,
        announce: ReceivedAnnounce,
        chosen: Selection,
        with_ids: bool,
        now: float,
        lifetime: float,
    ) -> Selection:
        """What the store chose, with the fixed peers: at most `announce.numwant` together, nobody
        twice, and never the asker. `with_ids` and `lifetime` as for the store.

        Of a torrent that is not live nothing of what the store chose is left.
        """
        swarm = self._swarms.get(announce.info_hash)
        if swarm is None:
            return chosen
        own = swarm.alike(announce)
        if own:
            swarm.note(own, announce.event, now + lifetime)
        others = chosen if swarm.is_live else Selection(0, 0, 0)
        live4, live6 = (others.peers4, others.ids4), (others.peers6, others.ids6)
        room = 0 if announce.event is Event.STOPPED else announce.numwant or 0
        if len(announce.host) == 4:
            peers4, ids4 = self._told(swarm, own, _SIZE4, live4, room)
            peers6, ids6 = self._told(swarm, own, _SIZE6, live6, room - len(peers4) // _SIZE4)
        else:
            peers6, ids6 = self._told(swarm, own, _SIZE6, live6, room)
            peers4, ids4 = self._told(swarm, own, _SIZE4, live4, room - len(peers6) // _SIZE6)
        return Selection(
            others.seeders + swarm.count(now),
            others.leechers,
            others.completed,
            peers4,
            peers6,
            ids4 if with_ids else b"",
            ids6 if with_ids else b"",
        )

    def scraped(
        self, info_hash: bytes, found: ScrapeResult | None, now: float
    ) -> ScrapeResult | None:
        """What the store knows of a torrent (None: nothing), with its fixed peers."""
        swarm = self._swarms.get(info_hash)
        if swarm is None:
            return found
        if found is None or not swarm.is_live:
            found = ScrapeResult(0, 0, 0)
        return evolve(found, seeders=found.seeders + swarm.count(now))

    def _told(self, swarm: "_Swarm", own: Set[Row], size: int, live: Listed, room: int) -> Listed:
        """Up to `room` peers of one family: the fixed ones that are not the asker's `own`, and then
        the live ones. These have room only where all the fixed ones have some, so that none of
        them may be a fixed one, told or not."""
        if not room:
            return _NOBODY
        fixed, fixed_ids = swarm.some(size, room + len(own), self._random)
        if own:
            fixed, fixed_ids = _without(own, fixed, fixed_ids, size)
        others, other_ids = _without(swarm.rows, *live, size)
        return (fixed + others)[: room * size], (fixed_ids + other_ids)[: room * ID_SIZE]


class _Swarm:
    """One torrent's fixed peers, to be found by their addresses and ids; who is named twice is one.

    They are listed twice over, in random order: so any run of a list is one slice.
    """

    def __init__(self, torrent: FixedTorrent, random: Random) -> None:
        peers = list({_row(peer): peer for peer in torrent.peers}.values())
        random.shuffle(peers)
        self.is_live = torrent.is_live
        self._announced: dict[Row, float] = {}
        """When those that announce themselves, too, are forgotten; in the order of that."""
        self.rows: Set[Row] = frozenset(map(_row, peers))
        self._lists = {size: _listed(peers, size) for size in (_SIZE4, _SIZE6)}
        self._by_id: dict[bytes, set[Row]] = {}
        for peer in peers:
            if peer.peer_id != NO_ID:
                self._by_id.setdefault(peer.peer_id, set()).add(_row(peer))

    def alike(self, announce: ReceivedAnnounce) -> Set[Row]:
        """Those that are the asker: the same address and port, or the same id."""
        found = self._by_id.get(announce.peer_id, _NONE)
        there = (announce.host + announce.port.to_bytes(2, "big"),)
        return found | {there} if there in self.rows else found

    def note(self, own: Set[Row], event: Event, expires: float) -> None:
        """These have announced: until they are forgotten the store counts them."""
        for row in own:
            self._announced.pop(row, None)
            if event is not Event.STOPPED and self.is_live:
                self._announced[row] = expires

    def count(self, now: float) -> int:
        """How many there are that the store does not count."""
        while self._announced:
            row, expires = next(iter(self._announced.items()))
            if expires > now:
                break
            del self._announced[row]
        return len(self.rows) - len(self._announced)

    def some(self, size: int, most: int, random: Random) -> Listed:
        """Up to `most` of the family whose entries have this size, from one on that chance
        names."""
        peers, ids = self._lists[size]
        count = len(peers) // (2 * size)
        first = int(random.random() * count)
        end = first + min(most, count)
        return peers[first * size : end * size], ids[first * ID_SIZE : end * ID_SIZE]


def _without(known: Set[Row], peers: bytes, ids: bytes, size: int) -> Listed:
    """A list of entries of this size without those that are known."""
    rows = _ROWS[size]
    if known.isdisjoint(rows.iter_unpack(peers)):
        return peers, ids
    kept = [row not in known for row in rows.iter_unpack(peers)]
    return _kept(peers, size, kept), _kept(ids, ID_SIZE, kept)


def _kept(entries: bytes, size: int, kept: list[bool]) -> bytes:
    rows = compress(_ROWS[size].iter_unpack(entries), kept)
    return b"".join([row for (row,) in rows])


def _listed(peers: Iterable[FixedPeer], size: int) -> Listed:
    """Those of one family, twice over."""
    family = [peer for peer in peers if len(peer.host) + 2 == size]
    entries = b"".join([_row(peer)[0] for peer in family])
    return 2 * entries, 2 * b"".join([peer.peer_id for peer in family])


def _row(peer: FixedPeer) -> Row:
    return (peer.host + peer.port.to_bytes(2, "big"),)
