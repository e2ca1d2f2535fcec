"""What is requested next, of whom: worlds as pictures (see `pictures`)."""

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from tests.swarm.pictures import World
from txtorrent.swarm.picker import ENDGAME_REQUESTS, RANDOM_FIRST, SOLE_FOR

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
        self.assertEqual(world.pick(b, 3), "4 4 5" if "b" in world.picture[19:24] else "4 4 6")
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

    def test_nothing(self):
        world = World("....")
        a = world.peer("a", "1111")
        a.choking = True
        self.assertEqual(world.pick(a, 10), "")
        self.assertEqual(world.picker.partials, {})


class Released(SynchronousTestCase):
    def test_others_take_over(self):
        world = World(".", blocks=4)
        a, b = world.peer("a", "1"), world.peer("b", "1")
        world.fill(4, a)
        world.release(a, 0, 2)
        world.release(a, 0, 2)
        self.assertEqual((world.picture, len(a.requests)), ("aa.a", 3))
        world.fill(4, b)
        self.assertEqual(world.picture, "aaba")

    def test_left(self):
        world = World("..", blocks=2)
        a, b = world.peer("a", "11"), world.peer("b", "11")
        world.fill(3, a)
        world.fill(1, b)
        world.arrive(a, 0 if "aa|" in world.picture else 1)
        world.left(a)
        self.assertEqual(sorted(world.picture.split("|")), ["+.", ".b"])
        world.fill(5, b)
        self.assertEqual(sorted(world.picture.split("|")), ["+b", "bb"])

    def test_late_blocks_are_nobodys(self):
        """Neither after a release, nor once the piece is had."""
        world = World(".", blocks=2)
        a = world.peer("a", "1")
        world.fill(2, a)
        world.release(a, 0, 1)
        self.assertIsNone(world.picker.partial_for(0, 1))
        self.assertIsNotNone(world.picker.partial_for(0, 0))
        world.arrive(a, 0, 0)
        self.assertIsNone(world.picker.partial_for(0, 0))
        world.verified(0)
        self.assertIsNone(world.picker.partial_for(0, 1))


class Endgame(SynchronousTestCase):
    def world(self, blocks=8):
        world = World(".", blocks=blocks)
        return world, *(world.peer(name, "1") for name in "abcd")

    def test_only_for_the_idle(self):
        """A few blocks, when everything was requested and the peer has nothing else to do."""
        world, a, b, *_ = self.world()
        world.fill(7, a)
        self.assertFalse(world.picker.is_endgame)
        world.fill(5, b)
        self.assertTrue(world.picker.is_endgame)
        self.assertEqual((world.picture, world.pick(b, 5), world.pick(a, 5)), ("aaaaaaab", "", ""))
        world.arrive(b, 0)
        self.assertEqual(len(world.pick(b, 100).split()), ENDGAME_REQUESTS)
        self.assertEqual(world.picture, "2222aaa+")

    def test_at_most_three(self):
        world, a, b, c, d = self.world(blocks=2)
        world.fill(10, a)
        seen = []
        for peer in (b, c, d):
            world.fill(10, peer)
            seen.append(world.picture)
        self.assertEqual(seen, ["22", "33", "33"])

    def test_least_requested_first(self):
        world, a, b, c, d = self.world(blocks=3)
        world.fill(10, a)
        world.fill(1, b)
        world.fill(2, c)
        self.assertEqual(world.picture, "222")
        world.fill(10, d)
        self.assertEqual(world.picture, "333")

    def test_who_was_slower_is_told(self):
        """The first copy counts; the other's release changes nothing."""
        world, a, b, *_ = self.world(blocks=2)
        world.fill(2, a)
        world.fill(2, b)
        self.assertTrue(world.arrive(b, 0, 0))
        world.release(a, 0, 0)
        self.assertEqual(world.picture, "+2")
        world.release(a, 0, 1)
        self.assertFalse(world.arrive(b, 0, 1))
        self.assertEqual((world.picture, a.requests, b.requests), ("++", {}, {}))

    def test_freed_when_all_gave_up(self):
        world, a, b, *_ = self.world(blocks=1)
        world.fill(1, a)
        world.fill(1, b)
        world.release(a, 0, 0)
        self.assertEqual((world.picture, world.picker.is_endgame), ("b", True))
        world.release(b, 0, 0)
        self.assertEqual((world.picture, world.picker.is_endgame), (".", False))

    def test_not_while_a_piece_is_to_be_begun(self):
        world = World("..", blocks=1)
        a, b = world.peer("a", "11"), world.peer("b", "10")
        world.fill(2, a)
        self.assertTrue(world.picker.is_endgame)
        world.picker.abandoned(1)
        self.assertFalse(world.picker.is_endgame)
        self.assertEqual(world.pick(b, 1), "")


class Sole(SynchronousTestCase):
    """After a failed hash one peer alone serves the piece, so that a next failure names it."""

    def setUp(self):
        self.world = World(".", blocks=4)
        self.a, self.b = self.world.peer("a", "1"), self.world.peer("b", "1")
        self.world.fill(4, self.a)
        self.world.deliver(self.a, 0)
        self.world.picker.failed(0)
        self.assertEqual(self.world.picture, "....")
        self.world.fill(2, self.a)

    def test_alone(self):
        self.assertEqual((self.world.pick(self.b, 4), self.world.picture), ("", "aa.."))
        self.world.fill(4, self.a)
        self.assertEqual((self.world.pick(self.b, 4), self.world.picture), ("", "aaaa"))

    def test_until_it_fails_us(self):
        """A request that ended without data ends the right: choked, rejected, timed out."""
        self.world.release(self.a, 0, 0)
        self.world.fill(4, self.b)
        self.assertEqual(self.world.picture, "babb")

    def test_until_it_leaves(self):
        self.world.left(self.a)
        self.world.fill(4, self.b)
        self.assertEqual(self.world.picture, "bbbb")

    def test_until_it_is_too_slow(self):
        """Else a peer could keep the last piece from us for ever."""
        self.world.now = SOLE_FOR - 1
        self.assertEqual(self.world.pick(self.b, 4), "")
        self.world.now = SOLE_FOR
        self.world.fill(4, self.b)
        self.assertEqual(self.world.picture, "aabb")
        c = self.world.peer("c", "1")
        self.world.fill(4, c)
        self.assertEqual(self.world.picture, "2222")

    def test_good_at_last(self):
        self.world.fill(4, self.a)
        self.world.deliver(self.a, 0)
        self.world.verified(0)
        self.assertEqual((self.world.picture, self.b.wanted), ("#", 0))


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
    def test_counted(self):
        world = World("#...", blocks=1)
        a, b = world.peer("a", "1111"), world.peer("b", "1100")
        self.assertEqual((a.wanted, b.wanted), (3, 1))
        world.picker.announced(b, 2)
        world.picker.announced(b, 0)
        self.assertEqual(b.wanted, 2)
        world.verified(1)
        world.verified(1)
        self.assertEqual((a.wanted, b.wanted), (2, 1))

    def test_a_late_bitfield_adds(self):
        world = World("....", blocks=1)
        a = world.peer("a", "0100")
        full = world.peer("b", "1111").have
        world.picker.announced_many(a, full.copy())
        self.assertEqual((a.wanted, a.is_seed), (4, True))
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
