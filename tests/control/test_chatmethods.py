"""Chat over the API: what clients ask, what they get, in both dialects, and the event."""

from tests.control.case import ControlCase
from tests.control.fakesession import FakeMessage
from tests.control.test_events import EventsCase
from txtorrent.control import changes
from txtorrent.errors import Code

MESSAGE = {
    "id": "01" * 16,
    "author": "aa" * 32,
    "fingerprint": "k7xq-2fza-m4ue-owp3",
    "nickname": "ada",
    "text": "hello",
    "time": 1700000000,
    "is_ours": False,
}


class Methods(ControlCase):
    def test_send(self):
        sent = self.result("tx_chat_send", ids=2, text="hi")["message"]
        self.assertEqual(sent, {**MESSAGE, "author": "bb" * 32, "text": "hi", "is_ours": True})
        self.assertEqual(self.session.calls, [("send", 2, "hi")])
        legacy = self.legacy("tx-chat-send", ids=[2], text="hi")["arguments"]
        self.assertEqual((legacy["message"]["isOurs"], legacy["message"]["text"]), (True, "hi"))

    def test_send_refused(self):
        for params, why in (
            ({"ids": 1}, "text: missing"),
            ({"ids": [1, 2], "text": "x"}, "wants 1 torrent, not 2"),
            ({"text": "x"}, "wants 1 torrent, not 3"),
            ({"ids": 9, "text": "x"}, "there is no torrent 9"),
            ({"ids": 1, "text": 5}, "text"),
            ({"ids": 1, "text": "x" * 4097}, "at most 4096 characters"),
            ({"ids": 1, "text": ""}, "needs something"),
        ):
            with self.subTest(params):
                code, text = self.error("tx_chat_send", **params)
                self.assertEqual(code, Code.INVALID_PARAMS)
                self.assertIn(why, text)
        self.assertEqual(self.session.calls, [])

    def test_get(self):
        self.session.chat.said[1] = [FakeMessage()]
        self.session.chat.muted = [b"\xaa" * 32]
        found = self.result("tx_chat_get", ids=1)
        self.assertEqual(found.pop("messages"), [MESSAGE])
        self.assertEqual(
            found.pop("speakers"),
            [{"address": "192.0.2.7", "port": 51413, "client_name": "txtorrent 0.1.0"}],
        )
        self.assertEqual(found["counters"]["duplicates"], 3)
        self.assertEqual(len(found.pop("counters")), 11)
        (muted,) = found.pop("muted")
        self.assertEqual((muted["author"], len(muted["fingerprint"])), ("aa" * 32, 19))
        self.assertEqual(
            found,
            {"author": "bb" * 32, "fingerprint": "aaaa-bbbb-cccc-dddd", "nickname": "guest-aaaa"},
        )
        legacy = self.legacy("tx-chat-get", ids=1)["arguments"]
        self.assertEqual(legacy["speakers"][0]["clientName"], "txtorrent 0.1.0")

    def test_since(self):
        said = [FakeMessage(str(number), bytes([number]) * 16) for number in range(3)]
        self.session.chat.said[1] = said
        for since, texts in (
            ("", ["0", "1", "2"]),
            ("01" * 16, ["2"]),
            ("02" * 16, []),
            ("ff" * 16, ["0", "1", "2"]),
            ("no id", ["0", "1", "2"]),
        ):
            found = self.result("tx_chat_get", ids=1, since=since)["messages"]
            self.assertEqual([each["text"] for each in found], texts, since)

    def test_mute(self):
        found = self.result("tx_chat_mute", author="k7xq-2fza-m4ue-owp3")
        self.assertEqual(found, {"author": "aa" * 32})
        code, text = self.error("tx_chat_unmute", author="ada")
        self.assertEqual((code, text), (Code.INVALID_PARAMS, "nobody of that name is muted"))
        self.assertEqual(self.session.calls, [("mute", "k7xq-2fza-m4ue-owp3"), ("unmute", "ada")])
        self.assertEqual(self.error("tx_chat_mute")[1], "author: missing")

    def test_switches(self):
        self.result("torrent_set", ids=1, tx_chat=True, tx_chat_in_private=False)
        self.assertEqual(
            self.session.calls, [("change", [(1, {"chat": True, "chat_in_private": False})])]
        )
        self.result("torrent_add", filename="magnet:?x", tx_chat=True)
        self.assertEqual(self.session.calls[-1], ("add", "magnet:?x", {"chat": True}))


class Events(EventsCase):
    def say(self, torrent, text):
        for observer in self.session.observers:
            observer.chat_message(torrent, FakeMessage(text))

    def texts(self, events):
        return [data["message"]["text"] for name, data in events if name == "chat_message"]

    def test_each_message(self):
        reading = self.read()
        reading.events()
        self.say(self.one, "hello")
        self.say(self.one, "hello again")
        first, second = self.news(reading)
        told = {"id": 1, "hash_string": "0" * 39 + "1", "message": MESSAGE}
        self.assertEqual(first, ("chat_message", told))
        self.assertEqual(second[1]["message"]["text"], "hello again")

    def test_among_other_changes(self):
        reading = self.read()
        reading.events()
        self.session.told(self.one, status=0)
        self.say(self.two, "a")
        self.session.told(self.two, status=0)
        self.say(self.two, "b")
        self.assertEqual(
            [name for name, _ in self.news(reading)],
            ["torrent_changed", "chat_message", "torrent_changed", "chat_message"],
        )

    def test_goes_on_behind_a_cursor(self):
        reading = self.read()
        reading.events()
        self.say(self.one, "a")
        self.news(reading)
        reading.connection.close()
        self.say(self.one, "b")
        self.assertEqual(self.texts(self.read(Last_Event_ID=reading.cursor).events()), ["b"])

    def test_many(self):
        """The oldest are forgotten, and whoever has not seen them is told so."""
        self.patch(changes, "MAX_SAID", 2)
        reading = self.read()
        reading.events()
        for text in "abc":
            self.say(self.one, text)
        again = self.read(Last_Event_ID=reading.cursor)
        self.assertEqual([name for name, _ in again.events()], ["hello", "reset"])

    def test_old_ones(self):
        reading = self.read()
        reading.events()
        self.say(self.one, "a")
        self.clock.advance(changes.HORIZON + 1)
        self.say(self.one, "b")
        self.assertEqual(len(self.control.desk.events.changes.since(0)), 1)
