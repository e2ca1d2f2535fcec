"""What is transferred: one file of random bytes, its torrent, and a look at a copy of it."""

import hashlib
import os
from typing import Final

from attrs import frozen

from benchmarks.child import Failed
from txtorrent.bencode import encode

PIECE: Final = 1 << 20
"""Bytes: what torrents of a few GiB have."""
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


def make_sample(root: str, mebibytes: int) -> Sample:
    """Write the content and its torrent beneath `root`."""
    directory = os.path.join(root, f"source-{mebibytes}")
    os.makedirs(directory)
    whole, pieces = hashlib.sha1(), []
    with open(os.path.join(directory, FILE), "wb") as out:
        for _ in range(mebibytes * MIB // PIECE):
            piece = os.urandom(PIECE)
            pieces.append(hashlib.sha1(piece).digest())
            whole.update(piece)
            out.write(piece)
    info = {
        b"length": mebibytes * MIB,
        b"name": FILE.encode(),
        b"piece length": PIECE,
        b"pieces": b"".join(pieces),
    }
    torrent = os.path.join(root, f"sample-{mebibytes}.torrent")
    with open(torrent, "wb") as out:
        out.write(encode({b"info": info}))
    info_hash = hashlib.sha1(encode(info)).digest()
    return Sample(directory, torrent, info_hash, mebibytes * MIB, whole.digest())


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
