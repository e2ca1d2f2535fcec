"""Events: what readers are told, with cursors, slow readers and too many of them."""

import json

from tests.control.case import ControlCase, request
from txtorrent.control import changes, events
from txtorrent.control.events import GATHER, KEEP_ALIVE, MAX_READERS, Cursor
from txtorrent.control.magnet import magnet_link
from txtorrent.control.outlet import PATIENCE


class Reading:
    """A connection that reads events."""

    def __init__(self, case, path="/events", **headers):
        self.connection = case.connect()
        self.connection.send(request("GET", path, **headers))
        self.connection.turn()
        self.head = self.connection.transport.value().partition(b"\r\n\r\n")[0].decode()
        self._text = ""
        self._seen = 0

    @property
    def status(self):
        return int(self.head.split()[1])

    def events(self):
        """(name, data) of those that came since the last look; `cursor` is that of the last."""
        text = "".join(self.chunks())
        new, self._seen = text[self._seen :], len(text)
        found = []
        for block in new.split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            if lines:
                self.cursor = lines["id"]
                found.append((lines["event"], json.loads(lines["data"])))
        return found

    def chunks(self):
        """As they were written."""
        raw = self.connection.transport.value().partition(b"\r\n\r\n")[2]
        while raw:
            size, _, raw = raw.partition(b"\r\n")
            length = int(size, 16)
            yield raw[:length].decode()
            raw = raw[length + 2 :]


class EventsCase(ControlCase):
    def setUp(self):
        super().setUp()
        self.one, self.two, self.three = self.session.torrents.values()

    def read(self, *args, **headers):
        return Reading(self, *args, **headers)

    def news(self, reading):
        self.clock.advance(GATHER)
        return reading.events()


class Telling(EventsCase):
    def test_hello(self):
        reading = self.read()
        self.assertEqual(reading.status, 200)
        self.assertIn("text/event-stream", reading.head)
        ((name, data),) = reading.events()
        self.assertEqual((name, list(data)), ("hello", ["version"]))

    def test_changed(self):
        reading = self.read()
        reading.events()
        self.session.told(self.one, rate_download=5.5, left_until_done=100)
        self.assertEqual(reading.events(), [])
        ((name, data),) = self.news(reading)
        self.assertEqual(name, "torrent_changed")
        self.assertEqual((data["id"], data["hash_string"]), (1, "0" * 39 + "1"))
        self.assertEqual(
            data["fields"], {"left_until_done": 100, "percent_done": 0.875, "rate_download": 5}
        )

    def test_long_ones_are_only_named(self):
        reading = self.read()
        reading.events()
        for observer in self.session.observers:
            observer.torrent_changed(self.one, ["peers", "files", "name"])
        ((_, data),) = self.news(reading)
        self.assertEqual(data["lists"][:1], ["bytes_completed"])
        self.assertIn("peers", data["lists"])
        self.assertEqual(data["fields"]["name"], "one")

    def test_changes_are_gathered(self):
        reading = self.read()
        reading.events()
        for rate in range(100):
            self.session.told(self.one, rate_upload=float(rate))
        self.session.told(self.two, status=0)
        self.assertEqual(
            [(name, data["id"], data["fields"]) for name, data in self.news(reading)],
            [
                ("torrent_changed", 1, {"rate_upload": 99}),
                ("torrent_changed", 2, {"status": 0}),
            ],
        )

    def test_what_changed_before_something_else_did(self):
        """Each change is told, also of a torrent that stands further behind by a later one; and
        again to who comes back before he was told all of them."""
        reading = self.read()
        reading.events()
        self.session.told(self.one, error=3)
        self.session.told(self.two, status=0)
        self.session.told(self.one, status=0)
        told = [
            ("torrent_changed", 2, {"status": 0}),
            ("torrent_changed", 1, {"error": 3, "status": 0}),
        ]

        def shown(events):
            return [(name, data["id"], data["fields"]) for name, data in events]

        text_before = len(reading.connection.transport.value())
        self.assertEqual(shown(self.news(reading)), told)
        written = reading.connection.transport.value()[text_before:].decode()
        first, second = [line for line in written.splitlines() if line.startswith("id: ")]
        again = self.read(Last_Event_ID=first.removeprefix("id: "))
        self.assertEqual(shown(again.events()[1:]), told)
        again = self.read(Last_Event_ID=second.removeprefix("id: "))
        self.assertEqual(again.events()[1:], [])

    def test_many_changes_at_once(self):
        """Those that had to wait for a turn, too."""
        self.patch(events, "AT_ONCE", 1)
        reading = self.read()
        reading.events()
        self.session.told(self.one, error=3)
        self.session.told(self.two, status=0)
        self.session.told(self.one, status=0)
        found = self.news(reading)
        self.assertEqual(found[-1][1]["fields"], {"error": 3, "status": 0})
        self.assertEqual(len(found), 2)

    def test_added_and_removed(self):
        reading = self.read()
        reading.events()
        self.result("torrent_add", filename="magnet:?x")
        ((name, data),) = self.news(reading)
        self.assertEqual((name, data["id"], data["fields"]["name"]), ("torrent_added", 4, "added"))
        self.result("torrent_remove", ids=4)
        self.assertEqual(
            self.news(reading),
            [("torrent_removed", {"id": 4, "hash_string": "0" * 39 + "4"})],
        )

    def test_settings(self):
        reading = self.read()
        reading.events()
        self.result("session_set", speed_limit_up=7, tx_min_share=0.5)
        self.assertEqual(
            self.news(reading),
            [("settings_changed", {"fields": {"speed_limit_up": 7, "tx_min_share": 0.5}})],
        )

    def test_every_reader(self):
        readings = [self.read(), self.read()]
        self.session.told(self.one, status=0)
        self.clock.advance(GATHER)
        for reading in readings:
            self.assertEqual(reading.events()[1][0], "torrent_changed")

    def test_many_changes_do_not_take_a_whole_turn(self):
        self.patch(events, "AT_ONCE", 2)
        reading = self.read()
        for torrent in (self.one, self.two, self.three):
            self.session.told(torrent, status=0)
        self.clock.advance(GATHER)
        self.assertEqual([chunk.count("event:") for chunk in reading.chunks()], [1, 2, 1])

    def test_comments_keep_it_alive(self):
        reading = self.read()
        self.clock.advance(KEEP_ALIVE)
        self.assertTrue(reading.connection.transport.value().endswith(b":\n\n\r\n"))


