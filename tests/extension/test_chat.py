"""Chat among torrents that are linked to each other in a web, with the extension handshakes and all
that comes with them."""

from collections import Counter, deque
from itertools import pairwise
from random import Random

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.address import Address
from txtorrent.bencode import decode
from txtorrent.errors import RequestError
from txtorrent.extension.chat import MOST_KEPT, kind, may_chat
from txtorrent.extension.extensions import Extensions
from txtorrent.swarm.chatroom import AUTHOR, AWAY, LINK, OURS, ROOM, TOLD, SpokenTooSoon
from txtorrent.swarm.identity import Identity
from txtorrent.wire.chat import MAX_HOPS, NAME, ChatLine
from txtorrent.wire.messages import Extended
from txtorrent.wire.stream import ProtocolError

HERE, ELSEWHERE = b"h" * 20, b"e" * 20
OFFENCES = 300


class Swarm:
    """A torrent as its extensions see it."""

    name = "a torrent"
    port = 6881
    upload_only = False

    def __init__(self, web, info_hash, number):
        self.web = web
        self.info_hash = info_hash
        self.random = Random(number)
        self.metadata = b"de"
        self.is_private = False

    def now(self):
        return self.web.now


class End:
    """One end of a connection, at `node`; what it sends comes out at the `other`."""

    outbound = True
    handshakes = 0

    def __init__(self, node):
        self.node = node
        self.address = Address(f"10.0.0.{node.number}", 6881)
        self.extension_ids = {}
        self.is_open = True
        self.offences = []
        self.sent = []
        self.reason = None

    def send(self, message):
        self.sent.append(message)
        self.node.web.under_way.append((self.other, message))

    def extend(self, name, payload):
        number = self.extension_ids.get(name)
        if number is None or not self.is_open:
            return False
        self.send(Extended(number, payload))
        return True

    def offend(self, what):
        self.offences.append(what)
        if len(self.offences) >= OFFENCES:
            self.close(what)

    def close(self, reason):
        if self.is_open:
            self.reason = reason
            self.is_open = self.other.is_open = False
            self.node.extensions.left(self)
            self.other.node.extensions.left(self.other)


class Node:
    """One torrent of one client."""

    def __init__(self, web, number, info_hash=HERE, knows_chat=True):
        self.web = web
        self.number = number
        self.identity = Identity(number.to_bytes(32, "big"))
        self.swarm = Swarm(web, info_hash, number)
        self.is_on = True
        self.muted = set()
        self.heard = []
        chat = kind(self.identity, lambda _: self.is_on, self.hear, self.web.wall_clock, self.muted)
        kinds = [chat] if knows_chat else []
        self.extensions = Extensions(self.swarm, kinds, 100, lambda link, handshake: None)

    def hear(self, swarm, message):
        assert swarm is self.swarm
        self.heard.append(message)

    @property
    def chat(self):
        return self.extensions[NAME]

    @property
    def texts(self):
        """What its user has been told, and would be told again."""
        texts = [message.text for message in self.heard]
        assert texts == [message.text for message in self.chat.history]
        return texts


class Web:
    """All nodes and what is under way between them."""

    def __init__(self):
        self.now = 1000.0
        self.wall = 1_700_000_000.0
        self.under_way = deque()

    def wall_clock(self):
        return self.wall

    def nodes(self, count, **options):
        return [Node(self, number, **options) for number in range(1, count + 1)]

    def connect(self, one, two):
        """Connects them; gives their ends."""
        here, there = End(one), End(two)
        here.other, there.other = there, here
        for end in (here, there):
            end.node.extensions.greet(end)
        self.settle()
        return here, there

    def line(self, nodes):
        return [self.connect(one, two) for one, two in pairwise(nodes)]

    def pass_time(self, seconds):
        self.now += seconds
        self.wall += seconds

    def settle(self):
        """Until nothing is under way."""
        for _ in range(100_000):
            if not self.under_way:
                return
            end, message = self.under_way.popleft()
            if end.is_open:
                try:
                    end.node.extensions.received(end, message.number, message.payload)
                except ProtocolError as error:
                    end.close(str(error))
        raise AssertionError("it goes round without end")


