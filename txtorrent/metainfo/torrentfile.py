"""A .torrent file, read and checked (BEP 3; BEP 12 tiers, BEP 19 web seeds, BEP 27 private).

A hybrid torrent (BEP 52) is read as the version 1 torrent that it also is. Nothing is written
here, and nothing but `load` touches a disk.
"""

import os
import stat
from hashlib import sha1
from typing import Final

from attrs import field, frozen

from txtorrent.bencode import BencodeError, Value, decode_with_spans
from txtorrent.metainfo.errors import MetainfoError, damaged, excessive, faulty
from txtorrent.metainfo.filelist import read_files
from txtorrent.metainfo.files import File
from txtorrent.metainfo.pieces import Geometry
from txtorrent.metainfo.text import choose_codec, display_text
from txtorrent.metainfo.urls import distinct_tiers, distinct_urls

__all__ = ["Metainfo", "MetainfoError", "load", "parse"]

MAX_FILE_SIZE: Final = 10 * 1024 * 1024
"""Bytes of a .torrent file: enough for 2 TB in pieces of 4 MiB."""
MAX_PIECE_LENGTH: Final = 512 * 1024 * 1024
"""Bytes of a piece: none can be shared before all of it has come."""
MAX_PIECES: Final = 2_097_152
"""Pieces of a torrent: 256 KiB a bitfield, and we hold one for every peer."""
MAX_NODES: Final = 20
"""DHT nodes kept of a torrent: one that answers is enough to find the others."""
MAX_HOST: Final = 253
"""Characters of a host name (RFC 1035)."""
_LAST_DATE: Final = 253_402_300_799
"""The end of the year 9999, seconds since 1970: later dates cannot be shown."""
_HASH: Final = 20
"""Bytes of a SHA-1."""


@frozen(repr=False)
class Metainfo:
    """A torrent as its metainfo describes it. Two are equal when their bytes are."""

    raw: bytes
    """The whole file, with every key that is not read here."""
    info_hash: bytes = field(eq=False)
    """20 bytes: the SHA-1 of `info`."""
    name: str = field(eq=False)
    """A safe file name and fit to be shown; the info-hash in hex when the torrent has none."""
    geometry: Geometry = field(eq=False)
    files: tuple[File, ...] = field(eq=False)
    piece_hashes: bytes = field(eq=False)
    """The SHA-1s of all pieces, end to end: see `piece_hash`."""
    private: bool = field(eq=False)
    announce_tiers: tuple[tuple[str, ...], ...] = field(eq=False)
    """Tracker URLs in the order of BEP 12, not shuffled; no tier is empty."""
    url_list: tuple[str, ...] = field(eq=False)
    """Web seeds (BEP 19)."""
    nodes: tuple[tuple[str, int], ...] = field(eq=False)
    """Host names or addresses of DHT nodes, with their ports (BEP 5)."""
    comment: str | None = field(eq=False)
    created_by: str | None = field(eq=False)
    creation_date: int | None = field(eq=False)
    """Seconds since 1970."""
    _info_span: tuple[int, int] = field(eq=False)

    @property
    def info(self) -> bytes:
        """The bytes of the `info` dict as they came; a fresh copy, `raw` has them already."""
        return bytes(self.info_view)

    @property
    def info_view(self) -> memoryview:
        """The same, not copied."""
        return memoryview(self.raw)[slice(*self._info_span)]

    def piece_hash(self, piece: int) -> bytes:
        """The 20-byte SHA-1 of a piece. IndexError when there is no such piece."""
        if not 0 <= piece < self.geometry.piece_count:
            raise IndexError(f"piece {piece} of {self.geometry.piece_count}")
        return self.piece_hashes[piece * _HASH : (piece + 1) * _HASH]

    def __repr__(self) -> str:
        return f"<Metainfo {self.info_hash.hex()} {self.name!r}>"


def load(path: str) -> Metainfo:
    """The torrent in the file at `path`. Blocks: it reads the disk.

    MetainfoError, naming the path, when the file cannot be read or is no usable torrent.
    """
    try:
        return parse(_read(path))
    except MetainfoError as error:
        raise MetainfoError(f"{path}: {error}") from error


