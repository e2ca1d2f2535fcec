"""The list of torrents: adding, removing, what comes back after a restart or a kill."""

import os

from tests.seedbox.case import DOWNLOADING, SEEDING, STOPPED, SeedboxCase
from txtorrent.errors import RequestError
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


class AtTheSameTime(SeedboxCase):
    """Calls that overlap: their order is that in which they came."""

    def test_added_twice(self):
        made = self.payload()
        first, again = (self.box.add(made.metainfo.raw, {"paused": True}) for _ in range(2))
        first, again = self.result_of(first), self.result_of(again)
        self.assertEqual((first.is_duplicate, again.is_duplicate), (False, True))
        self.assertIs(first.torrent, again.torrent)
        self.assertEqual(list(self.box.torrents.values()), [first.torrent])

    def test_added_again_while_it_is_removed(self):
        made = self.payload()
        entry = self.add(made, paused=True)
        removing = self.box.remove([entry], delete_data=False)
        adding = self.box.add(made.metainfo.raw, {"paused": True})
        self.result_of(removing)
        added = self.result_of(adding)
        self.assertEqual((added.is_duplicate, added.torrent.id), (False, 2))
        self.kill()
        self.start()
        self.assertEqual([entry.id for entry in self.box.torrents.values()], [2])

    def test_added_again_while_its_data_is_deleted(self):
        made = self.payload()
        self.write(made)
        entry = self.add(made, paused=True)
        removing = self.box.remove([entry], delete_data=True)
        adding = self.box.add(made.metainfo.raw, {})
        self.result_of(removing)
        again = self.result_of(adding).torrent
        self.write(made)
        self.result_of(self.box.verify([again]))
        self.run_until(lambda: again.status == SEEDING)
        self.clock.advance(60)
        self.assertEqual(again.left_until_done, 0)
        self.assertEqual(os.listdir(self.downloads), ["t0.bin"])

    def test_two_with_one_file(self):
        """The second one hears of the first, which is not recorded yet when it comes."""
        made, other = self.payload(), self.payload(pieces=5)
        adding = [self.box.add(each.metainfo.raw, {"paused": True}) for each in (made, other)]
        self.result_of(adding[0])
        with self.assertRaises(RequestError):
            self.result_of(adding[1])


class TheQueue(SeedboxCase):
    def test_positions_outlive_a_kill_and_removals(self):
        entries = [self.add(self.payload(number), paused=True) for number in range(4)]
        self.result_of(self.box.queue_move(entries[3:], "top"))
        self.result_of(self.box.remove(entries[:1], delete_data=False))
        self.result_of(self.box.change([(entries[2], {"queue_position": 1})]))
        self.add(self.payload(7), paused=True)
        self.kill()
        self.start()
        found = sorted(self.box.torrents.values(), key=lambda entry: entry.queue_position)
        self.assertEqual([entry.id for entry in found], [4, 3, 2, 5])
        self.assertEqual([entry.queue_position for entry in found], [0, 1, 2, 3])

    def test_who_was_not_moved_is_not_written(self):
        entries = [self.add(self.payload(number), paused=True) for number in range(4)]
        written = []
        change = self.box._listing.change
        self.patch(
            type(self.box._listing), "change",
            lambda listing, changes: written.append(changes) or change(changes),
        )  # fmt: skip
        self.result_of(self.box.queue_move(entries[2:3], "top"))
        self.result_of(self.box.remove(entries[:1], delete_data=False))
        self.assertEqual([[row.id for row in changes.put] for changes in written], [[3], []])


class Totals(SeedboxCase):
    def test_of_this_run_and_of_all(self):
        made = self.payload()
        seed = self.seed(made)
        entry = self.add(made)
        self.run_until(lambda: entry.status == DOWNLOADING and entry.parts)
        entry.parts.connections.found([seed.address], Source.USER)
        self.run_until(lambda: entry.status == SEEDING)
        self.assertEqual(self.box.statistics().current.downloaded, len(made.data))
        self.result_of(self.box.stop([entry]))
        self.run_until(lambda: entry.torrent is None)
        self.assertEqual(self.box.statistics().current.downloaded, len(made.data))
        self.result_of(self.box.remove([entry], delete_data=False))
        self.assertEqual(self.box.statistics().current.downloaded, len(made.data))
        self.restart()
        found = self.box.statistics()
        self.assertEqual((found.current.downloaded, found.current.files_added), (0, 0))
        self.assertEqual(found.cumulative.downloaded, len(made.data))
        self.assertEqual((found.cumulative.files_added, found.cumulative.session_count), (1, 2))
