"""Lists of torrents and of passkeys, and .torrent files: what is read, and what is refused."""

import os
from hashlib import sha1, sha256

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.testing import torrents
from txtorrent.bencode import encode
from txtorrent.config.document import ConfigError
from txtorrent.trackerserver import files
from txtorrent.trackerserver.files import (
    Unreadable,
    info_hashes,
    read_info_hashes,
    read_passkeys,
    read_torrent,
)

HASH, HASH2 = "0123456789abcdef0123456789abcdef01234567", "ab" * 32
KEY = "abcdefgh12345678"

# (a list of torrents, the line, a part of the complaint)
WRONG_HASHES = [
    ("x", 1, "'x' is no info-hash: write 40 hex digits, or 64 of version 2"),
    (f"{HASH}\n\n{HASH[1:]}\n", 3, "is no info-hash"),
    (f"# {HASH}\n{HASH} a name", 2, "is no info-hash"),
    ("y" * 1001, 1, "a line of more than 1000 bytes"),
]

# (a list of passkeys, the line, a part of the complaint)
WRONG_KEYS = [
    ("", 1, "there is no passkey in it"),
    ("# nobody\n", 1, "there is no passkey in it"),
    (f"{KEY}\n", 1, "behind the passkey belong a space and the user's name"),
    (f"{KEY} \n", 1, "behind the passkey belong"),
    (f"{KEY} a\x07b\n", 1, "behind the passkey belong"),
    (f"{KEY} {'x' * 201}\n", 1, "behind the passkey belong"),
    (f"{KEY} ann\n\nsecret! bob\n", 3, "a passkey has 8 to 64 letters"),
    ("seven77 ann\n", 1, "a passkey has 8 to 64 letters"),
    (f"{'x' * 65} ann\n", 1, "a passkey has 8 to 64 letters"),
    (f"{KEY} ann\n{KEY} bob\n", 2, "this passkey is there twice"),
    (KEY * 100, 1, "a line of more than 1000 bytes"),
]

INFO = {b"name": b"x", b"piece length": 16384, b"length": 1}
V1 = {**INFO, b"pieces": bytes(20)}
V2 = {**INFO, b"meta version": 2, b"file tree": {}}

# (the file, a part of the complaint)
WRONG_TORRENTS = [
    (b"", "is no .torrent file: the data ends early"),
    (b"le", "is no .torrent file: not a dict"),
    (b"<html>", "is no .torrent file"),
    (encode({b"announce": b"http://x/"}), "it has no info dict"),
    (encode({b"info": b"x"}), "it has no info dict"),
    (encode({b"info": INFO}), "its info dict has no pieces"),
    (encode({b"info": {**INFO, b"pieces": 5}}), "its info dict has no pieces"),
    (encode({b"info": {**INFO, b"meta version": 3}}), "its info dict has no pieces"),
    (b"d" + b"4:info" * 3, "is no .torrent file"),
]


class Case(SynchronousTestCase):
    def written(self, content):
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return path

    def refused_lines(self, read, table):
        for text, line, complaint in table:
            with self.subTest(text[:60]):
                path = self.written(text)
                error = self.assertRaises(ConfigError, read, path)
                self.assertTrue(str(error).startswith(f"{path}:{line}: "), str(error))
                self.assertIn(complaint, str(error))
                self.assertNotIn(KEY, str(error))
                self.assertNotIn("secret!", str(error))

    def unreadable(self, read):
        for path, complaint in [
            (self.mktemp(), "cannot be read: no such file or directory"),
            (os.path.dirname(os.path.abspath(self.mktemp())), "cannot be read: "),
            (os.devnull, "cannot be read: not a file"),
        ]:
            error = self.assertRaises(Unreadable, read, path)
            self.assertIn(complaint, str(error))
        pipe = self.mktemp()
        os.mkfifo(pipe)
        error = self.assertRaises(Unreadable, read, pipe)
        self.assertEqual(str(error), "cannot be read: not a file")


