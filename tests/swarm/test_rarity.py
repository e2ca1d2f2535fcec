"""Rarest first: a picture of digits is the availability of each piece."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.swarm.pictures import bitfield
from txtorrent.bitfield import Bitfield
from txtorrent.swarm.rarity import Rarity


def rarity(picture, random=None):
    """Every piece may be begun; '3' of a picture is a piece that three peers have."""
    made = Rarity(len(picture), random or Random(1))
    for piece, digit in enumerate(picture):
        made.offer(piece)
        for _ in range(int(digit)):
            made.add_have(piece)
    return made


def order(made, peer):
    """The pieces in the order in which the peer would be asked for them."""
    chosen = []
    while (piece := made.choose(bitfield(peer).bits)) is not None:
        made.withdraw(piece)
        chosen.append(piece)
    return chosen


class Pictures(SynchronousTestCase):
    def test_order(self):
        for picture, peer, expected in [
            ("321", "111", [2, 1, 0]),
            ("321", "110", [1, 0]),
            ("321", "000", []),
            ("000", "010", [1]),
            ("9012", "1111", [1, 2, 3, 0]),
            ("99998999", "11111111", [4]),
        ]:
            self.assertEqual(order(rarity(picture), peer)[: len(expected)], expected, picture)

    def test_withdrawn(self):
        made = rarity("21")
        made.withdraw(1)
        made.withdraw(1)
        self.assertEqual((made.offered(0), made.offered(1), made.remaining), (True, False, 1))
        made.add_have(1)
        made.offer(1)
        made.add_have(0)
        self.assertEqual((made.remaining, order(made, "11")), (2, [1, 0]))

    def test_peers(self):
        made = rarity("000")
        some, seed = bitfield("011"), bitfield("111")
        made.add_peer(some)
        made.add_peer(seed)
        self.assertEqual([made.availability(piece) for piece in range(3)], [1, 2, 2])
        made.remove_peer(some, False)
        made.remove_peer(seed, True)
        self.assertEqual([made.availability(piece) for piece in range(3)], [0, 0, 0])

    def test_nothing_to_begin_costs_no_search(self):
        """Nobody draws a place to search from."""

        class NoRandom(Random):
            def random(self):
                raise AssertionError("searched")

        made = rarity("1111", NoRandom())
        made.withdraw(1)
        for peer in ("0000", "0100"):
            for choose in (made.choose, made.choose_any):
                self.assertIsNone(choose(bitfield(peer).bits))
        self.assertRaises(AssertionError, made.choose, bitfield("0010").bits)

    def test_any(self):
        """Every one that the peer has can be drawn."""
        drawn = set()
        for seed in range(100):
            drawn.add(rarity("3012", Random(seed)).choose_any(bitfield("1011").bits))
        self.assertEqual(drawn, {0, 2, 3})


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["offer", "withdraw", "have"]), st.integers(0, 9)), max_size=60
)


class Whatever(SynchronousTestCase):
    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(ACTIONS)
    def test_same_as_a_plain_sort(self, actions):
        made, offered, availability = Rarity(10, Random(1)), set(), [0] * 10
        for action, piece in actions:
            if action == "have":
                made.add_have(piece)
                availability[piece] += 1
            else:
                getattr(made, action)(piece)
                (offered.add if action == "offer" else offered.discard)(piece)
        self.assertEqual(made.remaining, len(offered))
        full = Bitfield.full(10).bits
        while offered:
            piece = made.choose(full)
            self.assertEqual(availability[piece], min(availability[each] for each in offered))
            made.withdraw(piece)
            offered.remove(piece)
        self.assertIsNone(made.choose(full))
