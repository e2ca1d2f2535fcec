"""What is wanted, in which order, and what is held back: worlds as pictures (see `pictures`)."""

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.swarm.pictures import World
from txtorrent.swarm.picker import RANDOM_FIRST

HAD = "#" * RANDOM_FIRST


class Priorities(SynchronousTestCase):
    def test_before_rarity(self):
        """Within a priority the rarest first; what nobody wants not at all."""
        for seed in range(20):
            world = World(HAD + "......", blocks=1, seed=seed)
            world.prioritise("2222" + "132013")
            a = world.peer("a", "1111111111")
            world.peer("b", "0000100111")
            world.peer("c", "0000100001")
            self.assertEqual(world.pick(a, 10), "5 9 6 8 4")
            self.assertEqual(world.picture, "#|#|#|#|a|a|a|.|a|a")

    def test_the_first_ones_too(self):
        """At random, but of the most urgent."""
        first = Counter()
        for seed in range(100):
            world = World("......", blocks=1, seed=seed)
            world.prioritise("123230")
            first[world.pick(world.peer("a", "111111"), 1)] += 1
        self.assertEqual(set(first), {"2", "4"})

    def test_only_what_the_peer_has(self):
        world = World(HAD + "...", blocks=1)
        world.prioritise("2222" + "321")
        self.assertEqual(world.pick(world.peer("a", "0000011"), 9), "5 6")

    def test_while_choked(self):
        world = World("......", blocks=1)
        world.prioritise("012302")
        a = world.peer("a", "111111")
        a.choking, a.allowed_fast = True, {0, 1, 2, 5}
        self.assertEqual(world.pick(a, 9), "2 5 1")

    def test_changed_while_it_runs(self):
        """More urgent ones turn up for a peer that walks along the less urgent ones."""
        for change in ("1112", "1113", "0002"):
            world = World(HAD + "." * 4, blocks=1)
            world.prioritise("2222" + "2111")
            a = world.peer("a", "1" * 8)
            self.assertEqual(world.pick(a, 1), "4")
            world.prioritise("2222" + change)
            self.assertEqual(world.pick(a, 1), "7")

    def test_announced_while_it_walks(self):
        """A more urgent piece that the peer did not have; without a sort."""
        world = World(HAD + "." * 5, blocks=1)
        world.prioritise("2222" + "22131")
        a = world.peer("a", "1111" + "11101")
        self.assertIn(world.pick(a, 1), "45")
        world.picker.announced(a, 7)
        self.assertEqual(world.pick(a, 1), "7")
        self.assertIn(world.pick(a, 1), "45")
        self.assertEqual(sorted(world.pick(a, 9).split()), ["6", "8"])

    def test_announced_after_its_walk(self):
        world = World(HAD + "." * 3, blocks=1)
        world.prioritise("2222" + "213")
        a = world.peer("a", "1111" + "000")
        self.assertEqual(world.pick(a, 1), "")
        for piece in (6, 4, 5):
            world.picker.announced(a, piece)
        self.assertEqual(world.pick(a, 3), "6 4 5")

    def test_all_normal_again(self):
        world = World(HAD + "...", blocks=1)
        world.prioritise("2222" + "300")
        world.prioritise(None)
        self.assertIs(world.picker.settled, world.have)
        world.peer("b", "0000110")
        world.peer("c", "0000100")
        self.assertEqual(world.pick(world.peer("a", "0000111"), 9), "6 5 4")