class WebCase(SynchronousTestCase):
    def setUp(self):
        self.web = Web()

    def say(self, node, text, nickname=""):
        message = node.chat.send(text, nickname)
        self.web.settle()
        return message

    def line_of(self, node, text="hello", info_hash=HERE, nonce=0, hops=MAX_HOPS):
        """A message that this node might have sent."""
        identity = node.identity if isinstance(node, Node) else node
        said = ChatLine(identity.public, "", int(self.web.wall), nonce.to_bytes(8, "big"), text)
        return evolve(said.signed(identity.sign(said.signed_part(info_hash))), hops=hops)

    def inject(self, end, line):
        """As if this end's client had sent it."""
        end.extend(NAME, line if isinstance(line, bytes) else line.encode())
        self.web.settle()


class SpreadTests(WebCase):
    def test_neighbours(self):
        one, two = self.web.nodes(2)
        here, there = self.web.connect(one, two)
        message = self.say(one, "good morning", "ada")
        for node, is_ours in ((one, True), (two, False)):
            (heard,) = node.heard
            self.assertEqual((heard.text, heard.nickname), ("good morning", "ada"))
            self.assertEqual((heard.id, heard.time), (message.id, int(self.web.wall)))
            self.assertEqual(heard.fingerprint, one.identity.fingerprint)
            self.assertEqual(heard.is_ours, is_ours)
            self.assertEqual(list(node.chat.history), [heard])
        self.assertEqual(list(one.chat.speakers), [here])
        self.assertEqual(list(two.chat.speakers), [there])

    def test_over_others(self):
        one, two, three = nodes = self.web.nodes(3)
        self.web.line(nodes)
        self.say(one, "hello")
        self.say(three, "who is there?")
        for node in nodes:
            self.assertEqual(node.texts, ["hello", "who is there?"])
        self.assertEqual(two.heard[0].author, one.identity.public)
        self.assertEqual(three.heard[0].author, one.identity.public)

    def test_nothing_goes_back_to_where_it_came_from(self):
        nodes = self.web.nodes(3)
        ends = self.web.line(nodes)
        before = [len(end.sent) for pair in ends for end in pair]
        self.say(nodes[0], "hello")
        after = [len(end.sent) for pair in ends for end in pair]
        self.assertEqual([b - a for a, b in zip(before, after, strict=True)], [1, 0, 1, 0])

    def test_rings(self):
        """Each hears it once, over each link it comes once from either side at most."""
        for size in (3, 4, 5, 8):
            self.setUp()
            nodes = self.web.nodes(size)
            ends = self.web.line([*nodes, nodes[0]])
            before = Counter(end for pair in ends for end in pair for _ in end.sent)
            self.say(nodes[0], "round and round")
            after = Counter(end for pair in ends for end in pair for _ in end.sent)
            for node in nodes:
                self.assertEqual(node.texts, ["round and round"])
            self.assertLessEqual(max((after - before).values()), 1)

    def test_everybody_with_everybody(self):
        nodes = self.web.nodes(8)
        for at, one in enumerate(nodes):
            for two in nodes[:at]:
                self.web.connect(one, two)
        for node in nodes:
            self.say(node, f"from {node.number}")
        for node in nodes:
            self.assertEqual(node.texts, [f"from {each.number}" for each in nodes])

    def test_so_far_and_no_farther(self):
        nodes = self.web.nodes(MAX_HOPS + 3)
        self.web.line(nodes)
        self.say(nodes[0], "hello")
        heard = [len(node.heard) for node in nodes]
        self.assertEqual(heard, [1] * (MAX_HOPS + 1) + [0, 0])

    def test_nobody_makes_it_go_farther(self):
        nodes = self.web.nodes(MAX_HOPS + 4)
        (here, _), *_ = self.web.line(nodes)
        self.inject(here, self.line_of(nodes[0], hops=2**40))
        heard = [len(node.heard) for node in nodes]
        self.assertEqual(heard, [0] + [1] * (MAX_HOPS + 1) + [0, 0])

    def test_alone(self):
        """It is kept, and whoever comes sees it."""
        one, two = self.web.nodes(2)
        self.say(one, "is anybody there?")
        self.assertEqual(one.texts, ["is anybody there?"])
        self.web.pass_time(60)
        self.web.connect(one, two)
        self.assertEqual(two.texts, ["is anybody there?"])


