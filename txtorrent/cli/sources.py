"""What `add` was given: files, folders of files, URLs, magnet links; made fit to be sent.

Files are read here and sent whole: the daemon may run as another user, or on another machine.
"""

import os
from base64 import b64encode
from collections.abc import Iterable
from typing import Final

from attrs import frozen

from txtorrent.cli.errors import Misused
from txtorrent.metainfo.torrentfile import MetainfoError, load

_URLS: Final = ("http://", "https://", "magnet:")


@frozen
class Source:
    """One torrent to add."""

    text: str
    """As the user named it."""
    params: dict[str, str]
    """Of torrent_add: `metainfo` or `filename`."""


def find(words: Iterable[str]) -> list[Source]:
    """What each word means; a folder means the .torrent files in it, not in those below.

    Misused when one is none, or cannot be read, before anything is sent.
    """
    return [source for word in words for source in _sources(word)]


def _sources(word: str) -> Iterable[Source]:
    if word.lower().startswith(_URLS):
        return [Source(word, {"filename": word})]
    if os.path.isdir(word):
        return [_read(path) for path in _torrent_files(word)]
    return [_read(word)]


def _torrent_files(folder: str) -> list[str]:
    found = sorted(
        entry.path
        for entry in os.scandir(folder)
        if entry.name.endswith(".torrent") and entry.is_file()
    )
    if not found:
        raise Misused(f"{folder}: no .torrent file is in there")
    return found


def _read(path: str) -> Source:
    try:
        metainfo = load(path)
    except MetainfoError as error:
        raise Misused(str(error)) from error
    return Source(path, {"metainfo": b64encode(metainfo.raw).decode()})
