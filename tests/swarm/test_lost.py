"""Peers that have a piece no longer (BEP 54): worlds as pictures (see `pictures`)."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.swarm.pictures import World, bitfield
from txtorrent.swarm.partial import FREE, ON_DISK, RECEIVED
from txtorrent.swarm.picker import RANDOM_FIRST, SOLE_FOR
from txtorrent.swarm.rarity import PATIENCE

HAD = "#" * RANDOM_FIRST


def counts(world):
    return "".join(map(str, world.picker.rarity.counts()))


class Counted(SynchronousTestCase):
    def test_one_piece(self):
        world = World("....", blocks=1)
        a = world.peer("a", "1101")
        world.peer("b", "0111")
        self.assertEqual(world.picker.lost(a, 1), [])
        self.assertEqual((counts(world), a.have), ("1112", bitfield("1001")))
        world.picker.lost(a, 1)
        world.picker.lost(a, 2)
        self.assertEqual(counts(world), "1112")
        world.left(a)
        self.assertEqual(counts(world), "0111")

    def test_of_a_seed(self):
        """All seeds have one bitfield, which stays as it was."""
        world = World("....", blocks=1)
        a, b = world.peer("a", "1111"), world.peer("b", "1111")
        world.picker.lost(a, 2)
        self.assertEqual((counts(world), a.is_seed, b.is_seed), ("2212", False, True))
        world.picker.lost(a, 3)
        world.picker.announced(a, 2)
        self.assertEqual(counts(world), "2221")
        c = world.peer("c", "1111")
        self.assertEqual((counts(world), c.is_seed), ("3332", True))
        for peer in (a, b, c):
            world.left(peer)
        self.assertEqual(counts(world), "0000")

    def test_had_again(self):
        world = World("....", blocks=1)
        a = world.peer("a", "1111")
        world.picker.lost(a, 2)
        self.assertTrue(world.picker.announced(a, 2))
        self.assertEqual((counts(world), a.is_seed), ("1111", True))
        world.picker.lost(a, 0)
        world.left(a)
        self.assertEqual(counts(world), "0000")

    def test_all_of_them_one_by_one(self):
        world = World("...", blocks=1)
        a = world.peer("a", "111")
        for piece in range(3):
            world.picker.lost(a, piece)
        self.assertEqual((counts(world), world.picker.wants(a)), ("000", False))
        world.picker.announced_many(a, bitfield("111"))
        self.assertEqual((counts(world), len(world.pick(a, 9).split())), ("111", 3))
        world.left(a)
        self.assertEqual(counts(world), "000")

    def test_others_that_have_nothing_do_not_share_it(self):
        world = World("...", blocks=1)
        a, b = world.peer("a", "100"), world.peer("b", "000")
        world.picker.lost(a, 0)
        world.picker.announced(a, 1)
        self.assertEqual((b.have.count, a.have), (0, bitfield("010")))

    def test_while_we_are_a_seed(self):
        """Nothing is counted then: those that joined before were, those that come later are
        not."""
        world = World("#.", blocks=1)
        a = world.peer("a", "11")
        world.verified(1)
        b, c = world.peer("b", "11"), world.peer("c", "10")
        for _ in range(3):
            for peer in (a, b, c):
                world.picker.lost(peer, 0)
                world.picker.announced(peer, 0)
        self.assertEqual([peer.have.count for peer in (a, b, c)], [2, 2, 1])

    def test_a_seed_for_years(self):
        """A piece has 16 bits to be counted in."""
        world = World("##", blocks=1)
        a, b, everything = world.peer("a", "10"), world.peer("b", "11"), bitfield("11")
        for _ in range(66_000):
            world.picker.announced(a, 1)
            world.picker.lost(a, 1)
            world.picker.lost(b, 0)
            world.picker.lost(b, 1)
            world.picker.announced_many(b, everything)
        world.picker.announced_many(a, bitfield("01"))
        self.assertTrue(a.is_seed and b.is_seed)


class Wanted(SynchronousTestCase):
    def test_interest(self):
        world = World("#...", blocks=1)
        a = world.peer("a", "1110")
        wants = []
        for piece in (1, 1, 0, 2):
            world.picker.lost(a, piece)
            wants.append(world.picker.wants(a))
        self.assertEqual(wants, [True, True, True, False])
        self.assertTrue(world.picker.announced(a, 3))
        self.assertTrue(world.picker.wants(a))

    def test_it_is_not_asked_for_it(self):
        world = World("....", blocks=2)
        a = world.peer("a", "1111")
        world.picker.lost(a, 2)
        self.assertEqual(sorted(world.pick(a, 100).split()), ["0", "0", "1", "1", "3", "3"])

    def test_nor_for_what_it_was_about_to_be_asked(self):
        """Wherever its walk along the order of pieces stands: in the order, or behind it."""
        for rarer, others in ((0, "0"), (0, "1"), (2 * PATIENCE, "0")):
            world = World(HAD + "." * (rarer + 20), blocks=1)
            a = world.peer("a", others * (RANDOM_FIRST + rarer) + "1" * 20)
            self.assertNotEqual(world.pick(a, 2), "")
            left = set(a.have) - set(world.have) - set(a.requests)
            gone = sorted(left)[::2]
            for piece in gone:
                world.picker.lost(a, piece)
            picked = {int(piece) for piece in world.pick(a, 100).split()}
            self.assertEqual(picked, left - set(gone), (rarer, others))

    def test_and_for_what_it_has_again(self):
        """Lost all, and got one back, behind the end of its walk."""
        world = World(HAD + "...", blocks=1)
        a = world.peer("a", "0000111")
        world.pick(a, 3)
        world.peer("b", "0000111")
        for piece in (4, 5, 6):
            world.picker.lost(a, piece)
        self.assertEqual(world.pick(a, 5), "")
        world.picker.announced(a, 5)
        self.assertEqual(world.pick(a, 5), "5")

    def test_and_says_so_with_a_bitfield(self):
        """In the middle of its walk."""
        world = World(HAD + "...", blocks=1)
        a = world.peer("a", "0000111")
        world.pick(a, 1)
        for piece in tuple(a.have):
            world.picker.lost(a, piece)
        begun = next(iter(world.picker.partials))
        world.picker.announced_many(a, bitfield("0000000"))
        others = [piece for piece in (4, 5, 6) if piece != begun]
        for piece in others:
            world.picker.announced(a, piece)
        self.assertEqual(sorted(world.pick(a, 5).split()), [str(piece) for piece in others])


class Released(SynchronousTestCase):
    def test_others_take_over(self):
        world = World("..", blocks=3)
        a, b = world.peer("a", "11"), world.peer("b", "11")
        world.fill(6, a)
        world.arrive(a, 1, 0)
        self.assertEqual(world.picker.lost(a, 1), [4, 5])
        self.assertEqual((world.picture, sorted(a.requests)), ("aaa|+..", [0, 1, 2]))
        world.fill(2, b)
        self.assertEqual(world.picture, "aaa|+bb")

    def test_in_the_endgame(self):
        world = World(".", blocks=3)
        a, b = world.peer("a", "1"), world.peer("b", "1")
        world.fill(3, a)
        world.fill(2, b)
        self.assertEqual((world.picture, world.picker.is_endgame), ("22a", True))
        self.assertEqual(world.picker.lost(b, 0), [0, 1])
        self.assertEqual((world.picture, world.picker.is_endgame), ("aaa", True))
        self.assertEqual(world.picker.lost(a, 0), [0, 1, 2])
        self.assertEqual((world.picture, world.picker.is_endgame), ("...", False))

    def test_nobody_else_had_to_wait_for_it(self):
        """A piece that failed is one peer's alone: not of one that has lost it."""
        for asked in (0, 1):
            world = World(".", blocks=2)
            a, b = world.peer("a", "1"), world.peer("b", "1")
            world.fill(2, a)
            world.deliver(a, 0)
            world.picker.failed(0)
            world.fill(1, a)
            if not asked:
                world.arrive(a, 0)
            self.assertEqual(world.pick(b, 2), "")
            world.picker.lost(a, 0)
            self.assertLess(world.now, SOLE_FOR)
            self.assertEqual(len(world.pick(b, 2).split()), 1 + asked)

    def test_set_aside(self):
        """It is not wanted, and not begun again for that."""
        world = World("..", blocks=2)
        a = world.peer("a", "10")
        world.fill(2, a)
        world.prioritise("02")
        self.assertEqual(world.picker.lost(a, 0), [0, 1])
        b = world.peer("b", "10")
        self.assertEqual((world.pick(b, 2), world.picture), ("", "..|.."))


