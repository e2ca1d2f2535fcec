"""What a room makes of what comes: who is believed, and how much of anybody."""

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from txtorrent.swarm import chathistory, chatroom
from txtorrent.swarm.chathistory import MOST_BYTES, MOST_MESSAGES, ChatMessage, History
from txtorrent.swarm.chatroom import (
    AUTHOR,
    AUTHORS,
    AWAY,
    LINK,
    OURS,
    ROOM,
    SEEN,
    TOLD,
    TOLL,
    Chatroom,
    SpokenTooSoon,
)
from txtorrent.swarm.identity import Identity
from txtorrent.wire.chat import ChatLine

HERE, ELSEWHERE = b"h" * 20, b"e" * 20
WALL = 1_700_000_000.0
ADA, BOB, EVE, US = (Identity(name * 32) for name in (b"a", b"b", b"e", b"u"))


class Link:
    def __init__(self):
        self.offences = []

    def offend(self, what):
        self.offences.append(what)


def line(text="hello", author=ADA, time=WALL, nonce=0, info_hash=HERE, nickname="ada"):
    made = ChatLine(author.public, nickname, int(time), nonce.to_bytes(8, "big"), text)
    return made.signed(author.sign(made.signed_part(info_hash)))


class RoomCase(SynchronousTestCase):
    def setUp(self):
        self.patch(chatroom, "is_genuine", self.count(chatroom.is_genuine))
        self.begin()

    def begin(self):
        self.muted = set()
        self.room = Chatroom(HERE, US.public, self.muted, 0.0)
        self.link = Link()
        self.verified = 0

    def count(self, is_genuine):
        def counted(*arguments):
            self.verified += 1
            return is_genuine(*arguments)

        return counted

    def comes(self, spoken, link=None, now=0.0, wall=WALL):
        link = link or self.link
        if self.room.listens_to(link, now):
            return self.room.take(link, spoken, now, wall)
        return None

    def texts(self):
        return [message.text for message in self.room.history]

    def counted(self):
        """The counters that are not 0."""
        counters = self.room.counters
        names = [name for name in counters.__slots__ if not name.startswith("__")]
        return {name: count for name in names if (count := getattr(counters, name))}


class BeliefTests(RoomCase):
    def test_a_message(self):
        spoken = line("good morning")
        message = self.comes(spoken)
        self.assertEqual(
            message,
            ChatMessage(spoken.id, ADA.public, "ada", "good morning", int(WALL), False),
        )
        self.assertEqual(message.fingerprint, ADA.fingerprint)
        self.assertEqual(list(self.room.history), [message])
        self.assertEqual(self.counted(), {"accepted": 1})
        self.assertEqual(self.link.offences, [])

    def test_what_becomes_of_others(self):
        """(what comes, the counter, whether its signature is verified)"""
        for spoken, counter, verified in (
            (line(time=WALL - AWAY - 1), "stale", False),
            (line(time=WALL - AWAY), "accepted", True),
            (line(time=WALL + AWAY), "accepted", True),
            (line(time=WALL + AWAY + 1), "early", False),
            (line(time=0), "stale", False),
            (line(time=2**40), "early", False),
            (line(author=EVE), "muted", False),
            (line(" \n\u200b\u202e\t"), "empty", False),
            (line(""), "empty", False),
            (line(info_hash=ELSEWHERE), "forged", True),
            (evolve(line(), author=BOB.public), "forged", True),
            (evolve(line(), text="bye"), "forged", True),
            (evolve(line(), nickname="bob"), "forged", True),
            (evolve(line(), time=int(WALL) + 1), "forged", True),
            (evolve(line(), nonce=b"other..."), "forged", True),
            (line().signed(bytes(64)), "forged", True),
            (evolve(line(), hops=0), "accepted", True),
        ):
            self.begin()
            self.muted.add(EVE.public)
            message = self.comes(spoken)
            self.assertEqual(self.counted(), {counter: 1}, spoken)
            self.assertEqual(message is not None, counter == "accepted", spoken)
            self.assertEqual(len(self.room.history), counter == "accepted", spoken)
            self.assertEqual(self.verified, verified, spoken)
            self.assertEqual(len(self.link.offences), counter == "forged", spoken)

    def test_each_once(self):
        """From whomever it comes, and however far it may still go."""
        spoken = line()
        self.comes(spoken)
        for again in (spoken, evolve(spoken, hops=1)):
            for link in (self.link, Link()):
                self.assertIsNone(self.comes(again, link))
        self.assertEqual(self.texts(), ["hello"])
        self.assertEqual(self.counted(), {"accepted": 1, "duplicates": 4})
        self.assertEqual(self.verified, 1)

    def test_the_same_words_again(self):
        self.comes(line("yes", nonce=1))
        self.comes(line("yes", nonce=2))
        self.assertEqual(self.texts(), ["yes", "yes"])

    def test_a_forgery_does_not_forestall_what_it_imitates(self):
        """The same id, and a text that its author never wrote, come first."""
        spoken = line("meet at nine")
        self.assertIsNone(self.comes(evolve(spoken, text="meet at ten"), Link()))
        self.assertIsNotNone(self.comes(spoken))
        self.assertEqual(self.texts(), ["meet at nine"])

    def test_ours_coming_back(self):
        """Of a run before this one, say."""
        message = self.comes(line(author=US))
        self.assertTrue(message.is_ours)

    def test_text_that_is_fit_to_be_shown(self):
        for text, shown in (
            ("one\ntwo\r\nthree", "one two three"),
            ("a\tb", "a b"),
            ("\x1b[31mred\x07", "[31mred"),
            ("\u202eevil\u2066", "evil"),
            ("in\u200bvis\ufeffible", "invisible"),
            ("  spaces  ", "spaces"),
            ("\u2028next\u0085", "next"),
            ("na\u00efve \N{GRINNING FACE}", "na\u00efve \N{GRINNING FACE}"),
        ):
            self.begin()
            message = self.comes(line(text, nickname=text))
            self.assertEqual((message.text, message.nickname), (shown, shown))

    def test_without_a_nickname(self):
        for nickname in ("", " ", "\u200b\n"):
            self.begin()
            self.assertEqual(self.comes(line(nickname=nickname)).nickname, ADA.nickname)


