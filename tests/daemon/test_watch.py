"""Watch directories: real files, a virtual clock, and a session that says what it was given."""

import errno
import os

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.daemon.case import logged
from tests.testing.clock import HeapClock
from tests.testing.disk import InlineLane
from txtorrent.daemon import watch
from txtorrent.daemon.watch import NotWanted, WatchDirectories, Watched
from txtorrent.metainfo.errors import MetainfoError
from txtorrent.settings.table import SETTINGS


class Case(SynchronousTestCase):
    def setUp(self):
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)
        self.clock = HeapClock()
        self.lane = InlineLane(self.clock)
        self.added = []
        self.answers = {}

    def watch(self, *watched):
        self.watching = WatchDirectories(
            self.clock, self.lane, watched or [Watched(self.directory)], self.add
        )
        self.watching.start()

    def add(self, raw, watched):
        self.added.append(raw.decode())
        return self.answers.get(raw.decode(), lambda: succeed(None))()

    def put(self, name, text="x", directory=None):
        with open(os.path.join(directory or self.directory, name), "w") as file:
            file.write(text)

    def listed(self, directory=None):
        return sorted(os.listdir(directory or self.directory))

    def read(self, name):
        with open(os.path.join(self.directory, name), encoding="utf-8") as file:
            return file.read()

    def after(self, seconds):
        self.clock.advance(seconds)


class Files(Case):
    def test_added_and_renamed(self):
        self.put("a.torrent", "A")
        self.watch()
        self.after(10)
        self.assertEqual(self.added, ["A"])
        self.assertEqual(self.listed(), ["a.torrent.added"])

    def test_added_and_deleted(self):
        self.put("a.torrent", "A")
        self.watch(Watched(self.directory, delete=True))
        self.after(10)
        self.assertEqual((self.added, self.listed()), (["A"], []))

    def test_put_there_later_and_again(self):
        self.watch()
        for text in "AB":
            self.after(10)
            self.put("a.torrent", text)
            self.after(10)
        self.assertEqual(self.added, ["A", "B"])
        self.assertEqual(self.listed(), ["a.torrent.added"])
        self.assertEqual(self.read("a.torrent.added"), "B")

    def test_what_it_gets(self):
        got = []
        self.add = lambda raw, watched: got.append(watched) or succeed(None)
        here = Watched(self.directory, "/srv", ("a", "b"), start=False)
        self.put("a.torrent")
        self.watch(here)
        self.after(10)
        self.assertEqual(got, [here])

    def test_as_in_the_settings(self):
        for written, kept in (
            ({"directory": "/w"}, Watched("/w")),
            (
                {"directory": "/w", "destination": "/d", "labels": ["a"], "start": False,
                 "then": "delete"},
                Watched("/w", "/d", ("a",), start=False, delete=True),
            ),
        ):  # fmt: skip
            (record,) = SETTINGS["watch"].kind.parse([written])
            self.assertEqual(Watched.of(record), kept)

    def test_what_is_left_alone(self):
        for name in (".a.torrent", "a.torrent.part", "a", "torrent", "a.txt"):
            self.put(name)
        os.mkdir(os.path.join(self.directory, "d.torrent"))
        os.mkfifo(os.path.join(self.directory, "f.torrent"))
        os.symlink("/etc/passwd", os.path.join(self.directory, "l.torrent"))
        before = self.listed()
        self.watch()
        self.after(20)
        self.assertEqual((self.added, self.listed()), ([], before))

    def test_capitals(self):
        self.put("A.TORRENT", "A")
        self.watch()
        self.after(10)
        self.assertEqual(self.listed(), ["A.TORRENT.added"])

    def test_several_directories(self):
        other = os.path.abspath(self.mktemp())
        os.mkdir(other)
        self.put("a.torrent", "A")
        self.put("b.torrent", "B", other)
        self.watch(Watched(self.directory), Watched(other, delete=True))
        self.after(10)
        self.assertEqual(sorted(self.added), ["A", "B"])
        self.assertEqual((self.listed(), self.listed(other)), (["a.torrent.added"], []))

    def test_no_directories(self):
        WatchDirectories(self.clock, self.lane, [], self.add).start()
        self.after(10)
        self.assertEqual(self.lane.jobs, 0)