class LateTests(WebCase):
    def test_who_comes_late_sees_the_talk(self):
        one, two, three = self.web.nodes(3)
        self.web.connect(one, two)
        for number in range(10):
            self.say((one, two)[number % 2], str(number))
            self.web.pass_time(5)
        ends = [self.web.connect(three, node) for node in (one, two)]
        self.assertEqual(three.texts, [str(number) for number in range(10)])
        self.assertEqual(three.chat.counters.duplicates, 10)
        self.assertEqual([end.offences for pair in ends for end in pair], [[]] * 4)

    def test_of_what_was_said_before_a_little(self):
        one, two = self.web.nodes(2)
        for number in range(TOLD + 5):
            self.web.pass_time(4)
            self.say(one, str(number))
        self.web.connect(one, two)
        self.assertEqual(two.texts, [str(number) for number in range(5, TOLD + 5)])

    def test_what_is_too_old_is_not_told(self):
        one, two, three = self.web.nodes(3)
        self.say(one, "old")
        self.web.pass_time(AWAY)
        self.say(one, "new")
        self.web.connect(one, two)
        self.assertEqual(two.texts, ["old", "new"])
        self.web.pass_time(1)
        self.web.connect(one, three)
        self.assertEqual(three.texts, ["new"])
        self.assertEqual(three.chat.counters.stale, 0)

    def test_what_came_to_its_end_is_not_told(self):
        one, two, three = self.web.nodes(3)
        here, _ = self.web.connect(one, two)
        self.inject(here, self.line_of(one, hops=0))
        self.web.connect(two, three)
        self.assertEqual((len(two.heard), len(three.heard)), (1, 0))

    def test_two_swarms_become_one(self):
        nodes = self.web.nodes(4)
        self.web.connect(*nodes[:2])
        self.web.connect(*nodes[2:])
        self.say(nodes[0], "here")
        self.say(nodes[3], "there")
        self.web.connect(nodes[1], nodes[2])
        for node in nodes:
            self.assertEqual(sorted(node.texts), ["here", "there"])

    def test_a_neighbour_that_left(self):
        one, two = self.web.nodes(2)
        here, _ = self.web.connect(one, two)
        here.close("bye")
        self.say(one, "anybody?")
        self.assertEqual((list(one.chat.speakers), two.heard), ([], []))


