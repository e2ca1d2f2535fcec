"""The list of torrents: adding, removing, what comes back after a restart or a kill."""

from tests.seedbox.case import DOWNLOADING, SEEDING, STOPPED, SeedboxCase
from txtorrent.swarm.peerbook import Source


class Adding(SeedboxCase):
    def test_what_is_there_is_checked_and_seeded(self):
        made = self.payload()
        self.write(made)
        entry = self.add(made)
        self.run_until(lambda: entry.status == SEEDING)
        self.assertEqual((entry.left_until_done, entry.have_valid), (0, len(made.data)))
        self.assertIn(("added", 1), self.noted.told)

    def test_paused(self):
        entry = self.add(self.payload(), paused=True)
        self.clock.advance(5)
        self.assertEqual((entry.status, entry.torrent), (STOPPED, None))

    def test_twice(self):
        made = self.payload()
        first = self.result_of(self.box.add(made.metainfo.raw, {}))
        again = self.result_of(self.box.add(made.metainfo.raw, {}))
        self.assertEqual((first.is_duplicate, again.is_duplicate), (False, True))
        self.assertIs(first.torrent, again.torrent)

    def test_options(self):
        entry = self.add(self.payload(), labels=("a", "b"), peer_limit=7, paused=True)
        self.assertEqual((entry.labels, entry.peer_limit), (("a", "b"), 7))


class Coming(SeedboxCase):
    """Back after the end of the daemon."""

    def test_after_a_restart(self):
        for number in range(3):
            made = self.payload(number)
            self.write(made)
            self.add(made, paused=number == 1, labels=(str(number),))
        self.run_until(lambda: [e.status for e in self.box.torrents.values()] == [6, 0, 6])
        self.restart()
        found = [(e.id, e.name, e.labels, e.status) for e in self.box.torrents.values()]
        self.assertEqual(
            found,
            [(1, "t0.bin", ("0",), 6), (2, "t1.bin", ("1",), 0), (3, "t2.bin", ("2",), 6)],
        )

    def test_after_a_kill(self):
        entry = self.add(self.payload(), paused=True)
        self.result_of(self.box.change([(entry, {"labels": ("kept",)})]))
        self.kill()
        self.start()
        self.assertEqual([e.labels for e in self.box.torrents.values()], [("kept",)])

    def test_ids_are_not_given_twice(self):
        entry = self.add(self.payload(0), paused=True)
        self.result_of(self.box.remove([entry], delete_data=False))
        self.restart()
        self.assertEqual(self.add(self.payload(1), paused=True).id, 2)


class Named(SeedboxCase):
    """Peers that the user names on the command line, for torrents of the list too."""

    def test_of_one_that_runs(self):
        made = self.payload()
        seed = self.seed(made)
        entry = self.add(made)
        self.run_until(lambda: entry.status == DOWNLOADING and entry.parts)
        self.box.name_peers(entry, [seed.address])
        self.run_until(lambda: entry.status == SEEDING)

    def test_of_one_that_is_about_to_run(self):
        made = self.payload()
        seed = self.seed(made)
        self.add(made)
        self.restart()
        entry = self.box.torrents[made.metainfo.info_hash]
        self.box.name_peers(entry, [seed.address])
        self.run_until(lambda: entry.status == SEEDING)

    def test_of_one_that_sleeps(self):
        made = self.payload()
        self.write(made)
        entry = self.add(made)
        self.run_until(lambda: entry.status == SEEDING)
        self.restart()
        entry = self.box.torrents[made.metainfo.info_hash]
        leecher = self.swarm(made).add_leecher()
        self.assertIsNone(entry.torrent)
        self.box.name_peers(entry, [leecher.address])
        self.run_until(lambda: leecher.torrent.progress.is_complete)


class Removing(SeedboxCase):
    def test_while_it_runs(self):
        made = self.payload()
        self.write(made)
        entry = self.add(made)
        self.run_until(lambda: entry.status == SEEDING)
        self.result_of(self.box.remove([entry], delete_data=False))
        self.assertEqual((self.box.torrents, self.session.torrents), ({}, {}))
        self.assertIn(("removed", 1), self.noted.told)
        self.restart()
        self.assertEqual(self.box.torrents, {})


class Running(SeedboxCase):
    def test_start_and_stop(self):
        made = self.payload()
        self.write(made)
        entry = self.add(made, paused=True)
        self.result_of(self.box.start([entry], now=False))
        self.run_until(lambda: entry.status == SEEDING)
        self.result_of(self.box.stop([entry]))
        self.run_until(lambda: entry.torrent is None)
        self.assertEqual(entry.status, STOPPED)
        self.restart()
        self.assertEqual(self.box.torrents[entry.info_hash].status, STOPPED)

    def test_a_download(self):
        made = self.payload()
        seed = self.seed(made)
        entry = self.add(made)
        self.run_until(lambda: entry.status == DOWNLOADING and entry.parts)
        entry.parts.connections.found([seed.address], Source.USER)
        self.run_until(lambda: entry.status == SEEDING)
        self.clock.advance(1)
        self.assertGreater(entry.done_date, 0)
        self.assertEqual(entry.downloaded_ever, len(made.data))
