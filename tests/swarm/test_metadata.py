"""Fetching metadata: peers as letters, pieces as characters, a second at a time.

The right metadata is "right": four pieces, the last of them short. A peer is what it sends, a
character a piece: `.` for no answer ever, `!` for a reject, `?` for one of another size.
"""

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.metainfo.infodict import PIECE, piece_count, piece_length
from txtorrent.swarm.metadata import (
    MORE_PATIENCE,
    OUTSTANDING,
    PATIENCE,
    REST,
    TURN,
    MetadataFetch,
)

RIGHT = "right"
SIZE = len(RIGHT) * PIECE - 100


def size_of(text):
    return len(text) * PIECE - 100


def metadata(text):
    return b"".join(data_of(text, piece) for piece in range(len(text)))


def data_of(text, piece):
    return text[piece].encode() * piece_length(size_of(text), piece)


@define
class Peer:
    """Sends `text`, each piece `delay` seconds after the one before."""

    text: str = RIGHT
    delay: float = 0.0
    waiting: list = field(factory=list)


class World:
    """Peers by letter, and one fetch that asks them."""

    def __init__(self, **peers):
        self.now = 1000.0
        self.fetch = MetadataFetch()
        self.peers = {}
        self.asked = []
        self.blamed = ""
        self.copies = 0
        for letter, peer in peers.items():
            self.join(letter, peer)

    def join(self, letter, peer):
        self.peers[letter] = peer
        self.fetch.joined(letter, size_of(peer.text))

    def leave(self, letter):
        del self.peers[letter]
        self.fetch.left(letter)

    def run(self, seconds=600):
        """Until the metadata is there, or for so long; when it was there, None for never."""
        begun = self.now
        for _ in range(seconds):
            if self.turn():
                return self.now - begun
            self.now += 1.0
        return None

    def turn(self):
        """What happens without time passing; whether the metadata is there."""
        while True:
            for letter, piece in self.fetch.due(self.now):
                self.asked.append(f"{letter}{piece}")
                peer = self.peers[letter]
                begins = max([self.now, *(when for when, _ in peer.waiting)])
                peer.waiting.append((begins + peer.delay, piece))
            answers = [
                (letter, each)
                for letter, peer in self.peers.items()
                for each in peer.waiting
                if each[0] <= self.now
            ]
            if not answers:
                return False
            for letter, each in answers:
                if letter in self.peers:
                    self.peers[letter].waiting.remove(each)
                    if self.answer(letter, each[1]):
                        return True

    def answer(self, letter, piece):
        text = self.peers[letter].text
        if text[piece] == "!":
            assert self.fetch.rejected(letter, piece, self.now)
        elif text[piece] != ".":
            size = size_of(text) - (text[piece] == "?")
            self.fetch.received(letter, piece, size, data_of(text, piece), self.now)
        whole = self.fetch.take()
        return whole is not None and self.judge(whole)

    def judge(self, whole):
        self.copies += 1
        right = whole == metadata(RIGHT)
        guilty = self.fetch.passed() if right else self.fetch.failed()
        self.blamed += "".join(sorted(guilty))
        for letter in guilty:
            self.leave(letter) if letter in self.peers else None
        return right


class HonestTests(SynchronousTestCase):
    def test_one_peer(self) -> None:
        world = World(a=Peer(delay=1))
        self.assertEqual(world.fetch.size, None)
        self.assertEqual(world.fetch.progress, 0)
        world.turn()
        self.assertEqual(world.asked, ["a0", "a1", "a2"])
        self.assertEqual(len(world.asked), OUTSTANDING)
        self.assertEqual(world.fetch.size, SIZE)
        self.assertEqual(world.run(), 5)
        self.assertEqual(world.asked, ["a0", "a1", "a2", "a3", "a4"])
        self.assertEqual((world.blamed, world.fetch.progress), ("", 1))

    def test_progress(self) -> None:
        world = World(a=Peer(delay=1))
        seen = []
        while not world.turn():
            seen.append(round(world.fetch.progress, 2))
            world.now += 1
        self.assertEqual(seen, [0, 0.2, 0.4, 0.6, 0.8])

    def test_several_share_the_work(self) -> None:
        world = World(a=Peer(delay=1), b=Peer(delay=1))
        world.turn()
        self.assertEqual(world.asked, ["a0", "a1", "a2", "b3", "b4"])
        self.assertEqual(world.run(), 3)
        self.assertEqual(len(world.asked), len(RIGHT))

    def test_nothing_more_is_asked_once_it_is_there(self) -> None:
        world = World(a=Peer())
        world.run()
        self.assertEqual(world.fetch.due(world.now + 100), [])
        self.assertIsNone(world.fetch.take())

    def test_nobody(self) -> None:
        self.assertEqual(MetadataFetch().due(0.0), [])

    def test_leaving(self) -> None:
        """What a peer was asked for is asked of others; what it sent stays."""
        world = World(a=Peer(delay=2))
        world.run(3)
        world.leave("a")
        world.join("b", Peer())
        self.assertEqual(world.run(), 0)
        self.assertEqual([each for each in world.asked if each[0] == "b"], ["b1", "b2", "b3", "b4"])


