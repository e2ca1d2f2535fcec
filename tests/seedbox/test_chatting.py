"""Chat of torrents on the list: three daemons in a line, each of which reaches its neighbours."""

import os
from random import Random

from tests.seedbox.case import PIECE, PORT, SEEDING, Noted, SeedboxCase, Session, SessionOptions
from tests.testing import torrents
from tests.testing.disk import inline_disk
from tests.testing.fakepeer import FakePeer
from txtorrent.address import Address
from txtorrent.errors import RequestError
from txtorrent.seedbox import chatting
from txtorrent.seedbox.preferences import stored_settings
from txtorrent.seedbox.runner import AWAKE_FOR
from txtorrent.seedbox.seedbox import Seedbox
from txtorrent.settings.settings import Settings
from txtorrent.storage.listing import Listing
from txtorrent.swarm.identity import fingerprint
from txtorrent.wire.chat import NAME
from txtorrent.wire.extension import ExtensionHandshake
from txtorrent.wire.messages import Extended, HaveAll

EXTENDED = bytes(5) + b"\x10\x00\x04"
"""The reserved bytes of who knows BEP 6 and BEP 10."""


class Box:
    """One daemon more, with a torrent."""

    def __init__(self, case, name, number):
        self.case = case
        self.host = case.network.host(f"20.{number}.0.1")
        self.folder = os.path.join(case.folder, name)
        self.content = os.path.join(self.folder, "content")
        self.address = Address(self.host.addresses[0], PORT)
        os.makedirs(self.content)
        self.start()

    def start(self):
        options = SessionOptions(state=os.path.join(self.folder, "state"), port=PORT)
        self.session = Session(
            self.host, options, inline_disk(self.host), Random(self.address.host)
        )
        self.case.result_of(self.session.start())
        file = {"download_dir": self.content, "dht_enabled": False}
        changed = self.case.result_of(stored_settings(Listing(self.session.journal)))
        self.box = Seedbox(self.session, Settings(file, changed), lambda: None)
        self.noted = Noted()
        self.box.observe(self.noted)
        self.case.result_of(self.box.open())

    def stop(self):
        self.case.result_of(self.box.stop_all())
        self.case.result_of(self.session.stop())

    def add(self, made, **options):
        torrents.write_content(self.content, made.metainfo, made.data)
        self.entry = self.case.result_of(self.box.add(made.metainfo.raw, options)).torrent

    def change(self, **changes):
        self.case.result_of(self.box.change([(self.entry, changes)]))
        self.case.clock.advance(1)

    def meet(self, *others):
        """Dial them."""
        self.box.name_peers(self.entry, [other.address for other in others])
        self.case.run_until(lambda: self.entry.peers_connected >= len(others), 60)
        self.case.clock.advance(1)

    def say(self, text):
        message = self.box.chat.send(self.entry, text)
        self.case.clock.advance(1)
        return message

    @property
    def texts(self):
        return [message.text for message in self.box.chat.history(self.entry)]

    @property
    def told(self):
        """What observers were told of."""
        return [each[2] for each in self.noted.told if each[0] == "said"]


class ChatCase(SeedboxCase):
    """`one`, `two` and `three` have all of the torrent; `line` connects them in that order."""

    private = False

    def setUp(self):
        super().setUp()
        self.made = self.payload(private=self.private)
        self.boxes = [Box(self, f"box{number}", number) for number in (1, 2, 3)]
        self.one, self.two, self.three = self.boxes

    def tearDown(self):
        for box in self.boxes:
            box.stop()
        super().tearDown()

    def line(self, **options):
        for box in self.boxes:
            box.add(self.made, **options)
        self.clock.advance(1)
        self.two.meet(self.one, self.three)

    def refusal(self, box, text="hello"):
        with self.assertRaises(RequestError) as caught:
            box.box.chat.send(box.entry, text)
        return caught.exception.text


