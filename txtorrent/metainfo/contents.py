"""What a torrent is to be made of: a file, or the files of a folder, found in a fixed order.

The same files give the same list wherever they are: they are sorted by the bytes of their names,
a folder at a time. Symbolic links are left out and not followed, for nobody who seeds follows them.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import translate
from typing import Final

from attrs import frozen

from txtorrent.metainfo.errors import CreateError
from txtorrent.metainfo.filelist import MAX_FILES
from txtorrent.metainfo.safepath import MAX_DEPTH

_KINDS: Final = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


@frozen
class Found:
    """One file, as it was when it was found."""

    path: str
    """Absolute."""
    components: tuple[str, ...]
    """Where it is in the folder; empty of a file that is the whole content."""
    size: int
    """Bytes."""
    mtime_ns: int

    def is_as_found(self, now: os.stat_result) -> bool:
        """Whether nobody has written to it since."""
        return (
            stat.S_ISREG(now.st_mode)
            and now.st_size == self.size
            and now.st_mtime_ns == self.mtime_ns
        )

    def check(self) -> None:
        """CreateError, naming the file, unless it is as it was found. Blocks."""
        try:
            now = os.stat(self.path, follow_symlinks=False)
        except OSError as error:
            raise unreadable(self.path, error) from error
        if not self.is_as_found(now):
            raise changed(self.path)


@frozen
class Contents:
    """A file or a folder, of which a torrent can be made."""

    path: str
    """Absolute, and without symbolic links."""
    is_folder: bool
    files: tuple[Found, ...]
    """At least one, in the order of the torrent."""
    links: tuple[str, ...] = ()
    """Symbolic links that were left out; relative to the folder."""
    hidden: int = 0
    """Hidden files and folders that were left out."""

    @property
    def name(self) -> str:
        """As it is called on disk."""
        return os.path.basename(self.path)

    @property
    def folder(self) -> str:
        """The folder that it is in."""
        return os.path.dirname(self.path)


def unreadable(path: str, error: OSError) -> CreateError:
    """The disk, or a permission."""
    return CreateError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}")


def changed(path: str) -> CreateError:
    """Somebody writes to the file."""
    return CreateError(
        f"{path}: changed while the torrent was made: try again when nothing writes to it"
    )


def find_contents(
    path: str, *, exclude: Sequence[str] = (), hidden: bool = False, output: str | None = None
) -> Contents:
    """The file or folder at `path`. Blocks: it reads the disk.

    Of a folder, what one of the patterns `exclude` fits is left out, with all beneath it: they are
    compared with the name and with the path in the folder. Hidden is what begins with a dot.
    `output`, the .torrent that is to be made, is not part of the content. CreateError when there is
    nothing to share, or something that cannot be.
    """
    if os.path.islink(path.rstrip("/")):
        raise CreateError(
            f"{path}: a symbolic link, which is not followed when the torrent is seeded: name"
            f" what it leads to, {os.path.realpath(path)}"
        )
    root = os.path.realpath(path)
    own = None if output is None else _real_place(output)
    try:
        found = os.stat(root)
        if stat.S_ISDIR(found.st_mode):
            return _Search(root, exclude, hidden, own).contents()
    except OSError as error:
        raise unreadable(path, error) from error
    if own == root:
        raise CreateError(f"{path}: the torrent would take its place: choose another output")
    _check_kind(path, found)
    return Contents(root, False, (_found(root, (), found),))


def _real_place(path: str) -> str:
    """Where a file of that path is made; should a link be there, it is replaced."""
    folder, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(folder), name)


def _check_kind(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "no file")
        raise CreateError(f"{path}: {kind}, which cannot be shared: exclude it")


def _found(path: str, components: tuple[str, ...], found: os.stat_result) -> Found:
    # Said now, and not after an hour of hashing.
    if not os.access(path, os.R_OK):
        raise CreateError(f"{path}: may not be read: permission denied")
    return Found(path, components, found.st_size, found.st_mtime_ns)


class _Search:
    """One walk through a folder."""

    def __init__(self, root: str, exclude: Iterable[str], hidden: bool, own: str | None) -> None:
        self._root = root
        self._excluded = [re.compile(translate(each.rstrip("/"))).match for each in exclude]
        self._takes_hidden = hidden
        self._own = own
        self._files: list[Found] = []
        self._links: list[str] = []
        self._hidden = 0

    def contents(self) -> Contents:
        self._visit(self._root, ())
        if not self._files:
            raise CreateError(f"{self._root}: {self._nothing()}")
        self._files.sort(key=lambda file: [os.fsencode(each) for each in file.components])
        return Contents(
            self._root, True, tuple(self._files), tuple(sorted(self._links)), self._hidden
        )

    def _nothing(self) -> str:
        if self._hidden:
            return "only hidden files are in there"
        return "no file is in there" if not self._excluded else "no file in there is left over"

    def _visit(self, folder: str, above: tuple[str, ...]) -> None:
        for entry in self._entries(folder):
            components = (*above, entry.name)
            if self._is_left_out(entry, components):
                continue
            if len(components) >= MAX_DEPTH:
                raise CreateError(
                    f"{entry.path}: more than {MAX_DEPTH} folders deep: exclude it or move it up"
                )
            if entry.is_dir(follow_symlinks=False):
                self._visit(entry.path, components)
                continue
            found = entry.stat(follow_symlinks=False)
            _check_kind(entry.path, found)
            self._files.append(_found(entry.path, components, found))
            if len(self._files) > MAX_FILES:
                raise CreateError(
                    f"{self._root}: more than {MAX_FILES:,} files: exclude some, or pack them"
                )

    def _entries(self, folder: str) -> Iterator["os.DirEntry[str]"]:
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError as error:
            raise unreadable(folder, error) from error
        yield from listed

    def _is_left_out(self, entry: "os.DirEntry[str]", components: tuple[str, ...]) -> bool:
        path = "/".join(components)
        if entry.path == self._own or any(m(path) or m(entry.name) for m in self._excluded):
            return True
        if entry.name.startswith(".") and not self._takes_hidden:
            self._hidden += 1
            return True
        if entry.is_symlink():
            self._links.append(path)
            return True
        return False
