import contextlib
import os
from hashlib import sha1

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.testing import torrents
from txtorrent.bencode import decode, encode
from txtorrent.metainfo import torrentfile, urls
from txtorrent.metainfo.pieces import BLOCK, Geometry
from txtorrent.metainfo.torrentfile import Metainfo, MetainfoError, load, parse

TREE = {"a.txt": b"a" * 20_000, "sub/b.bin": b"", "sub/c.bin": b"c" * 5}


def made(**changes) -> bytes:
    """A torrent of one file of 40,000 bytes whose `info` is changed; None takes a key out."""
    info = decode(torrents.make(b"x" * 40_000, name="x.bin"))[b"info"]
    info.update({key.replace("_", " ").encode(): value for key, value in changes.items()})
    return encode({b"info": {key: value for key, value in info.items() if value is not None}})


class ReadTests(SynchronousTestCase):
    def test_one_file(self) -> None:
        data = torrents.content(1, 40_000)
        metainfo = parse(torrents.make(data, name="x.bin", announce="http://t.example/announce"))
        self.assertEqual(metainfo.name, "x.bin")
        self.assertEqual(metainfo.geometry, Geometry(BLOCK, 40_000))
        (file,) = metainfo.files
        self.assertEqual((file.path, file.length, file.offset), (("x.bin",), 40_000, 0))
        self.assertEqual((file.pad, file.executable), (False, False))
        self.assertEqual(metainfo.announce_tiers, (("http://t.example/announce",),))
        self.assertFalse(metainfo.private)
        for piece in range(3):
            part = data[piece * BLOCK : (piece + 1) * BLOCK]
            self.assertEqual(metainfo.piece_hash(piece), sha1(part).digest())

    def test_several_files(self) -> None:
        metainfo = parse(torrents.make(TREE, name="dir"))
        self.assertEqual(
            [(file.path, file.length, file.offset) for file in metainfo.files],
            [
                (("dir", "a.txt"), 20_000, 0),
                (("dir", "sub", "b.bin"), 0, 20_000),
                (("dir", "sub", "c.bin"), 5, 20_000),
            ],
        )
        self.assertEqual(metainfo.geometry, Geometry(BLOCK, 20_005))

    def test_piece_hash_outside(self) -> None:
        metainfo = parse(made())
        for piece in (-1, 3):
            with self.assertRaises(IndexError):
                metainfo.piece_hash(piece)

    def test_everything_is_kept(self) -> None:
        raw = torrents.make(TREE, extra={b"nodes": [[b"router", 1]]}, info_extra={b"source": b"x"})
        metainfo = parse(raw)
        self.assertEqual(metainfo.raw, raw)
        self.assertEqual(decode(metainfo.info), decode(raw)[b"info"])
        self.assertEqual(metainfo.info_hash, sha1(metainfo.info).digest())

    def test_the_extras(self) -> None:
        metainfo = parse(
            torrents.make(
                TREE,
                private=True,
                extra={
                    b"comment": b"two\nlines",
                    b"created by": b"maker/1.0",
                    b"creation date": 1_600_000_000,
                },
            )
        )
        self.assertTrue(metainfo.private)
        self.assertEqual(metainfo.comment, "two lines")
        self.assertEqual(metainfo.created_by, "maker/1.0")
        self.assertEqual(metainfo.creation_date, 1_600_000_000)

    def test_useless_extras_are_none(self) -> None:
        for date in (-1, 0, 2**62, b"2020", []):
            for text in (7, [], b"", b"\n"):
                extra = {b"creation date": date, b"comment": text, b"created by": text}
                metainfo = parse(torrents.make(TREE, extra=extra))
                self.assertIsNone(metainfo.creation_date)
                self.assertIsNone(metainfo.comment)
                self.assertIsNone(metainfo.created_by)

    def test_private(self) -> None:
        for value, private in [(1, True), (0, False), (2, True), (b"1", True), (None, False)]:
            self.assertIs(parse(made(private=value)).private, private, value)

    def test_equal_when_the_bytes_are(self) -> None:
        self.assertEqual(parse(made()), parse(made()))
        self.assertEqual(hash(parse(made())), hash(parse(made())))
        self.assertNotEqual(parse(made()), parse(made(private=1)))

    def test_repr_is_short(self) -> None:
        self.assertLess(len(repr(parse(made()))), 100)