class MutedTests(RoomCase):
    def test_from_now_on_and_what_was_said(self):
        self.comes(line("one", ADA))
        self.comes(line("two", BOB))
        self.muted.add(ADA.public)
        self.assertIsNone(self.comes(line("three", ADA)))
        self.assertEqual(self.texts(), ["two"])
        self.assertEqual([each.text for each in self.room.recent(WALL)], ["two"])

    def test_heard_again(self):
        self.comes(line("one", ADA))
        self.muted.add(ADA.public)
        self.comes(line("two", ADA))
        self.muted.clear()
        self.comes(line("three", ADA))
        self.assertEqual(self.texts(), ["one", "three"])


class FloodTests(RoomCase):
    def test_one_author(self):
        """Each gets what it may say, whoever it is that talks without end."""
        for nonce in range(200):
            self.comes(line(nonce=nonce), Link())
        self.assertEqual(self.counted(), {"accepted": AUTHOR.burst, "crowded_out": 175})
        self.assertEqual(self.verified, AUTHOR.burst)
        self.assertIsNotNone(self.comes(line(author=BOB)))
        self.assertIsNone(self.comes(line(nonce=300), now=1.0))
        self.assertIsNotNone(self.comes(line(nonce=300), now=2.0))

    def test_a_thousand_authors(self):
        """A key costs nothing: the room as a whole has a pace, too."""
        for number in range(1000):
            author = Identity(number.to_bytes(32, "big"))
            self.comes(line(author=author), Link())
        self.assertEqual(self.room.counters.accepted, ROOM.burst)
        self.assertEqual(self.verified, ROOM.burst)
        self.assertIsNone(self.comes(line(author=BOB), now=0.5))
        self.assertIsNotNone(self.comes(line(author=BOB), now=1.0))

    def test_one_neighbour(self):
        """First it is heard, then ignored, then it is an offender; whatever it sends."""
        spoken = line()
        for _ in range(int(LINK.burst + LINK.debt)):
            self.comes(spoken)
        self.assertEqual(
            self.counted(),
            {"accepted": 1, "duplicates": LINK.burst - 1, "flooded": LINK.debt},
        )
        self.assertEqual(self.link.offences, [])
        for _ in range(300):
            self.comes(spoken)
        self.assertEqual(self.link.offences, ["a flood of chat messages"] * 300)

    def test_another_neighbour_does_not_notice(self):
        for _ in range(1000):
            self.comes(line())
        self.assertIsNotNone(self.comes(line(author=BOB), Link()))

    def test_forgeries_cost_next_to_nothing(self):
        """A whole minute of a thousand a second: so many signatures are looked at."""
        forged = line().signed(bytes(64))
        for number in range(60_000):
            self.comes(forged, now=number / 1000)
        self.assertLessEqual(self.verified, LINK.burst / (1 + TOLL) + 1)
        self.assertEqual(self.room.counters.forged, self.verified)
        self.assertGreater(len(self.link.offences), 300)

    def test_patient_forgeries(self):
        """One at a time, whenever there may be one."""
        forged = line().signed(bytes(64))
        for number in range(600):
            self.comes(forged, now=float(number))
        self.assertLess(self.verified, 600 * LINK.per_second / TOLL + LINK.burst / TOLL)

    def test_forgeries_silence_nobody(self):
        """In Ada's name, until nothing of the forger is looked at."""
        for nonce in range(500):
            self.comes(evolve(line(nonce=nonce), text="buy"), Link())
        self.assertIsNotNone(self.comes(line("it was not me", nonce=1000)))

    def test_a_neighbour_that_passes_on_what_it_took_is_no_offender(self):
        """Ten flood it, with new keys all the time and as fast as it listens to each; its own user
        talks as fast as he may; and it has told us what was said before."""
        theirs = Chatroom(HERE, BOB.public, set(), 0.0)
        attackers = [Link() for _ in range(10)]
        sent = [line(author=EVE, nonce=nonce) for nonce in range(TOLD)]
        for second in range(200):
            now, wall = float(second), WALL + second
            for number, attacker in enumerate(attackers):
                author = Identity(bytes([number]) * 31 + bytes([second]))
                flood = [line(author=author, nonce=nonce, time=wall) for nonce in range(2)]
                sent += [
                    spoken
                    for spoken in flood
                    if theirs.listens_to(attacker, now) and theirs.take(attacker, spoken, now, wall)
                ]
            for nonce in range(int(OURS.burst)):
                if theirs._ours.has_one(now):
                    sent.append(line(author=BOB, nonce=nonce, time=wall))
                    theirs.speak(sent[-1], now)
            for spoken in sent:
                self.comes(spoken, now=now, wall=wall)
            sent.clear()
        self.assertEqual(theirs.counters.accepted, ROOM.burst + 199)
        self.assertEqual(self.room.counters.flooded, 0)
        self.assertEqual(self.link.offences, [])

    def test_what_is_remembered_is_bounded(self):
        self.patch(chatroom, "ROOM", chatroom.Pace(1e9, 1e9))
        self.patch(chatroom, "is_genuine", lambda *_: True)
        self.begin()
        for number in range(SEEN + 500):
            key, signature = number.to_bytes(32, "big"), number.to_bytes(64, "little")
            spoken = evolve(line(), author=key).signed(signature)
            self.assertIsNotNone(self.comes(spoken, Link()))
        self.assertEqual(len(self.room._seen), SEEN)
        self.assertEqual(len(self.room._authors), AUTHORS)
        self.assertEqual(len(self.room.history), MOST_MESSAGES)

    def test_seen_holds_all_that_could_come_again(self):
        """From too early until too old, in a room in which all talk as fast as they may."""
        seconds = 2 * AWAY
        talk = (ROOM.per_second + OURS.per_second) * seconds + ROOM.burst + OURS.burst
        self.assertLess(talk, SEEN)

    def test_a_neighbour_that_left_is_forgotten(self):
        for _ in range(1000):
            self.comes(line())
        self.room.left(self.link)
        self.assertEqual(len(self.room._links), 0)
        self.room.left(Link())


