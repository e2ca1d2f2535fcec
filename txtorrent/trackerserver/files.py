"""Files that the tracker's settings name: lists of torrents, passkeys, .torrent files.

To be called where waiting for a disk does no harm. What is wrong inside a list is a `ConfigError`
with the list's name and line.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1, sha256
from typing import BinaryIO, Final

from txtorrent.bencode import BencodeError, decode_with_spans
from txtorrent.config.document import ConfigError
from txtorrent.trackerserver.words import info_hash_bytes

MAX_TORRENT_FILE: Final = 10 << 20
"""Bytes of a .torrent file: enough for 2 TB in pieces of 4 MiB."""
MAX_LISTED: Final = 5_000_000
"""Info-hashes of a list: half a gigabyte of memory."""
MAX_PASSKEYS: Final = 1_000_000
"""Users: a few hundred megabytes of memory."""
MAX_LINE: Final = 1000
"""Bytes of a line of a list; known ones have a hundred."""
MAX_NAME: Final = 200
"""Characters of a user's name: what lists can still show."""
_PASSKEY: Final = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
_INFO_HASH: Final = 20


class Unreadable(ValueError):
    """A file that is named cannot be read, or is not what it is named as; the text says why."""


def read_info_hashes(path: str) -> set[bytes]:
    """The info-hashes, 20 bytes each, of a list of them. Unreadable, ConfigError."""
    found: set[bytes] = set()
    for number, line in _lines(path):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            found.add(info_hash_bytes(text))
        except ValueError as error:
            raise ConfigError(f"{path}:{number}: {error}") from None
        if len(found) > MAX_LISTED:
            raise ConfigError(f"{path}:{number}: there are more than {MAX_LISTED}")
    return found


def read_passkeys(path: str) -> dict[bytes, str]:
    """Users' names by their passkeys. Unreadable, ConfigError; a passkey is in neither's text."""
    users: dict[bytes, str] = {}
    for number, line in _lines(path):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, name = _user(path, number, line)
        if key in users:
            raise ConfigError(f"{path}:{number}: this passkey is there twice")
        users[key] = name
        if len(users) > MAX_PASSKEYS:
            raise ConfigError(f"{path}:{number}: there are more than {MAX_PASSKEYS}")
    if not users:
        raise ConfigError(f"{path}:1: there is no passkey in it: nobody could be served")
    return users


def _user(path: str, number: int, line: str) -> tuple[bytes, str]:
    key, _, name = line.strip().partition(" ")
    name = name.strip()
    if not _PASSKEY.fullmatch(key):
        raise ConfigError(
            f"{path}:{number}: a passkey has 8 to 64 letters (a to z), digits, - and _;"
            " behind it come a space and a name"
        )
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise ConfigError(
            f"{path}:{number}: behind the passkey belong a space and the user's name, 1 to"
            f" {MAX_NAME} characters that can be shown"
        )
    return key.encode(), name


def read_torrent(path: str) -> tuple[bytes, ...]:
    """The info-hashes of a .torrent file: one, or those of both versions. Unreadable."""
    with _opened(path) as file:
        raw = file.read(MAX_TORRENT_FILE + 1)
    if len(raw) > MAX_TORRENT_FILE:
        raise Unreadable(f"is no .torrent file: larger than {MAX_TORRENT_FILE >> 20} MiB")
    try:
        return info_hashes(raw)
    except ValueError as error:
        raise Unreadable(f"is no .torrent file: {error}") from None


def info_hashes(raw: bytes) -> tuple[bytes, ...]:
    """Those of a torrent's metainfo, 20 bytes each: the SHA-1 of its info dict (BEP 3), or the
    beginning of the SHA-256 (BEP 52), or of a hybrid both. ValueError when it is none."""
    try:
        document, spans = decode_with_spans(raw)
    except BencodeError as error:
        raise ValueError(str(error)) from None
    info = document.get(b"info")
    if not isinstance(info, dict):
        raise ValueError("it has no info dict")
    data = memoryview(raw)[slice(*spans[b"info"])]
    found = [sha1(data).digest()] if isinstance(info.get(b"pieces"), bytes) else []
    if info.get(b"meta version") == 2:
        found.append(sha256(data).digest()[:_INFO_HASH])
    if not found:
        raise ValueError("its info dict has no pieces")
    return tuple(found)


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers."""
    with _opened(path) as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise ConfigError(f"{path}:{number}: a line of more than {MAX_LINE} bytes")
            try:
                yield number, line.decode()
            except UnicodeDecodeError:
                raise ConfigError(f"{path}:{number}: not UTF-8") from None


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("cannot be read: not a file")
            yield file
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Unreadable(f"cannot be read: {reason}") from None


def _open_at_once(path: str, flags: int) -> int:
    # Without O_NONBLOCK the open of a named pipe waits for a writer.
    return os.open(path, flags | os.O_NONBLOCK)