class InfoHashTests(SynchronousTestCase):
    def test_a_known_torrent(self) -> None:
        info = b"d6:lengthi3e4:name5:a.txt12:piece lengthi16384e6:pieces20:" + b"\x01" * 20 + b"e"
        metainfo = parse(b"d8:announce12:http://t/ann4:info" + info + b"e")
        self.assertEqual(metainfo.info, info)
        self.assertEqual(metainfo.info_hash.hex(), sha1(info).hexdigest())

    def test_over_the_raw_bytes_even_with_unsorted_keys(self) -> None:
        info = b"d6:pieces20:" + b"\x01" * 20 + b"12:piece lengthi16384e4:name1:a6:lengthi3ee"
        for raw in (
            b"d4:info" + info + b"8:announce12:http://t/anne",
            b"d8:announce12:http://t/ann4:info" + info + b"e",
        ):
            metainfo = parse(raw)
            self.assertEqual(metainfo.info, info)
            self.assertEqual(metainfo.info_hash, sha1(info).digest())
            self.assertNotEqual(encode(decode(info)), info)

    def test_bytes_after_the_torrent_are_tolerated(self) -> None:
        for tail in (b"\n", b"\r\n\0", b"d4:infodee"):
            self.assertEqual(parse(made() + tail).info_hash, parse(made()).info_hash)


class TrackerTests(SynchronousTestCase):
    A, B, C = b"http://a/ann", b"udp://b:80", b"https://c/ann"

    def tiers(self, **extra) -> list[list[str]]:
        keyed = {key.replace("_", "-").encode(): value for key, value in extra.items()}
        return [list(tier) for tier in parse(torrents.make(TREE, extra=keyed)).announce_tiers]

    def test_tiers(self) -> None:
        a, b, c = (url.decode() for url in (self.A, self.B, self.C))
        rows = [
            ({}, []),
            ({"announce": self.A}, [[a]]),
            ({"announce": self.A, "announce_list": [[self.B, self.C], [self.A]]}, [[b, c], [a]]),
            ({"announce": self.A, "announce_list": [[self.B]]}, [[b]]),
            # an unusable list leaves the single tracker
            ({"announce": self.A, "announce_list": []}, [[a]]),
            ({"announce": self.A, "announce_list": [[]]}, [[a]]),
            ({"announce": self.A, "announce_list": [[b""]]}, [[a]]),
            ({"announce": self.A, "announce_list": b"nonsense"}, [[a]]),
            # a flat list, empty tiers, duplicates, white space, what is no URL
            ({"announce_list": [self.A, self.B]}, [[a], [b]]),
            ({"announce_list": [[], [self.A], []]}, [[a]]),
            ({"announce_list": [[self.A, self.A], [self.B, self.A]]}, [[a], [b]]),
            ({"announce": b" " + self.A + b"\n"}, [[a]]),
            ({"announce_list": [[b"nonsense", 7, [self.B], self.A]]}, [[a]]),
            ({"announce": b"http://a/\x1b[2J"}, []),
            ({"announce": b"http://a/x y"}, []),
            ({"announce": b"http://a/" + b"x" * urls.MAX_URL}, []),
            ({"announce": 7}, []),
        ]
        for extra, expected in rows:
            self.assertEqual(self.tiers(**extra), expected, extra)

    def test_made_tiers(self) -> None:
        tiers = (("http://a/", "http://b/"), ("udp://c:1",))
        self.assertEqual(parse(torrents.make(TREE, announce=tiers)).announce_tiers, tiers)

    def test_a_flood_of_trackers_is_cut(self) -> None:
        many = [[b"http://%d/a" % i, b"http://%d/b" % i] for i in range(10_000)]
        kept = self.tiers(announce_list=many)
        self.assertEqual(sum(map(len, kept)), urls.MAX_URLS)
        self.assertEqual(kept[0], ["http://0/a", "http://0/b"])

    def test_web_seeds(self) -> None:
        rows = [
            (b"http://a/", ("http://a/",)),
            ([b"http://a/", b"http://b/", b"http://a/"], ("http://a/", "http://b/")),
            (b"", ()),
            ([], ()),
            ([7, b"x"], ()),
            (7, ()),
        ]
        for value, expected in rows:
            self.assertEqual(
                parse(torrents.make(TREE, extra={b"url-list": value})).url_list, expected
            )
        flood = [b"http://%d/" % i for i in range(10_000)]
        kept = parse(torrents.make(TREE, extra={b"url-list": flood})).url_list
        self.assertEqual(len(kept), urls.MAX_URLS)


