"""Files and folders of a torrent under other names than its metainfo has.

What is kept is a mapping from paths as the metainfo has them, joined by slashes, to the names that
their last components have now: of a file or a folder, however often it was renamed, one entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve

from txtorrent.metainfo.files import File
from txtorrent.metainfo.safepath import fold, safe_component

Path = tuple[str, ...]
Renames = Mapping[str, str]


class RenameError(ValueError):
    """It cannot be renamed so, for the reason in the message.  Nothing was changed."""


class NameTakenError(RenameError):
    """The torrent has another file or folder there."""


def apply_renames(files: Sequence[File], renames: Renames) -> Sequence[File]:
    """The metainfo's `files` with the paths that they have now."""
    if not renames:
        return files
    now: dict[Path, Path] = {(): ()}  # folders
    return tuple(
        file if file.pad else evolve(file, path=_current(file.path, renames, now)) for file in files
    )


def add_rename(
    files: Sequence[File], renames: Renames, path: str, name: str
) -> tuple[dict[str, str], Path, Path]:
    """`renames` once the file or folder that is at `path` now is called `name`.

    `files` are the metainfo's. Also the paths of it before and after, to be renamed on disk.
    RenameError: there is none at `path`, or `name` cannot be one. NameTakenError.
    """
    _require_name(name)
    old = tuple(path.split("/"))
    new = (*old[:-1], name)
    original = _find(files, renames, old, new)
    after = dict(renames)
    if original[-1] == name:
        after.pop("/".join(original), None)
    else:
        after["/".join(original)] = name
    return after, old, new


def _require_name(name: str) -> None:
    if name in ("", ".", ".."):
        raise RenameError(f"{name!r} cannot be the name of a file")
    if safe_component(name) != name:
        raise RenameError(
            f"{name!r} cannot be the name of a file: it has characters that are not fit for one,"
            " or is too long"
        )


def _find(files: Sequence[File], renames: Renames, old: Path, new: Path) -> Path:
    """The path in the metainfo of what is at `old` now, `new` being free."""
    depth, wanted = len(old), fold(new[-1])
    found: Path | None = None
    for file, now in zip(files, apply_renames(files, renames), strict=True):
        if file.pad or len(now.path) < depth or now.path[: depth - 1] != old[:-1]:
            continue
        if now.path[depth - 1] == old[-1]:
            found = file.path[:depth]
        elif fold(now.path[depth - 1]) == wanted:
            taken = "/".join(new)
            raise NameTakenError(f"{taken} is taken: the torrent has a file or folder there")
    if found is None:
        raise RenameError(f"the torrent has no file or folder {'/'.join(old)!r}")
    return found


def _current(path: Path, renames: Renames, folders: dict[Path, Path]) -> Path:
    parent = folders.get(path[:-1])
    if parent is None:
        parent = folders[path[:-1]] = _current(path[:-1], renames, folders)
    return (*parent, renames.get("/".join(path), path[-1]))