class SlowTests(SynchronousTestCase):
    def test_others_are_asked(self) -> None:
        for silent in (".....", "r....", "righ."):
            world = World(a=Peer(silent), b=Peer(delay=1))
            self.assertLessEqual(world.run(), PATIENCE + 4, silent)

    def test_the_slow_one_comes_last(self) -> None:
        world = World(a=Peer("....."))
        world.run(int(PATIENCE) + 1)
        world.join("b", Peer(delay=1))
        del world.asked[:]
        world.run()
        self.assertEqual({each[0] for each in world.asked}, {"b"})

    def test_one_that_is_slow_and_alone(self) -> None:
        """2 KB/s, 1 KB/s and 400 bytes a second: none is so slow that nothing ever comes."""
        for delay in (8, 16, 40):
            world = World(a=Peer(delay=delay))
            self.assertIsNotNone(world.run(40 * delay), delay)

    def test_a_late_answer_counts(self) -> None:
        world = World(a=Peer(delay=PATIENCE + 3))
        world.run(int(PATIENCE) + 4)
        self.assertGreater(world.fetch.progress, 0)

    def test_slow_until_it_answers_in_time(self) -> None:
        """The answer to what was asked long ago, and again now, does not make it a fast one."""
        fetch = MetadataFetch()
        fetch.joined("a", SIZE)
        self.assertEqual(fetch.due(0), [("a", 0), ("a", 1), ("a", 2)])
        self.assertEqual(fetch.due(PATIENCE), [("a", 0)])
        self.assertTrue(fetch.received("a", 0, SIZE, data_of(RIGHT, 0), PATIENCE + 1))
        self.assertEqual(fetch.due(PATIENCE + 1), [("a", 1)])

    def test_fast_again_once_it_answers_in_time(self) -> None:
        fetch = MetadataFetch()
        fetch.joined("a", 9 * PIECE)
        fetch.due(0)
        fetch.due(PATIENCE)
        for piece in range(3):
            fetch.received("a", piece, 9 * PIECE, b"x" * PIECE, PATIENCE + piece)
            self.assertEqual(fetch.due(PATIENCE + piece), [("a", piece + 1)])
        fetch.received("a", 3, 9 * PIECE, b"x" * PIECE, PATIENCE + 3)
        self.assertEqual(len(fetch.due(PATIENCE + 3)), OUTSTANDING)

    def test_a_late_answer_does_not_replace_another(self) -> None:
        fetch = MetadataFetch()
        fetch.joined("a", SIZE)
        fetch.due(0)
        fetch.joined("b", SIZE)
        for now in (0, PATIENCE, PATIENCE):
            for letter, piece in fetch.due(now):
                fetch.received(letter, piece, SIZE, data_of(RIGHT, piece), now)
        self.assertTrue(fetch.received("a", 0, SIZE, data_of("wrong", 0), PATIENCE))
        self.assertEqual(fetch.take(), metadata(RIGHT))

    def test_a_silent_one_is_asked_for_ever(self) -> None:
        world = World(a=Peer("....."))
        for _ in range(1200):
            world.turn()
            world.now += PATIENCE * 2**MORE_PATIENCE
        self.assertEqual(len(world.asked), 1200 + OUTSTANDING - 1)
        world.leave("a")
        world.join("b", Peer())
        self.assertEqual(world.run(), 0)