SIZE = 12
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["lost", "lost", "have", "bitfield", "pick", "arrive", "end", "sort"]),
        st.sampled_from("abc"),
        st.integers(0, SIZE - 1),
    ),
    max_size=60,
)
PIECES = st.integers(0, 2**SIZE - 1).map(lambda number: f"{number:0{SIZE}b}")


class Whatever(SynchronousTestCase):
    @settings(derandomize=True, deadline=None, max_examples=400)
    @given(STEPS, PIECES, st.tuples(PIECES, PIECES, st.just("1" * SIZE)), st.booleans())
    def test_all_stays_in_step(self, steps, had, theirs, is_in_order):
        world = World(had.replace("1", "#").replace("0", "."), blocks=2)
        world.picker.sequential_from = 3 if is_in_order else None
        for name, pieces in zip("abc", theirs, strict=True):
            world.peer(name, pieces)
        for what, name, piece in steps:
            self.step(world, what, world.peers[name], piece)
            self.check(world)
        for peer in world.peers.values():
            # Whatever its walk: all that it has and that nobody was asked for is found.
            world.fill(1000, peer)
            self.assertEqual({p for p in peer.have if "." in world._piece(p)}, set())
            self.check(world)

    def step(self, world, what, peer, piece):
        picker = world.picker
        if what == "lost":
            number = piece * 2
            asked = [n for n in (number, number + 1) if n in peer.requests]
            self.assertEqual(sorted(picker.lost(peer, piece)), asked)
        elif what == "have":
            picker.announced(peer, piece)
        elif what == "bitfield":
            picker.announced_many(peer, bitfield("1" * piece + "0" * (SIZE - piece)))
        elif what == "pick":
            world.fill(piece + 1, peer)
        elif what == "arrive" and peer.requests:
            world.arrive(peer, min(peer.requests) // 2)
        elif what == "end" and piece in picker.partials and not picker.partials[piece].missing:
            world.verified(piece)
        elif what == "sort":
            world.now += 1.0

    def check(self, world):
        picker, peers = world.picker, world.peers.values()
        for peer in peers:
            self.assertTrue({number // 2 for number in peer.requests} <= set(peer.have))
            wanted = set(peer.have) - set(world.have)
            self.assertEqual(picker.wants(peer), bool(wanted))
            self.assertTrue(peer.wanted is None or peer.wanted in peer.have)
        if not world.have.is_full:
            expected = [sum(piece in peer.have for peer in peers) for piece in range(SIZE)]
            self.assertEqual(picker.rarity.counts(), expected)
        for piece, partial in picker.partials.items():
            for block, state in enumerate(partial.state):
                asked = sum(piece * 2 + block in peer.requests for peer in peers)
                if state not in (RECEIVED, ON_DISK):
                    self.assertEqual(state, asked)
            has_free = FREE in partial.state
            self.assertEqual((partial.has_free, piece in picker._open), (has_free, has_free))
