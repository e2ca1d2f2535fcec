"""What is transferred: one file of random bytes, its torrent, and a look at a copy of it."""

import hashlib
import os
from typing import Final

from attrs import frozen

from benchmarks.child import Failed
from txtorrent.bencode import encode

PIECE: Final = 1 << 20
"""Bytes: what torrents of a few GiB have; also how much content is made at a time."""
BLOCK: Final = 16384
MIB: Final = 1 << 20
FILE: Final = "content.bin"


@frozen
class Sample:
    """A torrent of `size` bytes; its content lies in `directory`. `digest` is the file's SHA-1."""

    directory: str
    torrent: str
    info_hash: bytes
    size: int
    digest: bytes
    piece_length: int = PIECE

    @property
    def content(self) -> str:
        """The file."""
        return os.path.join(self.directory, FILE)


def make_sample(root: str, mebibytes: int, piece_length: int = PIECE) -> Sample:
    """Write the content and its torrent beneath `root`, in pieces of so many bytes."""
    name = f"{mebibytes}-{piece_length}"
    directory = os.path.join(root, f"source-{name}")
    os.makedirs(directory)
    whole, pieces = hashlib.sha1(), bytearray()
    with open(os.path.join(directory, FILE), "w+b") as out:
        for _ in range(mebibytes * MIB // PIECE):
            some = os.urandom(PIECE)
            whole.update(some)
            out.write(some)
        out.seek(0)
        while piece := out.read(piece_length):
            pieces += hashlib.sha1(piece).digest()
    info = {
        b"length": mebibytes * MIB,
        b"name": FILE.encode(),
        b"piece length": piece_length,
        b"pieces": bytes(pieces),
    }
    torrent = os.path.join(root, f"sample-{name}.torrent")
    with open(torrent, "wb") as out:
        out.write(encode({b"info": info}))
    info_hash = hashlib.sha1(encode(info)).digest()
    return Sample(directory, torrent, info_hash, mebibytes * MIB, whole.digest(), piece_length)


def is_same(sample: Sample, directory: str) -> bool:
    """Whether the directory has the sample's content, by its hash."""
    try:
        with open(os.path.join(directory, FILE), "rb") as copy:
            return hashlib.file_digest(copy, "sha1").digest() == sample.digest
    except OSError:
        return False


def verify(sample: Sample, directory: str) -> None:
    """Failed unless the directory has the sample's content."""
    if not is_same(sample, directory):
        raise Failed(f"what was downloaded to {os.path.basename(directory)} is not the content")