class RejectTests(SynchronousTestCase):
    def test_others_are_asked_at_once(self) -> None:
        world = World(a=Peer("!!!!!"), b=Peer())
        self.assertEqual(world.run(), 0)

    def test_not_asked_for_a_while(self) -> None:
        world = World(a=Peer("!!!!!"))
        world.run(int(REST))
        self.assertEqual(world.asked, ["a0", "a1", "a2"])
        world.peers["a"].text = RIGHT
        self.assertEqual(world.run(), 0)

    def test_what_nobody_asked_for(self) -> None:
        world = World(a=Peer())
        self.assertFalse(world.fetch.rejected("a", 0, 0.0))
        self.assertFalse(world.fetch.received("a", 0, SIZE, b"", 0.0))
        self.assertFalse(world.fetch.rejected("z", 0, 0.0))
        self.assertFalse(world.fetch.received("z", 0, SIZE, b"", 0.0))
        world.turn()
        self.assertFalse(world.fetch.received("a", 0, SIZE, data_of(RIGHT, 0), 0.0))


class SizeTests(SynchronousTestCase):
    def test_the_size_that_most_claim(self) -> None:
        peers = {letter: Peer(delay=1) for letter in "bcd"}
        world = World(a=Peer("wr"), e=Peer("wrongs"), **peers)
        world.turn()
        self.assertEqual(world.fetch.size, SIZE)
        self.assertEqual({each[0] for each in world.asked}, {"b", "c"})

    def test_liars(self) -> None:
        """One came first and claims another size: however it goes on, the honest one has its
        turn."""
        for liar, most in [
            (Peer("wrong!"), 0),
            (Peer("wrongs"), 0),
            (Peer("!!!!!!"), 0),
            (Peer("??????"), 0),
            (Peer("......"), PATIENCE),
            (Peer("." * 1000), PATIENCE),
            (Peer("w" * 1000, delay=PATIENCE - 1), TURN),
            (Peer("w" * 1000, delay=PATIENCE + 1), TURN),
        ]:
            world = World(a=liar)
            world.turn()
            world.join("b", Peer())
            taken = world.run()
            self.assertIsNotNone(taken, liar)
            self.assertLessEqual(taken, most, liar)

    def test_many_liars_of_different_sizes(self) -> None:
        world = World()
        for number in range(2, 12):
            world.join(chr(ord("A") + number), Peer("w" * 50 * number, delay=PATIENCE - 1))
        world.join("a", Peer(delay=3))
        self.assertLessEqual(world.run(), 11 * TURN)

    def test_turns_are_forgotten_with_those_who_had_them(self) -> None:
        fetch = MetadataFetch()
        for size in range(1, 500):
            fetch.joined(str(size), size)
            fetch.due(0)
            fetch.left(str(size))
        self.assertLessEqual(len(fetch._turns), 2)

    def test_turns_are_in_proportion_to_the_peers(self) -> None:
        many = {letter: Peer("h" * 900, delay=9) for letter in "bcde"}
        world = World(a=Peer("w" * 950, delay=9), **many)
        seconds = {size_of("h" * 900): 0, size_of("w" * 950): 0}
        for _ in range(int(20 * TURN)):
            world.turn()
            seconds[world.fetch.size] += 1
            world.now += 1
        most, least = seconds.values()
        self.assertGreater(most, 3 * least)
        self.assertGreater(least, 0)

    def test_a_slow_honest_peer_gets_longer_turns(self) -> None:
        world = World(a=Peer("w" * 1000, delay=1), b=Peer(delay=9))
        taken = world.run()
        self.assertIsNotNone(taken)
        self.assertLess(taken, 6 * TURN)

    def test_one_that_contradicts_itself(self) -> None:
        world = World(a=Peer("....."))
        world.turn()
        self.assertFalse(world.fetch.received("a", 0, SIZE + 1, data_of(RIGHT, 0), world.now))
        self.assertEqual(world.fetch.progress, 0)
        self.assertEqual(world.fetch.due(world.now + 100), [])

    def test_the_first_claim_counts(self) -> None:
        world = World(a=Peer(".."))
        world.fetch.joined("a", SIZE)
        world.turn()
        self.assertEqual(world.fetch.size, size_of("wr"))

    def test_a_copy_under_way_is_not_dropped_for_a_newcomer(self) -> None:
        world = World(a=Peer(delay=9))
        world.run(int(TURN) + 10)
        before = world.fetch.progress
        world.join("b", Peer("wrongs"))
        world.turn()
        self.assertGreater(before, 0.5)
        self.assertEqual(world.fetch.progress, before)

    def test_memory_is_what_arrived(self) -> None:
        world = World(a=Peer("." * 1000))
        world.run(100)
        assert world.fetch._copy is not None
        self.assertEqual(world.fetch._copy.pieces, {})


