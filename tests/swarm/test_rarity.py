"""Rarest first: a picture of digits is the availability of each piece."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.swarm.pictures import bitfield, make_peer
from txtorrent.bitfield import Bitfield
from txtorrent.swarm.peer import Peer
from txtorrent.swarm.rarity import (
    CLASSES,
    COUNTED,
    FEW,
    MOST_NEWS,
    MOST_RETURNED,
    PATIENCE,
    ROW,
    SLICE,
    SORT_LEAST,
    Rarity,
)
from txtorrent.swarm.selection import levels


def rarity(picture, random=None):
    """Every piece may be begun; '3' of a picture is a piece that three peers have. Sorted."""
    made = Rarity(Bitfield.full(len(picture)), random or Random(1))
    for piece, digit in enumerate(picture):
        for _ in range(int(digit)):
            made.add_have(make_peer(), piece)
    sort(made, 0.0)
    return made


def sort(made, now):
    """As if blocks were picked for a while."""
    for _ in range(made._offered.size // SLICE + 1):
        made.refresh(now)


def having(picture):
    """A peer with these pieces."""
    peer = make_peer()
    peer.have = bitfield(picture)
    return peer


def order(made, peer):
    """The pieces in the order in which the peer would be asked for them."""
    peer = peer if isinstance(peer, Peer) else having(peer)
    chosen = []
    while (piece := made.choose(peer)) is not None:
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
        made.add_have(make_peer(), 1)
        made.offer(1)
        made.add_have(make_peer(), 0)
        sort(made, 1.0)
        self.assertEqual((made.remaining, order(made, "11")), (2, [1, 0]))

    def test_lost(self):
        made = rarity("23")
        for _ in range(2):
            made.remove_have(1)
        sort(made, 1.0)
        self.assertEqual(order(made, "11"), [1, 0])

    def test_peers(self):
        made = rarity("000")
        some, seed = having("011"), having("111")
        seed.joined_as_seed = True
        for peer in (some, seed):
            made.add_pieces(peer, peer.have)
        self.assertEqual([made.availability(piece) for piece in range(3)], [1, 2, 2])
        for peer in (some, seed):
            made.remove_peer(peer)
        self.assertEqual([made.availability(piece) for piece in range(3)], [0, 0, 0])

    def test_many_at_once(self):
        """Counted in lanes: every bit of a byte, up to the most connections there may be."""
        made = rarity("0" * 11)
        made.add_have(make_peer(), 1)
        for picture in ("10000000000", "01111111110", "11111111110", "00000000001"):
            for _ in range(100):
                made.add_pieces(having(picture), bitfield(picture))
        expected = [200, 201, *[200] * 8, 100]
        self.assertEqual([made.availability(piece) for piece in range(11)], expected)

    def test_more_than_are_counted_by_one_addition(self):
        size = 8 * (2 * COUNTED + 3) - 5
        made = Rarity(Bitfield(size), Random(1))
        fields = [
            Bitfield.from_wire(size, Random(seed).randbytes(size // 8) + b"\xa0")
            for seed in range(3)
        ]
        peers = [make_peer() for _ in fields]
        for peer, field in zip(peers, fields, strict=True):
            made.add_pieces(peer, field)
            peer.have = field
        for gone in range(len(fields) + 1):
            for piece in range(size):
                count = sum(piece in field for field in fields[gone:])
                self.assertEqual(made.availability(piece), count, piece)
            if gone < len(fields):
                made.remove_peer(peers[gone])

    def test_any(self):
        """Every one that the peer has can be drawn, also one among many."""
        drawn = set()
        for seed in range(100):
            drawn.add(rarity("3012", Random(seed)).choose_any(having("1011")))
        self.assertEqual(drawn, {0, 2, 3})
        lonely = having("0" * 999 + "1")
        made = rarity("0" * 1000)
        self.assertEqual(made.choose_any(lonely), 999)
        made.withdraw(999)
        self.assertIsNone(made.choose_any(lonely))


class Sorted(SynchronousTestCase):
    """What changes after the sort: at the next one, if not at once."""

    def test_not_before_it_is_due(self):
        for now, expected in ((SORT_LEAST / 2, [0, 1]), (SORT_LEAST, [1, 0])):
            made = rarity("12")
            for _ in range(2):
                made.add_have(make_peer(), 0)
            sort(made, now)
            self.assertEqual(order(made, "11"), expected)

    def test_spread(self):
        """A large torrent is sorted a slice at a time; meanwhile nobody waits."""
        made = Rarity(Bitfield.full(3 * SLICE), Random(1))
        for piece in range(0, 3 * SLICE, 2):
            made.add_have(make_peer(), piece)
        seed, parities = having("1" * 3 * SLICE), []
        for _ in range(5):
            piece = made.choose(seed)
            made.withdraw(piece)
            parities.append(piece % 2)
            made.refresh(0.0)
        self.assertEqual(parities, [1] * 5)

    def test_every_piece_stands_in_the_order(self):
        for size in (1, 7, 8, CLASSES - 1, CLASSES, CLASSES + 9, 5000):
            made = rarity("0" * size)
            self.assertEqual(sorted(order(made, "1" * size)), list(range(size)))

    def test_what_turns_up_for_who_had_nothing(self):
        """A piece that it announces, and one that is given back; no sort is needed."""
        made, peer = rarity("0000"), having("0110")
        self.assertEqual(sorted(order(made, peer)), [1, 2])
        peer.have.add(3)
        made.add_have(peer, 3)
        made.offer(2)
        self.assertEqual(sorted(order(made, peer)), [2, 3])
        made.offer(1)
        made.withdraw(1)
        self.assertEqual(order(made, peer), [])

    def test_more_news_than_are_remembered(self):
        size = MOST_NEWS + 2
        made, peer = rarity("0" * size), having("0" * size)
        self.assertEqual(order(made, peer), [])
        for piece in range(size):
            peer.have.add(piece)
            made.add_have(peer, piece)
        self.assertEqual(sorted(order(made, peer)), list(range(size)))

    def test_more_given_back_than_everybody_looks_at(self):
        size = MOST_RETURNED + 9
        made, peer = rarity("0" * size), having("1" * size)
        self.assertEqual(len(order(made, peer)), size)
        for piece in range(size):
            made.offer(piece)
        self.assertEqual(sorted(order(made, peer)), list(range(size)))

    def test_given_back_to_who_stands_before_it(self):
        """Two peers are at the same pieces; one of these was begun and comes back."""
        made, a, b = rarity("0" * 10), having("1" * 10), having("1" * 10)
        for peer in (a, b, a):
            piece = made.choose(peer)
            made.withdraw(piece)
        made.offer(piece)
        self.assertEqual(len(order(made, b)), 8)

    def test_rare_ones_at_last(self):
        """A peer without any of thousands of rarer pieces finds its own, rarest first."""
        rarer = PATIENCE + 2 * ROW
        made = rarity("0" * rarer + "321")
        self.assertEqual(order(made, "0" * rarer + "111"), [rarer + 2, rarer + 1, rarer])

    def test_more_of_its_own_than_are_sorted_at_once(self):
        rarer, more = PATIENCE + 2 * ROW, 8 * FEW + 100
        made = rarity("0" * rarer + "1" * more)
        own = order(made, "0" * rarer + "1" * more)
        self.assertEqual(sorted(own), list(range(rarer, rarer + more)))


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["offer", "withdraw", "have"]), st.integers(0, 9)), max_size=60
)


class Whatever(SynchronousTestCase):
    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(ACTIONS)
    def test_same_as_a_plain_sort(self, actions):
        """But for those that were given back, which come first."""
        made, offered, back = Rarity(Bitfield.full(10), Random(1)), set(range(10)), set()
        availability = [0] * 10
        for action, piece in actions:
            if action == "have":
                made.add_have(make_peer(), piece)
                availability[piece] += 1
            elif action == "withdraw":
                made.withdraw(piece)
                offered.discard(piece)
                back.discard(piece)
            elif piece not in offered:
                made.offer(piece)
                offered.add(piece)
                back.add(piece)
        self.assertEqual(made.remaining, len(offered))
        sort(made, 0.0)
        found = order(made, "1" * 10)
        self.assertEqual((set(found), set(found[: len(back)])), (offered, back))
        levels = [availability[piece] for piece in found[len(back) :]]
        self.assertEqual(levels, sorted(levels))

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(ACTIONS, st.integers(1, 1023))
    def test_no_piece_is_ever_lost(self, actions, pieces):
        """Whatever happens between two sorts while a peer is asked for pieces."""
        made, peer, offered = rarity("0" * 10), having(f"{pieces:010b}"), set(range(10))
        for action, piece in actions:
            if action == "have":
                chosen = made.choose(peer)
                self.assertEqual(chosen is None, not offered & set(peer.have))
                if chosen is not None:
                    self.assertIn(chosen, offered & set(peer.have))
                    made.withdraw(chosen)
                    offered.discard(chosen)
                if peer.have.add(piece):
                    made.add_have(peer, piece)
            else:
                getattr(made, action)(piece)
                (offered.add if action == "offer" else offered.discard)(piece)
        self.assertEqual(set(order(made, peer)), offered & set(peer.have))


class Layered(SynchronousTestCase):
    """Of several priorities: a digit of the second picture is a piece's."""

    def layered(self, picture, priorities):
        made = rarity(picture)
        made.arrange(Bitfield.full(len(picture)), levels(bytes(map(int, priorities))))
        sort(made, 0.0)
        return made

    def test_order(self):
        for picture, priorities, peer, expected in [
            ("123", "123", "111", [2, 1, 0]),
            ("123", "211", "111", [0, 1, 2]),
            ("4321", "1313", "1111", [3, 1, 2, 0]),
            ("4321", "1313", "1110", [1, 2, 0]),
            ("0000", "1113", "1110", None),
        ]:
            found = order(self.layered(picture, priorities), peer)
            if expected:
                self.assertEqual(found, expected, (picture, priorities))
            else:
                self.assertEqual(sorted(found), [0, 1, 2])

    def test_level(self):
        made = self.layered("0000", "1323")
        self.assertEqual([made.level(piece) for piece in range(4)], [2, 0, 1, 0])
        self.assertEqual(rarity("00").level(1), 0)

    def test_in_order(self):
        made = self.layered("54321", "13133")
        chosen = []
        while (piece := made.choose_from(3, having("11110"))) is not None:
            made.withdraw(piece)
            chosen.append(piece)
        self.assertEqual(chosen, [3, 1, 0, 2])

    def test_many(self):
        """More rarer ones of each priority than a peer passes before its own are sorted for it."""
        rarer = 2 * (PATIENCE + 2 * ROW)
        made = self.layered("0" * rarer + "3221", "13" * (rarer // 2) + "1313")
        own = order(made, "0" * rarer + "1111")
        self.assertEqual(own, [rarer + 3, rarer + 1, rarer + 2, rarer])

    def test_arranged_anew(self):
        """What was walked along, found, or given back before counts no more, also before a sort."""
        made, peer = self.layered("0000", "1131"), having("1111")
        self.assertEqual(made.choose(peer), 2)
        made.arrange(bitfield("0101"), levels(b"\2\3\2\1"))
        self.assertEqual(order(made, peer), [1, 3])
        made.offer(3)
        made.arrange(bitfield("1010"), None)
        self.assertEqual(sorted(order(made, peer)), [0, 2])
        made.arrange(bitfield("0110"), None)
        self.assertEqual(sorted(order(made, peer)), [1, 2])

    def test_before_the_sort(self):
        size = 3 * SLICE
        made = Rarity(Bitfield.full(size), Random(1))
        made.arrange(Bitfield.full(size), levels(b"\1\3\2" * SLICE))
        seed, chosen = having("1" * size), []
        for _ in range(5):
            chosen.append(made.choose(seed) % 3)
            made.refresh(0.0)
        self.assertEqual(chosen, [1] * 5)

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(ACTIONS, st.integers(1, 1023))
    def test_always_the_most_urgent(self, actions, pieces):
        """Whatever happens between two sorts; but for those that were given back."""
        priorities = "1323121332"
        made, peer = self.layered("0" * 10, priorities), having(f"{pieces:010b}")
        offered, back = set(range(10)), set()
        for action, piece in actions:
            if action == "have":
                chosen, mine = made.choose(peer), offered & set(peer.have)
                self.assertEqual(chosen is None, not mine)
                if chosen is not None:
                    self.assertIn(chosen, mine)
                    if not mine & back:
                        urgency = max(priorities[each] for each in mine)
                        self.assertEqual(priorities[chosen], urgency)
                    made.withdraw(chosen)
                    offered.discard(chosen)
                    back.discard(chosen)
                if peer.have.add(piece):
                    made.add_have(peer, piece)
            elif action == "withdraw":
                made.withdraw(piece)
                offered.discard(piece)
                back.discard(piece)
            elif piece not in offered:
                made.offer(piece)
                offered.add(piece)
                back.add(piece)
        self.assertEqual(set(order(made, peer)), offered & set(peer.have))
