"""Where content lies: moved, looked for elsewhere, renamed, deleted."""

import os

from tests.seedbox.case import SEEDING, SeedboxCase
from tests.testing import torrents
from txtorrent.errors import RequestError


class Places(SeedboxCase):
    def seeding(self, **options):
        """A torrent that is complete and seeds."""
        self.made = self.payload(**options)
        self.write(self.made)
        entry = self.add(self.made)
        self.run_until(lambda: entry.status == SEEDING)
        self.elsewhere = os.path.join(self.folder, "elsewhere")
        return entry

    def content(self, directory, *path):
        with open(os.path.join(directory, *path), "rb") as file:
            return file.read()

    def test_moved(self):
        entry = self.seeding()
        self.result_of(self.box.set_location([entry], self.elsewhere, True))
        self.run_until(lambda: entry.directory == self.elsewhere and not entry.waiting)
        self.assertEqual(self.content(self.elsewhere, "t0.bin"), self.made.data)
        self.assertEqual(os.listdir(self.downloads), [])
        self.assertEqual(entry.status, SEEDING)
        self.restart()
        entry = self.box.torrents[entry.info_hash]
        self.assertEqual((entry.directory, entry.status), (self.elsewhere, SEEDING))

    def test_moved_while_it_sleeps(self):
        entry = self.seeding()
        self.result_of(self.box.stop([entry]))
        self.run_until(lambda: entry.torrent is None)
        self.result_of(self.box.set_location([entry], self.elsewhere, True))
        self.run_until(lambda: os.path.exists(os.path.join(self.elsewhere, "t0.bin")))
        self.clock.advance(5)
        self.assertEqual((entry.directory, entry.waiting), (self.elsewhere, ""))
        self.assertEqual(os.listdir(self.downloads), [])

    def test_something_in_the_way(self):
        entry = self.seeding()
        os.makedirs(self.elsewhere)
        with open(os.path.join(self.elsewhere, "t0.bin"), "wb") as file:
            file.write(b"somebody else's")
        self.result_of(self.box.set_location([entry], self.elsewhere, True))
        self.run_until(lambda: entry.failure)
        self.assertIn("not moved", entry.failure)
        self.assertEqual(self.content(self.downloads, "t0.bin"), self.made.data)
        self.assertEqual(self.content(self.elsewhere, "t0.bin"), b"somebody else's")
        self.assertEqual(entry.directory, self.downloads)

    def test_looked_for_elsewhere(self):
        entry = self.seeding()
        os.makedirs(self.elsewhere)
        torrents.write_content(self.elsewhere, self.made.metainfo, self.made.data)
        self.result_of(self.box.set_location([entry], self.elsewhere, False))
        self.clock.advance(1)
        self.run_until(lambda: entry.status == SEEDING)
        self.assertEqual(entry.torrent.content.root, self.elsewhere)
        self.assertEqual(self.content(self.downloads, "t0.bin"), self.made.data)

    def test_renamed(self):
        entry = self.seeding()
        self.result_of(self.box.rename_path(entry, "t0.bin", "better.mkv"))
        self.assertEqual(self.content(self.downloads, "better.mkv"), self.made.data)
        self.assertEqual((entry.name, entry.status), ("better.mkv", SEEDING))
        [file] = self.result_of(entry.details()).files
        self.assertEqual(file.name, "better.mkv")
        self.restart()
        entry = self.box.torrents[entry.info_hash]
        self.result_of(self.box.verify([entry]))
        self.run_until(lambda: entry.torrent and entry.status == SEEDING)
        self.assertEqual(entry.left_until_done, 0)

    def test_a_name_that_cannot_be(self):
        entry = self.seeding()
        for path, name in [("t0.bin", ".."), ("t0.bin", "a/b"), ("other", "x"), ("t0.bin", "")]:
            with self.assertRaises(RequestError):
                self.result_of(self.box.rename_path(entry, path, name))
        self.assertEqual(entry.name, "t0.bin")

    def test_deleted(self):
        entry = self.seeding()
        with open(os.path.join(self.downloads, "mine"), "wb") as file:
            file.write(b"not the torrent's")
        self.result_of(self.box.remove([entry], delete_data=True))
        self.clock.advance(5)
        self.assertEqual(os.listdir(self.downloads), ["mine"])
        self.assertEqual(self.result_of(self.box._listing.tasks()), [])

    def test_removed_without_its_data(self):
        entry = self.seeding()
        self.result_of(self.box.remove([entry], delete_data=False))
        self.clock.advance(5)
        self.assertEqual(self.content(self.downloads, "t0.bin"), self.made.data)

    def test_a_move_is_recorded_before_it_is_acknowledged(self):
        entry = self.seeding()
        moving = self.box.set_location([entry], self.elsewhere, True)
        self.result_of(moving)
        self.kill()
        self.start()
        entry = self.box.torrents[entry.info_hash]
        self.run_until(lambda: entry.directory == self.elsewhere and not entry.waiting)
        self.assertEqual(self.content(self.elsewhere, "t0.bin"), self.made.data)

    def test_while_it_is_to_be_moved(self):
        """To one place only; and it may be looked for elsewhere instead, or be removed."""
        entry = self.seeding()
        other = os.path.join(self.folder, "other")
        moving = self.box.set_location([entry], self.elsewhere, True)
        with self.assertRaises(RequestError):
            self.result_of(self.box.set_location([entry], other, True))
        os.makedirs(other, exist_ok=True)
        torrents.write_content(other, self.made.metainfo, self.made.data)
        self.result_of(moving)
        self.result_of(self.box.set_location([entry], other, False))
        self.clock.advance(5)
        self.assertEqual((entry.directory, entry.waiting), (other, ""))
        self.assertEqual(self.result_of(self.box._listing.tasks()), [])
        self.assertEqual(self.content(other, "t0.bin"), self.made.data)

    def test_what_waits_to_be_moved_does_not_keep_the_daemon_from_ending(self):
        entries = [self.seeding(), *(self.add(self.payload(number)) for number in (1, 2))]
        self.result_of(self.box.set_location(entries, self.elsewhere, True))
        self.restart()
        entries = list(self.box.torrents.values())
        self.run_until(lambda: [e.directory for e in entries] == [self.elsewhere] * 3)
        self.clock.advance(5)
        self.assertEqual(self.result_of(self.box._listing.tasks()), [])
