"""What is requested next, of whom: worlds as pictures (see `pictures`)."""

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.swarm.pictures import World
from txtorrent.swarm.picker import RANDOM_FIRST
from txtorrent.swarm.selection import RUN

HAD = "#" * RANDOM_FIRST


class Order(SynchronousTestCase):
    def test_rarest_first(self):
        """Whatever the order of joining: 1, 2 and 3 peers have the pieces behind those we have."""
        for seed in range(20):
            world = World(HAD + "...", blocks=1, seed=seed)
            a = world.peer("a", "0000111")
            world.peer("b", "0000110")
            world.peer("c", "0000100")
            self.assertEqual(world.pick(a, 3), "6 5 4")

    def test_seeds_change_no_order(self):
        for seed in range(20):
            world = World(HAD + "...", blocks=1, seed=seed)
            a = world.peer("a", "1111111")
            world.peer("b", "1111111")
            world.peer("c", "0000110")
            world.peer("d", "0000010")
            self.assertEqual(world.pick(a, 3), "6 4 5")

    def test_haves_change_the_order(self):
        world = World(HAD + "..", blocks=1)
        a, b = world.peer("a", "000011"), world.peer("b", "000001")
        for _ in range(2):
            self.assertFalse(world.picker.announced(b, 5))
        self.assertTrue(world.picker.announced(b, 4))
        c = world.peer("c", "000010")
        self.assertEqual(world.pick(a, 1), "5")
        world.left(c)
        world.left(b)
        self.assertEqual(world.picker.rarity.availability(4), 1)

    def test_the_first_are_drawn_at_random(self):
        """Not the rarest, which come slowly."""
        first = Counter()
        for seed in range(200):
            world = World("....", blocks=1, seed=seed)
            a = world.peer("a", "1111")
            world.peer("b", "0111")
            first[world.pick(a, 1)] += 1
        self.assertEqual(len(first), 4)

    def test_equally_rare_ones_are_drawn_at_random(self):
        first = Counter()
        for seed in range(400):
            world = World(HAD + "....", blocks=1, seed=seed)
            first[world.pick(world.peer("a", "11111111"), 1)] += 1
        self.assertEqual(len(first), 4)
        self.assertGreater(min(first.values()), 60)

    def test_begun_pieces_come_first(self):
        """Even before rarer ones: a half piece is worth nothing."""
        world = World(HAD + "...", blocks=4)
        a = world.peer("a", "0000100")
        world.peer("c", "0000100")
        b = world.peer("b", "0000111")
        world.pick(a, 2)
        self.assertEqual(world.pick(b, 3).split()[:2], ["4", "4"])
        self.assertTrue(world.picture.startswith("#|#|#|#|aabb|"))

    def test_only_what_the_peer_has(self):
        world = World("....", blocks=2)
        a, b = world.peer("a", "0100"), world.peer("b", "0001")
        self.assertEqual((world.pick(a, 10), world.pick(b, 10)), ("1 1", "3 3"))
        self.assertEqual(world.picture, "..|aa|..|bb")

    def test_the_last_piece_is_short(self):
        world = World("##.", blocks=4, short=2 * 16384 + 1)
        world.fill(10, world.peer("a", "111"))
        self.assertEqual(world.picture, "#|#|aa")

    def test_count(self):
        world = World("...", blocks=4)
        a = world.peer("a", "111")
        for count in (1, 2, 6, 3):
            self.assertEqual(len(world.pick(a, count).split()), min(count, 12))
        self.assertEqual(world.picture, "aaaa|aaaa|aaaa")
        self.assertEqual(world.pick(a, 1), "")


class Choked(SynchronousTestCase):
    def test_allowed_fast_only(self):
        world = World("....", blocks=2)
        a = world.peer("a", "1101")
        a.choking, a.allowed_fast = True, {1, 2, 3}
        self.assertEqual(world.pick(a, 10), "1 1 3 3")
        self.assertEqual(world.picture, "..|aa|..|aa")

    def test_not_what_others_began(self):
        world = World("....", blocks=2)
        a, b = world.peer("a", "1111"), world.peer("b", "1000")
        world.fill(1, b)
        a.choking, a.allowed_fast = True, {2}
        world.fill(10, a)
        self.assertEqual(world.picture, "b.|..|aa|..")

    def test_nothing(self):
        world = World("....")
        a = world.peer("a", "1111")
        a.choking = True
        self.assertEqual(world.pick(a, 10), "")
        self.assertEqual(world.picker.partials, {})


