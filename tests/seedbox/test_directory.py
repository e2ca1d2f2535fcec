"""Where new content may go."""

import os

from tests.seedbox.case import DOWNLOADING, SEEDING, SeedboxCase
from txtorrent.errors import Code, RequestError
from txtorrent.swarm.peerbook import Source


class Directory(SeedboxCase):
    def test_one_that_is_missing_is_made(self):
        """Programs that add torrents name a folder of their own for each category."""
        made = self.payload()
        seed = self.seed(made)
        there = os.path.join(self.downloads, "tv", "new")
        entry = self.add(made, directory=there)
        self.run_until(lambda: entry.status == DOWNLOADING and entry.parts)
        entry.parts.connections.found([seed.address], Source.USER)
        self.run_until(lambda: entry.status == SEEDING)
        self.assertEqual(os.listdir(there), ["t0.bin"])

    def test_only_when_it_is_added(self):
        """Later it counts as a disk that is not mounted."""
        made = self.payload()
        there = os.path.join(self.downloads, "tv")
        entry = self.add(made, directory=there)
        self.run_until(lambda: entry.status == DOWNLOADING)
        self.stop()
        os.rmdir(there)
        self.start()
        entry = self.box.torrents[made.metainfo.info_hash]
        self.run_until(lambda: entry.failure)
        self.assertIn("storage missing", entry.failure)
        self.assertFalse(os.path.exists(there))

    def test_a_link_may_stay_inside(self):
        os.symlink(os.path.join(self.downloads, "real"), os.path.join(self.downloads, "link"))
        entry = self.add(self.payload(), directory=os.path.join(self.downloads, "link"))
        self.assertTrue(os.path.isdir(os.path.join(self.downloads, "real")))
        self.run_until(lambda: entry.status == DOWNLOADING)

    def test_a_link_that_leads_out(self):
        outside, link = (os.path.join(self.folder, name) for name in ("outside", "downloads/link"))
        os.mkdir(outside)
        os.symlink(outside, link)
        inside = os.path.join(link, "x")
        with self.assertRaises(RequestError) as caught:
            self.add(self.payload(), directory=inside)
        self.assertEqual(caught.exception.code, Code.INVALID_PARAMS)
        self.assertIn("not in an allowed directory", caught.exception.text)
        self.assertEqual((self.box.torrents, os.listdir(outside)), ({}, []))
        entry = self.add(self.payload(), paused=True)
        for move in (True, False):
            with self.subTest(move=move), self.assertRaises(RequestError):
                self.result_of(self.box.set_location([entry], inside, move))
        self.assertEqual((entry.directory, os.listdir(outside)), (self.downloads, []))

    def test_one_that_cannot_be_made(self):
        with open(os.path.join(self.downloads, "file"), "wb"):
            pass
        for directory in ("file", "file/below"):
            with self.subTest(directory), self.assertRaises(RequestError) as caught:
                self.add(self.payload(), directory=os.path.join(self.downloads, directory))
            self.assertEqual(caught.exception.code, Code.SYSTEM_ERROR)
        self.assertEqual(self.box.torrents, {})