class Unwanted(SynchronousTestCase):
    def wants(self, world):
        return "".join(name for name, peer in world.peers.items() if world.picker.wants(peer))

    def test_interest(self):
        world = World("#...", blocks=1)
        world.peer("a", "1100")
        b = world.peer("b", "1001")
        seen = []
        for priorities in ("2222", "2202", "2022", "2220", "0000", "2022", None):
            world.prioritise(priorities)
            seen.append(self.wants(world))
        self.assertEqual(seen, ["ab", "ab", "b", "a", "", "b", "ab"])
        world.prioritise("2002")
        c = world.peer("c", "0000")
        self.assertFalse(world.picker.announced(c, 1))
        self.assertEqual(self.wants(world), "b")
        self.assertTrue(world.picker.announced(c, 3))
        self.assertFalse(world.picker.announced(b, 2))
        self.assertEqual(self.wants(world), "bc")

    def test_who_joins(self):
        world = World("#...", blocks=1)
        world.prioritise("2200")
        world.peer("a", "1011")
        world.peer("b", "0100")
        self.assertEqual(self.wants(world), "b")
        world.verified(1)
        self.assertEqual(self.wants(world), "")

    def test_what_was_asked_for_still_counts(self):
        """No block more is requested, none is thrown away; wanted again, it goes on."""
        world = World("..", blocks=4)
        a, b = world.peer("a", "10"), world.peer("b", "10")
        world.fill(2, a)
        world.prioritise("02")
        self.assertEqual(set(world.picker.aside), {0})
        self.assertEqual((world.pick(a, 9), world.pick(b, 9)), ("", ""))
        world.arrive(a, 0, 0)
        world.release(a, 0, 1)
        self.assertEqual((world.pick(b, 9), world.picture), ("", "+...|...."))
        self.assertEqual(world.pool.lent, 4 * 16384)
        world.prioritise("22")
        self.assertFalse(world.picker.aside)
        world.fill(9, b)
        self.assertEqual(world.picture, "+bbb|....")

    def test_whole_after_all(self):
        world = World("..", blocks=2)
        a = world.peer("a", "10")
        world.fill(2, a)
        world.prioritise("02")
        world.deliver(a, 0)
        world.verified(0)
        self.assertEqual((world.picture, world.picker.aside), ("#|..", {}))
        self.assertEqual(world.pool.lent, 0)
        world.prioritise(None)
        self.assertEqual(world.pick(a, 9), "")

    def test_failed_after_all(self):
        world = World("..", blocks=2)
        a = world.peer("a", "10")
        world.fill(2, a)
        world.prioritise("02")
        world.deliver(a, 0)
        world.picker.failed(0)
        self.assertEqual((world.pick(a, 9), world.picture), ("", "..|.."))
        world.prioritise("22")
        self.assertEqual(world.pick(a, 9), "0 0")

    def test_no_endgame_for_it(self):
        """Neither is it asked for twice, nor does it keep the endgame from the rest."""
        world = World("..", blocks=2)
        a, b, c = world.peer("a", "10"), world.peer("b", "01"), world.peer("c", "11")
        world.fill(2, a)
        world.prioritise("02")
        self.assertFalse(world.picker.is_endgame)
        world.fill(2, b)
        self.assertTrue(world.picker.is_endgame)
        world.fill(9, c)
        self.assertEqual(world.picture, "aa|22")
        world.deliver(b, 1)
        world.verified(1)
        self.assertFalse(world.picker.is_endgame)

    def test_begun_while_changed(self):
        """What is under way is not begun a second time."""
        world = World("....", blocks=2)
        a = world.peer("a", "1111")
        world.fill(2, a)
        [begun] = world.picker.partials
        for priorities in ("3131", "1313", None):
            world.prioritise(priorities)
        world.fill(99, a)
        self.assertEqual(world.picture, "aa|aa|aa|aa")
        world.prioritise("3131")
        self.assertTrue(world.picker.is_endgame)
        self.assertEqual(len(a.requests), 8)
        self.assertIn(begun, world.picker.partials)


class Sequential(SynchronousTestCase):
    def world(self, have, start=0, **options):
        world = World(have, blocks=1, **options)
        world.picker.sequential_from = start
        return world

    def test_from_the_start(self):
        """From the first piece on, although nothing is had yet."""
        for start, expected in [(0, "0 2 3 4"), (3, "3 4 0 2"), (1, "2 3 4 0"), (4, "4 0 2 3")]:
            world = self.world(".....", start)
            self.assertEqual(world.pick(world.peer("a", "10111"), 9), expected)

    def test_while_choked(self):
        world = self.world("....", 2)
        a = world.peer("a", "1111")
        a.choking, a.allowed_fast = True, {0, 1, 3}
        self.assertEqual(world.pick(a, 9), "3 0 1")

    def test_rarity_does_not_matter(self):
        world = self.world(HAD + "...")
        a = world.peer("a", "1111111")
        world.peer("b", "0000100")
        self.assertEqual(world.pick(a, 3), "4 5 6")

    def test_within_a_priority(self):
        world = self.world(".....", 3)
        world.prioritise("13120")
        self.assertEqual(world.pick(world.peer("a", "11111"), 9), "1 3 0 2")

    def test_switched_while_it_runs(self):
        world = self.world(HAD + "." * 6)
        a = world.peer("a", "1" * 10)
        for name in "bc":
            world.peer(name, "1111" + "110111")
        self.assertEqual(world.pick(a, 2), "4 5")
        world.picker.sequential_from = 9
        self.assertEqual(world.pick(a, 1), "9")
        world.picker.sequential_from = None
        self.assertEqual(world.pick(a, 1), "6")
        self.assertEqual(sorted(world.pick(a, 9).split()), ["7", "8"])

    def test_begun_ones_in_order_too(self):
        """The piece that is played next comes first, although it was given back last."""
        world = World("...", blocks=2)
        world.picker.sequential_from = 1
        a, b = world.peer("a", "111"), world.peer("b", "111")
        world.fill(6, a)
        for piece in (0, 2, 1):
            world.release(a, piece, 1)
        self.assertEqual(world.pick(b, 9), "1 2 0")

    def test_endgame(self):
        world = self.world("..")
        a, b = world.peer("a", "11"), world.peer("b", "11")
        world.fill(9, a)
        self.assertTrue(world.picker.is_endgame)
        world.fill(9, b)
        self.assertEqual(world.picture, "2|2")


