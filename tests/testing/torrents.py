"""Torrents made for tests: .torrent files, and the content that belongs to them.

Everything is deterministic. What is made can be broken on purpose through `extra` and
`info_extra`, which are merged into the finished dicts.
"""

import os
from collections.abc import Mapping, Sequence
from hashlib import sha1
from random import Random
from typing import NamedTuple

from txtorrent.bencode import Value, encode
from txtorrent.metainfo.pieces import BLOCK
from txtorrent.metainfo.torrentfile import Metainfo

Files = Mapping[str, bytes] | bytes
"""Contents by slash-separated path, in the torrent's order; or the content of the only file."""


class _Part(NamedTuple):
    path: str
    data: bytes
    pad: bool


def content(seed: int | str, length: int) -> bytes:
    """`length` bytes that look random, the same for the same seed."""
    return Random(f"content {seed}").randbytes(length)


def _parts(files: Mapping[str, bytes], piece_length: int, aligned: bool) -> list[_Part]:
    parts: list[_Part] = []
    offset = 0
    for path, data in files.items():
        gap = -offset % piece_length if aligned else 0
        if gap:
            parts.append(_Part(f".pad/{gap}", bytes(gap), True))
        parts.append(_Part(path, data, False))
        offset += gap + len(data)
    return parts


def payload(files: Files, *, piece_length: int = BLOCK, aligned: bool = False) -> bytes:
    """The bytes of the torrent that `make` makes of the same arguments, end to end."""
    if isinstance(files, bytes):
        return files
    return b"".join(part.data for part in _parts(files, piece_length, aligned))


def _listed(part: _Part) -> Value:
    components: list[Value] = [component.encode() for component in part.path.split("/")]
    entry: dict[bytes, Value] = {b"length": len(part.data), b"path": components}
    if part.pad:
        entry[b"attr"] = b"p"
    return entry


def _tiers(announce: str | Sequence[Sequence[str]]) -> dict[bytes, Value]:
    if isinstance(announce, str):
        return {b"announce": announce.encode()} if announce else {}
    tiers: list[Value] = [[url.encode() for url in tier] for tier in announce]
    return {b"announce-list": tiers}


def make(
    files: Files,
    *,
    name: str = "content",
    piece_length: int = BLOCK,
    announce: str | Sequence[Sequence[str]] = "",
    url_list: Sequence[str] = (),
    private: bool = False,
    aligned: bool = False,
    extra: Mapping[bytes, Value] | None = None,
    info_extra: Mapping[bytes, Value] | None = None,
) -> bytes:
    """The .torrent file of `files`.

    `announce` is one tracker's URL, or tiers of them. `aligned` starts every file at a piece,
    with pads (BEP 47) before it. `extra` goes into the outer dict and `info_extra` into `info`,
    over what is there.
    """
    data = payload(files, piece_length=piece_length, aligned=aligned)
    starts = range(0, len(data), piece_length)
    info: dict[bytes, Value] = {
        b"name": name.encode(),
        b"piece length": piece_length,
        b"pieces": b"".join(sha1(data[i : i + piece_length]).digest() for i in starts),
    }
    if isinstance(files, bytes):
        info[b"length"] = len(files)
    else:
        info[b"files"] = [_listed(part) for part in _parts(files, piece_length, aligned)]
    if private:
        info[b"private"] = 1
    document = {**_tiers(announce), b"info": {**info, **(info_extra or {})}}
    if url_list:
        document[b"url-list"] = [url.encode() for url in url_list]
    return encode({**document, **(extra or {})})


def write_content(root: str, metainfo: Metainfo, data: bytes) -> None:
    """Put the torrent's files beneath `root`, as a finished download leaves them.

    `data` is all bytes of the torrent, end to end; pads are left out, as always on disk.
    """
    for file in metainfo.files:
        if file.pad:
            continue
        path = os.path.join(root, *file.path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(memoryview(data)[file.offset : file.end])
