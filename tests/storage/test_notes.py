"""Notes outlive the run that made them; a damaged one was never written."""

from tests.storage import test_listing
from txtorrent.storage.notes import Notes


class NoteTests(test_listing.Case):
    def setUp(self):
        super().setUp()
        self.notes = Notes(self.log)

    def test_kept(self):
        self.assertIsNone(self.get(self.notes.get("dht")))
        self.get(self.notes.put({"dht": b"one", "key": b""}))
        self.get(self.notes.put({"dht": b"\0two"}, durable=True))
        for _ in range(2):
            self.assertEqual(self.get(self.notes.get("dht")), b"\0two")
            self.assertEqual(self.get(self.notes.get("key")), b"")
            self.assertIsNone(self.get(self.notes.get("other")))
            self.reopen()
            self.notes = Notes(self.log)

    def test_damaged(self):
        self.get(self.notes.put({"dht": b"one", "key": b"two"}))
        self.execute("UPDATE note SET value = x'00' WHERE name = 'dht'")
        self.assertIsNone(self.get(self.notes.get("dht")))
        self.assertEqual(self.get(self.notes.get("key")), b"two")
        self.flushWarnings()
