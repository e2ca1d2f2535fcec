"""Torrents that watched directories bring to a seedbox on the simulated network."""

import os

from tests.seedbox.case import SeedboxCase
from txtorrent.daemon.intake import Intake
from txtorrent.daemon.watch import NotWanted, WatchDirectories, Watched
from txtorrent.errors import Code, RequestError
from txtorrent.seedbox.entry import SEEDING, STOPPED


class Bringing(SeedboxCase):
    def setUp(self):
        super().setUp()
        self.watching = None
        self.incoming = os.path.join(self.folder, "incoming")
        os.mkdir(self.incoming)

    def tearDown(self):
        if self.watching is not None:
            self.result_of(self.watching.stop())
        super().tearDown()

    def watch(self, **options):
        watched = Watched(self.incoming, **options)
        self.watching = WatchDirectories(
            self.host, self.session.disk.read, [watched], Intake(self.box).add
        )
        self.watching.start()
        self.clock.advance(10)

    def put(self, name, raw):
        with open(os.path.join(self.incoming, name), "wb") as file:
            file.write(raw)

    def listed(self):
        return sorted(os.listdir(self.incoming))

    def test_added(self):
        made = self.payload()
        self.write(made)
        self.put("a.torrent", made.metainfo.raw)
        self.watch()
        [entry] = self.box.torrents.values()
        self.assertEqual((entry.status, entry.labels), (SEEDING, ()))
        self.assertEqual(self.listed(), ["a.torrent.added"])

    def test_with_what_the_directory_says(self):
        elsewhere = os.path.join(self.folder, "elsewhere")
        self.put("a.torrent", self.payload().metainfo.raw)
        self.watch(destination=elsewhere, labels=("x", "y"), start=False)
        [entry] = self.box.torrents.values()
        self.assertEqual((entry.status, entry.labels), (STOPPED, ("x", "y")))
        self.assertEqual(entry.directory, elsewhere)

    def test_started_although_others_are_not(self):
        self.result_of(self.box.settings.change({"start_added_torrents": False}))
        self.put("a.torrent", self.payload(0).metainfo.raw)
        self.watch(start=True)
        self.assertNotEqual([e.status for e in self.box.torrents.values()], [STOPPED])

    def test_one_that_is_there_already(self):
        made = self.payload()
        self.add(made, paused=True)
        self.put("again.torrent", made.metainfo.raw)
        self.watch(labels=("new",))
        [entry] = self.box.torrents.values()
        self.assertEqual(entry.labels, ())
        self.assertEqual(self.listed(), ["again.torrent.added"])

    def test_one_that_is_none(self):
        self.put("bad.torrent", b"nonsense")
        self.watch()
        self.assertEqual(self.box.torrents, {})
        self.assertEqual(self.listed(), ["bad.torrent.invalid", "bad.torrent.invalid.txt"])

    def test_one_whose_files_are_another_torrents(self):
        self.add(self.payload(0), paused=True)
        self.put("other.torrent", self.payload(0, pieces=5).metainfo.raw)
        self.watch()
        self.assertEqual(len(self.box.torrents), 1)
        self.assertIn("other.torrent.invalid", self.listed())

    def test_whose_fault_it_is(self):
        for code, expected in ((Code.SYSTEM_ERROR, RequestError), (Code.FILE_INDEX, NotWanted)):

            def add(raw, options, code=code):
                raise RequestError(code, "why")

            self.patch(self.box, "add", add)
            with self.assertRaises(expected):
                self.result_of(Intake(self.box).add(b"", Watched(self.incoming)))