class UserTests(WebCase):
    def test_what_cannot_be_sent(self):
        (one,) = self.web.nodes(1)
        for text, nickname, error in (
            ("", "", "a chat message needs something that can be seen"),
            (" \n\t", "", "a chat message needs something that can be seen"),
            ("\u200b\u202e\ud800", "", "a chat message needs something that can be seen"),
            ("x" * 1001, "", "a chat message has at most 1000 characters: this has 1001"),
            ("hello", "n" * 33, "a nickname has at most 32 characters: this has 33"),
        ):
            with self.assertRaises(RequestError) as caught:
                one.chat.send(text, nickname)
            self.assertEqual(caught.exception.text, error)
        self.assertEqual(one.texts, [])

    def test_what_is_sent(self):
        """The same text that its sender sees comes to all."""
        one, two = self.web.nodes(2)
        self.web.connect(one, two)
        for text, sent in (
            ("two\nlines", "two lines"),
            ("\x1b]0;title\x07", "]0;title"),
            ("half \ud83d a pair", "half  a pair"),
            ("\N{GRINNING FACE}" * 1000, "\N{GRINNING FACE}" * 1000),
        ):
            self.assertEqual(self.say(one, text).text, sent)
            self.assertEqual(two.heard[-1].text, sent)

    def test_nicknames(self):
        one, two = self.web.nodes(2)
        self.web.connect(one, two)
        for nickname, shown in (
            ("ada", "ada"),
            (" a\u202eda\n", "ada"),
            ("n" * 32, "n" * 32),
            ("", one.identity.nickname),
            ("\u200b", one.identity.nickname),
        ):
            self.say(one, "hello", nickname)
            self.assertEqual(two.heard[-1].nickname, shown)

    def test_too_many(self):
        one, two = self.web.nodes(2)
        self.web.connect(one, two)
        for _ in range(int(OURS.burst)):
            self.say(one, "again")
        with self.assertRaises(SpokenTooSoon) as caught:
            one.chat.send("again")
        self.assertEqual(caught.exception.seconds, 1 / OURS.per_second)
        self.assertEqual(len(two.heard), OURS.burst)
        self.web.pass_time(caught.exception.seconds)
        self.say(one, "again")
        self.assertEqual(len(two.heard), OURS.burst + 1)

    def test_somebody_who_is_muted(self):
        """Nothing of hers is shown to us or passed on by us; others hear her."""
        ada, bob, eve = nodes = self.web.nodes(3)
        self.web.line(nodes)
        bob.muted.add(ada.identity.public)
        self.say(ada, "buy")
        self.assertEqual((bob.texts, eve.texts), ([], []))
        self.web.connect(ada, eve)
        self.assertEqual((bob.texts, eve.texts), ([], ["buy"]))
        self.say(eve, "no")
        self.assertEqual(bob.texts, ["no"])
        self.assertEqual([message.text for message in ada.chat.history], ["buy", "no"])


