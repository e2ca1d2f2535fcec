"""File paths out of a stranger's hands, made safe: the same torrent always gets the same paths.

The governing rule: what comes out may be created beneath any directory without leaving it,
without surprising a terminal or a web page, and without two files meeting in one place, also on
a file system that ignores case or normalises Unicode. Names that were harmless stay as they are
so that data of other clients is found; the treatment of the others mostly follows libtorrent.
"""

import re
from collections.abc import Sequence
from typing import Final
from unicodedata import normalize

from txtorrent.metainfo.text import CONTROL, INVISIBLE

MAX_NAME: Final = 255
"""Bytes of UTF-8 in a component: what Linux's file systems take (NAME_MAX)."""
MAX_DEPTH: Final = 100
"""Components of a path: far beyond any real torrent's; bounds the folders made for one file."""
_MAX_EXTENSION: Final = 16
"""Bytes of an extension that survives when a long name is cut, its dot included."""
_COUNTER_ROOM: Final = 8
"""Bytes kept free for ".1234567" when a name is given a number."""

# Separators of any system, NUL and what cannot be seen are left out; what could still be read
# as a name once shown is replaced.
_LEFT_OUT = re.compile(rf"[/\\\x00{INVISIBLE}]")
_REPLACED = re.compile(f"[{CONTROL}\ufffd]")
_PLAIN = re.compile(r"[A-Za-z0-9 _\-\[\]()',+&!#=@]+(?:\.[A-Za-z0-9 _\-\[\]()',+&!#=@]+)*")


def safe_component(name: str, nameless: str = "_") -> str:
    """One path component made of `name`: not empty, "." or "..", no separator, no control or
    invisible character, at most MAX_NAME bytes. `nameless` stands in when nothing is left."""
    if len(name) <= MAX_NAME and _PLAIN.fullmatch(name):
        return name
    safe = _fit(_REPLACED.sub("_", _LEFT_OUT.sub("", name)), MAX_NAME)
    return nameless if safe in ("", ".", "..") else safe


def _split_extension(name: str) -> tuple[str, str]:
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) >= _MAX_EXTENSION:
        return name, ""
    return stem, dot + extension


def _cut(text: str, room: int) -> str:
    """As many whole characters as fit into `room` bytes of UTF-8."""
    encoded = text.encode()
    return text if len(encoded) <= room else encoded[:room].decode("utf-8", "ignore")


def _fit(name: str, room: int) -> str:
    if len(name) * 4 <= room:
        return name
    if len(name.encode()) <= room:
        return name
    stem, extension = _split_extension(name)
    return _cut(stem, room - len(extension.encode())) + extension


def fold(component: str) -> str:
    """What two components have in common when a file system may take them for the same."""
    if component.isascii():
        return component.lower()
    return normalize("NFD", normalize("NFD", component).casefold())


class _Tree:
    """The places of a torrent's files and folders, names folded.

    A folder is a number, so that a deep path costs one entry a component and not a copy of
    everything above it. The root is 0.
    """

    def __init__(self) -> None:
        self._folders: dict[tuple[int, str], int] = {}
        self._named: set[tuple[int, str]] = set()
        self._taken: set[tuple[int, str]] = set()
        self._counters: dict[tuple[int, str, str], int] = {}

    def parent_of(self, path: Sequence[str]) -> int:
        """The folder that holds `path`, made with all those above it."""
        folder = 0
        for component in path[:-1]:
            place = folder, fold(component)
            folder = self._folders.setdefault(place, len(self._folders) + 1)
        return folder

    def name(self, folder: int, name: str) -> None:
        """Note that the torrent itself calls a file so: no other is renamed to it."""
        self._named.add((folder, fold(name)))

    def take(self, folder: int, name: str) -> str:
        """A name for the next file in `folder`: its own, or the first free "name.1.ext"."""
        place = folder, fold(name)
        if place in self._taken or place in self._folders:
            name, place = self._renamed(folder, name)
        self._taken.add(place)
        return name

    def _renamed(self, folder: int, name: str) -> tuple[str, tuple[int, str]]:
        stem, extension = _split_extension(name)
        stem = _cut(stem, MAX_NAME - _COUNTER_ROOM - len(extension.encode()))
        # Going on from where the last file of this name got to keeps many equal names linear.
        key = folder, fold(stem), fold(extension)
        number = self._counters.get(key, 0)
        while True:
            number += 1
            candidate = f"{stem}.{number}{extension}"
            place = folder, fold(candidate)
            if not (place in self._taken or place in self._named or place in self._folders):
                self._counters[key] = number
                return candidate, place


def unique_paths(paths: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The same paths, of files in the order of the torrent, without two that could collide.

    A file is renamed when its path, case and Unicode form aside, is that of an earlier file or
    of a folder. Folders keep their names. Every path has a component and all are safe.
    """
    tree = _Tree()
    folders = [tree.parent_of(path) for path in paths]
    for path, folder in zip(paths, folders, strict=True):
        tree.name(folder, path[-1])
    unique = []
    for path, folder in zip(paths, folders, strict=True):
        name = tree.take(folder, path[-1])
        unique.append(path if name is path[-1] else (*path[:-1], name))
    return unique
