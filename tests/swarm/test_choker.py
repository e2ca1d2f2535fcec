"""Whom to serve: peers from a table, a deal every ten seconds."""

from collections import Counter
from random import Random

from attrs import define
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.choker import (
    FEWEST_SLOTS,
    LEECHING_SLOTS,
    NEW_PEER,
    OPTIMISTIC_ROUND,
    ROUND,
    SEEDING_SLOTS,
    TURN,
    Choker,
    slots_for,
)


@define(eq=False)
class FakePeer:
    name: str
    download_rate: float = 0.0
    interested: bool = True
    am_choking: bool = True
    snubbed: bool = False
    connected_at: float = -1000.0
    unchoked_at: float = -1000.0
    choked_at: float = -1000.0


class ChokerCase(SynchronousTestCase):
    slots = 2

    def setUp(self):
        self.choker = Choker(self.slots, Random(3))
        self.peers = []
        self.now = 0.0

    def peer(self, name, rate=0.0, **options):
        self.peers.append(FakePeer(name, rate, **options))
        return self.peers[-1]

    def deal(self, seeding=False):
        """Deal, carry it out, and let a round pass; the names of the chosen, sorted."""
        chosen = self.choker.deal(self.peers, seeding, self.now)
        for peer in self.peers:
            if peer in chosen and peer.am_choking:
                peer.am_choking, peer.unchoked_at = False, self.now
            elif peer not in chosen and not peer.am_choking:
                peer.am_choking, peer.choked_at = True, self.now
        self.now += ROUND
        return "".join(sorted(peer.name for peer in chosen))


class Leeching(ChokerCase):
    def test_who_gives_most(self):
        """And one more, by luck."""
        for name, rate in zip("abcde", (10, 50, 30, 40, 20), strict=True):
            self.peer(name, rate)
        for _ in range(20):
            chosen = self.deal()
            self.assertEqual(len(chosen), 3)
            self.assertTrue({"b", "d"} <= set(chosen))

    def test_only_the_interested(self):
        self.peer("a", 100, interested=False)
        self.peer("b", 1)
        self.assertEqual(self.deal(), "b")

    def test_nobody(self):
        self.assertEqual(self.deal(), "")

    def test_who_snubs_us_must_be_lucky(self):
        self.peer("a", 100, snubbed=True)
        for name, rate in zip("bcdefg", (3, 2, 1, 1, 1, 1), strict=True):
            self.peer(name, rate)
        chosen = Counter("".join(self.deal() for _ in range(300)))
        self.assertLess(chosen["a"], 120)
        self.assertGreater(chosen["a"], 0)

    def test_free_riders(self):
        """THREATS B9: ten that give nothing get what luck gives, each far less than one that
        gives."""
        for name in "xy":
            self.peer(name, 1000)
        for name in "abcdefghij":
            self.peer(name)
        chosen = Counter("".join(self.deal() for _ in range(600)))
        self.assertEqual((chosen["x"], chosen["y"]), (600, 600))
        self.assertLess(max(chosen[name] for name in "abcdefghij"), 150)
        self.assertEqual(sum(chosen[name] for name in "abcdefghij"), 600)


class Optimistic(ChokerCase):
    slots = 1

    def drawn(self, deals):
        return "".join(self.deal().replace("x", "") for _ in range(deals))

    def test_lasts_three_rounds(self):
        self.peer("x", 100)
        for name in "abcdefgh":
            self.peer(name)
        rounds = int(OPTIMISTIC_ROUND / ROUND)
        drawn = self.drawn(30 * rounds)
        for at in range(0, len(drawn), rounds):
            self.assertEqual(len(set(drawn[at : at + rounds])), 1, drawn)
        self.assertEqual(set(drawn), set("abcdefgh"))

    def test_new_peers_are_thrice_as_likely(self):
        self.peer("x", 100)
        new, old = self.peer("n"), self.peer("o")
        drawn = Counter()
        for _ in range(800):
            new.connected_at, old.connected_at = self.now, self.now - NEW_PEER
            drawn[self.drawn(1)] += 1
            self.now += OPTIMISTIC_ROUND
        self.assertTrue(2.3 < drawn["n"] / drawn["o"] < 3.9, drawn)

    def test_one_that_has_proved_itself_makes_room(self):
        """It has a slot of its own now: another is drawn at once."""
        self.peer("x", 100)
        a, _ = self.peer("a"), self.peer("b")
        while "a" not in self.deal():
            pass
        a.download_rate = 200
        self.assertEqual(self.deal()[:1], "a")
        self.assertEqual(len(self.deal()), 2)

    def test_one_that_left(self):
        self.peer("x", 100)
        for name in "abc":
            self.peer(name)
        gone = self.drawn(1)
        self.peers = [peer for peer in self.peers if peer.name != gone]
        self.assertNotEqual(self.drawn(1), gone)


class Seeding(ChokerCase):
    def test_in_turns(self):
        """Everybody gets the same, whatever it gives, in turns of six rounds."""
        for number, name in enumerate("abcdef"):
            self.peer(name, 100 * number, choked_at=float(number))
        served = Counter("".join(self.deal(seeding=True) for _ in range(600)))
        self.assertLess(max(served.values()) - min(served.values()), 0.25 * max(served.values()))

    def test_a_turn_is_not_cut_short(self):
        for number, name in enumerate("abcd"):
            self.peer(name, choked_at=float(number))
        self.now = 100.0
        for _ in range(int(TURN / ROUND)):
            self.assertTrue({"a", "b"} <= set(self.deal(seeding=True)))
        self.assertTrue({"c", "d"} <= set(self.deal(seeding=True)))

    def test_who_comes_new_waits_behind_those_who_wait(self):
        for name in "ab":
            self.peer(name, am_choking=False)
        self.peer("c", choked_at=-50.0)
        self.peer("d", choked_at=-10.0)
        self.slots = 1
        self.assertTrue({"c", "d"} <= set(self.deal(seeding=True)))


class Slots(SynchronousTestCase):
    def test_by_limit(self):
        """bytes/s -> peers at once."""
        for limit, leeching, seeding in [
            (0, LEECHING_SLOTS, SEEDING_SLOTS),
            (1, FEWEST_SLOTS, FEWEST_SLOTS),
            (20_000, FEWEST_SLOTS, FEWEST_SLOTS),
            (100_000, 7, 7),
            (1_000_000, LEECHING_SLOTS, 24),
            (10**9, LEECHING_SLOTS, SEEDING_SLOTS),
        ]:
            slots = slots_for(limit, seeding=False), slots_for(limit, seeding=True)
            self.assertEqual(slots, (leeching, seeding), limit)