class BlameTests(SynchronousTestCase):
    def test_wrong_metadata_is_traced(self) -> None:
        """(what each sends, who is to blame): whoever it is, the metadata comes at last."""
        for texts, blamed in [
            (["wrong", "right"], "a"),
            (["right", "Right", "right"], "b"),
            (["right", "right", "righT"], "c"),
            (["right", "wrong", "right"], "b"),
            (["Right", "rigHt", "right"], "ab"),
            (["wrong", "wrong", "right"], "ab"),
            (["wr", "right", "right"], ""),
            (["wrongs", "wrongs", "right"], "ab"),
            (["wrongs", "Xrongs", "right", "right"], "ab"),
            (["right", "right", "right"], ""),
        ]:
            peers = {"abcd"[n]: Peer(text, delay=1) for n, text in enumerate(texts)}
            world = World(**peers)
            self.assertIsNotNone(world.run(), texts)
            honest = {letter for letter, peer in peers.items() if peer.text == RIGHT}
            self.assertFalse(honest & set(world.blamed), (texts, world.blamed))
            if all(len(text) == len(texts[0]) for text in texts):
                self.assertLessEqual(set(world.blamed), set(blamed), texts)

    def test_one_sender_of_a_wrong_copy(self) -> None:
        world = World(a=Peer("wrong"))
        self.assertIsNone(world.run(1))
        self.assertEqual((world.blamed, world.copies), ("a", 1))
        world.join("b", Peer())
        self.assertEqual(world.run(), 0)

    def test_the_guilty_of_several(self) -> None:
        """A copy with one wrong piece: the next ones come from one peer each."""
        world = World(a=Peer(delay=1), b=Peer("rigHt", delay=1))
        self.assertIsNotNone(world.run())
        self.assertEqual(world.blamed, "b")
        self.assertEqual(world.copies, 2)

    def test_the_guilty_when_the_guilty_is_asked_first(self) -> None:
        world = World(a=Peer("Right", delay=1), b=Peer(delay=1))
        self.assertIsNotNone(world.run())
        # Blamed for its own copy, and again for its part in the first.
        self.assertEqual(set(world.blamed), {"a"})
        self.assertEqual(world.copies, 3)

    def test_the_guilty_that_has_left(self) -> None:
        world = World(a=Peer("Right", delay=1), b=Peer(delay=1))
        while not world.copies:
            world.turn()
            world.now += 1
        world.leave("a")
        self.assertIsNotNone(world.run())
        self.assertEqual(world.blamed, "a")

    def test_wrong_when_the_source_of_a_copy_leaves(self) -> None:
        world = World(a=Peer(delay=1), b=Peer("rigHt", delay=1), c=Peer(delay=1))
        while not world.copies or world.fetch.progress < 0.5:
            world.turn()
            world.now += 1
        world.leave("a")
        self.assertEqual(world.fetch.progress, 0)
        self.assertIsNotNone(world.run())
        self.assertEqual(set(world.blamed), {"b"})

    def test_a_single_source_that_is_silent_or_slow_has_its_turn_only(self) -> None:
        for other in (Peer("....."), Peer("right", delay=9), Peer("!!!!!")):
            world = World(a=Peer("Right"), b=Peer())
            world.turn()
            world = World(a=Peer("Right", delay=1), b=Peer(delay=1))
            while not world.copies:
                world.turn()
                world.now += 1
            world.leave("b")
            world.join("c", other)
            world.join("d", Peer(delay=1))
            self.assertLessEqual(world.run(), 3 * TURN)
            self.assertEqual(set(world.blamed), {"a"})

    def test_late_pieces_of_another_copy_do_not_get_in(self) -> None:
        fetch = MetadataFetch()
        fetch.joined("a", SIZE)
        fetch.joined("b", SIZE)
        for letter, piece in fetch.due(0.0):
            fetch.received(letter, piece, SIZE, data_of("wrong", piece), 0.0)
        self.assertIsNotNone(fetch.take())
        self.assertEqual(fetch.failed(), set())
        asked = fetch.due(0.0)
        self.assertEqual({letter for letter, _ in asked}, {"a"})
        self.assertFalse(fetch.received("b", 0, SIZE, data_of(RIGHT, 0), 0.0))
        self.assertEqual(fetch.progress, 0)

    def test_while_it_is_checked(self) -> None:
        """Time passes, peers come and go, and late pieces arrive."""
        world = World(a=Peer())
        asked = world.fetch.due(world.now)
        asked += [("a", 3), ("a", 4)]
        for letter, piece in asked:
            world.fetch.due(world.now)
            world.fetch.received(letter, piece, SIZE, data_of(RIGHT, piece), world.now)
        self.assertEqual(world.fetch.take(), metadata(RIGHT))
        world.fetch.left("a")
        world.join("b", Peer())
        world.join("c", Peer("wr"))
        self.assertEqual(world.fetch.due(world.now + 100), [])
        self.assertEqual(world.fetch.size, SIZE)
        self.assertEqual(world.fetch.passed(), set())