class Cursors(EventsCase):
    def test_nothing_is_missed(self):
        reading = self.read()
        reading.events()
        self.session.told(self.one, status=0)
        self.news(reading)
        reading.connection.close()
        self.session.told(self.two, status=0)
        self.session.told(self.one, name="uno")
        again = self.read(Last_Event_ID=reading.cursor)
        self.assertEqual(
            [(name, data.get("fields")) for name, data in again.events()[1:]],
            [
                ("torrent_changed", {"status": 0}),
                ("torrent_changed", {"magnet_link": magnet_link(self.one), "name": "uno"}),
            ],
        )

    def test_in_the_query_too(self):
        reading = self.read()
        reading.events()
        self.session.told(self.one, status=0)
        again = self.read(f"/events?cursor={reading.cursor}")
        self.assertEqual([name for name, _ in again.events()], ["hello", "torrent_changed"])

    def test_too_old(self):
        self.patch(changes, "MAX_ENTRIES", 1)
        reading = self.read()
        reading.events()
        for torrent in (self.one, self.two):
            self.session.told(torrent, status=0)
        again = self.read(Last_Event_ID=reading.cursor)
        self.assertEqual([name for name, _ in again.events()], ["hello", "reset"])
        self.session.told(self.three, status=0)
        self.assertEqual([name for name, _ in self.news(again)], ["torrent_changed"])

    def test_of_another_run_or_of_nothing(self):
        for cursor in ("other-0", f"{self.control.desk.events.run}-5", "x", "-", "x" * 1000):
            reading = self.read(Last_Event_ID=cursor)
            self.assertEqual([name for name, _ in reading.events()], ["reset"], cursor)

    def test_written_and_read(self):
        cursor = Cursor("abc", 5)
        self.assertEqual(Cursor.read(str(cursor)), cursor)
        for text in ("", "abc", "abc-", "abc-x", "abc--5", "abc-\u0665"):
            self.assertIsNone(Cursor.read(text))


class Slow(EventsCase):
    def test_is_told_the_latest_when_it_reads_on(self):
        reading = self.read()
        reading.events()
        reading.connection.channel.pauseProducing()
        for rate in (1.0, 2.0, 3.0):
            self.session.told(self.one, rate_upload=rate)
            self.assertEqual(self.news(reading), [])
        reading.connection.channel.resumeProducing()
        self.session.told(self.two, status=0)
        self.assertEqual(
            [data["fields"] for _, data in self.news(reading)], [{"rate_upload": 3}, {"status": 0}]
        )

    def test_is_dropped(self):
        reading = self.read()
        reading.connection.channel.pauseProducing()
        self.clock.advance(PATIENCE)
        self.assertTrue(reading.connection.is_aborted)

    def test_too_many(self):
        readings = [self.read() for _ in range(MAX_READERS)]
        self.assertEqual(self.read().status, 503)
        readings[0].connection.close()
        self.assertEqual(self.read().status, 200)

    def test_no_timer_is_left(self):
        reading = self.read()
        self.session.told(self.one, status=0)
        reading.connection.close()
        self.control.desk.events.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopping_ends_them(self):
        reading = self.read()
        self.control.desk.events.stop()
        self.assertTrue(reading.connection.transport.value().endswith(b"0\r\n\r\n"))
        self.session.told(self.one, status=0)
        reading.connection.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