class Partial(Case):
    """A file that is still being written."""

    def test_waits_until_it_no_longer_changes(self):
        self.watch()
        text = ""
        for second in range(12):
            text += "A"
            self.put("a.torrent", text)
            self.after(1)
            self.assertEqual(self.added, [], second)
        self.after(10)
        self.assertEqual(self.added, [text])

    def test_same_size_other_time(self):
        self.put("a.torrent", "A")
        path = os.path.join(self.directory, "a.torrent")
        self.watch()
        for second in range(12):
            os.utime(path, (second, second))
            self.after(1)
        self.assertEqual(self.added, [])

    def test_empty_is_not_whole(self):
        self.put("a.torrent", "")
        self.watch()
        self.after(30)
        self.assertEqual(self.listed(), ["a.torrent"])
        self.put("a.torrent", "A")
        self.after(10)
        self.assertEqual(self.added, ["A"])

    def test_changed_between_the_look_and_the_read(self):
        self.lane.delay = 1.0
        self.put("a.torrent", "A")
        self.watch()
        real, changes = watch.read_file, ["AB"]

        def read_file(path, stamp):
            if changes:
                self.put("a.torrent", changes.pop())
            return real(path, stamp)

        self.patch(watch, "read_file", read_file)
        self.after(30)
        self.assertEqual((changes, self.added), ([], ["AB"]))

    def test_gone_between_the_look_and_the_read(self):
        self.put("a.torrent", "A")
        self.watch()
        real = watch.read_file

        def read_file(path, stamp):
            os.unlink(path)
            return real(path, stamp)

        self.patch(watch, "read_file", read_file)
        self.after(30)
        self.assertEqual(self.added, [])


class Refused(Case):
    def test_of_no_use(self):
        for error in (MetainfoError("the file is dämaged"), NotWanted("not here")):
            self.added.clear()
            self.answers["A"] = lambda error=error: fail(error)
            self.put("a.torrent", "A")
            self.watch()
            self.after(10)
            self.watching.stop()
            self.assertEqual(self.added, ["A"])
            self.assertEqual(self.listed(), ["a.torrent.invalid", "a.torrent.invalid.txt"])
        self.assertEqual(self.read("a.torrent.invalid.txt"), "not here\n")

    def test_never_deleted(self):
        self.answers["A"] = lambda: fail(NotWanted("no"))
        self.put("a.torrent", "A")
        self.watch(Watched(self.directory, delete=True))
        self.after(10)
        self.assertIn("a.torrent.invalid", self.listed())

    def test_the_explanation_follows_no_link(self):
        victim = self.mktemp()
        os.symlink(os.path.abspath(victim), os.path.join(self.directory, "a.torrent.invalid.txt"))
        self.answers["A"] = lambda: fail(NotWanted("no"))
        self.put("a.torrent", "A")
        self.watch()
        self.after(10)
        self.assertFalse(os.path.exists(victim))

    def test_no_fault_of_the_file(self):
        """It is tried again, a minute later."""
        failing = [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("a bug")]
        self.answers["A"] = lambda: fail(failing.pop()) if failing else succeed(None)
        self.put("a.torrent", "A")
        self.watch()
        self.after(50)
        self.assertEqual((self.added, self.listed()), (["A"], ["a.torrent"]))
        self.after(150)
        self.assertEqual((self.added, self.listed()), (["A"] * 3, ["a.torrent.added"]))

    def test_cannot_be_put_away(self):
        """Added once, not every three seconds."""

        def accept(path):
            raise OSError(errno.EROFS, "Read-only file system")

        self.patch(watch, "accept", accept)
        self.put("a.torrent", "A")
        self.watch()
        self.after(600)
        self.assertEqual(self.added, ["A"])
        self.put("a.torrent", "AB")
        self.after(10)
        self.assertEqual(self.added, ["A", "AB"])

    def test_too_large_is_read_in_part(self):
        self.patch(watch, "MAX_FILE_SIZE", 10)
        self.put("a.torrent", "A" * 100)
        self.watch()
        self.after(10)
        self.assertEqual(self.added, ["A" * 11])

    def test_unreadable_is_tried_again(self):
        def read_file(path, stamp):
            raise PermissionError(errno.EACCES, "Permission denied")

        self.patch(watch, "read_file", read_file)
        self.put("a.torrent", "A")
        self.watch()
        self.after(30)
        self.assertEqual((self.added, self.listed()), ([], ["a.torrent"]))