class AttackTests(WebCase):
    def setUp(self):
        """An attacker, its victim, and somebody behind that."""
        super().setUp()
        self.attacker, self.victim, self.friend = nodes = self.web.nodes(3)
        (self.end, self.victims_end), (_, self.friends_end) = self.web.line(nodes)

    def test_forged(self):
        said = self.line_of(self.friend, "good")
        for forged in (
            evolve(said, text="bad"),
            evolve(said, author=self.attacker.identity.public),
            said.signed(bytes(64)),
        ):
            self.inject(self.end, forged)
        self.assertEqual((self.victim.texts, self.friend.texts), ([], []))
        self.assertEqual(self.victim.chat.counters.forged, 3)
        self.assertEqual(self.victims_end.offences, ["a forged chat message"] * 3)
        self.assertEqual(self.friends_end.offences, [])
        self.inject(self.end, said)
        self.assertEqual(self.friend.texts, ["good"])

    def test_replayed_in_another_torrent(self):
        others = [Node(self.web, number, info_hash=ELSEWHERE) for number in (1, 5)]
        end, victims_end = self.web.connect(*others)
        said = self.line_of(self.friend, "yes, delete it")
        self.inject(self.end, said)
        self.assertEqual(self.victim.texts, ["yes, delete it"])
        self.inject(end, said)
        self.assertEqual(others[1].texts, [])
        self.assertEqual(victims_end.offences, ["a forged chat message"])

    def test_replayed_later(self):
        said = self.line_of(self.friend)
        self.inject(self.end, said)
        self.web.pass_time(AWAY - 1)
        self.inject(self.end, said)
        self.web.pass_time(2)
        self.inject(self.end, said)
        self.assertEqual(self.victim.texts, ["hello"])
        self.assertEqual(self.victim.chat.counters.duplicates, 2)

    def test_replayed_after_a_restart(self):
        said = self.line_of(self.friend)
        self.web.pass_time(AWAY + 1)
        self.inject(self.end, said)
        self.assertEqual(self.victim.texts, [])
        self.assertEqual(self.victim.chat.counters.stale, 1)

    def test_a_flood(self):
        """It ends the connection that it comes by, and the friend gets the part that one may say,
        and hears others."""
        for nonce in range(1000):
            self.inject(self.end, self.line_of(self.attacker, nonce=nonce))
        self.assertEqual(self.victims_end.reason, "a flood of chat messages")
        self.assertEqual(len(self.victim.heard), AUTHOR.burst)
        self.assertEqual(len(self.friend.heard), AUTHOR.burst)
        self.assertEqual(self.friends_end.offences, [])
        self.say(self.victim, "what was that?")
        self.assertEqual(self.friend.heard[-1].text, "what was that?")

    def test_a_flood_of_many_authors(self):
        for number in range(1000, 1000 + int(LINK.burst)):
            self.inject(self.end, self.line_of(Identity(number.to_bytes(32, "big"))))
        self.assertEqual(len(self.victim.heard), ROOM.burst)
        self.assertEqual(len(self.friend.heard), ROOM.burst)
        self.assertEqual(self.friends_end.offences, [])

    def test_a_flood_of_what_is_no_message(self):
        """Within the flood nothing is even looked at."""
        later = b"d1:vi2ee"
        for _ in range(int(LINK.burst + LINK.debt)):
            self.inject(self.end, later)
        self.assertEqual(self.victim.chat.counters.later_version, LINK.burst)
        self.inject(self.end, b"no message")
        self.assertTrue(self.victims_end.is_open)

    def test_malformed(self):
        self.inject(self.end, b"no message")
        self.assertEqual(
            self.victims_end.reason,
            "a malformed chat message: no value starts at byte 0",
        )
        self.assertEqual(len(self.victim.chat.speakers), 1)

    def test_a_later_version_is_passed_over(self):
        self.inject(self.end, b"d1:vi2e4:textl5:helloee")
        self.assertEqual(self.victim.chat.counters.later_version, 1)
        self.assertTrue(self.victims_end.is_open)

    def test_what_others_add_is_not_passed_on(self):
        """A message is written anew, so that nothing unsigned travels with it."""
        said = self.line_of(self.attacker).encode()
        self.inject(self.end, said[:-1] + b"1:z5:extrae")
        self.assertEqual(self.friend.texts, ["hello"])
        self.assertNotIn(b"extra", self.friends_end.other.sent[-1].payload)

    def test_a_connection_that_ends_as_it_is_written_to(self):
        """Others are still told."""
        fourth = Node(self.web, 4)
        self.web.connect(self.victim, fourth)
        self.victims_end.extend = lambda name, payload: self.victims_end.close("gone")
        self.say(self.victim, "hello")
        self.assertEqual((self.friend.texts, fourth.texts), (["hello"], ["hello"]))
        self.assertEqual(len(self.victim.chat.speakers), 2)