class InfoHashes(Case):
    def test_right(self):
        text = f"# ours\n{HASH}\r\n\n  {HASH2.upper()} # both\n{HASH.upper()}"
        found = read_info_hashes(self.written(text))
        self.assertEqual(found, {bytes.fromhex(HASH), bytes.fromhex(HASH2)[:20]})

    def test_empty(self):
        self.assertEqual(read_info_hashes(self.written("")), set())

    def test_wrong(self):
        self.refused_lines(read_info_hashes, WRONG_HASHES)

    def test_too_many(self):
        self.patch(files, "MAX_LISTED", 2)
        text = "".join(f"{number:040x}\n" for number in range(3))
        error = self.assertRaises(ConfigError, read_info_hashes, self.written(text))
        self.assertIn(":3: there are more than 2", str(error))

    def test_not_utf8(self):
        path = self.written(b"# a\n# \xff\n")
        error = self.assertRaises(ConfigError, read_info_hashes, path)
        self.assertEqual(str(error), f"{path}:2: not UTF-8")

    def test_unreadable(self):
        self.unreadable(read_info_hashes)


class Passkeys(Case):
    def test_right(self):
        text = f"# users\n\n{KEY} Ann B. #1\r\n  _-345678\t \u00e4nne\n"
        text = text.replace("\t", "")
        self.assertEqual(
            read_passkeys(self.written(text)),
            {KEY.encode(): "Ann B. #1", b"_-345678": "\u00e4nne"},
        )

    def test_wrong(self):
        self.refused_lines(read_passkeys, WRONG_KEYS)

    def test_too_many(self):
        self.patch(files, "MAX_PASSKEYS", 2)
        text = "".join(f"{KEY}{number} x\n" for number in range(3))
        error = self.assertRaises(ConfigError, read_passkeys, self.written(text))
        self.assertIn(":3: there are more than 2", str(error))

    def test_unreadable(self):
        self.unreadable(read_passkeys)


class Torrents(Case):
    def test_version_1(self):
        path = self.written(torrents.make(b"x" * 20_000))
        with open(path, "rb") as file:
            raw = file.read()
        start = raw.index(b"4:info") + 6
        self.assertEqual(read_torrent(path), (sha1(raw[start:-1]).digest(),))

    def test_versions(self):
        for info, expected in [
            (V1, ["1"]),
            (V2, ["2"]),
            ({**V1, **V2}, ["1", "2"]),
            ({**V1, b"meta version": 1}, ["1"]),
        ]:
            data = encode(info)
            by_version = {"1": sha1(data).digest(), "2": sha256(data).digest()[:20]}
            found = info_hashes(encode({b"announce": b"x", b"info": info}))
            self.assertEqual(found, tuple(by_version[each] for each in expected))

    def test_the_bytes_as_they_came(self):
        info = b"d6:pieces20:" + bytes(20) + b"4:name1:xe"  # keys not sorted
        self.assertEqual(info_hashes(b"d4:info" + info + b"e"), (sha1(info).digest(),))

    def test_wrong(self):
        for raw, complaint in WRONG_TORRENTS:
            with self.subTest(raw[:40]):
                error = self.assertRaises(Unreadable, read_torrent, self.written(raw))
                self.assertIn(complaint, str(error))

    def test_too_large(self):
        path = self.written(torrents.make(b"x", extra={b"x": bytes(10 << 20)}))
        error = self.assertRaises(Unreadable, read_torrent, path)
        self.assertEqual(str(error), "is no .torrent file: larger than 10 MiB")

    def test_unreadable(self):
        self.unreadable(read_torrent)

    @settings(derandomize=True, deadline=None, max_examples=200)
    @given(st.binary(max_size=60), st.integers(0, 200))
    def test_strange(self, extra, cut):
        whole = encode({b"info": {**V1, **V2}})
        for raw in (extra, whole[:cut] + extra + whole[cut:], whole[:cut]):
            try:
                found = info_hashes(raw)
            except ValueError:
                continue
            self.assertTrue(all(len(each) == 20 for each in found))