class Many(Case):
    def setUp(self):
        super().setUp()
        self.under_way = []
        for number in range(30):
            self.put(f"{number:02}.torrent", f"{number:02}")

    def add(self, raw, watched):
        self.added.append(raw.decode())
        self.under_way.append(Deferred())
        return self.under_way[-1]

    def test_some_at_once_in_order(self):
        self.watch()
        self.after(10)
        self.assertEqual(self.added, ["00", "01", "02", "03"])
        while self.under_way:
            self.assertLessEqual(len(self.under_way), watch.AT_ONCE)
            self.under_way.pop(0).callback(None)
            self.after(0.1)
        self.assertEqual(self.added, [f"{number:02}" for number in range(30)])
        self.assertEqual(self.listed(), [f"{number:02}.torrent.added" for number in range(30)])

    def test_no_look_while_one_is_under_way(self):
        self.watch()
        self.after(10)
        jobs = self.lane.jobs
        self.after(600)
        self.assertEqual(self.lane.jobs, jobs)

    def test_one_that_is_stuck_holds_up_no_other(self):
        other = os.path.abspath(self.mktemp())
        os.mkdir(other)
        self.watch(Watched(self.directory), Watched(other))
        self.after(60)
        self.put("x.torrent", "X", other)
        self.after(10)
        self.assertEqual(self.added, ["00", "01", "02", "03", "X"])

    def test_not_all_of_a_flood_at_once(self):
        self.patch(watch, "MOST_FILES", 10)
        self.add = lambda raw, watched: self.added.append(raw.decode()) or succeed(None)
        self.watch()
        self.after(5)
        self.assertEqual(len(self.added), 10)
        self.after(60)
        self.assertEqual(len(self.added), 30)

    def test_stop(self):
        self.watch()
        self.after(10)
        stopped = self.watching.stop()
        self.after(10)
        self.assertNoResult(stopped)
        for each in self.under_way:
            each.callback(None)
        self.after(1)
        self.assertIsNone(self.successResultOf(stopped))
        self.assertEqual(len(self.added), watch.AT_ONCE)
        self.assertEqual(self.listed()[:5], [
            "00.torrent.added", "01.torrent.added", "02.torrent.added", "03.torrent.added",
            "04.torrent",
        ])  # fmt: skip
        self.assertEqual(self.clock.getDelayedCalls(), [])


class Directory(Case):
    def test_missing_and_back(self):
        moved = self.directory + ".away"
        self.put("a.torrent", "A")
        os.rename(self.directory, moved)
        self.watch()
        self.after(30)
        os.rename(moved, self.directory)
        self.after(10)
        self.assertEqual(self.added, ["A"])

    def test_trouble_is_told_once(self):
        lines = logged(self)
        moved = self.directory + ".away"
        os.rename(self.directory, moved)
        self.watch()
        self.after(30)
        os.rename(moved, self.directory)
        self.after(30)
        self.assertEqual(lines, [
            f"{self.directory} cannot be watched: No such file or directory",
            f"{self.directory} can be watched again",
        ])  # fmt: skip

    def test_stop_between_two_looks(self):
        self.watch()
        self.after(1)
        self.assertIsNone(self.successResultOf(self.watching.stop()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_bug_ends_nothing(self):
        def list_files(directory):
            raise RuntimeError("a bug")

        self.put("a.torrent", "A")
        real = watch.list_files
        self.patch(watch, "list_files", list_files)
        self.watch()
        self.after(1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.patch(watch, "list_files", real)
        self.after(20)
        self.assertEqual(self.added, ["A"])
