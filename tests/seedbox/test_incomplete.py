"""Content is in the incomplete directory until it is complete, and then where it belongs."""

import os

from tests.seedbox.case import DOWNLOADING, SEEDING, SeedboxCase
from tests.testing import torrents
from txtorrent.daemon.hooks import Hooks
from txtorrent.errors import Code, RequestError
from txtorrent.swarm.peerbook import Source


class Incomplete(SeedboxCase):
    def start(self):
        self.incomplete = os.path.join(self.folder, "incomplete")
        self.settings = {
            "incomplete_dir": self.incomplete, "incomplete_dir_enabled": True,
        } | type(self).settings  # fmt: skip
        super().start()
        self.ran = []
        self.box.observe(Hooks(lambda *ran: self.ran.append(ran), self.box.torrents.values()))

    def begin(self, made, **options):
        self.seeder = self.seed(made)
        self.entry = self.add(made, **options)
        self.run_until(lambda: self.entry.status == DOWNLOADING and self.entry.parts)

    def finish(self):
        self.entry.parts.connections.found([self.seeder.address], Source.USER)
        self.run_until(lambda: self.entry.status == SEEDING)

    def listed(self):
        """What is in the incomplete directory, and in that for downloads."""
        return [
            sorted(os.listdir(each)) if os.path.exists(each) else None
            for each in (self.incomplete, self.downloads)
        ]

    def settle(self):
        self.run_until(lambda: not (self.entry.record.place or self.entry.waiting), 60)

    def test_moved_when_it_is_complete(self):
        self.begin(self.payload())
        self.assertEqual(self.listed(), [["t0.bin"], []])
        self.assertEqual(self.entry.directory, self.downloads)
        self.finish()
        self.settle()
        self.assertEqual(self.listed(), [[], ["t0.bin"]])
        self.assertEqual((self.entry.status, self.entry.directory), (SEEDING, self.downloads))
        with open(os.path.join(self.downloads, "t0.bin"), "rb") as file:
            self.assertEqual(file.read(), torrents.content("t0", 262144))

    def test_done_when_it_is_where_it_belongs(self):
        self.begin(self.payload())
        self.finish()
        self.settle()
        self.clock.advance(1)
        self.assertEqual([event for event, _ in self.ran], ["added", "done"])
        self.assertEqual(self.ran[1][1].directory, self.downloads)

    def test_done_although_it_cannot_go_there(self):
        self.begin(self.payload())
        with open(os.path.join(self.downloads, "t0.bin"), "wb") as file:
            file.write(b"somebody else's")
        self.finish()
        self.run_until(lambda: self.entry.failure)
        self.clock.advance(1)
        self.assertEqual([event for event, _ in self.ran], ["added", "done"])
        self.assertEqual(self.ran[1][1].directory, self.incomplete)

    def test_what_is_there_already_stays(self):
        made = self.payload()
        self.write(made)
        self.entry = self.add(made)
        self.run_until(lambda: self.entry.status == SEEDING)
        self.assertEqual(self.listed(), [None, ["t0.bin"]])

    def test_continued_after_a_restart_with_other_settings(self):
        made = self.payload()
        self.begin(made)
        type(self).settings = {"incomplete_dir_enabled": False}
        self.addCleanup(setattr, type(self), "settings", {})
        self.restart()
        self.entry = self.box.torrents[self.entry.info_hash]
        self.run_until(lambda: self.entry.status == DOWNLOADING and self.entry.parts)
        self.assertEqual(self.listed(), [["t0.bin"], []])
        self.finish()
        self.settle()
        self.assertEqual(self.listed(), [[], ["t0.bin"]])

    def test_moved_after_a_kill_before_the_move_was_recorded(self):
        self.begin(self.payload())

        async def move(*arguments):
            """Killed before that."""

        self.patch(self.box._places, "move", move)
        self.finish()
        self.clock.advance(1)
        self.assertEqual(self.listed(), [["t0.bin"], []])
        self.kill()
        self.start()
        self.entry = self.box.torrents[self.entry.info_hash]
        self.settle()
        self.assertEqual(self.listed(), [[], ["t0.bin"]])
        self.assertEqual(self.entry.status, SEEDING)
        self.assertEqual([event for event, _ in self.ran], ["done"])

    def test_stopped_before_it_is_moved(self):
        """It is not done yet, and it will be after the next start."""
        self.begin(self.payload())
        stuck = self.result_of(self.box._places._turn.acquire())
        self.finish()
        self.clock.advance(1)
        self.box._observers.changed(self.entry, ("directory",))  # as a move that is left off tells
        self.clock.post(self.clock.seconds() + 1, stuck.release)
        before = self.ran
        self.restart()
        self.assertEqual([event for event, _ in before], ["added"])
        self.entry = self.box.torrents[self.entry.info_hash]
        self.settle()
        self.assertEqual([event for event, _ in self.ran], ["done"])

    def test_two_of_one_name(self):
        """Their content would be the same files there."""
        elsewhere = os.path.join(self.folder, "elsewhere")
        os.mkdir(elsewhere)
        self.begin(self.payload())
        other = self.add(self.payload(pieces=5), directory=elsewhere)
        self.run_until(lambda: other.parts)
        self.assertEqual((other.record.place, os.listdir(elsewhere)), ("", ["t0.bin"]))

    def test_two_of_one_name_at_once(self):
        directories = [os.path.join(self.folder, name) for name in ("one", "two")]
        adding = [
            self.box.add(
                self.payload(pieces=number + 1).metainfo.raw,
                {"directory": directory, "paused": True},
            )
            for number, directory in enumerate(directories)
        ]
        entries = [self.result_of(each).torrent for each in adding]
        self.assertEqual([each.record.place for each in entries], [self.incomplete, ""])

    def test_a_directory_that_cannot_be_made(self):
        with open(self.incomplete, "wb"):
            pass
        with self.assertRaises(RequestError) as caught:
            self.add(self.payload())
        self.assertEqual(caught.exception.code, Code.SYSTEM_ERROR)
        self.assertIn("incomplete_dir", caught.exception.text)
        self.assertEqual(self.box.torrents, {})