class Talking(ChatCase):
    def test_what_is_said_comes_to_all(self):
        """Also to whom the speaker has no connection with, and although all of them are seeds."""
        self.line(chat=True)
        self.assertEqual([box.entry.status for box in self.boxes], [SEEDING] * 3)
        self.assertEqual([box.entry.peers_connected for box in self.boxes], [1, 2, 1])
        self.assertEqual([box.entry.chat_speakers for box in self.boxes], [1, 2, 1])
        self.one.say("is anybody there?")
        self.three.say("yes")
        self.two.say("me too")
        for box in self.boxes:
            self.assertEqual(box.texts, ["is anybody there?", "yes", "me too"])
            self.assertEqual(box.told, box.texts)
        message = self.three.box.chat.history(self.three.entry)[0]
        self.assertEqual(message.author, self.one.box.chat.key)
        self.assertEqual(message.nickname, self.one.box.chat.nickname)
        self.assertEqual([m.is_ours for m in self.one.box.chat.history(self.one.entry)],
                         [True, False, False])  # fmt: skip

    def test_speakers_and_counters(self):
        self.line(chat=True)
        self.one.say("hello")
        chat, entry = self.two.box.chat, self.two.entry
        self.assertEqual(
            sorted(speaker.address for speaker in chat.speakers(entry)), ["20.1.0.1", "20.3.0.1"]
        )
        self.assertTrue(chat.speakers(entry)[0].client.startswith("txtorrent"))
        self.assertEqual(chat.counters(entry).accepted, 1)
        self.assertEqual(self.one.box.chat.counters(self.one.entry).sent, 1)

    def test_company(self):
        """Observers are told how many there are to talk to."""
        self.line(chat=True)
        told = ("chat_speakers", self.one.entry.id)
        self.assertEqual(self.one.noted.told.count(told), 1)
        self.two.change(chat=False)
        self.clock.advance(2)
        self.assertEqual(self.one.noted.told.count(told), 2)
        self.clock.advance(10)
        self.assertEqual(self.one.noted.told.count(told), 2)

    def test_nicknames(self):
        self.line(chat=True)
        self.result_of(self.one.box.settings.change({"chat_nickname": " ada\n"}))
        self.assertEqual(self.one.box.chat.nickname, "ada")
        self.one.say("hello")
        self.assertEqual(self.three.box.chat.history(self.three.entry)[0].nickname, "ada")
        for wrong in ("n" * 33, 5):
            self.failureResultOf(
                self.one.box.settings.change({"chat_nickname": wrong}), RequestError
            )

    def test_of_a_magnet_link(self):
        """As soon as it is known that it is not private."""
        for box in (self.one, self.two):
            box.add(self.made, chat=True)
        link = f"magnet:?xt=urn:btih:{self.made.metainfo.info_hash.hex()}"
        self.three.entry = self.result_of(self.three.box.add(link, {"chat": True})).torrent
        self.two.meet(self.one)
        self.assertIn("nobody who speaks chat", self.refusal(self.three))
        self.three.meet(self.two)
        self.run_until(lambda: self.three.entry.status == SEEDING)
        self.clock.advance(1)
        self.one.say("hello")
        self.assertEqual(self.three.texts, ["hello"])


