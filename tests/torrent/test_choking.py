"""A slot that is free does not wait ten seconds for the next deal."""

from random import Random
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm.choker import ROUND, Choker
from txtorrent.torrent.choking import Choking


class Link:
    """A connection to a seed: what the choker looks at, and what it is told."""

    def __init__(self, name):
        self.is_open = True
        self.name = name
        self.peer = self
        self.interested = self.am_choking = True
        self.snubbed = False
        self.connected_at = self.unchoked_at = self.choked_at = 0.0
        self.download_rate = 0.0

    def choke(self, now):
        self.am_choking, self.choked_at = True, now

    def unchoke(self, now):
        self.am_choking, self.unchoked_at = False, now


class FreeSlots(SynchronousTestCase):
    def setUp(self):
        """Two slots and an optimistic one, five who want them; the deal was at 0."""
        self.links = {Link(name): None for name in "abcde"}
        progress = SimpleNamespace(is_complete=True)
        choker = Choker(2, Random(1))
        self.choking = Choking(SimpleNamespace(links=self.links, progress=progress), choker)
        for number, link in enumerate(self.links):
            link.choked_at = number
            self.choking.interest_changed(link, 0.0)
        self.choking.tick(0.0)
        self.named = {link.name: link for link in self.links}

    @property
    def unchoked(self):
        return "".join(link.name for link in self.links if not link.am_choking)

    @property
    def served(self):
        return "".join(name for name in self.unchoked if self.named[name].interested)

    def leave(self, name):
        self.named[name].is_open = False
        del self.links[self.named[name]]

    def lose_interest(self, name, now):
        self.named[name].interested = False
        self.choking.interest_changed(self.named[name], now)

    def test_dealt(self):
        self.assertEqual(self.served[:2], "ab", "who waits longest")
        self.assertEqual(len(self.served), 3)

    def test_who_needs_it_no_longer_makes_room_at_once(self):
        optimistic = self.served[2]
        self.lose_interest("a", 1.0)
        self.assertEqual(self.served, f"b{optimistic}", "the optimistic one fills it")
        self.lose_interest("b", 2.0)
        first = min(set("cde") - {optimistic})
        self.assertEqual(self.served, "".join(sorted(f"{optimistic}{first}")))

    def test_never_more_than_were_dealt(self):
        for step, name in enumerate("abcde"):
            self.lose_interest(name, step + 1.0)
            self.assertLessEqual(len(self.unchoked), 3)
        self.named["a"].interested = True
        self.choking.interest_changed(self.named["a"], 8.0)
        self.assertIn("a", self.served)

    def test_who_left_made_room_within_a_second(self):
        for name in self.served:
            self.leave(name)
        self.assertEqual(self.served, "")
        self.choking.tick(1.0)
        self.assertEqual(len(self.served), 2)

    def test_nobody_is_choked_for_another(self):
        before = self.served
        for second in range(1, int(ROUND)):
            self.choking.tick(float(second))
        self.assertEqual(self.served, before)

    def test_without_anybody_waiting_who_is_idle_keeps_the_slot(self):
        for name in "cde":
            self.leave(name)
        self.choking.tick(1.0)
        self.lose_interest("a", 2.0)
        self.assertEqual(self.unchoked, "ab")