@define
class Step:
    """A peer that does at random what it likes."""

    letter: str
    what: str
    piece: int
    seconds: float


SIZES = (1, PIECE, PIECE + 1, 3 * PIECE)
STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from("abcd"),
        st.sampled_from(["join", "leave", "send", "send", "reject", "wait"]),
        st.integers(0, 6),
        st.sampled_from([0.0, 1.0, 11.0, 70.0]),
    ),
    max_size=60,
)


class AnyOrder:
    """A fetch among peers that do anything, and what must stay true of what it asks."""

    def __init__(self, test, sizes):
        self.test = test
        self.fetch = MetadataFetch()
        self.now = 0.0
        self.claimed = dict(zip("abcd", sizes, strict=True))
        self.there = set()

    def take(self, step):
        self.now += step.seconds
        getattr(self, step.what)(step.letter, step.piece)
        self.check(self.fetch.due(self.now))

    def join(self, letter, piece):
        self.fetch.joined(letter, self.claimed[letter])
        self.there.add(letter)

    def leave(self, letter, piece):
        self.fetch.left(letter)
        self.there.discard(letter)

    def reject(self, letter, piece):
        self.fetch.rejected(letter, piece, self.now)

    def wait(self, letter, piece):
        pass

    def send(self, letter, piece):
        size = self.claimed[letter]
        if piece < piece_count(size):
            data = letter.encode() * piece_length(size, piece)
            self.fetch.received(letter, piece, size, data, self.now)
            if self.fetch.take() is not None:
                self.there -= self.fetch.failed()

    def check(self, asked):
        for letter, piece in asked:
            self.test.assertIn(letter, self.there)
            self.test.assertEqual(self.claimed[letter], self.fetch.size)
            self.test.assertLess(piece, piece_count(self.claimed[letter]))
            self.test.assertLessEqual(sum(each[0] == letter for each in asked), OUTSTANDING)
        pieces = [piece for _, piece in asked]
        self.test.assertEqual(len(pieces), len(set(pieces)))

    def ends_well(self):
        """Whether a last, honest peer's metadata comes."""
        for letter in "abcd":
            self.fetch.left(letter)
        self.fetch.joined("honest", 3 * PIECE)
        for _ in range(20):
            self.now += REST
            for _, piece in self.fetch.due(self.now):
                self.fetch.received("honest", piece, 3 * PIECE, b"h" * PIECE, self.now)
            if (whole := self.fetch.take()) is not None:
                if whole == b"h" * 3 * PIECE:
                    return True
                self.fetch.failed()
        return False


class AnyOrderTests(SynchronousTestCase):
    @given(STEPS, st.lists(st.sampled_from(SIZES), min_size=4, max_size=4))
    @settings(deadline=None, max_examples=150)
    def test_what_must_stay_true(self, steps, sizes) -> None:
        """No piece is asked of those who are not there, nor beyond what they claim, nor of two;
        no more than allowed; and in the end, an honest peer's metadata comes."""
        world = AnyOrder(self, sizes)
        for step in steps:
            world.take(step)
        self.assertTrue(world.ends_well())