class Switching(ChatCase):
    def test_off_by_default(self):
        """It is not even offered, and what others say does not come in. Seeds part as ever."""
        for box in self.boxes:
            box.add(self.made)
        self.clock.advance(1)
        self.two.box.name_peers(self.two.entry, [self.one.address, self.three.address])
        self.clock.advance(10)
        self.assertEqual([box.entry.peers_connected for box in self.boxes], [0, 0, 0])
        self.assertEqual([box.entry.chat_room for box in self.boxes], [None] * 3)
        self.assertIn("chat is off", self.refusal(self.one))

    def test_who_has_it_on_meets_who_has_not(self):
        """And parts from a seed with which there is nothing to talk about."""
        for box, on in zip(self.boxes, (True, False, True), strict=True):
            box.add(self.made, chat=on)
        self.clock.advance(1)
        self.two.box.name_peers(self.two.entry, [self.one.address, self.three.address])
        self.clock.advance(10)
        self.assertEqual([box.entry.peers_connected for box in self.boxes], [0, 0, 0])

    def test_turned_off_and_on(self):
        self.line(chat=True)
        self.one.say("before")
        self.three.change(chat=False)
        self.clock.advance(1)
        self.assertEqual([box.entry.chat_speakers for box in self.boxes], [1, 1, 0])
        self.assertEqual([box.entry.peers_connected for box in self.boxes], [1, 1, 0])
        self.one.say("meanwhile")
        self.assertEqual(self.three.texts, [])
        self.three.change(chat=True)
        self.three.meet(self.two)
        self.assertEqual(self.three.texts, ["before", "meanwhile"])
        self.assertEqual(self.two.texts, ["before", "meanwhile"])

    def test_seeds_that_have_parted_meet_again(self):
        """Those that the user named, and one that has fallen asleep meanwhile."""
        for box in self.boxes:
            box.add(self.made)
        self.clock.advance(1)
        self.two.box.name_peers(self.two.entry, [self.one.address, self.three.address])
        self.run_until(lambda: self.two.entry.torrent is None, AWAKE_FOR + 10)
        for box in (self.one, self.three, self.two):
            box.change(chat=True)
        self.run_until(lambda: self.two.entry.chat_speakers == 2, 30)
        self.one.say("hello")
        self.assertEqual(self.three.texts, ["hello"])

    def test_who_looks_finds_company(self):
        """Both sleep, with chat on; one of the users asks what was said, or says something."""
        for look in (lambda: self.two.texts, lambda: self.refusal(self.two)):
            for box in (self.one, self.two):
                box.add(self.made, chat=True)
            self.run_until(lambda: self.two.entry.torrent is None, AWAKE_FOR + 10)
            self.two.entry.named_peers = (self.one.address,)
            look()
            self.run_until(lambda: self.two.entry.chat_speakers == 1, 30)
            for box in (self.one, self.two):
                self.clock.result_of(box.box.remove([box.entry], delete_data=False))

    def test_nobody_is_there(self):
        self.one.add(self.made, chat=True)
        self.clock.advance(1)
        self.assertIn("nobody who speaks chat is connected", self.refusal(self.one))
        self.assertEqual(self.one.texts, [])

    def test_asleep(self):
        """What was said stays, and is no news when it is told again."""
        self.line(chat=True)
        self.one.say("hello")
        self.two.stop()
        self.run_until(lambda: self.one.entry.torrent is None, AWAKE_FOR + 10)
        self.assertEqual(self.one.texts, ["hello"])
        self.assertIn("nobody who speaks chat is connected", self.refusal(self.one))
        self.one.change(chat=False)
        self.assertEqual(self.one.texts, [])
        self.one.change(chat=True)
        self.two.start()
        self.two.entry = self.two.box.torrents[self.made.metainfo.info_hash]
        self.two.meet(self.one)
        self.two.say("again")
        self.assertEqual((self.one.texts, self.one.told), (["again"], ["hello", "again"]))

    def test_told_again(self):
        """The engine's torrent ends and begins, and its neighbour tells what was said."""
        self.line(chat=True)
        self.one.say("hello")
        self.result_of(self.three.box.stop([self.three.entry]))
        self.run_until(lambda: self.three.entry.torrent is None, 60)
        self.result_of(self.three.box.start([self.three.entry], now=True))
        self.three.meet(self.two)
        self.one.say("again")
        self.assertEqual(self.three.told, ["hello", "again"])
        self.assertEqual(self.three.texts, ["hello", "again"])

    def test_removed(self):
        self.line(chat=True)
        self.one.say("hello")
        self.result_of(self.three.box.remove([self.three.entry], delete_data=False))
        self.assertEqual(self.three.texts, [])

    def test_many_talks(self):
        """The one that has been silent for longest is forgotten."""
        self.patch(chatting, "MOST_TALKS", 1)
        self.line(chat=True)
        self.one.say("hello")
        first = [box.entry for box in self.boxes]
        self.made = self.payload(1)
        self.line(chat=True)
        self.one.say("hello again")
        self.assertEqual(self.three.texts, ["hello again"])
        self.assertEqual(self.three.box.chat.history(first[2]), [])


class Strangers(ChatCase):
    """Seeds that are other clients and say less than ours."""

    def setUp(self):
        super().setUp()
        self.one.add(self.made, chat=True)
        self.clock.advance(1)
        host = self.network.host("20.9.0.1")
        self.peer = FakePeer(host, self.made.metainfo, self.made.data, reserved=EXTENDED)
        self.addCleanup(self.peer.stop)
        self.peer.after_greeting = [HaveAll()]
        self.peer.dial(self.one.address)
        self.clock.advance(1)

    def says(self, **ids):
        named = {name.encode(): number for name, number in ids.items()}
        self.peer.say(Extended(0, ExtensionHandshake(named).encode()))
        self.clock.advance(1)

    def test_one_that_does_not_speak_chat(self):
        self.assertTrue(self.peer.is_connected)
        self.says(ut_pex=1)
        self.assertFalse(self.peer.is_connected)

    def test_one_that_takes_it_back(self):
        self.says(tx_chat=7)
        self.assertEqual(self.one.entry.chat_speakers, 1)
        self.says(tx_chat=0)
        self.assertFalse(self.peer.is_connected)

    def test_one_that_chat_is_turned_off_for(self):
        self.says(tx_chat=7)
        self.assertTrue(self.peer.is_connected)
        self.one.change(chat=False)
        self.assertFalse(self.peer.is_connected)


class Keys(ChatCase):
    def restart(self, box):
        box.stop()
        box.start()
        box.entry = box.box.torrents[self.made.metainfo.info_hash]

    def test_a_restart_keeps_the_key_and_the_switch(self):
        self.line(chat=True)
        key = self.one.box.chat.key
        self.assertNotEqual(key, self.two.box.chat.key)
        self.restart(self.one)
        self.assertEqual(self.one.box.chat.key, key)
        self.one.meet(self.two)
        self.one.say("here again")
        self.assertEqual(self.three.texts, ["here again"])

    def test_a_damaged_key(self):
        """A new one is made, and kept."""
        key = self.one.box.chat.key
        self.result_of(self.one.session.notes.put({chatting.NOTE: b"short"}, durable=True))
        self.one.stop()
        self.one.start()
        self.assertEqual(len(self.flushLoggedErrors()), 0)
        new = self.one.box.chat.key
        self.assertNotEqual(new, key)
        self.one.stop()
        self.one.start()
        self.assertEqual(self.one.box.chat.key, new)


