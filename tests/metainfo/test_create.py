"""Torrents that are made: by what `torrents.make` says they are, and beside libtorrent's own."""

import os
import socket
import tempfile
import threading
from hashlib import sha1
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.testing import torrents
from txtorrent.bencode import decode
from txtorrent.metainfo import contents, create, hashing, urls
from txtorrent.metainfo.contents import find_contents
from txtorrent.metainfo.create import (
    LARGEST_PIECE,
    PIECE_LENGTHS,
    Recipe,
    check_piece_length,
    choose_piece_length,
    plan,
)
from txtorrent.metainfo.errors import CreateError
from txtorrent.metainfo.pieces import BLOCK
from txtorrent.metainfo.torrentfile import Metainfo, load, parse
from txtorrent.metainfo.urls import check_web_seed, parse_tier

try:
    import libtorrent
except ImportError:
    libtorrent = None

KIB = 1024
GIB = 1024**3

# In the order of the torrent: a folder stands where its name does, whatever follows it.
TREE = {
    "a/2.bin": torrents.content(1, 20_000),
    "a/é.bin": b"",
    "a.txt": b"12345",
    "b": torrents.content(2, 3 * BLOCK),
    "c/d/e": torrents.content(3, 100),
    "z": b"",
}


def write(folder: str, files: dict[str, bytes]) -> str:
    """The files, made in an order that is not the torrent's; the folder's path."""
    for path, data in reversed(files.items()):
        place = os.path.join(folder, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as out:
            out.write(data)
    return folder


def silent(done: int) -> None:
    """No progress."""


def made(path: str, *, threads: int = 2, **chosen) -> Metainfo:
    planned = plan(find_contents(path), Recipe(**chosen))
    return create.create(planned, silent, threads)


class CreateCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = os.path.abspath(self.mktemp())

    def folder(self, files: dict[str, bytes], name: str = "content") -> str:
        return write(os.path.join(self.root, name), files)

    def file(self, data: bytes, name: str = "x.bin") -> str:
        return os.path.join(self.folder({name: data}), name)

    def refuses(self, part: str, path: str, **chosen) -> None:
        with self.assertRaises(CreateError) as caught:
            made(path, **chosen)
        self.assertIn(part, str(caught.exception))


class WhatIsMade(CreateCase):
    def test_a_file(self) -> None:
        data = torrents.content(0, 40_000)
        metainfo = made(self.file(data), piece_length=BLOCK)
        self.assertEqual(metainfo.info, parse(torrents.make(data, name="x.bin")).info)
        self.assertEqual(metainfo.raw, torrents.make(data, name="x.bin"))

    def test_a_folder(self) -> None:
        metainfo = made(self.folder(TREE), piece_length=BLOCK)
        self.assertEqual(metainfo.raw, torrents.make(TREE))
        self.assertEqual(["/".join(file.path[1:]) for file in metainfo.files], list(TREE))

    def test_a_folder_of_one_file_is_a_folder(self) -> None:
        metainfo = made(self.folder({"a": b"x"}))
        self.assertEqual(metainfo.files[0].path, ("content", "a"))

    def test_pads(self) -> None:
        """Before files that have bytes, where they would not begin with a piece."""
        metainfo = made(self.folder(TREE), piece_length=BLOCK, pad_files=True)
        self.assertEqual(
            [("/".join(file.path[1:]), file.offset / BLOCK) for file in metainfo.files if file.pad],
            [(".pad/12768", 20_000 / BLOCK), (".pad/16379", 2 + 5 / BLOCK)],
        )
        starts = {"/".join(file.path[1:]): file.offset // BLOCK for file in metainfo.files}
        self.assertEqual([starts[path] for path in ("a.txt", "b", "c/d/e")], [2, 3, 6])

    def test_everything_that_can_be_chosen(self) -> None:
        tiers = (("http://a.example/x", "udp://b.example:1"), ("https://c.example/x",))
        metainfo = made(
            self.folder(TREE),
            name="other",
            piece_length=2 * BLOCK,
            tiers=tiers,
            url_list=("http://w.example/",),
            private=True,
            source="S",
            comment="a\ncomment",
            created_by="me",
            creation_date=1_700_000_000,
        )
        extra = {
            b"announce": b"http://a.example/x", b"comment": b"a\ncomment",
            b"created by": b"me", b"creation date": 1_700_000_000,
        }  # fmt: skip
        expected = torrents.make(
            TREE, name="other", piece_length=2 * BLOCK, announce=tiers, private=True, extra=extra,
            url_list=["http://w.example/"], info_extra={b"source": b"S"},
        )  # fmt: skip
        self.assertEqual(decode(metainfo.raw), decode(expected))
        self.assertEqual(metainfo.raw, expected)

    def test_one_tracker_needs_no_list(self) -> None:
        document = decode(made(self.file(b"x"), tiers=(("http://a/x",),)).raw)
        self.assertEqual(sorted(document), [b"announce", b"info"])

    def test_pieces_over_threads_and_portions(self) -> None:
        """Pieces smaller and larger than a job, read in portions that fit into nothing."""
        data = torrents.content(4, 10 * BLOCK + 1)
        path = self.folder({"a": data[:50_000], "b": data[50_000:50_001], "c": data[50_001:]})
        self.patch(hashing, "CHUNK", 1_000)
        for stretch in (1, BLOCK, 3 * BLOCK, 100 * BLOCK):
            self.patch(hashing, "STRETCH", stretch)
            for length in (BLOCK, 4 * BLOCK, 64 * BLOCK):
                for threads in (1, 4):
                    hashes = made(path, piece_length=length, threads=threads).piece_hashes
                    self.assertEqual(hashes, digests(data, length), (stretch, length, threads))

    def test_progress_ends_with_all(self) -> None:
        self.patch(hashing, "STRETCH", BLOCK)
        done: list[int] = []
        planned = plan(find_contents(self.file(bytes(3 * BLOCK + 5))), Recipe(piece_length=BLOCK))
        create.create(planned, done.append)
        self.assertEqual(done, [BLOCK, 2 * BLOCK, 3 * BLOCK, 3 * BLOCK + 5])

    def test_what_was_made_is_loaded(self) -> None:
        metainfo = made(self.folder(TREE))
        path = self.file(metainfo.raw, "x.torrent")
        self.assertEqual(load(path), metainfo)


def digests(data: bytes, length: int) -> bytes:
    return b"".join(
        sha1(data[start : start + length]).digest() for start in range(0, len(data), length)
    )


class Layouts(SynchronousTestCase):
    sizes = st.one_of(
        st.sampled_from((0, 1, BLOCK - 1, BLOCK, BLOCK + 1)), st.integers(0, 3 * BLOCK)
    )
    places = st.lists(st.sampled_from(("", "a/", "a/b/", "b/", "a b/ü/")), min_size=1, max_size=8)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_every_piece_hash_is_right(self, data) -> None:
        files = {
            f"{place}{index}": torrents.content(index, data.draw(self.sizes))
            for index, place in enumerate(data.draw(self.places))
        }
        files["a/last"] = b"!"
        length = data.draw(st.sampled_from((BLOCK, 2 * BLOCK)))
        with tempfile.TemporaryDirectory() as folder:
            metainfo = made(
                write(folder, files), piece_length=length, pad_files=data.draw(st.booleans())
            )
        laid_out = [bytes(f.length) if f.pad else files["/".join(f.path[1:])]
                    for f in metainfo.files]  # fmt: skip
        self.assertEqual(metainfo.piece_hashes, digests(b"".join(laid_out), length))
        real = ["/".join(f.path[1:]) for f in metainfo.files if not f.pad]
        order = sorted(files, key=lambda path: [part.encode() for part in path.split("/")])
        self.assertEqual(real, order)


class PieceLengths(SynchronousTestCase):
    def test_the_choice(self) -> None:
        for total, length in (
            (1, 16 * KIB),
            (2_000 * 16 * KIB, 16 * KIB),
            (2_000 * 16 * KIB + 1, 32 * KIB),
            (700 * KIB * KIB, 512 * KIB),
            (4 * GIB, 4 * KIB * KIB),
            (40 * GIB, 16 * KIB * KIB),
            (4_000 * GIB, 16 * KIB * KIB),
        ):
            self.assertEqual(choose_piece_length(total), length, total)

    def test_how_many_pieces(self) -> None:
        for length in PIECE_LENGTHS[1:]:
            for total in (length * 1_000 + 1, length * 1_500, length * 2_000):
                self.assertEqual(choose_piece_length(total), length)

    def test_what_can_be_chosen(self) -> None:
        for length in (*PIECE_LENGTHS, LARGEST_PIECE):
            self.assertEqual(check_piece_length(length), length)
        for length in (0, -1, 8 * KIB, 16_000, 48 * KIB, 2 * LARGEST_PIECE):
            with self.assertRaises(CreateError):
                check_piece_length(length)


class Search(CreateCase):
    def found(self, path: str, **chosen) -> list[str]:
        return ["/".join(each.components) for each in find_contents(path, **chosen).files]

    def test_hidden(self) -> None:
        path = self.folder({"a": b"a", ".b": b"b", ".git/x": b"x", "c/.d": b"d"})
        self.assertEqual(self.found(path), ["a"])
        self.assertEqual(find_contents(path).hidden, 3)
        self.assertEqual(self.found(path, hidden=True), [".b", ".git/x", "a", "c/.d"])

    def test_a_hidden_folder_that_is_named(self) -> None:
        self.assertEqual(self.found(self.folder({"a": b"a"}, ".hidden")), ["a"])

    def test_exclude(self) -> None:
        files = dict.fromkeys(("a.o", "a.c", "sub/b.o", "sub/c.c", "sub/deep/d.c", "x/deep/e"), b"")
        path = self.folder(files)
        for globs, left in (
            (["*.o"], ["a.c", "sub/c.c", "sub/deep/d.c", "x/deep/e"]),
            (["deep"], ["a.c", "a.o", "sub/b.o", "sub/c.c"]),
            (["deep/"], ["a.c", "a.o", "sub/b.o", "sub/c.c"]),
            (["sub/deep"], ["a.c", "a.o", "sub/b.o", "sub/c.c", "x/deep/e"]),
            (["sub/*.o", "x"], ["a.c", "a.o", "sub/c.c", "sub/deep/d.c"]),
            (["[ab].?"], ["sub/c.c", "sub/deep/d.c", "x/deep/e"]),
            (["DEEP"], ["a.c", "a.o", "sub/b.o", "sub/c.c", "sub/deep/d.c", "x/deep/e"]),
        ):
            self.assertEqual(self.found(path, exclude=globs), left, globs)

    def test_links_are_left_out(self) -> None:
        path = self.folder({"a": b"a", "b/c": b"c"})
        os.symlink("a", os.path.join(path, "to-a"))
        os.symlink("..", os.path.join(path, "b", "up"))
        os.symlink("nowhere", os.path.join(path, "broken"))
        self.assertEqual(self.found(path), ["a", "b/c"])
        self.assertEqual(find_contents(path).links, ("b/up", "broken", "to-a"))

    def test_a_link_itself(self) -> None:
        path = self.folder({"a": b"a"})
        link = os.path.join(self.root, "link")
        os.symlink(path, link)
        for spelling in (link, link + "/"):
            self.refuses(f"name what it leads to, {os.path.realpath(path)}", spelling)
        self.assertEqual(self.found(os.path.join(link, "a")), [""], "links above do no harm")

    def test_what_is_no_file(self) -> None:
        path = self.folder({"a": b"a"})
        os.mkfifo(os.path.join(path, "pipe"))
        self.refuses("pipe: a named pipe, which cannot be shared", path)
        self.refuses("pipe: a named pipe", os.path.join(path, "pipe"))
        self.assertEqual(self.found(path, exclude=["pipe"]), ["a"])
        self.refuses("/dev/null: a device", "/dev/null")
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as door:
            door.bind(os.path.join(folder, "door"))
            self.refuses("door: a socket", folder)

    def test_nothing_to_share(self) -> None:
        for files, part in (
            ({".a": b"a"}, "only hidden files"),
            ({"a": b"", "b": b""}, "not a byte"),
        ):
            self.refuses(part, self.folder(files, part))
        empty = os.path.join(self.root, "empty")
        os.makedirs(os.path.join(empty, "below"))
        self.refuses("empty: no file is in there", empty)
        self.refuses("none: cannot be read: no such file", os.path.join(self.root, "none"))

    def test_what_may_not_be_read(self) -> None:
        """Said before anything is hashed. Root may read everything, so permissions are played."""
        path = self.folder({"a": b"a", "b": b"b"})
        self.patch(os, "access", lambda place, mode: not place.endswith("b"))
        self.refuses("content/b: may not be read", path)

    def test_the_output_is_no_content(self) -> None:
        path = self.folder({"a": b"a", "a.torrent": b"old"})
        for output in (f"{path}/a.torrent", f"{path}/../content/a.torrent"):
            self.assertEqual(self.found(path, output=output), ["a"])
        with self.assertRaises(CreateError):
            find_contents(f"{path}/a", output=f"{path}/a")

    def test_too_many(self) -> None:
        path = self.folder({"a": b"a", "b": b"b", "c/d": b"c"})
        self.patch(contents, "MAX_FILES", 3)
        self.assertEqual(len(self.found(path)), 3)
        self.patch(contents, "MAX_FILES", 2)
        self.refuses("more than 2 files", path)

    def test_too_deep(self) -> None:
        deepest = "/".join("d" * (contents.MAX_DEPTH - 2))
        self.assertEqual(len(self.found(self.folder({f"{deepest}/x": b"x"}, "a"))), 1)
        self.assertEqual(len(made(os.path.join(self.root, "a")).files), 1)
        self.refuses("folders deep", self.folder({f"{deepest}/d/x": b"x"}, "b"))


class Names(CreateCase):
    def test_names_that_a_loader_would_change(self) -> None:
        names = (
            "a\x01b",
            "a\nb",
            "x\u202egnp.exe",
            "a\u200bb",
            "back\\slash",
            "a\ufffdb",
            os.fsdecode(b"latin-\xe9"),
        )
        for index, name in enumerate(names):
            for path in (name, f"{name}/x"):
                folder = self.folder({"fine": b"x", path: b"x"}, f"{index} {len(path)}")
                self.refuses("rename or exclude it", folder)

    def test_names_that_clash_elsewhere(self) -> None:
        for index, pair in enumerate((("a", "A"), ("é", "e\u0301"), ("b/x", "B"))):
            path = self.folder(dict.fromkeys(pair, b"x"), f"{index}")
            if len(find_contents(path).files) < 2:
                raise SkipTest("a file system that takes them for the same")
            self.refuses("rename or exclude one of them", path)

    def test_the_name_of_the_torrent(self) -> None:
        path = self.folder({"a": b"a"})
        for name in ("", ".", "..", "a/b", "a\0b", "a\nb", "x" * 256, "\udce9"):
            self.refuses("choose another", path, name=name)
        self.assertEqual(made(path, name="ü b").name, "ü b")

    def test_texts(self) -> None:
        path = self.file(b"x")
        self.refuses("the comment is not UTF-8", path, comment="\udce9")
        self.refuses("the source has more than 10,000", path, source="x" * 10_001)
        self.assertNotIn(b"comment", decode(made(path, comment="").raw))

    def test_what_a_loader_would_leave_out(self) -> None:
        path = self.file(b"x")
        self.refuses("named twice", path, tiers=(("http://a/x",), ("http://a/x",)))
        many = tuple((f"http://{number}.example/",) for number in range(urls.MAX_URLS + 1))
        self.refuses("more than 200", path, tiers=many)
        self.assertEqual(made(path, tiers=many[:-1]).announce_tiers, many[:-1])
        self.refuses("web seed", path, url_list=("http://a/x", "http://a/x"))

    def test_a_file_that_no_client_would_read(self) -> None:
        self.patch(create, "MAX_FILE_SIZE", 400)
        path = self.file(bytes(100 * BLOCK))
        self.refuses("choose pieces of more than 16 KiB", path, piece_length=BLOCK)
        self.assertEqual(made(path, piece_length=16 * BLOCK).geometry.piece_count, 7)

    def test_too_much(self) -> None:
        path = self.file(b"x")
        with open(path, "r+b") as out:
            out.truncate(2**20)
        self.patch(create, "MAX_TOTAL", 2**20 - 1)
        self.refuses("more than a torrent may have", path)


class WhileItIsMade(CreateCase):
    """What happens to files, or to us, before the end."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(hashing, "STRETCH", BLOCK)
        self.path = self.folder({"a": bytes(50 * BLOCK), "b": b"", "c": bytes(50 * BLOCK)})

    def interfered(self, change) -> str:
        """The error when `change` happens as soon as the first piece is hashed."""
        planned = plan(find_contents(self.path), Recipe(piece_length=BLOCK))
        self.told: list[int] = []
        self.total = planned.geometry.total

        def progress(done: int) -> None:
            self.told.append(done)
            if len(self.told) == 1:
                change()

        with self.assertRaises(CreateError) as caught:
            create.create(planned, progress, 2)
        self.assertEqual(left_threads(), [])
        return str(caught.exception)

    def restore(self, name: str) -> None:
        place = Path(self.path, name)
        place.unlink()
        place.write_bytes(bytes(50 * BLOCK) if name != "b" else b"")

    def test_a_file_that_changes(self) -> None:
        for name in ("a", "b", "c"):
            place = Path(self.path, name)

            def append(place=place) -> None:
                with place.open("ab") as out:
                    out.write(b"more")

            def touch(place=place) -> None:
                os.utime(place, (1, 1))

            def cut(place=place) -> None:
                os.truncate(place, 10)

            def replace(place=place) -> None:
                place.unlink()
                place.symlink_to("/dev/zero")

            for change in (append, touch, cut, replace):
                self.restore(name)
                message = self.interfered(change)
                self.assertTrue(message.startswith(f"{place}: c"), message)
                if name != "b":
                    self.assertLess(self.told[-1], self.total, "said when it is read")
            self.restore(name)

    def test_a_file_that_goes(self) -> None:
        place = Path(self.path, "c")
        self.assertIn(f"{place}: cannot be read: no such file", self.interfered(place.unlink))

    def test_a_file_that_shrinks_as_it_is_read(self) -> None:
        """So that its size was right when it was opened."""
        place = Path(self.path, "a")
        self.patch(contents.Found, "is_as_found", lambda found, now: True)
        self.assertIn("a: changed while", self.interfered(lambda: os.truncate(place, 45 * BLOCK)))

    def test_interrupted(self) -> None:
        def interrupt(done: int) -> None:
            raise KeyboardInterrupt

        planned = plan(find_contents(self.path), Recipe(piece_length=BLOCK))
        with self.assertRaises(KeyboardInterrupt):
            create.create(planned, interrupt, 4)
        self.assertEqual(left_threads(), [])

    def test_interrupted_in_the_middle_of_a_piece(self) -> None:
        """Threads read no more than what they were reading."""
        self.patch(hashing, "CHUNK", 1_000)
        over, reads = threading.Event(), []
        read, shutdown = os.preadv, hashing.ThreadPoolExecutor.shutdown

        def slow(descriptor: int, buffers: list[memoryview], offset: int) -> int:
            if offset >= BLOCK:
                reads.append(offset)
                over.wait(30)
            return read(descriptor, buffers, offset)

        def shut(pool: hashing.ThreadPoolExecutor, *arguments, **chosen) -> None:
            over.set()
            shutdown(pool, *arguments, **chosen)

        def interrupt(done: int) -> None:
            raise KeyboardInterrupt

        self.patch(os, "preadv", slow)
        self.patch(hashing.ThreadPoolExecutor, "shutdown", shut)
        planned = plan(find_contents(self.path), Recipe(piece_length=BLOCK))
        with self.assertRaises(KeyboardInterrupt):
            create.create(planned, interrupt, 3)
        self.assertLessEqual(len(reads), 3)

    def test_few_jobs_are_ahead(self) -> None:
        """However slow the one is whom the progress is told."""
        opened: list[str] = []
        real = os.open

        def counted(path: str, *arguments: int) -> int:
            opened.append(path)
            return real(path, *arguments)

        self.patch(os, "open", counted)
        planned = plan(find_contents(self.path), Recipe(piece_length=BLOCK))
        told: list[int] = []

        def progress(done: int) -> None:
            told.append(done)
            self.assertLessEqual(len(opened), len(told) + 2 * hashing.AHEAD)

        create.create(planned, progress, 2)
        self.assertEqual(len(told), 100)


def left_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("hash")]


class Urls(SynchronousTestCase):
    def test_tiers(self) -> None:
        for text, tier in (
            ("http://a.example/x", ["http://a.example/x"]),
            ("udp://a:1", ["udp://a:1"]),
            ("udp://[2001:db8::1]:6969/announce", ["udp://[2001:db8::1]:6969/announce"]),
            ("HTTPS://a/x?key=1,2", ["HTTPS://a/x?key=1,2"]),
            ("http://a/x,udp://b:1", ["http://a/x", "udp://b:1"]),
            ("http://a/x,http://a/x", ["http://a/x"]),
        ):
            self.assertEqual(list(parse_tier(text)), tier)

    def test_what_is_no_tracker(self) -> None:
        for text in (
            "", "a", "a.example:80", "ftp://a/x", "wss://a/x", "http:///x", "http://a:0/x",
            "http://a:99999/x", "http://a b/x", "http://a/\n", "http://ü/", "http://a,b/x",
            "http://[::1/x", "udp://a", "udp://a/announce", "http://a/x,ftp://b/x",
            "http://a/" + "x" * urls.MAX_URL,
        ):  # fmt: skip
            with self.assertRaises(ValueError, msg=text):
                parse_tier(text)

    def test_a_udp_tracker_without_a_port(self) -> None:
        with self.assertRaises(ValueError) as caught:
            parse_tier("udp://a.example/announce")
        self.assertIn("write udp://a.example:PORT/announce", str(caught.exception))

    def test_web_seeds(self) -> None:
        self.assertEqual(check_web_seed("https://a/b/"), "https://a/b/")
        for url in ("udp://a:1", "ftp://a/", "a/b"):
            with self.assertRaises(ValueError):
                check_web_seed(url)


class BesideLibtorrent(CreateCase):
    """Its creator makes the same of the same, and it loads what ours made."""

    def setUp(self) -> None:
        super().setUp()
        if libtorrent is None:
            raise SkipTest("no libtorrent here")

    def theirs(self, path: str, length: int, metainfo: Metainfo, **chosen) -> bytes:
        flags = libtorrent.create_torrent.v1_only
        if chosen.get("pad_files"):
            flags |= libtorrent.create_torrent.canonical_files_no_tail_padding
        files = [
            libtorrent.create_file_entry("/".join(file.path), file.length)
            for file in metainfo.files
            if not file.pad
        ]
        maker = libtorrent.create_torrent(files, length, flags)
        maker.set_priv(chosen.get("private", False))
        libtorrent.set_piece_hashes(maker, os.path.dirname(path))
        return libtorrent.torrent_info(maker.generate()).info_hash().to_bytes()

    def test_the_same_info_hash(self) -> None:
        trees = (
            {"a/2": b"3" * 20_000, "a/e": b"", "b": torrents.content(7, 3 * BLOCK), "c": b"!"},
            {"a": b"1" * BLOCK, "b": b"2" * BLOCK},
            {"a": b"", "b": b"x", "c": b"", "d": b"y" * 100_000, "e": b"", "f": b""},
            {"1/2/3": torrents.content(5, 70_000), "1/3": b"x" * 5},
        )
        for index, tree in enumerate(trees):
            path = self.folder(tree, f"tree {index}")
            for length in (BLOCK, 4 * BLOCK):
                for chosen in ({}, {"private": True}, {"pad_files": True}):
                    with self.subTest(tree=index, length=length, chosen=chosen):
                        ours = made(path, piece_length=length, **chosen)
                        hashed = self.theirs(path, length, ours, **chosen)
                        self.assertEqual(ours.info_hash, hashed)

    def test_a_file_alone(self) -> None:
        path = self.file(torrents.content(6, 100_000))
        ours = made(path, piece_length=2 * BLOCK)
        self.assertEqual(ours.info_hash, self.theirs(path, 2 * BLOCK, ours))

    def test_it_loads_ours(self) -> None:
        tiers = (("http://a.example/x", "udp://b.example:1"), ("https://c.example/x",))
        ours = made(self.folder(TREE), tiers=tiers, url_list=("http://w.example/",), comment="c")
        theirs = libtorrent.torrent_info(libtorrent.bdecode(ours.raw))
        self.assertEqual(theirs.info_hash().to_bytes(), ours.info_hash)
        self.assertEqual(theirs.name(), ours.name)
        self.assertEqual([theirs.files().file_path(i) for i in range(theirs.num_files())],
                         ["/".join(file.path) for file in ours.files])  # fmt: skip
        found = [(each.url, each.tier) for each in theirs.trackers()]
        expected = [(url, index) for index, tier in enumerate(tiers) for url in tier]
        self.assertEqual(sorted(found), sorted(expected))
