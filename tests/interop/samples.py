"""The torrents that are moved, and whether what arrived is what was sent."""

import os
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from attrs import frozen

from tests.testing import torrents
from tests.testing.loopback import OWN_SWARM
from txtorrent.metainfo.torrentfile import Metainfo, parse

KIB: Final = 1024

_FILES: Final[dict[str, torrents.Files]] = {
    "single": torrents.content("single", 1_000_003),
    "many": {
        "plain.bin": torrents.content("plain", 50_000),
        "пустой/nothing.txt": b"",
        "名前/файл один.bin": torrents.content("one", 70_001),
        "übergröße": b"x",
        "名前/deep/er/ελληνικά.dat": torrents.content("greek", 223_457),
        "zero too": b"",
    },
    "byte": b"!",
}
_PIECE: Final = {"single": 64 * KIB, "many": 32 * KIB, "byte": 16 * KIB}
KINDS: Final = tuple(_FILES)
"""One file; many files whose pieces straddle them, two empty, with names of all the world; 1 byte.

All but the last end in a short piece."""


@frozen
class Sample:
    """A .torrent file on disk, and the bytes that it stands for, end to end."""

    path: str
    metainfo: Metainfo
    data: bytes

    def write(self, directory: str) -> str:
        """Put the content beneath a directory; returns it."""
        torrents.write_content(directory, self.metainfo, self.data)
        return directory

    def write_part(self, directory: str, pieces: Iterable[int]) -> str:
        """The same with only these pieces right, and zeros in place of all others."""
        size = self.metainfo.geometry.piece_length
        data = bytearray(len(self.data))
        for piece in pieces:
            data[piece * size : (piece + 1) * size] = self.data[piece * size : (piece + 1) * size]
        torrents.write_content(directory, self.metainfo, bytes(data))
        return directory

    def differences(self, directory: str, empty_files: bool = True) -> list[str]:
        """What beneath the directory is not as it should be.

        Without `empty_files` these may be missing: some clients do not make them.
        """
        wrong = []
        for file in self.metainfo.files:
            if file.length == 0 and not empty_files:
                continue
            expected = self.data[file.offset : file.end]
            problem = _difference(os.path.join(directory, *file.path), expected)
            if problem:
                wrong.append(f"{'/'.join(file.path)}: {problem}")
        return wrong


def _difference(path: str, expected: bytes) -> str | None:
    try:
        with open(path, "rb") as stream:
            found = stream.read()
    except OSError as error:
        return str(error.strerror)
    if len(found) != len(expected):
        return f"{len(found)} bytes instead of {len(expected)}"
    if sha256(found).digest() != sha256(expected).digest():
        return "other content"
    return None


def make(work: str, kind: str, announce: str = "") -> Sample:
    """One of the `KINDS` with a tracker, or without one."""
    return write(work, _FILES[kind], kind, _PIECE[kind], announce)


def large(work: str, name: str, size: int, piece_length: int, announce: str = "") -> Sample:
    """A single file of `size` bytes."""
    return write(work, torrents.content(name, size), name, piece_length, announce)


def crowd(work: str, name: str) -> Sample:
    """So many files that the metadata is more than one of its pieces (BEP 9: 16 KiB)."""
    paths = (f"a folder/of files whose names are rather long, {each:03}" for each in range(300))
    files = {path: torrents.content(f"{name} {path}", 5000) for path in paths}
    return write(work, files, name, 32 * KIB, "")


def small(
    work: str, name: str, announce: str | Sequence[Sequence[str]], private: bool = False
) -> Sample:
    """A single file of a few pieces."""
    return write(work, torrents.content(name, 100_000), name, 16 * KIB, announce, private)


def write(
    work: str,
    files: torrents.Files,
    name: str,
    piece_length: int,
    announce: str | Sequence[Sequence[str]],
    private: bool = False,
) -> Sample:
    """Write the .torrent file of `files` into `work`."""
    raw = torrents.make(
        files,
        name=f"{name} ☃",
        piece_length=piece_length,
        announce=announce,
        info_extra=OWN_SWARM,
        private=private,
    )
    path = os.path.join(work, f"{name}.torrent")
    with open(path, "wb") as out:
        out.write(raw)
    return Sample(path, parse(raw), torrents.payload(files, piece_length=piece_length))