class SwitchTests(WebCase):
    def test_who_may_chat(self):
        """(metadata, private, the switch, that for private torrents) -> whether it may."""
        (node,) = self.web.nodes(1)
        for metadata, private, is_on, in_private, may in (
            (b"de", False, False, False, False),
            (b"de", False, True, False, True),
            (b"de", False, True, True, True),
            (b"de", False, False, True, False),
            (b"de", True, True, False, False),
            (b"de", True, True, True, True),
            (b"de", True, False, True, False),
            (None, False, True, False, False),  # of a magnet link: it may yet be private
            (None, False, True, True, True),
        ):
            node.swarm.metadata, node.swarm.is_private = metadata, private
            self.assertEqual(may_chat(node.swarm, is_on, in_private), may)

    def test_who_does_not_know_chat_notices_nothing(self):
        """Transmission, say: a name in the handshake is all that comes."""
        one, three = self.web.nodes(2)
        stranger = Node(self.web, 3, knows_chat=False)
        here, _ = self.web.connect(one, stranger)
        _, there = self.web.connect(stranger, three)
        self.say(one, "hello")
        self.web.pass_time(60)
        self.say(one, "hello?")
        self.assertEqual([message.number for message in here.sent], [0])
        self.assertEqual((list(one.chat.speakers), three.texts), ([], []))
        self.assertEqual(there.offences, [])

    def test_off(self):
        """It is not even offered, and what is sent all the same is passed over."""
        one, two = self.web.nodes(2)
        one.is_on = False
        one.extensions.refresh()
        here, there = self.web.connect(one, two)
        self.assertIsNone(one.chat)
        self.assertNotIn(NAME, decode(here.sent[0].payload)[b"m"])
        there.extension_ids = {NAME: 1}
        self.inject(there, self.line_of(two))
        self.inject(there, b"no message")
        self.assertTrue(there.is_open)
        self.assertEqual((one.heard, len(here.sent)), ([], 1))

    def test_turned_on_while_connected(self):
        one, two = self.web.nodes(2)
        one.is_on = False
        one.extensions.refresh()
        self.say(two, "is anybody there?")
        self.web.connect(one, two)
        one.is_on = True
        one.extensions.refresh()
        self.web.settle()
        self.assertEqual(one.texts, ["is anybody there?"])
        self.say(one, "yes")
        self.assertEqual(two.texts, ["is anybody there?", "yes"])

    def test_turned_off_while_connected(self):
        one, two = self.web.nodes(2)
        here, _ = self.web.connect(one, two)
        one.is_on = False
        one.extensions.refresh()
        self.web.settle()
        sent = len(here.other.sent)
        self.assertEqual(list(two.chat.speakers), [])
        self.say(two, "hello?")
        self.assertEqual((one.heard, len(here.other.sent)), ([], sent))

    def test_stopped(self):
        one, two = self.web.nodes(2)
        self.web.connect(one, two)
        chat = one.chat
        one.extensions.stop()
        self.assertEqual(list(chat.speakers), [])
        self.assertIsNone(one.chat)


class CompanyTests(WebCase):
    """Which connections are kept for the talk alone."""

    def test_who_speaks_chat(self):
        one, two = self.web.nodes(2)
        here, _ = self.web.connect(one, two)
        self.assertTrue(one.extensions.keeps(here))
        two.is_on = False
        two.extensions.refresh()
        self.web.settle()
        self.assertFalse(one.extensions.keeps(here))

    def test_who_does_not(self):
        (one,) = self.web.nodes(1)
        here, there = self.web.connect(one, Node(self.web, 3, knows_chat=False))
        self.assertFalse(one.extensions.keeps(here))
        self.assertFalse(there.node.extensions.keeps(there))

    def test_who_has_not_said_yet(self):
        one, two = self.web.nodes(2)
        here, there = End(one), End(two)
        here.other, there.other = there, here
        self.assertFalse(one.extensions.keeps(here))
        one.extensions.greet(here)
        self.assertTrue(one.extensions.keeps(here))
        one.is_on = False
        one.extensions.refresh()
        self.assertFalse(one.extensions.keeps(here))

    def test_a_few(self):
        """And others in place of those that left."""
        (one,) = self.web.nodes(1)
        ends = []
        for number in range(2, MOST_KEPT + 4):
            here, _ = self.web.connect(one, Node(self.web, number))
            ends.append(here)
        kept = [end for end in ends if one.extensions.keeps(end)]
        self.assertEqual(kept, ends[:MOST_KEPT])
        self.assertTrue(one.extensions.keeps(ends[0]))
        ends[0].close("bye")
        self.assertTrue(one.extensions.keeps(ends[-1]))
        self.assertFalse(one.extensions.keeps(ends[-2]))