class RefusalTests(SynchronousTestCase):
    def refused(self, raw: bytes, message: str) -> None:
        with self.assertRaisesRegex(MetainfoError, message) as caught:
            parse(raw)
        # Every message tells what to do.
        self.assertRegex(str(caught.exception), "[Ll]ook for|download|unpack|use the link")

    def test_not_a_torrent(self) -> None:
        rows = [
            (b"", "is empty"),
            (b"\0" * 100, "is empty"),
            (b" \r\n", "is empty"),
            (b"hello", "not a .torrent file"),
            (b"i1e", "not a .torrent file"),
            (b"le", "not a .torrent file"),
            (b"\n<!DOCTYPE html><html>", "web page"),
            (b"\xef\xbb\xbf<html>", "web page"),
            (b"magnet:?xt=urn:btih:", "magnet link"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"de", "no `info`"),
            (b"d4:infolee", "no `info`"),
            (b"d4:info3:abce", "no `info`"),
        ]
        for raw, message in rows:
            self.refused(raw, message)

    def test_cut_at_every_byte(self) -> None:
        raw = torrents.make(TREE, announce="http://t/ann", url_list=["http://w/"])
        for end in range(1, len(raw)):
            self.refused(raw[:end], "the data ends early")

    def test_too_large(self) -> None:
        raw = made()
        padding = bytes(torrentfile.MAX_FILE_SIZE - len(raw))
        parse(raw + padding)
        self.refused(raw + padding + b"\0", "limit of 10 MiB")

    def test_bombs(self) -> None:
        self.refused(b"d4:info" + b"l" * 1_000_000, "too deep")
        self.refused(b"d4:info" + b"d0:" * 1_000_000, "too deep")
        self.refused(b"d1:al" + b"0:" * 1_000_000 + b"ee", "too many values")

    def test_duplicate_keys(self) -> None:
        info = decode(made())[b"info"]
        inner = encode(info)
        self.refused(b"d4:info" + inner + b"4:info" + inner + b"e", "occurs twice")
        self.refused(b"d4:info" + inner[:-1] + b"4:name1:xee", "occurs twice")

    def test_odd_integers(self) -> None:
        for length in (b"i040000e", b"i+40000e", b"i4_0000e", b"i 40000e", b"i-0e"):
            raw = made().replace(b"i40000e", length)
            self.refused(raw, "malformed integer")
        self.refused(made().replace(b"i40000e", b"i%de" % 2**64), "malformed|64 bits")

    def test_piece_length(self) -> None:
        for length in (None, 0, -1, -BLOCK, b"16384", [BLOCK]):
            self.refused(made(piece_length=length), "no valid piece length")
        hashes = bytes(20)
        limit = torrentfile.MAX_PIECE_LENGTH
        parse(made(piece_length=limit, pieces=hashes))
        self.refused(made(piece_length=limit + 1, pieces=hashes), "piece length")
        self.refused(made(piece_length=2**63 - 1, pieces=hashes), "piece length")

    def test_piece_hashes(self) -> None:
        for pieces in (b"x" * 59, b"x" * 61, 7, [b"x" * 60]):
            self.refused(made(pieces=pieces), "missing or cut")
        for pieces in (b"", b"x" * 40, b"x" * 80):
            self.refused(made(pieces=pieces), "hashes of")
        self.refused(made(pieces=None), "missing or cut")

    def test_too_many_pieces(self) -> None:
        limit = torrentfile.MAX_PIECES
        self.refused(made(length=limit + 1, piece_length=1), f"limit of {limit}:")
        self.refused(made(length=limit, piece_length=1), "hashes of")

    def test_lengths(self) -> None:
        hashes = bytes(20)
        rows = [
            (None, "neither a length nor"),
            (-1, "negative length"),
            (b"5", "no length"),
            (0, "no data"),
            (2**48, "limit of 281474976710655 bytes"),
            (2**63 - 1, "limit of"),
        ]
        for length, message in rows:
            self.refused(made(length=length, pieces=hashes), message)

    def test_versions(self) -> None:
        tree = {b"a": {b"": {b"length": 5, b"pieces root": b"r" * 32}}}
        v2 = {"pieces": None, "length": None, "file_tree": tree}
        self.refused(made(meta_version=2, **v2), "v2 only: not supported yet")
        self.refused(made(**v2), "v2 only: not supported yet")
        self.refused(made(pieces=None, meta_version=2), "v2 only: not supported yet")
        for version in (3, 0, -1, b"2", 2**62):
            self.refused(made(meta_version=version), "version")
        self.refused(made(pieces=None, root_hash=b"r" * 20), "Merkle")

    def test_a_hybrid_is_read_as_version_1(self) -> None:
        tree = {b"x.bin": {b"": {b"length": 40_000, b"pieces root": b"r" * 32}}}
        metainfo = parse(made(meta_version=2, file_tree=tree))
        self.assertEqual(metainfo.geometry.piece_count, 3)
        self.assertEqual(metainfo.info_hash, sha1(metainfo.info).digest())

    @settings(derandomize=True, deadline=None, max_examples=600)
    @given(st.data())
    def test_mutated_torrents_are_read_or_refused(self, data) -> None:
        raw = bytearray(torrents.make(TREE, name="d", announce=[["http://t/a"]], aligned=True))
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(raw) - 1))
            raw[place] = data.draw(st.sampled_from(b"0123456789:-ilde./\x00\xff"))
        try:
            metainfo = parse(bytes(raw))
        except MetainfoError as error:
            str(error).encode()
            return
        self.assertEqual(len(metainfo.piece_hashes), 20 * metainfo.geometry.piece_count)
        self.assertEqual(metainfo.files[-1].end, metainfo.geometry.total)
        metainfo.name.encode()

    VALUES = st.sampled_from([0, -1, 7, 2**63 - 1, b"", b"x", b"x" * 20, [], [b"x"], {}, {b"x": 1}])
    KEYS = st.sampled_from(
        b"length,files,pieces,piece length,name,name.utf-8,private,meta version,attr".split(b",")
    )
    OUTER = st.sampled_from(
        b"announce,announce-list,url-list,comment,created by,creation date,encoding".split(b",")
    )

    @settings(derandomize=True, deadline=None, max_examples=400)
    @given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(OUTER, VALUES, max_size=4))
    def test_values_of_the_wrong_type(self, info, outer) -> None:
        raw = torrents.make(b"x" * 5, info_extra=info, extra=outer)
        with contextlib.suppress(MetainfoError):
            self.assertIsInstance(parse(raw), Metainfo)