class Held(SynchronousTestCase):
    """The last piece, until the caller lets it go."""

    def world(self, have, priorities=None, **options):
        world = World(have, **options)
        world.picker.hold_last = True
        world.prioritise(priorities)
        return world

    def state(self, world):
        return world.picker.is_holding_last, world.picker.wants(world.peers["a"])

    def test_until_it_is_let_go(self):
        world = self.world("#..", blocks=1)
        a = world.peer("a", "111")
        first = world.pick(a, 9)
        self.assertEqual((len(first.split()), self.state(world)), (1, (False, True)))
        world.deliver(a, int(first))
        world.verified(int(first))
        self.assertEqual((world.pick(a, 9), self.state(world)), ("", (True, False)))
        world.picker.hold_last = False
        self.assertEqual(self.state(world), (False, True))
        self.assertEqual(len(world.pick(a, 9).split()), 1)

    def test_the_last_that_is_wanted(self):
        world = self.world("#....", "21020", blocks=1)
        a = world.peer("a", "11111")
        self.assertEqual(world.pick(a, 9), "3")
        world.deliver(a, 3)
        world.verified(3)
        self.assertEqual((world.pick(a, 9), self.state(world)), ("", (True, False)))
        world.prioritise("21022")
        self.assertEqual((self.state(world), world.pick(a, 9)), ((False, True), "4"))

    def test_not_of_who_has_nothing_to_share(self):
        """Else it would be held for ever."""
        world = self.world("..", "02", blocks=2)
        self.assertEqual(world.pick(world.peer("a", "11"), 9), "1 1")
        world = self.world("..", blocks=2)
        self.assertEqual(len(set(world.pick(world.peer("a", "11"), 9).split())), 1)

    def test_what_is_set_aside_does_not_count(self):
        """Neither as something to wait for, nor as something to share."""
        world = self.world("#..", blocks=2)
        a = world.peer("a", "111")
        [begun] = set(world.pick(a, 2).split())
        world.prioritise("202" if begun == "1" else "220")
        self.assertEqual((world.pick(a, 9), self.state(world)), ("", (True, False)))
        world = self.world("..", blocks=2)
        world.fill(2, world.peer("a", "10"))
        world.prioritise("02")
        self.assertEqual(world.pick(world.peer("b", "11"), 9), "1 1")

    def test_nor_while_it_is_choked(self):
        world = self.world("#.", blocks=1)
        a = world.peer("a", "11")
        a.choking, a.allowed_fast = True, {1}
        self.assertEqual(world.pick(a, 9), "")

    def test_endgame_of_the_others(self):
        world = self.world("#..", blocks=2)
        a, b = world.peer("a", "111"), world.peer("b", "111")
        world.fill(9, a)
        self.assertTrue(world.picker.is_endgame)
        world.fill(9, b)
        self.assertEqual(sorted(world.picture.split("|")), ["#", "..", "22"])

    def test_failed_again(self):
        """The last but one turned out wrong: one of the two may be begun, and one is held."""
        world = self.world("#..", blocks=1)
        a = world.peer("a", "111")
        for _ in range(3):
            [piece] = map(int, world.pick(a, 9).split())
            world.deliver(a, piece)
            world.picker.failed(piece)
        self.assertEqual(self.state(world), (False, True))
