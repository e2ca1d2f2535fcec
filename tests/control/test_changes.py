"""What changed, in its order, for those who ask what is new to them."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.control.fakesession import FakeSession
from txtorrent.control import changes
from txtorrent.control.changes import HORIZON, RECENT, SETTINGS, Changes


class Case(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.changes = Changes(self.clock.seconds)
        self.session = FakeSession("one", "two", "three")
        self.one, self.two, self.three = self.session.torrents.values()

    def ids(self, number=0):
        return [entry.torrent_id for entry in self.changes.since(number)]


class Since(Case):
    def test_nothing(self):
        self.assertEqual(self.changes.since(0), [])
        self.assertEqual(self.changes.recent(), [])

    def test_in_order_each_once(self):
        for torrent in (self.one, self.two, self.one):
            self.changes.torrent_changed(torrent, ["eta"])
        self.assertEqual(self.ids(), [2, 1])

    def test_only_what_is_new(self):
        self.changes.torrent_changed(self.one, ["eta"])
        seen = self.changes.number
        self.changes.torrent_changed(self.two, ["eta"])
        self.assertEqual(self.ids(seen), [2])
        self.assertEqual(self.ids(self.changes.number), [])

    def test_only_names_that_are_new(self):
        self.changes.torrent_changed(self.one, ["eta", "name"])
        seen = self.changes.number
        self.changes.torrent_changed(self.one, ["eta", "status"])
        (entry,) = self.changes.since(seen)
        self.assertEqual(entry.since(seen), ["eta", "status"])
        self.assertEqual(entry.since(0), ["eta", "name", "status"])

    def test_added_and_removed(self):
        self.changes.torrent_added(self.one)
        self.changes.torrent_changed(self.one, ["eta"])
        (entry,) = self.changes.since(0)
        self.assertEqual((entry.added, entry.removed), (1, 0))
        self.changes.torrent_removed(self.one)
        (entry,) = self.changes.since(0)
        self.assertEqual((entry.removed, entry.torrent, entry.names), (3, None, {}))
        self.assertEqual(entry.info_hash, self.one.info_hash)

    def test_settings(self):
        self.changes.settings_changed(["reqq"])
        self.changes.settings_changed(["encryption"])
        (entry,) = self.changes.since(0)
        self.assertEqual((entry.torrent_id, entry.since(1)), (SETTINGS, ["encryption"]))
        self.assertEqual(self.changes.recent(), [])

    def test_wakes(self):
        woken = []
        self.changes.wake = lambda: woken.append(self.changes.number)
        self.changes.torrent_added(self.one)
        self.changes.torrent_changed(self.one, ["eta"])
        self.changes.torrent_removed(self.one)
        self.changes.settings_changed(["reqq"])
        self.assertEqual(woken, [1, 2, 3, 4])


class Recent(Case):
    def test_for_a_minute(self):
        self.changes.torrent_changed(self.one, ["eta"])
        self.clock.advance(RECENT / 2)
        self.changes.torrent_changed(self.two, ["eta"])
        self.clock.advance(RECENT / 2)
        self.assertEqual(self.changes.recent(), [self.two, self.one])
        self.clock.advance(1)
        self.assertEqual(self.changes.recent(), [self.two])

    def test_removed(self):
        self.changes.torrent_changed(self.one, ["eta"])
        self.changes.torrent_removed(self.one)
        self.assertEqual(self.changes.recent(), [])
        self.assertEqual(self.changes.recently_removed(), [1])
        self.clock.advance(RECENT + 1)
        self.assertEqual(self.changes.recently_removed(), [])


class Forgetting(Case):
    def test_by_age(self):
        self.changes.torrent_changed(self.one, ["eta"])
        self.clock.advance(HORIZON + 1)
        self.assertEqual(self.changes.forgotten, 0)
        self.changes.torrent_changed(self.two, ["eta"])
        self.assertEqual(self.changes.forgotten, 1)
        self.assertEqual(self.ids(), [2])

    def test_by_number(self):
        self.patch(changes, "MAX_ENTRIES", 2)
        for torrent in (self.one, self.two, self.one, self.three):
            self.changes.torrent_changed(torrent, ["eta"])
        self.assertEqual(self.ids(), [1, 3])
        self.assertEqual(self.changes.forgotten, 2)