class LoadTests(SynchronousTestCase):
    def path(self, raw: bytes) -> str:
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(raw)
        return path

    def refused(self, path: str, message: str) -> None:
        with self.assertRaisesRegex(MetainfoError, message) as caught:
            load(path)
        self.assertTrue(str(caught.exception).startswith(f"{path}: "))

    def test_load(self) -> None:
        self.assertEqual(load(self.path(made())), parse(made()))

    def test_errors_name_the_file(self) -> None:
        self.refused(self.mktemp(), "cannot be read: no such file")
        self.refused(self.path(b""), "is empty")
        self.refused(self.path(made()[:-1]), "the data ends early")
        self.refused("a\0b", "cannot be read")

    def test_a_directory(self) -> None:
        path = self.mktemp()
        os.mkdir(path)
        self.refused(path, "cannot be read: is a directory")

    def test_a_named_pipe_does_not_hold_us_up(self) -> None:
        path = self.mktemp()
        os.mkfifo(path)
        self.refused(path, "not a file")

    def test_unreadable(self) -> None:
        path = self.mktemp()
        os.symlink(os.path.basename(path), path)
        self.refused(path, "cannot be read: too many levels of symbolic links")

    def test_of_a_huge_file_only_the_allowed_part_is_read(self) -> None:
        path = self.path(made())
        os.truncate(path, 2**40)
        self.refused(path, "limit of 10 MiB")


class MadeTests(SynchronousTestCase):
    """The test double itself: what it makes belongs together."""

    def check(self, metainfo: Metainfo, data: bytes) -> None:
        length = metainfo.geometry.piece_length
        for piece in range(metainfo.geometry.piece_count):
            part = data[piece * length : (piece + 1) * length]
            self.assertEqual(sha1(part).digest(), metainfo.piece_hash(piece))

    def test_content_belongs_to_the_torrent(self) -> None:
        for aligned in (False, True):
            raw = torrents.make(TREE, piece_length=1024, aligned=aligned)
            data = torrents.payload(TREE, piece_length=1024, aligned=aligned)
            self.check(parse(raw), data)
        self.check(parse(torrents.make(b"x" * 99, piece_length=10)), torrents.payload(b"x" * 99))

    def test_aligned_files_start_at_a_piece(self) -> None:
        files = {"a": b"1" * 5, "b": b"2" * 10, "c": b"3" * 7}
        metainfo = parse(torrents.make(files, piece_length=10, aligned=True))
        self.assertEqual([f.offset for f in metainfo.files if not f.pad], [0, 10, 20])
        self.assertEqual([f.length for f in metainfo.files if f.pad], [5])

    def test_content_is_the_same_for_the_same_seed(self) -> None:
        self.assertEqual(torrents.content(1, 1000), torrents.content(1, 1000))
        self.assertNotEqual(torrents.content(1, 1000), torrents.content(2, 1000))

    def test_write_content(self) -> None:
        root = self.mktemp()
        metainfo = parse(torrents.make(TREE, name="d", piece_length=1024, aligned=True))
        data = torrents.payload(TREE, piece_length=1024, aligned=True)
        torrents.write_content(root, metainfo, data)
        found = {}
        for folder, _, names in os.walk(root):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, os.path.join(root, "d"))] = file.read()
        self.assertEqual(found, TREE)
