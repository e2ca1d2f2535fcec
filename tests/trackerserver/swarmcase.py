"""Announces as tests of swarms make them, and looking at all that a store holds."""

from random import Random

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.trackerserver.interfaces import SIZES, size_class
from txtorrent.trackerserver.memorystore import MemoryStore
from txtorrent.trackerserver.swarm import WIDTHS, Swarm
from txtorrent.wire.announce import Event
from txtorrent.wire.received import ReceivedAnnounce, Selection

TORRENT = b"t" * 20


def tail_of(name: int, key: int = 1) -> bytes:
    """The peer id and the key of a peer."""
    return b"-XX0001-%012d" % name + key.to_bytes(4, "big")


def host_of(name: int, family: int = 0) -> bytes:
    """Its address, of IPv4 or IPv6."""
    return (bytes(12) + b"\x20" if family else b"\x0a") + name.to_bytes(3, "big")


def address_of(name: int, family: int = 0, port: int = 6881) -> bytes:
    """The compact form of that."""
    return host_of(name, family) + port.to_bytes(2, "big")


def announced(
    name: int = 1,
    family: int = 0,
    *,
    left: int = 1,
    event: Event = Event.NONE,
    key: int = 1,
    numwant: int = 50,
    torrent: bytes = TORRENT,
    host: bytes | None = None,
    port: int = 6881,
) -> ReceivedAnnounce:
    """What a peer tells."""
    return ReceivedAnnounce(
        torrent,
        tail_of(name, key)[:20],
        host_of(name, family) if host is None else host,
        port,
        0,
        0,
        left,
        event,
        tail_of(name, key)[20:],
        numwant,
    )


def split(peers: bytes, width: int) -> list[bytes]:
    """The addresses of a compact list."""
    assert len(peers) % width == 0
    return [peers[at : at + width] for at in range(0, len(peers), width)]


def told(selection: Selection) -> list[bytes]:
    """All the addresses in it."""
    return split(selection.peers4, WIDTHS[0]) + split(selection.peers6, WIDTHS[1])


class StoreCase(SynchronousTestCase):
    """A store whose clock and wall clock the test moves, and whose threads end at once."""

    path: str | None = None
    limits: dict[str, int] = {}

    def setUp(self) -> None:
        self.clock = Clock()
        self.wall = 1_700_000_000.0
        self.store = self.make()

    def make(self) -> MemoryStore:
        return MemoryStore(
            self.clock, lambda: self.wall, Random(1), self.in_thread, self.path, **self.limits
        )

    def in_thread(self, call, *args) -> Deferred:
        return maybeDeferred(call, *args)

    def tearDown(self) -> None:
        self.stop(self.store)

    def start(self, store: MemoryStore) -> None:
        self.successResultOf(Deferred.fromCoroutine(store.start()))

    def stop(self, store: MemoryStore) -> None:
        self.successResultOf(Deferred.fromCoroutine(store.stop()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def announce(self, *args, lifetime: int = 1000, with_ids: bool = False, **kw) -> Selection:
        return self.store.announce(announced(*args, **kw), lifetime, with_ids)

    def pass_time(self, seconds: float) -> None:
        """In steps shorter than those of the store."""
        self.clock.pump([0.125] * round(seconds * 8))
        self.wall += seconds

    def rows(self, store: MemoryStore | None = None) -> set[tuple]:
        """Torrent, whether they seed, who they are, where, and until when."""
        found = [
            (info_hash, party is swarm.seeders, crowd.tail(row), crowd.address(row), expires)
            for info_hash, swarm in (store or self.store)._swarms.items()
            for party in swarm.parties
            for crowd in party.crowds
            if crowd is not None
            for row, expires in enumerate(crowd.expiries)
        ]
        self.assertEqual(len(found), len(set(found)))
        return set(found)

    def check(self, store: MemoryStore | None = None) -> None:
        """Every count is that of the rows; everybody is found where it is."""
        store = store or self.store
        for swarm in store._swarms.values():
            self.check_swarm(swarm)
        rows = self.rows(store)
        peers = {(torrent, seeds, tail) for torrent, seeds, tail, _, _ in rows}
        seeders = sum(seeds for _, seeds, _ in peers)
        sizes = [0] * (len(SIZES) + 1)
        for torrent in {torrent for torrent, _, _ in peers}:
            sizes[size_class(sum(of == torrent for of, _, _ in peers))] += 1
        self.assertEqual(
            store.totals(), (len(store._swarms), seeders, len(peers) - seeders, tuple(sizes))
        )
        self.assertEqual(store._rows, len(rows))
        under_way = set(store._swarms) - set(store._round)
        self.assertEqual(len(store._round) + len(under_way), len(store._swarms))
        self.assertLessEqual(len(under_way), 1)

    def check_swarm(self, swarm: Swarm) -> None:
        who: list[set[bytes]] = []
        for party in swarm.parties:
            crowds = [crowd for crowd in party.crowds if crowd is not None]
            tails = [[crowd.tail(row) for row in range(len(crowd))] for crowd in crowds]
            for crowd, names in zip(crowds, tails, strict=True):
                self.assertEqual([crowd.find(name) for name in names], list(range(len(crowd))))
                self.assertNotEqual(len(crowd), 0)
                sizes = len(crowd.addresses) // crowd.width, len(crowd.tails) // 24
                self.assertEqual(sizes, (len(crowd), len(crowd)))
            who.append({name for names in tails for name in names})
            self.assertEqual(party.count, len(who[-1]))
        self.assertEqual(who[0] & who[1], set())
