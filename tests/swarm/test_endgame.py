"""What became of requests: released, asked of several, or of one alone; worlds as pictures."""

from twisted.trial.unittest import SynchronousTestCase

from tests.swarm.pictures import World
from txtorrent.swarm.picker import ENDGAME_REQUESTS, SOLE_FOR


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
        partial = world.picker.partials[0]
        self.assertEqual([partial.asked(block) for block in (0, 1)], [1, 0])
        world.arrive(a, 0, 0)
        self.assertEqual([partial.asked(block) for block in (0, 1)], [0, 0])
        world.verified(0)
        self.assertEqual(world.picker.partials, {})


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

    def test_at_most_two(self):
        world, a, b, c, d = self.world(blocks=3)
        world.fill(10, a)
        world.fill(1, b)
        seen = []
        for peer in (c, d):
            world.fill(10, peer)
            seen.append(world.picture)
        self.assertEqual(seen, ["222", "222"])
        self.assertEqual([len(peer.requests) for peer in (a, b, c, d)], [3, 1, 2, 0])

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
        self.assertEqual((self.world.picture, self.world.picker.wants(self.b)), ("#", False))
