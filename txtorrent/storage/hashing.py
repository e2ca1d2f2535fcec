"""Hashing pieces and blocks, in memory and on disk.

Every call may block; the hashing itself lets other threads run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b, sha1
from threading import local

from txtorrent.metainfo.pieces import BLOCK
from txtorrent.storage.beneath import StorageMissing
from txtorrent.storage.content import Buffer, Content, Extent, ShortFileError

# Larger reads hash no faster, and a thread's buffer stays in its core's cache.
READ_SIZE = 1024 * 1024

# Digests of blocks are only compared with each other: half a MD5 would do, but for free this
# cannot be made to collide by a peer, who does not know the key.
DIGEST_SIZE = 16

_buffers = local()


def verify_and_write(content: Content, offset: int, data: Buffer, expected: bytes) -> bool:
    """Write the piece at `offset` of the torrent if its SHA-1 is `expected`.

    False, and nothing written, when it is not.  OSError as `Content.write`.
    """
    if sha1(data, usedforsecurity=False).digest() != expected:
        return False
    content.write(offset, data)
    return True


def verify_and_write_all(
    content: Content, pieces: Iterable[tuple[int, Buffer, bytes]]
) -> list[bool]:
    """As `verify_and_write` for each (offset, data, expected)."""
    return [verify_and_write(content, *piece) for piece in pieces]


def verify_on_disk(content: Content, offset: int, length: int, expected: bytes) -> bool:
    """Whether the SHA-1 of `length` bytes on disk is `expected`.

    False also when a file of them is missing or ends early; StorageMissing and any other OSError
    pass through.
    """
    digest = sha1(usedforsecurity=False)
    try:
        for part in _parts(content, offset, length, READ_SIZE):
            digest.update(part)
    except StorageMissing:
        raise
    except (FileNotFoundError, ShortFileError):
        return False
    return digest.digest() == expected


def sha1s_on_disk(
    content: Content, offset: int, length: int, piece_length: int
) -> tuple[Extent, list[bytes]]:
    """What there is of `length` bytes on disk, of whole pieces; of DATA each one's SHA-1, too.

    `length` is READ_SIZE at most.  StorageMissing and any other OSError pass through.
    """
    data = _buffer()[:length]
    extent = content.load(offset, data)
    if extent is not Extent.DATA:
        return extent, []
    return extent, [
        sha1(data[at : at + piece_length], usedforsecurity=False).digest()
        for at in range(0, length, piece_length)
    ]


def block_digests(data: Buffer, key: bytes) -> list[bytes]:
    """A digest of each block of a piece in memory; `key` is secret, of 1 to 64 bytes."""
    view = memoryview(data)
    return [_digest(view[at : at + BLOCK], key) for at in range(0, len(view), BLOCK)]


def block_digests_on_disk(content: Content, offset: int, length: int, key: bytes) -> list[bytes]:
    """As `block_digests`, of a piece on disk.  OSError as `Content.read`."""
    return [_digest(part, key) for part in _parts(content, offset, length, BLOCK)]


def zeros_sha1(length: int) -> bytes:
    """The SHA-1 of `length` zero bytes: of a hole."""
    digest = sha1(usedforsecurity=False)
    zeros = bytes(min(length, READ_SIZE))
    for _ in range(length // READ_SIZE):
        digest.update(zeros)
    digest.update(zeros[: length % READ_SIZE])
    return digest.digest()


def _parts(content: Content, offset: int, length: int, size: int) -> Iterator[memoryview]:
    """Bytes on disk, `size` at a time; each view is good until the next is asked for."""
    buffer = _buffer()
    end = offset + length
    while offset < end:
        part = buffer[: min(size, end - offset)]
        content.read_into(offset, part)
        yield part
        offset += len(part)


def _digest(block: memoryview, key: bytes) -> bytes:
    return blake2b(block, digest_size=DIGEST_SIZE, key=key).digest()


def _buffer() -> memoryview:
    """This thread's buffer, of READ_SIZE bytes."""
    try:
        buffer: memoryview = _buffers.view
    except AttributeError:
        buffer = _buffers.view = memoryview(bytearray(READ_SIZE))
    return buffer