def _read(path: str) -> bytes:
    """At most a byte more than a .torrent file may have."""
    if "\0" in path:
        raise MetainfoError("cannot be read: no path has a NUL in it")
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise MetainfoError("not a file: name the .torrent file itself")
            return file.read(MAX_FILE_SIZE + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise MetainfoError(f"cannot be read: {reason}") from error


def _open_at_once(path: str, flags: int) -> int:
    # Without O_NONBLOCK the open of a named pipe waits for a writer.
    return os.open(path, flags | os.O_NONBLOCK)


def parse(raw: bytes) -> Metainfo:
    """The torrent that `raw`, the content of a .torrent file, describes.

    MetainfoError, worded for the user, when it is not one, is malformed, exceeds a limit, or is
    of a kind not supported. Bytes after the torrent are tolerated. A file of a megabyte takes
    tens of milliseconds: off the reactor thread with those.
    """
    if len(raw) > MAX_FILE_SIZE:
        raise excessive("the file is too large", f"{MAX_FILE_SIZE >> 20} MiB")
    document, info, span = _decode(raw)
    _check_version(info)
    info_hash = sha1(memoryview(raw)[slice(*span)]).digest()
    encoding = document.get(b"encoding", info.get(b"encoding"))
    files = read_files(info, encoding, nameless=info_hash.hex())
    geometry, piece_hashes = _pieces(info, files[-1].end)
    return Metainfo(
        raw=raw,
        info_hash=info_hash,
        name=files[0].path[0],
        geometry=geometry,
        files=files,
        piece_hashes=piece_hashes,
        private=bool(info.get(b"private")),
        announce_tiers=_announce_tiers(document),
        url_list=_url_list(document.get(b"url-list")),
        nodes=_nodes(document.get(b"nodes")),
        comment=_shown(document, b"comment"),
        created_by=_shown(document, b"created by"),
        creation_date=_creation_date(document),
        info_span=span,
    )


def _decode(raw: bytes) -> tuple[dict[bytes, Value], dict[bytes, Value], tuple[int, int]]:
    """The document, its `info` and where in `raw` that lies."""
    if not raw.startswith(b"d"):
        raise _no_torrent(raw)
    try:
        document, spans = decode_with_spans(raw)
    except BencodeError as error:
        raise MetainfoError(
            f"not a well formed .torrent file: {error}; it is damaged or was made wrongly:"
            " download it again or look for another one"
        ) from error
    info = document.get(b"info")
    if not isinstance(info, dict):
        raise faulty("not a torrent: it has no `info`")
    return document, info, spans[b"info"]


def _no_torrent(raw: bytes) -> MetainfoError:
    """What the file is instead, if that is easily said."""
    start = raw[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not raw.strip(b"\0 \t\r\n"):
        return damaged("the file is empty")
    if start.startswith(b"<"):
        return MetainfoError(
            "this is a web page, not a .torrent file: open the page it came from in a browser,"
            " log in if it asks for that, and download the torrent again"
        )
    if start.startswith(b"magnet:"):
        return MetainfoError("this is a magnet link saved as a file: use the link itself instead")
    if start.startswith(b"\x1f\x8b"):
        return MetainfoError("the file is compressed with gzip: unpack it first (gunzip)")
    return damaged("not a .torrent file")


def _check_version(info: dict[bytes, Value]) -> None:
    version = info.get(b"meta version", 1)
    if version not in (1, 2):
        raise MetainfoError(
            f"a torrent of version {version!r:.20}, which is not known here: look for another one"
        )
    if b"pieces" in info:
        return
    if version == 2 or b"file tree" in info:
        raise MetainfoError(
            "this torrent is v2 only: not supported yet. Look for a hybrid or v1 torrent of it"
        )
    if b"root hash" in info:
        raise MetainfoError("a Merkle torrent (BEP 30), which is not supported: look for another")


def _pieces(info: dict[bytes, Value], total: int) -> tuple[Geometry, bytes]:
    length = info.get(b"piece length")
    hashes = info.get(b"pieces")
    if not isinstance(length, int) or length <= 0:
        raise faulty("the torrent has no valid piece length")
    if length > MAX_PIECE_LENGTH:
        raise excessive(f"a piece length of {length} bytes", f"{MAX_PIECE_LENGTH} bytes")
    if not isinstance(hashes, bytes) or len(hashes) % _HASH:
        raise faulty("the torrent's piece hashes are missing or cut")
    geometry = Geometry(length, total)
    if geometry.piece_count > MAX_PIECES:
        raise excessive(f"the torrent has {geometry.piece_count} pieces", f"{MAX_PIECES}")
    if len(hashes) != geometry.piece_count * _HASH:
        raise faulty(
            f"the torrent has hashes of {len(hashes) // _HASH} pieces where its files make up"
            f" {geometry.piece_count}"
        )
    return geometry, hashes


def _announce_tiers(document: dict[bytes, Value]) -> tuple[tuple[str, ...], ...]:
    """The tiers of `announce-list` (BEP 12) or else of `announce`, each URL once."""
    listed = document.get(b"announce-list")
    tiers = distinct_tiers(listed) if isinstance(listed, list) else ()
    return tiers or distinct_tiers([document.get(b"announce", b"")])


def _url_list(value: Value | None) -> tuple[str, ...]:
    """One URL or a list of them (BEP 19)."""
    if isinstance(value, bytes):
        value = [value]
    if not isinstance(value, list):
        return ()
    return distinct_urls(value)


def _shown(document: dict[bytes, Value], key: bytes) -> str | None:
    twin = document.get(key + b".utf-8")
    if isinstance(twin, bytes) and twin:
        return display_text(twin, "utf-8") or None
    value = document.get(key)
    if not isinstance(value, bytes):
        return None
    return display_text(value, choose_codec([value], document.get(b"encoding"))) or None


def _nodes(value: Value | None) -> tuple[tuple[str, int], ...]:
    """Pairs of a host and a port; what is none is left out."""
    pairs = [each for each in value if isinstance(each, list)] if isinstance(value, list) else []
    nodes = dict.fromkeys(node for pair in pairs[:MAX_NODES] if (node := _node(pair)) is not None)
    return tuple(nodes)


def _node(pair: list[Value]) -> tuple[str, int] | None:
    if len(pair) != 2 or not isinstance(pair[0], bytes) or not isinstance(pair[1], int):
        return None
    host = pair[0].decode("ascii", "replace")
    is_host = 0 < len(host) <= MAX_HOST and host.isprintable() and not set(host) & set(" /\ufffd")
    return (host, pair[1]) if is_host and 0 < pair[1] < 65536 else None


def _creation_date(document: dict[bytes, Value]) -> int | None:
    date = document.get(b"creation date")
    return date if isinstance(date, int) and 0 < date <= _LAST_DATE else None
