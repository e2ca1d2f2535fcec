"""`add`, and waiting with it."""

import os
from base64 import b64decode

from tests.cli.daemon import CommandCase, torrent
from tests.testing.torrents import make


class AddCase(CommandCase):
    def setUp(self):
        super().setUp()
        self.daemon.answers["torrent_add"] = self.accept
        self.number = 0

    def accept(self, params):
        self.number += 1
        each = torrent(self.number, f"torrent {self.number}", **self.fields)
        self.daemon.add(each)
        return {"torrent_added": {key: each[key] for key in ("id", "name", "hash_string")}}

    fields = {}

    def file(self, name="x.torrent", data=None):
        path = os.path.join(self.daemon.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(make(name.encode(), name=os.path.basename(name)) if data is None else data)
        return path

    def added(self):
        return [params for method, params in self.daemon.calls if method == "torrent_add"]


class Add(AddCase):
    def test_a_file_is_sent(self):
        path = self.file()
        self.assertEqual(self.lines("add", path), ["1: torrent 1 added"])
        (params,) = self.added()
        with open(path, "rb") as file:
            self.assertEqual(b64decode(params.pop("metainfo")), file.read())
        self.assertEqual(params, {}, "the rest is the daemon's to decide")

    def test_urls_and_magnets_are_the_daemons_to_fetch(self):
        links = ["https://example.org/x.torrent", "magnet:?xt=urn:btih:" + "a" * 40]
        self.run_command("add", *links)
        self.assertEqual([params["filename"] for params in self.added()], links)

    def test_a_folder_means_its_files(self):
        for name in ("b.torrent", "a.torrent", "notes.txt", "below/c.torrent"):
            self.file(f"watch/{name}")
        self.assertEqual(len(self.lines("add", os.path.join(self.daemon.folder, "watch"))), 2)

    def test_options(self):
        self.run_command(
            "add", "--paused", "-d", "/srv/iso", "-l", "a", "-l", "b", "--sequential", self.file()
        )
        (params,) = self.added()
        del params["metainfo"]
        self.assertEqual(
            params,
            {
                "paused": True,
                "download_dir": "/srv/iso",
                "labels": ["a", "b"],
                "sequential_download": True,
            },
        )

    def test_what_cannot_be_read_keeps_everything_from_being_sent(self):
        for word, part in (
            ("/no/such.torrent", "/no/such.torrent: cannot be read: no such file"),
            (self.file("page.torrent", b"<html>"), "this is a web page"),
            (self.daemon.folder + "/empty", "no .torrent file is in there"),
        ):
            with self.subTest(word):
                os.makedirs(self.daemon.folder + "/empty", exist_ok=True)
                self.assertIn(part, self.fails(2, "add", self.file(), word).replace("\n", " "))
        self.assertEqual(self.added(), [])

    def test_bad_input(self):
        for arguments, part in (
            ((), "Missing argument"),
            (("-d", "iso", "magnet:?x"), "absolute path"),
            (("--wait", "--paused", "magnet:?x"), "no end"),
        ):
            with self.subTest(arguments):
                self.assertIn(part, self.fails(2, "add", *arguments))
        self.assertEqual(self.added(), [])

    def test_a_duplicate_is_no_failure(self):
        self.daemon.answers["torrent_add"] = {
            "torrent_duplicate": {"id": 7, "name": "x", "hash_string": "7" * 40}
        }
        self.assertEqual(self.lines("add", self.file()), ["7: x is there already"])

    def test_one_that_is_refused_does_not_stop_the_others(self):
        refusal = (4, "unrecognized info", "not a torrent")
        self.daemon.answers["torrent_add"] = [refusal, self.accept({})]
        result = self.run_command("add", "magnet:?a", "magnet:?b", status=1)
        self.assertEqual(result.stdout.splitlines(), ["1: torrent 1 added"])
        self.assertEqual(
            result.stderr.splitlines(),
            ["magnet:?a: unrecognized info: not a torrent", "txtorrent: 1 of 2 not added"],
        )

    def test_json(self):
        refusal = (4, "unrecognized info", "")
        self.daemon.answers["torrent_add"] = [refusal, self.accept({})]
        result = self.run_command("add", "--json", "magnet:?a", "magnet:?b", status=1)
        self.assertEqual(
            result.stdout.strip(),
            '[{"source": "magnet:?a", "error": "unrecognized info"}, '
            '{"source": "magnet:?b", "id": 1, "name": "torrent 1", '
            f'"hash_string": "{"1" * 40}", "duplicate": false}}]',
        )


class Wait(AddCase):
    fields = {"status": 4, "left_until_done": 9, "percent_done": 0.5}

    def progress(self, *steps):
        """What becomes of torrent 1 while it is waited for, a second each."""
        remaining = list(steps)

        def sleep(seconds):
            self.slept.append(seconds)
            change = remaining.pop(0)
            if change is None:
                del self.daemon.torrents[1]
            else:
                self.daemon.torrents[1].update(change)

        self.sleep = sleep

    def test_until_all_is_there(self):
        self.progress({"percent_done": 0.9}, {"left_until_done": 0, "status": 6})
        self.run_command("add", "--wait", "magnet:?a")
        self.assertEqual(self.slept, [1, 1])

    def test_what_cannot_go_on_is_not_waited_for(self):
        for change, expected in (
            ({"error": 3, "error_string": "disk gone"}, "txtorrent: torrent 1: disk gone"),
            ({"status": 0}, "txtorrent: torrent 1: is stopped: `txtorrent start` it"),
            (None, "txtorrent: torrent 1: was removed"),
        ):
            with self.subTest(change):
                self.number = 0
                self.progress(change)
                self.assertEqual(self.fails(1, "add", "--wait", "magnet:?a"), expected)

    def test_what_is_waiting_may_go_on(self):
        self.progress({"tx_waiting": "disk full"}, {"left_until_done": 0, "tx_waiting": ""})
        self.run_command("add", "--wait", "magnet:?a")