class Muting(ChatCase):
    def setUp(self):
        super().setUp()
        self.line(chat=True)

    def mute(self, box, author):
        return self.result_of(box.box.chat.mute(author))

    def test_by_fingerprint(self):
        """Nothing of hers is shown from then on, nor what she said before; others hear others."""
        self.one.say("buy")
        self.three.say("no")
        key = self.one.box.chat.key
        self.assertEqual(self.mute(self.two, f" {fingerprint(key).upper()} "), key)
        self.assertEqual(self.two.texts, ["no"])
        self.one.say("buy now")
        self.assertEqual((self.two.told, self.three.texts), (["buy", "no"], ["buy", "no"]))
        self.assertEqual(self.two.box.chat.muted, [key])
        self.result_of(self.two.box.chat.unmute(fingerprint(key)))
        self.one.say("please")
        self.assertEqual(self.three.texts, ["buy", "no", "please"])
        self.assertEqual(self.two.box.chat.muted, [])

    def test_by_key_and_over_a_restart(self):
        key = self.one.box.chat.key
        self.mute(self.three, key.hex())
        self.mute(self.three, key.hex())
        self.three.stop()
        self.three.start()
        self.three.entry = self.three.box.torrents[self.made.metainfo.info_hash]
        self.assertEqual(self.three.box.chat.muted, [key])
        self.three.meet(self.two)
        self.one.say("hello")
        self.assertEqual((self.two.texts, self.three.texts), (["hello"], []))

    def test_by_the_setting(self):
        self.result_of(
            self.three.box.settings.change({"chat_muted": [self.one.box.chat.key.hex().upper()]})
        )
        self.one.say("hello")
        self.assertEqual((self.two.texts, self.three.texts), (["hello"], []))
        for wrong in (["ada"], ["aa" * 31], "aa" * 32):
            changing = self.three.box.settings.change({"chat_muted": wrong})
            self.failureResultOf(changing, RequestError)

    def test_two_at_once(self):
        chat = self.one.box.chat
        both = [chat.mute(box.box.chat.key.hex()) for box in (self.two, self.three)]
        for each in both:
            self.result_of(each)
        self.assertEqual(chat.muted, [box.box.chat.key for box in (self.two, self.three)])

    def test_who_is_not_there(self):
        chat = self.one.box.chat
        stranger = "aaaa-bbbb-cccc-dddd"
        for mute, author, why in (
            (chat.mute, "ada", "neither a fingerprint nor a key"),
            (chat.mute, stranger, "nobody with the fingerprint aaaa-bbbb-cccc-dddd was heard"),
            (chat.unmute, stranger, "nobody with the fingerprint aaaa-bbbb-cccc-dddd is muted"),
            (chat.mute, chat.fingerprint, "our own key"),
        ):
            error = self.failureResultOf(mute(author), RequestError).value
            self.assertIn(why, error.text)


class Private(ChatCase):
    private = True

    def test_both_switches(self):
        for box in self.boxes:
            box.add(self.made, chat=True)
        self.clock.advance(1)
        self.two.box.name_peers(self.two.entry, [self.one.address, self.three.address])
        self.clock.advance(10)
        self.assertEqual([box.entry.peers_connected for box in self.boxes], [0, 0, 0])
        self.assertIn("is private", self.refusal(self.one))
        for box in self.boxes:
            box.change(chat_in_private=True)
        self.two.meet(self.one, self.three)
        self.one.say("hello")
        self.assertEqual(self.three.texts, ["hello"])
        self.two.change(chat_in_private=False)
        self.assertEqual([box.entry.chat_speakers for box in self.boxes], [0, 0, 0])


class Sizes(ChatCase):
    def test_a_leecher_and_seeds(self):
        """Talk while content moves, and when it has come."""
        for box in (self.one, self.two):
            box.add(self.made, chat=True)
        self.three.entry = self.result_of(
            self.three.box.add(self.made.metainfo.raw, {"chat": True})
        ).torrent
        self.clock.advance(1)
        self.two.meet(self.one, self.three)
        self.run_until(lambda: self.three.entry.status == SEEDING)
        self.assertEqual(self.three.entry.downloaded_ever, 4 * PIECE)
        self.clock.advance(5)
        self.one.say("done?")
        self.three.say("done")
        self.assertEqual(self.one.texts, ["done?", "done"])
        self.assertIn(NAME, next(iter(self.one.entry.parts.exchange.links)).extension_ids)