class Memory(SynchronousTestCase):
    def test_starved(self):
        """Where no buffer is left nothing is requested, and the picker says why."""
        world = World("...", blocks=2, buffers=1)
        a = world.peer("a", "111")
        self.assertEqual(len(world.pick(a, 6).split()), 2)
        self.assertTrue(world.picker.starved)
        begun = next(iter(world.picker.partials))
        world.deliver(a, begun)
        world.verified(begun)
        self.assertEqual(len(world.pick(a, 2).split()), 2)
        self.assertFalse(world.picker.starved)

    def test_buffers_come_back(self):
        world = World("...", blocks=2)
        a = world.peer("a", "111")
        for end in (world.verified, world.picker.failed, world.picker.abandoned):
            world.fill(2, a)
            self.assertEqual(world.pool.lent, 2 * 16384)
            piece = next(iter(world.picker.partials))
            world.deliver(a, piece)
            end(piece)
            self.assertEqual(world.pool.lent, 0)

    def test_chunks_of_a_large_piece(self):
        """130 blocks are three chunks; a buffer each, taken when its first block is requested."""
        world = World(".", blocks=130, buffers=2)
        a = world.peer("a", "1")
        lent = []
        for count in (1, 63, 1, 63, 1):
            world.fill(count, a)
            lent.append(world.pool.lent // 16384)
        self.assertEqual(lent, [64, 64, 128, 128, 128])
        self.assertTrue(world.picker.starved)


class Wanted(SynchronousTestCase):
    def wants(self, world):
        return "".join(name for name, peer in world.peers.items() if world.picker.wants(peer))

    def test_while_a_piece_is(self):
        """`c` has what we have; of the others, who has what we lack changes piece by piece."""
        world = World("#...", blocks=1)
        world.peer("a", "1111")
        b = world.peer("b", "1100")
        c = world.peer("c", "1000")
        seen = [self.wants(world)]
        for piece in (1, 1, 3):
            world.verified(piece)
            seen.append(self.wants(world))
        for peer in (b, c):
            world.picker.announced(peer, 3)
            seen.append(self.wants(world))
        for peer in (c, b):
            world.picker.announced(peer, 2)
            seen.append(self.wants(world))
        world.verified(2)
        seen.append(self.wants(world))
        self.assertEqual(seen, ["ab", "a", "a", "a", "a", "a", "ac", "abc", ""])

    def test_far_away(self):
        """Wherever the last piece is that we want, before or behind the one known before."""
        size = 3 * RUN * 8 + 5
        for last in (0, 9, RUN * 8 - 1, RUN * 8, size - 1):
            for known in (0, RUN * 8 + 3, size - 2):
                world = World("#" * size, blocks=1)
                world.have.discard(last)
                a = world.peer("a", "1" * size)
                self.assertEqual(a.wanted, last)
                a.wanted = known
                self.assertEqual((world.picker.wants(a), a.wanted), (True, last))
                world.verified(last)
                self.assertFalse(world.picker.wants(a))

    def test_a_late_bitfield_adds(self):
        world = World("#...", blocks=1)
        a = world.peer("a", "1100")
        world.verified(1)
        self.assertFalse(world.picker.wants(a))
        full = world.peer("b", "1111").have
        world.picker.announced_many(a, full.copy())
        self.assertTrue(world.picker.wants(a) and a.is_seed)
        self.assertEqual([world.picker.rarity.availability(piece) for piece in range(4)], [2] * 4)
        world.left(a)
        self.assertEqual([world.picker.rarity.availability(piece) for piece in range(4)], [1] * 4)

    def test_joined_with_everything(self):
        """A peer that was a seed before it joined is counted out as it was counted in."""
        world = World("....", blocks=1)
        a = world.peer("a", "1111")
        world.picker.left(a)
        world.picker.joined(a)
        world.left(a)
        self.assertEqual(world.picker.rarity.availability(0), 0)
