"""`create` and `announce-urls`, which need no daemon."""

import os
import shlex
import shutil
import subprocess

from rich.console import Console

from tests.cli.daemon import NOW, CommandCase
from tests.testing.torrents import content, make
from txtorrent.cli.commands import create as command
from txtorrent.cli.shell import Shell
from txtorrent.metainfo.magnet import from_metainfo
from txtorrent.metainfo.torrentfile import load, parse

FILES = {"a.txt": content(0, 40_000), "b/c.txt": b"y" * 5}
TRACKER = "http://t.example/announce"


class CreateCase(CommandCase):
    """In a folder of its own, which has the folder `pair` in it."""

    def setUp(self):
        super().setUp()
        self.environ["TXTORRENT_CONTROL"] = "unix:/nowhere"
        self.folder = os.path.realpath(self.mktemp())
        self.addCleanup(os.chdir, os.getcwd())
        for path, data in FILES.items():
            self.write(f"pair/{path}", data)
        os.chdir(self.folder)

    def write(self, path, data):
        place = os.path.join(self.folder, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as out:
            out.write(data)
        return place

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def made(self, *arguments):
        """The torrent, which takes the place of the one before."""
        self.run_command("create", "pair", "--force", *arguments)
        return load("pair.torrent")

    def leaves_nothing(self):
        self.assertEqual(os.listdir(self.folder), ["pair"])


class Create(CreateCase):
    def test_what_it_says(self):
        rows = self.rows("create", "pair", "-t", TRACKER)
        metainfo = load("pair.torrent")
        self.assertEqual(metainfo.info, parse(make(FILES, name="pair")).info)
        for row in (
            "Name pair",
            f"Hash {metainfo.info_hash.hex()}",
            "Size 40.0 kB (40,005 bytes)",
            "Files 2",
            "Pieces 3 of 16 KiB",
            "Torrent pair.torrent",
            f"Magnet {from_metainfo(metainfo).link}",
        ):
            self.assertIn(row, rows)
        self.assertEqual(rows[-1], f"txtorrent add --directory {self.folder} pair.torrent")

    def test_what_it_writes(self):
        metainfo = self.made(
            "-t", f"{TRACKER},udp://b.example:1", "--tracker", "https://c.example/x",
            "-w", "https://w.example/", "--private", "--source", "S", "--comment", "C",
            "--piece-length", "32KiB",
        )  # fmt: skip
        tiers = ((TRACKER, "udp://b.example:1"), ("https://c.example/x",))
        self.assertEqual(metainfo.announce_tiers, tiers)
        self.assertEqual(metainfo.geometry.piece_length, 32 * 1024)
        self.assertTrue(metainfo.private)
        self.assertIn(b"6:source1:S", metainfo.info)
        self.assertEqual((metainfo.comment, metainfo.created_by), ("C", "txtorrent"))
        self.assertEqual(metainfo.creation_date, NOW)
        self.assertEqual(metainfo.url_list, ("https://w.example/",))

    def test_pads(self):
        files = self.made("--pad-files").files
        self.assertEqual([file.pad for file in files], [False, True, False])
        self.assertIn("Files     2", self.lines("create", "pair", "--force", "--pad-files"))

    def test_the_same_again(self):
        first = self.made("--no-date").raw
        shutil.copytree("pair", "copy")
        shutil.rmtree("pair")
        os.rename("copy", "pair")
        self.assertEqual(self.made("--no-date").raw, first)
        self.assertIsNone(parse(first).creation_date)

    def test_json(self):
        self.write("pair/.hidden", b"x")
        os.symlink("a.txt", "pair/link")
        found = self.json("create", "pair", "--json", "-t", TRACKER)
        metainfo = load("pair.torrent")
        self.assertEqual(found["hash_string"], metainfo.info_hash.hex())
        self.assertEqual(found["torrent_file"], os.path.join(self.folder, "pair.torrent"))
        self.assertEqual(found["download_dir"], self.folder)
        self.assertEqual(found["left_out"], {"links": ["link"], "hidden": 1})
        self.assertEqual([file["name"] for file in found["files"]], ["pair/a.txt", "pair/b/c.txt"])

    def test_what_is_left_out_is_said(self):
        self.write("pair/.hidden", b"x")
        for number in range(12):
            os.symlink("a.txt", f"pair/link {number:02}\x1b")
        lines = self.run_command("create", "pair").stderr.splitlines()
        self.assertEqual(len(lines), 12)
        self.assertEqual(lines[0], r"txtorrent: link 00\u001b: a symbolic link, left out")
        self.assertEqual(lines[-2], "txtorrent: 2 more symbolic links, left out")
        self.assertEqual(lines[-1], "txtorrent: 1 hidden, left out: --hidden takes them")
        self.assertEqual(len(self.made("--hidden", "--exclude", "b").files), 2)

    def test_without_a_tracker(self):
        self.assertIn(
            "Trackers none: peers find it through the DHT alone", self.rows("create", "pair")
        )

    def test_here(self):
        """The torrent that is made in the folder is no part of it, the next time either."""
        os.chdir("pair")
        self.run_command("create", ".")
        first = load("pair.torrent")
        self.run_command("create", ".", "--force")
        self.assertEqual(load("pair.torrent"), first)
        self.assertEqual(len(first.files), 2)

    def test_a_line_on_a_terminal(self):
        def console(shell, **options):
            return Console(force_terminal=True, width=100, **options)

        self.patch(Shell, "console", console)
        result = self.run_command("create", "pair", "--json")
        self.assertIn("Hashing", result.stderr)
        self.assertIn("100%", result.stderr)
        self.assertNotIn("Hashing", result.stdout)

    def test_no_line_elsewhere(self):
        self.assertEqual(self.run_command("create", "pair").stderr, "")


class Seeding(CreateCase):
    def line(self, *arguments):
        return self.lines("create", *arguments)[-1].strip()

    def test_the_line_is_what_a_shell_reads(self):
        self.write("it's here/$(x) y/z", b"z")
        line = self.line("it's here/$(x) y")
        folder = os.path.join(self.folder, "it's here")
        self.assertEqual(
            shlex.split(line), ["txtorrent", "add", "--directory", folder, "$(x) y.torrent"]
        )

    def test_another_name(self):
        """A daemon looks for the content by its name in the torrent."""
        line = self.line("pair", "--name", "new name")
        rename, add = line.split(" && ")
        subprocess.run(["sh", "-c", rename], check=True)
        self.assertEqual(sorted(os.listdir("new name")), ["a.txt", "b"])
        self.assertFalse(os.path.exists("pair"))
        self.assertIn("'new name.torrent'", add)
        self.assertEqual(load("new name.torrent").name, "new name")

    def test_a_name_like_an_option(self):
        self.write("-x", b"x")
        self.assertTrue(self.line("--", "-x").endswith(" ./-x.torrent"))


class Output(CreateCase):
    def test_elsewhere(self):
        os.mkdir("out")
        self.run_command("create", "pair", "-o", "out/x.torrent")
        self.assertEqual(load("out/x.torrent").name, "pair")
        self.assertEqual(os.listdir("out"), ["x.torrent"])

    def test_an_existing_file(self):
        self.write("pair.torrent", b"old")
        self.assertIn("pair.torrent: is there already", self.fails(1, "create", "pair"))
        self.assertEqual(self.read("pair.torrent"), b"old")
        self.made()

    def test_what_appears_meanwhile_is_kept(self):
        real = command.make

        def slow(*arguments):
            self.write("pair.torrent", b"of another")
            return real(*arguments)

        self.patch(command, "make", slow)
        self.assertIn("is there already", self.fails(1, "create", "pair"))
        self.assertEqual(self.read("pair.torrent"), b"of another")
        self.assertEqual(sorted(os.listdir()), ["pair", "pair.torrent"])

    def test_where_none_can_be(self):
        """Said before anything is read."""
        self.patch(command, "find_contents", None)
        for output, part in (
            ("no/x.torrent", "no file can be made there"),
            ("pair", "a folder: --output is"),
            ("", "a folder: --output is"),
            ("x" * 256, "file name too long"),
        ):
            self.assertIn(part, self.fails(1, "create", "pair", "-o", output))
        self.leaves_nothing()

    def test_the_content_itself(self):
        path = self.write("pair/a.txt", b"precious")
        message = self.fails(1, "create", path, "-o", path, "--force")
        self.assertIn("choose another output", message)
        self.assertEqual(self.read(path), b"precious")

    def test_interrupted(self):
        def interrupt(*arguments):
            raise KeyboardInterrupt

        for place, name in ((command, "make"), (os, "fsync"), (os, "replace")):
            with self.subTest(name):
                patched = self.patch(place, name, interrupt)
                self.run_command("create", "pair", status=130)
                patched.restore()
                self.leaves_nothing()

    def test_a_full_disk(self):
        def full(descriptor):
            raise OSError(28, "No space left on device")

        self.patch(os, "fsync", full)
        message = self.fails(1, "create", "pair")
        self.assertEqual(
            message, "txtorrent: pair.torrent: cannot be written: no space left on device"
        )
        self.leaves_nothing()

    def test_permissions_are_the_users(self):
        before = os.umask(0o027)
        self.addCleanup(os.umask, before)
        self.made()
        self.assertEqual(os.stat("pair.torrent").st_mode & 0o777, 0o640)


class Refused(CreateCase):
    def test_the_command_line(self):
        for arguments, part in (
            (["-t", "ftp://a/x"], "is none of http, https, udp"),
            (["-t", "udp://a.example"], "has no port"),
            (["-w", "udp://a:1"], "is none of http, https"),
            (["-w", "http://a/b"], "has to end with a slash"),
            (["--private"], "nobody could find it"),
            (["--piece-length", "1MB"], "a power of two from 16 KiB to 256 MiB"),
            (["--piece-length", "big"], "is no size"),
        ):
            with self.subTest(arguments):
                message = self.fails(2, "create", "pair", *arguments)
                self.assertIn(part, " ".join(message.split()))
        self.leaves_nothing()

    def test_a_web_seed_of_a_file_may_be_the_file(self):
        self.run_command("create", "pair/a.txt", "-w", "http://a/a.txt")

    def test_the_content(self):
        for arguments, part in (
            (["none"], "cannot be read: no such file"),
            (["/dev/null"], "a device"),
            (["pair", "--exclude", "*"], "no file in there is left over"),
            (["pair", "--name", "a/b"], "no name that a torrent can have"),
            (["/"], "no name that a torrent can have"),
        ):
            with self.subTest(arguments):
                message = self.fails(1, "create", *arguments)
                self.assertIn(part, message)
                self.assertNotIn("\n", message)
        self.write("pair/\udce9", b"x")
        self.assertIn(r"\udce9", self.fails(1, "create", "pair"))
        os.unlink("pair/\udce9")
        self.leaves_nothing()


class AnnounceUrls(CreateCase):
    A, B, C = "http://a/announce", "udp://b:1", "udp://c:1"

    def torrent(self, *tiers, name="x.torrent"):
        return self.write(name, make(b"x", announce=tiers))

    def test_tiers(self):
        path = self.torrent([self.A], [self.B, self.C])
        self.assertEqual(
            self.run_command("announce-urls", path).stdout, f"{self.A}\n\n{self.B}\n{self.C}\n"
        )

    def test_several(self):
        one, other = self.torrent([self.A]), self.torrent([self.B], name="y.torrent")
        self.assertEqual(self.lines("announce-urls", one, other), [self.A, "", self.B])

    def test_a_magnet_link(self):
        link = f"magnet:?xt=urn:btih:{'a' * 40}&tr=udp%3A%2F%2Fb%3A1&tr=http://a/announce"
        self.assertEqual(self.lines("announce-urls", link), [self.B, "", self.A])

    def test_more_than_a_link_would_name(self):
        tiers = [[f"http://{number}.example/announce"] for number in range(150)]
        self.assertEqual(len(self.lines("announce-urls", self.torrent(*tiers))), 299)

    def test_json(self):
        path = self.torrent([self.A], [self.B, self.C])
        (found,) = self.json("announce-urls", "--json", path)
        self.assertEqual(
            found,
            {
                "name": "content",
                "hash_string": load(path).info_hash.hex(),
                "tiers": [[self.A], [self.B, self.C]],
            },
        )

    def test_none(self):
        bare, good = self.torrent(name="bare.torrent"), self.torrent([self.A])
        result = self.run_command("announce-urls", bare, good, status=1)
        self.assertEqual(result.stdout, f"{self.A}\n")
        self.assertEqual(result.stderr, f"txtorrent: {bare}: names no tracker\n")
        link = "magnet:?xt=urn:btih:" + "a" * 40
        self.assertIn("names no tracker", self.fails(1, "announce-urls", link))

    def test_what_is_no_torrent(self):
        result = self.run_command("announce-urls", self.torrent([self.A]), "/no/such", status=1)
        self.assertEqual(result.stdout, "")
        self.assertIn("no such file", result.stderr)
