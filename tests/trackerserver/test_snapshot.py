"""The file of swarms, byte by byte."""

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from tests.trackerserver.swarmcase import address_of, tail_of
from txtorrent.trackerserver.memorystore import below
from txtorrent.trackerserver.snapshot import MAGIC, Damaged, dump, load
from txtorrent.trackerserver.swarm import Swarm

DRAW = below(Random(2))


def swarm_of(*peers: tuple[int, int, bool, int], completed: int = 0) -> Swarm:
    """Of name, family, whether it seeds, and when it expires."""
    swarm = Swarm(0)
    swarm.completed = completed
    for name, family, seeds, expires in peers:
        party = swarm.seeders if seeds else swarm.leechers
        party.add(tail_of(name), address_of(name, family), expires, DRAW)
    return swarm


def peers_of(swarm: Swarm) -> set[tuple[bytes, bytes, bool, int]]:
    return {
        (crowd.tail(row), crowd.address(row), party is swarm.seeders, crowd.expiries[row])
        for party in swarm.parties
        for crowd in party.crowds
        if crowd is not None
        for row in range(len(crowd))
    }


class SnapshotTests(SynchronousTestCase):
    swarms = {
        b"a" * 20: swarm_of((1, 0, True, 150), (1, 1, True, 160), (2, 0, False, 170)),
        b"b" * 20: swarm_of(completed=2**32 - 1),
        b"c" * 20: swarm_of(*((name, name % 2, False, 200) for name in range(40)), completed=3),
    }
    data = b"".join(dump(swarms, now=100, wall=5000.9))

    def loaded(self, now: int, wall: float) -> dict[bytes, Swarm]:
        return dict(load(self.data, now, wall, DRAW))

    def test_layout(self) -> None:
        self.assertTrue(self.data.startswith(MAGIC + (5000).to_bytes(8, "little") + b"a" * 20))
        self.assertEqual(self.data.index(address_of(1)), len(MAGIC) + 8 + 24 + 4)
        size = len(MAGIC) + 8 + 3 * (24 + 16) + 22 * (6 + 28) + 21 * (18 + 28) + 32
        self.assertEqual(len(self.data), size)

    def test_all_comes_back(self) -> None:
        """At another time of the clock."""
        swarms = self.loaded(now=1_000_100, wall=5000)
        self.assertEqual(list(swarms), list(self.swarms))
        for info_hash, before in self.swarms.items():
            after = swarms[info_hash]
            self.assertEqual(after.completed, before.completed)
            self.assertEqual(
                [party.count for party in after.parties],
                [party.count for party in before.parties],
            )
            moved = {(*peer[:-1], peer[-1] + 1_000_000) for peer in peers_of(before)}
            self.assertEqual(peers_of(after), moved)

    def test_time_that_has_passed(self) -> None:
        for wall, rows in ((5049.9, 3), (5050, 2), (5060, 1), (5070, 0), (1e12, 0), (0, 3)):
            swarm = self.loaded(now=7, wall=wall)[b"a" * 20]
            self.assertEqual(swarm.rows, rows, wall)
            self.assertTrue(all(peer[-1] > 7 for peer in peers_of(swarm)))

    def test_those_whose_time_was_over(self) -> None:
        data = b"".join(dump({b"d" * 20: swarm_of((1, 0, True, 50))}, now=100, wall=0))
        ((_, swarm),) = load(data, 0, 0, DRAW)
        self.assertEqual(swarm.rows, 0)

    def test_nothing(self) -> None:
        self.assertEqual(list(load(b"".join(dump({}, 0, -1.0)), 0, 0, DRAW)), [])

    def test_cut_at_every_byte(self) -> None:
        for cut in range(len(self.data)):
            self.assertRaises(Damaged, load, self.data[:cut], 0, 0, DRAW)

    def test_every_byte_changed(self) -> None:
        for at, byte in enumerate(self.data):
            for changed in (byte ^ 1, byte ^ 0x80):
                data = self.data[:at] + bytes((changed,)) + self.data[at + 1 :]
                self.assertRaises(Damaged, load, data, 0, 0, DRAW)

    def test_something_else(self) -> None:
        for data in (b"", b"\0" * 1000, self.data + b"\n", self.data * 2, MAGIC):
            self.assertRaises(Damaged, load, data, 0, 0, DRAW)