class OursTests(RoomCase):
    def speak(self, nonce, now):
        self.room.may_speak(now)
        return self.room.speak(line(f"{nonce}", US, nonce=nonce), now)

    def test_we_have_a_pace_too(self):
        for nonce in range(int(OURS.burst)):
            self.assertTrue(self.speak(nonce, 0.0).is_ours)
        with self.assertRaises(SpokenTooSoon) as caught:
            self.speak(9, 0.0)
        self.assertEqual(caught.exception.seconds, 4.0)
        self.assertEqual(caught.exception.text, "too many chat messages: wait 4 s")
        with self.assertRaises(SpokenTooSoon) as caught:
            self.speak(9, 3.9)
        self.assertEqual(caught.exception.text, "too many chat messages: wait 1 s")
        self.speak(9, 4.0)
        self.assertEqual(self.texts(), ["0", "1", "2", "3", "4", "9"])
        self.assertEqual(self.counted(), {"sent": 6})

    def test_what_comes_back_is_known(self):
        spoken = line(author=US)
        self.room.speak(spoken, 0.0)
        self.assertIsNone(self.comes(spoken))
        self.assertEqual(self.verified, 0)

    def test_who_keeps_our_pace_is_heard_by_all(self):
        self.assertLess(OURS.per_second, AUTHOR.per_second)
        self.assertLessEqual(OURS.burst + TOLD, AUTHOR.burst)


class RecentTests(RoomCase):
    def test_the_last_ones_in_order(self):
        for number in range(TOLD + 5):
            self.comes(line(str(number), nonce=number))
        recent = [int(each.text) for each in self.room.recent(WALL)]
        self.assertEqual(recent, list(range(5, TOLD + 5)))

    def test_what_others_would_find_too_old_is_not_told(self):
        self.comes(line("old", time=WALL - 300))
        self.comes(line("new", time=WALL))
        for later, told in ((0, ["old", "new"]), (300, ["old", "new"]), (301, ["new"]), (601, [])):
            self.assertEqual([each.text for each in self.room.recent(WALL + later)], told)


class HistoryTests(SynchronousTestCase):
    def fill(self, count, text):
        history = History()
        for number in range(count):
            history.add(ChatMessage(b"", b"", "ada", text, number, False))
        return [message.time for message in history]

    def test_so_many(self):
        times = self.fill(500, "hello")
        self.assertEqual(times, list(range(500 - MOST_MESSAGES, 500)))

    def test_so_large(self):
        text = "\N{GRINNING FACE}" * 1000
        times = self.fill(500, text)
        self.assertEqual(len(times), MOST_BYTES // (4000 + 3))
        self.assertEqual(times[-1], 499)
        self.assertLess(len(times), chathistory.MOST_MESSAGES)
